"""AsyncMigrator: the methods of Migrator over an AsyncDriver. It needs no engine and no file system.

Linting and rehearsing need an engine, so only Migrator has them. Here `up` does not lint, and the log
records that. Modules load when a method first needs them: a Worker pays only for what it uses.
"""

from __future__ import annotations

from d1migrate.drivers.run import arun
from d1migrate.migrate.flows import ensure
from d1migrate.migrate.table_choice import USUAL, TableChoice

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
    from typing import Literal

    from d1migrate.drivers.protocol import AsyncDriver
    from d1migrate.migrate.flows.read_log import LogEntry
    from d1migrate.migrate.flows.report import Report
    from d1migrate.migrate.flows.verify import Verification
    from d1migrate.migrate.history import AppliedMigration, History
    from d1migrate.migrate.jobs.job import Job
    from d1migrate.migrate.jobs.report import JobReport
    from d1migrate.migrate.log import Stamp
    from d1migrate.migrate.migration import Migration
    from d1migrate.migrate.plan import Plan
    from d1migrate.migrate.selector import Selector
    from d1migrate.migrate.status import Entry
    from d1migrate.schema.model import Schema


class AsyncMigrator:
    """Migrations and an asynchronous driver. Arguments, results and errors are those of Migrator.

    Args:
        driver: the database, e.g. `drivers.binding.BindingDriver(env.DB)`.
        migrations: the migrations, in wrangler's order.
        choice: how to choose the migrations table.
        schemas: {name: {object: digest}} of a generated index, for `verify`.
        allow_out_of_order: whether `up` also applies migrations that come before an applied one.
        accept_newer: whether `up` has nothing to do if the database is newer than the migrations, as it is
            for old code after a deploy.
        by: the actor in the log.
    """

    def __init__(
        self,
        driver: AsyncDriver,
        migrations: Sequence[Migration],
        *,
        choice: TableChoice = USUAL,
        schemas: Mapping[str, Mapping[str, str | None]] | None = None,
        allow_out_of_order: bool = False,
        accept_newer: bool = True,
        by: str = "worker",
    ) -> None:
        self.driver, self.migrations = driver, tuple(migrations)
        self.choice = choice
        self._schemas, self._by = schemas or {}, by
        self._allow_out_of_order, self._accept_newer = allow_out_of_order, accept_newer

    async def status(self) -> tuple[Entry, ...]:
        """Compare files and database: one Entry for each migration."""
        from d1migrate.migrate.flows import read

        return await arun(read.status(self.migrations, self.choice), self.driver)

    async def current(self) -> AppliedMigration | None:
        """Return the applied migration that comes last in wrangler's order; None if none is applied."""
        from d1migrate.migrate.flows import read

        return await arun(read.read_current(self.choice), self.driver)

    async def pending(self) -> tuple[str, ...]:
        """Return the names of migrations that are not applied; usually one query. It ignores edits."""
        return await arun(ensure.read_pending(self.migrations, self.choice), self.driver)

    async def history(self) -> tuple[LogEntry, ...]:
        """Return the log, oldest first."""
        from d1migrate.migrate.flows.read_log import read_log

        return await arun(read_log(self.choice), self.driver)

    async def schema(self) -> Schema:
        """Read the live schema."""
        from d1migrate.migrate.flows import read

        return await arun(read.read_schema(self.choice), self.driver)

    async def plan(self, *, to: Selector | None = None) -> Plan:
        """Plan an `up` without running it."""
        from d1migrate.migrate.flows import up

        flow = up.plan(
            self.migrations,
            self.choice,
            to=to,
            allow_out_of_order=self._allow_out_of_order,
            accept_newer=self._accept_newer,
        )
        return await arun(flow, self.driver)

    async def up(self, *, to: Selector | None = None) -> Report:
        """Apply pending migrations; with nothing to do, this costs one query of one row.

        It runs no job: it ends before a migration that needs one, which is the report's `waiting_for`.

        Raises:
            Unfinished: the driver enforces a Worker's limits, and one was reached between two migrations.
        """
        flow = ensure.ensure(
            self.migrations,
            self.choice,
            self._new_stamp,
            to=to,
            allow_out_of_order=self._allow_out_of_order,
            accept_newer=self._accept_newer,
        )
        return await arun(flow, self.driver)

    async def plan_down(
        self,
        *,
        to: Selector | None = None,
        steps: int | None = None,
        rollback_from: Literal["file", "history"] | None = None,
        allow_loss: Collection[str] = (),
    ) -> Plan:
        """Plan a `down` without running it."""
        from d1migrate.migrate.flows import down

        flow = down.choose(
            self.migrations, self.choice, to=to, steps=steps, prefer=rollback_from, allow_loss=allow_loss
        )
        return await arun(flow, self.driver)

    async def down(
        self,
        *,
        to: Selector | None = None,
        steps: int | None = None,
        rollback_from: Literal["file", "history"] | None = None,
        allow_loss: Collection[str] = (),
    ) -> Report:
        """Roll migrations back by their rollback blocks, newest first, one transaction each."""
        from d1migrate.migrate.flows import down

        todo = await self.plan_down(to=to, steps=steps, rollback_from=rollback_from, allow_loss=allow_loss)
        return await arun(down.down(todo, self._new_stamp), self.driver)

    async def run_job(
        self,
        *,
        may_continue: Callable[[int], bool] | None = None,
        watch: Callable[[Job], None] | None = None,
        again: bool = True,
        sleep: Callable[[float], Awaitable[None]] | None = None,
    ) -> JobReport:
        """Continue the open job, or begin that of the next pending migration, until it has ended."""
        import asyncio

        from d1migrate.drivers.run import arun_paced
        from d1migrate.migrate.jobs.flow import JobSettings, run_job
        from d1migrate.migrate.jobs.pace import Pace

        settings = JobSettings(
            self.migrations, self.choice, self._plan_from, self._new_stamp, self._new_stamp, Pace(), again
        )
        flow = run_job(settings, may_continue=may_continue, watch=watch)
        return await arun_paced(flow, self.driver, sleep or asyncio.sleep)

    async def pause_job(self, *, reason: str | None = None) -> Job:
        """Pause the open job, so that no runner sends a chunk; return it."""
        from d1migrate.migrate.jobs.flow import set_paused

        flow = set_paused(self.choice, self._new_stamp, paused=True, reason=reason)
        return await arun(flow, self.driver)

    async def resume_job(self, *, reason: str | None = None) -> Job:
        """Let the open job continue; return it."""
        from d1migrate.migrate.jobs.flow import set_paused

        flow = set_paused(self.choice, self._new_stamp, paused=False, reason=reason)
        return await arun(flow, self.driver)

    async def cancel_job(self, *, reason: str | None = None) -> Job:
        """Cancel the open job; return it as it was."""
        from d1migrate.migrate.jobs.flow import cancel_job

        return await arun(cancel_job(self.choice, self._new_stamp, reason=reason), self.driver)

    async def verify(self) -> Verification:
        """Compare files with history, and the live schema with the digests of the index."""
        from d1migrate.migrate.flows.verify import verify_by_digests

        return await arun(verify_by_digests(self.migrations, self.choice, self._schemas), self.driver)

    def _plan_from(self, history: History) -> Plan:
        from d1migrate.migrate.plan import plan_up

        return plan_up(
            self.migrations,
            history,
            allow_out_of_order=self._allow_out_of_order,
            accept_newer=self._accept_newer,
        )

    def _new_stamp(self) -> Stamp:
        from d1migrate.project.actor import stamp

        return stamp(self._by)
