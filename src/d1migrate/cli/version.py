"""`version`: which release this is, for a bug report."""

from __future__ import annotations

import sys

from d1migrate import __version__
from d1migrate.named_tuple import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from d1migrate.cli.output import Output
    from d1migrate.cli.project import Project


class Options(NamedTuple):
    """`version` has only the global options."""


def run(_options: Options, _project: Project, output: Output) -> int:
    """Print the versions of d1migrate, of the embedded SQLite and of Python."""
    import apsw

    sqlite, python = apsw.sqlite_lib_version(), sys.version.split()[0]
    if output.as_json:
        output.print_json({"d1migrate": __version__, "sqlite": sqlite, "python": python})
    else:
        output.print(f"d1migrate {__version__} (SQLite {sqlite}, Python {python})")
    return 0
