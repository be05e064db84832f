"""Draft a migration, ask for what is missing, and write it: for `diff`, `rebuild` and `verify --fix`.

Deciding what a draft contains belongs in the package `drafting`.
"""

from __future__ import annotations

from functools import partial

from d1migrate.cli.draft_stages import stages_of
from d1migrate.cli.migration_files import next_file, write_next
from d1migrate.cli.options import FOUND
from d1migrate.cli.output import is_yes
from d1migrate.drafting import (
    Declarations,
    complete,
    draft,
    kept_notes,
    migration_text,
    rows_title,
    rows_to_write,
    with_rows,
)
from d1migrate.errors import DataLoss, MissingValue

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from d1migrate.cli.migration_files import NewFile
    from d1migrate.cli.options import DraftOptions
    from d1migrate.cli.output import Output
    from d1migrate.cli.project import Project
    from d1migrate.drafting import Desired, Draft, Stage
    from d1migrate.report.shapes import files as shapes
    from d1migrate.schema.model import Schema


def run_draft(
    current: Schema, desired: Desired, options: DraftOptions, project: Project, output: Output
) -> int:
    """Write the migration from one schema to another, and report it; arguments as for `write_draft`.

    Returns:
        The exit code: 3 if `check` found a difference.
    """
    value = write_draft(current, desired, options, project, output)
    if output.as_json:
        output.print_json(value)
    return FOUND if options.check and value["different"] else 0


def write_draft(
    current: Schema, desired: Desired, options: DraftOptions, project: Project, output: Output
) -> shapes.Draft:
    """Write the migration from one schema to another, print it, or with `check` only report what differs.

    Returns:
        The draft, as JSON.
    """
    try:
        drafted, whole, options = draft_or_ask(current, desired, options, output, project.draft_budget)
    except (DataLoss, MissingValue) as error:
        if not options.check:
            raise
        output.note(f"different: {error.headline}")
        return _value(error.headline)
    if not options.check:
        _report(kept_notes(desired, whole), output)
    desired = whole
    notes = desired.models.notes if desired.models else ()
    rows = rows_to_write(desired, current)
    if drafted is None and not rows:
        _report(notes, output)
        return no_difference(output)
    if options.check:
        title = drafted.title if drafted else rows_title(rows)
        output.note(f"different: {title}")
        return _value(title)
    stages = stages_of(drafted, current, desired, options, project, output) if drafted else []
    stages = with_rows(stages, rows, current, desired.schema, options.name)
    stages[-1] = stages[-1]._replace(notes=(*notes, *stages[-1].notes))
    for stage in stages:
        _report(stage.notes, output)
    if options.dry_run:
        planned: list[NewFile] = []
        for stage in stages:
            planned.append(next_file(stage.description, project, planned))
        texts = map(_text, stages, planned)
        return print_sql("\n".join(texts), stages[0].description, output)
    written = [
        write_next(stage.description, partial(_text, stage), project, output)["file"] for stage in stages
    ]
    for stage in stages:
        _warn_of_rollback(stage.draft, output)
    return _value(stages[0].description, files=written)


def _report(notes: Iterable[str], output: Output) -> None:
    """Report notes; what is below their first line is only for the file."""
    for note in notes:
        output.note(note.partition("\n")[0])


def _text(stage: Stage, new: NewFile) -> str:
    return migration_text(
        stage.draft,
        new.name,
        stage.description,
        date=new.date,
        records=new.records,
        notes=stage.notes,
        lines=stage.lines,
    )


def no_difference(output: Output) -> shapes.Draft:
    """Say that there is nothing to draft; return that."""
    output.note("no difference")
    return _value(None)


def print_sql(sql: str, description: str, output: Output) -> shapes.Draft:
    """Print SQL that is not written to a file, unless JSON is wanted; return that."""
    if not output.as_json:
        output.print_data(sql)
    return _value(description, sql=sql)


def _value(description: str | None, *, files: Sequence[str] = (), sql: str | None = None) -> shapes.Draft:
    return {"different": description is not None, "description": description, "files": [*files], "sql": sql}


def draft_or_ask(
    current: Schema, desired: Desired, options: DraftOptions, output: Output, budget: int | None
) -> tuple[Draft | None, Desired, DraftOptions]:
    """Draft a migration. On a terminal ask for what the options leave open.

    Returns:
        The draft, None if nothing differs; the whole desired schema; and the options with the answers.

    Raises:
        DataLoss, MissingValue: something is left open, and there is no terminal or no answer.
        UsageError: an option names something that does not exist, or that the draft does not change.
    """
    while True:
        declared = Declarations.of(options.rename, options.backfill, options.allow_drop, options.keep)
        declared.refuse_unknown(current, desired)
        try:
            with output.working("writing the migration and checking it on scratch databases"):
                whole = complete(current, desired, declared, types=options.types)
                drafted = draft(
                    current,
                    whole,
                    renames=declared.renames,
                    backfill=declared.backfill,
                    allow_drop=declared.allow_drop,
                    order=options.order,
                    budget=budget,
                )
        except (DataLoss, MissingValue) as error:
            if options.check:
                raise
            answered = (
                _ask_what_is_lost(error, options, output)
                if isinstance(error, DataLoss)
                else _ask_for_values(error, options, output)
            )
            if answered is None:
                raise
            options = answered
            continue
        if drafted is not None:
            declared.refuse_useless(drafted.changes, current, whole)
        return drafted, whole, options


def _ask_what_is_lost(error: DataLoss, options: DraftOptions, output: Output) -> DraftOptions | None:
    """Ask whether something was renamed, stays, or may be dropped; None if no answer settles it."""
    is_gone = "is not in the models" if error.stays else "no longer exists"
    for flag in error.renames:
        old, _, new = flag.partition("=")
        if is_yes(output.ask(f"{old} {is_gone}, and {new} is new: was it renamed? [y/N] ")):
            return options._replace(rename=(*options.rename, flag))
    name = next(iter(error.rows))
    if error.stays and is_yes(output.ask(f"keep {name}, with its rows, outside the models? [y/N] ")):
        return options._replace(keep=(*options.keep, name))
    if is_yes(output.ask(f"drop {name}, with all its values? [y/N] ")):
        return options._replace(allow_drop=(*options.allow_drop, name))
    return None


def _ask_for_values(error: MissingValue, options: DraftOptions, output: Output) -> DraftOptions | None:
    """Ask for the values of new columns; None if there is no answer."""
    for column in error.columns:
        default = error.defaults.get(column)
        offer = f" (Enter: {default}, which the models give new rows)" if default else ""
        value = output.ask(f"{column}: value for existing rows{offer}, as SQL: ", default=default or "")
        if not value:
            return None
        options = options._replace(backfill=(*options.backfill, f"{column}={value}"))
    return options


def _warn_of_rollback(drafted: Draft, output: Output) -> None:
    if drafted.down.irreversible:
        output.warn(f"no rollback: {drafted.down.irreversible}")
    for (table, column), value in drafted.down.placeholders:
        output.note(f"the rollback sets {table}.{column} to {value}: the original values are not kept")
