"""The law of exactly once: processes, lost and late requests in any order leave each migration applied once or not at all.

Several plans of different checkouts, runs of `up` and rollbacks take turns at one database, batch by batch. Batches are
dropped, lose their answers, arrive twice, or arrive when everything else is over.
"""

from __future__ import annotations

from collections import Counter
from contextlib import closing, suppress
from itertools import count
from typing import TYPE_CHECKING, Any

from hypothesis import event, given, settings
from hypothesis import strategies as st

from d1migrate.drivers.sqlite import SqliteDriver
from d1migrate.errors import AmbiguousError, Error, OverloadedError, UnavailableError
from d1migrate.fleet import FleetPlan, migrate_one
from d1migrate.fleet.flow import migrate
from d1migrate.migrate.flows import down
from d1migrate.migrate.flows.up import up
from d1migrate.migrate.log import Stamp
from d1migrate.migrate.migration import Migration
from d1migrate.migrator import Migrator
from d1migrate.sql.batch import Batch, Query
from tests.inputs import scaled
from tests.laws.test_history import in_either_table

if TYPE_CHECKING:
    import random
    from collections.abc import Sequence

    from d1migrate.migrate.table_choice import TableChoice
    from d1migrate.sql.batch import Flow, Result

FILES = 5
LOST = [AmbiguousError("no answer"), OverloadedError("reset")]


def file(number: int, table: str = "") -> Migration:
    """A migration whose every run leaves a row, which its rollback deletes."""
    undo = f"DELETE FROM ran WHERE rowid = (SELECT max(rowid) FROM ran WHERE v = {number})"
    drop = f"DROP TABLE IF EXISTS t{number}{table}"
    text = f"INSERT INTO ran VALUES ({number});\nCREATE TABLE t{number}{table} (x);\n"
    return Migration(number, f"{number:03}_m", f"{text}-- Rollback:\n--   {undo};\n--   {drop};\n")


ALL = [Migration(1, "001_ran", "CREATE TABLE ran (v);\n"), *(file(number) for number in range(2, FILES + 1))]
OTHER = [*ALL[:-1], file(FILES, "_other")]


class World:
    """One database, those who work on it, and what is on its way.

    Args:
        chance: decides everything.
        table: the migrations table.
    """

    def __init__(self, chance: random.Random, table: str) -> None:
        self.chance, self.table = chance, table
        self.driver, self.late = self.database(), list[Batch]()
        self._tokens = count()
        short = ALL[: chance.randint(1, FILES)]
        self.plans = [FleetPlan(files, table=table, by="x") for files in (ALL, ALL, short, OTHER)]
        for plan in self.plans:
            for _ in range(chance.randrange(3)):
                with closing(self.database()) as other, suppress(Error):
                    migrate_one(other, plan)

    def database(self) -> SqliteDriver:
        """A new database at some migration."""
        driver = SqliteDriver(":memory:", url="sqlite::memory:")
        Migrator(driver, ALL[: self.chance.randint(1, FILES)], table=self.table).up(lint=False)
        return driver

    def stamp(self) -> Stamp:
        """With another token each time."""
        number = next(self._tokens)
        return Stamp(f"token {number}", number, "x", "test")

    def work(self) -> Flow[object]:
        """What one process does."""
        kind, choice = self.chance.random(), self.plans[0].choice
        if kind < 0.65:
            return migrate(self.chance.choice(self.plans), self.stamp)
        if kind < 0.8:
            return up(ALL, choice, self.stamp, single=self.chance.random() < 0.5)
        return self.roll_back(choice)

    def roll_back(self, choice: TableChoice) -> Flow[object]:
        """One or two migrations."""
        todo = yield from down.choose(ALL, choice, steps=self.chance.randint(1, 2), allow_loss=["all"])
        return (yield from down.down(todo, self.stamp))

    def send(self, batch: Batch, faults: float) -> Sequence[Result]:
        """Run a batch, or have it meet a fault; raises what its sender gets."""
        if self.chance.random() >= faults:
            return self.driver.batch(batch)
        fault = self.chance.choice(["dropped", "late", "reset", "lost", "lost", "twice", "again later"])
        event(fault)
        if fault == "dropped":
            raise UnavailableError("no answer")
        if fault == "late":
            self.late.append(batch)
        if fault in ("late", "reset"):
            raise self.chance.choice(LOST)
        if fault == "again later":
            self.late.append(batch)
            return self.driver.batch(batch)
        with suppress(Error):
            self.driver.batch(batch)
        if fault == "lost":
            raise self.chance.choice(LOST)
        return self.driver.batch(batch)

    def arrive(self) -> None:
        """Let a late request arrive; nobody gets its answer."""
        with suppress(Error):
            self.driver.batch(self.late.pop(self.chance.randrange(len(self.late))))

    def run(self, processes: int, faults: float) -> None:
        """Let them take turns until all are done, and all has arrived."""
        flows: list[tuple[Flow[object], Any]] = [(self.work(), None) for _ in range(processes)]
        while flows or self.late:
            if self.late and (not flows or self.chance.random() < 0.2):
                self.arrive()
                continue
            flow, answer = flows.pop(self.chance.randrange(len(flows)))
            try:
                batch = flow.throw(answer) if isinstance(answer, Error) else flow.send(answer)
            except (StopIteration, Error):
                continue
            try:
                flows.append((flow, self.send(batch, faults)))
            except Error as error:
                flows.append((flow, error))

    def column(self, sql: str) -> list[Any]:
        """The first column of a query."""
        (result,) = self.driver.batch(Batch([Query(sql)], reads=True))
        return [row[0] for row in result.rows]

    def check(self) -> None:
        """What ran is what is recorded, and what the log has."""
        key = "version" if self.table == "schema_migrations" else "CAST(substr(name, 1, 3) AS INTEGER)"
        applied = set(self.column(f"SELECT {key} FROM {self.table}"))
        assert Counter(self.column("SELECT v FROM ran")) == Counter(applied - {1})
        logged = Counter[int]()
        for action, change in (("up", 1), ("down", -1)):
            done = f"SELECT version FROM d1migrate_log WHERE event = 'done' AND action = '{action}'"
            for version in self.column(done):
                logged[version] += change
        assert {version for version, times in logged.items() if times} == applied
        assert set(logged.values()) <= {0, 1}


@in_either_table
@given(st.randoms(use_true_random=False), st.integers(1, 5), st.sampled_from([0.0, 0.1, 0.3]))
@settings(max_examples=scaled(120))
def test_each_migration_is_applied_once_or_not_at_all(
    table: str, chance: random.Random, processes: int, faults: float
) -> None:
    """Whoever runs it, whatever arrives when."""
    world = World(chance, table)
    with closing(world.driver):
        world.run(processes, faults)
        world.check()
        with suppress(Error):  # the last file of the other checkout
            assert migrate_one(world.driver, world.plans[0]).current == ALL[-1].name
        world.check()
