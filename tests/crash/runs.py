"""What the crash tests run, where, and what must come of it."""

from __future__ import annotations

import contextlib
import itertools
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import pytest

from d1migrate.drivers.protocol import Capabilities
from d1migrate.drivers.sqlite import SqliteDriver
from d1migrate.errors import AmbiguousError, QueryError, UnavailableError
from d1migrate.migrator import Migrator
from d1migrate.sql.batch import Batch, Query
from tests import inputs

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from d1migrate.drivers.protocol import Driver
    from d1migrate.migrate.migration import Migration
    from d1migrate.sql.batch import Result

    Open = Callable[[], Driver]
    """Opens a database as a process of its own would."""
    Fault = Literal["unavailable", "request lost", "answer lost"]

ROOT = Path(__file__).parents[2]

# HUMMBL's files can run twice without a trace; this one cannot.
ROWS = """CREATE TABLE once (n INTEGER);
INSERT INTO once VALUES (1), (2);
INSERT INTO once SELECT n + 2 FROM once;
-- Rollback:
--   DELETE FROM once WHERE n > 2;
--   DROP TABLE once;
"""

# In wrangler's table: 0 as a number, a number twice, a folder, and no file that records itself.
NAMES = {
    "0000_init.sql": "CREATE TABLE users (id INTEGER PRIMARY KEY, mail TEXT UNIQUE);\n"
    "-- Rollback:\n--   DROP TABLE users;\n",
    "0001_keys.sql": "CREATE TABLE keys (id INTEGER PRIMARY KEY, user INTEGER REFERENCES users);\n"
    "CREATE INDEX keys_user ON keys (user);\n-- Rollback:\n--   DROP TABLE keys;\n",
    "0001_teams/migration.sql": "CREATE TABLE teams (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT);\n"
    "INSERT INTO teams (name) VALUES ('first');\n-- Rollback:\n--   DROP TABLE teams;\n",
    "0002_rows.sql": ROWS,
}
PATTERN = "**/*.sql"


def up(migrator: Migrator, *, single: bool = False) -> None:
    """Apply, and fail as the command does if the check after it finds something, or gets no answer."""
    report = migrator.up(single_transaction=single)
    if not report.ok:
        raise AmbiguousError(report.problems[0].message)


ACTIONS: dict[str, Callable[[Migrator], object]] = {
    "up": up,
    "up --single-transaction": partial(up, single=True),
    "down": lambda migrator: migrator.down(to="none", allow_loss=["all"]),
}
every_action = pytest.mark.parametrize("action", ACTIONS)


# --- drivers at which things go wrong ---


class Faulty:
    """A driver whose batches number `first` to `last` fail, as `fault` says; `batches` counts them all."""

    def __init__(self, driver: Driver, first: int, last: int, fault: Fault) -> None:
        self.url, self.batches = driver.url, 0
        self.capabilities = Capabilities()  # all that it does passes through `batch`, where the faults are
        self._driver, self._faulty, self._fault = driver, range(first, last + 1), fault

    def batch(self, batch: Batch) -> Sequence[Result]:
        """Run it, or not, and answer, or not."""
        number, self.batches = self.batches, self.batches + 1
        if number not in self._faulty:
            return self._driver.batch(batch)
        if self._fault == "unavailable":
            raise UnavailableError("the database could not be reached")
        if self._fault == "answer lost":
            with contextlib.suppress(QueryError):  # a refusal is an answer too
                self._driver.batch(batch)
        raise AmbiguousError("the connection broke")

    def close(self) -> None:
        """Close the driver."""
        self._driver.close()


class Watched:
    """A driver that calls `at` with the number of every moment.

    Moments are before a batch, before each of its queries, after the last of them, and after the commit.
    """

    def __init__(self, driver: Driver, at: Callable[[int], None]) -> None:
        self.url, self.capabilities, self.moments = driver.url, driver.capabilities, 0
        self._driver, self._at = driver, at

    def batch(self, batch: Batch) -> Sequence[Result]:
        """Run it."""
        self._moment()
        results = self._driver.batch(batch._replace(queries=self._queries(batch.queries)))
        self._moment()
        return results

    def close(self) -> None:
        """Close the driver."""
        self._driver.close()

    def _queries(self, queries: Iterable[Query]) -> Iterator[Query]:
        for query in queries:
            self._moment()
            yield query
        self._moment()

    def _moment(self) -> None:
        number, self.moments = self.moments, self.moments + 1
        self._at(number)


class Cut(Faulty):
    """A driver that loses one answer, and cannot be reached any more; `wrote`: the lost one was a write's."""

    def __init__(self, driver: Driver, at: int) -> None:
        super().__init__(driver, at + 1, 1_000_000, "unavailable")
        self._at, self.wrote = at, False

    def batch(self, batch: Batch) -> Sequence[Result]:
        """Run it, or not."""
        last = self.batches == self._at
        if not last:
            return super().batch(batch)
        with contextlib.suppress(QueryError):
            super().batch(batch)
        self.wrote = not batch.reads
        raise AmbiguousError("the connection broke")


# --- what a database is ---


SCHEMA = (
    "SELECT type, name, tbl_name, sql FROM sqlite_schema WHERE name NOT LIKE '\\_cf\\_%' ESCAPE '\\'"
    " ORDER BY type, name"
)
APPLIED = {
    "versions": "SELECT version, name FROM schema_migrations ORDER BY version",
    "names": "SELECT id, name, (SELECT seq FROM sqlite_sequence WHERE name = 'd1_migrations')"
    " FROM d1_migrations ORDER BY id",
}
LOG = (
    "SELECT event, action, version, name, checksum, rollback_sql, rollback_digest, detail"
    " FROM d1migrate_log ORDER BY id"
)
PAIRS = "SELECT count(*) FROM d1migrate_log GROUP BY token, name"


class State(NamedTuple):
    """All of a database that two runs of the same commands have in common."""

    schema: Sequence[tuple[Any, ...]]
    applied: Sequence[tuple[Any, ...]]
    log: Sequence[tuple[Any, ...]]
    rows: Sequence[tuple[Any, ...]]
    status: Sequence[tuple[str, str, str | None]]


def _read(driver: Driver, *queries: str) -> list[Sequence[tuple[Any, ...]]]:
    results = driver.batch(Batch([Query(sql) for sql in queries], reads=True))
    return [list(result.rows) for result in results]


def objects(driver: Driver) -> set[str]:
    """The names of all tables and indexes that have one of their own."""
    (rows,) = _read(driver, "SELECT name FROM sqlite_schema WHERE sql IS NOT NULL")
    return {name for (name,) in rows} - {
        "schema_migrations",
        "d1_migrations",
        "d1migrate_log",
        "sqlite_sequence",
    }


class Expected(NamedTuple):
    """The migrations, and what they make of a database that nothing happens to.

    `made` is the names each migration creates; `ends` the state after each action.
    """

    shape: str
    folder: Path
    migrations: Sequence[Migration]
    made: dict[str, set[str]]
    ends: dict[str, State]
    applied: Path

    @property
    def options(self) -> dict[str, str]:
        """The options of a Migrator."""
        return {"wrangler_table": "d1_migrations"} if self.shape == "names" else {}

    def migrator(self, driver: Driver) -> Migrator:
        """Return a migrator of the migrations."""
        return Migrator(driver, self.migrations, **self.options)  # type: ignore[arg-type]

    def moments(self) -> Iterator[int]:
        """Every moment; with names, if all drivers take the same steps, every fifth, or all with --times 2."""
        return itertools.count(0, 1 if self.shape == "versions" or inputs.TIMES > 1 else 5)

    def check_status(self, open_: Open) -> None:
        """What status says is so: all of an applied version is there, and nothing of a pending one."""
        driver = open_()
        try:
            there = objects(driver)
            for entry in self.migrator(driver).status():
                assert entry.state in ("applied", "pending")
                assert self.made[entry.name] & there == (
                    self.made[entry.name] if entry.state == "applied" else set()
                )
        finally:
            driver.close()

    def act(self, driver: Driver, action: str) -> object:
        """Run an action and close the driver."""
        migrator = self.migrator(driver)
        try:
            return ACTIONS[action](migrator)
        finally:
            migrator.close()

    def state_of(self, open_: Open) -> State:
        """Read a database; the log must hold what began with what ended, each under a token of its own."""
        driver = open_()
        try:
            schema, applied, log, pairs = _read(driver, SCHEMA, APPLIED[self.shape], LOG, PAIRS)
            rows: Sequence[tuple[Any, ...]] = ()
            if ("table", "once") in {row[:2] for row in schema}:
                (rows,) = _read(driver, "SELECT n FROM once ORDER BY rowid")
            entries = self.migrator(driver).status()
        finally:
            driver.close()
        assert {n for (n,) in pairs} == {2}
        done = [(action, name) for event, action, _, name, *_ in log if event == "done"]
        assert len(set(done)) == len(done)
        return State(schema, applied, log, rows, [(e.name, e.state, e.checksum) for e in entries])

    def check_again(self, open_: Open, action: str, cut: object) -> None:
        """Status is truthful; run again, and again: the database is as if nothing had happened."""
        self.check_status(open_)
        for _ in range(2):
            self.act(open_(), action)
            assert (cut, self.state_of(open_)) == (cut, self.ends[action])


def file(path: Path) -> Open:
    """A database in a file."""
    return partial(SqliteDriver, str(path), url=f"sqlite:{path}")


def start_of(action: str, open_: Open, expected: Expected) -> None:
    """Bring a fresh database to where an action starts."""
    if action.startswith("down"):
        expected.act(open_(), "up")
