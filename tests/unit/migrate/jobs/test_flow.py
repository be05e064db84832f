"""A job from its first chunk to its record, on a real database: whoever sends the chunks, and whatever happens."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from d1migrate import Migrator, connect
from d1migrate.errors import (
    AmbiguousError,
    ApplyError,
    ChecksumMismatch,
    HistoryError,
    MissingMigration,
    OverloadedError,
    QueryError,
)
from d1migrate.migrate import source
from d1migrate.sql.batch import Batch, Query
from d1migrate.sql.names import JOB_TABLE
from tests.unit.migrate.jobs.online.running import drafted

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path
    from typing import Any

    from d1migrate.drivers.protocol import Driver
    from d1migrate.sql.batch import Result

ROWS = 1_200
_USERS = "CREATE TABLE users (id INTEGER PRIMARY KEY, email TEXT NOT NULL, norm TEXT);"
_FILL = "-- d1migrate: batch users rows 100 pause 0\nUPDATE users SET norm = lower(email) WHERE norm IS NULL;"
_LATER = "CREATE TABLE later (id INTEGER PRIMARY KEY);"
FILES = source.load([("001_users.sql", _USERS), ("002_fill.sql", _FILL), ("003_later.sql", _LATER)])


class Faults:
    """A driver that sends what a function lets through; the function may raise before or after that."""

    def __init__(self, driver: Driver) -> None:
        self.url, self.capabilities = driver.url, driver.capabilities
        self._driver = driver
        self.sent = list[Batch]()
        self.before: Callable[[int], None] = lambda _: None
        self.after: Callable[[int], None] = lambda _: None
        self.answers: Callable[[Batch, Sequence[Result]], Sequence[Result]] = lambda _, results: results

    def batch(self, batch: Batch) -> Sequence[Result]:
        """Run it, between the two calls."""
        self.sent.append(batch)
        self.before(len(self.sent))
        results = self._driver.batch(batch)
        self.after(len(self.sent))
        return self.answers(batch, results)

    def close(self) -> None:
        """Close it."""
        self._driver.close()


@pytest.fixture
def path(tmp_path: Path) -> str:
    """The database, with the table and its rows."""
    url = f"sqlite:{tmp_path / 'app.db'}"
    with Migrator(url, FILES[:1]) as migrator:
        migrator.up()
        rows = f"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {ROWS})"
        fill = f"INSERT INTO users (id, email) {rows} SELECT i, 'User' || i FROM n"
        migrator.driver.batch(Batch((Query(fill),)))
    return url


def _open(url: str, files: Sequence[object] = FILES) -> tuple[Migrator, Faults]:
    driver = Faults(connect(url))
    return Migrator(driver, files), driver  # type: ignore[arg-type]


def _value(migrator: Migrator, sql: str) -> Any:
    (result,) = migrator.driver.batch(Batch((Query(sql),), reads=True))
    return result.rows[0][0]


def _assert_filled(migrator: Migrator) -> None:
    assert _value(migrator, "SELECT count(*) AS n FROM users WHERE norm IS NOT lower(email)") == 0
    assert _value(migrator, f"SELECT count(*) AS n FROM sqlite_schema WHERE name = '{JOB_TABLE}'") == 0
    entries = migrator.status()
    assert [entry.state for entry in entries] == ["applied"] * 3
    assert [e for e in migrator.history() if e.name == "002_fill" and e.action == "up" and e.done]


def _never(_: float) -> None:
    """Wait for nothing."""


def test_up_runs_the_job_and_what_comes_after_it(path: str) -> None:
    """Thirteen batches: twelve chunks, and the one that records."""
    migrator, driver = _open(path)
    report = migrator.up()
    assert [step.name for step in report.steps] == ["002_fill", "003_later"]
    assert report.waiting_for is None
    _assert_filled(migrator)
    assert len([batch for batch in driver.sent if batch.last_rows]) == 13


def test_a_small_table_is_one_ordinary_transaction(tmp_path: Path) -> None:
    """There is no job then."""
    with Migrator(f"sqlite:{tmp_path / 'app.db'}", FILES) as migrator:
        assert [step.name for step in migrator.up().steps] == ["001_users", "002_fill", "003_later"]
        assert not [e for e in migrator.history() if e.action == "start"]


def test_without_waiting_up_stops_before_the_job(path: str) -> None:
    """Nothing of it is done, and it is no error."""
    migrator, _ = _open(path)
    report = migrator.up(wait=False)
    assert (report.steps, report.waiting_for) == ((), "002_fill")
    assert _value(migrator, "SELECT count(norm) AS n FROM users") == 0


def test_a_job_that_was_stopped_continues_where_it_was(path: str) -> None:
    """The row has the cursor; later migrations wait meanwhile."""
    migrator, _ = _open(path)
    stopped = migrator.run_job(may_continue=lambda sent: sent < 8, sleep=_never)
    assert stopped.end == "stopped"
    assert stopped.job is not None
    assert 0 < stopped.job.rows < ROWS
    entries = {entry.name: entry for entry in migrator.status()}
    assert entries["002_fill"].state == "running"
    job = entries["002_fill"].job
    assert job is not None
    assert job.share == pytest.approx(job.rows / ROWS, abs=0.01)
    assert migrator.up(wait=False).waiting_for == "002_fill"
    assert migrator.run_job(sleep=_never).end == "done"
    migrator.up()
    _assert_filled(migrator)


@pytest.mark.parametrize("lost", ["before", "after"])
@pytest.mark.parametrize("kind", [AmbiguousError, OverloadedError])
def test_every_third_answer_may_be_lost(path: str, lost: str, kind: type[AmbiguousError]) -> None:
    """Whether the batch happened or not: each row is done once, and nothing is looked up."""
    migrator, driver = _open(path)

    def fail(number: int) -> None:
        if number % 3 == 0 and not driver.sent[-1].reads:
            raise kind("no response")

    setattr(driver, lost, fail)
    pauses = list[float]()
    assert migrator.run_job(sleep=pauses.append).end == "done"
    assert any(pauses)
    driver.before = driver.after = lambda _: None
    migrator.up()
    _assert_filled(migrator)


def test_a_database_that_never_responds_ends_the_run_and_not_the_job(path: str) -> None:
    """The error is the driver's; the next run continues."""
    migrator, driver = _open(path)

    def fail(number: int) -> None:
        if number > 6 and not driver.sent[-1].reads:
            raise AmbiguousError("no response")

    driver.before = fail
    with pytest.raises(AmbiguousError):
        migrator.run_job(sleep=_never)
    driver.before = lambda _: None
    migrator.up()
    _assert_filled(migrator)


def test_two_runners_share_a_job(path: str) -> None:
    """A chunk between any two of the other's: both see the end."""
    first, one = _open(path)
    second, _ = _open(path)
    one.before = lambda _: None if one.sent[-1].reads else _chunk(second)
    assert first.run_job(sleep=_never).end == "done"
    assert second.run_job(sleep=_never).end in ("none", "done")
    first.up()
    _assert_filled(first)


def _chunk(migrator: Migrator) -> None:
    migrator.run_job(may_continue=_twice(), sleep=_never)


def _twice() -> Callable[[int], bool]:
    left = iter([True, True])
    return lambda _: next(left, False)


def test_a_late_chunk_of_a_cancelled_job_changes_nothing(path: str) -> None:
    """Neither while there is no job, nor in the next one, which has another token."""
    migrator, driver = _open(path)
    migrator.run_job(may_continue=lambda sent: sent < 6, sleep=_never)
    late = next(batch for batch in reversed(driver.sent) if batch.last_rows)
    assert migrator.cancel_job(reason="a typo").name == "002_fill"
    done = _value(migrator, "SELECT count(norm) AS n FROM users")
    with pytest.raises(QueryError):
        driver.batch(late)
    migrator.run_job(may_continue=lambda sent: sent < 4, sleep=_never)
    with pytest.raises(QueryError, match="the job is running"):
        driver.batch(late)
    assert _value(migrator, "SELECT count(norm) AS n FROM users") >= done


def test_a_cancelled_job_is_begun_again_only_on_request(path: str) -> None:
    """A cron must not undo what a person decided."""
    migrator, _ = _open(path)
    migrator.run_job(may_continue=lambda sent: sent < 6, sleep=_never)
    migrator.cancel_job()
    assert migrator.run_job(again=False, sleep=_never).waiting_for == "002_fill"
    migrator.up()
    _assert_filled(migrator)


def test_a_paused_job_waits_for_its_resume(path: str) -> None:
    """Every runner stops, also one that was in the middle."""
    migrator, _ = _open(path)
    migrator.run_job(may_continue=lambda sent: sent < 6, sleep=_never)
    migrator.pause_job(reason="a sale")
    assert migrator.run_job(sleep=_never).end == "paused"
    report = migrator.up()
    assert report.waiting_for == "002_fill"
    assert report.job is not None
    assert report.job.end == "paused"
    migrator.resume_job()
    migrator.up()
    _assert_filled(migrator)
    assert [e.action for e in migrator.history() if e.name == "002_fill"] == [
        "start",
        "pause",
        "resume",
        "up",
    ]


def test_an_edited_file_is_refused(path: str) -> None:
    """Its chunks would do something else to the rest of the rows."""
    migrator, _ = _open(path)
    migrator.run_job(may_continue=lambda sent: sent < 6, sleep=_never)
    edited = source.load(
        [
            ("001_users.sql", _USERS),
            ("002_fill.sql", _FILL.replace("lower", "upper")),
            ("003_later.sql", _LATER),
        ]
    )
    other, _ = _open(path, edited)
    with pytest.raises(ChecksumMismatch, match="edited while its job is open"):
        other.up()
    with pytest.raises(ChecksumMismatch):
        other.run_job(sleep=_never)
    directive = source.load(
        [
            ("001_users.sql", _USERS),
            ("002_fill.sql", _FILL.replace("pause 0", "pause 0 endless")),
            ("003_later.sql", _LATER),
        ]
    )
    with pytest.raises(ChecksumMismatch):
        _open(path, directive)[0].up()
    with pytest.raises(MissingMigration, match="the file is missing"):
        _open(path, [FILES[0], FILES[2]])[0].up()


def test_a_migration_that_wrangler_recorded_ends_its_job(path: str) -> None:
    """The job closes; the record stays."""
    migrator, driver = _open(path)
    migrator.run_job(may_continue=lambda sent: sent < 6, sleep=_never)
    rest = Query("UPDATE users SET norm = lower(email) WHERE norm IS NULL")
    table = migrator.choice.first_guess
    driver.batch(Batch((rest, *table.insert(FILES[1], 1_790_000_000))))
    assert migrator.run_job(sleep=_never).end == "elsewhere"
    migrator.up()
    assert _value(migrator, "SELECT count(*) AS n FROM users WHERE norm IS NOT lower(email)") == 0
    assert [entry.state for entry in migrator.status()] == ["applied"] * 3


def test_a_refused_chunk_names_the_statement_and_leaves_the_job_open(path: str) -> None:
    """After the row is corrected, the next run continues."""
    migrator, driver = _open(path)
    check = (
        "CREATE TRIGGER no BEFORE UPDATE ON users WHEN NEW.id = 700 BEGIN SELECT RAISE(ABORT, 'not 700'); END"
    )
    driver.batch(Batch((Query(check),)))
    with pytest.raises(ApplyError, match="users row 700: not 700") as caught:
        migrator.run_job(sleep=_never)
    assert caught.value.line == 2
    assert _value(migrator, "SELECT max(id) AS n FROM users WHERE norm IS NOT NULL") == 699
    assert "the job stays open" in str(caught.value.hint)
    driver.batch(Batch((Query("DROP TRIGGER no"),)))
    migrator.up()
    _assert_filled(migrator)


def test_without_a_job_there_is_nothing_to_pause(path: str) -> None:
    """Each says so."""
    migrator, _ = _open(path)
    for method in (migrator.pause_job, migrator.resume_job, migrator.cancel_job):
        with pytest.raises(HistoryError, match="no job is open"):
            method()


_ITEMS = "CREATE TABLE items (id INTEGER PRIMARY KEY, x TEXT{}); CREATE INDEX items_x ON items (x);"
_REBUILD = [
    ("001_items.sql", _ITEMS.format("")),
    ("002_check.sql", drafted(_ITEMS.format(""), _ITEMS.format(" CHECK (x <> '')"), "items")),
]


@pytest.fixture
def rebuilt(tmp_path: Path) -> str:
    """A database with a table of a few rows, whose second migration rebuilds it online."""
    url = f"sqlite:{tmp_path / 'items.db'}"
    with Migrator(url, source.load(_REBUILD[:1])) as migrator:
        migrator.up()
        migrator.driver.batch(Batch((Query("INSERT INTO items (x) VALUES ('a'), ('b'), ('c')"),)))
    return url


def test_a_cancel_that_is_slower_than_the_swap_changes_nothing(rebuilt: str) -> None:
    """Otherwise the migration is recorded, and the indexes keep their temporary names."""
    files = source.load(_REBUILD)
    runner, _ = _open(rebuilt, files)
    runner.run_job(may_continue=lambda sent: sent < 4, sleep=_never)
    canceller, driver = _open(rebuilt, files)
    state = f"SELECT state FROM {JOB_TABLE}"

    def swap_first(_: int) -> None:
        if not driver.sent[-1].reads:
            runner.run_job(
                may_continue=lambda sent: sent < 2 or _value(runner, state) != "indexes", sleep=_never
            )

    driver.before = swap_first
    with pytest.raises(HistoryError, match="its table is replaced"):
        canceller.cancel_job()
    assert runner.run_job(sleep=_never).end == "done"
    indexes = "SELECT group_concat(name) AS n FROM sqlite_schema WHERE type = 'index'"
    assert _value(runner, f"{indexes} AND tbl_name = 'items'") == "items_x"


def test_a_pause_that_is_slower_than_the_end_says_so(path: str) -> None:
    """There is nothing to pause any more."""
    migrator, driver = _open(path)
    migrator.run_job(may_continue=lambda sent: sent < 6, sleep=_never)
    other, _ = _open(path)
    driver.before = lambda _: None if driver.sent[-1].reads else other.run_job(sleep=_never) and None
    with pytest.raises(HistoryError, match="no job is open"):
        migrator.pause_job()


def test_a_job_that_was_cancelled_once_is_begun_although_an_answer_is_lost(path: str) -> None:
    """The request never arrives; the log still has the cancel of before."""
    migrator, driver = _open(path)
    migrator.run_job(may_continue=lambda sent: sent < 6, sleep=_never)
    migrator.cancel_job()
    lost = iter([True])

    def lose(_: int) -> None:
        if not driver.sent[-1].reads and next(lost, False):
            raise AmbiguousError("no response")

    driver.before = lose
    assert migrator.run_job(sleep=_never).end == "done"


def test_a_trigger_that_speaks_as_the_job_does_ends_the_run(path: str) -> None:
    """Its message has the words of an assertion; the run must not try forever."""
    migrator, driver = _open(path)
    message = "SELECT RAISE(ABORT, 'the job is running')"
    driver.batch(Batch((Query(f"CREATE TRIGGER no BEFORE UPDATE ON users BEGIN {message}; END"),)))
    with pytest.raises(ApplyError, match="the job is running"):
        migrator.run_job(sleep=_never)


def test_a_replica_that_lags_ends_the_run(path: str) -> None:
    """It shows the history of before again and again, and the database refuses to begin on it."""
    migrator, driver = _open(path)
    old: dict[tuple[str, ...], Sequence[Result]] = {}

    def remember(batch: Batch, results: Sequence[Result]) -> Sequence[Result]:
        key = tuple(query.sql for query in batch.queries)
        return old.setdefault(key, results) if batch.reads else results

    driver.answers = remember
    migrator.status()
    other, _ = _open(path)
    other.run_job(may_continue=_twice(), sleep=_never)
    other.cancel_job()
    with pytest.raises(ApplyError, match=r"changed meanwhile|newer history"):
        migrator.run_job(sleep=_never)


def test_a_job_that_overloads_the_database_when_it_begins_is_not_begun_again(path: str) -> None:
    """The same batch would overload it again."""
    migrator, driver = _open(path)
    begins = list[Batch]()

    def fail(_: int) -> None:
        if not driver.sent[-1].reads:
            begins.append(driver.sent[-1])
            raise OverloadedError("D1 DB exceeded its CPU time limit and was reset")

    driver.before = fail
    with pytest.raises(OverloadedError):
        migrator.run_job(sleep=_never)
    assert len(begins) == 1
