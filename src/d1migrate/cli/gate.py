"""`gate`: can the code, written with some migrations, run on the database?"""

from __future__ import annotations

from shlex import quote

from d1migrate.cli.options import FOUND
from d1migrate.named_tuple import NamedTuple
from d1migrate.report.text import clean_line

TYPE_CHECKING = False
if TYPE_CHECKING:
    from d1migrate.cli.output import Output
    from d1migrate.cli.project import Project
    from d1migrate.migrate.deploy_phase import Compatibility
    from d1migrate.report.shapes import history


class Options(NamedTuple):
    """The options of `gate`."""

    code_version: str


def run(options: Options, project: Project, output: Output) -> int:
    """Say whether the code can run, and what prevents it."""
    found = project.migrator().gate(options.code_version)
    project.note_database()
    if output.as_json:
        output.print_json(_value(found))
    else:
        output.print([clean_line(f"needed and not applied: {name}") for name in found.needed], wrap=True)
        breaking = [f"applied and breaks this code: {one.shown}" for one in found.breaking]
        unclear = [f"cannot be determined: {one.shown}" for one in found.unclear]
        output.print([clean_line(line) for line in (*breaking, *unclear)], wrap=True)
        prevented = found.needed or found.breaking
        can = "can" if found.fits else "cannot" if prevented else "may not"
        code, current = found.code or "no migration", found.current or "no migration"
        summary = f"code written for {code} {can} run on the database, which is at {current}"
        output.print(clean_line(summary), wrap=True)
        if step := _next_step(found):
            output.hint(step)
    return 0 if found.fits else FOUND


def _value(found: Compatibility) -> history.GateCheck:
    return {
        "ok": found.fits,
        "written_for": found.code,
        "current": found.current,
        "needed": list(found.needed),
        "breaking": [{"name": one.name, "reason": one.reason} for one in found.breaking],
        "unclear": [{"name": one.name, "reason": one.reason} for one in found.unclear],
    }


def _next_step(found: Compatibility) -> str | None:
    """Return what to do so that the code can run; what cannot be determined says it itself."""
    if found.breaking:
        down = f"d1migrate down --to {quote(found.code or 'none')}"
        return clean_line(f"deploy code that was written with {found.current}, or roll back: `{down}`")
    if found.needed:
        return "`d1migrate up --phase before` applies what the code needs"
    return None
