"""`verify --fix`: SQL that makes the live schema what the files build, or a migration for the reverse."""

from __future__ import annotations

from shlex import quote

from d1migrate.cli.drafts import draft_or_ask, no_difference, print_sql, write_draft
from d1migrate.cli.gates import protect, refuse_object
from d1migrate.cli.next_step import adoption
from d1migrate.drafting import Desired
from d1migrate.drivers.run import run as run_flow
from d1migrate.errors import AmbiguousError, Error, HistoryError, UsageError
from d1migrate.lint.replay.replayer import schema_of
from d1migrate.migrate.flows.baseline import read_database
from d1migrate.migrate.flows.verify import in_order_of_application
from d1migrate.migrate.other_tools import without_histories
from d1migrate.migrate.refusals import refuse_disagreement, refuse_unwritable
from d1migrate.migrate.status import compare
from d1migrate.report import values
from d1migrate.report.text import clean, clean_line, state_words
from d1migrate.schema.compare import compare as compare_schemas

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Literal

    from d1migrate.cli.options import DraftOptions
    from d1migrate.cli.output import Output
    from d1migrate.cli.project import Project
    from d1migrate.migrate.flows.baseline import LiveDatabase
    from d1migrate.migrate.migration import Migration
    from d1migrate.migrate.status import Entry
    from d1migrate.migrator import Migrator
    from d1migrate.report.shapes.files import Draft
    from d1migrate.schema.model import Schema


def run(
    fix: Literal["files", "live"], draft: DraftOptions, confirm: str | None, project: Project, output: Output
) -> int:
    """Print SQL for this one database, or write a migration and record that this database has it.

    As a migration, the SQL would fail on every database without drift.

    Raises:
        UsageError: files are pending. HistoryError: files and history disagree.
    """
    if fix == "live":
        refuse_object(project)
    migrator = project.migrator()
    database = run_flow(read_database(migrator.choice), project.driver)
    entries = compare(migrator.migrations, database.history)
    _refuse_unapplied(entries, migrator, project)
    files = in_order_of_application(entries)
    built = schema_of(files, database.history.table)
    kept = [table.name for table in built.tables]
    live = without_histories(database.schema, *project.history_tables, keep=kept)
    if fix == "live":
        draft = draft._replace(name="what was changed by hand")
        value = write_draft(built, Desired(live), draft, project, output)
        recorded = _record_written(database._replace(schema=live), entries, confirm, project, output)
    else:
        value, recorded = _print_statements(live, built, draft, project, output), []
    if output.as_json:
        output.print_json({**value, "recorded": values.migrations(recorded)})
    return 0


def _print_statements(
    live: Schema, built: Schema, options: DraftOptions, project: Project, output: Output
) -> Draft:
    from d1migrate.drafting.migration_text import statements_text

    drafted, *_ = draft_or_ask(live, Desired(built), options, output, project.draft_budget)
    if drafted is None:
        return no_difference(output)
    value = print_sql(statements_text(drafted.up), drafted.title, output)
    output.hint("run this SQL on this database alone; others do not have these differences")
    return value


def _refuse_unapplied(entries: Sequence[Entry], migrator: Migrator, project: Project) -> None:
    """Check that drift can be determined: each file is applied as it is.

    Raises:
        UsageError: files are pending. HistoryError: files and history disagree.
    """
    refuse_disagreement(entries)
    if waiting := [entry for entry in entries if entry.is_pending]:
        raise UsageError(
            f"{waiting[0].name} is {state_words(waiting[0].state)}, so drift cannot be determined",
            hint=adoption(entries, migrator, project) or "run `d1migrate up` first",
        )


def _record_written(
    database: LiveDatabase, entries: Sequence[Entry], confirmed: str | None, project: Project, output: Output
) -> list[Migration]:
    """Record the file that was written as applied: the next `up` need not run it, and could not.

    If that is not possible, the file stays, and a warning names the command that records it.

    Returns:
        What was recorded.
    """
    migrator = project.migrator()
    known = {entry.name for entry in entries}
    written = next((m for m in migrator.migrations if m.name not in known), None)
    if written is None:  # nothing differed
        return []
    name = clean_line(written.name)
    try:
        refuse_unwritable(database.history, entries)
        built = schema_of([*in_order_of_application(entries), written], database.history.table)
        if compare_schemas(built, database.schema):
            raise HistoryError("the live schema is not what the files build now")
        protect(confirmed, project, output)
        migrator.record_baseline(database, written)
    except AmbiguousError:
        raise
    except Error as error:
        confirm = f" --confirm {project.environment.shown}" if project.environment.protected else ""
        output.warn(f"{name} is not recorded as applied: {clean(str(error))}")
        output.hint(f"`d1migrate baseline --to {quote(written.name)}{confirm}` records it")
        return []
    output.note(f"recorded {name} as applied; ran nothing")
    return [written]
