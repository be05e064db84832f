"""`job status`, and `job` alone: the open job."""

from __future__ import annotations

import time

from d1migrate.cli.job.open_job import pause_of
from d1migrate.migrate.refusals import problem_of_file
from d1migrate.named_tuple import NamedTuple
from d1migrate.report import job as text
from d1migrate.report import job_values
from d1migrate.report.text import clean_line

TYPE_CHECKING = False
if TYPE_CHECKING:
    from d1migrate.cli.output import Output
    from d1migrate.cli.project import Project
    from d1migrate.report.shapes import jobs


class Options(NamedTuple):
    """`job status` has only the global options."""


def run(_options: Options, project: Project, output: Output) -> int:
    """Show how far the open job is, and what waits for it."""
    migrator = project.migrator()
    entries = migrator.status()
    job = next((entry.job for entry in entries if entry.job), None)
    pause = pause_of(job, migrator) if job else None
    waiting = [entry.name for entry in entries if entry.is_pending and not entry.job] if job else []
    if output.as_json:
        value: jobs.JobStatus = {"job": job and job_values.job(job, pause), "waiting": waiting}
        output.print_json(value)
        return 0
    project.note_database()
    if job is None:
        output.print("no job is open")
        return 0
    output.print(list(text.status_lines(job, pause, waiting, time.time())))
    migration = next(entry.migration for entry in entries if entry.job)
    if problem := problem_of_file(migration, job):
        output.warn(f"{clean_line(job.name)}: {problem.problem}")
    if cost := text.cost(job):
        output.warn(cost)
    output.hint(problem.hint if problem else text.next_step(job))
    return 0
