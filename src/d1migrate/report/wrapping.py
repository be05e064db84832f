"""Lines for people, wrapped at the width of a terminal; what may be pasted, `code` and times, stays whole."""

from __future__ import annotations

import re
import textwrap

HELD = "\u00a0"
"""Stands for a space at which no line ends."""
_WHOLE = re.compile(r"`[^`]*`|\d{4}-\d\d-\d\d \d\d:\d\d:\d\d [+-]\d{4}")


def wrap(line: str, width: int) -> str:
    """Return a line as lines of a width, those after the first indented.

    Indented lines are not wrapped: a line of SQL, and the caret below it. A color counts as if it took width,
    so a colored line may end a few columns early.

    Args:
        line: the line.
        width: in columns.
    """
    if len(line) <= width or line.startswith((" ", "\t")):
        return line
    return "\n".join(_lines(line, width, "  "))


def hang(text: str, start: str, indent: str, width: int | None) -> list[str]:
    """Return the lines of a text: the first after `start`, those that a terminal has no room for indented."""
    if width is None:
        return [start + text]
    first, *others = _lines(text, max(20, width - len(indent)), "")
    return [start + first, *(indent + line for line in others)]


def hold(text: str) -> str:
    """Return a text with HELD in what is not broken."""
    return _WHOLE.sub(lambda whole: whole[0].replace(" ", HELD), text)


def _lines(text: str, width: int, indent: str) -> list[str]:
    lines = textwrap.wrap(
        hold(text), width, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False
    )
    return [line.replace(HELD, " ") for line in lines]
