"""`current`: the last applied migration, for scripts."""

from __future__ import annotations

from d1migrate.named_tuple import NamedTuple
from d1migrate.report.text import clean_line

TYPE_CHECKING = False
if TYPE_CHECKING:
    from d1migrate.cli.output import Output
    from d1migrate.cli.project import Project


class Options(NamedTuple):
    """`current` has only the global options."""


def run(_options: Options, project: Project, output: Output) -> int:
    """Print the name of the last applied migration; nothing if none is applied."""
    current = project.migrator().current()
    if output.as_json:
        output.print_json(
            {"current": current and current.name, "current_version": current and current.version}
        )
    elif current:
        output.print(clean_line(current.name))
    else:
        output.note("no migration is applied")
    return 0
