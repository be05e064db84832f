"""Change the columns of one table of a schema."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

from d1migrate.drafting.scratch_schema import ScratchSchema
from d1migrate.errors import UsageError
from d1migrate.schema import digest
from d1migrate.sql import token_groups
from d1migrate.sql.create import parse_table
from d1migrate.sql.format import table_text
from d1migrate.sql.names import fold
from d1migrate.sql.tokens import significant

if TYPE_CHECKING:
    from collections.abc import Sequence

    from d1migrate.schema.model import Schema
    from d1migrate.sql.definitions import Item, TableDefinition


def edit_columns(schema: Schema, table: str, *, set_: Sequence[str] = (), drop: Sequence[str] = ()) -> Schema:
    """Return a schema in which a table has other columns.

    Args:
        schema: the present schema.
        table: the table.
        set_: definitions, `status TEXT NOT NULL`: each replaces the column of that name, or adds one.
        drop: columns to drop.

    Raises:
        UsageError: there is no such table or column, or D1 refuses the result.
    """
    found = next((t for t in schema.tables if fold(t.name) == fold(table)), None)
    if found is None:
        known = ", ".join(t.name for t in schema.tables) or "none"
        raise UsageError(f"no such table: {table}", hint=f"tables: {known}")
    definition = parse_table(found.sql)
    if definition is None:
        raise UsageError(f"{found.name} is a virtual table: its columns cannot be changed this way")
    sql = table_text(definition._replace(items=tuple(_items(definition, set_, drop))))
    with closing(ScratchSchema()) as scratch:
        for kind, name, text in digest.objects(schema):
            refusal = scratch.refusal(sql if (kind, name) == ("table", found.name) else text)
            if refusal is not None and name == found.name:
                raise UsageError(f"{refusal}\n    in: {sql}")
        return scratch.schema()


def _items(definition: TableDefinition, set_: Sequence[str], drop: Sequence[str]) -> list[Item]:
    columns = {fold(column.name) for column in definition.columns}
    dropped = {fold(name) for name in drop}
    if unknown := dropped - columns:
        raise UsageError(f"{definition.name} has no column {min(unknown)!r}")
    given = {fold(item.column or ""): item for item in map(_column, set_)}
    items = [given.pop(fold(item.column), item) if item.column else item for item in definition.items]
    kept = [item for item in items if item.column is None or fold(item.column) not in dropped]
    constraints = [item for item in kept if item.column is None]
    return [item for item in kept if item.column is not None] + list(given.values()) + constraints


def _column(text: str) -> Item:
    sql = f"CREATE TABLE t ({text}\n)"
    table, tokens = parse_table(sql), significant(sql)
    is_all = token_groups.closing(tokens, 3) == len(tokens) - 1
    if table is None or not is_all or len(table.items) != 1 or len(table.columns) != 1:
        raise UsageError(
            f"{text!r} is not a column definition", hint="for example --set 'status TEXT NOT NULL DEFAULT 1'"
        )
    return table.items[0]
