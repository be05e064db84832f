"""`fleet plan`: what `fleet up` would do, from the list of tenants and a few tenants themselves."""

from __future__ import annotations

from d1migrate.cli.fleet.chosen import ChosenFleet
from d1migrate.cli.fleet.fleet_gates import FleetGates
from d1migrate.cli.options import GateOptions
from d1migrate.cli.plan import print_gates
from d1migrate.named_tuple import NamedTuple
from d1migrate.report import fleet as report

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from d1migrate.cli.output import Output
    from d1migrate.cli.project import Project
    from d1migrate.fleet.model import FleetStatus
    from d1migrate.fleet.plan import FleetPlan
    from d1migrate.fleet.preview import FleetPreview
    from d1migrate.migrate.migration import Migration
    from d1migrate.project.gates import GateResult
    from d1migrate.report.shapes import fleet as shapes


class Options(NamedTuple):
    """The options of `fleet plan`."""

    name: str | None = None
    only: tuple[str, ...] = ()
    wave: int | None = None
    to: str | None = None
    gates: GateOptions = GateOptions()


def run(options: Options, project: Project, output: Output) -> int:
    """Print what would be done; change nothing."""
    from d1migrate.fleet.preview import plan_fleet

    chosen = ChosenFleet(options.name, project)
    chosen.refuse_objects()
    gates = FleetGates(options.gates, chosen, output)
    plan, drivers = chosen.plan(options.to), chosen.drivers()
    with chosen.journal() as journal:
        status = journal.status()
    with output.working(f"reading some tenants of {chosen.name}"):
        try:
            tenants = chosen.tenants(options.only, last_wave=options.wave)
            found = plan_fleet(chosen.settings, plan, tenants, drivers)
        finally:
            drivers.close()
    found = found._replace(sample=chosen.checked(found.sample))
    looked = gates.look(*_steps(plan))
    if output.as_json:
        output.print_json(_value(found, status, looked))
    else:
        output.print(list(report.plan_lines(found, output.paint, output.width)))
        print_gates(looked, gates.environment.shown, output)
        if status and status.run.state != "done":
            output.print(report.run_line(status.run, output.paint))
    return 0


def _steps(plan: FleetPlan) -> tuple[list[Migration], list[Migration]]:
    """Return the migrations that some tenants of the sample lack, and those that all of them have."""
    pending = {step.name for state, _ in plan.states if state.refusal is None for step in state.plan.steps}
    lacking = [migration for migration in plan.migrations if migration.name in pending]
    return lacking, [migration for migration in plan.migrations if migration.name not in pending]


def _value(found: FleetPreview, status: FleetStatus | None, looked: Sequence[GateResult]) -> shapes.FleetPlan:
    from d1migrate.report import fleet_values, values

    return {
        "fleet": found.fleet,
        "target": found.target or "",
        "tenant_count": found.total,
        "waves": [
            {
                "wave": number,
                "name": wave.name,
                "tenant_count": wave.size,
                "most_failed": wave.most_failed,
            }
            for number, wave in enumerate(found.waves, 1)
        ],
        "sample": fleet_values.group_values(found.sample),
        "gates": values.gate_results(looked),
        "one_by_one_count": found.one_by_one,
        "requests": found.total,
        "seconds": found.seconds,
        "run": fleet_values.run_value(status.run) if status else None,
    }
