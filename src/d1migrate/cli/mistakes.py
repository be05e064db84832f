"""Wrong arguments: what is wrong, how the command is called, and what was probably meant.

Most are typed by people who come from another tool, whose words for the same thing are known here.
"""

from __future__ import annotations

import re
import shlex

from d1migrate.cli.commands import COMMANDS, NAMES, command_of, with_actions
from d1migrate.errors import UsageError
from d1migrate.hints import exclusive, nearest
from d1migrate.project.gates import OVERRIDES, without_reason

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from d1migrate.cli.arguments import Command

_DASHES = ("-", "\N{EN DASH}", "\N{EM DASH}")  # a word processor turns hyphens into the others
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
_FAMILIES = ("migrate", "migrations", "migration", "db", "d1", "database")
"""What other tools begin a command line with: `migrate status`, `db:migrate`, `d1 migrations apply`."""
_EMPTY = "no command empties a database; `d1migrate down --to none` rolls back all migrations"
_COMMAND_ADVICE = {
    "clean": _EMPTY,
    "drop": _EMPTY,
    "seed": 'rows are written by a migration, too: `d1migrate new "add plans"`',
}
"""{a command that other tools have: what to do here}."""
_STATUS = ("state", "info", "progress", "show", "stat", "st", "failed", "errors")
_PAUSE = ("hold", "suspend")
_RESUME = ("continue", "unpause")
_END = ("abort", "kill", "end")
_OTHERS_ACTIONS = {
    "fleet": {
        "up": ("apply", "migrate", "upgrade", "deploy", "run", "start", "sync", "update"),
        "jobs": ("job", "backfill", "drive"),
        "plan": ("preview", "dry-run", "inventory"),
        "status": _STATUS,
        "list": ("ls", "tenants", "databases"),
        "verify": ("check", "drift", "compare"),
        "retry": ("rerun", "repeat"),
        "pause": _PAUSE,
        "resume": _RESUME,
        "stop": ("cancel", *_END),
    },
    "job": {
        "status": ("list", "ls", *_STATUS),
        "run": ("up", "apply", "start", "work", "drive", "begin", "execute"),
        "pause": ("stop", "throttle", *_PAUSE),
        "resume": ("unthrottle", "retry", *_RESUME),
        "cancel": ("delete", "remove", "down", "rollback", "revert", *_END),
    },
}
"""{a command: {its action: what other tools, and people, call it}}."""
_NO_ROLLBACK = (
    "by now, some databases have rows that a rollback would delete: write a migration that undoes the"
    " change, and apply it with `d1migrate fleet up`; `d1migrate down --database URL` rolls back a single"
    " database"
)
_ACTION_ADVICE = {"fleet": dict.fromkeys(("down", "rollback", "revert", "undo", "downgrade"), _NO_ROLLBACK)}
"""{a command: {an action that it does not have: what to do instead}}."""
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
    "--file": ("-f", "-i", "--from", "--input"),
}
"""{our option: what other tools, and people, call it}."""
_OTHERS_ARGUMENTS = {
    "DESCRIPTION": ("-m", "--message", "--name", "--description"),
    "TABLE": ("-t", "--table"),
    "SHELL": ("--shell",),
    "FILE": ("-f", "--file"),
}
"""{our argument without an option: what other tools, and people, call its option}."""
_PLACES = {"diff": "--to", "backup": "--output"}
"""{a command: the option for a word that it does not take}."""
_LATEST = ("head", "latest", "last", "all")
_ALONE = {
    "init": "init sets up the current folder: `d1migrate init`; --database URL names a database",
    "env": "`d1migrate env` shows all environments",
    "renumber": "`d1migrate renumber` alone renumbers all that need it",
}
"""{a command: why it takes no word}."""
_FORCE = (
    "no option overrides everything; `d1migrate plan` shows what refuses, and the option that overrides it"
)
_YES = "{command} asks nothing, except the name of a protected environment: --confirm NAME"
_FORCES = ("--force", "-f")  # of no use where no gate can refuse
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
    if advice := _COMMAND_ADVICE.get(word.lower()):
        return UsageError(f"there is no command {word!r}", hint=f"{advice}; {_ALL}")
    meant = _command_meant(word, rest) or nearest(word, NAMES)
    hint = f"did you mean `d1migrate {meant}`? {_ALL}" if meant else _ALL
    return UsageError(f"there is no command {word!r}", hint=hint)


def no_action(name: str, word: str, before: str, rest: Sequence[str]) -> UsageError:
    """Return the error of an action that a command does not have; arguments as `no_command`."""
    actions = command_of(name).actions
    later = next((other for other in rest if other in actions), None)
    if before.startswith("-") and later:
        others = [other for other in rest if other != later]
        line = shlex.join(["d1migrate", name, later, before, word, *others])
        return UsageError(f"{before} comes before the action", hint=f"put it after the action: {line}")
    owner = command_of(name)
    if before.startswith("-") and owner.default_action:
        message = f"{name} {owner.default_action} has no option {before}"
        return UsageError(message, hint=_of_others(before) or f"`d1migrate help {name}` explains its actions")
    every = f"the actions are {', '.join(actions)}"
    message = f"{name} has no action {word!r}"
    if advice := _ACTION_ADVICE.get(name, {}).get(word.lower()):
        return UsageError(message, hint=advice)
    meant = _meant(word, _OTHERS_ACTIONS[name]) or nearest(word, actions)
    return UsageError(message, hint=f"did you mean `d1migrate {name} {meant}`? {every}" if meant else every)


def without_action(name: str) -> UsageError:
    """Return the error of a command that was typed without one of its actions."""
    actions = ", ".join(command_of(name).actions)
    return UsageError(f"{name} needs an action: {actions}", hint=f"`d1migrate help {name}` explains them")


def _command_meant(word: str, rest: Sequence[str]) -> str | None:
    """Return the command that other tools call by these words; the last one that is known decides."""
    words = word.lower().split(":")
    for follower in rest:
        if words[-1] not in _FAMILIES or follower.startswith("-"):
            break
        words.append(follower.lower())
    found = (NAMES.get(one) or _meant(one, _OTHERS_COMMANDS) for one in reversed(words))
    return next(filter(None, found), None)


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
    if name == "start" and unknown:
        return _without_command(unknown)
    if unknown and command_of(name).actions:
        return without_action(name)
    if failure:
        error = _refused(name, parser, failure)
    elif doubled:
        flag, first, second = doubled
        error = UsageError(f"{flag} is given twice: {first} and {second}", hint="leave one of them out")
    else:
        error = _unknown(name, parser, unknown)
    return UsageError(str(error), hint=error.hint, usage=None if name == "start" else _usage(parser))


def _without_command(unknown: Sequence[str]) -> UsageError:
    """Return the error of options that need a command."""
    flag = unknown[0].partition("=")[0]
    command = next((name for name, owner in COMMANDS.items() if _has(owner, flag)), "status")
    example = shlex.join(["d1migrate", command, *unknown])
    return UsageError(f"no command: {flag} is an option of a command", hint=f"for example: {example}")


def _refused(name: str, parser: argparse.ArgumentParser, failure: argparse.ArgumentError) -> UsageError:
    """Say what argparse says, in words that name the option and its value."""
    message = str(failure.message)
    if failure.argument_name is None:
        missing = message.rpartition(": ")[2]
        return UsageError(f"{name} needs {missing}", hint=f"for example: {command_of(name).example}")
    option = failure.argument_name.split("/")[0]
    action = next((a for a in parser._actions if option in (*a.option_strings, a.metavar)), None)
    values = re.findall(r"'([^']*)'", message)
    if message.startswith("not allowed with"):
        return exclusive(message.rpartition(" ")[2].split("/")[0], option)
    if message.startswith("expected"):
        if gate := next((gate for gate, flag in OVERRIDES.items() if flag == f"{option} REASON"), None):
            return without_reason(gate)
        choices = action and action.choices and f"{{{','.join(action.choices)}}}"
        metavar = choices or (action and action.metavar) or option.lstrip("-").upper()
        shown = " ".join(metavar) if isinstance(metavar, tuple) else metavar
        hint = f"`d1migrate help{'' if name == 'start' else f' {name}'}` explains it"
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
    return UsageError(f"{option}: {message}", hint=f"for example: {command_of(name).example}")


def _unknown(name: str, parser: argparse.ArgumentParser, words: Sequence[str]) -> UsageError:
    if name == "restore" and re.match(r"\d\d?:\d\d", words[0]):
        quoted = 'd1migrate restore --to "2026-11-22 13:59:05 +0100"'
        return UsageError(f"restore does not take {shlex.join(words)}", hint=f"a time needs quotes: {quoted}")
    flag = next((word.partition("=")[0] for word in words if word.startswith(_DASHES)), None)
    if flag is None:
        return _superfluous(name, words)
    return UsageError(f"{name} has no option {flag}", hint=_instead(flag, name, parser))


def _instead(flag: str, name: str, parser: argparse.ArgumentParser) -> str:
    """Return what to type instead of an option that a command does not have."""
    known = parser._option_string_actions
    options = f"`d1migrate help {name}` lists its options"
    hyphens = f"--{flag.lstrip(''.join(_DASHES))}"
    if hyphens in known and not flag.startswith("-"):
        return f"did you mean {hyphens}? its dash is not a hyphen, as in copied text"
    if flag[1:].isdecimal() and "--steps" in known:
        return f"did you mean --steps {flag[1:]}?"
    if name == "plan" and flag in ("-n", "--dry-run"):
        return "`d1migrate plan` changes nothing"
    arguments = [str(action.metavar) for action in parser._actions if not action.option_strings]
    if argument := _meant(flag, {ours: _OTHERS_ARGUMENTS.get(ours, ()) for ours in arguments}):
        return f"{argument} needs no option; for example: {command_of(name).example}"
    meant = _meant(flag, {ours: others for ours, others in _OTHERS_OPTIONS.items() if ours in known})
    if meant is None and flag in _ADVICE:
        is_useless = flag in _FORCES and "--confirm" not in known
        return options if is_useless else _ADVICE[flag].format(command=name)
    meant = meant or nearest(flag, [option for option in known if option.startswith("--")])
    if meant:
        return f"did you mean {meant}?"
    return _of_others(flag) or options


def _has(command: Command, flag: str) -> bool:
    return any(flag in names for names, _ in command.arguments)


def _of_others(flag: str) -> str | None:
    """Return the hint for an option that other commands have."""
    names = [name for command in COMMANDS for name in with_actions(command)]
    owners = [name for name in names if _has(command_of(name), flag)]
    return f"{flag} is an option of {', '.join(owners)}" if owners else None


def _superfluous(name: str, words: Sequence[str]) -> UsageError:
    """Return the error of words that are neither the command's arguments nor options."""
    return UsageError(f"{name} does not take {shlex.join(words)!r}", hint=_place(name, words))


def _place(name: str, words: Sequence[str]) -> str:
    """Return where words belong that a command does not take."""
    word, command = words[0], command_of(name)
    if any(names[0] == "description" for names, _ in command.arguments):
        return f'a description of several words needs quotes: d1migrate {name} "…"'
    if name.startswith("fleet "):
        return "one fleet at a time; --only NAME chooses databases of it"
    if name in _ALONE:
        return _ALONE[name]
    if word in NAMES:
        return f"one command at a time: d1migrate {name} && d1migrate {shlex.join(words)}"
    if name == "down":
        if word == "all":
            return "`d1migrate down --to none` rolls back all"
        return "`--to MIGRATION` rolls back all after that one, `--steps 1` the last one"
    if name == "up" and word.lower() in _LATEST:
        return "`d1migrate up` applies all pending migrations"
    is_migration = re.match(r"\d", _migration(word)) is not None
    option = "--file" if name == "restore" and not is_migration else _PLACES.get(name)
    if option:
        return f"did you mean `d1migrate {name} {option} {shlex.quote(word)}`?"
    if not _has(command, "--to"):
        return f"--env NAME chooses an environment; `d1migrate help {name}` shows what it takes"
    if is_migration:
        return f"did you mean `d1migrate {name} --to {shlex.quote(_migration(word))}`?"
    return "--to MIGRATION names a migration, --env NAME an environment"


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
