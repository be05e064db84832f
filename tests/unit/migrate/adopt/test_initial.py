"""The first file of a database that began without files."""

from __future__ import annotations

import pytest

from d1migrate.errors import HistoryError, SourceError
from d1migrate.migrate.adopt.initial import first_migration, refuse_differences
from d1migrate.migrate.history import without_histories
from d1migrate.schema.compare import compare
from tests.unit.schema.building import database, read, schema

SQL = "CREATE TABLE users (id INTEGER PRIMARY KEY); CREATE VIEW v AS SELECT id FROM users;"


def test_it_builds_what_the_database_holds() -> None:
    """And records itself; there is no rollback."""
    found = first_migration(schema(SQL), "0001_all.sql", "the schema", date="2026-11-30")
    connection = database("CREATE TABLE schema_migrations (version INTEGER PRIMARY KEY, name, applied_at)")
    for sql in found.texts():
        connection.execute(sql)
    built = read(connection)
    assert compare(schema(SQL), built) == ()
    refuse_differences(schema(SQL), built)
    assert list(connection.execute("SELECT version, name FROM schema_migrations")) == [(1, "0001_all")]
    assert found.rollback
    assert found.rollback.reason


def test_an_empty_database_needs_none() -> None:
    """`d1migrate new` creates a first file."""
    with pytest.raises(SourceError, match="no tables and no views"):
        first_migration(schema("SELECT 1"), "0001_all.sql", "x", date="2026-11-30")


def test_a_file_that_builds_something_else() -> None:
    """It is not recorded."""
    with pytest.raises(HistoryError, match="users"):
        refuse_differences(schema(SQL), schema("CREATE VIEW v AS SELECT id FROM users"))


def test_history_tables_are_left_out() -> None:
    """The usual ones, and those that are named, in any letter case; tables asked for by name stay."""
    whole = schema(f"{SQL} CREATE TABLE d1_migrations (id); CREATE TABLE Mine (id)")
    found = without_histories(whole, "mINE", None)
    assert [table.name for table in found.tables] == ["users"]
    kept = without_histories(whole, "mine", keep=["D1_migrations"])
    assert sorted(table.name for table in kept.tables) == ["d1_migrations", "users"]
