"""Runs in Python inside workerd: the times of the parts of a Worker's start and of its requests, in ms."""

from __future__ import annotations

import time
from types import ModuleType
from typing import Any


async def migrate(db: Any, files: list[tuple[str, str]]) -> None:
    """Apply the files."""
    from d1migrate.workers import run_migrations

    await run_migrations(db, _index(files), max_queries=1000)


async def migrate_object(ctx: Any, files: list[tuple[str, str]]) -> None:
    """Apply the files in a Durable Object, whose limits are those of one event."""
    from d1migrate.errors import Unfinished
    from d1migrate.workers import run_migrations

    for _ in files:
        try:
            await run_migrations(ctx.storage, _index(files))
        except Unfinished:
            continue
        return


async def start(db: Any, files: list[tuple[str, str]]) -> tuple[float, float]:
    """In an isolate that has not imported the library: import it, then call it once with nothing to do."""
    began = time.perf_counter()
    from d1migrate.workers import run_migrations

    imported = time.perf_counter()
    report = await run_migrations(db, _index(files))
    called = time.perf_counter()
    if report.results:
        raise RuntimeError("there was something to do")
    return (imported - began) * 1000, (called - imported) * 1000


async def nothing_to_do(db: Any, files: list[tuple[str, str]], rounds: int) -> dict[str, float]:
    """Apply the files, then call `run_migrations` again and again, on D1 and on a free binding."""
    from d1migrate.migrate.source import load
    from d1migrate.workers import run_migrations

    index = _index(files)
    began = time.perf_counter()
    await run_migrations(db, index, max_queries=1000)
    applied = time.perf_counter()
    for _ in range(rounds):
        await run_migrations(db, index)
    called = time.perf_counter()
    for _ in range(rounds):
        await db.prepare("SELECT 1 AS one").all()
    asked = time.perf_counter()
    state = "\n".join(f"{one.version} {one.checksum} {one.digest}" for one in load(index.MIGRATIONS))
    free = _Free({"applied": state, "partial": 0})
    python = time.perf_counter()
    for _ in range(rounds):
        await run_migrations(free, index)
    return {
        "apply": (applied - began) * 1000,
        "call": (called - applied) * 1000 / rounds,
        "query": (asked - called) * 1000 / rounds,
        "python": (time.perf_counter() - python) * 1000 / rounds,
    }


def _index(files: list[tuple[str, str]]) -> ModuleType:
    """The module that `d1migrate index` would write."""
    index = ModuleType("migrations_index")
    index.TABLE, index.MIGRATIONS = "versions", tuple(map(tuple, files))
    return index


class _Free:
    """A binding that answers at once, in the form of the Workers SDK."""

    def __init__(self, row: dict[str, object]) -> None:
        self._row = row

    def prepare(self, _: str) -> _Free:
        return self

    async def batch(self, _: list[_Free]) -> list[dict[str, object]]:
        return [{"results": [self._row], "meta": {}}]
