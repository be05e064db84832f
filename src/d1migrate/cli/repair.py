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
    accept: str | None = None
    rename: tuple[str, str] | None = None
    forget: str | None = None
    confirm: str | None = None


def run(options: Options, project: Project, output: Output) -> int:
    """Record a file as it is now, or remove the record of a file that no longer exists."""
    if sum(one is not None for one in (options.accept, options.rename, options.forget)) != 1:
        raise UsageError("repair takes one of --accept, --rename and --forget")
    protect(options.confirm, project, output)
    migrator = project.migrator()
    if options.accept is not None:
        entry = migrator.accept(options.accept, reason=options.reason)
        done = f"accepted {entry.name} as it is now"
    elif options.rename is not None:
        entry = migrator.rename(*options.rename, reason=options.reason)
        done = f"{entry.name} is recorded as applied, in place of {options.rename[0]}"
    else:
        entry = migrator.forget(options.forget or "", reason=options.reason)
        done = f"forgot {entry.name}; objects it created, if any, still exist"
    if output.as_json:
        output.print_json(values.entry(entry))
    else:
        output.print(clean(done))
    return 0
