"""Lines for people, wrapped at the width of a terminal."""

from __future__ import annotations

import re
import textwrap

_CODE = re.compile("`[^`]*`")
_HELD = "\u00a0"  # stands for a blank that must not be wrapped at


def wrap(line: str, width: int) -> str:
    """Return a line as lines of a width, those after the first indented.

    Not wrapped are `code`, which must stay one line to be pasted, and indented lines: a line of SQL, and the
    caret below it. A color counts as if it took width, so a colored line may end a few columns early.

    Args:
        line: the line.
        width: in columns.
    """
    if len(line) <= width or line.startswith((" ", "\t")):
        return line
    held = _CODE.sub(lambda code: code[0].replace(" ", _HELD), line)
    lines = textwrap.wrap(held, width, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False)
    return "\n".join(lines).replace(_HELD, " ")
