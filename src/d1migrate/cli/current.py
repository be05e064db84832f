"""`current`: the highest applied version, for scripts."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from d1migrate.cli.output import Output
    from d1migrate.cli.project import Project


class Options(NamedTuple):
    """`current` has only the global options."""


def run(_options: Options, project: Project, output: Output) -> int:
    """Print the current version, 0 if nothing is applied."""
    version = project.migrator().current()
    if output.as_json:
        output.print_json({"current_version": version})
    else:
        output.print(str(version))
    return 0
