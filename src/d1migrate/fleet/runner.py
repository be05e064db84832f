"""`fleet up`: migrate the tenants of a fleet, wave after wave, in this process and any number of others."""

from __future__ import annotations

from contextlib import suppress

from d1migrate.errors import Error, UsageError
from d1migrate.fleet import claim_loop
from d1migrate.fleet.claim_loop import ClaimLoop, Hooks, TenantResult
from d1migrate.fleet.journal import new_owner
from d1migrate.fleet.model import SavedState
from d1migrate.fleet.one import migrate_one
from d1migrate.fleet.pool import pool_of
from d1migrate.fleet.run_values import FleetReport
from d1migrate.project.actor import current_actor

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from d1migrate.fleet.claim_loop import Rest
    from d1migrate.fleet.flow import Outcome
    from d1migrate.fleet.journal import Journal
    from d1migrate.fleet.model import Claimed, FleetStatus, Run
    from d1migrate.fleet.plan import FleetPlan
    from d1migrate.fleet.run_values import End, Progress
    from d1migrate.fleet.tenant import Tenant
    from d1migrate.fleet.tenant_drivers import TenantDrivers
    from d1migrate.migrate.flows.leftovers import Problem
    from d1migrate.project.fleet import FleetSettings

NO_HOOKS = Hooks()


def run_fleet(
    journal: Journal,
    fleet: FleetSettings,
    plan: FleetPlan,
    tenants: Iterable[tuple[Tenant, int]],
    drivers: TenantDrivers,
    *,
    last_wave: int | None = None,
    only: Sequence[str] = (),
    hooks: Hooks = NO_HOOKS,
) -> FleetReport:
    """Migrate the tenants of a fleet, or continue that; return when none is left, or the run is to stop.

    A tenant that fails stops no other one, until its wave has too many failures. A tenant that does not
    answer is tried again, then it has failed. While others work on all that is left, this process waits.

    Args:
        journal: the journal; its tables exist.
        fleet: the settings of the fleet.
        plan: how tenants reach the target.
        tenants: the inventory, with the wave of each tenant, from 0; not asked if the run has it already.
        drivers: opens the tenants.
        last_wave: the last wave to migrate; the next call continues after it.
        only: ids; other tenants are not migrated by this call.
        hooks: what it asks, and whom it reports to.

    Raises:
        Gate: the maintenance window is closed; nothing was begun. Once it is, a report has the reason.
        UsageError: there are no migrations, or a run of others is not finished; or as `inventory`.
        UnavailableError: the journal did not answer. Tenants that are migrated stay so.
        DriverError: as `inventory`.
        KeyboardInterrupt: it was interrupted before all tenants were listed; nothing was migrated.
    """
    hooks.refuse_closed()
    run = _begin(journal, fleet, plan, tenants, hooks)
    work = Work(fleet, plan, drivers)
    return work_on(journal, run, work, last_wave=last_wave, only=only, hooks=hooks)


def work_on(
    journal: Journal,
    run: Run,
    work: Work,
    *,
    last_wave: int | None,
    only: Sequence[str],
    hooks: Hooks,
    jobs: bool = False,
) -> FleetReport:
    """Work on what can be claimed of a run whose tenants are listed; errors as `run_fleet`.

    Args:
        journal: the journal.
        run: the run.
        work: what is done with each tenant.
        last_wave: the last wave that is wanted.
        only: the ids of the tenants that are wanted; all if there are none.
        hooks: what it asks, and whom it reports to.
        jobs: whether it works on tenants that wait for a job.
    """
    started, fleet, plan, drivers = hooks.now(), work.fleet, work.plan, work.drivers
    # Only in their order: what this run finds counts more than what earlier ones did.
    plan.load((state.text, 0) for state in journal.states())
    tally = _Tally()

    def on_result(tenant: Claimed, result: TenantResult) -> None:
        tally.add(tenant, result)
        hooks.on_result(tenant, result)

    def on_progress(progress: Progress) -> None:
        drivers.demand.ahead = progress.left
        hooks.on_progress(progress)

    pool = pool_of(work, fleet)
    drivers.demand.interrupted.clear()
    own = hooks._replace(on_result=on_result, on_progress=on_progress, on_end=drivers.demand.interrupted.set)
    lease = claim_loop.LEASE_OF_FILE if fleet.journal.startswith("sqlite:") else claim_loop.LEASE
    loop = ClaimLoop(
        journal, run, new_owner(), pool, own, last_wave=last_wave, only=only, lease=lease, jobs=jobs
    )
    try:
        end = loop.drive()
    finally:
        pool.close()
        drivers.demand.ahead = 0
    journal.save_states(_states_after(plan))
    return _report(journal.status(run), end, loop.reason, tally, hooks.now() - started)


def _begin(
    journal: Journal,
    fleet: FleetSettings,
    plan: FleetPlan,
    tenants: Iterable[tuple[Tenant, int]],
    hooks: Hooks,
) -> Run:
    """Begin a run, or continue it, and list its tenants; arguments and errors as `run_fleet`."""
    if plan.target is None:
        raise UsageError("there are no migrations", hint="`d1migrate new DESCRIPTION` creates one")
    by = plan.by or current_actor()
    run = journal.begin(plan.digest, plan.target, fleet.waves, by)
    if not run.is_sealed:
        try:
            journal.add(run, _until_interrupted(tenants, hooks))
        except UsageError:  # of the list: until it is corrected, there may be other migrations
            with suppress(Error):
                journal.stop(by)
            raise
        journal.seal(run)
    return run


def _until_interrupted(tenants: Iterable[tuple[Tenant, int]], hooks: Hooks) -> Iterator[tuple[Tenant, int]]:
    """Yield tenants; the list of a large account takes minutes."""
    for tenant in tenants:
        if hooks.interrupted():
            interrupt = KeyboardInterrupt()
            interrupt.add_note("not all tenants are listed yet; `d1migrate fleet up` continues")
            raise interrupt
        yield tenant


def _states_after(plan: FleetPlan) -> Iterator[SavedState]:
    """Yield the states that the tenants are in now, which is where the next run finds them."""
    for state, count in plan.states:
        if count:
            yield SavedState((plan.after(state) or state).text, count)


class Work:
    """Migrates one tenant; for any number of threads.

    Args:
        fleet: the settings of the fleet.
        plan: how tenants reach the target.
        drivers: opens the tenants.
    """

    def __init__(self, fleet: FleetSettings, plan: FleetPlan, drivers: TenantDrivers) -> None:
        self.fleet, self.plan, self.drivers = fleet, plan, drivers

    def __call__(self, tenant: Claimed) -> TenantResult | Rest:
        """Return the outcome of a tenant. It never raises: a failed tenant stops no other one."""
        found: Outcome | Error | None = None
        before = sent = 0
        try:
            before = self.drivers.requests(tenant.url)
            with self.drivers.open(tenant.url) as driver:
                found = migrate_one(
                    driver,
                    self.plan,
                    inspect=tenant.place < self.fleet.inspect,
                    restore_point=self._takes_point(tenant),
                )
                sent = found.requests
        except Error as error:
            found = error
        except Exception as error:  # of a disk or SQLite, or ours; what was applied before it counts
            found = found or Error(f"{type(error).__name__}: {error}")
        with suppress(Error):
            sent = self.drivers.requests(tenant.url) - before or sent
        return TenantResult(found, sent)

    def _takes_point(self, tenant: Claimed) -> bool:
        wanted = self.fleet.restore_points
        return wanted == "all" or (wanted == "canary" and tenant.wave == 0)


class _Tally:
    """Counts what one call has done."""

    def __init__(self) -> None:
        self.migrated = self.current = self.failures = self.created = self.one_by_one = self.requests = 0
        self.problems: list[tuple[str, Problem]] = []

    def add(self, tenant: Claimed, result: TenantResult) -> None:
        """Count a tenant."""
        found = result.found
        self.requests += result.requests
        if isinstance(found, Error):
            self.failures += 1
            return
        self.migrated += bool(found.applied)
        self.current += not (found.applied or found.waiting_for)
        self.created += found.created
        self.one_by_one += found.one_by_one
        self.problems += [(tenant.name, problem) for problem in found.problems]


def _report(
    status: FleetStatus | None, end: End, reason: str | None, tally: _Tally, seconds: float
) -> FleetReport:
    if status is None:
        raise Error("the journal was deleted during the run", hint="run the command again")
    total = status.total
    if end == "partial" and not total.todo and (total.waiting or total.leased):
        end = "waiting"  # what is leased is a job, of this moment or of a process that died
    return FleetReport(
        fleet=status.run.fleet,
        run=status.run.id,
        target=status.run.target,
        ended=end,
        reason=reason,
        total=total.size,
        done=total.done,
        failed=total.failed,
        waiting=total.waiting,
        waiting_for=total.waiting_for,
        left=total.todo + total.leased,
        appeared=status.counts.appeared,
        vanished=status.counts.vanished,
        migrated=tally.migrated,
        current=tally.current,
        failures=tally.failures,
        created=tally.created,
        one_by_one=tally.one_by_one,
        requests=tally.requests,
        seconds=seconds,
        problems=tuple(tally.problems),
    )
