"""The two migrations tables, on a real database: what one writes is what wrangler would, or what files do."""

from __future__ import annotations

from contextlib import closing
from typing import NamedTuple

import pytest

from d1migrate.drivers.sqlite import SqliteDriver
from d1migrate.errors import QueryError
from d1migrate.migrate.table import NameTable, VersionTable
from d1migrate.sql.batch import Batch, Query


class M(NamedTuple):
    """A migration, as far as a table identifies it."""

    version: int | None
    name: str


ONE, TWO = M(1, "001_a"), M(2, "sub/it's")


class Database:
    """A database with a migrations table."""

    def __init__(self, table: VersionTable | NameTable) -> None:
        self.driver = SqliteDriver(":memory:", url="sqlite::memory:")
        beside = [Query(table.beside.create)] if isinstance(table, VersionTable) else []
        self.write(Query(table.create), *beside)

    def write(self, *queries: Query) -> None:
        """Send a batch."""
        self.driver.batch(Batch(queries))

    def rows(self, sql: str) -> list[tuple[object, ...]]:
        """The rows of a query."""
        return [tuple(row) for row in self.driver.batch(Batch([Query(sql)], reads=True))[0].rows]

    def close(self) -> None:
        """Close it."""
        self.driver.close()


def test_names() -> None:
    """A name is quoted, its time is text in UTC; a second record fails, as wrangler's does."""
    table = NameTable('my "migrations"')
    with closing(Database(table)) as database:
        database.write(*table.insert(ONE, 1_790_000_000), *table.insert(TWO, 1_790_000_001))
        assert database.rows(f"SELECT * FROM {table.sql}") == [
            (1, "001_a.sql", "2026-09-21 14:13:20"),
            (2, "sub/it's.sql", "2026-09-21 14:13:21"),
        ]
        assert database.rows(table.rows.sql) == [
            (1, "001_a.sql", 1_790_000_000, 2),
            (2, "sub/it's.sql", 1_790_000_001, 2),
        ]
        with pytest.raises(QueryError, match="UNIQUE"):
            database.write(*table.insert(ONE, 5))
        database.write(*table.insert_missing(ONE, 5), *table.delete(TWO), *table.rename(ONE, TWO))
        assert database.rows(f"SELECT name FROM {table.sql}") == [("sub/it's.sql",)]


def test_versions() -> None:
    """A file that recorded itself is not recorded again."""
    table = VersionTable()
    with closing(Database(table)) as database:
        database.write(*table.insert(ONE, 5), *table.insert(ONE, 6), *table.insert(TWO, 7))
        assert database.rows(table.rows.sql) == [(1, "001_a", 5), (2, "sub/it's", 7)]
        database.write(*table.delete(ONE), *table.rename(TWO, M(9, "009_x")))
        assert database.rows(table.rows.sql) == [(9, "009_x", 7)]
        assert database.rows("SELECT * FROM d1_migrations") == []


def test_a_mirrored_table() -> None:
    """Wrangler's table gets the same records, unless it has them."""
    table = VersionTable(exists=True, mirrored=True)
    with closing(Database(table)) as database:
        database.write(*NameTable().insert(ONE, 1), *table.insert(ONE, 5), *table.insert(TWO, 7))
        assert database.rows("SELECT name FROM d1_migrations") == [("001_a.sql",), ("sub/it's.sql",)]
        database.write(*table.delete(ONE), *table.rename(TWO, M(9, "009_x")))
        assert database.rows("SELECT name FROM d1_migrations") == [("009_x.sql",)]


@pytest.mark.parametrize("table", [VersionTable(), NameTable()])
def test_statements_without_parameters(table: VersionTable | NameTable) -> None:
    """They do what those with parameters do: people run them by hand."""
    with closing(Database(table)) as database:
        database.write(Query(table.insert_sql(TWO)))
        assert len(database.rows(table.rows.sql)) == 1
        database.write(Query(table.delete_sql(TWO)))
        assert [row for row in database.rows(table.rows.sql) if row[0] is not None] == []


@pytest.mark.parametrize(
    ("version", "key"), [(0, 0), (2**53 - 1, 2**53 - 1), (2**53, None), (-1, None), (None, None)]
)
def test_a_version_that_is_a_key(version: int | None, key: int | None) -> None:
    """Others cannot be in the table."""
    assert VersionTable().key_of(M(version, "a")) == key
    assert NameTable().key_of(M(version, "a")) == "a.sql"
