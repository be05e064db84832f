"""`fleet jobs`: run the jobs of tenants that wait, and migrate each of them to the target.

A job takes hours, most of which are pauses. So a process works on many tenants in turn, a batch of each, and
the claim loop puts a tenant back until its pause is over. The job itself is in the tenant's database: if a
process is killed, nothing is lost, and any other one continues.
"""

from __future__ import annotations

from functools import partial

from d1migrate.errors import Error, HistoryError, UnavailableError
from d1migrate.fleet.claim_loop import Rest, TenantResult
from d1migrate.fleet.flow import Outcome, migrate
from d1migrate.fleet.runner import NO_HOOKS, Work, work_on
from d1migrate.migrate.jobs.flow import JobSettings, run_job
from d1migrate.migrate.jobs.pace import Pace
from d1migrate.migrate.plan import plan_up
from d1migrate.project.actor import current_actor, stamp
from d1migrate.sql.batch import Batch, Pause

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from d1migrate.drivers.protocol import Driver
    from d1migrate.fleet.claim_loop import Hooks
    from d1migrate.fleet.journal import Journal
    from d1migrate.fleet.model import Claimed, Run
    from d1migrate.fleet.plan import FleetPlan
    from d1migrate.fleet.run_values import FleetReport
    from d1migrate.fleet.tenant_drivers import TenantDrivers
    from d1migrate.migrate.flows.steps import NewStamp
    from d1migrate.migrate.jobs.report import JobReport
    from d1migrate.project.fleet import FleetSettings
    from d1migrate.sql.batch import PacedFlow

_MOST_JOBS = 100  # of one tenant; more only if somebody begins one again and again


def run_jobs(
    journal: Journal,
    run: Run,
    fleet: FleetSettings,
    plan: FleetPlan,
    drivers: TenantDrivers,
    *,
    budget: int | None = None,
    last_wave: int | None = None,
    only: Sequence[str] = (),
    hooks: Hooks = NO_HOOKS,
) -> FleetReport:
    """Run the jobs of waiting tenants, wave after wave; return when none is left, or the run is to stop.

    A tenant whose job has ended is migrated further. A job that fails, or that somebody has paused or
    cancelled, is a failure of its tenant.

    Args:
        journal: the journal.
        run: the run, of the migrations of the plan.
        fleet: the settings of the fleet.
        plan: how tenants reach the target.
        drivers: opens the tenants.
        budget: the most entries that one batch may write; by default, the usual one.
        last_wave: the last wave that is wanted, from 0.
        only: ids; the jobs of other tenants are not run by this call.
        hooks: what it asks, and whom it reports to.

    Raises:
        Gate: the maintenance window is closed.
        UnavailableError: the journal did not answer.
    """
    hooks.refuse_closed()
    work = _JobWork(fleet, plan, drivers, budget)
    return work_on(journal, run, work, last_wave=last_wave, only=only, hooks=hooks, jobs=True)


class _JobWork(Work):
    """Sends one batch for a tenant at each call. Threads may share it; a tenant is with one of them."""

    def __init__(
        self, fleet: FleetSettings, plan: FleetPlan, drivers: TenantDrivers, budget: int | None
    ) -> None:
        super().__init__(fleet, plan, drivers)
        self._budget = budget
        self._begun: dict[str, _Stepped] = {}

    def __call__(self, tenant: Claimed) -> TenantResult | Rest:
        """Send the next batch of a tenant. It never raises: a failed tenant stops no other one."""
        found: Outcome | float | Error
        before = 0
        try:
            before = self.drivers.requests(tenant.url)
            with self.drivers.open(tenant.url) as driver:
                stepped = self._begun.get(tenant.id)
                if stepped is None:
                    stepped = self._begun[tenant.id] = _Stepped(self._flow(tenant, driver))
                found = stepped.step(driver)
        except Error as error:
            found = error
        except Exception as error:  # of a disk or SQLite, or ours
            found = Error(f"{type(error).__name__}: {error}")
        sent = self.drivers.requests(tenant.url) - before or 1
        if isinstance(found, float):
            return Rest(found, sent)
        self._begun.pop(tenant.id, None)
        return TenantResult(found, sent)

    def _flow(self, tenant: Claimed, driver: Driver) -> PacedFlow[Outcome]:
        new_stamp: NewStamp = partial(stamp, self.plan.by or current_actor())
        if self._takes_point(tenant):
            from d1migrate.backup.before_run import before_first_stamp

            new_stamp = before_first_stamp(driver, self.plan.choice, None, new_stamp)
            new_stamp()  # now: the driver is closed between two batches
        pace = Pace.of(self._budget, is_file=driver.capabilities.file is not None)
        return run_to_target(self.plan, new_stamp, pace)


def run_to_target(plan: FleetPlan, new_stamp: NewStamp, pace: Pace) -> PacedFlow[Outcome]:
    """Bring a database to the target of a plan, jobs included.

    Args:
        plan: the plan.
        new_stamp: makes the token, time and user of every batch.
        pace: the limits of a chunk.

    Raises:
        Error: as `migrate` and `run_job`; HistoryError also if somebody has paused or cancelled the job.
    """
    plan_each = partial(plan_up, plan.migrations, to=plan.to, allow_out_of_order=plan.allow_out_of_order)
    settings = JobSettings(plan.migrations, plan.choice, plan_each, new_stamp, new_stamp, pace)
    applied: tuple[str, ...] = ()
    for _ in range(_MOST_JOBS):
        outcome = yield from migrate(plan, new_stamp)
        applied += outcome.applied
        if outcome.waiting_for is None:
            return outcome._replace(applied=applied)
        job = yield from run_job(settings)
        _refuse_held(job)
        applied += (job.name,) if job.end == "done" else ()
    raise UnavailableError(f"{_MOST_JOBS} jobs were run, and more are left", hint="run it again")


def _refuse_held(job: JobReport) -> None:
    """Raise HistoryError for a job that a person has stopped."""
    if job.end in ("paused", "cancelled"):
        step = (
            "`d1migrate job resume` lets it continue" if job.end == "paused" else "`d1migrate up` begins it"
        )
        raise HistoryError(f"the job of {job.name} was {job.end}", names=(job.name,), hint=step)


class _Stepped:
    """A paced flow that is run a batch at a time."""

    def __init__(self, flow: PacedFlow[Outcome]) -> None:
        self._flow, self._next = flow, next(flow)

    def step(self, driver: Driver) -> Outcome | float:
        """Send the next batch; return the result of the flow, or how many seconds to wait."""
        try:
            if isinstance(self._next, Pause):
                self._next = self._flow.send(())
            if isinstance(self._next, Batch):
                self._next = self._answered(driver, self._next)
        except StopIteration as end:
            outcome: Outcome = end.value
            return outcome
        return float(self._next.seconds) if isinstance(self._next, Pause) else 0.0

    def _answered(self, driver: Driver, batch: Batch) -> Batch | Pause:
        try:
            results = driver.batch(batch)
        except Exception as error:
            return self._flow.throw(error)
        return self._flow.send(results)
