"""Rehearse migrations on a scratch database with rows in every table, and see what becomes of them."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

from d1migrate.errors import UsageError
from d1migrate.rehearse.ground import Ground
from d1migrate.rehearse.model import Cost, Rehearsal, Rehearsed, TableChange, WayBack
from d1migrate.rehearse.one import Rehearser
from d1migrate.sql.names import fold

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from d1migrate.migration import Migration
    from d1migrate.schema.model import Schema

__all__ = ["ROWS", "Cost", "Ground", "Rehearsal", "Rehearsed", "TableChange", "WayBack", "rehearse"]

ROWS = 50
"""How many rows a table is given, unless said otherwise."""


def rehearse(
    migrations: Sequence[Migration],
    start: Schema | Ground | None = None,
    *,
    rows: int = ROWS,
    scale: Mapping[str, int] | None = None,
    severities: Mapping[str, str] | None = None,
    watch: Callable[[Rehearsed], None] | None = None,
) -> Rehearsal:
    """Run migrations where every table holds rows, and tell what became of the rows.

    Each migration is followed by its rollback and by itself again, on a copy. One that fails on made-up rows
    is run once more without any, so that the others can follow. Tables that hold no rows are
    given made-up ones first; those that a migration creates, behind it.

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
    ground = start if isinstance(start, Ground) else Ground()
    with closing(ground):
        refused = ground.build(start) if start is not None and not isinstance(start, Ground) else {}
        filled = ground.fill(rows)
        counts = {table.name: ground.count(table.name) for table in ground.schema().tables}
        sizes = {fold(table): count for table, count in (scale or {}).items()}
        rehearser = Rehearser(ground, rows, sizes, severities or {})
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
    return Rehearsal(tuple(done), rest, counts, {**refused, **filled.empty, **rehearser.empty})
