"""`completion`: print a shell's completion script."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import shtab

from d1migrate.cli.parser import build

if TYPE_CHECKING:
    from d1migrate.cli.output import Output
    from d1migrate.cli.project import Project


class Options(NamedTuple):
    """The options of `completion`."""

    shell: str


def run(options: Options, _project: Project, output: Output) -> int:
    """Print the script."""
    output.print_data(shtab.complete(build(), options.shell).rstrip())
    return 0
