"""From argv to typed options. Only this module sees argparse's Namespace.

What to say of wrong arguments belongs in `mistakes`.
"""

from __future__ import annotations

import argparse
import os
from importlib import import_module
from itertools import pairwise

from d1migrate.cli.commands import COMMANDS, NAMES
from d1migrate.cli.options import GROUPS, GlobalOptions
from d1migrate.named_tuple import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Any, NoReturn

    from d1migrate.cli.output import Output
    from d1migrate.cli.project import Project

WITHOUT_COMMAND = {"--help": "help", "-h": "help", "--version": "version", "-V": "version"}
"""{a flag that is typed without a command: the command that does it}."""

TAKE_A_VALUE = ("--env", "--database", "--migrations", "--config", "--format")
"""The global options that take a value; with it, they can precede the command."""


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


def parse(argv: Sequence[str]) -> Invocation:
    """Parse arguments, and import the module of the command that they name; a dry run is a `plan`.

    Raises:
        UsageError: the arguments are wrong.
        SystemExit: with 0, after the help of a command was printed.
    """
    name, rest = _split(argv)
    parser = build(name)
    failure, unknown = None, list[str]()
    values: dict[str, Any] = {}
    try:
        arguments, unknown = parser.parse_known_args(rest)
        values = {key: _frozen(value) for key, value in vars(arguments).items()}
    except argparse.ArgumentError as error:
        failure = error
    doubled = _doubled(rest, parser)
    if failure or unknown or doubled:
        from d1migrate.cli import mistakes

        raise mistakes.explain(name, parser, failure=failure, unknown=unknown, doubled=doubled)
    if name in ("up", "down") and values["dry_run"] and values.get("plan") is None:
        name, values = "plan", values | {"down": name == "down"}
    module = import_module(f"d1migrate.cli.{name}")
    return Invocation(module.run, _options(module.Options, values), _options(GlobalOptions, values))


def wants_json(argv: Sequence[str]) -> bool:
    """Return whether arguments, which may be wrong, ask for JSON."""
    return "--json" in argv or "--format=json" in argv or ("--format", "json") in pairwise(argv)


def _split(argv: Sequence[str]) -> tuple[str, list[str]]:
    """Return the command's name, and the other words; without a command it is `start`, the first screen.

    Raises:
        UsageError: there is no such command; or a word is not text.
    """
    if not all(map(_is_text, argv)):
        from d1migrate.errors import UsageError

        raise UsageError("an argument contains a NUL character or a lone surrogate")
    for index, (before, word) in enumerate(pairwise(("", *argv))):
        if word in WITHOUT_COMMAND:
            return WITHOUT_COMMAND[word], [*argv[:index], *argv[index + 1 :]]
        if before not in TAKE_A_VALUE and not word.startswith("-"):
            if word not in NAMES:
                from d1migrate.cli import mistakes

                raise mistakes.no_command(word, before, argv[index + 1 :])
            return NAMES[word], [*argv[:index], *argv[index + 1 :]]
    return "start", list(argv)


def _doubled(words: Sequence[str], parser: argparse.ArgumentParser) -> tuple[str, str, str] | None:
    """Return a flag that is given twice with different values, and the two; argparse would take the last."""
    given: dict[str, str] = {}
    for before, word in pairwise((*words, "")):
        flag, has_value, value = before.partition("=")
        action = parser._option_string_actions.get(flag)
        if type(action) is argparse._StoreAction and action.nargs is None:
            value = value if has_value else word
            if given.setdefault(action.dest, value) != value:
                return flag, given[action.dest], value
    return None


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


# --- building a parser ---


class _Formatter(argparse.HelpFormatter):
    """Help as wide as the terminal; argparse asks shutil for that, which takes 3 ms to load."""

    def __init__(self, prog: str) -> None:
        try:
            columns = int(os.environ.get("COLUMNS") or os.get_terminal_size().columns)
        except (OSError, ValueError):
            columns = 80
        super().__init__(prog, width=columns - 2)

    def add_usage(self, usage: Any, actions: Any, groups: Any, prefix: Any = None) -> None:
        """Leave out options that the help only mentions; argparse would print blanks for their groups."""
        shown = [action for action in actions if action.help is not argparse.SUPPRESS]
        groups = [group for group in groups if set(group._group_actions) & set(shown)]
        super().add_usage(usage, shown, groups, prefix)

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        """Fill each line by itself: an epilog is two."""
        fill = super()._fill_text
        return "\n".join(fill(line, width, indent) for line in text.split("\n"))


class _Parser(argparse.ArgumentParser):
    """A parser that raises its errors."""

    def error(self, message: str) -> NoReturn:
        """Raise what argparse would print before it ends the process."""
        raise argparse.ArgumentError(None, message)


def build(name: str) -> argparse.ArgumentParser:
    """Return the parser of one command: of its own arguments and the global options."""
    command = COMMANDS[name]
    formats = "|".join(command.formats)
    parser = _Parser(
        prog=f"d1migrate {name}",
        description=f"{command.help[:1].upper()}{command.help[1:]}. {command.details}",
        epilog=f"example: {command.example}\nglobal options: --env NAME, --database URL, --migrations DIR,"
        f" --config FILE, --format {formats}, -q, -v; `d1migrate help` explains them",
        formatter_class=_Formatter,
        allow_abbrev=False,  # what is short today may be ambiguous, or another flag, tomorrow
        exit_on_error=False,
        add_help=False,
    )
    fill(parser, name)
    return parser


def fill(parser: argparse.ArgumentParser, name: str) -> None:
    """Add the arguments of a command to a parser, and the global options."""
    for flags, options in COMMANDS[name].arguments:
        parser.add_argument(*flags, **options)
    add_global_options(parser, COMMANDS[name].formats)


def add_global_options(parser: argparse.ArgumentParser, formats: Sequence[str]) -> None:
    """Add the options that every command has; the help of a command only mentions them."""
    hidden: dict[str, Any] = {"help": argparse.SUPPRESS}
    parser.add_argument("--help", "-h", action="help", **hidden)
    for option, metavar in (("env", "NAME"), ("database", "URL"), ("migrations", "DIR"), ("config", "FILE")):
        parser.add_argument(f"--{option}", metavar=metavar, **hidden)
    parser.add_argument("--outside-project", action="store_true", **hidden)
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--format", choices=formats, default="text", **hidden)
    for short in ("json", "sql"):
        if short in formats:
            form.add_argument(f"--{short}", dest="format", action="store_const", const=short, **hidden)
    loud = parser.add_mutually_exclusive_group()
    loud.add_argument("--quiet", "-q", action="store_true", **hidden)
    loud.add_argument("--verbose", "-v", action="store_true", **hidden)
