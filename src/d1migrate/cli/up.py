"""`up`: apply pending migrations. With --dry-run the parser runs `plan` instead, unless it sees --plan."""

from __future__ import annotations

import time
from functools import partial

from d1migrate.cli.gates import Gates, refuse_object
from d1migrate.cli.options import INTERRUPTED, ApplyOptions, GateOptions
from d1migrate.cli.run_report import note_findings, print_report, warn_of_empty
from d1migrate.hints import exclusive
from d1migrate.named_tuple import NamedTuple
from d1migrate.report import values

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from d1migrate.cli.job.runner import JobRunner
    from d1migrate.cli.output import Output
    from d1migrate.cli.project import Project
    from d1migrate.migrate.flows.report import Report
    from d1migrate.migrate.jobs.report import JobReport
    from d1migrate.migrate.plan import Plan


class Options(NamedTuple):
    """The options of `up`."""

    plan: str | None = None
    dry_run: bool = False
    no_wait: bool = False
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

    planned: list[Plan] = []  # again after a job, and if another run was faster
    jobs: list[JobRunner] = []

    def check(plan: Plan) -> Mapping[str, object]:
        if written is not None and not (jobs and _is_rest(plan, planned[0])):
            written.refuse_stale(plan, project)
        planned.append(plan)
        project.warn_of_files(step.name for step in plan.steps)
        if plan.waiting_for and not options.no_wait:
            gates.confirm_job()
        return gates.check(plan)

    def run_job(notes: Mapping[str, object]) -> JobReport:
        from d1migrate.cli.job.runner import JobRunner

        jobs.append(JobRunner(project.showing_sql(migrator), gates, output))
        return jobs[-1].run(notes)

    started = time.perf_counter()
    report = project.watched(migrator).up(
        to=apply.to,
        single_transaction=apply.single_transaction,
        phase=apply.phase,
        lint=options.gates.no_lint is None,
        warn=partial(note_findings, output=output),
        check=check,
        wait=not options.no_wait,
        run_job=run_job,
    )
    if report.steps:
        hint = "is only recorded; to fill it in later, roll it back first: `d1migrate down`"
        warn_of_empty(planned[0], hint, output)
    code = print_report(report, values.up(report), time.perf_counter() - started, output, done="applied")
    return _stopped(report, jobs, planned[-1], output) if report.waiting_for else code


def _is_rest(plan: Plan, first: Plan) -> bool:
    """Whether the steps of a plan are those that the first plan of this run has after its job."""
    every, rest = ([(step.name, step.event.checksum) for step in one.steps] for one in (first, plan))
    return every[len(every) - len(rest) :] == rest


def _stopped(report: Report, jobs: Sequence[JobRunner], plan: Plan, output: Output) -> int:
    """Print that a job has not ended, and return the exit code: with --no-wait, that is no failure."""
    if report.job is None:
        from d1migrate.report.job import left_to_others

        names = [step.name for step in plan.steps]
        output.note(left_to_others(report.waiting_for or "", names))
        return 0 if report.ok else 1
    from d1migrate.cli.job.runner import print_end

    print_end(report.job, output)
    return INTERRUPTED if jobs[-1].was_interrupted else 1
