"""Lines for people, wrapped at the width of a terminal; what may be pasted, `code` and times, stays whole."""

from __future__ import annotations

import re

HELD = "\u00a0"
"""Stands for a space at which no line ends."""
_COLOR = re.compile(r"\x1b\[\d+m")
_WHOLE = re.compile(r"`[^`]*`|\d{4}-\d\d-\d\d \d\d:\d\d:\d\d [+-]\d{4}")


def wrap(line: str, width: int) -> str:
    """Return a line as lines of a width, those after the first indented.

    Indented lines are not wrapped: a line of SQL, and the caret below it.

    Args:
        line: the line.
        width: in columns.
    """
    if _shown(line) <= width or line.startswith((" ", "\t")):
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
    lines = [""]
    for word in re.findall(" *[^ ]+", hold(text)):
        if lines[-1] and _shown(lines[-1] + word) > width:
            lines.append(indent + word.lstrip(" "))
        else:
            lines[-1] += word
    return [line.replace(HELD, " ") for line in lines]


def _shown(line: str) -> int:
    """Return how many columns a line takes; its colors take none."""
    return len(_COLOR.sub("", line))
