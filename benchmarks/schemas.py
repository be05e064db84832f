"""A schema before and after a change, as SQL and as the TypeScript of drizzle."""

from __future__ import annotations

from typing import NamedTuple

EVERY = 30
"""Every so many tables, one is changed and one is new."""

_SQL = """\
CREATE TABLE {name} (
  id INTEGER PRIMARY KEY NOT NULL,
  name TEXT NOT NULL,
  status TEXT DEFAULT 'new' NOT NULL,
  parent INTEGER REFERENCES {parent}(id) ON DELETE CASCADE{note}
);
"""
_SQL_NOTE = ",\n  note TEXT"
_SQL_INDEX = "CREATE INDEX {name}_note ON {name}(note);\n"

_TYPESCRIPT_HEAD = """\
import { type AnySQLiteColumn, index, integer, sqliteTable, text } from "drizzle-orm/sqlite-core";
"""
_TYPESCRIPT = """\
export const {name} = sqliteTable("{name}", {{
  id: integer().primaryKey().notNull(),
  name: text().notNull(),
  status: text().notNull().default("new"),
  parent: integer().references((): AnySQLiteColumn => {parent}.id, {{ onDelete: "cascade" }}),{note}
}}{indexes});
"""
_TYPESCRIPT_NOTE = "\n  note: text(),"
_TYPESCRIPT_INDEX = ', (table) => [index("{name}_note").on(table.note)]'


class Schema(NamedTuple):
    """The same tables in both languages."""

    sql: str
    typescript: str


def before(tables: int) -> Schema:
    """Return tables that each reference the one before."""
    return _schema(tables, noted=0)


def after(tables: int) -> Schema:
    """Return them and some new ones; as many as are new have a new column with an index."""
    return _schema(tables + changes(tables), noted=tables)


def changes(tables: int) -> int:
    """Return how many tables have a new column, which is also how many are new."""
    return len(range(0, tables, EVERY))


def _schema(tables: int, noted: int) -> Schema:
    sql, typescript = [], [_TYPESCRIPT_HEAD]
    for number in range(tables):
        names = {"name": f"t{number:05}", "parent": f"t{max(0, number - 1):05}"}
        is_noted = number < noted and number % EVERY == 0
        note, index = (_SQL_NOTE, _SQL_INDEX.format(**names)) if is_noted else ("", "")
        sql.append(_SQL.format(**names, note=note) + index)
        note, index = (_TYPESCRIPT_NOTE, _TYPESCRIPT_INDEX.format(**names)) if is_noted else ("", "")
        typescript.append(_TYPESCRIPT.format(**names, note=note, indexes=index))
    return Schema("".join(sql), "".join(typescript))
