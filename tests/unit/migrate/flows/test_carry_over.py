"""The log of d1migrate 0.1 is read where it is, and moves into the log with the first batch that writes."""

from __future__ import annotations

from contextlib import closing
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from d1migrate.drivers.run import run
from d1migrate.drivers.sqlite import SqliteDriver
from d1migrate.errors import Error, HistoryError
from d1migrate.migrate import log
from d1migrate.migrate.flows.ensure import ensure
from d1migrate.migrate.flows.read_status import read_status
from d1migrate.migrate.log import OLD_LOG
from d1migrate.migrate.migration import Migration
from d1migrate.migrate.table_choice import USUAL
from d1migrate.migrator import Migrator
from d1migrate.sql.batch import Batch, Query

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from d1migrate.drivers.protocol import Driver
    from d1migrate.migrate.flows.leftovers import Problem
    from d1migrate.migrate.status import Entry
    from d1migrate.sql.batch import Result

FILES = [
    Migration(1, "001_a", "CREATE TABLE t (n INTEGER);\n-- Rollback:\n--   DROP TABLE t;\n"),
    Migration(2, "002_b", "INSERT INTO t VALUES (2);\n-- Rollback:\n--   DELETE FROM t;\n"),
    Migration(3, "003_c", "INSERT INTO t VALUES (3);\n"),
]
OLD = """CREATE TABLE schema_migrations (
  version INTEGER PRIMARY KEY,
  name TEXT NOT NULL,
  applied_at INTEGER NOT NULL
)"""
OLD_LOG_TABLE = """CREATE TABLE schema_migrations_log (
  id INTEGER PRIMARY KEY,
  token TEXT NOT NULL,
  event TEXT NOT NULL,
  action TEXT NOT NULL,
  version INTEGER NOT NULL,
  name TEXT NOT NULL,
  checksum TEXT,
  who TEXT NOT NULL,
  tool TEXT NOT NULL,
  at INTEGER NOT NULL,
  restore_point TEXT,
  detail TEXT,
  rollback_digest TEXT,
  rollback_sql TEXT
)"""
LOG = (
    "SELECT token, event, action, version, name, checksum, who, tool, at, restore_point, detail,"
    " rollback_digest, rollback_sql FROM {} ORDER BY id"
)
EVENTS = "SELECT action, name FROM d1migrate_log WHERE event = 'done' ORDER BY id"


def old_row(
    token: str,
    event: str,
    action: str,
    migration: Migration | None,
    name: str = "",
    detail: str | None = None,
) -> Query:
    """The statement with which 0.1 wrote a row to its log."""
    rollback = migration.rollback if migration else None
    values = {
        "token": token,
        "event": event,
        "action": action,
        "version": str(migration.version if migration else 0),
        "name": migration.name if migration else name,
        "checksum": migration.checksum if migration else None,
        "who": "ada",
        "tool": "d1migrate 0.1.0",
        "at": "1790000000",
        "restore_point": "app-0001.db" if token == "t2" else None,  # noqa: S105
        "detail": detail,
        "rollback_digest": rollback and rollback.digest,
        "rollback_sql": rollback.sql if rollback and event == "done" else None,
    }
    given = {column: value for column, value in values.items() if value is not None}
    return Query(
        f"INSERT INTO schema_migrations_log ({', '.join(given)}) VALUES ({', '.join('?' * len(given))})",
        tuple(given.values()),
    )


def applied_by_old(migration: Migration, token: str) -> list[Query]:
    """What 0.1 did to apply a migration."""
    return [
        old_row(token, "begun", "up", migration),
        *(Query(sql) for sql in migration.texts()),
        Query(
            "INSERT INTO schema_migrations VALUES (?1, ?2, 1790000000)",
            (str(migration.version), migration.name),
        ),
        old_row(token, "done", "up", migration),
    ]


@pytest.fixture
def path(tmp_path: Path) -> str:
    """A database as 0.1 left it: adopted, two files applied, one restore, which was of the version 0."""
    path = str(tmp_path / "app.db")
    with closing(SqliteDriver(path, url=f"sqlite:{path}")) as driver:
        queries = [
            Query(OLD),
            Query(OLD_LOG_TABLE),
            old_row("t0", "done", "adopt", None, "an empty history"),
            *applied_by_old(FILES[0], "t1"),
            *applied_by_old(FILES[1], "t2"),
            old_row("t3", "done", "restore", None, "app-0001.db", '{"to": 2, "from": 2}'),
            old_row("t4", "done", "restoring", None, "bookmark-1"),
        ]
        driver.batch(Batch(queries))
    return path


def opened(path: str, files: Sequence[Migration] = FILES) -> Migrator:
    """The database as a process of its own opens it."""
    return Migrator(SqliteDriver(path, url=f"sqlite:{path}"), files)


def rows(path: str, sql: str) -> list[tuple[Any, ...]]:
    """The rows of a query."""
    with closing(SqliteDriver(path, url=f"sqlite:{path}")) as driver:
        return list(driver.batch(Batch([Query(sql)], reads=True))[0].rows)


def status_of(migrator: Migrator) -> tuple[Sequence[Entry], Sequence[Problem]]:
    """What `status` shows."""
    found = run(read_status(migrator.migrations, migrator.choice), migrator.driver)
    return found.entries, found.problems


def tables(path: str) -> set[str]:
    """The names of the logs that exist."""
    found = rows(path, "SELECT name FROM sqlite_schema WHERE name LIKE '%log' AND type = 'table'")
    return {name for (name,) in found}


def test_it_is_read_before_the_first_write(path: str) -> None:
    """Checksums, rollbacks and events are those of the old log, and reading moves nothing."""
    migrator = opened(path)
    entries = migrator.status()
    assert [(e.state, e.applied and e.applied.checksum) for e in entries] == [
        ("applied", FILES[0].checksum),
        ("applied", FILES[1].checksum),
        ("pending", None),
    ]
    assert [e.reversible for e in entries[:2]] == [True, True]
    events = migrator.history()
    assert [(e.action, e.version, e.name) for e in events] == [
        ("adopt", None, ""),
        ("up", 1, "001_a"),
        ("up", 2, "002_b"),
        ("restore", None, ""),
        ("restoring", None, ""),
    ]
    assert events[3].detail == '{"to":2,"from":2,"point":"app-0001.db"}'
    assert events[2].restore_point == "app-0001.db"
    assert migrator.verify().ok
    assert [step.name for step in migrator.plan_down(to=0, allow_loss=["all"]).steps] == ["002_b", "001_a"]
    assert tables(path) == {OLD_LOG}
    migrator.close()


@pytest.mark.parametrize(
    "act",
    [
        lambda migrator: migrator.up(),
        lambda migrator: migrator.down(allow_loss=["all"]),
        lambda migrator: migrator.baseline(to=3),
        lambda migrator: Migrator(migrator.driver, FILES[:1]).forget(2, reason="gone"),
    ],
    ids=["up", "down", "baseline", "forget"],
)
def test_the_first_write_moves_it(path: str, act: Callable[[Migrator], object]) -> None:
    """Every value of every row is kept, except for how it names what concerns the whole database."""
    before = opened(path).history()
    old = rows(path, LOG.format(OLD_LOG))
    act(opened(path))
    assert tables(path) == {"d1migrate_log"}
    moved = rows(path, LOG.format("d1migrate_log"))[: len(old)]
    assert [row for row in moved if row[3]] == [row for row in old if row[3]]
    assert [(*row[:3], *row[5:10]) for row in moved] == [(*row[:3], *row[5:10]) for row in old]
    assert opened(path).history()[: len(before)] == before
    assert opened(path).status()[0].checksum == FILES[0].checksum


def test_its_rollbacks_run(path: str) -> None:
    """Without files, from the rows that were moved."""
    opened(path).up()
    opened(path, FILES[:2]).forget(3, reason="no rollback")
    opened(path, ()).down(to=0, allow_loss=["all"])
    assert rows(path, "SELECT version FROM schema_migrations") == []
    assert rows(path, EVENTS)[-2:] == [("down", "002_b"), ("down", "001_a")]


def test_a_detail_that_is_no_json(path: str) -> None:
    """Anyone could write to the old log: such a row is moved as it is, and blocks nothing."""
    with closing(SqliteDriver(path, url="")) as driver:
        driver.batch(Batch([Query("UPDATE schema_migrations_log SET detail = 'by hand' WHERE token = 't3'")]))
    migrator = opened(path)
    assert [e.detail for e in migrator.history() if e.action == "restore"] == ["by hand"]
    migrator.up()
    assert [e.detail for e in migrator.history() if e.action == "restore"] == ["by hand"]


def stamp() -> log.Stamp:
    """A stamp of a Worker."""
    return log.Stamp("worker", 1_790_000_000, "worker", "d1migrate")


class Cut:
    """A driver whose batch stops at a query: before that one, the process dies."""

    def __init__(self, driver: Driver, at: int) -> None:
        self.url, self.capabilities, self.at, self._driver = driver.url, driver.capabilities, at, driver

    def batch(self, batch: Batch) -> Sequence[Result]:
        """Run it, or cut it."""
        if batch.reads:
            return self._driver.batch(batch)
        queries = list(batch.queries)
        if self.at < len(queries):
            queries = [*queries[: self.at], Query("SELECT json_extract('{}', 'killed')", (), True)]
        return self._driver.batch(batch._replace(queries=queries))

    def close(self) -> None:
        """Close the driver."""
        self._driver.close()


def test_stopped_anywhere(path: str) -> None:
    """A batch that stops between the rows and the old table leaves everything as it was."""
    before = opened(path).history()
    for at in range(40):
        cut = Cut(SqliteDriver(path, url=""), at)
        migrator = Migrator(cut, FILES)
        try:
            migrator.up()
        except Error:
            assert tables(path) == {OLD_LOG}
            assert opened(path).history() == before
            continue
        finally:
            migrator.close()
        break
    assert at > 6
    assert tables(path) == {"d1migrate_log"}


class Race:
    """A driver that lets another runner go first, before its batch number `at`."""

    def __init__(self, driver: Driver, at: int, other: Callable[[], object]) -> None:
        self.url, self.capabilities, self._driver = driver.url, driver.capabilities, driver
        self._left, self._other = at, other

    def batch(self, batch: Batch) -> Sequence[Result]:
        """Run it after the other's."""
        self._left -= 1
        if self._left == -1:
            self._other()
        return self._driver.batch(batch)

    def close(self) -> None:
        """Close the driver."""
        self._driver.close()


@pytest.mark.parametrize("at", range(4))
def test_two_runners(path: str, at: int) -> None:
    """Whoever is first moves it; the other one notices, and every migration is applied once."""
    migrator = Migrator(Race(SqliteDriver(path, url=""), at, lambda: opened(path).up()), FILES)
    report = migrator.up()
    assert len(report.steps) + len(report.meanwhile) <= 1
    assert tables(path) == {"d1migrate_log"}
    assert len(rows(path, "SELECT * FROM d1migrate_log WHERE token IN ('t0', 't1', 't2', 't3', 't4')")) == 7
    assert rows(path, "SELECT n FROM t ORDER BY n") == [(2,), (3,)]


@pytest.mark.parametrize("at", range(6))
@pytest.mark.parametrize(
    "read_",
    [
        lambda migrator: [entry.state for entry in migrator.status()][:2],
        lambda migrator: [event.name for event in migrator.history() if event.action == "up"][:2],
        lambda migrator: migrator.verify().ok,
    ],
    ids=["status", "history", "verify"],
)
def test_it_moves_while_it_is_read(path: str, at: int, read_: Callable[[Migrator], object]) -> None:
    """What was read is read again."""
    expected = read_(opened(path))
    race = Race(SqliteDriver(path, url=""), at, lambda: opened(path).up())
    assert read_(Migrator(race, FILES)) == expected


@pytest.mark.parametrize("at", range(6))
def test_two_workers_move_it(path: str, at: int) -> None:
    """Nothing is pending: the slower one finds it moved."""
    with closing(SqliteDriver(path, url="")) as driver:
        other = partial(run, ensure(FILES[:2], USUAL, stamp), SqliteDriver(path, url=""))
        run(ensure(FILES[:2], USUAL, stamp), Race(driver, at, other))
    assert tables(path) == {"d1migrate_log"}
    assert len(rows(path, "SELECT * FROM d1migrate_log")) == 7


def test_two_corrections(path: str) -> None:
    """The slower one is refused with an error: nothing of it is recorded."""
    race = Race(SqliteDriver(path, url=""), 3, lambda: opened(path).up())
    migrator = Migrator(race, [FILES[0], Migration(2, "002_b", FILES[1].text.replace("2", "7"))])
    with pytest.raises(HistoryError, match="another run changed the history"):
        migrator.accept(2, reason="typo")
    assert rows(path, EVENTS)[-1] == ("up", "003_c")


def test_an_old_program_that_writes_afterwards(path: str) -> None:
    """It creates its log again: both are read as one, status reports it, and the next write moves the rows."""
    changed = [FILES[0], Migration(2, "002_b", FILES[1].text.replace("2", "7")), FILES[2]]
    opened(path, changed).accept(2, reason="typo")
    assert tables(path) == {"d1migrate_log"}
    with closing(SqliteDriver(path, url="")) as driver:
        driver.batch(Batch([Query(OLD_LOG_TABLE), *applied_by_old(FILES[2], "t9")]))
    migrator = opened(path)
    assert [e.applied and e.applied.checksum for e in migrator.status()][2] == FILES[2].checksum
    assert [e.name for e in migrator.history()][-1] == "003_c"
    _, problems = status_of(migrator)
    (problem,) = problems
    assert problem.kind == "log"
    assert problem.name == OLD_LOG
    assert "older d1migrate" in problem.message
    assert problem.fix
    assert migrator.lint() == ()
    migrator.accept(2, reason="typo")
    assert tables(path) == {"d1migrate_log"}
    assert rows(path, EVENTS)[-3:] == [("accept", "002_b"), ("up", "003_c"), ("accept", "002_b")]
    assert status_of(migrator)[1] == ()


def test_what_an_import_left_between(path: str) -> None:
    """If the rows were moved, and the old table was not dropped, they are not read or moved twice."""
    before = opened(path).history()
    with closing(SqliteDriver(path, url="")) as driver:
        driver.batch(Batch([Query(log.CREATE), log.carry_over()[0]]))
    assert tables(path) == {"d1migrate_log", OLD_LOG}
    assert opened(path).history() == before
    opened(path).up()
    assert opened(path).history()[: len(before)] == before
    assert len(rows(path, "SELECT * FROM d1migrate_log")) == 9
    assert tables(path) == {"d1migrate_log"}


def test_an_applications_table_of_that_name(tmp_path: Path) -> None:
    """It has other columns: it is not read, moved or dropped."""
    path = str(tmp_path / "app.db")
    with closing(SqliteDriver(path, url="")) as driver:
        driver.batch(Batch([Query("CREATE TABLE schema_migrations_log (id, message)"), Query(OLD)]))
    opened(path).baseline(to=1)
    assert opened(path).status()[0].state == "applied"
    assert tables(path) == {"d1migrate_log", "schema_migrations_log"}


COLUMNS = ("format", "file_digest")


def without(path: str, *columns: str) -> None:
    """Drop columns of the log, as one has it that an older version created."""
    with closing(SqliteDriver(path, url="")) as driver:
        driver.batch(Batch([Query(f"ALTER TABLE d1migrate_log DROP COLUMN {name}") for name in columns]))


@pytest.mark.parametrize("gone", [COLUMNS, COLUMNS[:1], COLUMNS[1:]])
def test_columns_that_the_log_lacks(path: str, gone: tuple[str, ...]) -> None:
    """The first write adds them; reading does not."""
    opened(path, FILES[:1]).forget(2, reason="x")
    without(path, *gone)
    before = opened(path).history()
    assert opened(path).history() == before
    opened(path).up(to=2)
    found = rows(path, "SELECT name FROM pragma_table_info('d1migrate_log')")
    assert {name for (name,) in found} >= set(COLUMNS)
    assert opened(path).history()[: len(before)] == before


@pytest.mark.parametrize("at", range(5))
def test_two_runners_add_the_columns(path: str, at: int) -> None:
    """The slower one is refused by SQLite, since they exist, and goes on from what there is then."""
    opened(path, FILES[:1]).forget(2, reason="x")
    without(path, *COLUMNS)
    migrator = Migrator(Race(SqliteDriver(path, url=""), at, lambda: opened(path).up(to=2)), FILES)
    report = migrator.up()
    assert len({result.name for result in report.results}) <= 2
    assert rows(path, "SELECT n FROM t ORDER BY n") == [(2,), (2,), (3,)]


def test_columns_of_a_later_version(path: str) -> None:
    """They are accepted, and keep their values."""
    opened(path, FILES[:1]).forget(2, reason="x")
    with closing(SqliteDriver(path, url="")) as driver:
        driver.batch(Batch([Query("ALTER TABLE d1migrate_log ADD COLUMN mood TEXT DEFAULT 'fine'")]))
    opened(path).up()
    assert rows(path, "SELECT DISTINCT mood FROM d1migrate_log") == [("fine",)]
