"""Adapt generated rows to the keys that a file writes out: keys it inserts, and keys it references.

A file should not fail because a generated row has the key of `INSERT INTO roles VALUES (1, 'admin')`, or
because no row has the key 'admin' that `UPDATE users SET role = 'admin'` needs: it was written for real rows.
Rows that come from the target are never changed.
"""

from __future__ import annotations

from contextlib import closing, suppress
from typing import Any

import apsw

from d1migrate.errors import QueryError
from d1migrate.named_tuple import NamedTuple
from d1migrate.schema.keys import parent_columns
from d1migrate.sql.names import fold, quote_identifier
from d1migrate.sql.token_groups import outside
from d1migrate.sql.tokens import significant

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from d1migrate.rehearse.scratch_database import ScratchDatabase
    from d1migrate.schema.model import ForeignKey, Table


Key = tuple[Any, ...]


class _Orphan(NamedTuple):
    """A row that references a missing row: its table, rowid, foreign key and the values of that key."""

    table: str
    rowid: int
    key: ForeignKey
    values: Key


def resolve_conflicts(scratch: ScratchDatabase, statements: Sequence[str]) -> bool:
    """Change generated rows so that refused statements may pass; return whether any row was changed.

    Args:
        scratch: the database that refused them.
        statements: all statements of the file.
    """
    generated = {fold(t.name): t for t in scratch.schema().tables if fold(t.name) in scratch.generated}
    replaced: list[tuple[Table, dict[str, Any]]] = []

    def on_write(at: int, update: apsw.PreUpdate) -> None:
        table = generated.get(fold(update.table_name))
        if update.op != "DELETE" or update.depth or table is None or replacing[at] == statements[at]:
            return
        with suppress(apsw.Error):
            if len(row := update.old or ()) == len(table.columns):
                replaced.append((table, {c.name: value for c, value in zip(table.columns, row, strict=True)}))

    replacing = [_replacing(sql) for sql in statements]
    with closing(scratch.copy()) as copy:
        with suppress(QueryError):
            copy.run(replacing, on_write=on_write, foreign_keys=False)
        orphans = _orphans_of_file(scratch, copy)
    with scratch.connect() as connection:
        deleted = [_delete(connection, table, row) for table, row in replaced]
        tables, given = scratch.schema().tables, set[tuple[str, Key]]()
        rekeyed = [_give_key(connection, tables, generated, orphan, given) for orphan in orphans]
    return any(deleted) or any(rekeyed)


def _replacing(sql: str) -> str:
    """Return INSERT … VALUES as INSERT OR REPLACE, so that conflicts show; other statements as they are."""
    tokens = significant(sql)
    words = [token.keyword for token in tokens]
    into = next((at for at in (1, 3) if words[at : at + 1] == ["INTO"]), 0)
    is_computed = any(words[at] in ("FROM", "CONFLICT") for at in outside(tokens))
    if words[:1] == ["SELECT"]:
        return "SELECT 1"  # an assertion could fail, because rows are still missing
    if words[:1] != ["INSERT"] or not into or is_computed or words[1:3] in _RESOLVED:
        return sql
    return f"INSERT OR REPLACE {sql[tokens[into].start :]}"


_RESOLVED = (["OR", "IGNORE"], ["OR", "REPLACE"])


def _delete(connection: apsw.Connection, table: Table, row: dict[str, Any]) -> int:
    """Delete a row, by its key or by all its values."""
    names = table.primary_key or [c.name for c in table.columns if not c.generated]
    tests = " AND ".join(f"{quote_identifier(name)} IS ?" for name in names)
    connection.execute(
        f"DELETE FROM {quote_identifier(table.name)} WHERE {tests}", [row[name] for name in names]
    )
    return connection.changes()


def _orphans_of_file(scratch: ScratchDatabase, copy: ScratchDatabase) -> list[_Orphan]:
    """Return the orphans that a file leaves, if their key did not exist before it either."""
    tables = {fold(table.name): table for table in scratch.schema().tables}
    with copy.connect() as connection:
        found = list(_orphans(connection, copy.schema().tables))
    with scratch.connect() as connection:
        return [
            orphan
            for orphan in found
            if (parent := tables.get(fold(orphan.key.table)))
            and {fold(c) for c in parent_columns(parent, orphan.key)}
            <= {fold(c.name) for c in parent.columns}
            and not _exists(connection, parent, parent_columns(parent, orphan.key), orphan.values)
        ]


def _orphans(connection: apsw.Connection, tables: Iterable[Table]) -> Iterator[_Orphan]:
    for table in tables:
        name = quote_identifier(table.name)
        with suppress(apsw.SQLError):
            for _, rowid, _, place in connection.execute(f"PRAGMA foreign_key_check({name})").fetchall():
                key = table.foreign_keys[int(place or 0)]
                columns = ", ".join(map(quote_identifier, key.columns))
                for values in connection.execute(f"SELECT {columns} FROM {name} WHERE rowid = ?", (rowid,)):
                    yield _Orphan(table.name, int(rowid or 0), key, values)


def _exists(connection: apsw.Connection, table: Table, columns: Sequence[str], values: Sequence[Any]) -> bool:
    tests = " AND ".join(f"{quote_identifier(name)} = ?" for name in columns)
    query = f"SELECT EXISTS (SELECT 1 FROM {quote_identifier(table.name)} WHERE {tests})"
    return bool(next(iter(connection.execute(query, tuple(values))))[0])


def _give_key(
    connection: apsw.Connection,
    tables: Iterable[Table],
    generated: dict[str, Table],
    orphan: _Orphan,
    given: set[tuple[str, Key]],
) -> bool:
    """Give a generated parent the missing key, and its children too; return whether one took it.

    Keys in `given` were assigned before, and stay as they are.
    """
    parent = generated.get(fold(orphan.key.table))
    if parent is None or (parent.name, orphan.values) in given:
        return False
    columns = parent_columns(parent, orphan.key)
    listed, name = ", ".join(map(quote_identifier, columns)), quote_identifier(parent.name)
    rows: list[Key] = connection.execute(f"SELECT {listed} FROM {name}").fetchall()
    for old in [row for row in rows if (parent.name, row) not in given][:5]:
        with suppress(apsw.ConstraintError), connection:
            _set(connection, parent.name, columns, orphan.values, old)
            for child in tables:
                for key in child.foreign_keys:
                    if fold(key.table) == fold(parent.name) and parent_columns(parent, key) == columns:
                        _set(connection, child.name, key.columns, orphan.values, old)
            given.add((parent.name, orphan.values))
            return True
    return False


def _set(
    connection: apsw.Connection, table: str, columns: Sequence[str], values: Sequence[Any], old: Sequence[Any]
) -> None:
    """Set columns to other values in the rows that hold the old ones."""
    sets = ", ".join(f"{quote_identifier(name)} = ?" for name in columns)
    tests = " AND ".join(f"{quote_identifier(name)} IS ?" for name in columns)
    connection.execute(f"UPDATE {quote_identifier(table)} SET {sets} WHERE {tests}", (*values, *old))
