"""`job run`: chunks of the open job, or of the next one, and nothing else; for example from cron."""

from __future__ import annotations

from functools import partial

from d1migrate.cli.gates import Gates, refuse_object
from d1migrate.cli.job.open_job import pause_of
from d1migrate.cli.job.runner import JobRunner, Limits, print_end
from d1migrate.cli.options import INTERRUPTED, GateOptions
from d1migrate.cli.run_report import note_findings
from d1migrate.errors import UsageError
from d1migrate.migrate.jobs.report import JobReport
from d1migrate.named_tuple import NamedTuple
from d1migrate.report import job as text
from d1migrate.report import job_values
from d1migrate.report.text import clean_line

TYPE_CHECKING = False
if TYPE_CHECKING:
    from d1migrate.cli.output import Output
    from d1migrate.cli.project import Project
    from d1migrate.migrator import Migrator
    from d1migrate.report.shapes import jobs


class Options(NamedTuple):
    """The options of `job run`."""

    max_seconds: float | None = None
    max_chunks: int | None = None
    gates: GateOptions = GateOptions()


def run(options: Options, project: Project, output: Output) -> int:
    """Run chunks until the job has ended, or a limit is reached."""
    limits = _limits(options)
    refuse_object(project)
    migrator = project.migrator(restore_points=options.gates.no_restore_point is None)
    gates = Gates(options.gates, project, migrator, output)
    runner = JobRunner(project.showing_sql(migrator), gates, output, limits)
    found = _run(migrator, gates, runner, project, output, lint=options.gates.no_lint is None)
    _print(found, runner, migrator, output)
    return INTERRUPTED if runner.was_interrupted else 0


def _limits(options: Options) -> Limits:
    for flag, value in (("--max-seconds", options.max_seconds), ("--max-chunks", options.max_chunks)):
        if value is not None and not value > 0:
            raise UsageError(f"{flag} must be more than 0")
    return Limits(options.max_seconds, options.max_chunks)


def _run(
    migrator: Migrator, gates: Gates, runner: JobRunner, project: Project, output: Output, *, lint: bool
) -> JobReport:
    """Run the open job; without one, begin that of the next migration, as an `up` of it does."""
    watched = project.watched(migrator)
    plan = migrator.plan()
    if plan.waiting_for:
        gates.confirm_job()
        return runner.run()
    step = plan.steps[0] if plan.steps else None
    if step is None or step.job is None:
        if step:
            output.hint(f"`d1migrate up` applies {clean_line(step.name)}, which does not run as a job")
        return JobReport("", "none")
    if plan.history.table.key_of(step) in plan.history.cancelled:
        output.hint(f"{clean_line(step.name)} was cancelled: `d1migrate up` begins it again")
        return JobReport("", "none")
    report = watched.up(
        to=step.name,
        lint=lint,
        warn=partial(note_findings, output=output),
        check=gates.check,
        run_job=runner.run,
    )
    return report.job or JobReport(step.name, "done")


def _print(found: JobReport, runner: JobRunner, migrator: Migrator, output: Output) -> None:
    if output.as_json:
        job = found.job if found.end in ("paused", "stopped") else None
        value: jobs.JobRun = {
            "name": found.name or None,
            "ended": found.end,
            "chunk_count": runner.chunks,
            "job": job and job_values.job(job, pause_of(job, migrator)),
        }
        output.print_json(value)
    elif found.end == "none":
        output.print("no job to run")
    elif found.end in ("done", "elsewhere"):
        output.print(text.ended(found.name, elsewhere=found.end == "elsewhere"))
    else:
        print_end(found, output)
