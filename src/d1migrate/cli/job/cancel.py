"""`job cancel`: end the job before it is done."""

from __future__ import annotations

from d1migrate.cli.gates import protect
from d1migrate.cli.job.change import print_change, writer
from d1migrate.cli.output import is_yes
from d1migrate.errors import UsageError
from d1migrate.migrate.flows.report import Report
from d1migrate.named_tuple import NamedTuple
from d1migrate.report import job as text
from d1migrate.report import values
from d1migrate.report.text import clean_line

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from d1migrate.cli.gates import Gates
    from d1migrate.cli.output import Output
    from d1migrate.cli.project import Project
    from d1migrate.errors import HistoryError
    from d1migrate.migrate.jobs.job import Job
    from d1migrate.migrator import Migrator


class Options(NamedTuple):
    """The options of `job cancel`."""

    reason: str | None = None
    yes: bool = False
    confirm: str | None = None


def run(options: Options, project: Project, output: Output) -> int:
    """Cancel the job, after a question that names what stays."""
    migrator = writer(project)
    open_job = _open_job(migrator)
    if open_job and not open_job.is_recorded and not options.yes:
        project.note_database()
        for fact in _facts(open_job):
            output.note(fact)
        output.confirm(f"cancel {clean_line(open_job.name)}", hint="add --yes to confirm")
    if open_job:
        protect(options.confirm, project, output)
    job = migrator.cancel_job(reason=options.reason)
    step = f"{text.kept(job)}; `d1migrate up` begins it again"
    return print_change(job, "is cancelled", step, migrator, output)


def cancel_instead(refusal: HistoryError, migrator: Migrator, gates: Gates, output: Output) -> int:
    """Offer to cancel the open job: its migration has no other rollback yet.

    Args:
        refusal: why the rollback was refused.
        migrator: the database.
        gates: those of its environment.
        output: asks.

    Raises:
        HistoryError: the refusal, if no job is open, its table is replaced, or there is no terminal.
        Gate: a gate refuses.
        UsageError: the answer is not yes.
    """
    job = _open_job(migrator)
    if job is None or job.is_recorded:
        raise refusal
    name = clean_line(job.name)
    typed = output.ask("\n".join([*_facts(job), f"cancel {name}? [y/N] "]))
    if typed is None:
        raise refusal
    if not is_yes(typed):
        raise UsageError(f"not confirmed: did not cancel {name}")
    gates.confirm_job()
    job = migrator.cancel_job()
    if output.as_json:
        output.print_json(values.report(Report(())))
    else:
        output.print(f"{name} is cancelled; no migration was rolled back")
    return 0


def _open_job(migrator: Migrator) -> Job | None:
    return next((entry.job for entry in migrator.status() if entry.job), None)


def _facts(job: Job) -> Iterator[str]:
    """Yield how far a job is, and which of its changes stay."""
    yield f"{clean_line(job.name)}: {text.how_far(job, now=None)}"
    yield text.kept(job)
