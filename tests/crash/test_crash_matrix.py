"""Whatever goes wrong and whenever: run the command again, and the database is as if nothing had.

A run is cut at every point of it: a batch that fails or whose answer is lost, an interrupt or a kill before
and behind every query, a kill before every write to the disk.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import shutil
import signal
import subprocess
import sys
import traceback
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import apsw
import pytest

from d1migrate.batch import Batch, Query
from d1migrate.cli import main
from d1migrate.drivers.sqlite import SqliteDriver
from d1migrate.errors import AmbiguousError, ApplyError, Error, QueryError, UnavailableError
from d1migrate.files import load_migrations
from d1migrate.migrator import Migrator
from tests.runtime.workerd import Workerd, WorkerdDriver

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from d1migrate.batch import Result
    from d1migrate.drivers import Driver
    from d1migrate.migration import Migration

    Open = Callable[[], Driver]
    """Opens a database as a process of its own would."""
    Fault = Literal["unavailable", "request lost", "answer lost"]
    Where = Literal["query", "disk", "full disk"]

ROOT = Path(__file__).parents[2]

# HUMMBL's files can run twice without a trace; this one cannot.
ROWS = """CREATE TABLE once (n INTEGER);
INSERT INTO once VALUES (1), (2);
INSERT INTO once SELECT n + 2 FROM once;
-- Rollback:
--   DELETE FROM once WHERE n > 2;
--   DROP TABLE once;
"""

ACTIONS: dict[str, Callable[[Migrator], object]] = {
    "up": lambda migrator: migrator.up(),
    "up --single-transaction": lambda migrator: migrator.up(single_transaction=True),
    "down --to 0": lambda migrator: migrator.down(to=0, allow_loss=["all"]),
}
every_action = pytest.mark.parametrize("action", ACTIONS)


# --- drivers at which things go wrong ---


class Faulty:
    """A driver whose batches number `first` to `last` fail, as `fault` says; `batches` counts them all."""

    def __init__(self, driver: Driver, first: int, last: int, fault: Fault) -> None:
        self.url, self.batches = driver.url, 0
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

    Moments are before a batch, before each of its queries, behind the last of them, and behind the commit.
    """

    def __init__(self, driver: Driver, at: Callable[[int], None]) -> None:
        self.url, self.moments = driver.url, 0
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


# --- a process that is killed, or cannot write ---

FAILED = 3  # the exit code of a child that was told that the database is not available


class Killed:
    """A process that runs an action in a child for every job, and tells how the child ended."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.crash.test_crash_matrix"],
            cwd=ROOT,
            env=os.environ | {"PYTHONPATH": os.pathsep.join(map(os.path.abspath, sys.path))},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def run(self, path: Path, action: str, where: Where, moment: int) -> bool:
        """Run an action that is cut at a moment; False if it ended before that."""
        assert self._process.stdin
        assert self._process.stdout
        job = {"path": str(path), "folder": str(self.folder), "action": action}
        print(json.dumps(job | {"where": where, "moment": moment}), file=self._process.stdin, flush=True)
        answer = self._process.stdout.readline()
        ends = (FAILED if where == "full disk" else -signal.SIGKILL, 0)
        assert answer.strip() in map(str, ends), f"{action}, {where} {moment}: it failed by itself: {answer}"
        return answer.strip() != "0"

    def close(self) -> None:
        """End it."""
        self._process.communicate()


def _serve() -> None:
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            try:
                os._exit(_run(**json.loads(line)))
            except BaseException:
                traceback.print_exc()
                os._exit(1)
        _, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)


def _run(path: str, folder: str, action: str, where: str, moment: int) -> int:
    driver: Driver = SqliteDriver(path, url=f"sqlite:{path}")
    if where == "query":
        driver = Watched(driver, _killer(moment))
    else:
        disk = Disk(_killer(moment) if where == "disk" else _filler(moment))
        assert disk  # kept as long as files are open
    migrator = Migrator(driver, folder)
    try:
        ACTIONS[action](migrator)
    except ApplyError as error:
        if isinstance(error.__cause__, UnavailableError):
            return FAILED
        raise
    if where != "full disk":  # there, APSW would raise what SQLite knows how to ignore
        migrator.close()
    return 0


def _killer(at: int) -> Callable[..., None]:
    def kill(moment: int, grows: bool = False) -> None:
        if moment == at:
            os.kill(os.getpid(), signal.SIGKILL)

    return kill


def _filler(at: int) -> Callable[[int, bool], None]:
    def refuse(moment: int, grows: bool) -> None:
        if grows and moment >= at:
            raise apsw.exception_for(apsw.SQLITE_FULL)

    return refuse


class Disk(apsw.VFS):
    """The files of every connection opened from now on.

    It calls `at` before every write, with its number and whether it puts bytes into a file.
    """

    def __init__(self, at: Callable[[int, bool], None]) -> None:
        base = apsw.vfs_names()[0]
        super().__init__("killed", base, makedefault=True)
        self.base, self._at, self._writes = base, at, itertools.count()

    def write(self, *, grows: bool = False) -> None:
        """Count a write that is about to happen."""
        self._at(next(self._writes), grows)

    def xOpen(self, name: Any, flags: list[int]) -> DiskFile:  # noqa: N802
        """Open a file."""
        return DiskFile(self, name, flags)

    def xDelete(self, filename: str, syncdir: bool) -> None:  # noqa: N802
        """Delete a file."""
        self.write()
        super().xDelete(filename, syncdir)


class DiskFile(apsw.VFSFile):
    """One of its files."""

    def __init__(self, disk: Disk, name: Any, flags: list[int]) -> None:
        super().__init__(disk.base, name, flags)
        self._disk = disk

    def xWrite(self, data: bytes, offset: int) -> None:  # noqa: N802
        """Write."""
        self._disk.write(grows=True)
        super().xWrite(data, offset)

    def xTruncate(self, newsize: int) -> None:  # noqa: N802
        """Shorten."""
        self._disk.write()
        super().xTruncate(newsize)

    def xSync(self, flags: int) -> None:  # noqa: N802
        """Wait for the disk."""
        self._disk.write()
        super().xSync(flags)


# --- what a database is ---


SCHEMA = (
    "SELECT type, name, tbl_name, sql FROM sqlite_schema WHERE name NOT LIKE '\\_cf\\_%' ESCAPE '\\'"
    " ORDER BY type, name"
)
APPLIED = "SELECT version, name FROM schema_migrations ORDER BY version"
LOG = (
    "SELECT event, action, version, name, checksum, rollback_sql, rollback_digest, detail"
    " FROM schema_migrations_log ORDER BY id"
)
PAIRS = "SELECT count(*) FROM schema_migrations_log GROUP BY token, version"


class State(NamedTuple):
    """All of a database that two runs of the same commands have in common."""

    schema: Sequence[tuple[Any, ...]]
    applied: Sequence[tuple[Any, ...]]
    log: Sequence[tuple[Any, ...]]
    rows: Sequence[tuple[Any, ...]]
    status: Sequence[tuple[int, str, str | None]]


def state_of(open_: Open, migrations: Sequence[Migration]) -> State:
    """Read it; the log must hold what began with what ended, each under a token of its own."""
    driver = open_()
    try:
        schema, applied, log, pairs = _read(driver, SCHEMA, APPLIED, LOG, PAIRS)
        rows: Sequence[tuple[Any, ...]] = ()
        if ("table", "once") in {row[:2] for row in schema}:
            (rows,) = _read(driver, "SELECT n FROM once ORDER BY rowid")
        entries = Migrator(driver, migrations).status()
    finally:
        driver.close()
    assert {n for (n,) in pairs} == {2}
    done = [(action, version) for event, action, version, *_ in log if event == "done"]
    assert len(set(done)) == len(done)
    return State(schema, applied, log, rows, [(e.version, e.state, e.checksum) for e in entries])


def _read(driver: Driver, *queries: str) -> list[Sequence[tuple[Any, ...]]]:
    results = driver.batch(Batch([Query(sql) for sql in queries], reads=True))
    return [list(result.rows) for result in results]


def objects(driver: Driver) -> set[str]:
    """The names of all tables and indexes that have one of their own."""
    (rows,) = _read(driver, "SELECT name FROM sqlite_schema WHERE sql IS NOT NULL")
    return {name for (name,) in rows} - {"schema_migrations", "schema_migrations_log"}


class Expected(NamedTuple):
    """The migrations, and what they make of a database that nothing happens to.

    `made` is the names each version creates; `ends` the state behind each action.
    """

    folder: Path
    migrations: Sequence[Migration]
    made: dict[int, set[str]]
    ends: dict[str, State]
    applied: Path

    def check_status(self, open_: Open) -> None:
        """What status says is so: all of an applied version is there, and nothing of a pending one."""
        driver = open_()
        try:
            there = objects(driver)
            for entry in Migrator(driver, self.migrations).status():
                assert entry.state in ("applied", "pending")
                assert self.made[entry.version] & there == (
                    self.made[entry.version] if entry.state == "applied" else set()
                )
        finally:
            driver.close()

    def act(self, driver: Driver, action: str) -> object:
        """Run an action and close the driver."""
        migrator = Migrator(driver, self.migrations)
        try:
            return ACTIONS[action](migrator)
        finally:
            migrator.close()

    def check_again(self, open_: Open, action: str, cut: object) -> None:
        """Status is truthful; run again, and again: the database is as if nothing had happened."""
        self.check_status(open_)
        for _ in range(2):
            self.act(open_(), action)
            assert (cut, state_of(open_, self.migrations)) == (cut, self.ends[action])


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> Expected:
    """The migrations and what they do where nothing goes wrong."""
    folder = tmp_path_factory.mktemp("expected")
    files = shutil.copytree(ROOT / "workers" / "migrations", folder / "migrations")
    (files / "004_rows.sql").write_text(ROWS)
    migrations = load_migrations(str(files))
    made: dict[int, set[str]] = {}
    memory = SqliteDriver(":memory:", url="sqlite::memory:")
    migrator = Migrator(memory, migrations)
    for migration in migrations:
        before = objects(memory)
        migrator.up(to=migration.version)
        made[migration.version] = objects(memory) - before
    migrator.close()
    assert all(made.values())
    applied = folder / "applied.db"
    result = Expected(files, migrations, made, {}, applied)
    for action in ACTIONS:
        path = folder / f"{action}.db"
        if action.startswith("down"):
            shutil.copy(applied, path)
        result.act(file(path)(), action)
        result.ends[action] = state_of(file(path), migrations)
        if action == "up":
            shutil.copy(path, applied)
    return result


# --- databases to run it over: one line a driver ---

DRIVERS: dict[str, Callable[[pytest.FixtureRequest], Callable[[], Open]]] = {
    "sqlite": lambda request: partial(new_file, request.getfixturevalue("tmp_path")),
    "workerd": lambda request: partial(new_d1, request.getfixturevalue("workerd")),
}
_numbers = itertools.count()


def file(path: Path) -> Open:
    """A database in a file."""
    return partial(SqliteDriver, str(path), url=f"sqlite:{path}")


def new_file(folder: Path) -> Open:
    """A database in a new file."""
    return file(folder / f"{next(_numbers)}.db")


def new_d1(server: Workerd) -> Open:
    """A new real D1."""
    return partial(WorkerdDriver, server, server.database())


@pytest.fixture(params=DRIVERS)
def fresh(request: pytest.FixtureRequest) -> Callable[[], Open]:
    """Gives a database nobody has used, again and again; over each driver in turn."""
    return DRIVERS[request.param](request)


def start_of(action: str, open_: Open, expected: Expected) -> None:
    """Bring a fresh database to where an action starts."""
    if action.startswith("down"):
        expected.act(open_(), "up")


# --- (a) and (b): batches ---


@every_action
@pytest.mark.parametrize("fault", ["unavailable", "request lost"])
def test_a_batch_that_never_arrives(
    fresh: Callable[[], Open], expected: Expected, action: str, fault: Fault
) -> None:
    """Whichever batch does not get there, the command fails, says so, and the next run makes up for it."""
    k = 0
    while True:
        open_ = fresh()
        start_of(action, open_, expected)
        faulty = Faulty(open_(), k, k, fault)
        try:
            expected.act(faulty, action)
        except Error as error:
            assert "could not be reached" in str(error) or "connection broke" in str(error)
            assert error.exit_code == 1
        else:
            assert faulty.batches == k, "a fault was swallowed"
            break
        expected.check_again(open_, action, k)
        k += 1
    assert k >= (3 if "single" in action else 6)


@every_action
def test_a_lost_answer(fresh: Callable[[], Open], expected: Expected, action: str) -> None:
    """A batch that ran and whose answer was lost is found in the history; only lost reads stop the command."""
    k = found = 0
    while True:
        open_ = fresh()
        start_of(action, open_, expected)
        faulty = Faulty(open_(), k, k, "answer lost")
        try:
            expected.act(faulty, action)
        except AmbiguousError:  # of a read: there is nothing to look for
            pass
        else:
            if faulty.batches == k:
                break
            found += 1
            assert state_of(open_, expected.migrations) == expected.ends[action]
        expected.check_again(open_, action, k)
        k += 1
    assert found == (1 if "single" in action else 4)


@every_action
def test_all_answers_lost_from_one_on(fresh: Callable[[], Open], expected: Expected, action: str) -> None:
    """With the answer and all later ones lost the outcome is unknown; no error calls it not done."""
    k = 0
    while True:
        open_ = fresh()
        start_of(action, open_, expected)
        driver = Cut(open_(), k)
        try:
            expected.act(driver, action)
        except Error as error:
            if driver.wrote:
                assert not isinstance(error, UnavailableError), f"{k}: something was done: {error!r}"
                assert "answer" in str(error) or isinstance(error, AmbiguousError)
        else:
            break
        expected.check_again(open_, action, k)
        k += 1


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


# --- interrupts ---


@every_action
def test_an_interrupt_at_every_moment(tmp_path: Path, expected: Expected, action: str) -> None:
    """An interrupt between any two queries leaves whole migrations; the driver itself can go on."""
    moment = 0
    while True:
        open_ = new_file(tmp_path)
        start_of(action, open_, expected)
        driver = open_()
        watched = Watched(driver, _interrupter(moment))
        migrator = Migrator(watched, expected.migrations)
        try:
            ACTIONS[action](migrator)
        except KeyboardInterrupt:
            pass
        else:
            migrator.close()
            break
        ACTIONS[action](Migrator(driver, expected.migrations))
        migrator.close()
        assert (moment, state_of(open_, expected.migrations)) == (moment, expected.ends[action])
        expected.check_again(open_, action, moment)
        moment += 1
    assert moment > 40


def _interrupter(at: int) -> Callable[[int], None]:
    def interrupt(moment: int) -> None:
        if moment == at:
            raise KeyboardInterrupt

    return interrupt


@pytest.mark.parametrize("behind_commit", [False, True])
def test_what_the_command_says_of_an_interrupt(
    tmp_path: Path,
    expected: Expected,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    behind_commit: bool,
) -> None:
    """Interrupted, the command exits with 130 and does not call undone what was committed."""
    path = tmp_path / "app.db"

    class Interrupted(SqliteDriver):
        def batch(self, batch: Batch) -> Sequence[Result]:
            if batch.label != "002_add_api_keys_table":
                return super().batch(batch)
            if behind_commit:
                super().batch(batch)
            raise KeyboardInterrupt

    def connect(url: str, **_: object) -> Driver:
        return Interrupted(str(path), url=url)

    monkeypatch.setattr("d1migrate.drivers.connect", connect)
    arguments = ["--database", f"sqlite:{path}", "--migrations", str(expected.folder), "up"]
    assert main(arguments) == 130
    said = capsys.readouterr().err
    assert "interrupted" in said
    open_ = file(path)
    migrator = Migrator(open_(), expected.migrations)
    assert migrator.current() == (2 if behind_commit else 1)
    migrator.close()
    assert f"002_add_api_keys_table {'was' if behind_commit else 'was not'} applied" in said
    assert "done before: 001_initial_schema" in said
    expected.check_again(open_, "up", behind_commit)


# --- (c): kill -9 ---


@pytest.fixture(scope="module")
def killed(expected: Expected) -> Iterator[Killed]:
    """A process whose children are killed."""
    process = Killed(expected.folder)
    yield process
    process.close()


@every_action
def test_killed_at_every_query(tmp_path: Path, expected: Expected, killed: Killed, action: str) -> None:
    """A process killed before a batch, before or behind any query, or behind a commit."""
    assert _kill_everywhere(tmp_path, expected, killed, action, "query") > 40


@every_action
@pytest.mark.parametrize("journal", ["wal", "delete"])
def test_killed_at_every_write(
    tmp_path: Path, expected: Expected, killed: Killed, action: str, journal: str
) -> None:
    """A process killed at any write to the disk: while the file is made, in a commit, in a checkpoint.

    A file that exists keeps its rollback journal, and what a killed process left in it is undone.
    """
    assert _kill_everywhere(tmp_path, expected, killed, action, "disk", journal) > 20


@every_action
def test_a_disk_that_is_full(tmp_path: Path, expected: Expected, killed: Killed, action: str) -> None:
    """From any write on the disk is full: the command fails and says so, and nothing is half done."""
    assert _kill_everywhere(tmp_path, expected, killed, action, "full disk") > 40


def _kill_everywhere(
    folder: Path, expected: Expected, killed: Killed, action: str, where: Where, journal: str = "wal"
) -> int:
    for moment in itertools.count():
        path = folder / f"{moment}.db"
        if action.startswith("down"):
            shutil.copy(expected.applied, path)
        if journal != "wal":
            _set_journal(path, journal)
        if not killed.run(path, action, where, moment):
            return moment
        expected.check_again(file(path), action, moment)
        assert _journal(path) == journal
        for left in folder.glob(f"{moment}.db*"):
            left.unlink()
    raise AssertionError


def _set_journal(path: Path, journal: str) -> None:
    connection = apsw.Connection(str(path))
    connection.pragma("journal_mode", journal)
    connection.pragma("user_version", 1)  # a new file gets its first page by this
    connection.close()


def _journal(path: Path) -> object:
    connection = apsw.Connection(str(path))
    try:
        return connection.pragma("journal_mode")
    finally:
        connection.close()


if __name__ == "__main__":
    _serve()
