"""Requests that arrive late or twice: nothing runs a second time, and what is reported is true."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from d1migrate.drivers.protocol import Capabilities
from d1migrate.errors import AmbiguousError, ApplyError, QueryError
from d1migrate.migrate.adopt.flow import Hints
from d1migrate.migrate.migration import Migration
from d1migrate.migrator import Migrator
from d1migrate.sql.batch import Batch, Query

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from d1migrate.drivers.protocol import Driver
    from d1migrate.sql.batch import Result
    from tests.crash.runs import Open

    Act = Callable[[Migrator], Any]

FILES = [
    Migration(1, "001_a", "CREATE TABLE t (n INTEGER);\nINSERT INTO t VALUES (1);\n-- Rollback:\n--   DROP TABLE t;\n"),
    Migration(
        2,
        "002_b",
        "INSERT INTO t VALUES (2);\nINSERT INTO t SELECT n + 10 FROM t;\n"
        "-- Rollback:\n--   DELETE FROM t WHERE n > 1;\n",
    ),
]  # fmt: skip
LOG = "SELECT event, action, version, name FROM d1migrate_log ORDER BY id"


class Delayed:
    """A driver whose write number `nth`, counted from 1, is held back: its sender gets no answer."""

    def __init__(self, driver: Driver, nth: int = 1) -> None:
        self.url, self._driver, self._left = driver.url, driver, nth
        self.capabilities = Capabilities()
        self.held: Batch | None = None

    def batch(self, batch: Batch) -> Sequence[Result]:
        """Run it, or keep it."""
        self._left -= not batch.reads
        if batch.reads or self._left or self.held:
            return self._driver.batch(batch)
        self.held = batch._replace(queries=tuple(batch.queries))
        raise AmbiguousError("the connection broke")

    def arrive(self, driver: Driver) -> None:
        """Have it arrive now."""
        assert self.held
        driver.batch(self.held)

    def close(self) -> None:
        """Close the driver."""
        self._driver.close()


class Repeated:
    """A driver behind a proxy that sends every write twice and passes on the second answer."""

    def __init__(self, driver: Driver) -> None:
        self.url, self._driver = driver.url, driver
        self.capabilities = Capabilities()

    def batch(self, batch: Batch) -> Sequence[Result]:
        """Run it; a write twice."""
        if not batch.reads:
            batch = batch._replace(queries=tuple(batch.queries))
            self._driver.batch(batch)
        return self._driver.batch(batch)

    def close(self) -> None:
        """Close the driver."""
        self._driver.close()


@pytest.fixture
def open_(fresh: Callable[[], Open]) -> Open:
    """Opens the same fresh database again and again."""
    return fresh()


def act(driver: Driver, what: Act, files: Sequence[Migration] = FILES) -> Any:
    """Run one command as a process of its own."""
    migrator = Migrator(driver, files)
    try:
        return what(migrator)
    finally:
        migrator.close()


def read(open_: Open, *queries: str) -> list[list[tuple[Any, ...]]]:
    """The rows of queries."""
    driver = open_()
    try:
        results = driver.batch(Batch([Query(sql) for sql in queries], reads=True))
    finally:
        driver.close()
    return [list(result.rows) for result in results]


def up(migrator: Migrator) -> Any:
    """Apply all."""
    return migrator.up()


def down(migrator: Migrator) -> Any:
    """Take the newest back."""
    return migrator.down(allow_loss=["all"])


# --- late ---


@pytest.mark.parametrize("between", [(up, down), (up, down, up, down)], ids=["once", "twice"])
def test_an_up_that_arrives_after_up_and_down(open_: Open, between: Sequence[Act]) -> None:
    """The versions are as it was sent for, the log is not: it is refused, and nothing runs twice."""
    act(open_(), lambda migrator: migrator.up(to=1))
    delayed = Delayed(open_())
    with pytest.raises(ApplyError, match="no response came"):
        act(delayed, up)
    for what in between:
        act(open_(), what)
    with pytest.raises(QueryError, match="history changed meanwhile"):
        delayed.arrive(open_())
    assert read(open_, "SELECT n FROM t", "SELECT version FROM schema_migrations") == [[(1,)], [(1,)]]


def test_a_down_that_arrives_after_down_and_up(open_: Open) -> None:
    """The rows that were written since are not taken."""
    act(open_(), up)
    delayed = Delayed(open_())
    with pytest.raises(ApplyError, match="no response came"):
        act(delayed, down)
    for what in (down, up):
        act(open_(), what)
    with pytest.raises(QueryError, match="history changed meanwhile"):
        delayed.arrive(open_())
    assert read(open_, "SELECT n FROM t ORDER BY n") == [[(1,), (2,), (11,), (12,)]]


def test_an_up_of_a_new_database_that_arrives_late(open_: Open) -> None:
    """Its log was empty when it was sent."""
    delayed = Delayed(open_())
    with pytest.raises(ApplyError, match="no response came"):
        act(delayed, up)
    act(open_(), up)
    act(open_(), lambda migrator: migrator.down(to=0, allow_loss=["all"]))
    with pytest.raises(QueryError, match="history changed meanwhile"):
        delayed.arrive(open_())
    assert read(open_, "SELECT count(*) FROM sqlite_schema WHERE name = 't'") == [[(0,)]]


def test_a_baseline_that_arrives_late(open_: Open) -> None:
    """It says that the user vouches for a file, and the file has been rolled back since."""
    delayed = Delayed(open_())
    with pytest.raises(AmbiguousError, match="nothing had been recorded when the log was checked"):
        act(delayed, lambda migrator: migrator.baseline(to=1))
    for what in (up, down, down):
        act(open_(), what)
    with pytest.raises(QueryError, match="history changed meanwhile"):
        delayed.arrive(open_())
    assert read(open_, "SELECT version FROM schema_migrations") == [[]]


def test_an_up_that_arrives_before_the_history_is_read_again(open_: Open) -> None:
    """After the log was asked for it, and did not have it: it is this run's, and no other one's."""

    class JustLate(Delayed):
        asked = 0

        def batch(self, batch: Batch) -> Sequence[Result]:
            self.asked += bool(self.held)
            if self.asked == 2:
                self.arrive(self._driver)
            return super().batch(batch)

    act(open_(), lambda migrator: migrator.up(to=1))
    report = act(JustLate(open_()), up)
    assert ([step.version for step in report.steps], report.meanwhile) == ([2], ())


# --- twice ---

EDIT = Migration(1, "001_a", FILES[0].text.replace("n INTEGER", "n INT"))
BY_HAND = "CREATE TABLE t (n INTEGER)"
COMMANDS: dict[str, tuple[Sequence[Act], Act, Sequence[Migration]]] = {
    "up": ((), up, FILES),
    "up in one transaction": ((), lambda migrator: migrator.up(single_transaction=True), FILES),
    "down": ((up,), lambda migrator: migrator.down(to=0, allow_loss=["all"]), FILES),
    "baseline": ((), lambda migrator: migrator.baseline(to=2), FILES),
    "accept": ((lambda migrator: migrator.up(to=1),), lambda m: m.accept(1, reason="typo"), [EDIT]),
    "forget": ((up,), lambda migrator: migrator.forget(2, reason="gone"), FILES[:1]),
    "adopt": (
        (lambda migrator: migrator.driver.batch(Batch([Query(BY_HAND)])),),
        lambda migrator: migrator.adopt(migrator.plan_adopt(Hints(pending=[2]))),
        FILES,
    ),
    "start": (
        (lambda migrator: migrator.driver.batch(Batch([Query(BY_HAND)])),),
        lambda m: m.record_baseline(*m.plan_baseline("001_found.sql", "found", date="2026-11-22")),
        (),
    ),
}


@pytest.mark.parametrize("command", COMMANDS)
def test_every_write_arrives_twice(fresh: Callable[[], Open], command: str) -> None:
    """It succeeds, says what it says otherwise, and the log has each row once."""
    before, what, files = COMMANDS[command]
    ends = []
    for wrap in (lambda driver: driver, Repeated):
        open_ = fresh()
        for each in before:
            act(open_(), each)
        found = act(wrap(open_()), what, files)
        meanwhile = getattr(found, "meanwhile", ())
        steps = [step.version for step in getattr(found, "steps", ())]
        there = read(open_, LOG, "SELECT version FROM schema_migrations ORDER BY version", "SELECT name FROM sqlite_schema ORDER BY name")  # fmt: skip
        rows = read(open_, "SELECT n FROM t ORDER BY n") if ("t",) in there[2] else []
        ends.append((steps, meanwhile, there, rows))
    assert ends[0] == ends[1]
