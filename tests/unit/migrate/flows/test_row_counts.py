"""The rows of the tables that pending migrations may go through."""

from __future__ import annotations

import pytest

from d1migrate.drivers.run import run
from d1migrate.drivers.sqlite import SqliteDriver
from d1migrate.migrate.flows.row_counts import count_rows
from d1migrate.migrate.migration import Migration
from d1migrate.sql.batch import Batch, Query
from tests.unit.schema.building import schema

_TABLES = 'CREATE TABLE "Users" (id INTEGER PRIMARY KEY); CREATE TABLE other (id INTEGER PRIMARY KEY)'


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("UPDATE users SET id = -id", {"users": 3}),
        ("CREATE INDEX i ON [USERS] (id); DELETE FROM other", {"users": 3, "other": 1}),
        ("INSERT INTO users VALUES (9)", {}),
        ("ALTER TABLE users ADD COLUMN x", {}),
        ("DELETE FROM nothing", {}),
    ],
)
def test_only_tables_that_matter_are_counted_and_only_so_far(sql: str, expected: dict[str, int]) -> None:
    """A statement that visits no rows asks for no count, and without tables nothing is sent."""
    driver = SqliteDriver(":memory:", url="sqlite::memory:")
    driver.batch(Batch([Query(each) for each in _TABLES.split(";")]))
    rows = "INSERT INTO users WITH RECURSIVE n(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < 5)"
    driver.batch(Batch([Query(f"{rows} SELECT i FROM n"), Query("INSERT INTO other VALUES (1)")]))
    assert run(count_rows([Migration(1, "001_x", sql)], schema(_TABLES), 3), driver) == expected
    driver.close()
