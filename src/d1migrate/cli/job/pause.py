"""`job pause`: stop every runner of the job, here and on other machines."""

from __future__ import annotations

from d1migrate.cli.job.change import print_change, writer
from d1migrate.named_tuple import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from d1migrate.cli.output import Output
    from d1migrate.cli.project import Project


class Options(NamedTuple):
    """The options of `job pause`."""

    reason: str | None = None


def run(options: Options, project: Project, output: Output) -> int:
    """Pause the job. A protected environment needs no name for that: in a hurry, it only stops work."""
    migrator = writer(project)
    job = migrator.pause_job(reason=options.reason)
    return print_change(job, "is paused", "`d1migrate job resume` lets it continue", migrator, output)
