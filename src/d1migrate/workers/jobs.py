"""Jobs in a Worker: as many chunks as one invocation has time and queries for; the next one continues.

Nothing is kept between invocations but the job's row. So any number of them may run, also at once.
"""

from __future__ import annotations

import asyncio
import time

from d1migrate.drivers.run import arun_paced
from d1migrate.errors import QUERIES_USED, SECONDS_USED, Error, OverloadedError, Unfinished
from d1migrate.migrate.jobs import batches
from d1migrate.migrate.jobs.flow import run_job
from d1migrate.migrate.jobs.report import JobReport
from d1migrate.workers.objects import AsyncStorage, commit

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from d1migrate.drivers.protocol import AsyncDriver
    from d1migrate.migrate.jobs.flow import JobSettings
    from d1migrate.migrate.jobs.job import Job
    from d1migrate.sql.batch import Batch, Result


async def run_within(
    settings: JobSettings, driver: AsyncDriver, *, max_queries: int, max_seconds: float
) -> JobReport:
    """Run jobs, one after the other, until none is left to run or a limit is reached.

    Args:
        settings: what to run, and how.
        driver: the database.
        max_queries: how many batches this may send.
        max_seconds: after how many seconds it sends no other batch.

    Returns:
        How the last job ended; "stopped" at a limit.
    """
    limited = _Limited(driver, max_queries, max_seconds)
    last = JobReport("", "none")
    while True:
        try:
            found = await arun_paced(run_job(settings, watch=limited.watch), limited, limited.sleep)
        except Unfinished:
            if limited.overloaded and limited.batches < max_queries:
                await _halve(limited.job, driver)
            stopped = JobReport(limited.name, "stopped", limited.job, limited.batches)
            return stopped if limited.name else last._replace(batches=limited.batches)
        if found.end == "none":
            return last._replace(batches=limited.batches)
        last = found._replace(batches=limited.batches)
        if last.waiting_for:
            return last
        limited.name, limited.job = "", None


async def _halve(job: Job | None, driver: AsyncDriver) -> None:
    """Let the next invocation begin with a smaller chunk, if the database responds again."""
    if job is None:
        return
    try:
        await driver.batch(batches.resize(job, max(1, job.size // 2)))
    except Error:
        return  # the job has ended, or the next invocation finds out what the database can do


class Committed:
    """An AsyncDriver over the storage of an object, which waits until a chunk is on the disk.

    The clock stands still until then. So the time of a chunk includes the wait for the disk.
    """

    url = AsyncStorage.url

    def __init__(self, storage: Any) -> None:
        self._storage, self._driver = storage, AsyncStorage(storage)

    async def batch(self, batch: Batch) -> Sequence[Result]:
        """Run the queries as one transaction, and commit it.

        Raises:
            AmbiguousError: it could not be committed; the object is reset.
        """
        began = time.monotonic()
        results = await self._driver.batch(batch)
        if batch.reads:
            return results
        await commit(self._storage)
        (result,) = results
        return (result._replace(seconds=time.monotonic() - began),)


class _Limited:
    """A driver that sends nothing after the limits of an invocation.

    Attributes:
        name: the migration whose job it ran last, "" before one.
        job: its row, as it was last read.
        batches: how many batches it has sent.
        overloaded: whether the last one overloaded the database.
    """

    def __init__(self, driver: AsyncDriver, max_queries: int, max_seconds: float) -> None:
        self.url = driver.url
        self._driver, self._max_queries, self._max_seconds = driver, max_queries, max_seconds
        self._started = time.monotonic()
        self.name, self.batches, self.overloaded = "", 0, False
        self.job: Job | None = None

    async def batch(self, batch: Batch) -> Sequence[Result]:
        """Run it if the limits leave room for it."""
        if self.batches >= self._max_queries:
            raise Unfinished(QUERIES_USED.format(used=self.batches, most=self._max_queries))
        self._refuse_if_late(0.0)
        self.batches += 1
        self.name = batch.label or self.name
        try:
            results = await self._driver.batch(batch)
        except OverloadedError:
            self.overloaded = True
            raise
        self.overloaded = False
        return results

    async def sleep(self, pause: float) -> None:
        """Wait, unless the invocation would end first."""
        self._refuse_if_late(pause)
        await asyncio.sleep(pause)

    def watch(self, job: Job) -> None:
        """Note the job."""
        self.name, self.job = job.name, job

    def _refuse_if_late(self, seconds: float) -> None:
        if time.monotonic() - self._started + seconds > self._max_seconds:
            raise Unfinished(SECONDS_USED.format(used=f"{self._max_seconds:g}"))
