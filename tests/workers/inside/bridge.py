"""The driver of the binding, batch by batch: the suite that every driver passes asks from outside."""

from __future__ import annotations

from typing import Any

from d1migrate.drivers.binding import BindingDriver
from d1migrate.sql.batch import Batch, Query


async def batch(db: Any, queries: list[tuple[str, list[Any]]], reads: bool, last_rows: bool) -> list[Any]:
    """Run one batch; (rows, rows read, rows written) of every Result."""
    asked = Batch([Query(sql, tuple(params)) for sql, params in queries], reads=reads, last_rows=last_rows)
    results = await BindingDriver(db).batch(asked)
    # JSON would hide what is not plain: it writes JavaScript's null as its own.
    found = {type(value) for result in results for row in result.rows for value in row}
    if strange := found - {str, int, float, bytes, type(None)}:
        raise AssertionError(f"not a Value: {strange}")
    return [tuple(result) for result in results]
