"""Two schemas → the changes that turn the first into the second: the fewest, and the cheapest with rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from d1migrate.schema.changes import (
    AddColumn,
    Change,
    Create,
    Diff,
    Drop,
    DropColumn,
    DropTable,
    Missing,
    RebuildTable,
    RebuildVirtual,
    Reindex,
)
from d1migrate.schema.normalize import canonical, meaning, mentions
from d1migrate.schema.queries import content_of, holds_no_null
from d1migrate.schema.scope import Scope
from d1migrate.schema.virtual import rebuild_virtual
from d1migrate.sql.create import parse_table
from d1migrate.sql.names import ROWIDS, fold, quote_identifier, unquote
from d1migrate.sql.tokens import significant

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

    from d1migrate.schema.compare import Scopes
    from d1migrate.schema.model import Schema, Table
    from d1migrate.sql.definitions import ColumnDefinition

_CONSTANTS = frozenset({"NULL", "TRUE", "FALSE"})


def diff(
    current: Schema,
    desired: Schema,
    backfill: Mapping[tuple[str, str], str] | None = None,
    *,
    order: bool = False,
) -> Diff:
    """Return what turns one schema into another.

    Tables and columns are matched by name: a rename is done before, on an engine, which knows all it touches.

    Args:
        current: what there is.
        desired: what there should be.
        backfill: {(table, column), both folded: SQL over the table's current columns} for the rows there are.
        order: whether columns in another order are a difference.

    Raises:
        PlanError: a virtual table becomes what it cannot be filled as.
    """
    old = {fold(table.name): table for table in current.tables}
    new = {fold(table.name): table for table in desired.tables}
    gone = [table for name, table in old.items() if name not in new]
    made = [table for name, table in new.items() if name not in old]
    scopes = Scope.of(current), Scope.of(desired)
    changed = {
        name: _Table(table, new[name], scopes, backfill or {}, order=order)
        for name, table in old.items()
        if name in new
    }
    inside = [change for table in changed.values() for change in table.changes]
    inside, waiting = _without_taken_names(inside, {fold(table.name) for table in gone})
    rebuilt = {fold(change.new.name) for change in inside if isinstance(change, RebuildTable)}
    drops, creates = _others(current, desired, scopes, gone={fold(t.name) for t in gone}, rebuilt=rebuilt)
    waiting += [c for c in creates if c.kind == "index" and fold(c.name) in {fold(t.name) for t in gone}]
    creates = [create for create in creates if create not in waiting]
    changes: list[Change] = [
        *drops,
        *(Create("table", table.name, table.sql) for table in made),
        *(change for change in inside if isinstance(change, AddColumn | DropColumn)),
        # Foreign keys may refer to a unique one, and are checked from here on.
        *(create for create in creates if create.kind == "index"),
        *(change for change in inside if isinstance(change, RebuildTable)),
        *(DropTable(table) for table in _children_first(gone)),
        *waiting,
        *(create for create in creates if create.kind != "index"),
        # They may index a table or a view that was made above.
        *(change for change in inside if isinstance(change, RebuildVirtual)),
        *_reindexes(inside, [new[name] for name in new if name in old]),
    ]
    return Diff(tuple(changes), tuple(missing for table in changed.values() for missing in table.missing))


def _without_taken_names(
    changes: Iterable[Change], taken: Collection[str]
) -> tuple[list[Change], list[Create]]:
    """Return changes whose rebuilds leave out the indexes of some names, and what creates these later.

    SQLite has one set of names for tables, views and indexes.
    """
    kept, waiting = list[Change](), list[Create]()
    for change in changes:
        if isinstance(change, RebuildTable):
            later = [index for index in change.new.indexes if index.sql and fold(index.name) in taken]
            waiting += [Create("index", index.name, index.sql or "") for index in later]
            rest = tuple(index for index in change.new.indexes if index not in later)
            change = change._replace(new=change.new._replace(indexes=rest))
        kept.append(change)
    return kept, waiting


def _reindexes(changes: Sequence[Change], tables: Iterable[Table]) -> Iterator[Reindex]:
    """Yield the full-text tables that stay as they are, and index values that change."""
    filled = {
        fold(change.new.name): {
            fold(name) for name, value in change.values if value != quote_identifier(name)
        }
        for change in changes
        if isinstance(change, RebuildTable)
    }
    made = {fold(change.new.name) for change in changes if isinstance(change, RebuildVirtual)}
    for table in tables:
        content = content_of(table)
        others = filled.get(fold(content or ""), set()) & {fold(column.name) for column in table.columns}
        if others and fold(table.name) not in made:
            yield Reindex(table.name)


# --- indexes, views, triggers ---


class _Object(NamedTuple):
    kind: str
    name: str
    owner: str
    sql: str


_ORDER = ("trigger", "view", "index")


def _objects(schema: Schema) -> dict[tuple[str, str], _Object]:
    found = [_Object("view", view.name, "", view.sql) for view in schema.views]
    for table in schema.tables:
        found += [_Object("index", i.name, fold(table.name), i.sql) for i in table.indexes if i.sql]
        found += [_Object("trigger", t.name, fold(table.name), t.sql) for t in table.triggers]
    found += [_Object("trigger", t.name, fold(t.table), t.sql) for t in schema.triggers]
    return {(item.kind, fold(item.name)): item for item in found}


def _others(
    current: Schema, desired: Schema, scopes: Scopes, *, gone: Collection[str], rebuilt: Collection[str]
) -> tuple[list[Drop], list[Create]]:
    """Return what is dropped before the tables change, and what is created behind that.

    Indexes of a table that goes are dropped with it unless another object takes the name, but its triggers
    before: rows that go with those of another table would fire them. A rebuild makes its own indexes.
    """
    old, new = _objects(current), _objects(desired)
    differs = {
        key
        for key in old.keys() | new.keys()
        if key not in old
        or key not in new
        or canonical(old[key].sql, scopes[0]) != canonical(new[key].sql, scopes[1])
    }
    # ALTER TABLE refuses while a view or trigger reads a view that is gone.
    while more := {
        key
        for key, item in old.items()
        if key in new and key not in differs and any(mentions(item.sql, n) for k, n in differs if k == "view")
    }:
        differs |= more
    views = {name for kind, name in differs if kind == "view"}
    taken = {fold(table.name) for table in desired.tables} | {fold(view.name) for view in desired.views}
    drops = [
        Drop(item.kind, item.name)
        for key, item in old.items()
        if key in differs
        and item.owner not in views
        and not (item.kind == "index" and item.owner in gone and key not in new and key[1] not in taken)
    ]
    creates = [
        Create(item.kind, item.name, item.sql)
        for key, item in new.items()
        if (key in differs or item.owner in views or item.owner in rebuilt)
        and not (item.kind == "index" and item.owner in rebuilt)
    ]
    drops.sort(key=lambda drop: _ORDER.index(drop.kind))
    creates.sort(key=lambda create: -_ORDER.index(create.kind))
    return drops, creates


def _children_first(tables: Iterable[Table]) -> list[Table]:
    """Order tables that go so that no DROP TABLE finds rows that refer to its own."""
    rest = list(tables)
    ordered: list[Table] = []
    while rest:
        links = ((fold(key.table), fold(table.name)) for table in rest for key in table.foreign_keys)
        parents = {parent for parent, child in links if parent != child}
        free = [table for table in rest if fold(table.name) not in parents] or rest[:1]
        ordered += free
        rest = [table for table in rest if table not in free]
    return ordered


# --- tables ---


class _Table:
    """What becomes of one table."""

    def __init__(
        self, old: Table, new: Table, scopes: Scopes, backfill: Mapping[tuple[str, str], str], *, order: bool
    ) -> None:
        self.missing: list[Missing] = []
        self.changes: list[Change] = []
        self._old, self._new, self._backfill = old, new, backfill
        before, after = parse_table(old.sql), parse_table(new.sql)
        if before is None or after is None:
            if canonical(old.sql) != canonical(new.sql):
                self.changes.append(rebuild_virtual(old, new, backfill))
            return
        self._before, self._after = before, after
        self._was, self._is = meaning(before, scopes[0]), meaning(after, scopes[1])
        if order and self._moves():
            self._rebuild()
        elif self._was.text != self._is.text:
            self._change()

    def _moves(self) -> bool:
        """Whether columns would be in another order after ADD COLUMN and DROP COLUMN."""
        was, now = list(self._was.columns), list(self._is.columns)
        kept = [name for name in was if name in now]
        return now != kept + [name for name in now if name not in was]

    def _change(self) -> None:
        was, now = self._was, self._is
        added = [c for c in self._after.columns if fold(c.name) not in was.columns]
        dropped = [c for c in self._before.columns if fold(c.name) not in now.columns]
        others = was.columns.keys() & now.columns.keys()
        if (
            was.options == now.options
            and all(was.columns[name] == now.columns[name] for name in others)
            and was.parts([fold(c.name) for c in dropped]) == now.parts([fold(c.name) for c in added])
            and all(map(self._can_add, added))
            and all(map(self._can_drop, dropped))
        ):
            items = {fold(item.column or ""): item.sql for item in self._after.items}
            self.changes += [
                AddColumn(self._new.name, c.name, items[fold(c.name)], self._value(c.name)) for c in added
            ]
            self.changes += [DropColumn(self._new.name, c.name) for c in dropped]
        else:
            self._rebuild()

    def _value(self, column: str) -> str | None:
        return self._backfill.get((fold(self._old.name), fold(column)))

    def _can_add(self, column: ColumnDefinition) -> bool:
        """Whether ADD COLUMN takes it where there are rows (d1-facts §1.4)."""
        if column.keys or column.stored:
            return False
        if self._is_rowid_name(column):
            return False
        if column.generated is not None:
            return True
        # An UPDATE that fills it would fire the table's triggers.
        # A foreign key over values that are filled in is proved by a rebuild.
        if self._value(column.name) is not None and (self._old.triggers or column.references):
            return False
        if column.default is None:
            return column.not_null is None
        is_null = column.default.upper() == "NULL"
        if is_null or column.references:
            return is_null and column.not_null is None
        return _is_constant(column.default)

    def _can_drop(self, column: ColumnDefinition) -> bool:
        """Whether DROP COLUMN takes it: no key, and nothing else in the table speaks of it."""
        name = fold(column.name)
        others = [part for own, parts in self._was.own.items() if own != name for part in parts]
        spoken = any(name in part.columns for part in (*others, *self._was.beside))
        computed = any(c.generated is not None and mentions(c.generated, name) for c in self._before.columns)
        return not (column.keys or spoken or computed or self._is_rowid_name(column))

    def _is_rowid_name(self, column: ColumnDefinition) -> bool:
        """Whether a column takes a name of the rowid: ALTER TABLE neither adds nor drops such a column."""
        return fold(column.name) in ROWIDS and not self._before.without_rowid

    def _rebuild(self) -> None:
        values = tuple(self._values())
        self.changes.append(RebuildTable(self._old, self._new, values))

    def _values(self) -> Iterator[tuple[str, str]]:
        """Yield what each column of the new table is filled with."""
        old = {fold(column.name): column for column in self._before.columns}
        for column in self._after.columns:
            if column.generated is not None:
                continue
            source, value = old.get(fold(column.name)), self._value(column.name)
            is_needed = column.not_null is not None and not (source and source.not_null)
            if source is None:
                if value is not None:
                    yield column.name, value
                elif is_needed and _is_null(column.default):
                    self.missing.append(Missing(self._new.name, column.name, is_new=True))
                continue
            name = quote_identifier(source.name)
            if is_needed and value is None and not holds_no_null(self._before, source.name):
                self.missing.append(Missing(self._new.name, column.name, is_new=False))
            if value is not None and not _reads(value, source.name):
                value = f"coalesce({name}, {value})"
            yield column.name, value or name


def _reads(expression: str, column: str) -> bool:
    """Whether an expression reads a column: then it says what becomes of every value, not of NULL only."""
    return any(
        token.kind in ("word", "quoted") and fold(unquote(token.text)) == fold(column)
        for token in significant(expression)
    )


def _is_null(default: str | None) -> bool:
    return default is None or default.upper() == "NULL"


def _is_constant(default: str) -> bool:
    """Whether SQLite takes a default for one that existing rows can have: a literal."""
    tokens = significant(default)
    tokens = tokens[1:] if tokens and tokens[0].text in ("+", "-") else tokens
    return len(tokens) == 1 and (
        tokens[0].kind in ("string", "number", "blob", "quoted") or tokens[0].keyword in _CONSTANTS
    )
