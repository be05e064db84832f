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
# The same with one number, which no table of versions could hold twice: the history is wrangler's table.
NAMES = [Migration(1, "0001_a", FILES[0].text), Migration(1, "0001_b", FILES[1].text)]
SHAPES = {"versions": FILES, "names": NAMES}
APPLIED = {"versions": "SELECT version FROM schema_migrations", "names": "SELECT id FROM d1_migrations"}
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


@pytest.fixture(params=SHAPES)
def shape(request: pytest.FixtureRequest) -> str:
    """The shape of the history."""
    return str(request.param)


@pytest.fixture
def files(shape: str) -> Sequence[Migration]:
    """The migrations, whose numbers decide on it."""
    return SHAPES[shape]


def act(driver: Driver, what: Act, files: Sequence[Migration], table: str | None = None) -> Any:
    """Run one command as a process of its own."""
    migrator = Migrator(driver, files, table=table)
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


def first(migrator: Migrator) -> Any:
    """Apply the first."""
    return migrator.up(to=migrator.migrations[0].name)


# --- late ---


@pytest.mark.parametrize("between", [(up, down), (up, down, up, down)], ids=["once", "twice"])
def test_an_up_that_arrives_after_up_and_down(
    open_: Open, shape: str, files: Sequence[Migration], between: Sequence[Act]
) -> None:
    """The versions are as it was sent for, the log is not: it is refused, and nothing runs twice."""
    act(open_(), first, files)
    delayed = Delayed(open_())
    with pytest.raises(ApplyError, match="no response came"):
        act(delayed, up, files)
    for what in between:
        act(open_(), what, files)
    with pytest.raises(QueryError, match="history changed meanwhile"):
        delayed.arrive(open_())
    assert read(open_, "SELECT n FROM t", APPLIED[shape]) == [[(1,)], [(1,)]]


def test_a_down_that_arrives_after_down_and_up(open_: Open, files: Sequence[Migration]) -> None:
    """The rows that were written since are not taken."""
    act(open_(), up, files)
    delayed = Delayed(open_())
    with pytest.raises(ApplyError, match="no response came"):
        act(delayed, down, files)
    for what in (down, up):
        act(open_(), what, files)
    with pytest.raises(QueryError, match="history changed meanwhile"):
        delayed.arrive(open_())
    assert read(open_, "SELECT n FROM t ORDER BY n") == [[(1,), (2,), (11,), (12,)]]


def test_an_up_of_a_new_database_that_arrives_late(open_: Open, files: Sequence[Migration]) -> None:
    """Its log was empty when it was sent."""
    delayed = Delayed(open_())
    with pytest.raises(ApplyError, match="no response came"):
        act(delayed, up, files)
    act(open_(), up, files)
    act(open_(), lambda migrator: migrator.down(to=0, allow_loss=["all"]), files)
    with pytest.raises(QueryError, match="history changed meanwhile"):
        delayed.arrive(open_())
    assert read(open_, "SELECT count(*) FROM sqlite_schema WHERE name = 't'") == [[(0,)]]


def test_a_baseline_that_arrives_late(open_: Open, shape: str, files: Sequence[Migration]) -> None:
    """It says that the user vouches for a file, and the file has been rolled back since."""
    delayed = Delayed(open_())
    with pytest.raises(AmbiguousError, match="nothing had been recorded when the log was checked"):
        act(delayed, lambda migrator: migrator.baseline(to=files[0].name), files)
    for what in (up, down, down):
        act(open_(), what, files)
    with pytest.raises(QueryError, match="history changed meanwhile"):
        delayed.arrive(open_())
    assert read(open_, APPLIED[shape]) == [[]]


def test_an_up_that_arrives_before_the_history_is_read_again(open_: Open, files: Sequence[Migration]) -> None:
    """After the log was asked for it, and did not have it: it is this run's, and no other one's."""

    class JustLate(Delayed):
        asked = 0

        def batch(self, batch: Batch) -> Sequence[Result]:
            self.asked += bool(self.held)
            if self.asked == 2:
                self.arrive(self._driver)
            return super().batch(batch)

    act(open_(), first, files)
    report = act(JustLate(open_()), up, files)
    assert ([step.name for step in report.steps], report.meanwhile) == ([files[1].name], ())


# --- twice ---

BY_HAND = "CREATE TABLE t (n INTEGER)"


def edited(files: Sequence[Migration]) -> Sequence[Migration]:
    """The first file, with another text."""
    return [Migration(files[0].version, files[0].name, files[0].text.replace("n INTEGER", "n INT"))]


def created(migrator: Migrator) -> Any:
    """Create by hand what the first file creates."""
    return migrator.driver.batch(Batch([Query(BY_HAND)]))


COMMANDS: dict[str, tuple[Sequence[Act], Act, Callable[[Sequence[Migration]], Sequence[Migration]]]] = {
    "up": ((), up, list),
    "up in one transaction": ((), lambda m: m.up(single_transaction=True), list),
    "down": ((up,), lambda m: m.down(steps=2, allow_loss=["all"]), list),
    "baseline": ((), lambda m: m.baseline(to=m.migrations[1].name), list),
    "accept": ((first,), lambda m: m.accept(1, reason="typo"), edited),
    "forget": ((up,), lambda m: m.forget(last(m), reason="gone"), lambda files: files[:1]),
    "adopt": ((created,), lambda m: m.adopt(m.plan_adopt(Hints(pending=[m.migrations[1].name]))), list),
    "start": (
        (created,),
        lambda m: m.record_baseline(*m.plan_baseline("001_found.sql", "found", date="2026-11-22")),
        lambda _: (),
    ),
}


def last(migrator: Migrator) -> str:
    """The name of the last applied migration."""
    current = migrator.current()
    assert current
    return current.name


@pytest.mark.parametrize("command", COMMANDS)
def test_every_write_arrives_twice(
    fresh: Callable[[], Open], shape: str, files: Sequence[Migration], command: str
) -> None:
    """It succeeds, says what it says otherwise, and the log has each row once."""
    before, what, choose = COMMANDS[command]
    table = "d1_migrations" if shape == "names" else None
    ends = []
    for wrap in (lambda driver: driver, Repeated):
        open_ = fresh()
        for each in before:
            act(open_(), each, files)
        found = act(wrap(open_()), what, choose(files), table)
        meanwhile = getattr(found, "meanwhile", ())
        steps = [step.name for step in getattr(found, "steps", ())]
        there = read(
            open_, LOG, f"{APPLIED[shape]} ORDER BY 1", "SELECT name FROM sqlite_schema ORDER BY name"
        )
        rows = read(open_, "SELECT n FROM t ORDER BY n") if ("t",) in there[2] else []
        ends.append((steps, meanwhile, there, rows))
    assert ends[0] == ends[1]
