"""Proves ways back on a scratch database: each migration fails, is gone back behind, and is rolled back."""

from __future__ import annotations

from contextlib import closing
from itertools import chain
from typing import TYPE_CHECKING, NamedTuple

from d1migrate.backup.fingerprint import Fingerprint, compare, read_fingerprint
from d1migrate.drivers.sqlite import SqliteDriver
from d1migrate.errors import ApplyError, Error, Irreversible
from d1migrate.migrate import history as h
from d1migrate.migrate.history_guard import LOG_TABLE
from d1migrate.migrator import Migrator
from d1migrate.sql.batch import Batch, Query

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from d1migrate.migrate.migration import Migration
    from d1migrate.rehearse import ScratchDatabase
    from d1migrate.sql.batch import Result

_FAILS = Query("SELECT json_extract('{}', 'the rehearsal fails here')", whole=True)


class RecoveryCheck(NamedTuple):
    """The ways back of one migration; one that was tried lists how what came of it is not what was before.

    Attributes:
        version, name: which.
        fails: behind its last statement a failure was made: what stayed of it.
        restored: it was applied, and the restore point from before gone back to; None where there was nothing
            to keep.
        rolled_back: it was applied, and its rollback run; None where it has none, or is not the newest.
        error: why it could not be applied at all, "" where it was.
    """

    version: int
    name: str
    fails: tuple[str, ...]
    restored: tuple[str, ...] | None = None
    rolled_back: tuple[str, ...] | None = None
    error: str = ""

    @property
    def ok(self) -> bool:
        """Whether a failure and a restore leave what was before; a rollback may lose rows by its nature."""
        return not (self.error or self.fails or self.restored)


def check_recovery(
    ground: ScratchDatabase,
    migrations: Sequence[Migration],
    pending: Iterable[Migration],
    *,
    rows: int,
    applied: Sequence[h.AppliedMigration] = (),
    watch: Callable[[RecoveryCheck], None] | None = None,
) -> tuple[RecoveryCheck, ...]:
    """Apply migrations one by one, each after all its ways back were tried; every row is compared.

    Args:
        ground: the scratch database; its empty tables are filled.
        migrations: all files.
        pending: those to be applied, in order.
        rows: how many made-up rows a table gets.
        applied: what its history is to say before, where it has none.
        watch: is shown each when it is done.

    Returns:
        Up to the first that cannot be applied.
    """
    if applied:
        ground.create_history()
        with closing(_open(ground)) as driver:
            driver.batch(Batch([h.insert_row(row.version, row.name, row.applied_at or 0) for row in applied]))
    done: list[RecoveryCheck] = []
    for migration in pending:
        ground.fill(rows)
        with closing(_open(ground)) as driver:
            done.append(_Trial(driver, migrations, migration).run())
        if watch:
            watch(done[-1])
        if done[-1].error:
            break
    return tuple(done)


class _Failing(SqliteDriver):
    """A driver that fails where it is told to: at the very end of what writes."""

    fails = False

    def batch(self, batch: Batch) -> Sequence[Result]:
        """Run the queries, and what makes all of them fail."""
        if self.fails and not batch.reads:
            batch = batch._replace(queries=chain(batch.queries, (_FAILS,)))
        return super().batch(batch)


def _open(ground: ScratchDatabase) -> _Failing:
    return _Failing(ground.path, url="the rehearsal")


class _Trial:
    """One migration, on a database that has all before it."""

    def __init__(self, driver: _Failing, migrations: Sequence[Migration], migration: Migration) -> None:
        self._driver, self._migration = driver, migration
        self._migrator = Migrator(
            driver, migrations, allow_out_of_order=True, restore_points=True, who="rehearsal"
        )
        self._before = read_fingerprint(driver)

    def run(self) -> RecoveryCheck:
        """Try all ways back, and leave it applied."""
        proved = RecoveryCheck(self._migration.version, self._migration.name, self._failing())
        try:
            self._up()
            restored = self._restore()
            rolled_back = self._roll_back()
        except Error as error:
            return proved._replace(error=str(error))
        return proved._replace(restored=restored, rolled_back=rolled_back)

    def _up(self) -> None:
        if self._migration.version not in {
            entry.version for entry in self._migrator.status() if entry.applied
        }:
            self._migrator.up(to=self._migration.version, lint=False)

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
        point = self._migrator.history()[-1].restore_point
        if point is None:
            return None
        known = self._migrator.history()
        self._migrator.restore(point)
        lost = () if self._migrator.history()[: len(known)] == known else ("rows of the log are lost",)
        found = (*self._differences(), *lost)
        self._up()
        return found

    def _roll_back(self) -> tuple[str, ...] | None:
        if self._migrator.current() != self._migration.version:
            return None  # `down` would take the newest
        try:
            self._migrator.down(allow_loss=("all",))
        except Irreversible:
            return None
        except ApplyError as error:
            return (f"it fails: {error}",)
        found = self._differences()
        self._up()
        return found

    def _differences(self, *, log: bool = False) -> tuple[str, ...]:
        """Return how the database is not what it was before; of the log only where nothing may have come."""
        before, found = self._before, read_fingerprint(self._driver)
        if not log:
            before, found = _without_log(before), _without_log(found)
        return tuple(compare(before, found))


def _without_log(state: Fingerprint) -> Fingerprint:
    return state._replace(rows={table: rows for table, rows in state.rows.items() if table != LOG_TABLE})
