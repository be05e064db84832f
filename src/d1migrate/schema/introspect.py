"""The queries that read a schema, and a Schema from their rows. One batch, whatever the size.

Every join with a `pragma_…()` function excludes `_cf_*` tables in its WHERE: production databases contain
`_cf_KV`, and naming it fails the whole query with "not authorized" (d1-facts §1.3).
"""

from __future__ import annotations

from collections import defaultdict
from itertools import groupby
from operator import itemgetter

from d1migrate.errors import DamagedError
from d1migrate.schema.model import Column, ForeignKey, Index, Schema, Table, Trigger, View
from d1migrate.sql.batch import Query, Result
from d1migrate.sql.names import fold, not_cloudflares, quote_identifier

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from typing import Any

HISTORY = (
    "(lower({0}.tbl_name) IN ('d1migrate_log', 'schema_migrations_log')"
    # A table of the application may have that name, too: the columns differ. If one more column
    # needs a value, an INSERT of ours would fail.
    " OR (lower({0}.tbl_name) = 'schema_migrations' AND 3 = (SELECT"
    " total(lower(name) = 'version' AND pk AND upper(type) = 'INTEGER')"
    " + total(lower(name) IN ('name', 'applied_at'))"
    " - total(lower(name) NOT IN ('version', 'name', 'applied_at')"
    " AND (pk OR (\"notnull\" AND dflt_value IS NULL))) FROM pragma_table_info('schema_migrations')))"
    " OR (lower({0}.tbl_name) = 'd1_migrations' AND 3 = (SELECT"
    " total(lower(name) IN ('id', 'name', 'applied_at')) FROM pragma_table_info('d1_migrations'))))"
)
"""The condition that an object of sqlite_schema, called {0}, belongs to a history table."""

_OURS = (
    f"{{0}}.name NOT LIKE 'sqlite\\_%' ESCAPE '\\' AND {not_cloudflares('{0}.tbl_name')}"
    f" AND NOT {HISTORY}"
    # A virtual table keeps its rows in shadow tables, which are not the user's.
    " AND {0}.tbl_name NOT IN (SELECT name FROM pragma_table_list WHERE type = 'shadow')"
)
_TABLE = f"t.type = 'table' AND {_OURS.format('t')}"

OBJECTS = Query(
    f"SELECT type, name, tbl_name, sql FROM sqlite_schema s WHERE {_OURS.format('s')} ORDER BY rowid"
)
QUERIES = (
    OBJECTS,
    Query(
        'SELECT t.name AS of_table, c.name, c.type, c."notnull", c.dflt_value, c.pk, c.hidden'
        f" FROM sqlite_schema t JOIN pragma_table_xinfo(t.name) c WHERE {_TABLE} ORDER BY t.rowid, c.cid"
    ),
    Query(
        'SELECT t.name AS of_table, i.name AS of_index, i."unique", c.name'
        " FROM sqlite_schema t JOIN pragma_index_list(t.name) i"
        f" JOIN pragma_index_info(i.name) c WHERE {_TABLE} ORDER BY t.rowid, i.name, c.seqno"
    ),
    Query(
        'SELECT t.name, k.id, k."table", k."from", k."to", k.on_delete, k.on_update'
        f" FROM sqlite_schema t JOIN pragma_foreign_key_list(t.name) k WHERE {_TABLE}"
        " ORDER BY t.rowid, k.id, k.seq"
    ),
)


def read(results: Sequence[Result]) -> Schema:
    """Return the schema that the answers to QUERIES describe.

    Raises:
        DamagedError: a row of sqlite_schema has values that SQLite never writes.
    """
    columns, indexes, keys = (_by_table(result.rows) for result in results[1:])

    def read_table(
        name: str, sql: str, index_sql: Mapping[str, str | None], triggers: tuple[Trigger, ...]
    ) -> Table:
        parts = columns[name], indexes[name], keys[name]
        return table(name, sql, *parts, index_sql=index_sql, triggers=triggers)

    return _schema(results[0].rows, Schema(), read_table)


def read_changes(objects: Iterable[Any], earlier: Schema, ask: Callable[[str], Iterable[Any]]) -> Schema:
    """Return a schema that is mostly known: only tables that are not in `earlier` as they are now are read.

    A table that did not change is the same value as in `earlier`.

    Args:
        objects: the rows of OBJECTS.
        earlier: the schema as it was.
        ask: returns the rows of a query.

    Raises:
        DamagedError: as for `read`.
    """

    def read_table(
        name: str, sql: str, index_sql: Mapping[str, str | None], triggers: tuple[Trigger, ...]
    ) -> Table:
        return one_table(ask, name, sql, index_sql=index_sql, triggers=triggers)

    return _schema(objects, earlier, read_table)


def _schema(
    objects: Iterable[Any],
    earlier: Schema,
    read_table: Callable[[str, str, Mapping[str, str | None], tuple[Trigger, ...]], Table],
) -> Schema:
    """Return the schema of the rows of OBJECTS; tables that are not in `earlier` as they are now are read."""
    objects = list(objects)
    _refuse_damage(objects)
    known = {table.name: table for table in earlier.tables}
    indexes = _by_table((owner, name, sql) for kind, name, owner, sql in objects if kind == "index")
    # SQLite stores a trigger's table name as the statement wrote it, in any case.
    triggers = _by_table((fold(owner), name, sql) for kind, name, owner, sql in objects if kind == "trigger")
    tables = []
    for kind, name, _, sql in objects:
        if kind == "table":
            index_sql = {index: text for _, index, text in indexes[name]}
            on_it = tuple(Trigger(trigger, name, text) for _, trigger, text in triggers.pop(fold(name), ()))
            found = known.get(name)
            if found is None or not _is_unchanged(found, sql, index_sql, on_it):
                found = read_table(name, sql, index_sql, on_it)
            tables.append(found)
    views = tuple(View(name, sql) for kind, name, _, sql in objects if kind == "view")
    owners = {fold(view.name): view.name for view in views}
    on_views = tuple(
        Trigger(name, owners.get(view, view), sql) for rest in triggers.values() for view, name, sql in rest
    )
    return Schema(tuple(tables), views, on_views)


def _is_unchanged(
    earlier: Table, sql: str, index_sql: Mapping[str, str | None], triggers: tuple[Trigger, ...]
) -> bool:
    """Whether a table is what it was: its columns and foreign keys depend on its SQL only."""
    return (
        earlier.sql == sql
        and earlier.triggers == triggers
        and {index.name: index.sql for index in earlier.indexes if index.sql} == index_sql
        and not earlier.is_virtual  # the columns of fts5vocab are another table's matter
    )


def _refuse_damage(objects: Iterable[Sequence[Any]]) -> None:
    for kind, name, owner, sql in objects:
        has_sql = isinstance(sql, str) or (sql is None and kind == "index")
        if not (has_sql and all(isinstance(text, str) for text in (kind, name, owner))):
            raise DamagedError(
                f"sqlite_schema is damaged: it has the row {(kind, name, owner, sql)!a:.200}",
                hint="restore the database from a backup or a restore point",
            )


def table(
    name: str,
    sql: str,
    columns: Iterable[Any],
    indexes: Iterable[Any],
    keys: Iterable[Any],
    *,
    index_sql: Mapping[str, str | None],
    triggers: tuple[Trigger, ...],
) -> Table:
    """Return a table from its rows of the last three queries, {index: CREATE INDEX} and its triggers."""
    return Table(
        name,
        sql,
        tuple(_column(row) for row in columns if row[6] != _HIDDEN),
        tuple(
            Index(index, bool(unique), tuple(row[3] for row in rows), index_sql.get(index))
            for (index, unique), rows in _grouped(indexes, 1, 2)
        ),
        tuple(
            ForeignKey(tuple(r[3] for r in rows), parent, tuple(r[4] for r in rows), on_delete, on_update)
            for (_, parent, on_delete, on_update), rows in _grouped(keys, 1, 2, 5, 6)
        ),
        triggers,
    )


def one_table(
    ask: Callable[[str], Iterable[Any]],
    name: str,
    sql: str,
    *,
    index_sql: Mapping[str, str | None],
    triggers: tuple[Trigger, ...],
) -> Table:
    """Return one table as `read` does, from its PRAGMAs: they take a sixth of the time of joins with them.

    Args:
        ask: returns the rows of a query.
        name: the table.
        sql: its CREATE TABLE.
        index_sql: {index: CREATE INDEX}.
        triggers: its triggers.
    """
    of = f"({quote_identifier(name)})"
    columns = ((name, *row[1:]) for row in ask(f"PRAGMA table_xinfo{of}"))
    indexes = (
        (name, index, unique, column)
        for _, index, unique, *_ in sorted(ask(f"PRAGMA index_list{of}"), key=itemgetter(1))
        for _, _, column in ask(f"PRAGMA index_info({quote_identifier(index)})")
    )
    keys = (
        (name, number, parent, column, to, on_delete, on_update)
        for number, _, parent, column, to, on_update, on_delete, _ in ask(f"PRAGMA foreign_key_list{of}")
    )
    return table(name, sql, columns, indexes, keys, index_sql=index_sql, triggers=triggers)


def one_index(ask: Callable[[str], Iterable[Any]], name: str, sql: str) -> Index:
    """Return one index that a CREATE INDEX created, as `read` does; arguments like those of `one_table`."""
    columns = ask(f"PRAGMA index_info({quote_identifier(name)})")
    unique = sql.startswith("CREATE UNIQUE ")  # as SQLite stores it
    return Index(name, unique, tuple(column for _, _, column in columns), sql)


_HIDDEN = 1  # in pragma_table_xinfo: a virtual table's hidden column; 2 and 3 are generated columns


def _column(row: tuple[Any, ...]) -> Column:
    _, name, kind, not_null, default, primary_key, hidden = row
    return Column(name, kind, bool(not_null), default, primary_key, hidden > _HIDDEN)


def _by_table(rows: Iterable[Any]) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = defaultdict(list)
    for row in rows:
        found[row[0]].append(row)
    return found


def _grouped(rows: Iterable[Any], *at: int) -> list[tuple[tuple[Any, ...], list[Any]]]:
    """Group neighboring rows by the values at some positions."""
    return [(key, list(group)) for key, group in groupby(rows, lambda row: tuple(row[i] for i in at))]
