"""`job resume`: let a paused job continue."""

from __future__ import annotations

from d1migrate.cli.job.change import print_change, writer
from d1migrate.named_tuple import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from d1migrate.cli.output import Output
    from d1migrate.cli.project import Project


class Options(NamedTuple):
    """`job resume` has only the global options."""


def run(_options: Options, project: Project, output: Output) -> int:
    """Let the job continue; whoever runs it passes the gates."""
    migrator = writer(project)
    job = migrator.resume_job()
    step = "`d1migrate up`, or `d1migrate job run`, continues it"
    return print_change(job, "can continue", step, migrator, output)
