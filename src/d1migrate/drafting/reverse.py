"""The way back of a draft: its SQL, or why there is none."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, NamedTuple

from d1migrate.drafting.renames import rename_groups
from d1migrate.drafting.scratch_schema import ScratchSchema, must
from d1migrate.errors import PlanError
from d1migrate.schema.alter import statement_groups
from d1migrate.schema.changes import Create, Drop, RebuildVirtual
from d1migrate.schema.diff import diff
from d1migrate.schema.normalize import meaning
from d1migrate.sql.checks import allowed_values
from d1migrate.sql.create import parse_table
from d1migrate.sql.names import fold

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from d1migrate.drafting.renames import Rename
    from d1migrate.schema.alter import StatementGroup
    from d1migrate.schema.changes import Missing
    from d1migrate.schema.model import Schema
    from d1migrate.sql.definitions import TableDefinition

_USUAL = (("INT", "0"), ("CHAR", "''"), ("CLOB", "''"), ("TEXT", "''"), ("BLOB", "x''"), ("", "0"))


class Reverse(NamedTuple):
    """The way back.

    Attributes:
        groups: its SQL.
        placeholders: ((table, column), SQL) of values it cannot know, and what stands in.
        irreversible: why there is none, or None.
    """

    groups: tuple[StatementGroup, ...] = ()
    placeholders: tuple[tuple[tuple[str, str], str], ...] = ()
    irreversible: str | None = None


def reverse(
    reached: Schema, renamed: Schema, renames: Sequence[Rename], current: Schema, *, order: bool = False
) -> Reverse:
    """Return the way from where a draft leads to where it began; it has run once on a scratch engine.

    Args:
        reached: where it leads.
        renamed: where it began, its renames done.
        renames: what undoes these, in order.
        current: where it began.
        order: whether columns in another order are a difference.
    """
    tables = {fold(table.name): parse_table(table.sql) for table in renamed.tables}
    made_up: dict[tuple[str, str], str] = {}
    for missing in diff(reached, renamed, order=order).missing:
        table = tables[fold(missing.table)]
        if missing.is_new and table:
            value = _placeholder(table, missing)
            if value is None:
                return Reverse(
                    irreversible=f"{missing.table}.{missing.column} held values that nothing stands in for"
                )
            made_up[fold(missing.table), fold(missing.column)] = value
    changes = diff(reached, renamed, made_up, order=order).changes
    # A full-text table reads the table it indexes under the name that it had at first.
    late = [c for c in changes if isinstance(c, RebuildVirtual) and c.filled_by == "content"]
    with closing(ScratchSchema(reached)) as bench:
        try:
            found = _run(bench, statement_groups([c for c in changes if c not in late], reached, renamed))
            for rename in renames:
                found += rename_groups(bench, rename)
            found += _run(bench, statement_groups(late, reached, renamed))
            found += _run(bench, _objects_again(bench.schema(), current))
        except PlanError as error:
            return Reverse(irreversible=str(error).partition("\n")[0])
        if diff(bench.schema(), current, order=order).changes:
            return Reverse(irreversible="the schema before it cannot be made again")
    return Reverse(tuple(found), tuple(made_up.items()))


def _run(bench: ScratchSchema, statements: Iterable[StatementGroup]) -> list[StatementGroup]:
    """Run groups of statements on an engine; return them."""
    found = list(statements)
    for sql in (sql for section in found for sql in section.statements):
        must(bench.run(sql), sql)
    return found


def _objects_again(there: Schema, current: Schema) -> tuple[StatementGroup, ...]:
    """Return what creates the views, triggers and indexes again that were in the way of a rename."""
    changes = diff(there, current).changes
    is_all = all(isinstance(change, Drop | Create) and change.kind != "table" for change in changes)
    return statement_groups(changes, there, current) if is_all else ()


def _placeholder(table: TableDefinition, missing: Missing) -> str | None:
    """Return SQL of a value that a column takes; None where all rows having the same would not do."""
    name = fold(missing.column)
    known = meaning(table)
    parts = [part for own in known.own.values() for part in own] + known.beside
    if any(name in part.columns and part.kind != "check" for part in parts):
        return None
    for check in table.all_checks:
        if (allowed := allowed_values(check)) and allowed[0] == name:
            return allowed[1][0]
    kind = next(column.type.upper() for column in table.columns if fold(column.name) == name)
    return next(value for part, value in _USUAL if part in kind)
