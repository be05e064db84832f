"""Adopting a database: what is found out, and what is recorded."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from d1migrate.migrate.wrangler_table import Mirror

from d1migrate.errors import Error, HistoryError
from d1migrate.lint.replay.footprints import footprints
from d1migrate.migrate.adopt.flow import Adoption, Hints, adopt, plan
from d1migrate.migrate.flows.read import status
from tests.unit.migrate.shorthand import files

if TYPE_CHECKING:
    from tests.unit.migrate.flows.database import Database

TABLE = "CREATE TABLE {} (id INTEGER PRIMARY KEY);"
WRANGLER = (
    "CREATE TABLE d1_migrations (id INTEGER PRIMARY KEY, name TEXT, applied_at);"
    " INSERT INTO d1_migrations VALUES (1, '001_a.sql', 1790000007);"
)


def planned(database: Database, have: str, hints: Hints = Hints(), mirror: Mirror | None = None) -> Adoption:  # noqa: B008
    """What is found out about some files."""
    return database.run(plan(footprints(files(have)), hints, mirror))


def states(found: Adoption) -> str:
    """The states of the files."""
    return " ".join(assessment.state for assessment in found.assessments)


def test_files_that_ran(empty: Database) -> None:
    """They are recorded with when another tool applied them; the others stay pending."""
    empty.script(TABLE.format("a") + WRANGLER)
    found = planned(empty, "1a 2b")
    assert states(found) == "applied pending"
    assert [migration.version for migration in empty.run(adopt(found, empty.stamp))] == [1]
    assert empty.rows("SELECT version, applied_at FROM schema_migrations") == [(1, 1_790_000_007)]
    assert [entry.state for entry in empty.run(status(files("1a 2b")))] == ["applied", "pending"]


def test_tables_of_other_tools_are_not_unmanaged(empty: Database) -> None:
    """No file creates them, and none has to: neither a history nor its lock."""
    empty.script(
        f"{TABLE.format('a')} CREATE TABLE kysely_migration (name, timestamp); CREATE TABLE kysely_migration_lock (id)"
    )
    assert planned(empty, "1a").unmanaged_objects == ()


def test_again(empty: Database) -> None:
    """There is nothing to record."""
    empty.script(TABLE.format("a"))
    empty.run(adopt(planned(empty, "1a"), empty.stamp))
    found = planned(empty, "1a")
    assert states(found) == "recorded"
    assert found.began
    assert empty.run(adopt(found, empty.stamp)) == ()


def test_a_database_with_other_objects_only(empty: Database) -> None:
    """The log says that the history begins here, so that an `up` is not refused."""
    empty.script(TABLE.format("users"))
    found = planned(empty, "1a")
    assert [key.name for key in found.unmanaged_objects if key.kind == "table"] == ["users"]
    assert found.is_beginning
    assert empty.run(adopt(found, empty.stamp)) == ()
    empty.up("1a")
    assert empty.versions() == [1]


@pytest.mark.parametrize(
    ("columns", "tool"),
    [("version varchar(128) PRIMARY KEY", "dbmate"), ("version varchar NOT NULL PRIMARY KEY", "Rails")],
)
def test_a_table_that_has_the_name_of_ours(empty: Database, columns: str, tool: str) -> None:
    """It is kept under another name."""
    empty.script(
        f"{TABLE.format('a')} CREATE TABLE schema_migrations ({columns}); INSERT INTO schema_migrations VALUES ('1')"
    )
    found = planned(empty, "1a 2b")
    assert found.set_aside
    assert found.set_aside.name == tool
    empty.run(adopt(found, empty.stamp))
    assert empty.versions() == [1]
    assert len(empty.rows("SELECT name FROM sqlite_schema WHERE name LIKE '%schema_migrations%'")) >= 3


@pytest.mark.parametrize("meanwhile", ["schema", "history"])
def test_a_database_that_changed_since(empty: Database, meanwhile: str) -> None:
    """Nothing is recorded."""
    empty.script(TABLE.format("a"))
    found = planned(empty, "1a")
    if meanwhile == "schema":
        empty.script(TABLE.format("z"))
    else:
        empty.run(adopt(planned(empty, "1a"), empty.stamp))
    before = empty.rows("SELECT name FROM sqlite_schema")
    with pytest.raises(Error):
        empty.run(adopt(found, empty.stamp))
    assert empty.rows("SELECT name FROM sqlite_schema") == before


def test_what_is_undecided_stops_it(empty: Database) -> None:
    """A table that is present, and not as any file makes it; the user may say that the file ran."""
    empty.script("CREATE TABLE a (id TEXT)")
    found = planned(empty, "1a")
    with pytest.raises(HistoryError):
        empty.run(adopt(found, empty.stamp))
    assumed = planned(empty, "1a", Hints(assume=[1]))
    assert states(assumed) == "assumed"
    assert [migration.version for migration in empty.run(adopt(assumed, empty.stamp))] == [1]


def test_wranglers_table_is_brought_into_step(empty: Database) -> None:
    """What it lacks is inserted."""
    empty.script(TABLE.format("a") + TABLE.format("b") + WRANGLER)
    mirror = Mirror.of("d1_migrations", files("1a 2b"))
    found = planned(empty, "1a 2b", mirror=mirror)
    assert found.to_mirror == (2,)
    empty.run(adopt(found, empty.stamp, mirror))
    assert empty.rows("SELECT name FROM d1_migrations ORDER BY id") == [("001_a.sql",), ("002_b.sql",)]
