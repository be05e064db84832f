"""`up`: apply pending migrations. With --dry-run the parser runs `plan` instead."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, NamedTuple

from d1migrate.cli.gates import Gates
from d1migrate.cli.options import ApplyOptions, GateOptions
from d1migrate.report import values
from d1migrate.report.text import clean_line, duration, plural

if TYPE_CHECKING:
    from collections.abc import Mapping

    from d1migrate.cli.output import Output
    from d1migrate.cli.project import Project
    from d1migrate.migrate.flows.steps import Report
    from d1migrate.migrate.plan import Plan


class Options(NamedTuple):
    """The options of `up`."""

    plan: str | None = None
    apply: ApplyOptions = ApplyOptions()
    gates: GateOptions = GateOptions()


def run(options: Options, project: Project, output: Output) -> int:
    """Apply what is pending, or what a plan file lists."""
    apply, written = options.apply, None
    if options.plan is not None:
        from d1migrate.cli.written_plan import WrittenPlan

        written = WrittenPlan.read(options.plan, apply)
        apply = written.apply
    migrator = project.migrator(
        allow_out_of_order=apply.allow_out_of_order,
        restore_points=options.gates.no_restore_point is None,
    )
    gates = Gates(options.gates, project, migrator, output)

    def check(plan: Plan) -> Mapping[str, object]:
        if written is not None:
            written.refuse_stale(plan, project)
        return gates.check(plan)

    started = time.perf_counter()
    report = project.watched(migrator).up(
        to=apply.to,
        single_transaction=apply.single_transaction,
        phase=apply.phase,
        lint=options.gates.no_lint is None,
        check=check,
    )
    return print_report(report, time.perf_counter() - started, output, done="applied")


def print_report(report: Report, seconds: float, output: Output, *, done: str) -> int:
    """Print what an `up` or `down` did; returns the exit code."""
    if output.as_json:
        output.print_json(values.report(report))
    else:
        for row in report.meanwhile:
            output.print(f"applied meanwhile by another run: {clean_line(row.name)}")
        if report.steps:
            output.print(f"{done} {plural(len(report.steps), 'migration')} in {duration(seconds)}")
        elif not report.meanwhile:
            output.print("nothing to do")
    output.complain(report.problems)
    return 0 if report.ok else 1
