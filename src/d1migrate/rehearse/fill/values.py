"""Made-up values: what a column might hold in practice.

A value depends on the number of its row only. So the keys of a row are known before the row is inserted, in
whatever order tables are filled, and two runs make the same rows.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from zlib import crc32

from d1migrate.sql.affinity import affinity
from d1migrate.sql.batch import Value
from d1migrate.sql.names import fold

TYPE_CHECKING = False
if TYPE_CHECKING:
    from d1migrate.schema.model import Column

ValueFactory = Callable[[int], Value]
"""Gives a column's value in the row with a given number."""

_JSON = frozenset(("json", "payload", "meta", "metadata", "data", "config", "settings"))
# Values that break careless SQL: quotes, letters beyond ASCII, text that looks like SQL.
_TAILS = ("", "it's", "naïve", 'a "b"', "日本", "x; -- y")


def usual(table: str, column: Column, position: int) -> ValueFactory:
    """Return the factory of a column's values if no constraint asks for others; values differ by row.

    Columns further right hold later times and larger numbers, as `starts_at, ends_at` and `low, high` need.
    """
    kind, declared, name = affinity(column.type), column.type.upper(), fold(column.name)
    last = name.rpartition("_")[2]
    if kind in ("INTEGER", "NUMERIC") and (name.startswith(("is_", "has_")) or "BOOL" in declared):
        return _flag
    if kind == "BLOB" and declared:
        return lambda i: b"\x00\xff" + i.to_bytes(6, "big")
    if name.endswith(("_at", "_on")) or "DATE" in declared or "TIME" in declared:
        if kind in ("INTEGER", "REAL"):
            return lambda i: moment(i, position)
        form = "%Y-%m-%d" if declared == "DATE" else "%Y-%m-%d %H:%M:%S"
        return lambda i: clock(form, moment(i, position))
    if kind == "INTEGER":
        if column.primary_key:
            start = crc32(table.encode()) % 7 + 1
            return lambda i: start + spread(i)
        return lambda i: 10 * position + i + 1
    if kind == "REAL" or (kind == "NUMERIC" and declared.startswith(("DEC", "NUM", "MONEY"))):
        return lambda i: 10 * position + i + 0.25 * (1 + i % 3)
    if last in _JSON or "JSON" in declared:
        return lambda i: json.dumps({"id": i, "name": f"{name} {i}", "tags": ["a", "b"][: i % 3]})
    if name.endswith(("email", "email_address")):
        return lambda i: f"user{i}@example.com"
    if column.primary_key or last == "id":
        return lambda i: f"{table}-{i:04}"
    return lambda i: f"{column.name} {i} {_TAILS[i % len(_TAILS)]}".rstrip()


def spread(i: int) -> int:
    """Return numbers with gaps, so that a migration that numbers rows again does not get the same numbers."""
    return i + i // 3


def _flag(i: int) -> Value:
    return (i + i // 2) % 2


def moment(i: int, position: int) -> int:
    """Return epoch seconds: about a day later for each row, and later again for each column of a row."""
    return 1_700_000_000 + i * 90_061 + position * 129_600


def clock(form: str, seconds: int) -> str:
    """Return epoch seconds as text."""
    return time.strftime(form, time.gmtime(seconds))
