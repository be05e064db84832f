"""What `pause`, `resume` and `cancel` share: the database to change, and what is printed about the job."""

from __future__ import annotations

from d1migrate.cli.gates import refuse_mistakes, refuse_object
from d1migrate.cli.job.open_job import pause_of
from d1migrate.report import job_values
from d1migrate.report.text import clean_line

TYPE_CHECKING = False
if TYPE_CHECKING:
    from d1migrate.cli.output import Output
    from d1migrate.cli.project import Project
    from d1migrate.migrate.jobs.job import Job
    from d1migrate.migrator import Migrator
    from d1migrate.report.shapes import jobs


def writer(project: Project) -> Migrator:
    """Return the database whose job is to be changed.

    Raises:
        UsageError: as `refuse_object` and `refuse_mistakes`.
    """
    refuse_object(project)
    refuse_mistakes(project, None)
    return project.migrator(files_may_be_missing=True)


def print_change(job: Job, state: str, step: str, migrator: Migrator, output: Output) -> int:
    """Print what was done to the job, and the next step."""
    if output.as_json:
        value: jobs.JobChange = {"job": job_values.job(job, pause_of(job, migrator))}
        output.print_json(value)
    else:
        output.print(f"{clean_line(job.name)} {state}")
        output.hint(step)
    return 0
