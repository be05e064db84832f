"""From argv to typed options.

`plain_arguments` reads most command lines by the table of arguments, `argument_parser` reads all others. What
to say of wrong arguments belongs in `mistakes`.
"""

from __future__ import annotations

import os
from itertools import pairwise

from d1migrate.cli import plain_arguments
from d1migrate.cli.commands import COMMANDS, NAMES, command_of
from d1migrate.cli.options import GROUPS, GlobalOptions
from d1migrate.named_tuple import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Any

    from d1migrate.cli.output import Output
    from d1migrate.cli.project import Project

WITHOUT_COMMAND = {"--help": "help", "-h": "help", "--version": "version", "-V": "version"}
"""{a flag that is typed without a command: the command that does it}."""

TAKE_A_VALUE = ("--env", "--database", "--migrations", "--config", "--format")
"""The global options that take a value; with it, they can precede the command."""

_DRY_RUNS = {"up": "plan", "down": "plan", "fleet up": "fleet plan"}
"""{a command: the one that prints what it would do}."""


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
    values = plain_arguments.read(rest, command_of(name))
    if values is None:
        from d1migrate.cli import argument_parser

        values = argument_parser.read(name, rest)
    if values.get("dry_run") and name in _DRY_RUNS and values.get("plan") is None:
        name, values = _DRY_RUNS[name], values | {"down": name == "down"}
    # As importlib does, which loads `warnings`: together they are 1 % of a status.
    module = __import__(f"d1migrate.cli.{name.replace(' ', '.')}", fromlist=("run",))
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
            name, rest = NAMES[word], [*argv[:index], *argv[index + 1 :]]
            return _with_action(name, rest, index) if COMMANDS[name].actions else (name, rest)
    return "start", list(argv)


def _with_action(name: str, words: list[str], start: int) -> tuple[str, list[str]]:
    """Return the name of a command with its action, `fleet up`, and the other words.

    If no action was typed, it is the default one; the help, and a command without a default, have the name of
    the command alone.

    Args:
        name: the command.
        words: the other words.
        start: how many of them precede the command.

    Raises:
        UsageError: there is no such action.
    """
    for index in range(start, len(words)):
        before, word = words[index - 1] if index > start else "", words[index]
        if before not in TAKE_A_VALUE and not word.startswith("-"):
            if word not in COMMANDS[name].actions:
                from d1migrate.cli import mistakes

                raise mistakes.no_action(name, word, before, words[index + 1 :])
            return f"{name} {word}", [*words[:index], *words[index + 1 :]]
    default = COMMANDS[name].default_action
    if default is None or "--help" in words or "-h" in words:
        return name, words
    return f"{name} {default}", words


def _options(kind: type[Any], values: Mapping[str, Any]) -> Any:
    """Fill the fields of an options class, and of the groups of shared options among them."""
    return kind(
        **{
            field: _options(GROUPS[field], values) if field in GROUPS else values[field]
            for field in kind._fields
            if field in GROUPS or field in values
        }
    )


def _is_text(word: str) -> bool:
    """Whether a word is one that a process can be given; `main` is called with others, too."""
    try:
        return b"\0" not in os.fsencode(word)
    except UnicodeEncodeError:
        return False
