"""The order in which wrangler applies the files of a folder.

Only names decide. A name here is what wrangler compares: the path below the migrations folder, with `/`
between its segments and with `.sql`.
"""

from __future__ import annotations

import re
from itertools import pairwise

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from d1migrate.sql.batch import T

EXACT = 2**53
"""Beyond it not every integer is a double, and wrangler compares doubles."""

Key = tuple[tuple[bool, float, str], ...]

# JavaScript's white space: unlike Python's, with U+FEFF and without control characters such as U+001C.
SPACE = "[\t\n\v\f\r \xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000\ufeff]*"
_NUMBER = SPACE + "([+-]?)0*([0-9]+)"  # compiled when first needed: most names begin with plain digits
_MAX_DIGITS = 309  # of a double
_EXACT_DIGITS = len(str(EXACT)) - 1  # of which every integer is a double


def number_of(name: str) -> int | None:
    """Return the number that wrangler orders a name by, or None.

    It is `parseInt(segment.split("_")[0], 10)` of the first segment: what follows the digits is ignored. The
    integer is exact; wrangler rounds it to a double.
    """
    head = _head(name)
    if head.isascii() and head.isdigit() and len(head) < _MAX_DIGITS:
        return int(head)
    match = re.match(_NUMBER, head)
    if match is None or len(match[2]) > _MAX_DIGITS:
        return None
    number = int(match[1] + match[2])
    return number if _double(number) is not None else None


def order_key(name: str) -> Key:
    """Return what sorts names as wrangler does.

    Segment by segment: by number, those without a number last; then by UTF-16 code units. A shorter path is
    first.
    """
    return tuple(map(_segment_key, name.split("/")))


def in_order(items: Iterable[T], name_of: Callable[[T], str]) -> list[T]:
    """Return items in the order in which wrangler sorts their names."""
    found = sorted(items, key=name_of)
    if is_plain(list(map(name_of, found))):  # in a fifth of the time
        return found
    return sorted(found, key=lambda item: order_key(name_of(item)))


def is_plain(names: Sequence[str]) -> bool:
    """Whether names begin with ascending plain numbers, as in most folders; then no order surprises."""
    heads = [_head(name) for name in names]
    if not all(head.isascii() and head.isdigit() and len(head) <= _EXACT_DIGITS for head in heads):
        return False
    return all(one < other for one, other in pairwise(map(int, heads)))


def code_units(text: str) -> str:
    """Return a text with a character for each UTF-16 code unit, as JavaScript compares and counts them."""
    if text.isascii():
        return text
    data = text.encode("utf-16-le", "surrogatepass")
    return "".join(chr(low | high << 8) for low, high in zip(data[::2], data[1::2], strict=True))


def _segment_key(segment: str) -> tuple[bool, float, str]:
    number = number_of(segment)
    double = None if number is None else _double(number)
    return double is None, double or 0.0, code_units(segment)


def _head(name: str) -> str:
    return name.partition("/")[0].partition("_")[0]


def _double(number: int) -> float | None:
    try:
        return float(number)
    except OverflowError:
        return None
