"""`migrate_one_async` on a tenant's D1, checked where it runs. Each function gets an empty database."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flows import index, migrate, raised, read  # type: ignore[import-not-found]
from sql_files import DELICATE, MANY, THREE  # type: ignore[import-not-found]

from d1migrate import errors
from d1migrate.fleet import FleetPlan, migrate_one_async
from d1migrate.migrate.source import load
from d1migrate.workers import get_history

if TYPE_CHECKING:
    from d1migrate.migrate.table import Shape

TABLES: dict[Shape, str] = {"versions": "schema_migrations", "names": "d1_migrations"}


def planned(table: Shape, files: Any = THREE, **options: Any) -> FleetPlan:
    """The plan of files."""
    return FleetPlan(load(files), table=TABLES[table], **options)


async def one_request(db: Any, table: Shape) -> None:
    """From nothing, from the expected state, and with nothing to do."""
    outcome = await migrate_one_async(db, planned(table, THREE[:2], create=True))
    assert (outcome.applied, outcome.created) == (("001_notes", "002_first_note"), True), outcome
    plan = planned(table)
    behind = await migrate_one_async(db, plan)
    assert behind[:3] == (("003_tags",), "003_tags", 2), behind
    assert (await migrate_one_async(db, plan))[:3] == ((), "003_tags", 1)
    assert await read(db, "SELECT text FROM notes") == [("first",)]
    assert [(e.version, e.action, e.by, e.done) for e in await get_history(db)] == [
        (n, "up", "worker", True) for n in (1, 2, 3)
    ]


async def delicate(db: Any, table: Shape) -> None:
    """Text that JavaScript, JSON or a splitter could damage."""
    plan = planned(table, (*DELICATE, ('002_it\'s "é" 表.sql', "SELECT 1;\n"), *MANY[2:40]), create=True)
    assert len((await migrate_one_async(db, plan)).applied) == 40
    assert (await migrate_one_async(db, plan))[:2] == ((), "040_table_40")
    assert await read(db, 'SELECT "größe", "a\'b" FROM "naïve 表" WHERE data IS NOT NULL') != []


async def refused(db: Any, table: Shape) -> None:
    """Errors are those of the table; a storage is no binding, and there are no restore points."""
    await raised(migrate_one_async(db, planned(table)), errors.HistoryError)
    await raised(migrate_one_async(object(), planned(table)), errors.UsageError)
    await raised(migrate_one_async(db, planned(table), restore_point=True), errors.UsageError)
    await raised(migrate_one_async(db, planned(table), inspect=True), errors.UsageError)
    files = (*THREE[:2], ("003_bad.sql", "INSERT INTO nowhere VALUES (1);\n"))
    await migrate_one_async(db, planned(table, THREE[:1], create=True))
    error = await raised(migrate_one_async(db, planned(table, files)), errors.ApplyError)
    assert (error.migration, error.applied) == ("003_bad", ("002_first_note",)), error


async def lost_answers(db: Any, table: Shape) -> None:
    """The faults lose every answer of a writing batch; each migration is applied once."""
    await migrate_one_async(db, planned(table, THREE[:1], create=True))
    assert (await migrate_one_async(db, planned(table))).current == "003_tags"
    assert await read(db, "SELECT text FROM notes") == [("first",)]


async def ahead(db: Any, table: Shape) -> None:
    """A sweep may be faster than the deploy; and a tenant that migrated itself needs one request."""
    await migrate(db, index(THREE[:1], table))
    assert (await migrate_one_async(db, planned(table))).applied == ("002_first_note", "003_tags")
    assert await migrate(db, index(THREE[:1], table)) == []
    assert await migrate(db, index(THREE, table)) == []


async def first_use(db: Any, table: Shape, files: list[list[str]]) -> list[str]:
    """The names that code with these files applies."""
    pairs = [(name, text) for name, text in files]
    return [one.name for one in await migrate(db, index(pairs, table))]
