"""The guarded rebuild: a table is rebuilt, and no row is lost, of this table or of another one.

On D1, DROP TABLE deletes the rows of children (ON DELETE CASCADE) or clears their links, whatever any PRAGMA
is set to (d1-facts §2.2). So during the DROP a trigger on each child ignores the action:

1. The rows are copied to a hold table, with their rowids, and so is the AUTOINCREMENT counter.
2. Guards: BEFORE DELETE and BEFORE UPDATE on each child, `SELECT RAISE(IGNORE)`.
3. DROP TABLE, CREATE TABLE under the final name: nothing is renamed, so no view or REFERENCES changes.
4. The rows are copied back, which satisfies the deferred foreign keys.
5. The guards are dropped, and assertions abort the whole batch if a row or a referenced key is missing. An
   assertion is a SELECT that passes its message to `json_extract` as a path (d1-facts §2.3).
"""

from __future__ import annotations

from d1migrate.errors import LimitExceeded
from d1migrate.named_tuple import NamedTuple
from d1migrate.schema.keys import is_indexed, rowid_alias
from d1migrate.schema.normalize import mentioned_names
from d1migrate.schema.queries import column_affinity, free_columns, holds_no_null, is_autoincrement, rowid_of
from d1migrate.schema.render import create_text
from d1migrate.sql.create import parse_table
from d1migrate.sql.names import HELPER, fold, quote_literal
from d1migrate.sql.names import quote_identifier as q

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from d1migrate.schema.catalog import Catalog
    from d1migrate.schema.changes import RebuildTable
    from d1migrate.schema.model import ForeignKey, Table

MAX_COLUMNS = 100
"""D1's limit of columns in a table and in the result of a SELECT (d1-facts §1.6)."""

_ROWID = f"{HELPER}rowid"


class _Late(NamedTuple):
    """The column that exceeds the limit together with the rowid: it is copied by a hold table of its own."""

    column: str
    value: str


def rebuild_statements(rebuild: RebuildTable, number: int, catalog: Catalog) -> list[str]:
    """Return the statements of a guarded rebuild, without `;`.

    They must run in one transaction, after `PRAGMA defer_foreign_keys = ON`.

    Args:
        rebuild: the change.
        number: distinguishes the helpers of several rebuilds in one migration.
        catalog: the schema when the statements run.

    Raises:
        LimitExceeded: the table has as many columns as D1 allows, and none can be copied separately.
    """
    rebuilding = _Rebuilding(rebuild, number, catalog)
    return [*rebuilding.hold_statements(), *rebuilding.statements()]


def hold_statements(rebuild: RebuildTable, number: int, catalog: Catalog) -> list[str]:
    """Return the first of the statements that `rebuild_statements` returns: those that copy the rows."""
    return list(_Rebuilding(rebuild, number, catalog).hold_statements())


class _Rebuilding:
    def __init__(self, rebuild: RebuildTable, number: int, catalog: Catalog) -> None:
        self._old, self._new = rebuild.old, rebuild.new
        self._values = list(rebuild.values)
        self._table = q(self._new.name)
        self._hold, self._late_hold = (q(f"{HELPER}{kind}_{number}") for kind in ("hold", "late"))
        self._number = number
        self._links = [(catalog.tables[c], key) for c, key in catalog.references(fold(self._old.name))]
        self._children = {
            child.name: child for child, _ in self._links if fold(child.name) != fold(self._old.name)
        }
        self._from_rowid, self._to_rowid = rowid_of(self._old), rowid_of(self._new)
        # If a column is the rowid, its values keep it; a new such column gets its value from the rowid.
        filled = {fold(column) for column, _ in self._values}
        is_filled = fold(rowid_alias(self._new) or "") in filled
        self._keeps_rowid = bool(self._from_rowid and self._to_rowid) and not is_filled
        self._late = self._choose_late()

    def statements(self) -> Iterator[str]:
        """Yield what follows the hold tables."""
        save_counter, set_counter = counter_statements(self._old, self._new, self._number)
        yield from save_counter
        helpers_on, helpers_off = self._helpers()
        yield from helpers_on
        if any(fold(child.name) == fold(self._old.name) for child, _ in self._links):
            # The action of its foreign key to itself would fire them during the DROP.
            yield from (f"DROP TRIGGER IF EXISTS {q(trigger.name)}" for trigger in self._old.triggers)
        yield f"DROP TABLE {q(self._old.name)}"
        yield create_text(self._new.sql)
        early, late = self._indexes()
        own_on, own_off = self._own_helpers()
        yield from (*early, *own_on, *self._refill(), *own_off, *late, *helpers_off)
        yield from (*self._assertions(), *set_counter)
        yield f"DROP TABLE {self._hold}"

    def _choose_late(self) -> _Late | None:
        """Return the column to copy separately if rowid and columns are more than D1 allows in one table."""
        held = len(self._held())
        if held + (1 if self._keeps_rowid else 0) <= MAX_COLUMNS:
            return None
        free = free_columns(self._new) - {fold(column) for column in self._retyped()}
        for column, value in reversed(self._values):
            if fold(column) in free and value == q(column):
                return _Late(column, value)
        raise LimitExceeded(
            f"{self._old.name} has {held} columns and a rowid: a copy would have more than the"
            f" {MAX_COLUMNS} columns that D1 allows",
            limit=MAX_COLUMNS,
            actual=held + 1,
            hint="drop a column first, or give the table an INTEGER PRIMARY KEY",
        )

    def _held(self) -> list[str]:
        """Return the old columns to hold: all stored ones, and the generated ones that a value reads."""
        read = {name for _, value in self._values for name in mentioned_names(value)}
        return [c.name for c in self._old.columns if not c.generated or fold(c.name) in read]

    def hold_statements(self) -> Iterator[str]:
        """Yield what copies the rows to the hold tables."""
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
        """Return the statements that guard the children and index their keys, and those that undo this."""
        on, off = list[str](), list[str]()
        for place, (child, key) in enumerate(self._links):
            if not is_indexed(child, key):
                name = q(f"{HELPER}index_{self._number}_{place}")
                on.append(_create_index(name, child, key))
                # An index on the table itself is dropped with it.
                off += [f"DROP INDEX {name}"] if child.name in self._children else []
        guards_on, guards_off = guard_statements(self._children)
        return on + guards_on, off + guards_off

    def _indexes(self) -> tuple[list[str], list[str]]:
        """Return the statements that create the indexes before the rows, and those after them.

        One index of all rows is a third of the work of an entry for each row. But foreign keys to the table
        may need a unique index, and those of the table to itself are checked by the index that they have.
        """
        early, late = list[str](), list[str]()
        for index in self._new.indexes:
            if index.sql:
                alone = self._new._replace(indexes=(index,))
                needed = index.unique or any(is_indexed(alone, key) for key in self._own_keys())
                (early if needed else late).append(create_text(index.sql))
        return early, late

    def _own_keys(self) -> list[ForeignKey]:
        """Return the foreign keys of the new table to itself."""
        return [key for key in self._new.foreign_keys if fold(key.table) == fold(self._new.name)]

    def _own_helpers(self) -> tuple[list[str], list[str]]:
        """Return the same for the foreign keys of the new table to itself."""
        on, off = list[str](), list[str]()
        for place, key in enumerate(self._own_keys()):
            if not is_indexed(self._new, key):
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
            query = f"SELECT {', '.join(values)} FROM {self._hold}"
            yield f"INSERT INTO {self._table} ({', '.join(into)}) {query}"
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
        if value := self._nullable_rowid():
            what = f"{self._new.name}.{rowid_alias(self._new)} is NULL in a row, which would get a new id"
            yield (
                f"SELECT json_extract('{{}}', {quote_literal(what)})"
                f" FROM (SELECT 1 FROM {self._hold} WHERE {value} IS NULL LIMIT 1)"
            )
        for column in self._retyped():
            what = f"{self._new.name}.{column}, by its new type, would change the value "
            name = q(column)
            there = f"(SELECT CAST({name} AS %s) FROM {self._table} WHERE {name} IS NOT NULL)"
            yield (
                f"SELECT json_extract('{{}}', {quote_literal(what)} || coalesce(substr(v, 1, 80), 'NULL'))"
                f" FROM (SELECT DISTINCT {name} AS v FROM {self._hold})"
                f" WHERE typeof(v) = 'text' AND v NOT IN {there % 'TEXT'}"
                f" OR typeof(v) = 'integer' AND v NOT IN {there % 'INTEGER'}"
                f" OR v IS NULL AND NOT EXISTS (SELECT 1 FROM {self._table} WHERE {name} IS NULL)"
            )

    def _nullable_rowid(self) -> str:
        """Return the value of an INTEGER PRIMARY KEY, if it may be NULL; else ""."""
        alias, old = rowid_alias(self._new), parse_table(self._old.sql)
        value = next((v for column, v in self._values if alias and fold(column) == fold(alias)), "")
        names = [column.name for column in self._old.columns if fold(q(column.name)) == fold(value)]
        is_kept = old is not None and any(holds_no_null(old, name) for name in names)
        return "" if is_kept else value

    def _retyped(self) -> list[str]:
        """Return the columns that are copied as they are, but whose new type may convert the values."""
        was = {fold(column.name): column_affinity(self._old, column) for column in self._old.columns}
        copied = {fold(column) for column, value in self._values if fold(value) == fold(q(column))}
        now = [(c.name, column_affinity(self._new, c)) for c in self._new.columns if fold(c.name) in copied]
        return [name for name, kind in now if kind not in ("BLOB", "TEXT", was[fold(name)])]


def drop_guards(catalog: Catalog, table: str) -> tuple[list[str], list[str]]:
    """Return `guard_statements` for the other tables that reference a table (folded name)."""
    children = sorted({child for child, _ in catalog.references(table)} - {table})
    return guard_statements(catalog.tables[child].name for child in children)


def guard_statements(children: Iterable[str]) -> tuple[list[str], list[str]]:
    """Return the statements that guard tables while their parent is dropped, and that drop the guards."""
    on, off = list[str](), list[str]()
    for child in children:
        for event in ("DELETE", "UPDATE"):
            name = q(f"{HELPER}guard_{event.lower()}_{child}")
            on.append(f"CREATE TRIGGER {name} BEFORE {event} ON {q(child)} BEGIN SELECT RAISE(IGNORE); END")
            off.append(f"DROP TRIGGER {name}")
    return on, off


def counter_statements(old: Table, new: Table, number: int) -> tuple[list[str], list[str]]:
    """Return the statements that save the AUTOINCREMENT counter of a table, and those that restore it.

    Both are empty if either table has no AUTOINCREMENT; `number` as in `rebuild_statements`.
    """
    if not (is_autoincrement(old) and is_autoincrement(new)):
        return [], []
    kept, name = q(f"{HELPER}sequence_{number}"), quote_literal(new.name)
    return (
        [f"CREATE TABLE {kept} AS SELECT seq FROM sqlite_sequence WHERE name = {quote_literal(old.name)}"],
        [
            (
                f"INSERT INTO sqlite_sequence (name, seq) SELECT {name}, seq FROM {kept}"
                f" WHERE NOT EXISTS (SELECT 1 FROM sqlite_sequence WHERE name = {name})"
            ),
            (
                f"UPDATE sqlite_sequence SET seq = max(seq, coalesce((SELECT seq FROM {kept}), 0))"
                f" WHERE name = {name}"
            ),
            f"DROP TABLE {kept}",
        ],
    )


def _create_index(name: str, table: Table, key: ForeignKey) -> str:
    return f"CREATE INDEX {name} ON {q(table.name)} ({', '.join(map(q, key.columns))})"
