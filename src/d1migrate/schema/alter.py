"""Changes → the SQL that makes them, in one transaction, with what proves that nothing was lost."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, assert_never

from d1migrate.schema.catalog import Catalog
from d1migrate.schema.changes import AddColumn, Create, Drop, DropColumn, DropTable, Rebuild
from d1migrate.schema.document import create_text
from d1migrate.schema.rebuild import count_statements, q, rebuild_statements, recount_statements
from d1migrate.sql.names import fold
from d1migrate.sql.triggers import safe_form

if TYPE_CHECKING:
    from collections.abc import Sequence

    from d1migrate.schema.changes import Change
    from d1migrate.schema.model import Schema


class Section(NamedTuple):
    """Statements that belong together, and what they do, for a comment above them."""

    what: str
    statements: tuple[str, ...]


def sections(changes: Sequence[Change], current: Schema, desired: Schema) -> tuple[Section, ...]:
    """Return the SQL of changes, in order; statements are without `;`.

    Args:
        changes: as `diff` has them.
        current: the schema before them.
        desired: the one behind them.

    Raises:
        LimitExceeded: as `rebuild_statements`.
    """
    catalog = Catalog.of(current)
    rebuilds = [change for change in changes if isinstance(change, Rebuild)]
    dropped = {fold(change.table.name) for change in changes if isinstance(change, DropTable)}
    watched = [n for n in _reached(catalog, rebuilds) if fold(n) not in dropped]
    found: list[Section] = []
    if rebuilds:
        begin = ("PRAGMA defer_foreign_keys = ON", *count_statements(watched))
        found.append(Section("Foreign keys are checked at the end; rows are counted", begin))
    tables = {fold(table.name): table for table in desired.tables}
    number = 0
    for change in changes:
        number += isinstance(change, Rebuild)
        found.append(_section(change, number, catalog))
        if name := _changed_table(change):
            catalog = catalog.changed({name: tables[name]}, {name: catalog.ids.get(name, len(catalog.ids))})
    if rebuilds:
        found.append(Section("Every row is still there", tuple(recount_statements(watched))))
    return tuple(found)


def _changed_table(change: Change) -> str | None:
    """Return the table whose foreign keys may be others behind a change, folded."""
    match change:
        case AddColumn() | DropColumn():
            return fold(change.table)
        case Rebuild():
            return fold(change.new.name)
        case Create("table", name):
            return fold(name)
        case _:
            return None


def _section(change: Change, number: int, catalog: Catalog) -> Section:
    match change:
        case Drop(kind, name):
            return Section("", (f"DROP {kind.upper()} {q(name)}",))
        case Create(kind, name, sql):
            return Section("", (safe_form(sql) if kind == "trigger" else create_text(sql),))
        case DropTable(table):
            return Section("", (f"DROP TABLE {q(table.name)}",))
        case AddColumn(table, column, definition, value):
            fill = (f"UPDATE {q(table)} SET {q(column)} = {value}",) if value is not None else ()
            return Section("", (f"ALTER TABLE {q(table)} ADD COLUMN {definition}", *fill))
        case DropColumn(table, column):
            return Section("", (f"ALTER TABLE {q(table)} DROP COLUMN {q(column)}",))
        case Rebuild(_, new, _):
            what = f"{new.name} is made anew under its name, and its rows are put back"
            return Section(what, tuple(rebuild_statements(change, number, catalog)))
        case _:
            assert_never(change)


def _reached(catalog: Catalog, rebuilds: Sequence[Rebuild]) -> list[str]:
    """Return the tables that are rebuilt, and those whose rows a DROP TABLE of them could reach."""
    todo = [fold(rebuild.old.name) for rebuild in rebuilds]
    seen = dict.fromkeys(todo)
    while todo:
        for child, _ in catalog.references(todo.pop(0)):
            if child not in seen:
                seen[child] = None
                todo.append(child)
    return [catalog.tables[name].name for name in seen]
