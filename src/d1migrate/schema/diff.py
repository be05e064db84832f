"""Two schemas → the changes that turn the first into the second: as few as possible, rebuilds if needed."""

from __future__ import annotations

from collections import Counter

from d1migrate.named_tuple import NamedTuple
from d1migrate.schema.changes import (
    AddColumn,
    Change,
    Create,
    Diff,
    Drop,
    DropColumn,
    DropTable,
    RebuildTable,
    RebuildVirtual,
    Reindex,
    RequiredValue,
)
from d1migrate.schema.inline import inlined
from d1migrate.schema.keys import definition_of, is_parent_key
from d1migrate.schema.normalize import canonical, mentioned_names, mentions, normal_form
from d1migrate.schema.queries import content_of, holds_no_null
from d1migrate.schema.scope import Scope
from d1migrate.schema.virtual import rebuild_virtual
from d1migrate.sql.names import ROWIDS, fold, quote_identifier, unquote
from d1migrate.sql.tokens import significant

TYPE_CHECKING = False
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
    rebuild: Collection[str] = (),
) -> Diff:
    """Return what turns one schema into another.

    Tables and columns are matched by name. A rename is done before, by SQLite, which rewrites all references.

    Args:
        current: the schema that exists.
        desired: the schema that should exist.
        backfill: {(table, column), both folded: SQL over the table's current columns} for existing rows.
        order: whether a different order of columns is a difference.
        rebuild: tables, folded, that are rebuilt instead of dropping columns.

    Raises:
        PlanError: a virtual table cannot be rebuilt as desired.
    """
    old = {fold(table.name): table for table in current.tables}
    new = {fold(table.name): table for table in desired.tables}
    gone = [table for name, table in old.items() if name not in new]
    created = [table for name, table in new.items() if name not in old]
    scopes = Scope.of(current), Scope.of(desired)
    changed = {
        name: _Table(old[name], new[name], scopes, backfill or {}, order=order, drops=name not in rebuild)
        for name in _may_differ(old, new)
    }
    inside = [change for table in changed.values() for change in table.changes]
    inside, waiting = _without_taken_names(inside, {fold(table.name) for table in gone})
    rebuilds = [change for change in inside if isinstance(change, RebuildTable)]
    rebuilt = {fold(change.new.name) for change in rebuilds}
    drops, creates = _others(current, desired, scopes, gone={fold(t.name) for t in gone}, rebuilt=rebuilt)
    waiting += [c for c in creates if c.kind == "index" and fold(c.name) in {fold(t.name) for t in gone}]
    creates = [create for create in creates if create not in waiting]
    early = _dropped_early(gone, rebuilds, [table for name, table in old.items() if name in new])
    changes: list[Change] = [
        *drops,
        *(Create("table", table.name, table.sql) for table in created),
        *(change for change in inside if isinstance(change, AddColumn | DropColumn)),
        # A foreign key may need a unique index, and is checked from here on.
        *(create for create in creates if create.kind == "index"),
        *(DropTable(table) for table in _children_first(gone) if table in early),
        *_keys_fitting(rebuilds),
        *(DropTable(table) for table in _children_first(gone) if table not in early),
        *waiting,
        *(create for create in creates if create.kind != "index"),
        # They may index a table or a view that is created above.
        *(change for change in inside if isinstance(change, RebuildVirtual)),
        *_reindexes(inside, [new[name] for name in new if name in old]),
    ]
    return Diff(tuple(changes), tuple(missing for table in changed.values() for missing in table.missing))


def _may_differ(old: Mapping[str, Table], new: Mapping[str, Table]) -> Iterator[str]:
    """Yield the tables of both schemas, except those that the same SQL creates.

    A foreign key that names no columns has another meaning if the primary key of its parent changes.
    """
    same = {name for name, table in old.items() if name in new and table.sql == new[name].sql}
    for name, table in old.items():
        if name not in new:
            continue
        implied = (fold(key.table) for key in table.foreign_keys if None in key.to)
        if name not in same or not same.issuperset(implied):
            yield name


def _without_taken_names(
    changes: Iterable[Change], taken: Collection[str]
) -> tuple[list[Change], list[Create]]:
    """Return changes whose rebuilds omit indexes with taken names, and the changes that create them later.

    SQLite has one namespace for tables, views and indexes.
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
    """Yield the full-text tables that do not change, but index values that do."""
    filled = {
        fold(change.new.name): {
            fold(name) for name, value in change.values if value != quote_identifier(name)
        }
        for change in changes
        if isinstance(change, RebuildTable)
    }
    rebuilt = {fold(change.new.name) for change in changes if isinstance(change, RebuildVirtual)}
    for table in tables:
        content = content_of(table)
        others = filled.get(fold(content or ""), set()) & {fold(column.name) for column in table.columns}
        if others and fold(table.name) not in rebuilt:
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
    """Return what is dropped before the tables change, and what is created after them.

    The indexes of a dropped table are dropped with it, unless another object takes the name. Its triggers are
    dropped before: a cascade that deletes its rows would fire them. A rebuild creates its own indexes.
    """
    old, new = _objects(current), _objects(desired)
    differs = {
        key
        for key in old.keys() | new.keys()
        if key not in old or key not in new or _differ(old[key].sql, new[key].sql, scopes)
    }
    # ALTER TABLE fails while a view or trigger reads a view that does not exist.
    views = {name for kind, name in differs if kind == "view"}
    kept = {key: mentioned_names(old[key].sql) for key in old.keys() - differs} if views else {}
    while more := {key for key, names in kept.items() if not views.isdisjoint(names)} - differs:
        differs |= more
        views |= {name for kind, name in more if kind == "view"}
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


def _differ(old: str, new: str, scopes: Scopes) -> bool:
    """Whether an index, view or trigger differs; the same SQL does if its names refer to something else."""
    if old == new and scopes[0].names(old) == scopes[1].names(new):
        return False
    return canonical(old, scopes[0]) != canonical(new, scopes[1])


def _dropped_early(
    gone: Collection[Table], rebuilds: Sequence[RebuildTable], staying: Sequence[Table]
) -> list[Table]:
    """Return the tables to drop before rebuilds: a foreign key of theirs does not fit a parent afterwards.

    Others are dropped after them, when no rebuilt table references them any more, and no value reads them.
    """
    parents = {fold(rebuild.new.name): rebuild.new for rebuild in rebuilds}
    referenced = {fold(key.table) for table in staying for key in table.foreign_keys}
    early = [
        table
        for table in gone
        if any(
            fold(key.table) in parents and not is_parent_key(parents[fold(key.table)], key)
            for key in table.foreign_keys
        )
    ]
    for table in early:  # it grows
        children = (t for t in gone if fold(table.name) in {fold(key.table) for key in t.foreign_keys})
        early += [child for child in children if child not in early]
    return [] if referenced & {fold(table.name) for table in early} else early


def _keys_fitting(rebuilds: Sequence[RebuildTable]) -> Iterator[RebuildTable]:
    """Order rebuilds so that the foreign keys between these tables fit at each step, if one order does it.

    SQLite refuses to write to a table, and so to copy its rows back, if a foreign key from or to it does not.
    """
    rest = {fold(rebuild.new.name): rebuild for rebuild in rebuilds}
    before: dict[str, set[str]] = {name: set() for name in rest}
    for name, (old, new, _) in rest.items():
        for table, is_new in ((old, False), (new, True)):
            for key in table.foreign_keys:
                parent = fold(key.table)
                other = rest.get(parent)
                if other is None or parent == name:
                    continue
                if not is_parent_key(other.old if is_new else other.new, key):
                    first, second = (parent, name) if is_new else (name, parent)
                    before[second].add(first)
    while rest:
        name = next((name for name in rest if not before[name] & rest.keys()), next(iter(rest)))
        yield rest.pop(name)


def _children_first(tables: Iterable[Table]) -> list[Table]:
    """Order tables to drop so that each is dropped after the tables that reference it."""
    rest = {fold(table.name): table for table in tables}
    parents = {name: {fold(key.table) for key in table.foreign_keys} - {name} for name, table in rest.items()}
    children = Counter(parent for found in parents.values() for parent in found)
    ordered: list[Table] = []
    while rest:
        for name in [name for name in rest if not children[name]] or [next(iter(rest))]:
            ordered.append(rest.pop(name))
            children.subtract(parents[name])
    return ordered


# --- tables ---


class _Table:
    """How one table changes."""

    def __init__(
        self,
        old: Table,
        new: Table,
        scopes: Scopes,
        backfill: Mapping[tuple[str, str], str],
        *,
        order: bool,
        drops: bool,
    ) -> None:
        self.missing: list[RequiredValue] = []
        self.changes: list[Change] = []
        self._old, self._new, self._backfill, self._drops = old, new, backfill, drops
        before, after = definition_of(old), definition_of(new)
        if before is None or after is None:
            if canonical(old.sql) != canonical(new.sql):
                self.changes.append(rebuild_virtual(old, new, backfill))
            return
        self._before, self._after, self._scope = before, after, scopes[1]
        self._was, self._is = normal_form(before, scopes[0]), normal_form(after, scopes[1])
        if order and self._moves():
            self._rebuild()
        elif self._was.text != self._is.text:
            self._change()

    def _moves(self) -> bool:
        """Whether ADD COLUMN and DROP COLUMN would leave the columns in another order."""
        was, now = list(self._was.columns), list(self._is.columns)
        kept = [name for name in was if name in now]
        return now != kept + [name for name in now if name not in was]

    def _change(self) -> None:
        was = self._was
        after = inlined(self._after, self._is.columns.keys() - was.columns.keys())
        now = normal_form(after, self._scope)
        added = [c for c in after.columns if fold(c.name) not in was.columns]
        dropped = [c for c in self._before.columns if fold(c.name) not in now.columns]
        others = was.columns.keys() & now.columns.keys()
        if (
            was.options == now.options
            and all(was.columns[name] == now.columns[name] for name in others)
            and was.constraints([fold(c.name) for c in dropped])
            == now.constraints([fold(c.name) for c in added])
            and all(map(self._can_add, added))
            and all(map(self._can_drop, dropped))
        ):
            items = {fold(item.column or ""): item.sql for item in after.items}
            self.changes += [
                AddColumn(self._new.name, c.name, items[fold(c.name)], self._value(c.name)) for c in added
            ]
            self.changes += [DropColumn(self._new.name, c.name) for c in dropped]
        else:
            self._rebuild()

    def _value(self, column: str) -> str | None:
        return self._backfill.get((fold(self._old.name), fold(column)))

    def _can_add(self, column: ColumnDefinition) -> bool:
        """Whether ADD COLUMN accepts it if the table has rows (d1-facts §1.4)."""
        if column.keys or column.stored:
            return False
        if self._is_rowid_name(column):
            return False
        if column.generated is not None:
            return True
        # An UPDATE that fills it would fire the table's triggers, and would not check a foreign key as a
        # rebuild does.
        if self._value(column.name) is not None and (self._old.triggers or column.references):
            return False
        if column.default is None:
            return column.not_null is None
        is_null = column.default.upper() == "NULL"
        if is_null or column.references:
            return is_null and column.not_null is None
        return is_constant(column.default)

    def _can_drop(self, column: ColumnDefinition) -> bool:
        """Whether DROP COLUMN is wanted, and accepts it: it is in no key, and nothing else mentions it."""
        name = fold(column.name)
        others = [
            part for own, parts in self._was.column_constraints.items() if own != name for part in parts
        ]
        is_mentioned = any(name in part.columns for part in (*others, *self._was.table_constraints))
        is_read = any(c.generated is not None and mentions(c.generated, name) for c in self._before.columns)
        return self._drops and not (column.keys or is_mentioned or is_read or self._is_rowid_name(column))

    def _is_rowid_name(self, column: ColumnDefinition) -> bool:
        """Whether a column is named like the rowid: ALTER TABLE neither adds nor drops such a column."""
        return fold(column.name) in ROWIDS and not self._before.without_rowid

    def _rebuild(self) -> None:
        values = tuple(self._values())
        self.changes.append(RebuildTable(self._old, self._new, values))

    def _values(self) -> Iterator[tuple[str, str]]:
        """Yield (column, SQL of its value) of the new columns that are filled."""
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
                    self.missing.append(RequiredValue(self._new.name, column.name, is_new=True))
                continue
            name = quote_identifier(source.name)
            if is_needed and value is None and not holds_no_null(self._before, source.name):
                self.missing.append(RequiredValue(self._new.name, column.name, is_new=False))
            if value is not None and not _reads(value, source.name):
                value = f"coalesce({name}, {value})"
            yield column.name, value or name


def _reads(expression: str, column: str) -> bool:
    """Whether an expression reads a column: then it converts every value, and does not replace only NULLs."""
    return any(
        token.kind in ("word", "quoted") and fold(unquote(token.text)) == fold(column)
        for token in significant(expression)
    )


def _is_null(default: str | None) -> bool:
    return default is None or default.upper() == "NULL"


def is_constant(default: str) -> bool:
    """Whether SQLite gives a default to existing rows in ADD COLUMN: only a literal."""
    tokens = significant(default)
    tokens = tokens[1:] if tokens and tokens[0].text in ("+", "-") else tokens
    return len(tokens) == 1 and (
        tokens[0].kind in ("string", "number", "blob", "quoted") or tokens[0].keyword in _CONSTANTS
    )
