"""`fleet resume`: let a paused or stopped run continue."""

from __future__ import annotations

from d1migrate.cli.fleet.control import change
from d1migrate.named_tuple import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from d1migrate.cli.output import Output
    from d1migrate.cli.project import Project


class Options(NamedTuple):
    """The options of `fleet resume`."""

    name: str | None = None


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
