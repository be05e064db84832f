"""Command lines in messages. Most are written in the core, which does not know how the run was started.

Pasted as it is, the `d1migrate up` of a hint after a run with `--env staging` would change another database.
So each command line in backticks gets the flags of the run, in this one place.
"""

from __future__ import annotations

from d1migrate.cli.options import PLACES

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

_COMMAND = r"`(d1migrate (?!(?:help|init|explain|version|completion)\b)[a-z][^`]*)`"
"""A command line of a command that works on a project."""
_DATABASE = PLACES[:2]  # one excludes the other


def with_flags(command: str, flags: Mapping[str, str]) -> str:
    """Return a command line with flags, except for those that it has, and for a second database."""
    known = {name for name in PLACES if f" --{name} " in command}
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
