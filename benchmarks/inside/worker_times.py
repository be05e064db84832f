"""Runs in Python inside workerd: the times of the parts of a Worker's start and of its requests, in ms."""

from __future__ import annotations

import time
from typing import Any


async def start(_: Any) -> float:
    """Import the library in an isolate that has not imported it."""
    began = time.perf_counter()
    import d1migrate.workers  # noqa: F401

    return (time.perf_counter() - began) * 1000


async def nothing_to_do(db: Any, files: list[tuple[str, str]], rounds: int) -> dict[str, float]:
    """Apply the files, then call `run_migrations` again and again, on D1 and on a free binding."""
    from d1migrate.migrate.source import load
    from d1migrate.workers import run_migrations

    pairs = tuple(map(tuple, files))
    began = time.perf_counter()
    await run_migrations(db, pairs, max_queries=1000)
    applied = time.perf_counter()
    for _ in range(rounds):
        await run_migrations(db, pairs)
    called = time.perf_counter()
    for _ in range(rounds):
        await db.prepare("SELECT 1 AS one").all()
    asked = time.perf_counter()
    state = "\n".join(f"{migration.version} {migration.checksum}" for migration in load(pairs))
    free = _Free({"applied": state, "partial": 0})
    python = time.perf_counter()
    for _ in range(rounds):
        await run_migrations(free, pairs)
    return {
        "apply": (applied - began) * 1000,
        "call": (called - applied) * 1000 / rounds,
        "query": (asked - called) * 1000 / rounds,
        "python": (time.perf_counter() - python) * 1000 / rounds,
    }


class _Free:
    """A binding that answers at once, in the form of the Workers SDK."""

    def __init__(self, row: dict[str, object]) -> None:
        self._row = row

    def prepare(self, _: str) -> _Free:
        return self

    async def batch(self, _: list[_Free]) -> list[dict[str, object]]:
        return [{"results": [self._row], "meta": {}}]
