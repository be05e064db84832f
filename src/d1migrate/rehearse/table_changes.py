"""Find what a migration did to the rows of each table, and what in its SQL accounts for it.

The reading order: `table_outcome` gives what the SQL is meant to do, `row_difference` what happened,
`row_attribution` matches the two row by row if needed, and `kept_values` looks for values that were moved.
"""

from __future__ import annotations

from contextlib import closing, suppress

import apsw

from d1migrate.lint.column_copies import columns_into
from d1migrate.lint.columns import ColumnId
from d1migrate.named_tuple import NamedTuple
from d1migrate.rehearse import row_difference
from d1migrate.rehearse.expected_effects import ReplayedFile, StatementEffect
from d1migrate.rehearse.kept_values import ValueSearch
from d1migrate.rehearse.model import TableChange, UnkeptColumn
from d1migrate.rehearse.row_attribution import RowTracker
from d1migrate.rehearse.row_difference import Match, RowDifference
from d1migrate.rehearse.table_outcome import TableOutcome, outcome_of
from d1migrate.schema.queries import content_of
from d1migrate.sql.names import fold

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from d1migrate.rehearse.recording_engine import Recorded
    from d1migrate.rehearse.scratch_database import ScratchDatabase
    from d1migrate.schema.model import Table


class _Compared(NamedTuple):
    """A table with its expected and its actual changes; `match` is None if it cannot be compared."""

    table: Table
    outcome: TableOutcome
    match: Match | None
    difference: RowDifference


class ChangeFinder:
    """Finds what one migration did to the rows of each table.

    Args:
        file: the migration.
        before, after: the databases before and after it.
        recorded: what was counted when it ran.

    Attributes:
        inserts: {statement that only adds rows: the table it adds them to, folded}.
        retyped: whether a column has another type than before; set by `changes`.
    """

    def __init__(
        self, file: ReplayedFile, before: ScratchDatabase, after: ScratchDatabase, recorded: Recorded
    ) -> None:
        self._file, self._before, self._after, self._recorded = file, before, after, recorded
        self._replay = file.replay
        self.retyped = False
        self.inserts = {
            at: fold(table)
            for (at, table, what), count in recorded.writes.items()
            if what == "INSERT"
            and file.statement(at) is None
            and count > recorded.indirect_writes[at, table, what]
        }

    def changes(self) -> Iterator[TableChange]:
        """Yield the tables whose rows changed; tables that nothing wrote to are not compared."""
        if not (names := list(self._touched())):
            return
        with self._after.connect(earlier=self._before) as connection:
            compared = [self._compare(connection, name) for name in names]
            trackers = {
                each.table: RowTracker(self._file, each.outcome, each.match)
                for each in compared
                if each.match and self._is_partly_explained(each.outcome, each.difference)
            }
            if trackers:
                self._track(list(trackers.values()))
            for each in compared:
                change = self._change(connection, each, trackers.get(each.table))
                if not change.is_nothing:
                    yield change

    def _touched(self) -> Iterator[str]:
        """Yield the tables whose rows may have changed."""
        written = {fold(table) for _, table, _ in self._recorded.writes}
        for name, table in self._replay.before.tables.items():
            is_shadowed = table.is_virtual and any(other.startswith(f"{name}_") for other in written)
            is_same = self._replay.after.tables.get(name) is table
            is_touched = name in written or is_shadowed or not is_same
            if is_touched and not content_of(table):  # else its rows are another table's
                yield name

    def _compare(self, connection: apsw.Connection, name: str) -> _Compared:
        table, outcome = self._replay.before.tables[name], outcome_of(self._file, name, self.inserts)
        try:
            match, difference = self._difference(connection, table, outcome)
        except apsw.SQLError:  # a virtual table that cannot be read
            match, difference = None, RowDifference(0, 0)
        return _Compared(table, outcome, match, difference)

    def _difference(
        self, connection: apsw.Connection, table: Table, outcome: TableOutcome
    ) -> tuple[Match | None, RowDifference]:
        if outcome.name is None:
            return None, row_difference.all_lost(connection, table)
        match = row_difference.match_of(
            connection,
            table,
            self._replay.after.tables[outcome.name],
            outcome.renamed,
            is_same=len(outcome.ids) == 1,
            is_refilled=outcome.refills,
            changing=outcome.changed_by.keys() - {"*"},
        )
        difference = row_difference.difference(connection, match)
        self.retyped = self.retyped or match.is_retyped
        return match, difference

    def _unlinked_by_drop(self, outcome: TableOutcome, match: Match | None) -> Iterator[tuple[str, int]]:
        """Yield (column, rows) of the links that a DROP TABLE set to NULL, if no key identifies the rows."""
        if match is None or match.unique:
            return
        compared = {fold(column) for column in match.columns}
        for (at, table, what), count in self._recorded.indirect_writes.items():
            statement, catalog, name = self._file.statement(at), self._file.catalog(at), fold(table)
            if statement is None or statement.verb != "drop table" or what != "UPDATE" or not count:
                continue
            dropped = statement.shape.name
            if name == dropped or catalog.ids.get(name) not in outcome.ids:
                continue
            for key in catalog.tables[name].foreign_keys:
                if key.on_delete in ("SET NULL", "SET DEFAULT") and fold(key.table) == dropped:
                    yield from ((c, count) for c in key.columns if fold(c) not in compared)

    def _is_partly_explained(self, outcome: TableOutcome, difference: RowDifference) -> bool:
        """Whether the file accounts for losses or changes, but perhaps not for all of them."""
        columns = [c for c in map(fold, difference.changed) if {c, "*"} & outcome.changed_by.keys()]
        if outcome.dropped_by:
            return False
        if outcome.lost_by and outcome.gained_by and len(columns) < len(difference.changed):
            return True  # rows may be deleted and written again
        if not ((difference.lost and outcome.lost_by) or columns):
            return False
        key_is_updated = any("UPDATE" in effect.lost_by for effect in outcome.effects.values())
        if outcome.is_rebuilt or (difference.lost and key_is_updated):
            return True
        return any(
            self._is_beyond(
                outcome.effects.get(at, StatementEffect()), (at, table, what), columns, difference
            )
            for at, table, what in self._recorded.writes
            if what != "INSERT" and self._file.catalog(at).ids.get(fold(table)) in outcome.ids
        )

    def _is_beyond(
        self,
        effect: StatementEffect | None,
        written: tuple[int, str, str],
        columns: Iterable[str],
        difference: RowDifference,
    ) -> bool:
        """Whether a statement's effect may not cover all rows of a table that were written when it ran."""
        effect, operation = effect or StatementEffect(), written[2]
        if effect.linked_only or (effect.direct_only and self._recorded.indirect_writes[written]):
            return True
        if operation == "UPDATE" and not all(effect.changes(column) for column in columns):
            return True
        return not effect.lost_by and bool(operation == "DELETE" or difference.lost)

    def _track(self, trackers: list[RowTracker]) -> None:
        """Run the migration once more, and record which statement deleted or changed each row last."""

        def on_write(at: int, update: apsw.PreUpdate) -> None:
            for tracker in trackers:
                tracker.on_write(at, update)

        with closing(self._before.copy()) as again:
            again.run(self._replay.migration.texts(), on_write=on_write)

    def _change(
        self, connection: apsw.Connection, each: _Compared, tracker: RowTracker | None
    ) -> TableChange:
        outcome, match, new = each.outcome, each.match, each.match.new if each.match else None
        account = _by_words(each)
        if tracker and match:
            account = _by_rows(account, connection, each, match, tracker)
        for column, count in self._unlinked_by_drop(outcome, match):
            account = account.with_unexplained(column, count)
        difference, unkept = account.difference, tuple(self._unkept(connection, each))
        is_replaced = any(effect.lost_by == "REPLACE" for effect in outcome.effects.values())
        return TableChange(
            each.table.name,
            new.name if new else None,
            difference,
            lost_by=outcome.lost_by if difference.lost else "",
            changed_by=account.changed_by,
            gained_by=outcome.gained_by if difference.gained else "",
            unkept=unkept,
            moved_to=() if new or unkept else self._moved_to(outcome.ids[0]),
            replaced=difference.lost - account.unexplained if is_replaced else 0,
            unexplained=account.unexplained,
            unexplained_changes=account.unexplained_changes,
            renamed={a: b for a, b in match.pairs if fold(a) != fold(b)} if match else {},
        )

    def _moved_to(self, table_id: int) -> tuple[str, ...]:
        """Return the tables that hold the values of a dropped one after the file."""
        copies, after = self._replay.lineage, self._replay.after
        columns = self._replay.columns.last(table_id).values()
        tables = (after.name_of(into.table) for column in columns for into, _ in copies.destinations(column))
        return tuple(dict.fromkeys(after.tables[name].name for name in tables if name))

    def _unkept(self, connection: apsw.Connection, each: _Compared) -> Iterator[UnkeptColumn]:
        """Yield the dropped, replaced or computed columns with values that are not kept elsewhere."""
        outcome, table, columns = each.outcome, each.table, self._replay.columns
        is_copied = bool(self._replay.lineage.copies_of_table(outcome.ids[0]))
        if (table.is_virtual and not outcome.dropped_by) or (outcome.dropped_by and not is_copied):
            return
        emptied = {fold(name) for _, name, what in self._recorded.writes if what == "DELETE"}
        search = ValueSearch(connection, self._replay, emptied)
        stays = (
            {fold(a): fold(b) for a, b in each.match.pairs} if each.match and not outcome.dropped_by else {}
        )
        replaced = self._columns_without_value(outcome)
        rewritten = outcome.computed.keys() | replaced
        for name in (fold(column.name) for column in table.columns if not column.generated):
            column = ColumnId(outcome.ids[0], name)
            if name in stays and name not in rewritten and columns.dropped_at(column) is None:
                continue
            successor = (outcome.name, stays[name]) if outcome.name and name in stays else None
            with suppress(apsw.SQLError):
                if found := search.unkept(table, column, successor):
                    gone = bool(stays) and name not in stays
                    yield found._replace(replaced=name in replaced, gone=gone)

    def _columns_without_value(self, outcome: TableOutcome) -> set[str]:
        """Return the columns, folded, that a REPLACE on a table gives no value: they get their default."""
        found: set[str] = set()
        for at, effect in outcome.effects.items():
            statement = self._file.statement(at)
            if effect.lost_by == "REPLACE" and statement and statement.verb != "update":
                into = statement.before.tables[statement.target]
                found |= {fold(c.name) for c in into.columns} - set(columns_into(statement, into))
        return found - (outcome.changed_by.keys() - {"*"})


class _Account(NamedTuple):
    """A difference, and how much of it the file accounts for; the fields are those of `TableChange`."""

    difference: RowDifference
    changed_by: Mapping[str, str]
    unexplained: int
    unexplained_changes: Mapping[str, int]

    def with_unexplained(self, column: str, count: int) -> _Account:
        """Return it with unexplained changes of a column that the difference does not show."""
        difference = self.difference._replace(changed={**self.difference.changed, column: count})
        unexplained_changes = {**self.unexplained_changes, column: count}
        return self._replace(difference=difference, unexplained_changes=unexplained_changes)


def _by_words(each: _Compared) -> _Account:
    """Account for a difference by the words of the file: they account for all rows, or for none."""
    outcome, difference = each.outcome, each.difference
    changed_by = {"*": outcome.dropped_by} if outcome.dropped_by else outcome.changed_by
    unexplained_changes = {
        column: count
        for column, count in difference.changed.items()
        if not {fold(column), "*"} & changed_by.keys()
    }
    unexplained = 0 if outcome.lost_by else difference.lost
    return _Account(difference, changed_by, unexplained, unexplained_changes)


def _by_rows(
    account: _Account, connection: apsw.Connection, each: _Compared, match: Match, tracker: RowTracker
) -> _Account:
    """Account for a difference row by row."""
    difference, lost_by = account.difference, each.outcome.lost_by
    if difference.lost and lost_by:
        lost = tracker.unexplained_rows(row_difference.lost_rows(connection, match))
        keys = dict.fromkeys([*row_difference.shown(connection, match, lost), *difference.keys])
        difference = difference._replace(keys=tuple(keys)[: row_difference.SAMPLE])
        account = account._replace(difference=difference, unexplained=len(lost))
    changed_by, found = dict(account.changed_by), dict(account.unexplained_changes)
    for column, count in difference.changed.items():
        changed = row_difference.changed_rows(connection, match, column)
        unexplained = tracker.unexplained_values(column, changed)
        if unexplained < count and column in found:
            changed_by[fold(column)] = f"{lost_by} and INSERT"
        if unexplained:
            found[column] = unexplained
        else:
            found.pop(column, None)
    for column, count in tracker.unexplained_values_of_moved().items():
        found[column] = found.get(column, 0) + count
    return account._replace(changed_by=changed_by, unexplained_changes=found)
