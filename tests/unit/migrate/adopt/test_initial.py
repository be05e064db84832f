"""The first file of a database that began without files."""

from __future__ import annotations

import pytest

from d1migrate.errors import HistoryError, SourceError
from d1migrate.migrate.adopt.initial import first_migration, refuse_differences
from d1migrate.schema.compare import compare
from tests.unit.schema.building import database, read, schema

SQL = "CREATE TABLE users (id INTEGER PRIMARY KEY); CREATE VIEW v AS SELECT id FROM users;"


@pytest.mark.parametrize("records", [True, False])
def test_it_builds_what_the_database_holds(*, records: bool) -> None:
    """It records itself if the files do; it has no rollback."""
    found = first_migration(schema(SQL), "0001_all.sql", "the schema", date="2026-11-30", records=records)
    connection = database("CREATE TABLE schema_migrations (version INTEGER PRIMARY KEY, name, applied_at)")
    for sql in found.texts():
        connection.execute(sql)
    built = read(connection)
    assert compare(schema(SQL), built) == ()
    refuse_differences(schema(SQL), built)
    recorded = list(connection.execute("SELECT version, name FROM schema_migrations"))
    assert recorded == ([(1, "0001_all")] if records else [])
    assert found.rollback
    assert found.rollback.reason


def test_an_empty_database_needs_none() -> None:
    """`d1migrate new` creates a first file."""
    with pytest.raises(SourceError, match="no tables and no views"):
        first_migration(schema("SELECT 1"), "0001_all.sql", "x", date="2026-11-30", records=True)


def test_a_file_that_builds_something_else() -> None:
    """It is not recorded."""
    with pytest.raises(HistoryError, match="users"):
        refuse_differences(schema(SQL), schema("CREATE VIEW v AS SELECT id FROM users"))
