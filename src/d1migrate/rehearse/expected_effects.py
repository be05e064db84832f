"""What the SQL of a file itself says will happen to the rows of a table, statement by statement."""

from __future__ import annotations

from bisect import bisect_left
from typing import TYPE_CHECKING, NamedTuple

from d1migrate.lint.column_copies import lists_columns, values_inside
from d1migrate.lint.expressions import as_column
from d1migrate.lint.replay.model import ReplayedStatement, RowAccess
from d1migrate.lint.sqltext import replaces
from d1migrate.migrate.history_guard import recorded_table
from d1migrate.schema.cascade import cascades, events, followers, set_by_triggers, trigger_deletes, unlinked
from d1migrate.sql.classify import Shape
from d1migrate.sql.names import fold, unquote

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from d1migrate.lint.replay.model import Replay
    from d1migrate.schema.catalog import Catalog
    from d1migrate.schema.model import Table
    from d1migrate.sql.tokens import Token


class StatementEffect(NamedTuple):
    """What one statement says of one table.

    Attributes:
        takes: its words that take rows, "" where there are none.
        alone: whether they are for the rows it takes itself only: what REPLACE takes by a foreign key, or a
            trigger, from the same table is not said.
        linked: whether they are a CASCADE, beside which a trigger takes rows, too: what has no link is not
            said.
        changes: {column or "*": words that change it}; folded.
    """

    takes: str = ""
    alone: bool = False
    linked: bool = False
    changes: Mapping[str, str] = {}

    def tells_of(self, column: str) -> bool:
        """Whether it says that a column changes."""
        return column in self.changes or "*" in self.changes


class TableOutcome(NamedTuple):
    """What becomes of a table of the schema before a file.

    Attributes:
        name: the name it has when the file has run, folded; None where it is gone.
        numbers: those it goes by: its own, and those of the tables which take its place, one after the other.
        drops: the DROP TABLE that takes all rows for good, or "".
        said: {statement: what it says}; here, columns have the names they had before the file.
        copying: {column: words}, of those that are computed where the rows are copied into its heir.
        moved: the columns, of any table, that are read where its heirs are filled.
        refills: whether rows may be put into it that were there before: by REPLACE, or from another table.
        adds: the words that add rows, or "".
        columns: {column before: column after} where they differ; folded.
    """

    name: str | None
    numbers: tuple[int, ...]
    drops: str
    said: Mapping[int, StatementEffect]
    copying: Mapping[str, str]
    moved: Collection[str]
    refills: bool
    adds: str
    columns: Mapping[str, str]

    @property
    def is_rebuilt(self) -> bool:
        """Whether another table has its place, and its rows were to be copied into that one."""
        return len(self.numbers) > 1 and not self.drops

    @property
    def loses(self) -> str:
        """The words of the file that take rows from it, or ""."""
        return self.drops or ", ".join(dict.fromkeys(s.takes for s in self.said.values() if s.takes))

    @property
    def changes(self) -> dict[str, str]:
        """{column or "*": the words that change it}."""
        found: dict[str, str] = {}
        for said in self.said.values():
            found |= said.changes
        return found | dict(self.copying)


class ReplayedFile:
    """The statements of a file, with the upserts that a replay leaves out.

    Attributes:
        replay: the file.
        ran: the statements that tell something, in order.
    """

    def __init__(self, replay: Replay) -> None:
        self.replay = replay
        self._starts = [ran.index for ran in replay.statements]
        self._by_index = {ran.index: ran for ran in replay.statements if ran.refusal is None}
        if replay.count > len(replay.statements):
            self._by_index |= {ran.index: ran for ran in self._upserts()}
        self.ran = [ran for _, ran in sorted(self._by_index.items())]

    def _upserts(self) -> Iterator[ReplayedStatement]:
        known = set(self._starts)
        for index, statement in enumerate(self.replay.migration.statements()):
            if index in known or "CONFLICT" not in statement.sql.upper():
                continue
            table = recorded_table(statement.sql) or ""
            catalog = self.catalog(index)
            yield ReplayedStatement(
                index, statement, Shape("insert"), [RowAccess("insert", table, "", "")], catalog, catalog
            )

    def at(self, index: int) -> ReplayedStatement | None:
        """Return a statement; None for one that only adds rows."""
        return self._by_index.get(index)

    def catalog(self, index: int) -> Catalog:
        """Return the schema that a statement found."""
        place = bisect_left(self._starts, index)  # what adds rows only, leaves the schema as it is
        return self.replay.statements[place - 1].after if place else self.replay.before


def outcome_of(told: ReplayedFile, table: str, inserts: Mapping[int, str]) -> TableOutcome:
    """Return what a file says of a table of the schema before it, by its folded name.

    Args:
        told: the file.
        table: the table.
        inserts: {statement that only adds rows: the table it adds them to, folded}.
    """
    replay = told.replay
    number = replay.before.ids[table]
    now, numbers = replay.after.name_of(number), [number]
    if now is None:
        numbers += _successors(told, number)
        now = next((name for each in reversed(numbers) if (name := replay.after.name_of(each))), None)
    copies = (copy for each in numbers[1:] for copy in _copies_into(told, each))
    fills = [traced for copy in copies for traced in _traced(told, copy)] if now else []
    is_copied = bool(fills) and _is_copied_out(told, number)
    drops = (
        "" if is_copied or (len(numbers) == 1 and now) else f"DROP TABLE {replay.before.tables[table].name}"
    )
    columns = _renamed(replay, number)
    copying: dict[str, str] = {}
    for copy in fills if not drops else ():
        copying |= copy.computed()
        columns |= {a: b for a, b in copy.renamed() if a not in columns}
    names = _Names(replay, number, columns)
    said: dict[int, StatementEffect] = {}
    for each in numbers:
        for ran in told.ran:
            if (says := _says(ran, each)) is not None:
                said[ran.index] = says._replace(changes=names.before(each, ran.index, says.changes))
        for index, target in inserts.items():
            catalog = told.catalog(index)
            if changes := set_by_triggers(catalog, [(target, "insert")], catalog.name_of(each) or ""):
                said[index] = StatementEffect(changes=names.before(each, index, changes))
    copying = {names.original(column): words for column, words in copying.items()}
    moved = {touch.column for copy in fills for touch in copy.ran.touches if touch.kind == "read"}
    adds = "INSERT" if replay.filled.keys() & set(numbers) else ""
    refills = any(s.alone for s in said.values()) or any(_copies_into(told, number))
    return TableOutcome(now, tuple(numbers), drops, said, copying, moved, refills, adds, columns)


def _successors(told: ReplayedFile, number: int) -> list[int]:
    """Return the tables made by a file that take the place of one: that go by a name it had, in order."""
    replay = told.replay
    old, found, names = set(replay.before.ids.values()), list[int](), {replay.before.name_of(number)}
    for ran in told.ran:
        if ran.before is ran.after:
            continue
        for name, each in ran.after.ids.items():
            if each == number or each in found:
                names.add(name)
            elif name in names and each not in old:
                found.append(each)
    return found


def sources(ran: ReplayedStatement) -> set[str]:
    """Return the tables that a statement takes rows from, itself or through views, folded.

    Those are among what it reads; SQLite also reads the parents that foreign keys of new rows name.
    """
    named = {fold(unquote(token.text)) for token in ran.tokens}
    return {t.table for t in ran.touches if t.kind == "read" and (t.by or t.table) in named}


def _is_copied_out(told: ReplayedFile, number: int) -> bool:
    return any(
        ran.before.name_of(number) in sources(ran)
        for ran in told.ran
        if ran.verb in ("insert", "replace") or ran.is_from_select
    )


class _Copy(NamedTuple):
    """A statement that fills an heir from other tables: what it puts into each column, if it names them.

    `updated` are the columns that an UPDATE changes on the way, in a table that holds the rows.
    """

    ran: ReplayedStatement
    into: Table
    values: Mapping[str, Sequence[Token]]
    names: bool
    updated: Collection[str] = ()

    def computed(self) -> dict[str, str]:
        """Return {column: words} of those that are computed, or deliberately taken from another column."""
        found = {}
        words = "CREATE TABLE … AS" if self.ran.is_from_select else "INSERT … SELECT"
        for column, value in self.values.items():
            source = as_column(value)
            is_listed = value[0].start > 0  # no column of `*`
            if source is None or (source.name != column and is_listed and self.names):
                found[column] = words
        return found | dict.fromkeys(self.updated, "UPDATE")

    def renamed(self) -> Iterator[tuple[str, str]]:
        """Yield (column, its new name) of those that go into a column of another name."""
        there = {fold(column.name) for column in self.into.columns}
        for column, value in self.values.items():
            source = as_column(value)
            if source and source.name not in there:
                yield source.name, column


def _copies_into(told: ReplayedFile, number: int) -> Iterator[_Copy]:
    for ran in told.ran:
        name = ran.shape.name if ran.is_from_select else ran.target
        if ran.after.ids.get(name) != number or not sources(ran) - {name}:
            continue
        table = ran.after.tables[name]
        if ran.is_from_select or ran.verb in ("insert", "replace"):
            yield _Copy(ran, table, values_inside(ran), ran.is_from_select or lists_columns(ran))


def _traced(told: ReplayedFile, copy: _Copy) -> Iterator[_Copy]:
    """Yield a copy as one from the tables before the file, if it reads a table that the file made and filled.

    Such a table holds the rows while the other is rebuilt: what is computed for it is computed on the way.
    """
    ids, before = copy.ran.before.ids, set(told.replay.before.ids.values())
    made = {ids[name] for name in sources(copy.ran) - {fold(copy.into.name)} if name in ids} - before
    hold = made.pop() if len(made) == 1 else None
    holds = list(_copies_into(told, hold)) if hold is not None else []
    updates = [ran for ran in told.ran if ran.verb == "update" and ran.before.ids.get(ran.target) == hold]
    changed = {column for ran in updates for column in ran.changes()}
    for first in holds:
        from_hold = {column: as_column(value) for column, value in copy.values.items()}
        updated = {column for column, source in from_hold.items() if source and source.name in changed}
        values = {
            column: first.values.get(source.name, value) if (source := as_column(value)) else value
            for column, value in copy.values.items()
        }
        yield copy._replace(ran=first.ran, values=values, names=first.names, updated=updated)
    if not holds:
        yield copy


def _says(ran: ReplayedStatement, number: int) -> StatementEffect | None:
    name = ran.before.name_of(number)
    if name is None or ran.verb not in ("delete", "update", "insert", "replace"):
        return None
    catalog, target, is_target = ran.before, ran.target, ran.target == name
    if "VIRTUAL" in catalog.tables[name].sql[:20].upper():
        return _says_of_virtual(ran, name)
    happening = events(ran)
    key = set(map(fold, catalog.tables[name].primary_key))
    said = StatementEffect("REPLACE", alone=True) if is_target and replaces(ran) else StatementEffect()
    changes: dict[str, str] = {}
    if ran.verb == "delete":
        families = cascades(catalog, target)
        links = unlinked(catalog, (target, *families))
        changes = dict.fromkeys(links.get(name, ()), f"SET NULL of DELETE FROM {target}")
        takes = "DELETE" if is_target else f"CASCADE of DELETE FROM {target}" if name in families else ""
        said = StatementEffect(takes, linked=not is_target and name in trigger_deletes(catalog, happening))
    elif ran.verb == "update":
        follow = followers(catalog, target, ran.changes()).get(name, ())
        changes = dict.fromkeys(follow, f"CASCADE of UPDATE {target}")
        if is_target:
            changes |= dict.fromkeys(ran.changes(), "UPDATE")
            said = said if said.takes or not key & ran.changes() else StatementEffect("UPDATE of its key")
        elif key & changes.keys():
            said = StatementEffect(f"CASCADE of UPDATE {target}")
    elif is_target and "CONFLICT" in ran.words:
        changes = dict.fromkeys(ran.changes(), "ON CONFLICT DO UPDATE")
        said = StatementEffect("DO UPDATE of its key") if key & changes.keys() else said
    elif said.takes:
        changes = {"*": "REPLACE"}
    if target in catalog.views and ran.verb == "delete" and name in trigger_deletes(catalog, happening):
        said = StatementEffect(f"DELETE FROM {target}")
    changes = set_by_triggers(catalog, happening, name) | changes
    said = said._replace(changes=changes)
    return said if said.takes or changes else None


def _says_of_virtual(ran: ReplayedStatement, name: str) -> StatementEffect | None:
    """Return the words on a virtual table: a search index follows its table by triggers, and nothing else."""
    if ran.target == name:
        return StatementEffect(ran.verb.upper(), changes={"*": ran.verb.upper()})
    by = next((t.by for t in ran.touches if t.table == name and t.kind != "read" and t.by), "")
    return StatementEffect(f"trigger {by}", changes={"*": f"trigger {by}"}) if by else None


def _renamed(replay: Replay, number: int) -> dict[str, str]:
    """Return {column before the file: its name after it} of those that RENAME COLUMN gave another name."""
    columns = replay.columns.last(number)
    return {c.name: name for name, c in columns.items() if c.since < 0 and c.name != name}


class _Names(NamedTuple):
    """The names that the columns of a table had before the file, whatever a statement calls them.

    Attributes:
        replay: the file.
        number: the table.
        columns: {column before: column after} where they differ; folded.
    """

    replay: Replay
    number: int
    columns: Mapping[str, str]

    def original(self, name: str) -> str:
        """Return the name before the file of a column, by its name after it."""
        return next((before for before, after in self.columns.items() if after == name), name)

    def before(self, table: int, index: int, words: Mapping[str, str]) -> dict[str, str]:
        """Return {column: words} by the names before the file, from the names that a statement finds.

        A column that the file adds counts as the one whose name it has at the end.
        """
        found = self.replay.columns.at(table, index)
        last = {column: name for name, column in self.replay.columns.last(table).items()}
        renamed: dict[str, str] = {}
        for name, said in words.items():
            column = found.get(name)
            if column is not None and table == self.number and column.since < 0:
                renamed[column.name] = said
            elif column is not None:
                renamed[self.original(last.get(column, name))] = said
            else:
                renamed[name] = said
        return renamed


def set_off(told: ReplayedFile, at: int, table: str) -> set[str]:
    """Return the columns of a table that a statement has foreign keys and triggers set."""
    ran, catalog = told.at(at), told.catalog(at)
    if ran is None:  # it only adds rows: all that is set, triggers set
        return {
            column
            for name in catalog.tables
            for column in set_by_triggers(catalog, [(name, "insert")], table)
        }
    found = set(set_by_triggers(catalog, events(ran), table))
    if ran.verb == "update":
        return found | followers(catalog, ran.target, ran.changes()).get(table, set())
    parent = ran.shape.name if ran.verb == "drop table" else ran.target
    return found | unlinked(catalog, (parent, *cascades(catalog, parent))).get(table, set())
