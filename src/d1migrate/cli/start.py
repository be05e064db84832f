"""What `d1migrate` alone prints, on one screen: the state of this project, and the usual commands."""

from __future__ import annotations

from d1migrate import __version__
from d1migrate.cli.commands import COMMANDS
from d1migrate.errors import Error, UsageError
from d1migrate.named_tuple import NamedTuple
from d1migrate.report.text import clean_line, plural

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from d1migrate.cli.output import Output
    from d1migrate.cli.project import Project

_USUAL = ("status", "new", "lint", "up", "down", "verify")


class Options(NamedTuple):
    """`d1migrate` alone has only the global options."""


def run(_options: Options, project: Project, output: Output) -> int:
    """Print the screen. The exit code is that of a usage error: a script's command may have been empty."""
    output.print(f"d1migrate {__version__}: schema migrations for Cloudflare D1 and any SQLite file\n")
    output.print(list(_state(project)))
    output.print("")
    for name in _USUAL:
        output.print(f"  {output.paint(f'd1migrate {name:8}', 'bold')}  {COMMANDS[name].help}")
    output.print("\n`d1migrate help` lists all commands, `d1migrate help up` explains one")
    return UsageError.exit_code


def _state(project: Project) -> Iterator[str]:
    """Yield what this project is at now; a remote database is not asked."""
    if not project.names_database:
        yield "there is no project here yet: `d1migrate init` starts one"
        return
    try:
        environment = project.environment
        yield clean_line(environment.described)
        files = project.load(missing_ok=True)
        yield f"{plural(len(files), 'migration')} in {clean_line(project.folder)}"
        if environment.database.startswith("d1:"):
            yield "`d1migrate status` asks the database which are applied"
            return
        entries = project.migrator(files_may_be_missing=True).status()
        applied = sum(entry.applied is not None for entry in entries)
        pending = sum(entry.is_pending for entry in entries)
        yield f"{applied} applied, {pending} pending" + (": `d1migrate up` applies them" if pending else "")
    except Error as error:
        yield f"error: {clean_line(error.headline)}"
