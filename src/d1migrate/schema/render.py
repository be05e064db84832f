"""Renders a schema as SQL: the same schema gives the same text, and the text builds the same schema."""

from __future__ import annotations

from d1migrate.sql.create import parse_table
from d1migrate.sql.format import squeezed, table_text
from d1migrate.sql.names import fold
from d1migrate.sql.tokens import BLANKS, tokenize

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from d1migrate.schema.model import Index, Schema, Table, Trigger, View

HEADER = "-- The schema, written by `d1migrate schema --sql`.\n"


def document(schema: Schema) -> str:
    """Return the SQL that builds a schema: tables by name, with their indexes and triggers; views last.

    Comments within a CREATE TABLE are kept; SQLite does not store those before a statement.
    """
    return HEADER + "".join(f"\n{text}" for text in _blocks(schema))


def create_text(sql: str) -> str:
    """Return a CREATE statement in the document's format; views and triggers keep their lines.

    A comment after the last token is removed: SQLite stores some, and a `;` after it would be part of it.
    """
    sql = _without_tail(sql)
    table = parse_table(sql)
    if table is not None:
        return table_text(table)
    words = sql.split(None, 2)[:2]
    is_index = words[-1:] == ["INDEX"] or words[-1:] == ["UNIQUE"]
    return squeezed(sql) if is_index else sql


def _blocks(schema: Schema) -> Iterator[str]:
    """Yield the blocks between empty lines; every statement ends with `;` and a line end."""
    for table in sorted(schema.tables, key=_by_name):
        indexes = [index.sql for index in sorted(table.indexes, key=_by_name) if index.sql]
        yield "".join(map(_line, (table.sql, *indexes)))
        yield from (_line(trigger.sql) for trigger in sorted(table.triggers, key=_by_name))
    yield from (_line(view.sql) for view in sorted(schema.views, key=_by_name))
    yield from (_line(trigger.sql) for trigger in sorted(schema.triggers, key=_by_name))


def _without_tail(sql: str) -> str:
    tokens = [(token.kind, token.text) for token in tokenize(sql.strip(BLANKS))]
    while tokens and tokens[-1][0] in ("space", "comment"):
        tokens.pop()
    return "".join(text for _, text in tokens)


def _line(sql: str) -> str:
    return create_text(sql) + ";\n"


def _by_name(item: Table | Index | Trigger | View) -> str:
    return fold(item.name)
