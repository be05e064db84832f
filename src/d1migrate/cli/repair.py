"""`repair`: correct the recorded history by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from d1migrate.cli.gates import protect
from d1migrate.errors import UsageError
from d1migrate.report import values
from d1migrate.report.text import clean

if TYPE_CHECKING:
    from d1migrate.cli.output import Output
    from d1migrate.cli.project import Project


class Options(NamedTuple):
    """The options of `repair`."""

    reason: str
    accept: int | None = None
    forget: int | None = None
    confirm: str | None = None


def run(options: Options, project: Project, output: Output) -> int:
    """Record a file as it is now, or remove the record of a file that no longer exists."""
    if (options.accept is None) == (options.forget is None):
        raise UsageError("repair takes either --accept V or --forget V")
    protect(options.confirm, project, output)
    migrator = project.migrator()
    if options.accept is not None:
        entry = migrator.accept(options.accept, reason=options.reason)
        was = f"; it was version {entry.was}" if entry.was else ""
        done = f"accepted {entry.name} as it is now{was}"
    else:
        entry = migrator.forget(options.forget or 0, reason=options.reason)
        done = f"forgot {entry.name}; objects it created, if any, still exist"
    if output.as_json:
        output.print_json(values.entry(entry))
    else:
        output.print(clean(done))
    return 0
