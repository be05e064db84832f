"""Attribute every lost or changed row to a statement, where the file accounts for some of the rows only."""

from __future__ import annotations

from collections import Counter

import apsw

from d1migrate.lint.column_copies import values_inside
from d1migrate.lint.columns import ColumnId
from d1migrate.lint.expressions import as_column
from d1migrate.named_tuple import NamedTuple
from d1migrate.rehearse.expected_effects import StatementEffect
from d1migrate.sql.names import fold

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
    from typing import Any

    from d1migrate.rehearse.expected_effects import ReplayedFile
    from d1migrate.rehearse.row_difference import Key, Match
    from d1migrate.rehearse.table_outcome import TableOutcome


class RowTracker:
    """Tracks the rows of a table while a file runs: which statement deleted or changed each of them last.

    Args:
        file: the file.
        outcome: what it is meant to do to the table.
        match: how its rows are matched.
    """

    def __init__(self, file: ReplayedFile, outcome: TableOutcome, match: Match) -> None:
        self._file, self._outcome, self._match = file, outcome, match
        self._explained: Counter[Key] = Counter()  # rows that were deleted as expected
        self._values: dict[tuple[Key, str], bool] = {}  # whether the last change of a value was expected
        self._first: dict[Key, list[Key]] = {}  # the keys that rows had at first, by their present key
        self._deleted: dict[Key, Sequence[Any]] = {}  # rows deleted as expected, until they are added again
        self._states: dict[tuple[int, str], _TableState | None] = {}

    def unexplained_rows(self, lost: Iterable[Key]) -> list[Key]:
        """Return the lost rows that nothing in the file accounts for."""
        left = self._explained.copy()
        found = []
        for key in lost:
            if left[key] <= 0:
                found.append(key)
            left[key] -= 1
        return found

    def unexplained_values(self, column: str, changed: Iterable[Key]) -> int:
        """Return how many of the rows have another value that nothing in the file accounts for."""
        is_computed = fold(column) in self._outcome.computed
        return sum(not self._values.get((key, column), is_computed) for key in changed)

    def unexplained_values_of_moved(self) -> Counter[str]:
        """Return {column: rows} of unexplained values in rows that have another key now."""
        moved = {first for earlier in self._first.values() for first in earlier if self._match.unique}
        return Counter(
            column
            for (first, column), is_expected in self._values.items()
            if first in moved and not is_expected
        )

    def on_write(self, at: int, update: apsw.PreUpdate) -> None:
        """Record a row that a statement adds, changes or deletes."""
        if (state := self._state(at, update.table_name)) is None:
            return
        try:
            old, new = update.old or (), update.new or ()
        except apsw.Error:  # SQLite gives no values for a WITHOUT ROWID table with generated columns
            return
        if update.op == "INSERT":
            self._add(state, state.key(new, update.rowid_new), new, is_direct=update.depth == 0)
        elif update.op == "DELETE":
            self._delete(state, state.key(old, update.rowid), is_direct=update.depth == 0, old=old)
        else:
            self._change(state, update, old, new)

    def _add(self, state: _TableState, key: Key, new: Sequence[Any], *, is_direct: bool) -> None:
        self._explained[key] = max(0, self._explained[key] - 1)
        if (old := self._deleted.pop(key, None)) is not None and is_direct:
            written = state.written
            changed = (column for column in state.changed(old, new) if written is None or column in written)
            self._values |= {(key, column): True for column in changed}

    def _delete(self, state: _TableState, key: Key, *, is_direct: bool, old: Sequence[Any]) -> None:
        first, effect = self._first_key(key), state.effect
        is_own = is_direct or not effect.direct_only
        if effect.lost_by and is_own and (not effect.linked_only or state.has_link(old)):
            self._explained[first] += 1
            self._deleted[key] = old
        elif self._match.unique:
            self._explained[first] = 0

    def _change(
        self, state: _TableState, update: apsw.PreUpdate, old: Sequence[Any], new: Sequence[Any]
    ) -> None:
        key, after, effect = state.key(old, update.rowid), state.key(new, update.rowid_new), state.effect
        first, is_own = self._first_key(key), update.depth == 0 or not effect.direct_only
        if first != after:
            self._first.setdefault(after, []).append(first)
        if key != after and effect.lost_by and is_own:
            self._explained[first] += 1
        for column in state.changed(old, new):
            self._values[(first, column)] = is_own and effect.changes(fold(column))

    def _first_key(self, key: Key) -> Key:
        """Return the first key of a row that is about to lose its present key."""
        return earlier.pop() if (earlier := self._first.get(key)) else key

    def _state(self, at: int, table: str) -> _TableState | None:
        if (at, table) not in self._states:
            self._states[at, table] = self._look_up(at, fold(table))
        return self._states[at, table]

    def _look_up(self, at: int, name: str) -> _TableState | None:
        catalog = self._file.catalog(at)
        if catalog.ids.get(name) not in self._outcome.ids:
            return None
        table, effect = catalog.tables[name], self._outcome.effects.get(at, StatementEffect())
        positions = {fold(column.name): i for i, column in enumerate(table.columns)}
        columns = self._columns(at, catalog.ids[name])
        links = [
            [positions[fold(column)] for column in key.columns]
            for key in table.foreign_keys
            if key.on_delete == "CASCADE"
        ]
        keys = [columns[a] for a in self._match.columns if a in columns]
        if len(keys) != len(self._match.columns):
            return None
        return _TableState(effect, columns, keys, links, self._written(at, columns))

    def _written(self, at: int, columns: Mapping[str, int]) -> Collection[str] | None:
        """Return the columns that an INSERT … SELECT computes; None for any other INSERT: it writes all."""
        statement = self._file.statement(at)
        if statement is None or statement.replaces or not statement.sources:
            return None
        computed = {to for to, value in values_inside(statement).items() if not as_column(value)}
        if not computed:
            return set()
        names = list(self._file.replay.columns.at(statement.before.ids[statement.target], at))
        return {column for column, position in columns.items() if names and names[position] in computed}

    def _columns(self, at: int, table_id: int) -> dict[str, int]:
        """Return {column before the file: its position} in a table, at a statement.

        If the file adds a column with the name of an earlier one, the new column counts from then on.
        """
        known = self._file.replay.columns
        positions = {column: position for position, column in enumerate(known.at(table_id, at).values())}
        last, found = known.last(table_id), dict[str, int]()
        for a, b in self._match.pairs:
            ids = (last.get(fold(b)), last.get(fold(a)), ColumnId(table_id, fold(a)))
            position = next((positions[each] for each in ids if each in positions), None)
            if position is not None:
                found[a] = position
        return found


class _TableState(NamedTuple):
    """A table at one statement.

    Attributes:
        effect: what the statement is meant to do to it.
        columns: {column before the file: its position in a row}.
        keys: the positions of the key.
        links: the positions of each foreign key with CASCADE.
        written: the columns that the statement gives a value of its own in rows it adds; None for all.
    """

    effect: StatementEffect
    columns: Mapping[str, int]
    keys: Sequence[int]
    links: Sequence[Sequence[int]]
    written: Collection[str] | None

    def key(self, row: Sequence[Any], rowid: int) -> Key:
        """Return the key of a row."""
        return tuple(row[at] for at in self.keys) if self.keys else (rowid,)

    def changed(self, old: Sequence[Any], new: Sequence[Any]) -> Iterator[str]:
        """Yield the columns whose value changes, by their names before the file."""
        for column, at in self.columns.items():
            if old[at] != new[at] or type(old[at]) is not type(new[at]):
                yield column

    def has_link(self, row: Sequence[Any]) -> bool:
        """Whether a row references another row by a foreign key with CASCADE."""
        return any(all(row[at] is not None for at in link) for link in self.links)
