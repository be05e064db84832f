"""Made-up values: what a column might hold in life.

A value is a function of the row's number alone, a *maker*: so the keys of a row are known before it is
there, whatever order tables are filled in, and two runs make the same rows.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import TYPE_CHECKING
from zlib import crc32

from d1migrate.sql.affinity import affinity
from d1migrate.sql.batch import Value
from d1migrate.sql.names import fold

if TYPE_CHECKING:
    from d1migrate.schema.model import Column

ValueFactory = Callable[[int], Value]

_JSON = frozenset(("json", "payload", "meta", "metadata", "data", "config", "settings"))
# What careless SQL stumbles over: quotes, letters beyond ASCII, what looks like SQL.
_TAILS = ("", "it's", "naïve", 'a "b"', "日本", "x; -- y")


def usual(table: str, column: Column, position: int) -> ValueFactory:
    """Return what makes a column's values where no rule says otherwise; text and numbers differ by row.

    Columns further right hold later times and larger numbers, as `starts_at, ends_at` and `low, high` want.
    """
    kind, declared, name = affinity(column.type), column.type.upper(), fold(column.name)
    last = name.rpartition("_")[2]
    if kind in ("INTEGER", "NUMERIC") and (name.startswith(("is_", "has_")) or "BOOL" in declared):
        return _flag
    if kind == "BLOB" and declared:
        return lambda q: b"\x00\xff" + q.to_bytes(6, "big")
    if name.endswith(("_at", "_on")) or "DATE" in declared or "TIME" in declared:
        if kind in ("INTEGER", "REAL"):
            return lambda q: moment(q, position)
        form = "%Y-%m-%d" if declared == "DATE" else "%Y-%m-%d %H:%M:%S"
        return lambda q: clock(form, moment(q, position))
    if kind == "INTEGER":
        if column.primary_key:
            start = crc32(table.encode()) % 7 + 1
            return lambda q: start + spread(q)
        return lambda q: 10 * position + q + 1
    if kind == "REAL" or (kind == "NUMERIC" and declared.startswith(("DEC", "NUM", "MONEY"))):
        return lambda q: 10 * position + q + 0.25 * (1 + q % 3)
    if last in _JSON or "JSON" in declared:
        return lambda q: json.dumps({"id": q, "name": f"{name} {q}", "tags": ["a", "b"][: q % 3]})
    if name.endswith(("email", "email_address")):
        return lambda q: f"user{q}@example.com"
    if column.primary_key or last == "id":
        return lambda q: f"{table}-{q:04}"
    return lambda q: f"{column.name} {q} {_TAILS[q % len(_TAILS)]}".rstrip()


def spread(q: int) -> int:
    """Return numbers with gaps, so that a migration which counts rows anew does not find the same ones."""
    return q + q // 3


def _flag(q: int) -> Value:
    return (q + q // 2) % 2


def moment(q: int, position: int) -> int:
    """Return epoch seconds a day and some from row to row, and from column to column of a row."""
    return 1_700_000_000 + q * 90_061 + position * 129_600


def clock(form: str, seconds: int) -> str:
    """Return epoch seconds as text."""
    return time.strftime(form, time.gmtime(seconds))
