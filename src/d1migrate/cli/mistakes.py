"""Wrong arguments: what is wrong, how the command is called, and what was probably meant.

Most are typed by people who come from another tool, whose words for the same thing are known here.
"""

from __future__ import annotations

import re
import shlex
from typing import TYPE_CHECKING

from d1migrate.cli.commands import COMMANDS, NAMES
from d1migrate.errors import UsageError, exclusive, nearest
from d1migrate.project.gates import OVERRIDES, without_reason

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

_USAGE = 3  # lines of usage that an error shows
_ALL = "`d1migrate help` lists the commands"
_OTHERS_COMMANDS = {
    "up": ("migrate", "upgrade", "deploy", "run", "update", "latest", "push", "execute", "sync"),
    "down": ("rollback", "revert", "undo", "downgrade", "reset", "redo"),
    "status": ("state", "info", "pending", "show", "stat", "st"),
    "history": ("log", "events", "journal"),
    "new": ("make", "makemigrations", "generate", "add", "revision", "g"),
    "list": ("ls", "files"),
    "verify": ("check", "drift", "compare"),
    "lint": ("validate", "test", "analyze"),
    "backup": ("dump", "export", "save", "snapshot"),
    "restore": ("load", "import"),
    "baseline": ("stamp", "fake", "mark", "resolve"),
    "schema": ("inspect", "introspect", "pull", "describe", "tables"),
    "current": ("heads", "head", "which"),
    "env": ("environments", "envs", "databases", "config"),
    "init": ("setup", "start", "begin"),
    "explain": ("rule", "why", "doc", "docs"),
    "plan": ("preview", "dry-run", "sql"),
    "repair": ("fix", "force"),
}
"""{our command: what other tools, and people, call it}."""
_OTHERS_OPTIONS = {
    "--dry-run": ("--dryrun", "--simulate", "--preview", "--check-only", "--noop", "--what-if"),
    "--env": ("-e", "--environment", "--stage", "--profile"),
    "--database": ("-d", "--db", "--url", "--uri", "--dsn", "--conn", "--connection"),
    "--migrations": ("-m", "--dir", "--path", "--folder", "--migrations-dir", "--source"),
    "--config": ("-c", "--config-file", "--conf"),
    "--to": ("--target", "--version", "--until", "--up-to"),
    "--steps": ("--count", "--number", "--limit"),
    "--reason": ("-m", "--message"),
    "--output": ("-o", "--out", "--file"),
}
"""{our option: what other tools, and people, call it}."""
_FORCE = (
    "no option overrides everything; `d1migrate plan` shows what refuses, and the option that overrides it"
)
_YES = "{command} asks nothing, except the name of a protected environment: --confirm NAME"
_ADVICE = {
    "--force": _FORCE,
    "-f": _FORCE,
    "--yes": _YES,
    "-y": _YES,
    "--remote": 'choose an environment: --env production, with `database = "d1:NAME"` in d1migrate.toml',
    "--local": "the local database is the default; --env NAME chooses another environment",
    "--preview": "choose the preview database: --database 'd1:NAME?preview=1'",
    "--version": "did you mean `d1migrate version`?",
    "--all": "`up` applies all pending migrations, `down --to none` rolls back all that are applied",
}
"""{an option that other tools have: what to do here}."""


def no_command(word: str, before: str, rest: Sequence[str]) -> UsageError:
    """Return the error of a command that does not exist.

    Args:
        word: the command, as typed.
        before: the word before it, maybe an option that belongs after the command.
        rest: the words after it.
    """
    later = next((NAMES[other] for other in rest if other in NAMES), None)
    if before.startswith("-") and later:
        others = [other for other in rest if NAMES.get(other) != later]
        line = shlex.join(["d1migrate", later, before, word, *others])
        return UsageError(f"{before} is not a global option", hint=f"put it after the command: {line}")
    meant = _meant(word, _OTHERS_COMMANDS) or nearest(word, NAMES)
    hint = f"did you mean `d1migrate {meant}`? {_ALL}" if meant else _ALL
    return UsageError(f"there is no command {word!r}", hint=hint)


def explain(
    name: str,
    parser: argparse.ArgumentParser,
    *,
    failure: argparse.ArgumentError | None,
    unknown: Sequence[str],
    doubled: tuple[str, str, str] | None,
) -> UsageError:
    """Return the error of wrong arguments, with the usage of the command.

    Args:
        name: the command.
        parser: its parser.
        failure: what argparse refused.
        unknown: the words that it could not place.
        doubled: an option that was given twice, and its values.
    """
    if failure:
        error = _refused(name, parser, failure)
    elif doubled:
        flag, first, second = doubled
        error = UsageError(f"{flag} is given twice: {first} and {second}", hint="leave one of them out")
    else:
        error = _unknown(name, parser, unknown)
    return UsageError(str(error), hint=error.hint, usage=_usage(parser))


def _refused(name: str, parser: argparse.ArgumentParser, failure: argparse.ArgumentError) -> UsageError:
    """Say what argparse says, in words that name the option and its value."""
    message = str(failure.message)
    if failure.argument_name is None:
        missing = message.rpartition(": ")[2]
        return UsageError(f"{name} needs {missing}", hint=f"for example: {COMMANDS[name].example}")
    option = failure.argument_name.split("/")[0]
    action = next((a for a in parser._actions if option in (*a.option_strings, a.metavar)), None)
    values = re.findall(r"'([^']*)'", message)
    if message.startswith("not allowed with"):
        return exclusive(message.rpartition(" ")[2].split("/")[0], option)
    if message.startswith("expected"):
        if gate := next((gate for gate, flag in OVERRIDES.items() if flag == f"{option} REASON"), None):
            return without_reason(gate)
        metavar = (action and action.metavar) or option.lstrip("-").upper()
        shown = " ".join(metavar) if isinstance(metavar, tuple) else metavar
        hint = f"`d1migrate help {name}` explains it"
        return UsageError(f"{option} needs a value: {option} {shown}", hint=hint)
    if message.startswith("ignored explicit"):
        return UsageError(f"{option} takes no value", hint=f"write {option} alone")
    if message.startswith("invalid choice") and action and action.choices:
        known = [str(choice) for choice in action.choices]
        meant = nearest(values[0], known) if values else None
        return UsageError(
            f"{option} {values[0] if values else ''} is not one of: {', '.join(known)}",
            hint=f"did you mean {option} {meant}?" if meant else None,
        )
    if message.startswith("invalid int"):
        return UsageError(f"{option} takes a number, not {values[0]!r}", hint=f"for example: {option} 1")
    return UsageError(f"{option}: {message}", hint=f"for example: {COMMANDS[name].example}")


def _unknown(name: str, parser: argparse.ArgumentParser, words: Sequence[str]) -> UsageError:
    if name == "restore" and re.match(r"\d\d?:\d\d", words[0]):
        quoted = 'd1migrate restore --to "2026-11-22 13:59:05 +0100"'
        return UsageError(f"restore does not take {shlex.join(words)}", hint=f"a time needs quotes: {quoted}")
    flag = next((word.partition("=")[0] for word in words if word.startswith("-")), None)
    if flag is None:
        return _superfluous(name, words)
    known = parser._option_string_actions
    meant = _meant(flag, {ours: others for ours, others in _OTHERS_OPTIONS.items() if ours in known})
    if meant is None and flag in _ADVICE:
        hint: str | None = _ADVICE[flag].format(command=name)
    elif meant := meant or nearest(flag, [option for option in known if option.startswith("--")]):
        hint = f"did you mean {meant}?"
    else:
        hint = _of_others(flag) or f"`d1migrate help {name}` lists its options"
    return UsageError(f"{name} has no option {flag}", hint=hint)


def _of_others(flag: str) -> str | None:
    """Return the hint for an option that other commands have."""
    owners = [
        name for name, command in COMMANDS.items() if any(flag in names for names, _ in command.arguments)
    ]
    return f"{flag} is an option of {', '.join(owners)}" if owners else None


def _superfluous(name: str, words: Sequence[str]) -> UsageError:
    """Return the error of words that are neither the command's arguments nor options."""
    shown = shlex.join(words)
    takes_words = any(names[0] == "description" for names, _ in COMMANDS[name].arguments)
    takes_to = any("--to" in names for names, _ in COMMANDS[name].arguments)
    if takes_words:
        hint = f'a description of several words needs quotes: d1migrate {name} "…"'
    elif words[0] in NAMES:
        hint = f"one command at a time: d1migrate {name} && d1migrate {shown}"
    elif name == "down":
        hint = "`--to MIGRATION` rolls back all after that one, `--steps 1` the last one"
    elif takes_to:
        hint = f"did you mean `d1migrate {name} --to {shlex.quote(_migration(words[0]))}`?"
    else:
        hint = f"`d1migrate help {name}` shows what it takes"
    return UsageError(f"{name} does not take {shown!r}", hint=hint)


def _migration(word: str) -> str:
    """Return the name of the migration that a path leads to."""
    return re.split(r"[/\\]", word)[-1].removesuffix(".sql")


def _meant(word: str, others: dict[str, tuple[str, ...]]) -> str | None:
    """Return what a word of other tools is called here."""
    return next((ours for ours, theirs in others.items() if word.lower() in theirs), None)


def _usage(parser: argparse.ArgumentParser) -> str:
    """Return how a command is called, cut to a few lines."""
    lines = parser.format_usage().rstrip().split("\n")
    return "\n".join(lines if len(lines) <= _USAGE else [*lines[: _USAGE - 1], f"{lines[_USAGE - 1]} …"])
