"""The log: what is written to it and read of it, on a real database."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from d1migrate.drivers.sqlite import SqliteDriver
from d1migrate.migrate import log
from d1migrate.migrate.migration import Migration
from d1migrate.migrate.table import NameTable, VersionTable
from d1migrate.sql.batch import Batch, Query

if TYPE_CHECKING:
    from collections.abc import Iterator

OLD = (
    log.CREATE.replace("d1migrate_log", "schema_migrations_log")
    .replace("version INTEGER", "version INTEGER NOT NULL")
    .replace(",\n  format INTEGER,\n  file_digest TEXT", "")
)
STAMP = log.Stamp("token-1", 5, "ada", "d1migrate", "a point")


@pytest.fixture
def driver() -> Iterator[SqliteDriver]:
    """A database with an empty log."""
    with closing(SqliteDriver(":memory:", url="sqlite::memory:")) as driver:
        driver.batch(Batch([Query(log.CREATE)]))
        yield driver


def rows(driver: SqliteDriver, query: Query | str) -> list[tuple[object, ...]]:
    """The rows of a query."""
    query = Query(query) if isinstance(query, str) else query
    return [tuple(row) for row in driver.batch(Batch([query], reads=True))[0].rows]


def test_a_row(driver: SqliteDriver) -> None:
    """Columns without a value are NULL, numbers are integers."""
    driver.batch(Batch([log.record("done", log.Event("up", 3, "003_c", "v1:c", "DROP", "d"), STAMP)]))
    ((*found,),) = rows(driver, f"SELECT {log.COLUMNS}, format, file_digest FROM d1migrate_log")
    assert found == [
        *("token-1", "done", "up", 3, "003_c", "v1:c", "ada", "d1migrate", 5, "a point", None, "d", "DROP"),
        *(1, None),
    ]


@pytest.mark.parametrize(
    ("version", "kept"), [(2**53 - 1, 2**53 - 1), (-5, -5), (2**53, None), (10**199, None)]
)
def test_a_number_beyond_integers_is_not_logged(driver: SqliteDriver, version: int, kept: int | None) -> None:
    """A name may begin with any number of digits; the column would make it a REAL, which is not a version."""
    driver.batch(Batch([log.record("done", log.Event("up", version, f"{version}_a"), STAMP)]))
    assert rows(driver, "SELECT version, name FROM d1migrate_log") == [(kept, f"{version}_a")]


@pytest.mark.parametrize(
    ("text", "rollback"),
    [
        ("CREATE TABLE a (x);", (None, False)),
        ("CREATE TABLE a (x);\n-- Rollback: none, it stays\n", (None, False)),
        ("CREATE TABLE a (x);\n-- Rollback:\n--   DROP TABLE a;\n", ("DROP TABLE a;\n", True)),
    ],
)
def test_the_event_of_a_migration(text: str, rollback: tuple[str | None, bool]) -> None:
    """It has the checksum, and the rollback if there is one."""
    migration = Migration(1, "001_a", text)
    event = log.event_of("up", migration)
    assert (event.version, event.name, event.checksum) == (1, "001_a", migration.checksum)
    assert ((event.rollback_sql or "").strip(), event.rollback_digest is not None) == (
        (rollback[0] or "").strip(),
        rollback[1],
    )


def test_the_digest_of_a_file() -> None:
    """Only of one that can be parsed: nothing parses a file whose digest the log has."""
    good, bad = Migration(1, "001_a", "CREATE TABLE a (x);"), Migration(1, "001_a", "CREATE TABLE 'a (x);")
    assert log.event_of("up", good).file_digest == good.digest
    assert log.event_of("baseline", bad).file_digest is None


def test_a_long_rollback_is_not_kept() -> None:
    """Only its digest: a row of D1 holds 2 MB."""
    block = "".join(f"--   DELETE FROM a WHERE x = '{'x' * 1000}';\n" for _ in range(1_000))
    event = log.event_of("up", Migration(1, "001_a", f"SELECT 1;\n-- Rollback:\n{block}"))
    assert event.rollback_sql is None
    assert event.rollback_digest


def test_the_newest_row_of_each(driver: SqliteDriver) -> None:
    """By version and name; and the token of the newest of all."""
    events = [log.Event("up", 1, "001_a"), log.Event("up", 2, "002_b"), log.Event("down", 1, "001_a")]
    driver.batch(
        Batch([log.record("done", event, STAMP._replace(token=f"t{i}")) for i, event in enumerate(events)])
    )
    assert [row[:5] for row in rows(driver, log.latest())] == [
        (1, "001_a", 3, "done", "down"),
        (2, "002_b", 2, "done", "up"),
    ]
    assert rows(driver, log.head()) == [("t2",)]
    assert rows(driver, log.done_by("t1")) == [(1,)]
    assert rows(driver, log.done_by("t9")) == [(0,)]


@pytest.mark.parametrize("table", [VersionTable(), NameTable()])
def test_the_newest_rollback(driver: SqliteDriver, table: VersionTable | NameTable) -> None:
    """Of the migrations asked for, by version or by name."""
    events = [log.Event("up", 1, "001_a", None, sql) for sql in ("old", "new")]
    other = log.Event("up", 2, "002_b", None, "other")
    driver.batch(Batch([log.record("done", event, STAMP) for event in (*events, other)]))
    assert rows(driver, log.stored_rollbacks(table, events[:1])) == [(1, "001_a", "new", 2)]


@pytest.mark.parametrize(
    ("columns", "missing"),
    [
        (f"id, {log.COLUMNS}", ("format", "file_digest")),
        (f"id, {log.COLUMNS}, format, file_digest, more", ()),
    ],
)
def test_columns(columns: str, missing: tuple[str, ...]) -> None:
    """More do no harm, those that nothing reads can be added."""
    assert log.is_log(columns.split(", "))
    assert log.missing_columns(columns.split(", ")) == missing


@pytest.mark.parametrize("columns", [(), ("id", "message")])
def test_another_tools_log(columns: tuple[str, ...]) -> None:
    """Without the columns that are read it is not ours."""
    assert not log.is_log(columns)


def test_the_old_log_is_carried_over(driver: SqliteDriver) -> None:
    """No row is lost, and they stay in order; what was version 0 there concerns the whole database."""
    old = "INSERT INTO schema_migrations_log"
    driver.batch(
        Batch(
            [
                Query(OLD),
                Query(
                    f"{old} VALUES (7, 't', 'done', 'up', 1, '001_a', 'v1:a', 'ada', 'x', 5, 'p', '{{}}', 'd', 'DROP')"
                ),
                Query(
                    f"{old} VALUES (9, 'u', 'done', 'restore', 0, 'point-1', NULL, 'ada', 'x', 6, NULL, NULL, NULL, NULL)"
                ),
                *log.carry_over(),
            ]
        )
    )
    assert rows(driver, f"SELECT id, {log.COLUMNS} FROM d1migrate_log") == [
        (1, "t", "done", "up", 1, "001_a", "v1:a", "ada", "x", 5, "p", "{}", "d", "DROP"),
        (2, "u", "done", "restore", None, "", None, "ada", "x", 6, None, '{"point":"point-1"}', None, None),
    ]
    assert rows(driver, "SELECT name FROM sqlite_schema WHERE name = 'schema_migrations_log'") == []
