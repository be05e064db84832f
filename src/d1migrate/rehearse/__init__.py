"""Rehearse migrations on a scratch database with rows in every table, and compare the rows afterwards.

Read in this order: `model` (the results), `rehearser` (one migration after the other), `scratch_database` and
`fill` (the database and its generated rows), `table_changes` (what happened to the rows, and why),
`findings`, `failures` and `verdict` (what is wrong), `cost`. `recovery_check` tries rollbacks and restore
points instead.
"""

from __future__ import annotations

from contextlib import closing

from d1migrate.errors import UsageError
from d1migrate.hints import did_you_mean
from d1migrate.lint.platform import D1
from d1migrate.migrate.file_suggestion import choose_table
from d1migrate.rehearse.model import Cost, Rehearsal, Rehearsed, RollbackOutcome, TableChange
from d1migrate.rehearse.rehearser import Rehearser
from d1migrate.rehearse.scratch_database import ScratchDatabase
from d1migrate.schema.queries import content_of
from d1migrate.sql.names import fold

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from d1migrate.lint.platform import Platform
    from d1migrate.migrate.migration import Migration
    from d1migrate.migrate.table import MigrationsTable
    from d1migrate.schema.model import Schema

__all__ = [
    "ROWS",
    "Cost",
    "Rehearsal",
    "Rehearsed",
    "RollbackOutcome",
    "ScratchDatabase",
    "TableChange",
    "rehearse",
]

ROWS = 50
"""How many generated rows a table gets by default."""


def rehearse(
    migrations: Sequence[Migration],
    start: Schema | ScratchDatabase | None = None,
    *,
    rows: int = ROWS,
    scale: Mapping[str, int] | None = None,
    severities: Mapping[str, str] | None = None,
    table: MigrationsTable | None = None,
    platform: Platform = D1,
    budget: int | None = None,
    watch: Callable[[Rehearsed], None] | None = None,
) -> Rehearsal:
    """Run migrations on tables that hold rows, and report what happens to the rows.

    After each migration, its rollback and then the migration again run on a copy. A migration that fails on
    generated rows runs once more without them, so that the next ones can follow. If `start` is a schema,
    every table gets generated rows, and so does every table that a migration creates. A database is used as
    it is, with its empty tables.

    Args:
        migrations: what to rehearse, in order.
        start: the schema before them, or a database with rows; an empty database by default.
        rows: how many generated rows a table gets.
        scale: {table: rows it has in the target}, to estimate the cost there.
        severities: {code of a rule, or its letter: error, warning, info or off}.
        table: the migrations table; by default the one that the files suggest.
        platform: where they are to run.
        budget: the most entries that one batch may write there; None for any number.
        watch: called with each migration when it is done.

    Raises:
        SourceError: a file cannot be parsed.
        UsageError: `scale` names a table that does not exist, or `rows` is below 1.
    """
    if rows < 1:
        raise UsageError(f"cannot rehearse with {rows} rows per table: at least 1 is required")
    is_data = isinstance(start, ScratchDatabase)
    scratch = start if isinstance(start, ScratchDatabase) else ScratchDatabase()
    scratch.table, scratch.platform = table or choose_table(migrations).guess, platform
    with closing(scratch):
        refused = scratch.build(start) if start is not None and not isinstance(start, ScratchDatabase) else {}
        empty = refused | (_without_rows(scratch) if is_data else dict(scratch.fill(rows).empty))
        tables = scratch.schema().tables
        counts = dict(zip((table.name for table in tables), scratch.counts(tables).values(), strict=True))
        sizes = {fold(table): count for table, count in (scale or {}).items()}
        rehearser = Rehearser(scratch, 0 if is_data else rows, sizes, severities or {}, budget)
        done: list[Rehearsed] = []
        for migration in migrations:
            done.append(rehearser.rehearse(migration))
            if watch:
                watch(done[-1])
            if not rehearser.can_go_on:
                break
        counts |= rehearser.rows
        if unknown := sorted(sizes.keys() - {fold(table) for table in counts}):
            hint = did_you_mean(unknown[0], counts, otherwise=f"tables: {', '.join(sorted(counts))}")
            raise UsageError(f"cannot scale {unknown[0]}: no such table", hint=hint)
    rest = tuple(migration.name for migration in migrations[len(done) :])
    return Rehearsal(tuple(done), rest, counts, {**empty, **rehearser.empty}, platform)


def _without_rows(scratch: ScratchDatabase) -> dict[str, str]:
    """Return {empty table: why}; a search index on another table's content is not counted as a table."""
    tables = [table for table in scratch.schema().tables if content_of(table) is None]
    counts = scratch.counts(tables)
    return {table.name: "the data has no rows for it" for table in tables if not counts[fold(table.name)]}
