"""drizzle's `--> statement-breakpoint`, at which its own migrator cuts a file into statements.

The cut is one of text, also inside comments. Each part is sent as it is, and drivers refuse a part that has
no statement or more than one.
"""

from __future__ import annotations

import re

from d1migrate.sql.split import split

_BREAKPOINT = "--> statement-breakpoint"
_LINE = re.compile(rf"{_BREAKPOINT}[ \t]*(?:\r?\n)?")


def with_breakpoints(text: str) -> str:
    """Return a file with one breakpoint between every two statements and no other, if it has any."""
    if _BREAKPOINT not in text:
        return text
    found: list[str] = []
    for piece in split(text):
        before, statement = piece.text[: piece.body], piece.text[piece.body :]
        kept, mark, rest = before.partition(_BREAKPOINT)
        if not found or not piece.sql:
            before = _LINE.sub("", before)
        elif mark:
            before = kept + mark + _LINE.sub("", rest)
        else:
            same_line = not before.lstrip(" \t").startswith(("\n", "\r\n"))
            before = _BREAKPOINT + "\n" * same_line + before
        found += [before, statement]
    return "".join(found)
