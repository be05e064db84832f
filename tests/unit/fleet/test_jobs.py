"""Tenants whose next migration is too large for a batch: they wait, and their jobs are run in turn."""

from __future__ import annotations

import itertools
import json
import os
import signal
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from d1migrate.cli import main
from d1migrate.drivers.connect import connect
from d1migrate.drivers.run import run
from d1migrate.drivers.sqlite import SqliteDriver
from d1migrate.errors import Gate, QueryError, UsageError
from d1migrate.fleet.claim_loop import Hooks
from d1migrate.fleet.inventory import inventory
from d1migrate.fleet.jobs import run_jobs
from d1migrate.fleet.journal import Journal, open_journal
from d1migrate.fleet.one import migrate_one
from d1migrate.fleet.plan import FleetPlan
from d1migrate.fleet.runner import run_fleet
from d1migrate.fleet.tenant_drivers import TenantDrivers
from d1migrate.fleet.waves import with_waves
from d1migrate.migrate.flows.read import read_history
from d1migrate.migrator import Migrator
from d1migrate.project.config import load
from d1migrate.project.files import load_migrations

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from d1migrate.fleet.run_values import FleetReport
    from d1migrate.project.fleet import FleetSettings
    from d1migrate.sql.batch import Batch, Result

USERS = "CREATE TABLE users (id INTEGER PRIMARY KEY, email TEXT, norm TEXT);\n"
FILL = "-- d1migrate: batch users rows 50 pause 0\nUPDATE users SET norm = lower(email) WHERE norm IS NULL;\n"
NEXT = "CREATE TABLE next (id INTEGER PRIMARY KEY);\n"
NAMES = ("001_users", "002_between", "003_fill", "004_next")


class Fleet:
    """Files at the first of four migrations, each with so many rows; more than 50 need a job."""

    def __init__(self, folder: Path, sizes: tuple[int, ...]) -> None:
        self.folder, self.sizes = folder, sizes
        texts = (USERS, "CREATE TABLE between_them (id);\n", FILL, NEXT)
        (folder / "migrations").mkdir()
        (folder / "data").mkdir()
        for name, text in zip(NAMES, texts, strict=True):
            (folder / "migrations" / f"{name}.sql").write_text(text)
        self.files = [folder / "data" / f"t{number:02}.db" for number in range(len(sizes))]
        for file, size in zip(self.files, sizes, strict=True):
            with closing(connect(f"sqlite:{file}")) as driver:
                Migrator(driver, self.migrations, by="me").up(to="001")
            self.sql(file, f"""INSERT INTO users (email) SELECT 'A' || value FROM (WITH RECURSIVE n(value) AS (
                SELECT 1 UNION ALL SELECT value + 1 FROM n LIMIT {size}) SELECT value FROM n)""")  # fmt: skip
        self.configure('waves = ["rest"]', 'stop = ["0"]')

    def configure(self, *lines: str) -> None:
        """Write the section of the fleet."""
        text = '[fleet.tenants]\ndatabases = "sqlite:data/*.db"\n' + "\n".join(lines)
        (self.folder / "d1migrate.toml").write_text(text)

    @property
    def migrations(self):  # type: ignore[no-untyped-def]
        """The files."""
        return load_migrations(str(self.folder / "migrations"))

    @property
    def settings(self) -> FleetSettings:
        """The fleet."""
        (found,) = load(str(self.folder), {}, {}).fleets
        return found

    def journal(self) -> Journal:
        """The journal."""
        return open_journal(self.settings.journal, "tenants")

    def plan(self) -> FleetPlan:
        """The target."""
        return FleetPlan(self.migrations, by="me")

    def up(self, **options: object) -> FleetReport:
        """Migrate what needs no job."""
        config, settings = load(str(self.folder), {}, {}), self.settings
        with closing(self.journal()) as journal:
            journal.create()
            listed = with_waves(inventory(config, settings), settings)
            found = run_fleet(journal, settings, self.plan(), listed, TenantDrivers(), **options)  # type: ignore[arg-type]
        return self._checked(found)

    def jobs(self, hooks: Hooks = Hooks(), **options: object) -> FleetReport:  # noqa: B008
        """Run the jobs, as another process; no pause takes time."""
        plan = self.plan()
        clock = Clock()
        hooks = hooks._replace(sleep=clock.sleep, now=clock)
        with closing(self.journal()) as journal:
            begun = journal.unfinished(plan.digest, plan.target or "", self.settings.waves)
            assert begun
            found = run_jobs(journal, begun, self.settings, plan, TenantDrivers(), hooks=hooks, **options)  # type: ignore[arg-type]
        return self._checked(found)

    def _checked(self, found: FleetReport) -> FleetReport:
        assert found.total == found.done + found.failed + found.waiting + found.left == len(self.files)
        return found

    def sql(self, file: Path, text: str) -> list[tuple[object, ...]]:
        """Run a statement past d1migrate."""
        with closing(sqlite3.connect(file)) as connection:
            rows = connection.execute(text).fetchall()
            connection.commit()
        return rows

    def state(self, file: Path) -> tuple[list[object], bool]:
        """The versions of a tenant, and whether a job is open."""
        applied = [row[0] for row in self.sql(file, "SELECT version FROM schema_migrations ORDER BY version")]
        return applied, bool(self.sql(file, "SELECT 1 FROM sqlite_schema WHERE name = '_d1m_job'"))

    def check_done(self) -> None:
        """Every tenant has every migration, every row is filled, and no job is open."""
        for file, size in zip(self.files, self.sizes, strict=True):
            assert self.state(file) == ([1, 2, 3, 4], False)
            assert self.sql(file, "SELECT count(*) FROM users WHERE norm = lower(email)") == [(size,)]


def _killer(looks: int) -> Callable[[], bool]:
    left = itertools.count(-looks)

    def look() -> bool:
        if next(left) == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return False

    return look


class Clock:
    """Time that passes only while somebody sleeps."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        """Return the time."""
        return self.now

    def sleep(self, seconds: float) -> None:
        """Wait."""
        self.now += seconds


@pytest.fixture
def new_fleet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Fleet]:
    """Makes a fleet of files with so many rows each."""
    monkeypatch.chdir(tmp_path)
    return lambda *sizes: Fleet(tmp_path, sizes)


def test_tenants_that_need_a_job_wait(new_fleet: Callable[..., Fleet]) -> None:
    """What comes before it is applied, and nothing after it; small ones are done."""
    fleet = new_fleet(10, 500, 20, 700)
    found = fleet.up()
    assert (found.ended, found.done, found.failed, found.waiting) == ("waiting", 2, 0, 2)
    assert found.waiting_for == ("003_fill",)
    assert [fleet.state(file) for file in fleet.files] == [
        ([1, 2, 3, 4], False),
        ([1, 2], False),
        ([1, 2, 3, 4], False),
        ([1, 2], False),
    ]
    again = fleet.up()
    assert (again.ended, again.run, again.requests) == ("waiting", found.run, 0)


def test_their_jobs_are_run(new_fleet: Callable[..., Fleet]) -> None:
    """A batch of each in turn; then each is migrated further, and the run is done."""
    fleet = new_fleet(10, 500, 20, 700)
    fleet.up()
    found = fleet.jobs()
    assert (found.ended, found.done, found.waiting, found.migrated) == ("done", 4, 0, 2)
    fleet.check_done()
    with closing(fleet.journal()) as journal:
        status = journal.status()
    assert status
    assert status.is_done


def test_interrupted_jobs_go_on(new_fleet: Callable[..., Fleet]) -> None:
    """By the next process, at their cursors; meanwhile the tenants wait."""
    fleet = new_fleet(600, 600, 600)
    fleet.up()
    looks = iter([False] * 30 + [True] * 1000)
    found = fleet.jobs(Hooks(interrupted=lambda: next(looks)))
    assert (found.ended, found.waiting) == ("interrupted", 3)
    assert [fleet.state(file) for file in fleet.files] == [([1, 2], True)] * 3
    before = [fleet.sql(file, "SELECT rows FROM _d1m_job")[0][0] for file in fleet.files]
    assert all(isinstance(rows, int) and 0 < rows < 600 for rows in before)
    again = fleet.up()
    assert (again.ended, again.waiting) == ("waiting", 3)
    assert fleet.jobs().ended == "done"
    fleet.check_done()


def test_killed_jobs_go_on(new_fleet: Callable[..., Fleet]) -> None:
    """With the lease of a killed process, and the job that it had begun, the next one goes on; no row is missed."""
    fleet = new_fleet(600, 600, 600)
    fleet.up()
    for chunks in (3, 8, 20):
        child = os.fork()
        if child == 0:
            fleet.jobs(Hooks(interrupted=_killer(chunks)))
            os._exit(1)
        _, status = os.waitpid(child, 0)
        assert os.WTERMSIG(status) == signal.SIGKILL
        path = fleet.settings.journal.removeprefix("sqlite:")
        fleet.sql(fleet.folder / path, "UPDATE fleet_processes SET until = until - 61")
    assert fleet.up().ended == "waiting"
    assert fleet.jobs().ended == "done"
    fleet.check_done()


def test_states_do_not_multiply(new_fleet: Callable[..., Fleet]) -> None:
    """Each tenant is at another row; all of them are in one state, and one request more says which job."""
    fleet = new_fleet(*range(300, 310))
    fleet.up()
    looks = iter([False] * 60 + [True] * 1000)
    fleet.jobs(Hooks(interrupted=lambda: next(looks)))
    plan = fleet.plan()
    for file in fleet.files:
        outcome = migrate_one(f"sqlite:{file}", plan)
        assert (outcome.waiting_for, outcome.applied, outcome.current) == ("003_fill", (), "002_between")
    assert len(plan.states) == 1
    assert outcome.requests <= 2


def test_the_window_is_checked_before_every_chunk(new_fleet: Callable[..., Fleet]) -> None:
    """Once it is closed, no chunk is sent, and the tenants wait."""
    fleet = new_fleet(600, 600)
    fleet.up()
    asked = iter(range(1000))

    def refuse_closed() -> None:
        if next(asked) > 12:
            raise Gate("the window is closed", gates=("window",))

    found = fleet.jobs(Hooks(refuse_closed))
    assert (found.ended, found.reason, found.waiting) == ("closed", "the window is closed", 2)
    assert fleet.jobs().ended == "done"
    fleet.check_done()


def test_a_job_that_a_person_has_paused(new_fleet: Callable[..., Fleet]) -> None:
    """It is a failure of its tenant, with what to do; the others are done."""
    fleet = new_fleet(600, 600)
    fleet.configure('waves = ["1", "rest"]', 'stop = ["9", "9"]')
    fleet.up()
    with closing(connect(f"sqlite:{fleet.files[0]}")) as driver:
        paused = Migrator(driver, fleet.migrations, by="me")
        paused.run_job(may_continue=lambda sent: sent < 4)
        paused.pause_job()
    found = fleet.jobs()
    assert (found.ended, found.done, found.failed) == ("done", 1, 1)
    with closing(fleet.journal()) as journal, closing(connect(f"sqlite:{fleet.files[0]}")) as driver:
        (group,) = journal.failures(journal.status().run)  # type: ignore[union-attr]
        assert group.error == "the job of 003_fill was paused"
        Migrator(driver, fleet.migrations, by="me").resume_job()
        assert journal.retry() == 1
    assert fleet.up().ended == "waiting"
    assert fleet.jobs().ended == "done"
    fleet.check_done()


def test_a_job_that_fails_stops_its_wave(new_fleet: Callable[..., Fleet]) -> None:
    """The jobs of the next wave are not begun."""
    fleet = new_fleet(600, 600, 600)
    fleet.configure('waves = ["1", "rest"]', 'stop = ["0", "0"]')
    fleet.up()
    with closing(fleet.journal()) as journal:
        first = fleet.sql(fleet.folder / journal._database._driver.url.removeprefix("sqlite:"),
                          "SELECT url FROM fleet_tenants WHERE wave = 0")[0][0]  # fmt: skip
    path = str(first).removeprefix("sqlite:")
    fleet.sql(
        fleet.folder / path, "CREATE TRIGGER no BEFORE UPDATE ON users BEGIN SELECT RAISE(ABORT, 'no'); END"
    )
    found = fleet.jobs()
    assert (found.ended, found.failed, found.waiting) == ("stopped", 1, 2)
    others = [file for file in fleet.files if file.name != path.rpartition("/")[2]]
    assert [fleet.state(file) for file in others] == [([1, 2], False)] * 2


def test_a_job_that_ended_elsewhere(new_fleet: Callable[..., Fleet]) -> None:
    """For example by a cron: the tenant is migrated further."""
    fleet = new_fleet(600, 600)
    fleet.up()
    with closing(connect(f"sqlite:{fleet.files[0]}")) as driver:
        Migrator(driver, fleet.migrations, by="me").run_job()
        assert run(read_history(), driver).job is None
    assert fleet.jobs().ended == "done"
    fleet.check_done()


def test_other_migrations(new_fleet: Callable[..., Fleet]) -> None:
    """The run has to be finished with its files."""
    fleet = new_fleet(600)
    fleet.up()
    (fleet.folder / "migrations" / "005_more.sql").write_text("CREATE TABLE more (id);\n")
    with pytest.raises(UsageError, match="has other migrations"):
        fleet.jobs()


def test_the_command_line(new_fleet: Callable[..., Fleet], capsys: pytest.CaptureFixture[str]) -> None:
    """`fleet up` names the next step, `fleet status` what is waited for, and `fleet jobs` finishes."""
    fleet = new_fleet(10, 600, 600)
    assert main(["fleet", "up"]) == 0  # nothing has failed, and nothing is left that `up` could do
    ran = capsys.readouterr()
    assert "2 waiting (003_fill)" in ran.out
    assert "`d1migrate fleet jobs` runs the jobs" in ran.err
    assert main(["fleet", "status"]) == 0
    ran = capsys.readouterr()
    assert "2 waiting (003_fill)" in ran.out
    assert "`d1migrate fleet jobs`" in ran.err
    assert main(["fleet", "status", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["waiting_count"] == 2
    assert main(["fleet", "verify"]) == 0
    capsys.readouterr()
    assert main(["fleet", "jobs", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["ended"], found["done_count"], found["waiting_count"]) == ("done", 3, 0)
    fleet.check_done()


def test_verify_leaves_an_open_job_out(
    new_fleet: Callable[..., Fleet], capsys: pytest.CaptureFixture[str]
) -> None:
    """It is pending, not different."""
    fleet = new_fleet(600)
    with closing(SqliteDriver(str(fleet.files[0]), url="sqlite:t")) as driver:
        found = Migrator(driver, fleet.migrations, by="me")
        found.up(wait=False)
        found.run_job(may_continue=lambda sent: sent < 4)
    assert fleet.state(fleet.files[0]) == ([1, 2], True)
    assert main(["fleet", "verify", "--json"]) == 0
    verified = json.loads(capsys.readouterr().out)
    assert (verified["pending_count"], verified["different_count"]) == (1, 0)


def test_a_database_that_does_not_report_the_refused_statement(
    new_fleet: Callable[..., Fleet], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As D1's API: the tenant waits for the migration that is too large, not for the first one."""
    batch = SqliteDriver.batch

    def without_index(self: SqliteDriver, sent: Batch) -> Sequence[Result]:
        try:
            return batch(self, sent)
        except QueryError as error:
            raise QueryError(str(error)) from error

    monkeypatch.setattr(SqliteDriver, "batch", without_index)
    fleet = new_fleet(600, 50)
    found = fleet.up()
    assert (found.ended, found.done, found.waiting_for) == ("waiting", 1, ("003_fill",))
    outcome = migrate_one(f"sqlite:{fleet.files[0]}", fleet.plan())
    assert (outcome.waiting_for, outcome.current) == ("003_fill", "002_between")
    assert outcome.requests == 2
    assert fleet.jobs().ended == "done"
    fleet.check_done()


def test_a_rebuild_over_the_budget_that_is_no_job(new_fleet: Callable[..., Fleet]) -> None:
    """It fails, with what to do: no job would run it."""
    fleet = new_fleet(600)
    message = "about 1,200 entries in one batch: over the budget of 100"
    assertion = (
        f"SELECT json_extract('{{}}', '{message}') FROM (SELECT count(*) AS n FROM users) WHERE n > 50;\n"
    )
    (fleet.folder / "migrations" / "002_between.sql").write_text(assertion)
    found = fleet.up()
    assert (found.failed, found.waiting) == (1, 0)
    with closing(fleet.journal()) as journal:
        (group,) = journal.failures(journal.status().run)  # type: ignore[union-attr]
    assert message in group.error
