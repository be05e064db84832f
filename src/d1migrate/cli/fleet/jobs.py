"""`fleet jobs`: run the jobs of the tenants that wait for one, and migrate these tenants further."""

from __future__ import annotations

from d1migrate.cli.fleet.chosen import ChosenFleet
from d1migrate.cli.fleet.fleet_gates import FleetGates
from d1migrate.cli.fleet.work import Options, show, work
from d1migrate.report.text import clean_line

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
    """Continue the jobs of the newest run; print what was done.

    Raises:
        UsageError: there was no run, or it has other migrations.
    """
    chosen = ChosenFleet(options.name, project)
    chosen.refuse_objects()
    gates = FleetGates(options.gates, chosen, output)
    chosen.refuse_outside()
    planned: list[str] = []
    with chosen.journal() as journal:

        def drive(plan: FleetPlan, drivers: TenantDrivers, only: Sequence[str], hooks: Hooks) -> FleetReport:
            from d1migrate.fleet.jobs import run_jobs

            planned.append(plan.target or "")
            found = journal.unfinished(plan.digest, plan.target or "", chosen.settings.waves)
            if found is None:
                raise chosen.no_run()
            return run_jobs(
                journal,
                found,
                gates.settings,
                plan,
                drivers,
                budget=chosen.environment.budget,
                last_wave=options.last_wave,
                only=only,
                hooks=hooks,
            )

        chosen.status(journal)  # before anybody is asked
        code = show(work(options, chosen, gates, journal, output, drive), chosen, journal, output)
        if planned and planned[0] != chosen.status(journal).run.target:  # a run that is done may be of fewer
            output.hint(f"{chosen.command('up')} begins a run to {clean_line(planned[0])}")
        return code
