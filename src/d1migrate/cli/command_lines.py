"""Command lines in messages. Most are written in the core, which does not know how the run was started.

Pasted as it is, the `d1migrate up` of a hint after a run with `--env staging` would change another database.
So each command line in backticks gets the flags of the run, in this one place.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from d1migrate.cli.options import GlobalOptions

_COMMAND = r"`(d1migrate (?!(?:help|init|explain|version|completion)\b)[a-z][^`]*)`"
"""A command line of a command that works on a project."""
_DATABASE = ("env", "database")  # one excludes the other
_FLAGS = (*_DATABASE, "migrations", "config")


def flags_of(given: GlobalOptions) -> dict[str, str]:
    """Return {name: value} of the given options that say which project and database."""
    return {name: value for name in _FLAGS if (value := getattr(given, name))}


def with_flags(command: str, flags: Mapping[str, str]) -> str:
    """Return a command line with flags, except for those that it has, and for a second database."""
    known = {name for name in _FLAGS if f" --{name} " in command}
    if not known.isdisjoint(_DATABASE):
        known.update(_DATABASE)
    missing = [(name, value) for name, value in flags.items() if name not in known]
    if not missing:
        return command
    from shlex import quote

    return f"{command} {' '.join(f'--{name} {quote(value)}' for name, value in missing)}"


def in_text(text: str, flags: Mapping[str, str]) -> str:
    """Return a text with flags in each command line of it."""
    import re

    return re.sub(_COMMAND, lambda found: f"`{with_flags(found[1], flags)}`", text) if flags else text
