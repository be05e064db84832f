"""commands.md: the help of every command, as it is printed at 80 columns."""

from __future__ import annotations

from d1migrate.cli.argument_parser import build
from d1migrate.cli.commands import GROUPS, with_actions
from d1migrate.cli.help import all_commands
from d1migrate.cli.output import Output

from .markdown import code


def parts() -> dict[str, str]:
    """Return the list of commands, and the help of each."""
    names = [name for group in GROUPS.values() for command in group for name in with_actions(command)]
    helps = (f"## {name}\n\n{code(build(name).format_help(), 'text')}" for name in names)
    return {"list": code("\n".join(all_commands(Output())), "text"), "commands": "\n\n".join(helps)}
