"""Which column a name refers to at each statement: RENAME does not make another column of it."""

from __future__ import annotations

from bisect import bisect_left

from d1migrate.named_tuple import NamedTuple
from d1migrate.sql.names import fold

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from d1migrate.lint.replay.model import Replay, ReplayedStatement


class ColumnId(NamedTuple):
    """A column: its table's number, its first name, and the statement that added it; -1 before the file."""

    table: int
    name: str
    since: int = -1


class Columns:
    """The columns of a file's tables, by their names at each statement; names are folded."""

    def __init__(self, replay: Replay) -> None:
        self._before = replay.before
        self._steps: dict[int, list[tuple[int, Mapping[str, ColumnId]]]] = {}
        for statement in replay.of("create table", "create virtual table", "alter table"):
            if statement.before is not statement.after:
                self._follow(statement)

    def _steps_of(self, number: int) -> list[tuple[int, Mapping[str, ColumnId]]]:
        """Return (statement that changes it, columns after that) of a table; -1 for those before the file."""
        if number not in self._steps:
            name = self._before.name_of(number)
            names = [fold(column.name) for column in self._before.tables[name].columns] if name else []
            self._steps[number] = [(-1, {each: ColumnId(number, each) for each in names})] if name else []
        return self._steps[number]

    def _follow(self, statement: ReplayedStatement) -> None:
        after = statement.after.ids.get(statement.shape.name)
        number = statement.before.ids.get(statement.shape.name) if statement.verb == "alter table" else after
        name = statement.after.name_of(number) if number is not None else None
        if number is None or name is None:
            return
        names = [fold(column.name) for column in statement.after.tables[name].columns]
        steps = self._steps_of(number)
        before = dict(steps[-1][1]) if steps else {}
        if len(before) == len(names):  # RENAME keeps the order
            after_columns = dict(zip(names, before.values(), strict=True))
        else:
            after_columns = {
                each: before.get(each) or ColumnId(number, each, statement.index) for each in names
            }
        if list(after_columns.items()) != list(before.items()):
            steps.append((statement.index, after_columns))

    def at(self, number: int, index: int) -> Mapping[str, ColumnId]:
        """Return the columns of a table by name, before a statement."""
        steps = self._steps_of(number)
        place = bisect_left(steps, index, key=lambda step: step[0])
        return steps[place - 1][1] if place else {}

    def last(self, number: int) -> Mapping[str, ColumnId]:
        """Return the columns of a table by name, after the file or before the table was dropped."""
        steps = self._steps_of(number)
        return steps[-1][1] if steps else {}

    def dropped_at(self, column: ColumnId) -> int | None:
        """Return the statement that drops a column but not its table, or None."""
        held = False
        for index, columns in self._steps_of(column.table):
            if column in columns.values():
                held = True
            elif held:
                return index
        return None
