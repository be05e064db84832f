"""The guarded rebuild: a table is made anew and no row is lost, its own or another table's.

On D1, DROP TABLE deletes the rows of children (ON DELETE CASCADE) or cuts their links, whatever a pragma says
(d1-facts §2.2). So for the moment of the DROP a trigger on each child ignores what would be done to it:

1. The rows go to a hold table, with their rowids, and the AUTOINCREMENT counter with them.
2. Guards: BEFORE DELETE and BEFORE UPDATE on each child, `SELECT RAISE(IGNORE)`.
3. DROP TABLE, CREATE TABLE under the final name: nothing is renamed, so no view or REFERENCES changes.
4. The rows come back, which settles the deferred foreign keys honestly.
5. The guards go, and assertions abort the whole batch if a row or a referenced key is missing. An assertion
   is a SELECT that asks `json_extract` for a path that is its message (d1-facts §2.3).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from d1migrate.errors import LimitExceeded
from d1migrate.schema.document import create_text
from d1migrate.schema.meaning import meaning
from d1migrate.sql.create import parse, parse_table
from d1migrate.sql.definitions import IndexDefinition
from d1migrate.sql.names import HELPER, fold, quote_identifier, quote_literal

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from d1migrate.schema.catalog import Catalog
    from d1migrate.schema.changes import Rebuild
    from d1migrate.schema.model import ForeignKey, Table

MAX_COLUMNS = 100
"""D1's limit of columns in a table, and in what a SELECT returns (d1-facts §1.6)."""

MAX_ROWS = 1_000_000
"""Rows of all tables that a rebuild reads or writes. Local D1 takes about 4 µs for each (`rebuild` in
benchmarks/), so this many are 4 s there, and leave production a margin within its 30 s a batch."""

_ROWID = f"{HELPER}rowid"
_COUNTS = quote_identifier(f"{HELPER}counts")


def q(name: str) -> str:
    """Return a name in quotes."""
    return quote_identifier(name)


class _Late(NamedTuple):
    """The column that does not fit beside the rowid, and the hold table of its own."""

    column: str
    value: str


def rebuild_statements(rebuild: Rebuild, number: int, catalog: Catalog) -> list[str]:
    """Return the statements of a guarded rebuild, without `;`.

    They have to run in one transaction, behind `PRAGMA defer_foreign_keys = ON`.

    Args:
        rebuild: what is made of what.
        number: tells the helpers of several rebuilds in one migration apart.
        catalog: the schema as it is when the statements run.

    Raises:
        LimitExceeded: the table has as many columns as D1 allows, and none can be copied apart.
    """
    return list(_Rebuilding(rebuild, number, catalog).statements())


class _Rebuilding:
    def __init__(self, rebuild: Rebuild, number: int, catalog: Catalog) -> None:
        self._old, self._new = rebuild.old, rebuild.new
        self._values = list(rebuild.values)
        self._table = q(self._new.name)
        self._hold, self._late_hold, self._sequence = (
            q(f"{HELPER}{kind}_{number}") for kind in ("hold", "late", "sequence")
        )
        self._number = number
        self._links = [(catalog.tables[c], key) for c, key in catalog.references(fold(self._old.name))]
        self._children = {
            child.name: child for child, _ in self._links if fold(child.name) != fold(self._old.name)
        }
        self._from_rowid, self._to_rowid = _rowid_of(self._old), _rowid_of(self._new)
        self._keeps_rowid = bool(self._from_rowid and self._to_rowid) and not _has_alias(self._new)
        self._late = self._choose_late()

    def statements(self) -> Iterator[str]:
        counts_ids = _is_autoincrement(self._old) and _is_autoincrement(self._new)
        yield from self._hold_rows()
        if counts_ids:
            counter = f"SELECT seq FROM sqlite_sequence WHERE name = {self._literal}"
            yield f"CREATE TABLE {self._sequence} AS {counter}"
        helpers_on, helpers_off = self._helpers()
        yield from helpers_on
        yield f"DROP TABLE {q(self._old.name)}"
        yield create_text(self._new.sql)
        # Before the rows come: foreign keys may refer to a unique one, and are checked through the others.
        yield from (create_text(index.sql) for index in self._new.indexes if index.sql)
        own_on, own_off = self._own_helpers()
        yield from (*own_on, *self._refill(), *own_off, *helpers_off)
        yield from self._assertions()
        if counts_ids:
            yield from self._set_sequence()
        yield f"DROP TABLE {self._hold}"

    @property
    def _literal(self) -> str:
        return quote_literal(self._new.name)

    def _choose_late(self) -> _Late | None:
        """Return the column to copy apart where rowid and columns are more than D1 allows in one table."""
        held = len(self._held())
        if held + self._keeps_rowid <= MAX_COLUMNS:
            return None
        free = _free_columns(self._new)
        for column, value in reversed(self._values):
            if fold(column) in free and value == q(column):
                return _Late(column, value)
        raise LimitExceeded(
            f"{self._old.name} has {held} columns and rowids of its own: a copy would have more than D1's"
            f" {MAX_COLUMNS}",
            limit=MAX_COLUMNS,
            actual=held + 1,
            hint="drop a column first, or give the table an INTEGER PRIMARY KEY",
        )

    def _held(self) -> list[str]:
        """Return the old columns that are held: all that are stored, and the computed ones that are read."""
        read = {value for _, value in self._values}
        return [c.name for c in self._old.columns if not c.generated or q(c.name) in read]

    def _hold_rows(self) -> Iterator[str]:
        late = self._late.column if self._late else None
        columns = [f"{self._from_rowid} AS {q(_ROWID)}"] if self._keeps_rowid else []
        columns += [q(name) for name in self._held() if name != late]
        yield f"CREATE TABLE {self._hold} AS SELECT {', '.join(columns)} FROM {q(self._old.name)}"
        if self._late:
            yield f"CREATE TABLE {self._late_hold} ({q(_ROWID)} INTEGER PRIMARY KEY, {q(self._late.column)})"
            yield (
                f"INSERT INTO {self._late_hold} SELECT {self._from_rowid}, {q(self._late.column)}"
                f" FROM {q(self._old.name)}"
            )

    def _helpers(self) -> tuple[list[str], list[str]]:
        """Return the statements that guard the children and index their keys, and those that undo it."""
        on, off = list[str](), list[str]()
        for place, (child, key) in enumerate(self._links):
            if not _is_indexed(child, key):
                name = q(f"{HELPER}index_{self._number}_{place}")
                on.append(_create_index(name, child, key))
                # On the table itself it is dropped with it.
                off += [f"DROP INDEX {name}"] if child.name in self._children else []
        for child_name in self._children:
            for event in ("DELETE", "UPDATE"):
                name = q(f"{HELPER}guard_{event.lower()}_{child_name}")
                on.append(
                    f"CREATE TRIGGER {name} BEFORE {event} ON {q(child_name)} BEGIN SELECT RAISE(IGNORE); END"
                )
                off.append(f"DROP TRIGGER {name}")
        return on, off

    def _own_helpers(self) -> tuple[list[str], list[str]]:
        """Return the same for the foreign keys of the new table to itself."""
        on, off = list[str](), list[str]()
        for place, key in enumerate(self._new.foreign_keys):
            if fold(key.table) == fold(self._new.name) and not _is_indexed(self._new, key):
                name = q(f"{HELPER}index_{self._number}_own_{place}")
                on.append(_create_index(name, self._new, key))
                off.append(f"DROP INDEX {name}")
        return on, off

    def _refill(self) -> Iterator[str]:
        into, values = [], []
        if self._keeps_rowid:
            into, values = [self._to_rowid], [q(_ROWID)]
        for column, value in self._values:
            if self._late is None or column != self._late.column:
                into.append(q(column))
                values.append(value)
        if into:
            taken = f"SELECT {', '.join(values)} FROM {self._hold}"
            yield f"INSERT INTO {self._table} ({', '.join(into)}) {taken}"
        else:
            yield f"INSERT INTO {self._table} SELECT NULL FROM {self._hold}"
        if self._late:
            column = q(self._late.column)
            yield (
                f"UPDATE {self._table} SET {column} = (SELECT l.{column} FROM {self._late_hold} AS l"
                f" WHERE l.{q(_ROWID)} = {self._table}.{self._to_rowid})"
            )
            yield f"DROP TABLE {self._late_hold}"

    def _assertions(self) -> Iterator[str]:
        message = quote_literal(f"a referenced key of {self._new.name} is gone")
        for columns in self._referenced():
            pairs = [(f"new.{q(c)}", f"old.{q(c)}") for c in columns]
            there = " AND ".join(f"{new} = {old}" for new, old in pairs)
            known = " AND ".join(f"{old} IS NOT NULL" for _, old in pairs)
            yield (
                f"SELECT json_extract('{{}}', {message}) FROM {self._hold} AS old WHERE {known}"
                f" AND NOT EXISTS (SELECT 1 FROM {self._table} AS new WHERE {there})"
            )

    def _referenced(self) -> list[tuple[str, ...]]:
        """Return the columns that foreign keys refer to and that both tables have."""
        there = {fold(column.name) for column in self._new.columns}
        primary = [c.name for c in sorted(self._old.columns, key=lambda c: c.primary_key) if c.primary_key]
        found = dict.fromkeys(
            tuple(to or primary[at] for at, to in enumerate(key.to)) for _, key in self._links
        )
        return [columns for columns in found if there >= {fold(column) for column in columns}]

    def _set_sequence(self) -> Iterator[str]:
        yield (
            f"INSERT INTO sqlite_sequence (name, seq) SELECT {self._literal}, seq FROM {self._sequence}"
            f" WHERE NOT EXISTS (SELECT 1 FROM sqlite_sequence WHERE name = {self._literal})"
        )
        yield (
            f"UPDATE sqlite_sequence SET seq = max(seq, coalesce((SELECT seq FROM {self._sequence}), 0))"
            f" WHERE name = {self._literal}"
        )
        yield f"DROP TABLE {self._sequence}"


def _create_index(name: str, table: Table, key: ForeignKey) -> str:
    return f"CREATE INDEX {name} ON {q(table.name)} ({', '.join(map(q, key.columns))})"


# --- what must not change in other tables ---


def count_statements(tables: Sequence[str]) -> list[str]:
    """Return the statements that note how many rows some tables have, and abort where it is too many."""
    rows = ", ".join(f"({quote_literal(t)}, (SELECT count(*) FROM {q(t)}))" for t in tables)
    message = quote_literal("too many rows to rebuild in one batch of 30 seconds: ")
    return [
        f"CREATE TABLE {_COUNTS} (name TEXT PRIMARY KEY, rows INTEGER)",
        f"INSERT INTO {_COUNTS} VALUES {rows}",
        (
            f"SELECT json_extract('{{}}', {message} || n) FROM (SELECT sum(rows) AS n FROM {_COUNTS})"
            f" WHERE n > {MAX_ROWS}"
        ),
    ]


def recount_statements(tables: Sequence[str]) -> list[str]:
    """Return the statements that abort the batch where `count_statements` noted another number."""
    checks = [
        f"SELECT json_extract('{{}}', {quote_literal(t + ' had ')} || rows || ' rows, and has ' || now)"
        f" FROM (SELECT rows, (SELECT count(*) FROM {q(t)}) AS now FROM {_COUNTS}"
        f" WHERE name = {quote_literal(t)}) WHERE rows <> now"
        for t in tables
    ]
    return [*checks, f"DROP TABLE {_COUNTS}"]


# --- facts about tables ---


def _is_autoincrement(table: Table) -> bool:
    definition = parse_table(table.sql)
    return definition is not None and definition.autoincrement


def _free_columns(table: Table) -> set[str]:
    """Return the columns, folded, that may be NULL for a while: nothing in the table speaks of them."""
    definition = parse_table(table.sql)
    if definition is None:
        return set()
    known = meaning(definition)
    spoken = {
        name for parts in (*known.own.values(), known.beside) for part in parts for name in part.columns
    }
    needed = {fold(column.name) for column in definition.columns if column.not_null or column.generated}
    return known.columns.keys() - spoken - needed


def _has_alias(table: Table) -> bool:
    """Whether a column is the rowid itself: INTEGER PRIMARY KEY."""
    keys = [c for c in table.columns if c.primary_key]
    definition = parse_table(table.sql)
    if len(keys) != 1 or keys[0].type.upper() != "INTEGER" or definition is None:
        return False
    inline = {fold(c.name): c.keys for c in definition.columns}[fold(keys[0].name)]
    is_descending = any(key.primary and key.terms[0].descending for key in inline)
    return not is_descending and not definition.without_rowid


def _rowid_of(table: Table) -> str:
    """Return a name of the rowid that no column bears; "" where there is none."""
    definition = parse_table(table.sql)
    if definition is None or definition.without_rowid:
        return ""
    names = {fold(column.name) for column in table.columns}
    return next((name for name in ("rowid", "_rowid_", "oid") if name not in names), "")


def _is_indexed(child: Table, key: ForeignKey) -> bool:
    """Whether the rows that refer to a key are found by an index, or a primary key, that begins with it."""
    first = fold(key.columns[0])
    if any(fold(c.name) == first and c.primary_key == 1 for c in child.columns):
        return True
    for index in child.indexes:
        definition = parse(index.sql) if index.sql else None
        is_partial = isinstance(definition, IndexDefinition) and definition.where is not None
        if index.columns and fold(index.columns[0] or "") == first and not is_partial:
            return True
    return False
