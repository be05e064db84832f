"""What is true of a table that its columns and keys do not say by themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING

from d1migrate.schema.normalize import meaning, mentions
from d1migrate.sql.affinity import affinity
from d1migrate.sql.create import parse, parse_table
from d1migrate.sql.definitions import IndexDefinition
from d1migrate.sql.names import ROWIDS, fold

if TYPE_CHECKING:
    from collections.abc import Iterable

    from d1migrate.schema.model import Column, ForeignKey, Index, Table
    from d1migrate.sql.definitions import TableDefinition


def is_autoincrement(table: Table) -> bool:
    """Whether the ids of a table are never given twice."""
    definition = parse_table(table.sql)
    return definition is not None and definition.autoincrement


def free_columns(table: Table) -> set[str]:
    """Return the columns, folded, that may be NULL for a while: nothing in the table speaks of them."""
    definition = parse_table(table.sql)
    if definition is None:
        return set()
    known = meaning(definition)
    spoken = {
        name for parts in (*known.own.values(), known.beside) for part in parts for name in part.columns
    }
    needed = {fold(column.name) for column in definition.columns if column.not_null or column.generated}
    return known.columns.keys() - spoken - needed


def alias_of(table: Table) -> str | None:
    """Return the column that is the rowid itself, an INTEGER PRIMARY KEY; None where there is none."""
    definition = parse_table(table.sql)
    return definition.rowid_alias if definition else None


def changed_columns(definition: TableDefinition, sets: Iterable[str]) -> set[str]:
    """Return the columns, folded, that change if an UPDATE sets some.

    The rowid has names of its own, and generated columns follow those they read.
    """
    changed, names = set(sets), {fold(column.name) for column in definition.columns}
    if definition.rowid_alias and changed & ({*ROWIDS} - names):
        changed.add(fold(definition.rowid_alias))
    generated = {fold(c.name): c.generated for c in definition.columns if c.generated is not None}
    while following := {
        name
        for name, expression in generated.items()
        if name not in changed and any(mentions(expression, column) for column in changed)
    }:
        changed |= following
    return changed


def holds_no_null(definition: TableDefinition, name: str) -> bool:
    """Whether a column holds no NULL: it says so, or it is the rowid or in a key that allows none."""
    column = next((c for c in definition.columns if fold(c.name) == fold(name)), None)
    if column and (column.not_null or column.name == definition.rowid_alias):
        return True
    key = definition.primary_key
    is_in_key = key is not None and fold(name) in {fold(term.column or "") for term in key.terms}
    return is_in_key and (definition.without_rowid or definition.strict)


def rowid_of(table: Table) -> str:
    """Return a name of the rowid that no column bears; "" where there is none."""
    definition = parse_table(table.sql)
    if definition is None or definition.without_rowid:
        return ""
    names = {fold(column.name) for column in table.columns}
    return next((name for name in ROWIDS if name not in names), "")


def is_indexed(child: Table, key: ForeignKey) -> bool:
    """Whether the rows that refer to a key are found by an index, or a primary key, that begins with it."""
    first = fold(key.columns[0])
    if any(fold(c.name) == first and c.primary_key == 1 for c in child.columns):
        return True
    firsts = {
        fold(index.columns[0] or "") for index in child.indexes if index.columns and not _is_partial(index)
    }
    return first in firsts


def is_key(parent: Table, key: ForeignKey) -> bool:
    """Whether what a foreign key refers to is a primary key or unique, as SQLite asks of it."""
    primary = {fold(column.name) for column in parent.columns if column.primary_key}
    if None in key.to:
        return len(primary) == len(key.columns)
    to = {fold(name) for name in key.to if name}
    uniques = (index for index in parent.indexes if index.unique and not _is_partial(index))
    return to == primary or any(to == {fold(name or "") for name in index.columns} for index in uniques)


def _is_partial(index: Index) -> bool:
    definition = parse(index.sql) if index.sql else None
    return isinstance(definition, IndexDefinition) and definition.where is not None


def column_affinity(table: Table, column: Column) -> str:
    """Return what SQLite makes of values that come into a column: TEXT, INTEGER, REAL, NUMERIC or BLOB."""
    definition = parse_table(table.sql)
    takes_all = column.type.upper() == "ANY" and definition is not None and definition.strict
    return "BLOB" if takes_all else affinity(column.type)
