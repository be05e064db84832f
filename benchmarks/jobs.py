"""What the figures of jobs share: a large table on two engines, and a driver that meters batches."""

from __future__ import annotations

import statistics
import time
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from benchmarks.lab import FULL
from benchmarks.table import Row

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from benchmarks.lab import Lab
    from d1migrate.drivers.protocol import Driver
    from d1migrate.migrate.migration import Migration
    from d1migrate.sql.batch import Batch, Result
    from tests.runtime.workerd import Workerd

    Clock = Callable[[], float]

ROWS = 200_000
CHUNK = 5_000
TABLE = "id INTEGER PRIMARY KEY, email TEXT NOT NULL UNIQUE, name TEXT, created INTEGER, data TEXT"
SCHEMA = f"CREATE TABLE T ({TABLE}, filled TEXT);\nCREATE INDEX T_created ON T (created);\n"
_INSERT = (
    "INSERT INTO T WITH RECURSIVE n (i) AS (SELECT {0} UNION ALL SELECT i + 1 FROM n WHERE i < {1})"
    " SELECT i, 'u' || i || '@x', 'n' || i, i * 7 % 100000, hex(randomblob(30)), NULL FROM n"
)
_AT_ONCE = 100_000


class Sent(NamedTuple):
    """One batch: the state of the job before it, and what it took."""

    state: str
    seconds: float
    cpu: float
    read: int
    written: int


class Meter:
    """A driver that notes what each batch takes.

    Args:
        driver: the driver.
        cpu: a clock of the CPU time of the database.
        paced: whether it returns how long a batch took, so that the next chunk may have another size.
        loses: every so many answers, one is lost; 0: none.
    """

    def __init__(self, driver: Driver, cpu: Clock, *, paced: bool = False, loses: int = 0) -> None:
        self.url, self.capabilities, self.loses = driver.url, driver.capabilities, loses
        self.driver, self._cpu, self._paced = driver, cpu, paced
        self.sent: list[Sent] = []
        self._state = ""

    def batch(self, batch: Batch) -> Sequence[Result]:
        """Run a batch; one that only reads is sent again if its answer is lost, as by the API's driver."""
        from d1migrate.errors import AmbiguousError

        results = self._measured(batch)
        if self.loses and len(self.sent) % self.loses == 0:
            if not batch.reads:
                raise AmbiguousError("the answer is lost")
            results = self._measured(batch)
        return results

    def _measured(self, batch: Batch) -> Sequence[Result]:
        cpu, began = self._cpu(), time.perf_counter()
        results = self.driver.batch(batch)
        seconds = time.perf_counter() - began
        read, written = (
            sum(costs)
            for costs in zip(*((r.rows_read or 0, r.rows_written or 0) for r in results), strict=True)
        )
        self.sent.append(Sent(self._state, seconds, self._cpu() - cpu, read, written))
        return [result._replace(seconds=seconds if self._paced else None) for result in results]

    def run(self, migrations: Sequence[Migration], size: int) -> Meter:
        """Run the job of the last migration to its end."""
        from d1migrate.migrate.jobs.pace import Pace
        from tests.application.jobs import Process

        process = Process(migrations, Pace(size=size, most=size), watch=self._watch)
        while process.step(self.batch) is None:
            pass
        return self

    def _watch(self, job: Any) -> None:
        self._state = job.state

    def cpu_of(self, *states: str) -> float:
        """Return the CPU seconds of the batches in these states, or of all."""
        return sum(sent.cpu for sent in self.sent if not states or sent.state in states)

    def longest(self, *states: str) -> float:
        """Return the CPU seconds of the longest batch in these states, or of all."""
        return max(sent.cpu for sent in self.sent if not states or sent.state in states)

    def close(self) -> None:
        """Close the driver."""
        self.driver.close()


class Bench:
    """The engines, and tables of one size on them."""

    def __init__(self, lab: Lab, workerd: Workerd) -> None:
        self.rows = ROWS * lab.sizes.rows // FULL.rows
        self.rounds, self.chunk = lab.sizes.long, max(self.rows * CHUNK // ROWS, 10)
        self._folder, self._workerd, self._numbers = lab.folder, workerd, count()
        self._cpu = _cpu_clock(workerd)

    def on_d1(self, **how: Any) -> Meter:
        """Return a new D1 with the table."""
        from tests.runtime.workerd import WorkerdDriver

        driver = WorkerdDriver(self._workerd, self._workerd.database())
        self._fill(driver)
        return Meter(driver, self._cpu, **how)

    def in_file(self, **how: Any) -> Meter:
        """Return a new file with the table."""
        from d1migrate.drivers.sqlite import SqliteDriver

        path = str(self._folder / f"job-{next(self._numbers)}.db")
        driver = SqliteDriver(path, url=f"sqlite:{path}", makes_folder=True)
        self._fill(driver)
        return Meter(driver, time.process_time, **how)

    def _fill(self, driver: Driver) -> None:
        from d1migrate.migrator import Migrator

        Migrator(driver, files()[:1]).up(lint=False)
        for first in range(1, self.rows + 1, _AT_ONCE):
            run(driver, _INSERT.format(first, min(first + _AT_ONCE - 1, self.rows)))


def files(change: str = "") -> list[Migration]:
    """Return the migration that creates the table, and one more."""
    from d1migrate.migrate.migration import Migration

    found = [Migration(1, "001_table", SCHEMA)]
    return [*found, Migration(2, "002_change", change)] if change else found


def run(driver: Driver, *statements: str) -> Sequence[Result]:
    """Run statements as one transaction."""
    from d1migrate.sql.batch import Batch, Query

    return driver.batch(Batch([Query(sql) for sql in statements], last_rows=True))


def apply(meter: Meter, migrations: Sequence[Migration]) -> Meter:
    """Apply the last migration as one batch."""
    from d1migrate.migrator import Migrator

    Migrator(meter, migrations).up(lint=False)
    return meter


def beside(
    figure: str, ours: Sequence[float], other: str, theirs: Sequence[float], bar: float, unit: str = "ms"
) -> Row:
    """Return the row of two times, each the median of some."""
    medians = [statistics.median(times) for times in (ours, theirs)]
    scale = {"us": 1e6, "ms": 1e3}[unit]
    shown, ratio = [f"{value * scale:.1f} {unit}" for value in medians], medians[0] / medians[1]
    digits = f"{ratio:.2f} x" if ratio >= 0.1 else f"{ratio:.2g} x"
    return Row(figure, shown[0], other, shown[1], digits, f"≤ {bar:g} x", ratio <= bar)


def _cpu_clock(workerd: Workerd) -> Clock:
    """Return a clock of the CPU seconds of workerd, a child of the server's process."""
    pid = next(_children(workerd.pid))

    def clock() -> float:
        tasks = Path(f"/proc/{pid}/task").glob("*/schedstat")
        return sum(int(task.read_text().split()[0]) for task in tasks) / 1e9

    return clock


def _children(pid: int) -> Iterator[int]:
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = int(stat.read_text().rpartition(")")[2].split()[1])
            if parent == pid and "workerd" in stat.with_name("cmdline").read_text():
                yield int(stat.parent.name)
        except OSError:  # it has ended
            continue
