"""What to do about findings: commands that can be pasted. An override comes last, if it helps at all."""

from __future__ import annotations

from shlex import quote
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from d1migrate.lint.check import Diagnostic

    Command = Callable[[str], str]
    """Returns a command line in backticks, from what is after `d1migrate`."""


def plain_command(rest: str) -> str:
    """Return a command line in backticks, without flags for a project or database."""
    return f"`d1migrate {rest}`"


def fix_command(found: Iterable[Diagnostic], command: Command = plain_command) -> str | None:
    """Return the command that may fix some findings; None if there are none of those."""
    files = dict.fromkeys(quote(d.file) for d in found if d.is_fixable)
    return command(f"lint --fix {' '.join(files)}") if files else None


def after_refusal(refused: Sequence[Diagnostic], command: Command = plain_command) -> str:
    """Return what to do about findings that stop a run. What D1 cannot run needs no `--no-lint`."""
    fix = fix_command(refused, command)
    steps = [f"{fix} rewrites it"] if fix else []
    steps.append(f"{command('lint')} explains it")
    if any(d.code.startswith("R") for d in refused):
        steps.insert(0, "D1 cannot run this: correct the file")
    else:
        steps.append(f"to override: {command('up --no-lint REASON')}")
    return "; ".join(steps)
