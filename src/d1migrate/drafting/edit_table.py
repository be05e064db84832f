"""Change the columns of one table of a schema."""

from __future__ import annotations

from contextlib import closing

from d1migrate.drafting.declarations import no_such_column
from d1migrate.drafting.scratch_schema import ScratchSchema
from d1migrate.errors import UsageError
from d1migrate.hints import no_such_table
from d1migrate.named_tuple import NamedTuple
from d1migrate.schema import digest
from d1migrate.sql import token_groups
from d1migrate.sql.create import parse_table
from d1migrate.sql.d1 import error_parts
from d1migrate.sql.format import table_text
from d1migrate.sql.names import fold
from d1migrate.sql.tokens import significant

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from d1migrate.schema.model import Schema
    from d1migrate.sql.definitions import Item, TableDefinition


def edit_columns(
    schema: Schema,
    table: str,
    *,
    set_: Sequence[str] = (),
    add: Sequence[str] = (),
    drop: Sequence[str] = (),
) -> Schema:
    """Return a schema in which a table has other columns.

    Args:
        schema: the present schema.
        table: the table.
        set_: definitions, `status TEXT NOT NULL`: each replaces the column of that name.
        add: definitions of new columns.
        drop: columns to drop.

    Raises:
        UsageError: there is no such table or column, a column to add exists, or D1 refuses the result.
    """
    found = next((t for t in schema.tables if fold(t.name) == fold(table)), None)
    if found is None:
        raise no_such_table(table, [t.name for t in schema.tables])
    definition = parse_table(found.sql)
    if definition is None:
        raise UsageError(f"{found.name} is a virtual table: its columns cannot be changed this way")
    items = _items(definition, _columns("--set", set_), _columns("--add", add), drop)
    sql = table_text(definition._replace(items=tuple(items)))
    with closing(ScratchSchema()) as scratch:
        for kind, name, text in digest.objects(schema):
            refusal = scratch.refusal(sql if (kind, name) == ("table", found.name) else text)
            if refusal is not None and name == found.name:
                message, _, _ = error_parts(refusal)
                raise UsageError(
                    f"D1 refuses the new table {found.name}: {message}\n    in: {sql}",
                    hint="correct the definition of the column",
                )
        return scratch.schema()


def _items(
    definition: TableDefinition, changed: Sequence[_Column], added: Sequence[_Column], drop: Sequence[str]
) -> list[Item]:
    """Return the columns and constraints of the new table.

    Raises:
        UsageError: a column to change or drop does not exist, or one to add does; or two flags name one.
    """
    name, columns = definition.name, {fold(column.name): column.name for column in definition.columns}
    flagged = [one.name for one in (*changed, *added)] + list(drop)
    for place, column in enumerate(flagged):
        if fold(column) in map(fold, flagged[:place]):
            raise UsageError(
                f"several flags name the column {column}",
                hint="use one --set, --add or --drop for each column",
            )
    for one in changed:
        if fold(one.name) not in columns:
            raise no_such_column(
                name, one.name, columns.values(), otherwise=f'--add "{one.text}" adds it, if it is new'
            )
    for one in added:
        if known := columns.get(fold(one.name)):
            raise UsageError(
                f"{name} already has a column {known}", hint=f'--set "{one.text}" changes its definition'
            )
    for column in drop:
        if fold(column) not in columns:
            raise no_such_column(name, column, columns.values())
    given, dropped = {fold(one.name): one.item for one in changed}, set(map(fold, drop))
    kept = [given.get(fold(item.column or ""), item) for item in definition.items]
    kept = [item for item in kept if item.column is None or fold(item.column) not in dropped]
    constraints = [item for item in kept if item.column is None]
    return [item for item in kept if item.column is not None] + [one.item for one in added] + constraints


class _Column(NamedTuple):
    """A column definition, as a flag gives it."""

    name: str
    item: Item
    text: str


def _columns(flag: str, definitions: Sequence[str]) -> list[_Column]:
    return [_column(flag, text) for text in definitions]


def _column(flag: str, text: str) -> _Column:
    sql = f"CREATE TABLE t ({text}\n)"
    table, tokens = parse_table(sql), significant(sql)
    is_all = token_groups.closing(tokens, 3) == len(tokens) - 1
    if table is None or not is_all or len(table.items) != 1 or len(table.columns) != 1:
        raise UsageError(
            f"{flag} {text!r} is not a column definition",
            hint=f"for example: {flag} 'status TEXT NOT NULL DEFAULT 1'",
        )
    name = table.columns[0].name
    if flag == "--set" and fold(text.strip()) == fold(name):
        raise UsageError(
            f"{flag} {text!r} is only a name, and would remove the type and the constraints of the column",
            hint=f"for example: {flag} '{name} TEXT NOT NULL'",
        )
    return _Column(name, table.items[0], text)
