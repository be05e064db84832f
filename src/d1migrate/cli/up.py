"""`up`: apply pending migrations. With --dry-run the parser runs `plan` instead, unless it sees --plan."""

from __future__ import annotations

import time
from functools import partial

from d1migrate.cli.gates import Gates, refuse_object
from d1migrate.cli.options import ApplyOptions, GateOptions
from d1migrate.cli.run_report import note_findings, print_report, warn_of_empty
from d1migrate.hints import exclusive
from d1migrate.named_tuple import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from d1migrate.cli.output import Output
    from d1migrate.cli.project import Project
    from d1migrate.migrate.plan import Plan


class Options(NamedTuple):
    """The options of `up`."""

    plan: str | None = None
    dry_run: bool = False
    apply: ApplyOptions = ApplyOptions()
    gates: GateOptions = GateOptions()


def run(options: Options, project: Project, output: Output) -> int:
    """Apply what is pending, or what a plan file lists."""
    apply, written = options.apply, None
    if options.plan is not None:
        if options.dry_run:
            raise exclusive("--dry-run", "--plan")
        from d1migrate.cli.written_plan import WrittenPlan

        written = WrittenPlan.read(options.plan, apply)
        apply = written.apply
    refuse_object(project)
    migrator = project.migrator(
        allow_out_of_order=apply.allow_out_of_order,
        restore_points=options.gates.no_restore_point is None,
    )
    gates = Gates(options.gates, project, migrator, output)

    planned: list[Plan] = []  # again, if another run was faster

    def check(plan: Plan) -> Mapping[str, object]:
        if written is not None:
            written.refuse_stale(plan, project)
        planned.append(plan)
        project.warn_of_files(step.name for step in plan.steps)
        return gates.check(plan)

    started = time.perf_counter()
    report = project.watched(migrator).up(
        to=apply.to,
        single_transaction=apply.single_transaction,
        phase=apply.phase,
        lint=options.gates.no_lint is None,
        warn=partial(note_findings, output=output),
        check=check,
    )
    if report.steps:
        hint = "is only recorded; to fill it in later, roll it back first: `d1migrate down`"
        warn_of_empty(planned[-1], hint, output)
    return print_report(report, time.perf_counter() - started, output, done="applied")
