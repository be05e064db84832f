"""The driver of the binding, batch by batch: the suite that every driver passes asks from outside."""

from __future__ import annotations

from typing import Any

from d1migrate.batch import Batch, Query
from d1migrate.drivers.binding import BindingDriver


async def batch(db: Any, queries: list[tuple[str, list[Any]]], reads: bool) -> list[Any]:
    """Run one batch; (rows, rows read, rows written) of every Result."""
    asked = Batch([Query(sql, tuple(params)) for sql, params in queries], reads=reads)
    return [tuple(result) for result in await BindingDriver(db).batch(asked)]
