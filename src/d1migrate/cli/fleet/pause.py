"""`fleet pause`: pause a run, here and on every other machine."""

from __future__ import annotations

from d1migrate.cli.fleet.control import Options, change

TYPE_CHECKING = False
if TYPE_CHECKING:
    from d1migrate.cli.output import Output
    from d1migrate.cli.project import Project


def run(options: Options, project: Project, output: Output) -> int:
    """Pause a run."""
    return change(
        options.name,
        project,
        output,
        lambda journal, by: journal.pause(by),
        "paused",
        "each process finishes what it has begun, and ends; {resume} lets the run continue",
    )
