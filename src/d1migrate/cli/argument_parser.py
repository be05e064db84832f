"""argparse's parser of a command: for help, completion, and arguments that are wrong or not plain.

Only this module sees argparse's Namespace.
"""

from __future__ import annotations

import argparse
import os
from itertools import pairwise

from d1migrate.cli.arguments import global_options
from d1migrate.cli.commands import command_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any, NoReturn


def read(name: str, words: Sequence[str]) -> dict[str, Any]:
    """Return {argument: value} of a command.

    Raises:
        UsageError: the arguments are wrong.
        SystemExit: with 0, after the help of the command was printed.
    """
    parser = build(name)
    failure, unknown = None, list[str]()
    values: dict[str, Any] = {}
    try:
        arguments, unknown = parser.parse_known_args(words)
        values = {key: _frozen(value) for key, value in vars(arguments).items()}
    except argparse.ArgumentError as error:
        failure = error
    doubled = _doubled(words, parser)
    if failure or unknown or doubled:
        from d1migrate.cli import mistakes

        raise mistakes.explain(name, parser, failure=failure, unknown=unknown, doubled=doubled)
    return values


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


def _frozen(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


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

    def _format_action(self, action: argparse.Action) -> str:
        """List actions without a line for all of them, to whose width argparse would indent the others."""
        if isinstance(action, argparse._SubParsersAction):
            return "".join(map(super()._format_action, action._choices_actions))
        return super()._format_action(action)

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
    known = command_of(name)
    formats = "|".join(known.formats)
    parser = _Parser(
        prog=f"d1migrate {name}",
        description=f"{known.help[:1].upper()}{known.help[1:]}. {known.details}",
        epilog=f"example: {known.example}\nglobal options: --env NAME, --database URL, --migrations DIR,"
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
    known = command_of(name)
    if known.actions:
        actions = parser.add_subparsers(title="actions", metavar="ACTION")
        for action in known.actions:
            own = f"{name} {action}"
            fill(actions.add_parser(action, help=command_of(own).help, add_help=False), own)
    for flags, options in known.arguments:
        parser.add_argument(*flags, **options)
    add_global_options(parser, known.formats)


def add_global_options(parser: argparse.ArgumentParser, formats: Sequence[str]) -> None:
    """Add the options that every command has; the help of a command only mentions them."""
    parser.add_argument("--help", "-h", action="help", help=argparse.SUPPRESS)
    for group in global_options(formats):
        exclusive = parser.add_mutually_exclusive_group() if len(group) > 1 else parser
        for flags, options in group:
            exclusive.add_argument(*flags, help=argparse.SUPPRESS, **options)
