"""`completion`: print a shell's completion script; and what the script asks d1migrate for on each Tab.

argcomplete is the other side of both. It never writes to a database, and never asks a remote one.
"""

from __future__ import annotations

import os
from argparse import SUPPRESS, ArgumentParser, _SubParsersAction

import argcomplete
from argcomplete.completers import DirectoriesCompleter, FilesCompleter, SuppressCompleter
from argcomplete.shell_integration import shellcode

from d1migrate.cli.argument_parser import add_global_options, fill
from d1migrate.cli.commands import COMMANDS, NAMES
from d1migrate.cli.help import GLOBAL_OPTIONS
from d1migrate.cli.options import GlobalOptions
from d1migrate.named_tuple import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Callable, Iterable
    from typing import Any

    from d1migrate.cli.output import Output
    from d1migrate.cli.project import Project


class Options(NamedTuple):
    """The options of `completion`."""

    shell: str


def run(options: Options, _project: Project, output: Output) -> int:
    """Print the script."""
    output.print_data(shellcode(["d1migrate"], shell=options.shell).rstrip())
    return 0


def answer() -> None:
    """Print what completes the words that a shell passes in the environment, and end the process."""
    parser = ArgumentParser(prog="d1migrate", allow_abbrev=False, add_help=False)
    add_global_options(parser, ("text", "json"))
    _prepare(parser)
    commands = parser.add_subparsers(metavar="COMMAND")
    words = os.environ.get("COMP_LINE", "").split()
    typed = next((word for word in words[1:] if word in NAMES), None)
    for word, name in NAMES.items():
        if typed is None or word == typed:
            command = commands.add_parser(word, help=COMMANDS[name].help, add_help=False)
            fill(command, name)
            _prepare(command)
    argcomplete.autocomplete(
        parser,
        always_complete_options=False,
        default_completer=SuppressCompleter(),
    )


def _prepare(parser: ArgumentParser) -> None:
    """Let shells complete and describe all that a parser knows, with the actions of a command."""
    _describe(parser)
    _complete_names(parser)
    for action in parser._actions:
        if isinstance(action, _SubParsersAction):
            for own in action.choices.values():
                _prepare(own)


def _describe(parser: ArgumentParser) -> None:
    """Let shells list the options of every command, which the help of a command only mentions."""
    known = {flag: text for flags, text in GLOBAL_OPTIONS for flag in flags.replace(",", "").split()}
    for action in parser._actions:
        if action.help is SUPPRESS:
            flag = action.option_strings[0]
            action.help = known.get(flag, f"the same as --format {action.const}" if action.const else "")


def _complete_names(parser: ArgumentParser) -> None:
    """Say for each argument what completes it; its metavar says what it is."""
    for action in parser._actions:
        if action.dest in ("env", "confirm"):
            completer: Any = _by(_environments)
        elif action.metavar == "MIGRATION" or action.dest == "between":
            completer = _by(_migrations)
        elif action.metavar == "TABLE":
            completer = _by(_tables)
        elif action.metavar == "FILE" or action.dest == "config":
            completer = FilesCompleter()
        elif action.dest == "name" and action.metavar == "NAME":
            completer = _by(_fleets)
        elif action.dest == "migrations":
            completer = DirectoriesCompleter()
        else:
            continue
        action.completer = completer  # type: ignore[attr-defined]


def _by(names: Callable[[Project], Iterable[str]]) -> Callable[..., Iterable[str]]:
    """Return a completer that looks names up in the project, and finds none if that fails."""

    def complete(*, parsed_args: Namespace, **_: object) -> Iterable[str]:
        from d1migrate.cli.output import Output
        from d1migrate.cli.project import Project
        from d1migrate.errors import Error

        known = {key: value for key, value in vars(parsed_args).items() if key in GlobalOptions._fields}
        try:
            return tuple(names(Project(GlobalOptions(**known), Output(quiet=True))))
        except (Error, OSError):
            return ()

    return complete


def _environments(project: Project) -> Iterable[str]:
    return (environment.name for environment in project.config.environments if environment.name)


def _fleets(project: Project) -> Iterable[str]:
    return (fleet.name for fleet in project.config.fleets)


def _migrations(project: Project) -> Iterable[str]:
    return (migration.name for migration in project.load(missing_ok=True))


def _tables(project: Project) -> Iterable[str]:
    """What the files build: the database may be remote."""
    return (table.name for table in project.built_schema(project.load(missing_ok=True)).tables)
