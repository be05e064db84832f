"""The unique keys of a table, with the collations by which their values are compared."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from d1migrate.sql.create import parse, parse_table
from d1migrate.sql.definitions import IndexDefinition
from d1migrate.sql.names import fold

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from d1migrate.schema.model import Table
    from d1migrate.sql.definitions import Term


class UniqueKey(NamedTuple):
    """A unique key.

    Attributes:
        columns: {column: collation}, folded; None if it has an expression.
        partial: whether it holds for some of the rows only.
        conflict: what ON CONFLICT says of one other than the primary key, or "".
        is_rowid: whether it is an INTEGER PRIMARY KEY, which SQLite fills by itself.
    """

    columns: dict[str, str] | None
    partial: bool = False
    conflict: str = ""
    is_rowid: bool = False


def unique_keys(table: Table) -> Iterator[UniqueKey]:
    """Yield the keys that no two rows of a table share: PRIMARY KEY, UNIQUE, and UNIQUE indexes."""
    defined = parse_table(table.sql)
    collations = {fold(c.name): fold(c.collation or "binary") for c in defined.columns} if defined else {}
    integers = {fold(c.name) for c in table.columns if c.primary_key and c.type.upper() == "INTEGER"}
    for key in defined.all_keys if defined else ():
        columns = _columns(key.terms, collations)
        is_rowid = key.primary and columns is not None and len(columns) == 1 and columns.keys() <= integers
        yield UniqueKey(columns, conflict="" if key.primary else key.conflict, is_rowid=is_rowid)
    for index in table.indexes:
        definition = parse(index.sql) if index.unique and index.sql else None
        if isinstance(definition, IndexDefinition):
            yield UniqueKey(_columns(definition.terms, collations), partial=definition.where is not None)


def _columns(terms: Sequence[Term], collations: dict[str, str]) -> dict[str, str] | None:
    if any(term.column is None for term in terms):
        return None
    names = [(fold(term.column or ""), term.collation) for term in terms]
    return {name: fold(collation or collations.get(name, "binary")) for name, collation in names}
