"""`fleet resume`: let a paused or stopped run continue."""

from __future__ import annotations

from d1migrate.cli.fleet.control import Options, change

TYPE_CHECKING = False
if TYPE_CHECKING:
    from d1migrate.cli.output import Output
    from d1migrate.cli.project import Project


def run(options: Options, project: Project, output: Output) -> int:
    """Let a paused or stopped run continue."""
    return change(
        options.name,
        project,
        output,
        lambda journal, by: journal.resume(by),
        "running",
        "{up} continues it",
    )
