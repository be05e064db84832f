"""Keys of a table: primary, unique and foreign ones, and the questions SQLite asks of them.

Everything here is decided from the schema alone and follows SQLite: `sqlite3FkLocateIndex` for parent keys,
the query planner for indexes. The unit tests compare each answer with the engine's.
"""

from __future__ import annotations

from functools import lru_cache

from d1migrate.named_tuple import NamedTuple
from d1migrate.sql.create import parse, parse_table
from d1migrate.sql.definitions import IndexDefinition
from d1migrate.sql.names import fold, unquote
from d1migrate.sql.tokens import significant

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from d1migrate.schema.model import ForeignKey, Index, Table
    from d1migrate.sql.definitions import TableDefinition, Term


class UniqueKey(NamedTuple):
    """A PRIMARY KEY, a UNIQUE constraint or a unique index.

    Attributes:
        columns: {column: collation}, folded; None if one of its terms is an expression.
        primary: whether it is the primary key.
        partial: whether it covers only some of the rows.
        conflict: the ON CONFLICT action of a key other than the primary key, or "".
        is_rowid: whether it is an INTEGER PRIMARY KEY, which SQLite fills by itself.
        is_plain: whether it compares every column by that column's own collation.
    """

    columns: dict[str, str] | None
    primary: bool = False
    partial: bool = False
    conflict: str = ""
    is_rowid: bool = False
    is_plain: bool = True


@lru_cache(maxsize=512)  # a replay asks for every statement that changes a parent
def unique_keys(table: Table) -> tuple[UniqueKey, ...]:
    """Return the unique keys of a table: PRIMARY KEY, UNIQUE, and unique indexes."""
    defined = parse_table(table.sql)
    own = _own_collations(table)
    alias = fold(rowid_alias(table) or "")
    found = []
    for key in defined.all_keys if defined else ():
        columns = _collations(key.terms, own)
        is_rowid = key.primary and columns is not None and [*columns] == [alias]
        conflict = "" if key.primary else key.conflict
        is_plain = is_rowid or _is_plain(columns, own)  # a rowid is a number: no collation applies
        found.append(UniqueKey(columns, key.primary, False, conflict, is_rowid, is_plain))
    for index in table.indexes:
        definition = parse(index.sql) if index.unique and index.sql else None
        if isinstance(definition, IndexDefinition):
            columns, partial = _collations(definition.terms, own), definition.where is not None
            found.append(UniqueKey(columns, partial=partial, is_plain=_is_plain(columns, own)))
    return tuple(found)


def is_unique(table: Table, columns: Collection[str]) -> bool:
    """Whether no two rows of a table share their values in some columns (folded names)."""
    return any(
        key.columns and not key.partial and key.columns.keys() <= {*columns} for key in unique_keys(table)
    )


def definition_of(table: Table) -> TableDefinition | None:
    """Return a table without a NOT NULL of its rowid, which never is NULL; None for a virtual table."""
    definition = parse_table(table.sql)
    if definition is None or definition.rowid_alias is None:
        return definition
    columns = (
        c._replace(not_null=None) if c.name == definition.rowid_alias else c for c in definition.columns
    )
    return definition._replace(columns=tuple(columns))


def rowid_alias(table: Table) -> str | None:
    """Return the column that is the rowid itself, an INTEGER PRIMARY KEY; None if there is none."""
    if len(table.primary_key) != 1:
        return None
    definition = parse_table(table.sql)
    return definition.rowid_alias if definition else None


def is_without_rowid(table: Table) -> bool:
    """Whether a table is WITHOUT ROWID."""
    definition = parse_table(table.sql)
    return definition is not None and definition.without_rowid


# --- foreign keys ---


def parent_columns(parent: Table, key: ForeignKey) -> tuple[str, ...]:
    """Return the columns of the parent that a foreign key refers to: those it names, or the primary key."""
    return tuple(name for name in key.to if name is not None) or parent.primary_key


def is_parent_key(parent: Table, key: ForeignKey) -> bool:
    """Whether SQLite accepts the parent columns of a foreign key; else it reports `foreign key mismatch`.

    They must be exactly the columns of a unique key that covers all rows and uses each column's collation. A
    foreign key that names no column takes the primary key, whatever its collation is.
    """
    if None in key.to:
        return len(parent.primary_key) == len(key.columns)
    to = {fold(name) for name in key.to if name}
    if len(to) != len(key.columns):
        return False
    return any(
        unique.columns is not None and unique.columns.keys() == to and unique.is_plain and not unique.partial
        for unique in unique_keys(parent)
    )


def is_indexed(child: Table, key: ForeignKey) -> bool:
    """Whether SQLite searches the child by an index when it looks for the rows that refer to a parent.

    The index (or primary key) must begin with a column of the foreign key. For a composite key, any of its
    columns will do: the plan is a SEARCH, though it may read more rows than a match of all columns would.
    """
    columns, own = {fold(column) for column in key.columns}, _own_collations(child)
    return any(
        first.column is not None
        and fold(first.column) in columns
        and fold(first.collation or own[fold(first.column)]) == own[fold(first.column)]
        and (where is None or _is_not_null(where, first.column))
        for first, where in _first_terms(child)
    )


def _first_terms(table: Table) -> Iterator[tuple[Term, str | None]]:
    """Yield the first term of every key and index of a table, with the condition of a partial one."""
    definition = parse_table(table.sql)
    for key in definition.all_keys if definition else ():
        yield key.terms[0], None
    for index in filter(None, map(_definition, table.indexes)):
        yield index.terms[0], index.where


def _is_not_null(where: str, column: str) -> bool:
    """Whether a condition is `column IS NOT NULL`, which `column = ?` implies."""
    name, *rest = significant(where)
    return fold(unquote(name.text)) == fold(column) and [token.keyword for token in rest] in _NOT_NULLS


_NOT_NULLS = (["IS", "NOT", "NULL"], ["NOT", "NULL"], ["NOTNULL"])


# --- indexes ---


def is_partial(index: Index) -> bool:
    """Whether an index covers only some of the rows."""
    definition = _definition(index)
    return definition is not None and definition.where is not None


def _definition(index: Index) -> IndexDefinition | None:
    definition = parse(index.sql) if index.sql else None
    return definition if isinstance(definition, IndexDefinition) else None


def _own_collations(table: Table) -> dict[str, str]:
    """Return {column: its collation}, folded."""
    definition = parse_table(table.sql)
    return {fold(c.name): fold(c.collation or "binary") for c in definition.columns} if definition else {}


def _collations(terms: Sequence[Term], own: dict[str, str]) -> dict[str, str] | None:
    """Return {column: collation} of a key, folded; None if it has an expression."""
    if any(term.column is None for term in terms):
        return None
    names = [(fold(term.column or ""), term.collation) for term in terms]
    return {name: fold(collation or own.get(name, "binary")) for name, collation in names}


def _is_plain(columns: dict[str, str] | None, own: dict[str, str]) -> bool:
    return columns is not None and all(own.get(name) == collation for name, collation in columns.items())
