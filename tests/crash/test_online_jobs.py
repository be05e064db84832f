"""An online rebuild whose requests are lost, late or doubled, and whose runners are killed, while an application writes.

After every request of the job the application writes, and no write is refused. At the end the table is equal to that of
a control that got the same writes and the file as one batch, or the same writes after it.
"""

from __future__ import annotations

import itertools
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from d1migrate.drivers.protocol import Capabilities
from d1migrate.errors import Error
from d1migrate.migrate.migration import Migration
from d1migrate.migrator import Migrator
from d1migrate.sql.batch import Batch, Query
from tests import inputs
from tests.application.jobs import online
from tests.crash.killed import Killed
from tests.crash.runs import file
from tests.crash.test_remote_matrix import MODES, PATIENCE, at, every_mode

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from d1migrate.drivers.protocol import Driver
    from d1migrate.sql.batch import Result
    from tests.crash.runs import Open
    from tests.remote.conftest import Remote

ROWS = 9
BEFORE = """CREATE TABLE users (id INTEGER PRIMARY KEY AUTOINCREMENT, email TEXT UNIQUE, name TEXT, gone TEXT);
CREATE INDEX users_name ON users (name);
"""
AFTER = BEFORE.replace("name TEXT, gone TEXT", "name TEXT CHECK (name <> '')")
CREATE = f"""{BEFORE}
WITH RECURSIVE n(x) AS (SELECT -4 UNION ALL SELECT x + 1 FROM n LIMIT {ROWS}) INSERT INTO users SELECT x * 7, 'U' || x, 'n', 'g' FROM n;
-- Rollback:
--   DROP TABLE users;
"""
BUDGET = 40
"""Entries of a batch: enough for five rows of a chunk, and fewer than the rebuild needs."""
REBUILD = (
    online(BEFORE, AFTER, "users").replace("> 50000;", f"> {BUDGET // 2};") + "-- Rollback:\n--   SELECT 1;\n"
)
MIGRATIONS = [Migration(1, "001_users", CREATE), Migration(2, "002_rebuild", REBUILD)]
WRITES = [
    "INSERT INTO users (email, name) VALUES ('new{0}', 'n{0}')",
    "UPDATE users SET name = 'n{0}' WHERE id % 3 = 0",
    "INSERT OR REPLACE INTO users (id, email, name) VALUES ({0}, 'U' || ({0} % 9 - 4), 'r{0}')",
    "UPDATE OR REPLACE users SET id = id + 7 WHERE id = (SELECT min(id) FROM users)",
    "INSERT INTO users (email, name) VALUES ('U1', 'u') ON CONFLICT (email) DO UPDATE SET name = name || {0}",
    "DELETE FROM users WHERE id = (SELECT max(id) FROM users)",
]
STEP = 6 if inputs.TIMES <= 1 else 1
"""Every so many requests get a fault; all of them with --times 2."""


class Busy:
    """A driver; after every batch an application writes, whether or not the batch had an answer."""

    def __init__(self, driver: Driver, write: Callable[[str], object]) -> None:
        self.url, self.capabilities = driver.url, Capabilities()
        self._driver, self._write = driver, write
        self.written = list[str]()

    def batch(self, batch: Batch) -> Sequence[Result]:
        """Run it, and write."""
        try:
            return self._driver.batch(batch)
        finally:
            sql = WRITES[len(self.written) % len(WRITES)].format(len(self.written))
            self._write(sql)
            self.written.append(sql)

    def close(self) -> None:
        """Close the driver."""
        self._driver.close()


@pytest.fixture
def start(new_remote: Callable[[], Remote]) -> Callable[[], Remote]:
    """Gives a remote D1 of which the second migration is pending."""

    def make() -> Remote:
        remote = new_remote()
        with closing(remote.open()) as driver:
            Migrator(driver, MIGRATIONS[:1]).up(lint=False)
        return remote

    return make


def run(remote: Remote, driver: Driver) -> str:
    """Run the job, and again after an error; return how it ended."""
    migrator = Migrator(driver, MIGRATIONS, budget=BUDGET)
    for _ in range(20):
        try:
            if (end := migrator.run_job(sleep=remote.wait).end) != "stopped":
                return end
        except Error as error:
            assert error.exit_code
    return "never"


def busy(remote: Remote, *, patience: float | None = None) -> Busy:
    """A driver, beside an application that writes past the API."""
    return Busy(remote.open(timeout=patience), lambda sql: remote.server.sql(remote.id, sql))


def check(open_: Open, written: Sequence[str], cut: object) -> None:
    """The table is that of the control, the migration is recorded once, and nothing of the job is left."""
    control = sqlite3.connect(":memory:")
    control.executescript(CREATE)
    for sql in written:
        control.execute(sql)
    driver = open_()
    try:
        queries = [
            "SELECT id, email, name FROM users ORDER BY id",
            "SELECT seq FROM sqlite_sequence WHERE name = 'users'",
            "SELECT version FROM schema_migrations ORDER BY version",
            "SELECT action FROM d1migrate_log WHERE version = 2 AND event = 'done' ORDER BY id",
            "SELECT name FROM sqlite_schema WHERE name LIKE '\\_d1m%' ESCAPE '\\'",
            "SELECT name FROM sqlite_schema WHERE tbl_name = 'users' AND sql IS NOT NULL ORDER BY name",
        ]
        found = [list(r.rows) for r in driver.batch(Batch([Query(sql) for sql in queries], reads=True))]
    finally:
        driver.close()
    expected = [control.execute(sql).fetchall() for sql in queries[:2]]
    control.close()
    assert (cut, found[:2]) == (cut, expected)
    assert found[2:] == [[(1,), (2,)], [("start",), ("up",)], [], [("users",), ("users_name",)]]


@every_mode
def test_a_fault_at_every_request(start: Callable[[], Remote], mode: str) -> None:
    """The run goes on by itself, or the next one does."""
    for k in itertools.count(1 + list(MODES).index(mode) % STEP, STEP):
        remote = start()
        before = len(remote.server.requests())
        remote.server.faults(at(k, mode))
        driver = busy(remote, patience=PATIENCE if "silence" in mode else None)
        assert run(remote, driver) in ("done", "none"), (mode, k)
        hit = len(remote.server.requests()) - before >= k
        remote.server.faults()
        check(remote.open, driver.written, (mode, k))
        if not hit:
            break
    assert k > 10


LOSSES = ["drop", "lose reply", "cut reply", "7429", "503"]


@pytest.mark.parametrize("loss", LOSSES)
def test_every_second_request_is_lost(start: Callable[[], Remote], loss: str) -> None:
    """A chunk has no look-up after a lost answer: the next one is sent, whichever that is."""
    remote = start()
    after = {"after": True} if loss in ("7429", "503") else {}
    remote.server.faults({"match": {"path": "/query$", "every": 2}, "do": loss, **after})
    driver = busy(remote)
    assert run(remote, driver) in ("done", "none")
    remote.server.faults()
    check(remote.open, driver.written, loss)


def test_a_chunk_that_arrives_late(start: Callable[[], Remote]) -> None:
    """Four chunks later it is the next one, or is refused."""
    for k in range(1, 18, STEP):
        remote = start()
        remote.server.faults({"match": {"path": "/query$", "nth": k}, "do": "late", "past": 4})
        driver = busy(remote)
        assert run(remote, driver) in ("done", "none")
        remote.server.faults()
        with closing(remote.open()) as other:
            for _ in range(5):
                Migrator(other, MIGRATIONS).status()
        check(remote.open, driver.written, k)


@pytest.mark.parametrize("answer", ["first", "second"])
def test_every_request_is_doubled(start: Callable[[], Remote], answer: str) -> None:
    """Two chunks are done for one request."""
    remote = start()
    remote.server.faults({"match": {"path": "/query$"}, "do": "twice", "answer": answer})
    driver = busy(remote)
    assert run(remote, driver) in ("done", "none")
    remote.server.faults()
    check(remote.open, driver.written, answer)


@pytest.mark.parametrize("loss", [None, *LOSSES])
def test_three_runners(start: Callable[[], Remote], loss: str | None) -> None:
    """They share the chunks, also if every third request is lost; one of them has an application beside it."""
    remote = start()
    if loss:
        after = {"after": True} if loss in ("7429", "503") else {}
        remote.server.faults({"match": {"path": "/query$", "every": 3}, "do": loss, **after})
    driver = busy(remote)
    with ThreadPoolExecutor(3) as pool:
        ends = list(pool.map(lambda one: run(remote, one), [driver, remote.open(), remote.open()]))
    assert {*ends} <= {"done", "none"}
    remote.server.faults()
    check(remote.open, driver.written, loss)


@pytest.fixture(scope="module")
def killed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Killed]:
    """A process whose children run the files, and are killed."""
    folder = tmp_path_factory.mktemp("migrations")
    (folder / "001_users.sql").write_text(CREATE)
    (folder / "002_rebuild.sql").write_text(REBUILD)
    process = Killed(folder, {"budget": BUDGET})  # type: ignore[dict-item]
    yield process
    process.close()


def write(path: Path, written: list[str]) -> None:
    """Have the application write to a file, once its table exists."""
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA foreign_keys = ON")
        if connection.execute("SELECT 1 FROM sqlite_schema WHERE name = 'users'").fetchone():
            for place, sql in enumerate(WRITES):
                written.append(sql.format(place + len(written)))
                connection.execute(written[-1])
            connection.commit()


@pytest.mark.parametrize("where", ["query", "disk"])
def test_killed_everywhere(tmp_path: Path, killed: Killed, where: str) -> None:
    """Before or after any query, or at any write to the disk; the application writes, and `up` continues."""
    for moment in itertools.count(0, STEP):
        path, written = tmp_path / f"{moment}.db", list[str]()
        if not killed.run(path, "up", where, moment):  # type: ignore[arg-type]
            break
        write(path, written)
        assert not killed.run(path, "up", "query", 1_000_000)
        check(file(path), written, moment)
    assert moment > 60


def test_killed_again_and_again(tmp_path: Path, killed: Killed) -> None:
    """A little later each time, until nothing is left to do; the application writes between all of it."""
    path, written = tmp_path / "a.db", list[str]()
    for moment in itertools.count(5, 5):
        if not killed.run(path, "up", "query", moment):
            break
        write(path, written)
    check(file(path), written, "again and again")
