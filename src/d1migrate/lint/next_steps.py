"""What to do about findings: commands that can be pasted. An override comes last, if it helps at all."""

from __future__ import annotations

from shlex import quote

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from d1migrate.lint.check import Diagnostic


def fix_command(found: Iterable[Diagnostic]) -> str | None:
    """Return the command that may fix some findings; None if there are none of those."""
    files = dict.fromkeys(quote(d.file) for d in found if d.is_fixable)
    return f"`d1migrate lint --fix {' '.join(files)}`" if files else None


def after_refusal(refused: Sequence[Diagnostic]) -> str:
    """Return what to do about findings that stop a run. What D1 cannot run needs no `--no-lint`."""
    fix = fix_command(refused)
    files = {d.file for d in refused if d.is_fixable}
    steps = [f"{fix} rewrites the file{'s' if len(files) > 1 else ''}"] if fix else []
    steps.append("`d1migrate lint` explains why")
    if any(d.code.startswith("R") for d in refused):
        steps.insert(0, "D1 cannot run this: correct the file")
    else:
        steps.append("to override: `d1migrate up --no-lint REASON`")
    return "; ".join(steps)
