"""Wrangler's own table, kept in step: on the real engine, in any state that it may be in."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from d1migrate.drivers.sqlite import SqliteDriver
from d1migrate.migrate.wrangler_table import Mirror
from d1migrate.sql.batch import Batch, Query
from tests.unit.migrate.shorthand import files

if TYPE_CHECKING:
    from collections.abc import Iterator

MIRROR = Mirror.of('my "table"', files("1a 2b 3c"))


@pytest.fixture
def database() -> Iterator[SqliteDriver]:
    """An empty database."""
    driver = SqliteDriver(":memory:", url="sqlite::memory:")
    yield driver
    driver.close()


def listed(database: SqliteDriver) -> list[tuple[object, ...]]:
    """The rows of wrangler's table."""
    query = Query('SELECT id, name FROM "my ""table""" WHERE applied_at IS NOT NULL ORDER BY id')
    (result,) = database.batch(Batch([query], reads=True))
    return [tuple(row) for row in result.rows]


def test_it_is_created_once_with_what_is_applied(database: SqliteDriver) -> None:
    """A name in the table is not inserted again; a version without a file is left out."""
    for applied in ([1], [1, 2], [1, 2, 9]):
        database.batch(Batch(MIRROR.create(applied)))
    assert listed(database) == [(1, "001_a.sql"), (2, "002_b.sql")]


def test_rows_come_and_go_with_their_version(database: SqliteDriver) -> None:
    """A version whose file is missing has the name it was recorded under."""
    database.batch(Batch([*MIRROR.create([]), *MIRROR.insert([1, 2, 3])]))
    database.batch(Batch([*MIRROR.delete(2, "002_other"), *Mirror(MIRROR.table, {}).delete(3, "003_c")]))
    assert listed(database) == [(1, "001_a.sql")]


def test_nothing_is_sent_for_nothing() -> None:
    """No query without a row to write."""
    assert MIRROR.insert([]) == MIRROR.insert([9]) == ()
