"""Declared types that mean the same to SQLite: a column of a table keeps the one that it has."""

from __future__ import annotations

from d1migrate.schema.normalize import canonical_type
from d1migrate.sql.affinity import is_same_type
from d1migrate.sql.create import parse_table, with_types
from d1migrate.sql.names import fold

TYPE_CHECKING = False
if TYPE_CHECKING:
    from d1migrate.schema.model import Table
    from d1migrate.sql.definitions import TableDefinition


def with_kept_types(wanted: Table, before: Table) -> Table:
    """Return a table whose columns have their earlier declared types, where SQLite treats both alike.

    STRICT tables check their types, so these count. So does what makes a primary key the rowid.

    Args:
        wanted: the table as it should be.
        before: the table as it is.
    """
    after, earlier = parse_table(wanted.sql), parse_table(before.sql)
    if after is None or earlier is None or after.strict or earlier.strict:
        return wanted
    types = {fold(column.name): column.type for column in earlier.columns}
    kept = {
        name: types[name]
        for name, wish in ((fold(column.name), column.type) for column in after.columns)
        if name in types and is_same_type(wish, types[name]) and not _is_same_text(wish, types[name])
    }
    if (alias := _retyped(after, kept).rowid_alias) != after.rowid_alias:
        kept.pop(fold(alias or after.rowid_alias or ""))
    if not kept:
        return wanted
    read = {fold(column.name): column.type for column in before.columns}  # without quotes
    columns = (c._replace(type=read[fold(c.name)]) if fold(c.name) in kept else c for c in wanted.columns)
    return wanted._replace(sql=with_types(wanted.sql, kept), columns=tuple(columns))


def _is_same_text(one: str, other: str) -> bool:
    return canonical_type(one) == canonical_type(other)


def _retyped(table: TableDefinition, types: dict[str, str]) -> TableDefinition:
    columns = (c._replace(type=types.get(fold(c.name), c.type)) for c in table.columns)
    return table._replace(columns=tuple(columns))
