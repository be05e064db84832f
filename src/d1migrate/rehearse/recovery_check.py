"""Try the three ways to recover from a migration, on a scratch database.

Each migration is made to fail, is applied and restored, and is applied and rolled back. After each of these,
schema, history and every row are compared with the state before. It runs the same flows as `up` and `down`.
"""

from __future__ import annotations

from contextlib import closing

from d1migrate.backup import restore_points
from d1migrate.backup.before_run import before_first_stamp
from d1migrate.backup.fingerprint import Fingerprint, compare, read_fingerprint
from d1migrate.drivers.run import run
from d1migrate.drivers.sqlite import SqliteDriver
from d1migrate.errors import ApplyError, Error, Irreversible
from d1migrate.migrate.flows import down, read
from d1migrate.migrate.flows.read_log import read_log
from d1migrate.migrate.flows.up import up
from d1migrate.migrate.table import LOG_TABLE
from d1migrate.named_tuple import NamedTuple
from d1migrate.project import actor
from d1migrate.sql.batch import Batch, Query
from d1migrate.sql.names import fold

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from d1migrate.migrate import history as h
    from d1migrate.migrate import log
    from d1migrate.migrate.flows.steps import NewStamp
    from d1migrate.migrate.migration import Migration
    from d1migrate.migrate.table_choice import TableChoice
    from d1migrate.rehearse import ScratchDatabase
    from d1migrate.sql.batch import Result

_FAILS = Query("SELECT json_extract('{}', 'the rehearsal fails here')", whole=True)


class RecoveryCheck(NamedTuple):
    """How one migration can be recovered from. Each way that was tried lists the differences it leaves.

    Attributes:
        version, name: the migration.
        fails: differences after it failed after its last statement.
        restored: differences after it was applied and the restore point before it restored; None if there was
            nothing to restore.
        rolled_back: differences after it was applied and rolled back; None if it has no rollback, or is not
            the newest.
        error: why it could not be applied at all, or "".
    """

    version: int | None
    name: str
    fails: tuple[str, ...]
    restored: tuple[str, ...] | None = None
    rolled_back: tuple[str, ...] | None = None
    error: str = ""

    @property
    def ok(self) -> bool:
        """Whether a failure and a restore leave no difference; a rollback may be meant to lose rows."""
        return not (self.error or self.fails or self.restored)


def check_recovery(
    scratch: ScratchDatabase,
    migrations: Sequence[Migration],
    choice: TableChoice,
    pending: Iterable[Migration],
    *,
    rows: int,
    applied: Sequence[h.AppliedMigration] = (),
    watch: Callable[[RecoveryCheck], None] | None = None,
) -> tuple[RecoveryCheck, ...]:
    """Apply migrations one by one; before each, try every way to recover from it.

    Args:
        scratch: the scratch database; its empty tables are filled.
        migrations: all files.
        choice: how to choose the migrations table.
        pending: the migrations to apply, in order.
        rows: how many generated rows a table gets.
        applied: the history to record first, if the database has none.
        watch: called with each check when it is done.

    Returns:
        The checks, up to the first migration that cannot be applied.
    """
    if applied:
        scratch.create_history()
        with closing(_open(scratch)) as driver:
            recorded = (scratch.table.insert(row, row.applied_at or 0) for row in applied)
            driver.batch(Batch([query for queries in recorded for query in queries]))
    done: list[RecoveryCheck] = []
    for migration in pending:
        scratch.fill(rows)
        with closing(_open(scratch)) as driver:
            done.append(_RecoveryTest(driver, migrations, choice, migration).run())
        if watch:
            watch(done[-1])
        if done[-1].error:
            break
    return tuple(done)


class _ThenFailing:
    """Queries, and then one that fails; they can be iterated any number of times."""

    def __init__(self, queries: Iterable[Query]) -> None:
        self._queries = queries

    def __iter__(self) -> Iterator[Query]:
        yield from self._queries
        yield _FAILS


class _Failing(SqliteDriver):
    """A driver that, while `fails` is set, fails at the end of every batch that writes."""

    fails = False

    def batch(self, batch: Batch) -> Sequence[Result]:
        """Run the queries, and then one that fails."""
        if self.fails and not batch.reads:
            batch = batch._replace(queries=_ThenFailing(batch.queries))
        return super().batch(batch)


def _open(scratch: ScratchDatabase) -> _Failing:
    return _Failing(scratch.path, url="the rehearsal")


class _RecoveryTest:
    """One migration, on a database with all migrations before it."""

    def __init__(
        self,
        driver: _Failing,
        migrations: Sequence[Migration],
        choice: TableChoice,
        migration: Migration,
    ) -> None:
        self._driver, self._migrations, self._migration = driver, migrations, migration
        self._choice = choice
        self._before = read_fingerprint(driver)

    def run(self) -> RecoveryCheck:
        """Try every way to recover from the migration, and leave it applied."""
        check = RecoveryCheck(self._migration.version, self._migration.name, self._failing())
        try:
            self._up()
            restored = self._restore()
            rolled_back = self._roll_back()
        except Error as error:
            return check._replace(error=str(error))
        return check._replace(restored=restored, rolled_back=rolled_back)

    def _up(self) -> None:
        name = self._migration.name
        entries = run(read.status(self._migrations, self._choice), self._driver)
        if name in {entry.name for entry in entries if entry.applied}:
            return
        stamps = self._stamps()
        run(up(self._migrations, self._choice, stamps, to=name, allow_out_of_order=True), self._driver)

    def _stamps(self) -> NewStamp:
        return before_first_stamp(self._driver, self._choice, None, _stamp)

    def _failing(self) -> tuple[str, ...]:
        self._driver.fails = True
        try:
            self._up()
        except ApplyError:
            return self._differences(log=True)
        finally:
            self._driver.fails = False
        return ("it was applied, though it failed",)

    def _restore(self) -> tuple[str, ...] | None:
        known = run(read_log(self._choice), self._driver)
        point = known[-1].restore_point
        if point is None:
            return None
        restore_points.restore_to(self._driver, self._choice, point, _stamp, folder=None, began=None)
        kept = run(read_log(self._choice), self._driver)[: len(known)]
        lost = () if kept == known else ("rows of the log are lost",)
        found = (*self._differences(), *lost)
        self._up()
        return found

    def _roll_back(self) -> tuple[str, ...] | None:
        try:
            todo = run(down.choose(self._migrations, self._choice, allow_loss=("all",)), self._driver)
            if [step.name for step in todo.steps] != [self._migration.name]:
                return None  # `down` rolls back the newest
            run(down.down(todo, self._stamps()), self._driver)
        except Irreversible:
            return None
        except ApplyError as error:
            return (f"it fails: {error}",)
        found = self._differences()
        self._up()
        return found

    def _differences(self, *, log: bool = False) -> tuple[str, ...]:
        """Return the differences from the state before; the log counts only if nothing may be added to it."""
        before, found = self._before, read_fingerprint(self._driver)
        if not log:
            before, found = self._without_log(before), self._without_log(found)
        return tuple(compare(before, found))

    def _without_log(self, state: Fingerprint) -> Fingerprint:
        """Leave out the log, and the counter of wrangler's table: an id that was used is not used again."""
        rows = {table: digest for table, digest in state.rows.items() if table != LOG_TABLE}
        wrangler = fold(self._choice.wrangler)
        counters = {table: seq for table, seq in state.sequences.items() if fold(table) != wrangler}
        return state._replace(rows=rows, sequences=counters)


def _stamp() -> log.Stamp:
    return actor.stamp("rehearsal")
