"""A schema as lines for people."""

from __future__ import annotations

from d1migrate.report import table as tables
from d1migrate.report import text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from d1migrate.report.text import Paint
    from d1migrate.schema.model import Schema, Table


def lines(schema: Schema, paint: Paint, *, empty: str) -> Iterator[str]:
    """Yield all of a schema, or what to say of an empty one."""
    for table in schema.tables:
        yield from table_lines(table, paint)
        yield ""
    for kind, objects in (("view", schema.views), ("trigger", schema.triggers)):
        for item in objects:
            yield paint(f"{kind} {text.clean_line(item.name)}", "bold")
            yield f"  {text.clean(item.sql)}"
            yield ""
    if not (schema.tables or schema.views):
        yield empty


def table_lines(table: Table, paint: Paint) -> Iterator[str]:
    """Yield a table: its columns, keys, indexes and triggers."""
    yield paint(f"table {text.clean_line(table.name)}", "bold")
    rows = [
        (
            f"  {c.name}",
            c.type,
            "primary key" if c.primary_key else "not null" if c.not_null else "",
            f"default {c.default}" if c.default is not None else "generated" if c.generated else "",
        )
        for c in table.columns
    ]
    yield from tables.table(("",) * 4, rows)[1:]
    for key in table.foreign_keys:
        to = f"({', '.join(name for name in key.to if name)})" if any(key.to) else ""
        actions = f"on delete {key.on_delete.lower()}, on update {key.on_update.lower()}"
        yield text.clean_line(f"  foreign key ({', '.join(key.columns)}) → {key.table}{to}, {actions}")
    for index in table.indexes:
        columns = ", ".join(name or "<expression>" for name in index.columns)
        if index.sql:
            yield text.clean_line(f"  {'unique ' if index.unique else ''}index {index.name} ({columns})")
        elif index.columns != table.primary_key:
            yield text.clean_line(f"  unique ({columns})")
    for trigger in table.triggers:
        yield text.clean_line(f"  trigger {trigger.name}")
