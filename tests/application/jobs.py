"""A job in many processes, batch by batch, while an application writes, answers get lost and processes die."""

from __future__ import annotations

from collections import Counter
from contextlib import suppress
from itertools import count
from typing import TYPE_CHECKING, Any

from d1migrate.drafting import draft, read
from d1migrate.drafting.migration_text import statements_text
from d1migrate.errors import (
    AmbiguousError,
    ApplyError,
    Error,
    HistoryError,
    OverloadedError,
    UnavailableError,
)
from d1migrate.migrate.jobs.flow import JobSettings, cancel_job, run_job, set_paused
from d1migrate.migrate.jobs.pace import Pace
from d1migrate.migrate.log import Stamp
from d1migrate.migrate.migration import Migration
from d1migrate.migrate.plan import plan_up
from d1migrate.migrate.table_choice import USUAL
from d1migrate.migrator import Migrator
from d1migrate.sql.batch import Batch, Pause, Query
from d1migrate.sql.names import JOB_TABLE
from tests.application.writes import random_write

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from random import Random

    from d1migrate.migrate.jobs.job import Job
    from d1migrate.migrate.jobs.report import JobReport
    from d1migrate.sql.batch import Flow, Result
    from tests.application.pair import Pair
    from tests.application.tables import Kind

    Send = Callable[[Batch], Sequence[Result]]

CREATED = "001_tables"
TOO_DEEP = "triggers nested too deep"
"""What a rebuild of either form is refused with if rows of the table delete each other in a long chain."""
_MOST_STEPS = 400


def rebuild(kind: Kind, *, triggers: bool) -> list[Migration]:
    """The migration that creates the tables, and the one that rebuilds T."""
    before, after = (_script(kind.schema(after=after, triggers=triggers)) for after in (False, True))
    return [Migration(1, CREATED, before), Migration(2, "002_rebuild", online(before, after))]


def backfill(kind: Kind) -> list[Migration]:
    """The migrations that create the tables, add a column with companion triggers, and fill it.

    The table has no other triggers: they would run for a row when the job fills it, and change other columns.
    """
    key = "rowid" if kind.rowid else kind.primary_key
    same = " AND ".join(f"{name} = NEW.{name}" for name in key.split(", "))
    fill = f"UPDATE T SET filled = {FILLED} WHERE {same};"
    expand = (
        "ALTER TABLE T ADD COLUMN filled TEXT;\n"
        f"CREATE TRIGGER T_fill_insert AFTER INSERT ON T BEGIN {fill} END;\n"
        f"CREATE TRIGGER T_fill_update AFTER UPDATE ON T WHEN NEW.filled IS NOT {FILLED_NEW} BEGIN {fill} END;\n"
    )
    by = "" if kind.rowid else f" by {key}"
    directive = f"-- d1migrate: batch T{by} rows 40\n"
    return [
        Migration(1, CREATED, _script(kind.schema(after=False, triggers=False))),
        Migration(2, "002_expand", expand),
        Migration(3, "003_fill", f"{directive}UPDATE T SET filled = {FILLED} WHERE filled IS NULL;\n"),
    ]


FILLED = "lower(coalesce(u, 'none')) || v"
FILLED_NEW = "lower(coalesce(NEW.u, 'none')) || NEW.v"


def online(before: str, after: str, table: str = "T") -> str:
    """The text of an online migration from one schema to another."""
    drafted = draft(read(before, file="before").schema, read(after, file="after"), allow_drop=["all"])
    assert drafted
    return f"-- d1migrate: online {table}\n{statements_text(drafted.up)}\n"


def guarded(text: str) -> str:
    """The statements of an online migration for one batch, whatever the size of the table."""
    lines = text.splitlines(keepends=True)
    return "".join(line for line in lines if not line.startswith("--") and "over the budget" not in line)


def _script(statements: Sequence[str]) -> str:
    return "".join(f"{sql};\n" for sql in statements)


class Process:
    """A process that runs a job.

    Args:
        files: its migrations.
        pace: the limits of a chunk.
        number: distinguishes it, in the tokens that it makes.
        watch: gets the row of the job after every chunk.
    """

    def __init__(
        self,
        files: Sequence[Migration],
        pace: Pace,
        *,
        number: int = 0,
        watch: Callable[[Job], None] | None = None,
    ) -> None:
        tokens = count()

        def stamp() -> Stamp:
            return Stamp(f"token {number} {next(tokens)}", next(tokens), "process", "test")

        settings = JobSettings(files, USUAL, lambda history: plan_up(files, history), stamp, stamp, pace)
        self._flow = run_job(settings, watch=watch)
        self._next: Batch | Pause | None = next(self._flow)

    def step(self, send: Send) -> JobReport | None:
        """Send the next batch; return the report at the end.

        Raises:
            Error: as `run_job`.
        """
        try:
            while isinstance(self._next, Pause):
                self._next = self._flow.send(())
            assert self._next
            try:
                results = send(self._next)
            except Error as error:
                self._next = self._flow.throw(error)
            else:
                self._next = self._flow.send(results)
        except StopIteration as end:
            return end.value  # type: ignore[no-any-return]
        return None


class World:
    """A pair of databases, an application, and processes that run the job in one of them.

    The control gets the migration as one batch, at the moment when the job records it.

    Args:
        pair: the databases.
        kind: the table.
        files: the migrations; the last one is the job.
        chance: decides everything.
        faults: the share of batches that meet a fault.
    """

    def __init__(
        self, pair: Pair, kind: Kind, files: Sequence[Migration], chance: Random, *, faults: float = 0.0
    ) -> None:
        self.pair, self.kind, self.files, self.chance, self.faults = pair, kind, files, chance, faults
        for driver in (pair.control, pair.subject):
            Migrator(driver, files[:1]).up(lint=False)
        pair.create(kind.rows())
        for driver in (pair.control, pair.subject):
            Migrator(driver, files[:-1]).up(lint=False)
        self.late, self.states = list[Batch](), Counter[str]()
        self._numbers, self._recorded = count(), False
        self._look = Query(
            f"SELECT EXISTS (SELECT 1 FROM sqlite_schema WHERE name = '{JOB_TABLE}'),"
            f" EXISTS (SELECT 1 FROM schema_migrations WHERE version = {len(files)})"
        )
        self._processes: list[Process] = []

    def run(self) -> None:
        """Run the job to its end, and check what the databases hold."""
        self.write(self.chance.randrange(4))
        try:
            self._run_job()
        except ApplyError as error:
            if TOO_DEEP not in str(error):
                raise
            self._refuse_in_control()
            return
        self.write(4)
        self.arrive()
        self.pair.check_rows()

    def _refuse_in_control(self) -> None:
        """Check that the rebuild in one batch is refused for the same reason."""
        try:  # not pytest.raises: benchmarks run this, too
            Migrator(self.pair.control, self.files).up(lint=False)
        except ApplyError as error:
            assert TOO_DEEP in str(error)
        else:
            raise AssertionError("only the online rebuild is refused")

    def _run_job(self) -> None:
        for step in range(_MOST_STEPS):
            self.write(self.chance.choice([0, 0, 1, 2, 5]) if step < _MOST_STEPS / 2 else 0)
            if self.step():
                return
        raise AssertionError(f"the job does not end: {self.states}")

    def write(self, times: int) -> None:
        """The application writes."""
        for _ in range(times):
            self.pair.write(random_write(self.chance, self.kind))

    def step(self) -> bool:
        """One batch of some process, or somebody cancels or pauses the job; whether the job has ended."""
        kind = self.chance.random()
        if self.late and kind < 0.1:
            self.arrive()
        elif kind < 0.11 and self.states["batches"] < 60:
            self._control(cancel_job(USUAL, self._stamp))
        elif kind < 0.13:
            self._control(set_paused(USUAL, self._stamp, paused=True))
        if kind < 0.3:
            self._control(set_paused(USUAL, self._stamp, paused=False))
        self._advance()
        return self._follow()

    def _advance(self) -> None:
        """Let one of the processes send a batch."""
        if not self._processes or (len(self._processes) < 3 and self.chance.random() < 0.1):
            most = self.chance.choice([2, 5, 7, 11, 40])
            self._processes.append(Process(self.files, Pace(most=most), number=next(self._numbers)))
        process = self.chance.choice(self._processes)
        try:
            report = process.step(self.send)
        except (AmbiguousError, UnavailableError):  # it gave up
            report = None
            self._processes.remove(process)
        if report is not None:
            self._processes.remove(process)
        if self._processes and self.chance.random() < self.faults / 4:
            self._processes.pop()  # killed

    def send(self, batch: Batch) -> Sequence[Result]:
        """Run a batch, or have it meet a fault; raises what its sender gets."""
        self.states["batches"] += 1
        self.states[_state_of(batch)] += 1
        if self.chance.random() >= self.faults:
            return self.pair.subject.batch(batch)
        fault = self.chance.choice(["dropped", "late", "overloaded", "lost", "lost", "twice", "again later"])
        self.states[fault] += 1
        if fault == "dropped":
            raise UnavailableError("no answer")
        if fault in ("late", "again later"):
            self.late.append(batch)
        if fault == "late":
            raise AmbiguousError("no answer")
        if fault == "overloaded":
            raise OverloadedError("D1 DB exceeded its CPU time limit and was reset.")
        if fault == "again later":
            return self.pair.subject.batch(batch)
        with suppress(Error):
            self.pair.subject.batch(batch)
        if fault == "lost":
            raise AmbiguousError("no answer")
        return self.pair.subject.batch(batch)

    def arrive(self) -> None:
        """Let late requests arrive; nobody gets their answers."""
        for batch in self.late:
            with suppress(Error):
                self.pair.subject.batch(batch)
        self.late.clear()
        self._follow()

    def _follow(self) -> bool:
        """Rebuild the control in one batch as soon as the job has recorded its migration; whether the job has ended."""
        (result,) = self.pair.subject.batch(Batch([self._look], reads=True))
        ((is_open, is_recorded),) = result.rows
        if is_recorded and not self._recorded:
            self._recorded = True
            Migrator(self.pair.control, self.files).up(lint=False)
        return self._recorded and not is_open

    def _control(self, flow: Flow[Any]) -> None:
        """Cancel or pause the job; neither is possible at any time."""
        try:
            batch = next(flow)
            while True:
                batch = flow.send(self.pair.subject.batch(batch))
        except (StopIteration, HistoryError):
            return

    def _stamp(self) -> Stamp:
        number = next(self._numbers)
        return Stamp(f"person {number}", number, "person", "test")


def _state_of(batch: Batch) -> str:
    """Return the state of the job that a chunk asserts; "" of another batch."""
    (first, *_) = batch.queries
    return str(first.params[2]) if len(first.params) == 3 and first.assertion else ""
