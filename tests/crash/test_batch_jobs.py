"""A batch migration whose requests are lost, late or doubled, and whose runners are killed: each row is done once."""

from __future__ import annotations

import itertools
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from d1migrate.errors import Error
from d1migrate.migrate.migration import Migration
from d1migrate.migrator import Migrator
from d1migrate.sql.batch import Batch, Query
from tests import inputs
from tests.crash.killed import Killed
from tests.crash.runs import file
from tests.crash.test_remote_matrix import MODES, PATIENCE, at, every_mode

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from d1migrate.drivers.protocol import Driver
    from tests.crash.runs import Open
    from tests.remote.conftest import Remote

ROWS = 9
CREATE = f"""CREATE TABLE users (id INTEGER PRIMARY KEY, email TEXT NOT NULL, norm TEXT);
WITH RECURSIVE n(x) AS (SELECT -4 UNION ALL SELECT x + 1 FROM n LIMIT {ROWS}) INSERT INTO users SELECT x * 7, 'U' || x, NULL FROM n;
CREATE TABLE ran (id INTEGER);
CREATE TRIGGER note AFTER UPDATE OF norm ON users BEGIN INSERT INTO ran VALUES (NEW.id); END;
-- Rollback:
--   DROP TRIGGER note;
--   DROP TABLE ran;
--   DROP TABLE users;
"""
FILL = """-- d1migrate: batch users rows 4
-- d1migrate: allow=D130 reason="a test"
UPDATE users SET norm = lower(email);
-- Rollback:
--   SELECT 1;
"""
MIGRATIONS = [Migration(1, "001_users", CREATE), Migration(2, "002_fill", FILL)]
REQUESTS = range(1, 10)
"""More than a run has that nothing happens to."""


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
    migrator = Migrator(driver, MIGRATIONS)
    for _ in range(12):
        try:
            if (end := migrator.run_job(sleep=remote.wait).end) != "stopped":
                return end
        except Error as error:
            assert error.exit_code
    return "never"


def check(open_: Open, cut: object) -> None:
    """Each row was done once, the migration is recorded once, and nothing of the job is left."""
    driver = open_()
    try:
        queries = [
            "SELECT count(*), count(DISTINCT id) FROM ran",
            "SELECT count(*) FROM users WHERE norm IS lower(email)",
            "SELECT version FROM schema_migrations ORDER BY version",
            "SELECT action, detail FROM d1migrate_log WHERE version = 2 AND event = 'done' ORDER BY id",
            "SELECT name FROM sqlite_schema WHERE name LIKE '\\_d1m%' ESCAPE '\\'",
        ]
        found = [list(r.rows) for r in driver.batch(Batch([Query(sql) for sql in queries], reads=True))]
        assert (cut, found[:3]) == (cut, [[(ROWS, ROWS)], [(ROWS,)], [(1,), (2,)]])
        assert [action for action, _ in found[3]] == ["start", "up"]
        assert f'"rows": {ROWS}' in found[3][1][1]
        assert found[4] == []
    finally:
        driver.close()


@every_mode
def test_a_fault_at_every_request(start: Callable[[], Remote], mode: str) -> None:
    """The run goes on by itself, or the next one does. Every other request is tried; all of them with --times 2."""
    step = 2 if inputs.TIMES <= 1 else 1
    for k in REQUESTS[list(MODES).index(mode) % step :: step]:
        remote = start()
        before = len(remote.server.requests())
        remote.server.faults(at(k, mode))
        patience = PATIENCE if "silence" in mode else None
        assert run(remote, remote.open(timeout=patience)) in ("done", "none"), (mode, k)
        hit = len(remote.server.requests()) - before >= k
        remote.server.faults()
        check(remote.open, (mode, k))
        if not hit:
            break
    assert k >= 6


LOSSES = ["drop", "lose reply", "cut reply", "garbage", "7429", "503"]


@pytest.mark.parametrize("loss", LOSSES)
def test_every_second_request_is_lost(start: Callable[[], Remote], loss: str) -> None:
    """A chunk has no look-up after a lost answer: the next one is sent, whichever that is."""
    remote = start()
    after = {"after": True} if loss in ("7429", "503") else {}
    remote.server.faults({"match": {"path": "/query$", "every": 2}, "do": loss, **after})
    assert run(remote, remote.open()) in ("done", "none")
    remote.server.faults()
    check(remote.open, loss)


def test_a_chunk_that_arrives_late(start: Callable[[], Remote]) -> None:
    """Four chunks later it is the next one, or is refused."""
    for k in REQUESTS:
        remote = start()
        remote.server.faults({"match": {"path": "/query$", "nth": k}, "do": "late", "past": 4})
        assert run(remote, remote.open()) in ("done", "none")
        remote.server.faults()
        with closing(remote.open()) as driver:
            for _ in range(5):
                Migrator(driver, MIGRATIONS).status()
        check(remote.open, k)


@pytest.mark.parametrize("answer", ["first", "second"])
def test_every_request_is_doubled(start: Callable[[], Remote], answer: str) -> None:
    """Two chunks are done for one request."""
    remote = start()
    remote.server.faults({"match": {"path": "/query$"}, "do": "twice", "answer": answer})
    assert run(remote, remote.open()) in ("done", "none")
    remote.server.faults()
    check(remote.open, answer)


@pytest.mark.parametrize("loss", [None, *LOSSES])
def test_three_runners(start: Callable[[], Remote], loss: str | None) -> None:
    """They share the chunks, also if every third request is lost."""
    remote = start()
    if loss:
        after = {"after": True} if loss in ("7429", "503") else {}
        remote.server.faults({"match": {"path": "/query$", "every": 3}, "do": loss, **after})
    with ThreadPoolExecutor(3) as pool:
        ends = list(pool.map(lambda driver: run(remote, driver), [remote.open() for _ in range(3)]))
    assert {*ends} <= {"done", "none"}
    remote.server.faults()
    check(remote.open, loss)


@pytest.fixture(scope="module")
def killed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Killed]:
    """A process whose children run the files, and are killed."""
    folder = tmp_path_factory.mktemp("migrations")
    (folder / "001_users.sql").write_text(CREATE)
    (folder / "002_fill.sql").write_text(FILL)
    process = Killed(folder, {})
    yield process
    process.close()


def test_killed_at_every_query(tmp_path: Path, killed: Killed) -> None:
    """Before a batch, before or after any query, or after a commit; `up` continues."""
    for moment in itertools.count():
        path = tmp_path / f"{moment}.db"
        if not killed.run(path, "up", "query", moment):
            break
        assert not killed.run(path, "up", "query", 1_000_000)
        check(file(path), moment)
    assert moment > 60


def test_killed_at_every_fifth_query(tmp_path: Path, killed: Killed) -> None:
    """Again and again, a little later each time, until nothing is left to do."""
    path = tmp_path / "a.db"
    for moment in itertools.count(5, 5):
        if not killed.run(path, "up", "query", moment):
            break
    check(file(path), "again and again")
