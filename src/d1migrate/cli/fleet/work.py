"""What `up` and `jobs` share: how they work on tenants, and what they print about it."""

from __future__ import annotations

import gc
from functools import partial

from d1migrate.cli.options import INTERRUPTED, GateOptions
from d1migrate.named_tuple import NamedTuple
from d1migrate.report import fleet as report
from d1migrate.report import fleet_values

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from d1migrate.cli.fleet.chosen import ChosenFleet
    from d1migrate.cli.fleet.fleet_gates import FleetGates
    from d1migrate.cli.output import Output
    from d1migrate.fleet.claim_loop import Hooks
    from d1migrate.fleet.journal import Journal
    from d1migrate.fleet.model import FailureGroup, FleetStatus
    from d1migrate.fleet.plan import FleetPlan
    from d1migrate.fleet.run_values import FleetReport
    from d1migrate.fleet.tenant_drivers import TenantDrivers
    from d1migrate.report.shapes import fleet as shapes

    Work = Callable[[FleetPlan, TenantDrivers, Sequence[str], Hooks], FleetReport]
    """Gets the target, what opens tenants, the ids of those that were chosen, and the hooks."""


class Options(NamedTuple):
    """The options of `fleet up` and `fleet jobs`."""

    name: str | None = None
    only: tuple[str, ...] = ()
    wave: int | None = None
    to: str | None = None
    gates: GateOptions = GateOptions()

    @property
    def last_wave(self) -> int | None:
        """The number of the last wave that is wanted, from 0."""
        return self.wave and self.wave - 1


def work(
    options: Options, chosen: ChosenFleet, gates: FleetGates, journal: Journal, output: Output, do: Work
) -> FleetReport:
    """Check the gates, and work on tenants with progress, until a signal ends it."""
    from d1migrate.cli.interrupts import Interrupts
    from d1migrate.fleet.claim_loop import Hooks
    from d1migrate.report.fleet_progress import FleetProgress

    chosen.refuse_wave(options.wave)
    plan = chosen.plan(options.to, check=gates.checks())
    only = [tenant.id for tenant, _ in chosen.tenants(options.only)] if options.only else []
    gates.confirm(partial(chosen.count, journal, only))
    output.note(chosen.described)
    progress = FleetProgress(output.note, bar=output.shows_progress)
    drivers = chosen.drivers(progress.on_wait)
    gc.enable()  # not a short process: each refused batch is an error in a cycle with its frames, 40 kB
    with progress, Interrupts() as interrupted:
        try:
            return do(plan, drivers, only, Hooks(gates.refuse_closed, interrupted, progress.show))
        finally:
            drivers.close()


def show(found: FleetReport, chosen: ChosenFleet, journal: Journal, output: Output) -> int:
    """Print what was done, and return the exit code."""
    status = chosen.status(journal)
    groups = chosen.failures(journal, status.run)
    if output.as_json:
        output.print_json(_value(found, status, groups))
    else:
        output.print(list(report.summary_lines(found, groups, is_remote=chosen.is_remote)))
        if step := report.next_after(found, chosen.command):
            output.hint(step)
    return _exit_code(found)


def _exit_code(found: FleetReport) -> int:
    if found.ended == "interrupted":
        return INTERRUPTED
    is_fine = found.ended in ("done", "partial", "waiting") and not (found.failed or found.problems)
    return 0 if is_fine else 1


def _value(found: FleetReport, status: FleetStatus, groups: Sequence[FailureGroup]) -> shapes.FleetReport:
    return {
        "fleet": found.fleet,
        "run": fleet_values.run_value(status.run),
        "ended": found.ended,
        "tenant_count": found.total,
        "done_count": found.done,
        "failed_count": found.failed,
        "waiting_count": found.waiting,
        "left_count": found.left,
        "waiting_for": list(found.waiting_for),
        "appeared_count": found.appeared,
        "vanished_count": found.vanished,
        "migrated_count": found.migrated,
        "current_count": found.current,
        "created_count": found.created,
        "one_by_one_count": found.one_by_one,
        "requests": found.requests,
        "seconds": found.seconds,
        "failures": fleet_values.failure_values(groups),
        "problems": fleet_values.problem_values(found.problems),
    }
