"""Tenants that migrate themselves at first use, and a sweep for the others: in either order, with old code and new.

The runtimes run inside workerd; the sweep is `migrate_one` on the file of the database, as on that of any tenant.
"""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

from d1migrate import connect
from d1migrate.fleet import FleetPlan, migrate_one
from d1migrate.migrate.source import load
from d1migrate.migrate.table_choice import TableChoice
from tests.runtime.typescript import TypeScriptWorkerd, compiled
from tests.workers.inside.sql_files import THREE

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from d1migrate.fleet import Outcome
    from d1migrate.migrate.table import Shape as TableShape
    from tests.runtime.workerd import Server

TABLES: dict[TableShape, str] = {"versions": "schema_migrations", "names": "d1_migrations"}
OLD, NEW = THREE[:2], THREE


class Tenants:
    """Databases of one runtime, and the plan of the sweep."""

    def __init__(self, server: Server, table: TableShape) -> None:
        self.server, self.table = server, table
        self.choice = TableChoice(TABLES[table])
        self.plan = FleetPlan(load(NEW), table=TABLES[table], by="sweep", create=True)

    def first_use(self, database: str, files: Sequence[tuple[str, str]]) -> list[str]:
        """The names that `run_migrations` applies at the first request of code with these files."""
        if isinstance(self.server, TypeScriptWorkerd):
            index = compiled(files, self.choice.guess)
            return [
                one["name"] for one in self.server.call("runMigrations", index, database=database).results
            ]
        found: Any = self.server.call("tenants:first_use", database=database, table=self.table, files=files)  # type: ignore[attr-defined]
        return list(found.result)

    def sweep(self, database: str) -> Outcome:
        """Migrate one as `fleet up` does."""
        file: Path = self.server.file(database)
        with closing(connect(f"sqlite:{file}")) as driver:
            return migrate_one(driver, self.plan)


@pytest.fixture(params=["python", "typescript"])
def tenants(request: pytest.FixtureRequest, table: TableShape) -> Tenants:
    """Of each runtime, in either table."""
    if request.param == "typescript":
        return Tenants(request.getfixturevalue("typescript"), table)
    return Tenants(request.getfixturevalue("runtimes")["3.14"], table)


def test_the_sweep_may_be_ahead_of_the_deploy(tenants: Tenants) -> None:
    """Old code has nothing to do on a database that is newer than it, and new code neither."""
    database = tenants.server.database()
    assert tenants.first_use(database, OLD) == ["001_notes", "002_first_note"]
    assert tenants.sweep(database).applied == ("003_tags",)
    assert tenants.first_use(database, OLD) == []
    assert tenants.first_use(database, NEW) == []


def test_who_migrated_itself_takes_the_sweep_one_request(tenants: Tenants) -> None:
    """The state that a runtime leaves is one, for all of its tenants; so is the one that a sweep goes on from."""
    first, second, behind, late = (tenants.server.database() for _ in range(4))
    for database in (first, second):
        tenants.first_use(database, OLD)
        assert tenants.first_use(database, NEW) == ["003_tags"]
    for database in (behind, late):
        tenants.first_use(database, OLD)
    assert tenants.sweep(behind).requests == 2
    assert [tenants.sweep(one)[:3] for one in (first, second)] == [((), "003_tags", 1)] * 2
    assert tenants.sweep(late)[:3] == (("003_tags",), "003_tags", 1)
    assert [tenants.sweep(one).requests for one in (behind, late)] == [1, 1]
