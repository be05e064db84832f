"""`job cancel`: end the job before it is done."""

from __future__ import annotations

from d1migrate.cli.gates import protect
from d1migrate.cli.job.change import print_change, writer
from d1migrate.named_tuple import NamedTuple
from d1migrate.report import job as text
from d1migrate.report.text import clean_line

TYPE_CHECKING = False
if TYPE_CHECKING:
    from d1migrate.cli.output import Output
    from d1migrate.cli.project import Project


class Options(NamedTuple):
    """The options of `job cancel`."""

    reason: str | None = None
    yes: bool = False
    confirm: str | None = None


def run(options: Options, project: Project, output: Output) -> int:
    """Cancel the job, after a question that says what stays."""
    migrator = writer(project)
    open_job = next((entry.job for entry in migrator.status() if entry.job), None)
    if open_job and not open_job.is_recorded and not options.yes:
        project.note_database()
        output.note(f"{clean_line(open_job.name)}: {text.how_far(open_job, now=None)}")
        output.note(text.kept(open_job))
        output.confirm(f"cancel {clean_line(open_job.name)}")
    if open_job:
        protect(options.confirm, project, output)
    job = migrator.cancel_job(reason=options.reason)
    step = f"{text.kept(job)}; `d1migrate up` begins it again"
    return print_change(job, "is cancelled", step, migrator, output)
