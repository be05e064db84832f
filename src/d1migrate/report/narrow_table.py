"""Tables that are wider than the terminal: values are wrapped, or each row becomes a paragraph."""

from __future__ import annotations

import re
from itertools import zip_longest

from d1migrate.report.text import clean_line
from d1migrate.report.wrapping import HELD, hold

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from d1migrate.report.text import Paint, Rows

_LEAST = 8  # columns of a value that has to be broken anywhere
_WORDS, _NAME = re.compile("[^ ]+| +"), re.compile("[^_/]*[_/]+|[^_/]+")


def narrowed(grid: Rows, widths: Sequence[int], room: int) -> tuple[list[int], list[list[Sequence[str]]]]:
    """Wrap the values of a table; the widest column first.

    Args:
        grid: the rows, with the headers first.
        widths: the widths of the columns.
        room: for all columns together, without the blanks between them.

    Returns:
        The new widths, and for each row its lines.
    """
    longest = [max(map(_longest, column), key=len) for column in zip(*grid, strict=True)]
    whole = list(map(len, longest))
    broken = [len(piece) if HELD in piece else min(_LEAST, len(piece)) for piece in longest]
    found, excess = list(widths), sum(widths) - room
    for least in (whole, broken):
        while excess > 0 and (wider := [i for i, size in enumerate(found) if size > least[i]]):
            found[max(wider, key=found.__getitem__)] -= 1
            excess -= 1
    cells = [[_wrapped(cell, size) for cell, size in zip(row, found, strict=True)] for row in grid]
    needed = [max(len(line) for cell in column for line in cell) for column in zip(*cells, strict=True)]
    return needed, [list(zip_longest(*row, fillvalue="")) for row in cells]


def _longest(text: str) -> str:
    return max(_pieces(text), key=len)


def _pieces(text: str) -> list[str]:
    """Return the parts that a value is broken between: words, or those of a name, after `_` and `/`."""
    held = hold(text)
    return (_WORDS if " " in held else _NAME).findall(held) or [""]


def _wrapped(text: str, width: int) -> list[str]:
    """Return a value as lines of a width."""
    lines = [""]
    for piece in _pieces(text):
        if len(lines[-1]) + len(piece.rstrip(" ")) > width:
            lines.append("")
        if lines[-1] or not piece.isspace():
            lines[-1] += piece
        while len(lines[-1].rstrip(" ")) > width:
            lines[-1:] = [lines[-1][:width], lines[-1][width:]]
    return [line.rstrip(" ").replace(HELD, " ") for line in lines if line] or [""]


def paragraphs(headers: Sequence[str], rows: Rows, *, width: int, paint: Paint) -> Iterator[str]:
    """Yield a paragraph for each row: its first value, which is not broken; the others after their header."""
    indent = max(map(len, headers[1:])) + 4
    for place, (first, *others) in enumerate(rows):
        if place:
            yield ""
        yield paint(clean_line(first), "bold")
        for header, value in zip(headers[1:], others, strict=True):
            if value:
                start, *more = _wrapped(clean_line(value), max(_LEAST, width - indent))
                yield f"{paint(f'  {header}'.ljust(indent), 'dim')}{start}"
                yield from (" " * indent + line for line in more)
