"""Whose words account for what became of each row, where those of the file account for some of them only."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, NamedTuple

import apsw

from d1migrate.lint.column_copies import values_inside
from d1migrate.lint.columns import ColumnId
from d1migrate.lint.expressions import as_column
from d1migrate.lint.sqltext import replaces
from d1migrate.rehearse.expected_effects import StatementEffect, sources
from d1migrate.sql.names import fold

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

    from d1migrate.rehearse.expected_effects import ReplayedFile, TableOutcome
    from d1migrate.rehearse.row_difference import Key, Match


class RowTracker:
    """Follows the rows of a table while a file runs: which statement took each, or changed its values, last.

    Args:
        told: the file.
        fate: what it says of the table.
        how: how its rows are known.
    """

    def __init__(self, told: ReplayedFile, fate: TableOutcome, how: Match) -> None:
        self._told, self._fate, self._how = told, fate, how
        self._named: Counter[Key] = Counter()  # rows that are gone as the file says
        self._values: dict[tuple[Key, str], bool] = {}  # whether it says the last change of a value
        self._first: dict[Key, list[Key]] = {}  # the keys that rows had, by the one they have
        self._deleted: dict[
            Key, Sequence[Any]
        ] = {}  # rows that are gone as the file says, until it adds them again
        self._places: dict[tuple[int, str], _Place | None] = {}

    def unnamed_rows(self, lost: Iterable[Key]) -> list[Key]:
        """Return those of the lost rows that nothing in the file accounts for."""
        left = self._named.copy()
        found = []
        for key in lost:
            if left[key] <= 0:
                found.append(key)
            left[key] -= 1
        return found

    def unnamed_values(self, column: str, changed: Iterable[Key]) -> int:
        """Return in how many of the rows nothing in the file accounts for another value."""
        otherwise = fold(column) in self._fate.copying
        return sum(not self._values.get((key, column), otherwise) for key in changed)

    def unnamed_values_of_moved(self) -> Counter[str]:
        """Return {column: rows} of other values nothing accounts for, in rows that have another key now."""
        moved = {first for earlier in self._first.values() for first in earlier if self._how.unique}
        return Counter(
            column for (first, column), is_said in self._values.items() if first in moved and not is_said
        )

    def note(self, at: int, update: apsw.PreUpdate) -> None:
        """Take note of a row that a statement adds, changes or deletes."""
        if (place := self._place(at, update.table_name)) is None:
            return
        try:
            old, new = update.old or (), update.new or ()
        except apsw.Error:  # of a WITHOUT ROWID table with generated columns SQLite does not tell the values
            return
        if update.op == "INSERT":
            self._add(place, place.key(new, update.rowid_new), new, own=update.depth == 0)
        elif update.op == "DELETE":
            self._take(place, place.key(old, update.rowid), own=update.depth == 0, old=old)
        else:
            self._change(place, update, old, new)

    def _add(self, place: _Place, key: Key, new: Sequence[Any], *, own: bool) -> None:
        self._named[key] -= self._named[key] > 0
        if (old := self._deleted.pop(key, None)) is not None and own:
            written = place.written
            changed = (column for column in place.changed(old, new) if written is None or column in written)
            self._values |= {(key, column): True for column in changed}

    def _take(self, place: _Place, key: Key, *, own: bool, old: Sequence[Any]) -> None:
        first, said = self._had(key), place.said
        if said.takes and (own or not said.alone) and (not said.linked or place.has_link(old)):
            self._named[first] += 1
            self._deleted[key] = old
        elif self._how.unique:
            self._named[first] = 0

    def _change(self, place: _Place, update: apsw.PreUpdate, old: Sequence[Any], new: Sequence[Any]) -> None:
        key, after, said = place.key(old, update.rowid), place.key(new, update.rowid_new), place.said
        first, own = self._had(key), update.depth == 0 or not said.alone
        if first != after:
            self._first.setdefault(after, []).append(first)
        if key != after and said.takes and own:
            self._named[first] += 1
        for column in place.changed(old, new):
            self._values[(first, column)] = own and said.tells_of(fold(column))

    def _had(self, key: Key) -> Key:
        """Return the key that a row had at first, of one that is about to lose the key it has."""
        return earlier.pop() if (earlier := self._first.get(key)) else key

    def _place(self, at: int, table: str) -> _Place | None:
        if (at, table) not in self._places:
            self._places[(at, table)] = self._look_up(at, fold(table))
        return self._places[(at, table)]

    def _look_up(self, at: int, name: str) -> _Place | None:
        catalog = self._told.catalog(at)
        if catalog.ids.get(name) not in self._fate.numbers:
            return None
        table, said = catalog.tables[name], self._fate.said.get(at, StatementEffect())
        there = {fold(column.name): i for i, column in enumerate(table.columns)}
        columns = self._columns(at, catalog.ids[name])
        links = [
            [there[fold(column)] for column in key.columns]
            for key in table.foreign_keys
            if key.on_delete == "CASCADE"
        ]
        keys = [columns[a] for a in self._how.columns if a in columns]
        if len(keys) != len(self._how.columns):
            return None
        return _Place(said, columns, keys, links, self._written(at, columns))

    def _written(self, at: int, columns: Mapping[str, int]) -> Collection[str] | None:
        """Return the columns whose values an INSERT states; None for all, as with VALUES or REPLACE."""
        ran = self._told.at(at)
        if ran is None or replaces(ran) or not sources(ran):
            return None
        computed = {to for to, value in values_inside(ran).items() if not as_column(value)}
        names = list(self._told.replay.columns.at(ran.before.ids[ran.target], at)) if computed else []
        return {column for column, place in columns.items() if names and names[place] in computed}

    def _columns(self, at: int, number: int) -> dict[str, int]:
        """Return {column before the file: its place} in a table, as a statement finds it.

        Where the file adds a column that takes the name of another, the new one is meant from then on.
        """
        known = self._told.replay.columns
        places = {column: place for place, column in enumerate(known.at(number, at).values())}
        last, found = known.last(number), dict[str, int]()
        for a, b in self._how.pairs:
            ids = (last.get(fold(b)), last.get(fold(a)), ColumnId(number, fold(a)))
            if there := [places[each] for each in ids if each in places]:
                found[a] = there[0]
        return found


class _Place(NamedTuple):
    """A table at a statement: what the statement says of it, and the places of its columns in a row.

    Attributes:
        said: what it says.
        columns: {column before the file: its place}.
        keys: the places of the key.
        links: the places of each foreign key with CASCADE.
        written: the columns whose values are stated in the statement, of rows that it adds; None for all.
    """

    said: StatementEffect
    columns: Mapping[str, int]
    keys: Sequence[int]
    links: Sequence[Sequence[int]]
    written: Collection[str] | None

    def key(self, row: Sequence[Any], rowid: int) -> Key:
        """Return the key of a row."""
        return tuple(row[at] for at in self.keys) if self.keys else (rowid,)

    def changed(self, old: Sequence[Any], new: Sequence[Any]) -> Iterator[str]:
        """Yield the columns that hold another value, by their names before the file."""
        for column, at in self.columns.items():
            if old[at] != new[at] or type(old[at]) is not type(new[at]):
                yield column

    def has_link(self, row: Sequence[Any]) -> bool:
        """Whether a foreign key with CASCADE of a row points anywhere."""
        return any(all(row[at] is not None for at in link) for link in self.links)
