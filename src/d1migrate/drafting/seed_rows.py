"""Rows that the application expects: which of them are missing, and the migration that inserts them."""

from __future__ import annotations

from contextlib import closing
from itertools import groupby
from operator import attrgetter

import apsw

from d1migrate.drafting.draft import Draft, Stage
from d1migrate.drafting.reverse import Reverse
from d1migrate.drivers.scratch import ScratchEngine
from d1migrate.hints import flags
from d1migrate.lint.replay.shadow_schema import SCHEMA_VERBS
from d1migrate.migrate.history import tables
from d1migrate.schema.alter import StatementGroup
from d1migrate.sql.batch import Batch, Query
from d1migrate.sql.names import fold
from d1migrate.sql.split import Series
from d1migrate.sql.statement import shape_of
from d1migrate.sql.tokens import significant

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from d1migrate.drafting.desired import Desired, SeedRow
    from d1migrate.drafting.renames import Rename
    from d1migrate.drivers.protocol import Driver
    from d1migrate.migrate.migration import Migration
    from d1migrate.migrate.table import MigrationsTable
    from d1migrate.schema.model import Schema

_QUESTIONS = 50
"""How many rows one query asks about: D1 allows 100 columns."""


def missing_in_files(
    rows: Sequence[SeedRow], migrations: Iterable[Migration], table: MigrationsTable
) -> tuple[SeedRow, ...]:
    """Return the rows that migrations do not insert on an empty database.

    Of their statements on rows, only those that name a table of these rows are run; they may fail, because
    other rows are not there.

    Raises:
        SourceError: a file cannot be parsed.
    """
    names = {fold(row.table) for row in rows}
    with closing(ScratchEngine()) as scratch:
        for sql in tables(table).values():
            scratch.build(sql)
        for migration in migrations:
            for section in migration.sections():
                pieces = section.statements() if isinstance(section, Series) else (section,)
                for piece in pieces:
                    if _may_matter(piece.sql, names):
                        scratch.run(piece.sql)
        return tuple(row for row in rows if not _exists(row, scratch))


def _may_matter(sql: str, names: set[str]) -> bool:
    """Whether a statement may change the schema, or rows of tables with these names."""
    folded = fold(sql)
    return any(name in folded for name in names) or shape_of(significant(sql)).verb in SCHEMA_VERBS


def _exists(row: SeedRow, scratch: ScratchEngine) -> bool:
    try:
        return bool(scratch.rows(row.exists)[0][0])
    except apsw.SQLError:  # its table is not there yet
        return False


def missing_in_database(rows: Sequence[SeedRow], schema: Schema, driver: Driver) -> tuple[SeedRow, ...]:
    """Return the rows that a database does not have.

    Args:
        rows: the rows.
        schema: its schema.
        driver: the database.
    """
    existing = {fold(table.name) for table in schema.tables}
    asked = [row for row in rows if fold(row.table) in existing]
    parts = [asked[start : start + _QUESTIONS] for start in range(0, len(asked), _QUESTIONS)]
    queries = [Query("SELECT " + ", ".join(f"({row.exists})" for row in part)) for part in parts]
    results = driver.batch(Batch(tuple(queries), reads=True)) if queries else ()
    found = {
        row.exists
        for part, result in zip(parts, results, strict=True)
        for row, exists in zip(part, result.rows[0], strict=True)
        if exists
    }
    return tuple(row for row in rows if row.exists not in found)


def rows_to_write(desired: Desired, current: Schema) -> tuple[SeedRow, ...]:
    """Return the missing rows that a migration can insert: their table exists then.

    Args:
        desired: the whole desired schema; the rows of its models are those that are missing.
        current: the schema before it: in a new table, nothing is updated.
    """
    if desired.models is None:
        return ()
    then, now = ({fold(table.name) for table in schema.tables} for schema in (desired.schema, current))
    return tuple(
        row
        for row in desired.models.rows
        if fold(row.table) in then and not (row.updates and fold(row.table) not in now)
    )


def renames_with(rows: Iterable[SeedRow], current: Schema, desired: Schema) -> tuple[Rename, ...]:
    """Return the renames that come with missing rows, and are still to do: tables first, then columns.

    A rename that only partly fits is left out: then it has to be declared, like any other.
    """
    before, after = (
        {fold(table.name): {fold(column.name) for column in table.columns} for table in schema.tables}
        for schema in (current, desired)
    )
    given = [rename for row in rows for rename in row.renames]
    tables = [rename for rename in given if rename.column is None and _fits(rename, before, after)]
    old_names = {fold(rename.to): fold(rename.table) for rename in tables}
    columns = [
        rename
        for rename in given
        if rename.column is not None
        and (table := fold(rename.table)) in after
        and _fits(rename, before.get(old_names.get(table, table), ()), after[table])
    ]
    return (*tables, *columns)


def _fits(rename: Rename, before: Collection[str], after: Collection[str]) -> bool:
    """Whether only the old name exists before, and only the new name after."""
    old, new = fold(rename.old), fold(rename.to)
    return old in before and new not in before and new in after and old not in after


def rows_title(rows: Sequence[SeedRow]) -> str:
    """Return a few words on what a migration with only these rows does."""
    return f"add rows to {' and '.join(list(dict.fromkeys(row.table for row in rows))[:2])}"


def with_rows(
    stages: Sequence[Stage],
    rows: Sequence[SeedRow],
    current: Schema,
    desired: Schema,
    description: str | None = None,
) -> list[Stage]:
    """Return migrations that also insert rows, at their end.

    A migration under a directive is about one change: then the rows get a migration of their own.

    Args:
        stages: the migrations; none if only rows are missing.
        rows: the rows.
        current: the schema before the migrations. Their rollback deletes rows only of tables that it has.
        desired: the schema after them, with the tables that stay although the application drops them.
        description: a few words, for a migration of only rows.
    """
    if not rows:
        return list(stages)
    then = {fold(table.name) for table in desired.tables}
    notes = [note for row in rows for note in row.notes]
    notes += [
        f"the table {table} stays, with its rows, although no model has it any more:"
        f" {flags('--allow-drop', [table])}"
        for row in rows
        for table in row.drops
        if fold(table) in then
    ]
    existing = {fold(table.name) for table in current.tables}
    up = tuple(
        StatementGroup(f"Rows of {table} that the application expects", tuple(row.insert for row in group))
        for table, group in groupby(rows, attrgetter("table"))
    )
    down = tuple(row.delete for row in reversed(rows) if row.delete and fold(row.table) in existing)
    if len(stages) == 1 and not stages[0].lines:
        (stage,) = stages
        drafted = stage.draft._replace(up=(*stage.draft.up, *up), down=_with_deletes(stage.draft.down, down))
        return [stage._replace(draft=drafted, notes=(*stage.notes, *notes))]
    drafted = Draft((), (), up, _with_deletes(Reverse(), down))
    words = None if stages else description
    return [*stages, Stage(words or rows_title(rows), drafted, notes=tuple(notes))]


def _with_deletes(reverse: Reverse, deletes: tuple[str, ...]) -> Reverse:
    """Return a rollback that also deletes rows, at its end."""
    if reverse.irreversible is not None:
        return reverse
    if deletes:
        return reverse._replace(groups=(*reverse.groups, StatementGroup("", deletes)))
    if reverse.groups:
        return reverse
    return reverse._replace(groups=(StatementGroup("Nothing to undo: the rows stay", ("SELECT 1",)),))
