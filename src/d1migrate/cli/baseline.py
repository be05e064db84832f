"""`baseline`: begin the history of a database that d1migrate did not create."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple

from d1migrate.cli.gates import protect
from d1migrate.cli.migration_files import next_file, write_file
from d1migrate.errors import AmbiguousError, Error, UsageError
from d1migrate.report.text import plural

if TYPE_CHECKING:
    from d1migrate.cli.output import Output
    from d1migrate.cli.project import Project


class Options(NamedTuple):
    """The options of `baseline`."""

    description: str | None = None
    to: str | None = None
    dry_run: bool = False
    yes: bool = False
    confirm: str | None = None


def run(options: Options, project: Project, output: Output) -> int:
    """Write and record a file that builds the live schema, or record existing files without checking."""
    if options.description is not None and options.to is None:
        return _write_first_file(options.description, options, project, output)
    if options.to is not None and options.description is None:
        return _record(options.to, options, project, output)
    raise UsageError("baseline takes either DESCRIPTION or --to MIGRATION")


def _write_first_file(description: str, options: Options, project: Project, output: Output) -> int:
    migrator = project.migrator(files_may_be_missing=True)
    if migrator.migrations:
        raise UsageError(
            f"{project.folder} already has files, and the baseline would have to come before them",
            hint="`d1migrate adopt` finds out which of them the database has",
        )
    new = next_file(description, project)
    found, migration = migrator.plan_baseline(new.name, description, date=new.date)
    if options.dry_run:
        output.print_data(migration.text)
        return 0
    protect(options.confirm, project, output)
    path = write_file(new.name, migration.text, project, output)
    try:
        migrator.record_baseline(found, migration)
    except AmbiguousError:  # it may be recorded: then the file is needed
        raise
    except Error:
        os.unlink(path)
        raise
    if output.as_json:
        output.print_json({"path": path, "version": migration.version, "name": migration.name})
    else:
        output.print(path)
        output.note("recorded as applied; a new database built from it has the same schema and no rows")
    return 0


def _record(to: str, options: Options, project: Project, output: Output) -> int:
    if options.dry_run:
        raise UsageError(
            "--dry-run needs a DESCRIPTION",
            hint="`d1migrate adopt --dry-run` shows which files the database has",
        )
    protect(options.confirm, project, output)
    recorded = project.migrator().baseline(to=to)
    if output.as_json:
        output.print_json({"recorded": [{"version": m.version, "name": m.name} for m in recorded]})
        return 0
    for migration in recorded:
        output.print(f"  {migration.name}")
    output.print(f"recorded {plural(len(recorded), 'migration')} as applied; ran nothing")
    return 0
