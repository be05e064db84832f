"""What is printed of a run: what the linter found before it, and what it did."""

from __future__ import annotations

from d1migrate.migrate.migration import NOTHING, Migration
from d1migrate.report.text import clean_line, duration, plural

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from d1migrate.cli.output import Output
    from d1migrate.lint.check import Diagnostic
    from d1migrate.migrate.flows.report import Report
    from d1migrate.migrate.plan import Plan
    from d1migrate.report.shapes import runs


def note_findings(found: Sequence[Diagnostic], output: Output) -> None:
    """Print the errors and warnings of the linter, one line each."""
    if found and not output.quiet:
        from d1migrate.report import findings

        for line in findings.brief(found, verbose=output.verbose):
            output.note(line)


def warn_of_empty(plan: Plan, effect: str, output: Output) -> None:
    """Name the migrations that are recorded and change nothing: one may be a template that was forgotten."""
    for step in plan.steps:
        only_records = isinstance(step.script, Migration) and step.script.checksum == NOTHING
        if only_records or not step.statement_count:
            output.warn(f"{clean_line(step.name)} has no statement, and {effect}")


def print_report(report: Report, value: runs.Run, seconds: float, output: Output, *, done: str) -> int:
    """Print what an `up` or `down` did; returns the exit code."""
    if output.as_json:
        output.print_json(value)
    else:
        for row in report.meanwhile:
            output.print(f"applied meanwhile by another run: {clean_line(row.name)}")
        job = report.job if report.job and report.job.end == "elsewhere" else None
        if job:
            from d1migrate.report.job import ended

            output.print(ended(job.name, elsewhere=True))
        if report.steps:
            output.print(f"{done} {plural(len(report.steps), 'migration')} in {duration(seconds)}")
            output.print(_deleted(report))
        elif not (report.meanwhile or report.waiting_for or job):
            output.print("nothing to do")
    output.warn_of_problems(report.problems)
    return 0 if report.ok else 1


def _deleted(report: Report) -> list[str]:
    """Return what the rollbacks of a run deleted."""
    rows: dict[str, int | None] = {}
    values: dict[str, int | None] = {}
    for step in report.steps:
        rows |= step.deleted_rows
        values |= step.deleted_values
    if not (rows or values):
        return []
    from d1migrate.migrate.data_loss import loss_lines

    return [f"deleted {clean_line(one)}" for one in loss_lines(rows, values)]
