"""Runs one case of the table, `cases.json`, step by step, on D1 or in an object; see tests/workers/play.py."""

from __future__ import annotations

import asyncio
from types import ModuleType
from typing import TYPE_CHECKING, Any

from flows import driver, migrate  # type: ignore[import-not-found]
from pyodide_inside import _described  # type: ignore[import-not-found]

from d1migrate.sql.batch import Batch, Query
from d1migrate.workers import get_current, get_current_version, get_pending

if TYPE_CHECKING:
    from collections.abc import Awaitable, Mapping, Sequence

    from d1migrate.migrate.table import Shape

    Files = Sequence[tuple[str, str]]


async def prepare(given: Any, steps: Sequence[str | Files], table: Shape, named: str | None) -> None:
    """Do what came before: run SQL past d1migrate, or apply files."""
    for step in steps:
        if isinstance(step, str):
            await sql(given, [step])
        else:
            await migrate(_database(given), index(step, table), table=named)


async def run(
    given: Any,
    files: Files,
    table: Shape,
    named: str | None,
    options: Mapping[str, Any],
    times: int,
    instead: str | None,
) -> list[dict[str, object]]:
    """Apply the files, `times` calls at once; what became of each."""
    database = _database(given) if instead is None else _instead(given, instead)
    calls = (migrate(database, index(files, table), table=named, **options) for _ in range(times))
    return await asyncio.gather(*map(_outcome, calls))


async def look(given: Any, files: Files, table: Shape, named: str | None) -> list[dict[str, object]]:
    """What each function that reads says."""
    database = _database(given)
    calls: list[Awaitable[object]] = [
        get_current(database, table=named),
        get_current_version(database, table=named),
        get_pending(database, index(files, table), table=named),
    ]
    return [await _outcome(call) for call in calls]


async def sql(given: Any, statements: Sequence[str]) -> list[Sequence[tuple[Any, ...]]]:
    """Run statements past d1migrate: the rows of each."""
    queries = [Query(statement) for statement in statements]
    return [result.rows for result in await driver(_database(given)).batch(Batch(queries, reads=True))]


def index(files: Files, table: Shape) -> ModuleType:
    """Return the index of files."""
    module = ModuleType("migrations_index")
    module.__dict__.update(MIGRATIONS=tuple(map(tuple, files)), TABLE=table)
    return module


def _database(given: Any) -> Any:
    """Return the binding, or the storage of an object's `ctx`."""
    return given.storage if hasattr(given, "storage") else given


def _instead(given: Any, what: str) -> Any:
    """Return what a mistaken caller passes; with "env", `given` is that."""
    return {
        "env": given,
        "undefined": None,
        "promise": asyncio.get_running_loop().create_future(),
        "text": "DB",
    }[what]


async def _outcome(call: Awaitable[object]) -> dict[str, object]:
    try:
        return {"result": await call}
    except Exception as error:
        return {"error": _described(error)}
