"""Changes → SQL for one transaction, with statements that prove that no row was lost."""

from __future__ import annotations

from collections import Counter
from typing import assert_never

from d1migrate.errors import PlanError
from d1migrate.named_tuple import NamedTuple
from d1migrate.schema.cascade import dependants
from d1migrate.schema.catalog import Catalog
from d1migrate.schema.changes import (
    AddColumn,
    Create,
    Drop,
    DropColumn,
    DropTable,
    RebuildTable,
    RebuildVirtual,
    Reindex,
)
from d1migrate.schema.cost import DEFAULT_BUDGET, long_columns, rebuild_costs
from d1migrate.schema.keys import is_parent_key
from d1migrate.schema.rebuild import hold_statements, rebuild_statements
from d1migrate.schema.rebuild_checks import (
    budget_statement,
    count_statements,
    no_orphan_statements,
    orphan_statements,
    recount_statements,
)
from d1migrate.schema.render import create_text
from d1migrate.schema.virtual import reindex_statement, virtual_statements
from d1migrate.sql.names import fold
from d1migrate.sql.names import quote_identifier as q
from d1migrate.sql.triggers import safe_form

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from d1migrate.schema.changes import Change
    from d1migrate.schema.model import ForeignKey, Schema, Table


class StatementGroup(NamedTuple):
    """Statements that belong together, and what they do, for a comment above them."""

    what: str
    statements: tuple[str, ...]


def statement_groups(
    changes: Sequence[Change], current: Schema, desired: Schema, budget: int | None = DEFAULT_BUDGET
) -> tuple[StatementGroup, ...]:
    """Return the SQL of changes, in order; statements are without `;`.

    If tables are rebuilt, the first statement asserts that the batch is within its budget. The copy of the
    only one follows: it has the name of the shadow of an online rebuild. So a file that runs while its table
    is rebuilt online has changed nothing when it fails, even without a transaction (d1-facts §3.4).

    Args:
        changes: as `diff` returns them.
        current: the schema before them.
        desired: the schema after them.
        budget: the most entries that the rebuilds may write; None: any number.

    Raises:
        LimitExceeded: as `rebuild_statements`.
        PlanError: a table is dropped that another table, which stays, references.
    """
    if not changes:
        return ()
    catalog = Catalog.of(current)
    rebuilds = [change for change in changes if isinstance(change, RebuildTable)]
    dropped = {fold(change.table.name) for change in changes if isinstance(change, DropTable)}
    reached = dependants(catalog, (fold(rebuild.old.name) for rebuild in rebuilds))
    watched = [catalog.tables[name].name for name in reached if name not in dropped]
    watched += [c.old.name for c in changes if isinstance(c, RebuildVirtual) and c.filled_by == "itself"]
    costs = Counter[str]()
    for rebuild in rebuilds:
        costs += rebuild_costs(rebuild.old, rebuild.new, catalog)
    first = []
    if costs and budget is not None:
        first = [budget_statement(costs, budget, {r.old.name: long_columns(r.old) for r in rebuilds})]
    tables = {fold(table.name): table for table in desired.tables}
    begin, end = _checks(watched, catalog, Catalog.of(desired)) if watched else ((), ())
    steps: list[StatementGroup] = []
    copy: list[str] = []
    is_deferred = bool(watched)
    number = 0
    for change in changes:
        number += 1 if isinstance(change, RebuildTable | RebuildVirtual) else 0
        if isinstance(change, DropTable):
            is_deferred |= _is_referenced(change.table, catalog, dropped)
            catalog = catalog.changed({fold(change.table.name): None})
        group = _group(change, number, catalog)
        if isinstance(change, RebuildTable) and len(rebuilds) == 1:
            copy = hold_statements(change, number, catalog)
            group = group._replace(statements=group.statements[len(copy) :])
        steps.append(group)
        catalog = _followed(change, catalog, tables)
    defer = ("PRAGMA defer_foreign_keys = ON",) if is_deferred else ()
    what = "Check foreign keys at the end" + ("; count rows" if watched else "")
    found = (
        StatementGroup("Refuse a table that is too large for one batch", tuple(first)),
        StatementGroup("Copy the rows", tuple(copy)),
        StatementGroup(what, (*defer, *begin)),
        *steps,
        StatementGroup("Check that no row was lost", end),
    )
    return tuple(group for group in found if group.statements)


def _checks(
    watched: Sequence[str], current: Catalog, desired: Catalog
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the statements that count rows and orphans before rebuilds, and that compare them after."""
    before, after = (
        [n for n in watched if _can_check(catalog.tables.get(fold(n)), catalog)]
        for catalog in (current, desired)
    )
    return (
        (*count_statements(watched), *orphan_statements(before)),
        (*no_orphan_statements(after), *recount_statements(watched)),
    )


def _can_check(table: Table | None, catalog: Catalog) -> bool:
    """Whether a table has foreign keys, and SQLite can check them all."""
    return table is not None and bool(table.foreign_keys) and not any(broken_keys(table, catalog.tables))


def broken_keys(table: Table, tables: Mapping[str, Table]) -> Iterator[ForeignKey]:
    """Yield the foreign keys to columns that are not a key: SQLite refuses writes to such a table."""
    for key in table.foreign_keys:
        parent = tables.get(fold(key.table))
        if parent is not None and not is_parent_key(parent, key):
            yield key


def _is_referenced(table: Table, catalog: Catalog, dropped: Collection[str]) -> bool:
    """Whether tables that are dropped as well reference a table that is dropped.

    Raises:
        PlanError: a table that stays references it.
    """
    children = {child for child, _ in catalog.references(fold(table.name))}
    for child in sorted(children - {*dropped}):
        raise PlanError(
            f"{table.name} would be dropped, but {catalog.tables[child].name} still references it",
            hint=f"remove the foreign key from {catalog.tables[child].name} as well: DROP TABLE would delete"
            " or change its rows",
        )
    return bool(children)


def _followed(change: Change, catalog: Catalog, desired: Mapping[str, Table]) -> Catalog:
    """Return the schema after a change, as far as a later rebuild depends on it: foreign keys and indexes."""
    match change:
        case AddColumn() | DropColumn():
            name = fold(change.table)
        case RebuildTable():
            name = fold(change.new.name)
        case Create("table", created):
            name = fold(created)
        case Drop("index", dropped):
            table = catalog.tables[catalog.owners[fold(dropped)]]
            rest = tuple(index for index in table.indexes if fold(index.name) != fold(dropped))
            return catalog.changed({fold(table.name): table._replace(indexes=rest)})
        case _:
            return catalog
    return catalog.changed({name: desired[name]})


def _group(change: Change, number: int, catalog: Catalog) -> StatementGroup:
    match change:
        case Drop(kind, name):
            return StatementGroup("", (f"DROP {kind.upper()} {q(name)}",))
        case Create(kind, name, sql):
            return StatementGroup("", (safe_form(sql) if kind == "trigger" else create_text(sql),))
        case DropTable(table):
            return StatementGroup("", (f"DROP TABLE {q(table.name)}",))
        case AddColumn(table, column, definition, value):
            fill = (f"UPDATE {q(table)} SET {q(column)} = {value}",) if value is not None else ()
            return StatementGroup("", (f"ALTER TABLE {q(table)} ADD COLUMN {definition}", *fill))
        case DropColumn(table, column):
            return StatementGroup("", (f"ALTER TABLE {q(table)} DROP COLUMN {q(column)}",))
        case RebuildTable(_, new, _):
            what = f"Rebuild {new.name} and copy its rows back"
            return StatementGroup(what, tuple(rebuild_statements(change, number, catalog)))
        case RebuildVirtual(_, new, filled_by):
            rows = {"content": " from the table that it indexes", "itself": " and copy its rows back"}
            what = f"Rebuild {new.name}{rows.get(filled_by, '')}"
            return StatementGroup(what, tuple(virtual_statements(change, number)))
        case Reindex(table):
            return StatementGroup(f"Rebuild the index of {table}", (reindex_statement(table),))
        case _:
            assert_never(change)
