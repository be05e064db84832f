"""Questions about a table that need its SQL parsed; those about keys and indexes are in `keys`."""

from __future__ import annotations

from itertools import pairwise

from d1migrate.schema.normalize import mentioned_names, normal_form
from d1migrate.sql.affinity import affinity
from d1migrate.sql.create import parse_table, parse_virtual_table
from d1migrate.sql.names import ROWIDS, fold
from d1migrate.sql.tokens import significant

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from d1migrate.schema.model import Column, Table
    from d1migrate.sql.definitions import TableDefinition


def is_autoincrement(table: Table) -> bool:
    """Whether a table never assigns an id twice (AUTOINCREMENT)."""
    return declares_autoincrement(table.sql)


def declares_autoincrement(sql: str) -> bool:
    """Whether a CREATE TABLE statement declares AUTOINCREMENT."""
    if "AUTOINCREMENT" not in sql.upper():
        return False  # most tables: not worth parsing
    definition = parse_table(sql)
    return definition is not None and definition.autoincrement


def free_columns(table: Table) -> set[str]:
    """Return the columns, folded, that may be NULL for a moment: no constraint of the table mentions them."""
    definition = parse_table(table.sql)
    if definition is None:
        return set()
    known = normal_form(definition)
    mentioned = {
        name
        for parts in (*known.column_constraints.values(), known.table_constraints)
        for part in parts
        for name in part.columns
    }
    needed = {fold(column.name) for column in definition.columns if column.not_null or column.generated}
    return known.columns.keys() - mentioned - needed


def fts5_options(table: Table) -> dict[str, str]:
    """Return {folded name: value} of the options of an FTS5 table; none for any other table."""
    definition = parse_virtual_table(table.sql) if table.is_virtual else None
    return definition.options if definition else {}


def content_of(table: Table) -> str | None:
    """Return the table whose rows an FTS5 table indexes, "" if it keeps no text; None if it has its own."""
    return fts5_options(table).get("content")


def replaces_on_conflict(table: Table) -> bool:
    """Whether a constraint of a table deletes the rows that a new one conflicts with."""
    words = (token.keyword for token in significant(table.sql) if "CONFLICT" in table.sql.upper())
    return ("CONFLICT", "REPLACE") in pairwise(words)


def changed_columns(definition: TableDefinition, sets: Iterable[str]) -> set[str]:
    """Return the columns, folded, that change if an UPDATE sets some.

    The rowid has other names, and generated columns change with those they read.
    """
    changed, names = set(sets), {fold(column.name) for column in definition.columns}
    if definition.rowid_alias and changed & ({*ROWIDS} - names):
        changed.add(fold(definition.rowid_alias))
    generated = {fold(c.name): c.generated for c in definition.columns if c.generated is not None}
    while following := {
        name
        for name, expression in generated.items()
        if name not in changed and not changed.isdisjoint(mentioned_names(expression))
    }:
        changed |= following
    return changed


def holds_no_null(definition: TableDefinition, name: str) -> bool:
    """Whether a column cannot be NULL: it is NOT NULL, the rowid, or in a key that allows no NULL."""
    column = next((c for c in definition.columns if fold(c.name) == fold(name)), None)
    if column and (column.not_null or column.name == definition.rowid_alias):
        return True
    key = definition.primary_key
    is_in_key = key is not None and fold(name) in {fold(term.column or "") for term in key.terms}
    return is_in_key and (definition.without_rowid or definition.strict)


def rowid_of(table: Table) -> str:
    """Return a name of the rowid that no column has; "" if there is none."""
    definition = parse_table(table.sql)
    if definition is None or definition.without_rowid:
        return ""
    names = {fold(column.name) for column in table.columns}
    return next((name for name in ROWIDS if name not in names), "")


def row_key(table: Table) -> tuple[str, ...]:
    """Return the columns that identify a row: a name of the rowid, or else the primary key."""
    own = rowid_of(table)
    return (own,) if own else table.primary_key


def column_affinity(table: Table, column: Column) -> str:
    """Return the affinity of a column: TEXT, INTEGER, REAL, NUMERIC or BLOB."""
    definition = parse_table(table.sql)
    takes_all = column.type.upper() == "ANY" and definition is not None and definition.strict
    return "BLOB" if takes_all else affinity(column.type)
