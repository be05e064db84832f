"""The first file of a database that has none."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from d1migrate.errors import Error, HistoryError
from d1migrate.migrate.flows.baseline import find, start
from d1migrate.migrate.wrangler_table import Mirror
from tests.unit.migrate.shorthand import files

if TYPE_CHECKING:
    from tests.unit.migrate.flows.database import Database


def test_it_is_recorded_and_not_run(empty: Database) -> None:
    """The schema is read without the tables that no file creates."""
    empty.script("CREATE TABLE users (id); CREATE TABLE d1_migrations (id, name); CREATE TABLE mine (id)")
    found = empty.run(find(Mirror("mine", {})))
    assert [table.name for table in found.schema.tables] == ["users"]
    empty.run(start(found, files("1a")[0], empty.stamp))
    assert empty.versions() == [1]
    assert empty.rows("SELECT name FROM sqlite_schema WHERE name = 'a'") == []


def test_a_history_begins_once(empty: Database) -> None:
    """What is recorded already is named."""
    empty.up("1a")
    with pytest.raises(HistoryError, match="up to 001_a"):
        empty.run(find())


@pytest.mark.parametrize("meanwhile", ["schema", "history"])
def test_a_database_that_changed_since(empty: Database, meanwhile: str) -> None:
    """Nothing is recorded."""
    found = empty.run(find())
    if meanwhile == "schema":
        empty.script("CREATE TABLE users (id)")
    else:
        empty.up("1a")
    before = empty.rows("SELECT name FROM sqlite_schema")
    with pytest.raises(Error):
        empty.run(start(found, files("1b")[0], empty.stamp))
    assert empty.rows("SELECT name FROM sqlite_schema") == before
