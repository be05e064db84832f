"""`fleet stop`: stop a run, so that one of other migrations can begin."""

from __future__ import annotations

from d1migrate.cli.fleet.control import Options, change

TYPE_CHECKING = False
if TYPE_CHECKING:
    from d1migrate.cli.output import Output
    from d1migrate.cli.project import Project


def run(options: Options, project: Project, output: Output) -> int:
    """Stop a run, so that one of other migrations can begin."""
    return change(
        options.name,
        project,
        output,
        lambda journal, by: journal.stop(by),
        "stopped",
        "{up} continues it, or begins a run of other migrations",
    )
