"""The expected outcome for a table: what the statements of a file, taken together, are meant to do to it.

A table may be renamed, or rebuilt: another table takes its name and a copy of its rows. The outcome follows
the table and its columns through that.
"""

from __future__ import annotations

from d1migrate.lint.column_copies import lists_columns, values_inside
from d1migrate.lint.expressions import as_column
from d1migrate.named_tuple import NamedTuple
from d1migrate.rehearse.expected_effects import StatementEffect, effect_on, set_by_triggers
from d1migrate.schema.cascade import Event
from d1migrate.sql.names import fold

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

    from d1migrate.lint.analysis import AnalyzedReplay
    from d1migrate.lint.replay.model import ReplayedStatement
    from d1migrate.rehearse.expected_effects import ReplayedFile
    from d1migrate.schema.model import Table
    from d1migrate.sql.tokens import Token


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
            if effect := effect_on(statement, each):
                changed_by = names.before(each, statement.index, effect.changed_by)
                found[statement.index] = effect._replace(changed_by=changed_by)
        for index, target in inserts.items():
            catalog = file.catalog(index)
            if changed_by := set_by_triggers(catalog, [Event("insert", target)], catalog.name_of(each) or ""):
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


def _is_copied_out(file: ReplayedFile, table_id: int) -> bool:
    return any(
        statement.before.name_of(table_id) in statement.sources
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
        if statement.after.ids.get(name) != table_id or not statement.sources - {name}:
            continue
        if is_create or statement.verb in ("insert", "replace"):
            table, values = statement.after.tables[name], values_inside(statement)
            yield _Copy(statement, table, values, is_create or lists_columns(statement))


def _traced(file: ReplayedFile, copy: _Copy) -> Iterator[_Copy]:
    """Yield a copy as a copy from the tables before the file, if it reads a table that the file created.

    Such a table holds the rows during a rebuild. What is computed when it is filled counts as computed.
    """
    ids, before = copy.statement.before.ids, set(file.replay.before.ids.values())
    read = copy.statement.sources - {fold(copy.into.name)}
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
