"""What the SQL of a file is meant to do to the rows of each table, statement by statement.

An effect is expected if words of the file account for it: DELETE, UPDATE, REPLACE, an action of a foreign
key, a trigger. `row_attribution` compares these expectations with what happened.
"""

from __future__ import annotations

from bisect import bisect_left
from typing import TYPE_CHECKING, NamedTuple

from d1migrate.lint.column_copies import lists_columns, values_inside
from d1migrate.lint.expressions import as_column
from d1migrate.lint.replay.model import ReplayedStatement, RowAccess
from d1migrate.schema.cascade import cascades, events, followers, set_by_triggers, trigger_deletes, unlinked
from d1migrate.sql.names import fold, unquote
from d1migrate.sql.statement import Shape, target_of
from d1migrate.sql.tokens import significant

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

    from d1migrate.lint.analysis import AnalyzedReplay
    from d1migrate.schema.catalog import Catalog
    from d1migrate.schema.model import Table
    from d1migrate.sql.tokens import Token


class StatementEffect(NamedTuple):
    """What one statement is meant to do to one table.

    Attributes:
        lost_by: the words that delete rows, or "".
        direct_only: whether they account only for rows that the statement deletes directly. REPLACE may also
            delete rows of the same table by a foreign key or a trigger, which its words do not account for.
        linked_only: whether they are a CASCADE and a trigger deletes rows too: then they account only for
            rows with a link.
        changed_by: {column or "*": the words that change it}; folded.
    """

    lost_by: str = ""
    direct_only: bool = False
    linked_only: bool = False
    changed_by: Mapping[str, str] = {}

    def changes(self, column: str) -> bool:
        """Whether the statement is meant to change a column."""
        return column in self.changed_by or "*" in self.changed_by


class TableOutcome(NamedTuple):
    """What a file is meant to do to a table of the schema before it.

    Attributes:
        name: the table's name after the file, folded; None if it is dropped.
        ids: its own id in the catalog, then the ids of the tables that replace it, in order.
        dropped_by: the DROP TABLE that deletes all rows for good, or "".
        effects: {statement: its effect}; columns have the names from before the file.
        computed: {column: words} of those that the copy into a successor computes.
        refills: whether rows that existed before may be written to it: by REPLACE, or from another table.
        gained_by: the words that add rows, or "".
        renamed: {column before: column after} if they differ; folded.
    """

    name: str | None
    ids: tuple[int, ...]
    dropped_by: str
    effects: Mapping[int, StatementEffect]
    computed: Mapping[str, str]
    refills: bool
    gained_by: str
    renamed: Mapping[str, str]

    @property
    def is_rebuilt(self) -> bool:
        """Whether another table replaces it and receives its rows."""
        return len(self.ids) > 1 and not self.dropped_by

    @property
    def lost_by(self) -> str:
        """The words of the file that delete its rows, or ""."""
        return self.dropped_by or ", ".join(
            dict.fromkeys(effect.lost_by for effect in self.effects.values() if effect.lost_by)
        )

    @property
    def changed_by(self) -> dict[str, str]:
        """{column or "*": the words that change it}."""
        found: dict[str, str] = {}
        for effect in self.effects.values():
            found |= effect.changed_by
        return found | dict(self.computed)


class ReplayedFile:
    """The statements of a file, with the upserts that a replay leaves out.

    Attributes:
        replay: the file.
        statements: those that can do more than add rows, in order.
    """

    def __init__(self, replay: AnalyzedReplay) -> None:
        self.replay = replay
        self._starts = [statement.index for statement in replay.statements]
        self._by_index = {each.index: each for each in replay.statements if each.refusal is None}
        if replay.count > len(replay.statements):
            self._by_index |= {upsert.index: upsert for upsert in self._upserts()}
        self.statements = [statement for _, statement in sorted(self._by_index.items())]

    def _upserts(self) -> Iterator[ReplayedStatement]:
        known = set(self._starts)
        for index, statement in enumerate(self.replay.migration.statements()):
            if index in known or "CONFLICT" not in statement.sql.upper():
                continue
            table = target_of(significant(statement.sql))
            catalog = self.catalog(index)
            yield ReplayedStatement(
                index, statement, Shape("insert"), [RowAccess("insert", table, "", "")], catalog, catalog
            )

    def statement(self, index: int) -> ReplayedStatement | None:
        """Return a statement; None for one that only adds rows."""
        return self._by_index.get(index)

    def catalog(self, index: int) -> Catalog:
        """Return the schema before a statement."""
        place = bisect_left(self._starts, index)  # a statement that only adds rows leaves the schema as it is
        return self.replay.statements[place - 1].after if place else self.replay.before


def outcome_of(file: ReplayedFile, table: str, inserts: Mapping[int, str]) -> TableOutcome:
    """Return what a file is meant to do to a table of the schema before it.

    Args:
        file: the file.
        table: the table, by its folded name.
        inserts: {statement that only adds rows: the table it adds them to, folded}.
    """
    replay = file.replay
    own_id = replay.before.ids[table]
    name, ids = replay.after.name_of(own_id), [own_id]
    if name is None:
        ids += _successors(file, own_id)
        name = next((found for each in reversed(ids) if (found := replay.after.name_of(each))), None)
    copies = (copy for each in ids[1:] for copy in _copies_into(file, each))
    fills = [traced for copy in copies for traced in _traced(file, copy)] if name else []
    is_kept = (len(ids) == 1 and name is not None) or (bool(fills) and _is_copied_out(file, own_id))
    renamed, computed = _renamed(replay, own_id), dict[str, str]()
    for copy in fills if is_kept else ():
        computed |= copy.computed()
        renamed |= {a: b for a, b in copy.renamed() if a not in renamed}
    names = _OriginalNames(replay, own_id, renamed)
    effects = _effects(file, ids, inserts, names)
    return TableOutcome(
        name,
        tuple(ids),
        dropped_by="" if is_kept else f"DROP TABLE {replay.before.tables[table].name}",
        effects=effects,
        computed={names.original(column): words for column, words in computed.items()},
        refills=any(e.direct_only for e in effects.values()) or any(_copies_into(file, own_id)),
        gained_by="INSERT" if replay.filled.keys() & set(ids) else "",
        renamed=renamed,
    )


def _effects(
    file: ReplayedFile, ids: Iterable[int], inserts: Mapping[int, str], names: _OriginalNames
) -> dict[int, StatementEffect]:
    """Return {statement: its effect} on a table and its successors."""
    found: dict[int, StatementEffect] = {}
    for each in ids:
        for statement in file.statements:
            if effect := _effect_on(statement, each):
                changed_by = names.before(each, statement.index, effect.changed_by)
                found[statement.index] = effect._replace(changed_by=changed_by)
        for index, target in inserts.items():
            catalog = file.catalog(index)
            if changed_by := set_by_triggers(catalog, [(target, "insert")], catalog.name_of(each) or ""):
                found[index] = StatementEffect(changed_by=names.before(each, index, changed_by))
    return found


def _successors(file: ReplayedFile, table_id: int) -> list[int]:
    """Return the tables of a file that replace another one, in order: those that take a name it had."""
    replay = file.replay
    old, found, names = set(replay.before.ids.values()), list[int](), {replay.before.name_of(table_id)}
    for statement in file.statements:
        if statement.before is statement.after:
            continue
        for name, each in statement.after.ids.items():
            if each == table_id or each in found:
                names.add(name)
            elif name in names and each not in old:
                found.append(each)
    return found


def sources(statement: ReplayedStatement) -> set[str]:
    """Return the tables that a statement copies rows from, directly or through views, folded.

    These are only some of the tables it reads: SQLite also reads the parents that new rows reference.
    """
    named = {fold(unquote(token.text)) for token in statement.tokens}
    return {t.table for t in statement.accesses if t.kind == "read" and (t.by or t.table) in named}


def _is_copied_out(file: ReplayedFile, table_id: int) -> bool:
    return any(
        statement.before.name_of(table_id) in sources(statement)
        for statement in file.statements
        if statement.verb in ("insert", "replace") or statement.is_from_select
    )


class _Copy(NamedTuple):
    """A statement that fills a table from other tables.

    Attributes:
        statement: the statement.
        into: the table it fills.
        values: {column: the expression that gives its value}.
        lists_columns: whether it names the columns that it fills.
        updated: the columns that an UPDATE changes while another table holds the rows.
    """

    statement: ReplayedStatement
    into: Table
    values: Mapping[str, Sequence[Token]]
    lists_columns: bool
    updated: Collection[str] = ()

    def computed(self) -> dict[str, str]:
        """Return {column: words} of those that are computed, or deliberately taken from another column."""
        found = {}
        words = "CREATE TABLE … AS" if self.statement.is_from_select else "INSERT … SELECT"
        for column, value in self.values.items():
            source = as_column(value)
            is_from_star = value[0].start <= 0
            if source is None or (source.name != column and not is_from_star and self.lists_columns):
                found[column] = words
        return found | dict.fromkeys(self.updated, "UPDATE")

    def renamed(self) -> Iterator[tuple[str, str]]:
        """Yield (column, its new name) of those that are copied into a column of another name."""
        known = {fold(column.name) for column in self.into.columns}
        for column, value in self.values.items():
            source = as_column(value)
            if source and source.name not in known:
                yield source.name, column


def _copies_into(file: ReplayedFile, table_id: int) -> Iterator[_Copy]:
    for statement in file.statements:
        is_create = statement.is_from_select
        name = statement.shape.name if is_create else statement.target
        if statement.after.ids.get(name) != table_id or not sources(statement) - {name}:
            continue
        if is_create or statement.verb in ("insert", "replace"):
            table, values = statement.after.tables[name], values_inside(statement)
            yield _Copy(statement, table, values, is_create or lists_columns(statement))


def _traced(file: ReplayedFile, copy: _Copy) -> Iterator[_Copy]:
    """Yield a copy as a copy from the tables before the file, if it reads a table that the file created.

    Such a table holds the rows during a rebuild. What is computed when it is filled counts as computed.
    """
    ids, before = copy.statement.before.ids, set(file.replay.before.ids.values())
    read = sources(copy.statement) - {fold(copy.into.name)}
    created = {ids[name] for name in read if name in ids} - before
    hold = created.pop() if len(created) == 1 else None
    holds = list(_copies_into(file, hold)) if hold is not None else []
    changed = {
        column
        for statement in file.statements
        if statement.verb == "update" and statement.before.ids.get(statement.target) == hold
        for column in statement.changes()
    }
    for first in holds:
        from_hold = {column: as_column(value) for column, value in copy.values.items()}
        yield copy._replace(
            statement=first.statement,
            values={
                column: first.values.get(source.name, copy.values[column]) if source else copy.values[column]
                for column, source in from_hold.items()
            },
            lists_columns=first.lists_columns,
            updated={column for column, source in from_hold.items() if source and source.name in changed},
        )
    if not holds:
        yield copy


def _effect_on(statement: ReplayedStatement, table_id: int) -> StatementEffect | None:
    """Return what a statement is meant to do to a table, or None."""
    name = statement.before.name_of(table_id)
    if name is None or statement.verb not in _EFFECTS:
        return None
    catalog, target = statement.before, statement.target
    if catalog.tables[name].is_virtual:
        return _effect_on_virtual(statement, name)
    effect = _EFFECTS[statement.verb](statement, name)
    happening = events(statement)
    if statement.verb == "delete" and name in trigger_deletes(catalog, happening):
        if target in catalog.views:
            effect = effect._replace(lost_by=f"DELETE FROM {target}", linked_only=False)
        elif target != name:
            effect = effect._replace(linked_only=True)
    changed_by = set_by_triggers(catalog, happening, name) | dict(effect.changed_by)
    return effect._replace(changed_by=changed_by) if effect.lost_by or changed_by else None


def _effect_of_delete(statement: ReplayedStatement, name: str) -> StatementEffect:
    catalog, target = statement.before, statement.target
    families = cascades(catalog, target)
    links = unlinked(catalog, (target, *families)).get(name, ())
    changed_by = dict.fromkeys(links, f"SET NULL of DELETE FROM {target}")
    if target == name:
        return StatementEffect("DELETE", changed_by=changed_by)
    lost_by = f"CASCADE of DELETE FROM {target}" if name in families else ""
    return StatementEffect(lost_by, changed_by=changed_by)


def _effect_of_update(statement: ReplayedStatement, name: str) -> StatementEffect:
    catalog, target, columns = statement.before, statement.target, statement.changes()
    following = followers(catalog, target, columns).get(name, ())
    changed_by = dict.fromkeys(following, f"CASCADE of UPDATE {target}")
    if target != name:
        is_key = _key(statement, name) & changed_by.keys()
        return StatementEffect(f"CASCADE of UPDATE {target}" if is_key else "", changed_by=changed_by)
    changed_by |= dict.fromkeys(columns, "UPDATE")
    if statement.replaces:
        return StatementEffect("REPLACE", direct_only=True, changed_by=changed_by)
    is_key = _key(statement, name) & columns
    return StatementEffect("UPDATE of its key" if is_key else "", changed_by=changed_by)


def _effect_of_insert(statement: ReplayedStatement, name: str) -> StatementEffect:
    if statement.target != name:
        return StatementEffect()
    is_replace = statement.replaces
    if "CONFLICT" in statement.words:
        changed_by = dict.fromkeys(statement.changes(), "ON CONFLICT DO UPDATE")
        if _key(statement, name) & changed_by.keys():
            return StatementEffect("DO UPDATE of its key", changed_by=changed_by)
        return StatementEffect("REPLACE" if is_replace else "", is_replace, changed_by=changed_by)
    if is_replace:
        return StatementEffect("REPLACE", direct_only=True, changed_by={"*": "REPLACE"})
    return StatementEffect()


_EFFECTS = {
    "delete": _effect_of_delete,
    "update": _effect_of_update,
    "insert": _effect_of_insert,
    "replace": _effect_of_insert,
}


def _effect_on_virtual(statement: ReplayedStatement, name: str) -> StatementEffect | None:
    """Return the effect on a virtual table: a statement on the table itself, or a trigger that keeps it."""
    touched = (t.by for t in statement.accesses if t.table == name and t.kind != "read" and t.by)
    trigger = next(touched, "")
    if statement.target != name and not trigger:
        return None
    words = statement.verb.upper() if statement.target == name else f"trigger {trigger}"
    return StatementEffect(words, changed_by={"*": words})


def _key(statement: ReplayedStatement, name: str) -> set[str]:
    return set(map(fold, statement.before.tables[name].primary_key))


def _renamed(replay: AnalyzedReplay, table_id: int) -> dict[str, str]:
    """Return {column before the file: its name after it} of the columns that RENAME COLUMN renamed."""
    columns = replay.columns.last(table_id)
    return {c.name: name for name, c in columns.items() if c.since < 0 and c.name != name}


class _OriginalNames(NamedTuple):
    """The names that the columns of a table had before the file.

    Attributes:
        replay: the file.
        table_id: the table.
        renamed: {column before: column after} if they differ; folded.
    """

    replay: AnalyzedReplay
    table_id: int
    renamed: Mapping[str, str]

    def original(self, name: str) -> str:
        """Return a column's name before the file, from its name after it."""
        return next((before for before, after in self.renamed.items() if after == name), name)

    def before(self, table_id: int, index: int, words: Mapping[str, str]) -> dict[str, str]:
        """Return {column: words} by the names before the file, from the names at a statement.

        A column that the file adds is mapped by the name it has at the end.
        """
        found = self.replay.columns.at(table_id, index)
        last = {column: name for name, column in self.replay.columns.last(table_id).items()}
        renamed: dict[str, str] = {}
        for name, text in words.items():
            column = found.get(name)
            if column is not None and table_id == self.table_id and column.since < 0:
                renamed[column.name] = text
            elif column is not None:
                renamed[self.original(last.get(column, name))] = text
            else:
                renamed[name] = text
        return renamed


def columns_set_indirectly(file: ReplayedFile, index: int, table: str) -> set[str]:
    """Return the columns of a table that foreign keys and triggers set when a statement runs."""
    statement, catalog = file.statement(index), file.catalog(index)
    if statement is None:  # it only adds rows, so only triggers set columns
        return {
            column
            for name in catalog.tables
            for column in set_by_triggers(catalog, [(name, "insert")], table)
        }
    found = set(set_by_triggers(catalog, events(statement), table))
    if statement.verb == "update":
        return found | followers(catalog, statement.target, statement.changes()).get(table, set())
    parent = statement.shape.name if statement.verb == "drop table" else statement.target
    return found | unlinked(catalog, (parent, *cascades(catalog, parent))).get(table, set())
