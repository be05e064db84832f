"""`fleet up`: apply pending migrations to every tenant of a fleet."""

from __future__ import annotations

from d1migrate.cli.fleet.chosen import ChosenFleet
from d1migrate.cli.fleet.fleet_gates import FleetGates
from d1migrate.cli.fleet.work import Options, show, work

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from d1migrate.cli.output import Output
    from d1migrate.cli.project import Project
    from d1migrate.fleet.claim_loop import Hooks
    from d1migrate.fleet.plan import FleetPlan
    from d1migrate.fleet.run_values import FleetReport
    from d1migrate.fleet.tenant_drivers import TenantDrivers


def run(options: Options, project: Project, output: Output) -> int:
    """Begin a run, or continue it; print what it did."""
    chosen = ChosenFleet(options.name, project)
    chosen.refuse_objects()
    gates = FleetGates(options.gates, chosen, output)
    chosen.refuse_outside()
    chosen.refuse_journal()
    with chosen.journal() as journal:
        journal.create()

        def migrate(
            plan: FleetPlan, drivers: TenantDrivers, only: Sequence[str], hooks: Hooks
        ) -> FleetReport:
            from d1migrate.fleet.runner import run_fleet

            return run_fleet(
                journal,
                gates.settings,
                plan,
                chosen.tenants(),
                drivers,
                last_wave=options.last_wave,
                only=only,
                hooks=hooks,
            )

        return show(work(options, chosen, gates, journal, output, migrate), chosen, journal, output)
