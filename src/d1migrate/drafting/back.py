"""The way back of a draft: its SQL, or why there is none."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, NamedTuple

from d1migrate.drafting.workbench import Workbench
from d1migrate.schema.alter import Section, sections
from d1migrate.schema.changes import RebuildVirtual
from d1migrate.schema.diff import diff
from d1migrate.schema.meaning import meaning
from d1migrate.sql.checks import allowed_values
from d1migrate.sql.create import parse_table
from d1migrate.sql.names import fold

if TYPE_CHECKING:
    from collections.abc import Sequence

    from d1migrate.drafting.renames import Rename
    from d1migrate.schema.changes import Missing
    from d1migrate.schema.model import Schema
    from d1migrate.sql.definitions import TableDefinition

_USUAL = (("INT", "0"), ("CHAR", "''"), ("CLOB", "''"), ("TEXT", "''"), ("BLOB", "x''"), ("", "0"))


class Back(NamedTuple):
    """The way back.

    Attributes:
        sections: its SQL.
        placeholders: ((table, column), SQL) of values it cannot know, and what stands in.
        irreversible: why there is none, or None.
    """

    sections: tuple[Section, ...] = ()
    placeholders: tuple[tuple[tuple[str, str], str], ...] = ()
    irreversible: str | None = None


def way_back(
    reached: Schema, renamed: Schema, renames: Sequence[Rename], current: Schema, *, order: bool = False
) -> Back:
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
                return Back(
                    irreversible=f"{missing.table}.{missing.column} held values that nothing stands in for"
                )
            made_up[fold(missing.table), fold(missing.column)] = value
    changes = diff(reached, renamed, made_up, order=order).changes
    # A full-text table reads the table it indexes under the name that it had at first.
    late = [c for c in changes if isinstance(c, RebuildVirtual) and c.filled_by == "content"]
    found = (
        *sections([change for change in changes if change not in late], reached, renamed),
        *(Section("", (rename.sql,)) for rename in renames),
        *sections(late, reached, renamed),
    )
    with closing(Workbench(reached)) as bench:
        refusals = (bench.run(sql) for section in found for sql in section.statements)
        if refusal := next(filter(None, refusals), None):
            return Back(irreversible=refusal)
        if diff(bench.schema(), current, order=order).changes:
            return Back(irreversible="the schema before it cannot be made again")
    return Back(found, tuple(made_up.items()))


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
