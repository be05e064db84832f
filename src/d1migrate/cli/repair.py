"""`repair`: correct the recorded history by hand. What it does to whole tables is in `repair_tables`."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from d1migrate.cli import repair_tables
from d1migrate.cli.gates import protect
from d1migrate.errors import UsageError
from d1migrate.report import values
from d1migrate.report.text import clean

if TYPE_CHECKING:
    from d1migrate.cli.output import Output
    from d1migrate.cli.project import Project


class Options(NamedTuple):
    """The options of `repair`."""

    reason: str | None = None
    accept: str | None = None
    rename: tuple[str, str] | None = None
    forget: str | None = None
    sync_tables: bool = False
    move_history: bool = False
    dry_run: bool = False
    yes: bool = False
    confirm: str | None = None


def run(options: Options, project: Project, output: Output) -> int:
    """Correct the record of one migration, or the tables."""
    one = [options.accept, options.rename, options.forget]
    both = [options.sync_tables, options.move_history]
    if sum(given is not None for given in one) + sum(both) != 1:
        raise UsageError("repair takes one of --accept, --rename, --forget, --sync-tables and --move-history")
    if not any(both) and (options.dry_run or options.yes):
        raise UsageError("--dry-run and --yes are for --sync-tables and --move-history")
    if not options.reason and not options.dry_run:
        raise UsageError("repair needs a reason", hint="add --reason TEXT, which is logged")
    reason = options.reason or ""
    given = repair_tables.Permission(reason, options.dry_run, options.yes, options.confirm)
    if options.sync_tables:
        return repair_tables.sync(given, project, output)
    if options.move_history:
        return repair_tables.move(given, project, output)
    return _correct(options, reason, project, output)


def _correct(options: Options, reason: str, project: Project, output: Output) -> int:
    protect(options.confirm, project, output)
    migrator = project.migrator()
    if options.accept is not None:
        entry = migrator.accept(options.accept, reason=reason)
        done = f"accepted {entry.name} as it is now"
    elif options.rename is not None:
        entry = migrator.rename(*options.rename, reason=reason)
        done = f"{entry.name} is recorded as applied, in place of {entry.was}"
    else:
        entry = migrator.forget(options.forget or "", reason=reason)
        done = f"forgot {entry.name}; objects it created, if any, still exist"
    if output.as_json:
        output.print_json(values.entry(entry))
    else:
        output.print(clean(done))
    return 0
