"""Runs in a SQLite-backed Durable Object: their limits, and the restore point before them.

SQL is synchronous in an object, and costs no subrequest. What an event writes is committed when the code next
waits for something real. An event has 30 seconds of CPU by default, and a Worker's clock stands still until
the code waits. So a run is limited by what it does, and looks at the time only after `storage.sync()`.
"""

from __future__ import annotations

import time

from d1migrate.drivers.binding import error_text
from d1migrate.drivers.run import arun, run
from d1migrate.drivers.storage import StorageDriver
from d1migrate.errors import MIGRATIONS_USED, ROWS_USED, SECONDS_USED, AmbiguousError, Error, Unfinished

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

    from d1migrate.drivers.protocol import Capabilities
    from d1migrate.migrate.flows.report import Report
    from d1migrate.migrate.flows.steps import NewStamp
    from d1migrate.migrate.log import Stamp
    from d1migrate.sql.batch import Batch, Flow, Result

    Apply = Callable[..., Flow[Report]]
    """`flows.ensure`, without what makes the stamps."""

_MIGRATIONS, _ROWS_WRITTEN = 10, 10_000
"""After how much a run waits for the disk. After every migration it would be ten times as slow."""


class AsyncStorage:
    """An AsyncDriver over `ctx.storage`."""

    url = StorageDriver.url

    def __init__(self, storage: Any) -> None:
        self._driver = StorageDriver(storage)

    async def batch(self, batch: Batch) -> Sequence[Result]:
        """Run the queries in order as one transaction; all of them, or nothing."""
        return self._driver.batch(batch)


class LimitedStorage:
    """A Driver over `ctx.storage` that begins no migration after the limits of an event.

    Args:
        storage: `ctx.storage`.
        max_migrations: how many migrations it runs.
        max_rows_written: how many rows may have been written when a migration begins.
    """

    url = StorageDriver.url

    def __init__(self, storage: Any, max_migrations: int, max_rows_written: int) -> None:
        self.storage, self._driver = storage, StorageDriver(storage)
        self._max_migrations, self._max_rows_written = max_migrations, max_rows_written
        self.migrations, self.rows_written = 0, 0

    @property
    def capabilities(self) -> Capabilities:
        """Those of the driver."""
        return self._driver.capabilities

    def close(self) -> None:
        """Release the storage."""
        self._driver.close()

    def batch(self, batch: Batch) -> Sequence[Result]:
        """Run a batch if the limits permit it."""
        if batch.reads:
            return self._driver.batch(batch)
        if self.migrations >= self._max_migrations:
            raise Unfinished(MIGRATIONS_USED.format(used=self.migrations))
        if self.rows_written > self._max_rows_written:
            raise Unfinished(ROWS_USED.format(used=self.rows_written))
        results = self._driver.batch(batch)
        self.migrations += 1
        self.rows_written += results[0].rows_written or 0
        return results

    async def sync(self) -> None:
        """Commit what the event has written."""
        await commit(self.storage)


class _TimedStorage:
    """An AsyncDriver that also limits the time, and commits now and then."""

    url = StorageDriver.url

    def __init__(self, limited: LimitedStorage, max_seconds: float) -> None:
        self._limited, self._max_seconds = limited, max_seconds
        self._started = self._looked = time.monotonic()
        self._longest = 0.0
        self._migrations, self._rows_written = 0, 0

    async def batch(self, batch: Batch) -> Sequence[Result]:
        """Run a batch if the limits permit it."""
        limited = self._limited
        if not batch.reads and (
            limited.migrations >= self._migrations + _MIGRATIONS
            or limited.rows_written >= self._rows_written + _ROWS_WRITTEN
        ):
            await limited.sync()
            self._migrations, self._rows_written = limited.migrations, limited.rows_written
            self._refuse_if_late()
        return limited.batch(batch)

    def _refuse_if_late(self) -> None:
        now = time.monotonic()
        self._longest = max(self._longest, now - self._looked)
        self._looked = now
        if now - self._started + self._longest > self._max_seconds:
            raise Unfinished(SECONDS_USED.format(used=f"{self._max_seconds:g}"))


async def commit(storage: Any) -> None:
    """Commit what the event has written.

    Raises:
        AmbiguousError: that failed; the object is reset.
    """
    from pyodide import ffi

    try:
        await storage.sync()
    except ffi.JsException as error:
        raise AmbiguousError(error_text(error)) from error


def apply(flow: Apply, new_stamp: NewStamp, limited: LimitedStorage) -> Report:
    """Apply what is pending, without waiting."""
    return run(flow(new_stamp, notes_index=True), limited)


async def apply_timed(
    flow: Apply, new_stamp: NewStamp, limited: LimitedStorage, max_seconds: float
) -> Report:
    """Apply what is pending; log the restore point from before, and commit before an error is raised."""
    driver = _TimedStorage(limited, max_seconds)
    try:
        try:
            return await arun(flow(_first_stamp, notes_index=True), driver)
        except _Pending:
            # What the caller has written is not lost with a migration, nor does it keep foreign keys off.
            await limited.sync()
        point = await _bookmark(limited.storage)
        return await arun(flow(lambda: new_stamp()._replace(restore_point=point), notes_index=True), driver)
    except Error:
        await limited.sync()  # an error that leaves the event undoes what is not committed
        raise


class _Pending(Exception):
    """A stamp is needed, so there is something to do."""


def _first_stamp() -> Stamp:
    raise _Pending


async def _bookmark(storage: Any) -> str | None:
    """Return the restore point of now; None if the platform keeps none, as locally."""
    from pyodide import ffi

    try:
        bookmark = str(await storage.getCurrentBookmark())
    except (AttributeError, ffi.JsException):
        return None
    return bookmark if bookmark.rpartition("-")[2].strip("0") else None
