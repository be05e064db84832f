"""Rehearse migrations on a scratch database with rows in every table, and see what becomes of them."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

from d1migrate.errors import UsageError
from d1migrate.rehearse.model import Cost, Rehearsal, Rehearsed, RollbackOutcome, TableChange
from d1migrate.rehearse.rehearser import Rehearser
from d1migrate.rehearse.scratch_database import ScratchDatabase
from d1migrate.schema.virtual import content_of
from d1migrate.sql.names import fold

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from d1migrate.migrate.migration import Migration
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
"""How many rows a table is given, unless said otherwise."""


def rehearse(
    migrations: Sequence[Migration],
    start: Schema | ScratchDatabase | None = None,
    *,
    rows: int = ROWS,
    scale: Mapping[str, int] | None = None,
    severities: Mapping[str, str] | None = None,
    watch: Callable[[Rehearsed], None] | None = None,
) -> Rehearsal:
    """Run migrations where every table holds rows, and tell what became of the rows.

    Each migration is followed by its rollback and by itself again, on a copy. One that fails on made-up rows
    is run once more without any, so that the others can follow. Over a schema, every table is given
    made-up rows first; those that a migration creates, after it. A database is taken as it is, with its empty
    tables.

    Args:
        migrations: what to rehearse, in order.
        start: the schema they begin with, or a database with rows; nothing without it.
        rows: how many made-up rows a table gets.
        scale: {table: rows it has in the target}, to estimate the cost there.
        severities: {code of a rule, or its letter: error, warning, info or off}.
        watch: is shown every migration when it is done.

    Raises:
        SourceError: a file cannot be parsed.
        UsageError: `scale` names a table that is not there, or `rows` is below 1.
    """
    if rows < 1:
        raise UsageError(f"{rows} rows: it takes at least one to lose one")
    is_data = isinstance(start, ScratchDatabase)
    ground = start if isinstance(start, ScratchDatabase) else ScratchDatabase()
    with closing(ground):
        refused = ground.build(start) if start is not None and not isinstance(start, ScratchDatabase) else {}
        empty = refused | (_without_rows(ground) if is_data else dict(ground.fill(rows).empty))
        counts = {table.name: ground.count(table.name) for table in ground.schema().tables}
        sizes = {fold(table): count for table, count in (scale or {}).items()}
        rehearser = Rehearser(ground, 0 if is_data else rows, sizes, severities or {})
        done: list[Rehearsed] = []
        for migration in migrations:
            done.append(rehearser.rehearse(migration))
            if watch:
                watch(done[-1])
            if not rehearser.can_go_on:
                break
        counts |= rehearser.rows
        if unknown := sorted(sizes.keys() - {fold(table) for table in counts}):
            raise UsageError(f"no table {unknown[0]!r} to scale", hint=f"tables: {', '.join(sorted(counts))}")
    rest = tuple(migration.name for migration in migrations[len(done) :])
    return Rehearsal(tuple(done), rest, counts, {**empty, **rehearser.empty})


def _without_rows(ground: ScratchDatabase) -> dict[str, str]:
    """Return {table without a row: why}; what another table's text is indexed by is no table of its own."""
    tables = [table for table in ground.schema().tables if content_of(table) is None]
    counts = ground.counts(tables)
    return {table.name: "the data has no rows for it" for table in tables if not counts[fold(table.name)]}
