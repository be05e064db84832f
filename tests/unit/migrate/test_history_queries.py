"""What the answers to the queries of a history mean."""

from __future__ import annotations

import pytest

from d1migrate.drivers.sqlite import SqliteDriver
from d1migrate.migrate.history_queries import EMPTY, Layout, found_in, history_of, queries
from d1migrate.migrate.migration import Migration
from d1migrate.migrate.table import LOG_TABLE, WRANGLER, NameTable, VersionTable
from d1migrate.migrate.table_choice import USUAL
from d1migrate.migrator import Migrator
from d1migrate.sql.batch import Batch, Query


@pytest.fixture
def driver() -> SqliteDriver:
    """A new database in memory."""
    return SqliteDriver(":memory:", url="sqlite::memory:")


def test_a_database_without_tables_has_the_empty_layout(driver: SqliteDriver) -> None:
    """Its queries name no table, and its history lacks both."""
    answers = driver.batch(Batch(queries(USUAL, EMPTY), reads=True))
    found = found_in(USUAL, answers)
    assert found.layout == EMPTY
    assert history_of(found, answers).missing == ("schema_migrations", LOG_TABLE)


def test_the_layout_that_exists_is_found_by_queries_that_name_no_table(driver: SqliteDriver) -> None:
    """The queries of that layout then read the rows, also those of wrangler's table beside."""
    migrations = [
        Migration(1, "001_a", "CREATE TABLE a (id);"),
        Migration(2, "002_b", "CREATE TABLE b (id);"),
    ]
    Migrator(driver, migrations).up(lint=False)
    driver.batch(Batch([Query(NameTable().create)]))
    found = found_in(USUAL, driver.batch(Batch(queries(USUAL, EMPTY), reads=True)))
    assert found.layout == Layout(VersionTable(exists=True), LOG_TABLE)
    assert [table.name for table in found.layout.tables] == ["schema_migrations", WRANGLER]
    history = history_of(found, driver.batch(Batch(queries(USUAL, found.layout), reads=True)))
    assert [row.name for row in history.applied] == ["001_a", "002_b"]
    assert all(row.checksum for row in history.applied)
    assert history.head
