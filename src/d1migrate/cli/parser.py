"""From argv to typed options. Only this module sees argparse's Namespace."""

from __future__ import annotations

import argparse
import os
import sys
from importlib import import_module
from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn

from d1migrate import __version__
from d1migrate.cli.commands import COMMANDS
from d1migrate.cli.options import GROUPS, GlobalOptions
from d1migrate.report.text import clean_line, printed

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from d1migrate.cli.output import Output
    from d1migrate.cli.project import Project


class _Formatter(argparse.HelpFormatter):
    """Help as wide as the terminal; argparse asks shutil for that, which takes 3 ms to load."""

    def __init__(self, prog: str) -> None:
        try:
            columns = int(os.environ.get("COLUMNS") or os.get_terminal_size().columns)
        except (OSError, ValueError):
            columns = 80
        super().__init__(prog, width=columns - 2)


class _Parser(argparse.ArgumentParser):
    """A parser whose errors quote arguments in a form that is safe for terminals."""

    def error(self, message: str) -> NoReturn:
        """Print usage and complaint, and end the process with code 2."""
        super().error(printed(clean_line(message), colored=False))


class Invocation(NamedTuple):
    """A command line, parsed.

    Attributes:
        run: the command's function.
        options: the command's own options, its first argument.
        given: the global options.
    """

    run: Callable[[Any, Project, Output], int]
    options: Any
    given: GlobalOptions


_TAKE_A_VALUE = ("--env", "--database", "--migrations", "--config")


def parse(argv: Sequence[str]) -> Invocation:
    """Parse arguments, and import the module of the command that they name; a dry run is a `plan`.

    Wrong arguments end the process with code 2 and a usage line, `--help` and `--version` with 0.
    """
    names = {command.alias or name: name for name, command in COMMANDS.items()} | {n: n for n in COMMANDS}
    # Building one command's parser takes a tenth of the time of building all.
    words = (word for before, word in pairwise(("", *argv)) if before not in _TAKE_A_VALUE)
    chosen = next((names[word] for word in words if word in names), None)
    parser = build(only=chosen)
    if not all(map(_is_text, argv)):
        parser.error("an argument contains a NUL character or a lone surrogate")
    arguments = parser.parse_args(argv)
    if arguments.called is None:
        parser.print_help(sys.stderr)
        parser.exit(2)
    values = {name: _frozen(value) for name, value in vars(arguments).items()}
    name = names[arguments.called]
    if name in ("up", "down") and values["dry_run"] and values.get("plan") is None:
        name, values = "plan", values | {"down": name == "down"}
    module = import_module(f"d1migrate.cli.{name}")
    return Invocation(module.run, _options(module.Options, values), _options(GlobalOptions, values))


def _options(kind: type[Any], values: Mapping[str, Any]) -> Any:
    """Fill the fields of an options class, and of the groups of shared options among them."""
    return kind(
        **{
            field: _options(GROUPS[field], values) if field in GROUPS else values[field]
            for field in kind._fields
            if field in GROUPS or field in values
        }
    )


def _frozen(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _is_text(word: str) -> bool:
    """Whether a word is one that a process can be given; `main` is called with others, too."""
    try:
        return b"\0" not in os.fsencode(word)
    except UnicodeEncodeError:
        return False


def build(*, only: str | None = None) -> _Parser:
    """Return the parser of all commands, or of one."""
    parser = _Parser(
        prog="d1migrate",
        description="Schema migrations for Cloudflare D1 and any SQLite file.",
        epilog="example: d1migrate up",
        formatter_class=_Formatter,
        allow_abbrev=False,  # what is short today may be ambiguous, or another flag, tomorrow
    )
    parser.add_argument("--version", action="version", version=f"d1migrate {__version__}")
    _add_common(parser, default=None)
    # With `prog` argparse need not format a usage line here, which would load shutil.
    commands = parser.add_subparsers(dest="called", metavar="COMMAND", title="commands", prog="d1migrate")
    for name, command in COMMANDS.items():
        if only in (None, name):
            sub = commands.add_parser(
                name,
                aliases=[command.alias] if command.alias else [],
                help=command.help,
                description=f"{command.help[:1].upper()}{command.help[1:]}. {command.details}",
                epilog=f"example: {command.example}",
                formatter_class=_Formatter,
                allow_abbrev=False,
            )
            for flags, options in command.arguments:
                sub.add_argument(*flags, **options)
            _add_common(sub, default=argparse.SUPPRESS)
    return parser


def _add_common(parser: _Parser, *, default: Any) -> None:
    """Add the options that work before and after the command; the one after wins."""
    flag = False if default is None else default
    group = parser.add_argument_group("global options")
    add = group.add_argument
    add("--env", metavar="NAME", default=default, help="an environment in d1migrate.toml (default: local)")
    add("--database", metavar="URL", default=default, help="sqlite:PATH, wrangler:BINDING or d1:NAME")
    add("--migrations", metavar="DIR", default=default, help="the folder of migration files")
    add("--config", metavar="FILE", default=default, help="the d1migrate.toml to use")
    add(
        "--outside-project",
        action="store_true",
        default=flag,
        help="allow writing to configured paths outside the project",
    )
    add("--json", action="store_true", default=flag, help="print data as JSON")
    loud = group.add_mutually_exclusive_group()
    loud.add_argument("--quiet", "-q", action="store_true", default=flag, help="print data and errors only")
    loud.add_argument(
        "--verbose", "-v", action="store_true", default=flag, help="print more, such as the SQL that is sent"
    )
