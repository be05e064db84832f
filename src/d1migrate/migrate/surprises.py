"""Where the order of wrangler is not what the names of files suggest."""

from __future__ import annotations

import re
from itertools import groupby, pairwise

from d1migrate.migrate.order import EXACT, SPACE, number_of
from d1migrate.named_tuple import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

_HEX = SPACE + "0[xX]([0-9a-fA-F]{1,16})(?![0-9a-zA-Z])"
_EXPONENT = SPACE + "([0-9]{1,16}[eE][0-9]{1,2})(?![0-9a-zA-Z])"
_GROUPS = SPACE + "([0-9]{1,16}(?:[^0-9_][0-9]{1,16})+)(?![0-9a-zA-Z])"
_DATE = "((?:19|20)[0-9]{2})([0-9]{2})([0-9]{2})([0-9]{6})?"
_SHOWN = 3


class Surprise(NamedTuple):
    """Names of which the order is not what they suggest, and why."""

    names: tuple[str, ...]
    why: str

    def __str__(self) -> str:
        shown = ", ".join(self.names[:_SHOWN])
        more = len(self.names) - _SHOWN
        return f"{shown} and {more} more {self.why}" if more > 0 else f"{shown} {self.why}"


def surprises(names: Sequence[str]) -> tuple[Surprise, ...]:
    """Return where wrangler's order surprises people.

    Args:
        names: those of a folder, in that order.
    """
    return tuple(found for siblings in _siblings(names) for found in _among(siblings))


def warning(found: Sequence[Surprise]) -> str:
    """Return one line about surprises, of which there is at least one."""
    shown = "; ".join(str(surprise) for surprise in found[:_SHOWN])
    more = f"; and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
    return f"wrangler's order may surprise: {shown}{more}"


def _siblings(names: Iterable[str]) -> Iterator[list[str]]:
    """Yield the paths that wrangler compares with one another: for each folder what is in it."""
    folders: dict[str, dict[str, None]] = {}
    for name in names:
        folder = ""
        for segment in name.split("/"):
            path = folder + segment
            folders.setdefault(folder, {})[path] = None
            folder = f"{path}/"
    yield from map(list, folders.values())


def _among(paths: Sequence[str]) -> Iterator[Surprise]:
    """Yield the surprises among the paths of one folder, which are in order."""
    numbers = {path: number for path in paths if (number := number_of(_last(path))) is not None}
    for _, group in groupby(numbers, lambda path: (numbers[path], _reading(path))):
        tie = list(group)
        if len(tie) > 1:
            yield _surprise(tie, f"in this order, as each has number {numbers[tie[0]]}")
    if found := [path for path in numbers if numbers[path] < 0]:
        yield _surprise(found, "first, as the number is negative")
    if found := _cut(list(numbers)):
        yield _surprise(found, "by the first digits alone")
    if found := [path for path in numbers if abs(numbers[path]) > EXACT]:
        yield _surprise(found, "by a rounded number, as it is above 2^53")
    if numbers and (found := [path for path in paths if path not in numbers]):
        yield _surprise(found, "last, without a number")


def _surprise(paths: Iterable[str], why: str) -> Surprise:
    return Surprise(tuple(path.removesuffix(".sql") for path in paths), why)


def _cut(paths: Sequence[str]) -> list[str]:
    """Return the paths that are out of order because wrangler does not read all their digits."""
    found: dict[str, None] = {}
    for one, other in pairwise(paths):
        if _reading(one) > _reading(other):
            found |= dict.fromkeys(path for path in (one, other) if _uncut(path))
    return list(found)


def _reading(path: str) -> tuple[int, ...]:
    """Return the number of a path as people read it: the parts of a date one by one."""
    if parts := _uncut(path):
        return parts
    number = number_of(_last(path)) or 0
    date = re.fullmatch(_DATE, str(number))
    return tuple(int(part) for part in date.groups("0")) if date else (number,)


def _uncut(path: str) -> tuple[int, ...]:
    """Return what people read in digits of which wrangler reads only the first; nothing if it reads all."""
    head = _last(path).partition("_")[0]
    if match := re.match(_HEX, head):
        return (int(match[1], 16),)
    if match := re.match(_EXPONENT, head):
        return (int(float(match[1])),)
    match = re.match(_GROUPS, head)
    return tuple(int(part) for part in re.findall("[0-9]+", match[1])) if match else ()


def _last(path: str) -> str:
    return path.rpartition("/")[2]
