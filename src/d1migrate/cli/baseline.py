"""`baseline`: begin the history of a database that d1migrate did not create."""

from __future__ import annotations

import os

from d1migrate.cli import adopt
from d1migrate.cli.gates import protect, refuse_mistakes, refuse_object
from d1migrate.cli.migration_files import next_file, write_file
from d1migrate.cli.options import refuse_dry_run_with_yes
from d1migrate.errors import AmbiguousError, Error, UsageError
from d1migrate.migrate.adopt.evidence import unrecorded
from d1migrate.named_tuple import NamedTuple
from d1migrate.report import values
from d1migrate.report.text import clean_line, plural

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from d1migrate.cli.output import Output
    from d1migrate.cli.project import Project
    from d1migrate.migrate.adopt.model import Assessment
    from d1migrate.migrate.migration import Migration
    from d1migrate.report.shapes import runs

_PROVED = ("applied", "squashed")


class Options(NamedTuple):
    """The options of `baseline`."""

    description: str | None = None
    to: str | None = None
    dry_run: bool = False
    yes: bool = False
    confirm: str | None = None


def run(options: Options, project: Project, output: Output) -> int:
    """Write and record a file that builds the live schema, or record existing files."""
    if not options.dry_run:
        refuse_object(project)
    if options.description is not None and options.to is None:
        return _write_first_file(options.description, options, project, output)
    if options.to is not None and options.description is None:
        return _record(options.to, options, project, output)
    raise UsageError(
        "baseline takes either DESCRIPTION or --to MIGRATION",
        hint="DESCRIPTION writes the first file from the live schema, --to records files that exist",
    )


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
        if output.as_json:
            output.print_json(_value([migration], sql=migration.text, done=False))
        else:
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
        output.print_json(_value([migration], file=path, done=True))
    else:
        output.print(path)
        output.note("recorded as applied; a new database built from it has the same schema and no rows")
    return 0


def _record(to: str, options: Options, project: Project, output: Output) -> int:
    """Record existing files, after confirmation if the database lacks what they create."""
    refuse_dry_run_with_yes(dry_run=options.dry_run, yes=options.yes)
    refuse_mistakes(project, options.confirm)
    project.note_database()
    migrator = project.migrator()
    todo = unrecorded(adopt.look(adopt.Options(), project, migrator).assessments, to)
    unproved = [one for one in todo if one.state not in _PROVED]
    for one in unproved:
        output.note(clean_line(f"{one.migration.name}: {one.because}"))
    if not options.dry_run:
        protect(options.confirm, project, output)
        lacking = sum(one.state != "unknown" for one in unproved)
        if lacking and not options.yes:
            _confirm(len(todo), lacking, output)
        migrator.baseline(to=to)
    _report([one.migration for one in todo], unproved, output, done=not options.dry_run)
    return 0


def _confirm(count: int, lacking: int, output: Output) -> None:
    """Ask for a yes to recording files of which the database lacks some."""
    files = f"{lacking} of them" if lacking < count else "it" if count == 1 else "them"
    output.confirm(
        f"record {plural(count, 'migration')} as applied (the database lacks the objects of {files})",
        hint="`d1migrate adopt` records what the database has, `d1migrate up` applies the rest; --yes records"
        " all the same",
    )


def _report(
    recorded: Sequence[Migration], unproved: Sequence[Assessment], output: Output, *, done: bool
) -> None:
    """Print what was recorded, or would be."""
    if output.as_json:
        output.print_json(_value(recorded, unproved, done=done and bool(recorded)))
        return
    for migration in recorded:
        output.print(f"  {migration.name}")
    what = f"{plural(len(recorded), 'migration')} as applied"
    output.print(f"recorded {what}; ran nothing" if done else f"would record {what}")


def _value(
    recorded: Sequence[Migration],
    unproved: Sequence[Assessment] = (),
    *,
    file: str | None = None,
    sql: str | None = None,
    done: bool,
) -> runs.Baseline:
    return {
        "file": file,
        "sql": sql,
        "recorded": values.migrations(recorded),
        "unproved": [{"name": one.migration.name, "reason": one.because} for one in unproved],
        "done": done,
    }
