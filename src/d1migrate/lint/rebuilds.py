"""Rebuilds: a table that the file replaces by another of the same name, by whatever statements."""

from __future__ import annotations

from functools import cached_property

from d1migrate.lint.column_copies import values_inside
from d1migrate.lint.expressions import as_column
from d1migrate.sql.names import fold

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from d1migrate.lint.replay.model import Replay, ReplayedStatement
    from d1migrate.sql.tokens import Token


class Rebuild:
    """A table that takes the name of one that existed before the file.

    Attributes:
        old, new: the two tables.
        statement: the statement that drops the old table or renames it.
        number: the number of the old table.
        is_dropped: whether the old table is dropped, and not only renamed.
        dropped_at: the index of the statement that drops it, or the number of statements.
        fills: the statements that fill the new table from other tables.
    """

    def __init__(self, replay: Replay, name: str, statement: ReplayedStatement) -> None:
        self.old, self.new = replay.before.tables[name], replay.after.tables[name]
        self.statement = statement
        self.number = replay.before.ids[name]
        self.is_dropped = self.number not in replay.after.names
        self.dropped_at = replay.drops.get(self.number, replay.count)
        number = replay.after.ids[name]
        self.fills = [
            fill
            for fill in replay.writers.get(number, ())
            if fill.verb in ("insert", "replace")
            and any(access.kind == "read" and access.table != fill.target for access in fill.accesses)
        ]

    @property
    def name(self) -> str:
        """The table's name."""
        return self.new.name

    @cached_property
    def values(self) -> dict[str, Sequence[Token]]:
        """What the copy puts into each column of the new table, as {folded name: tokens}."""
        found: dict[str, Sequence[Token]] = {}
        for fill in self.fills:
            found |= values_inside(fill)
        return found

    def is_copied(self, column: str) -> bool:
        """Whether a column of the new table gets the values of a column, and not of an expression."""
        value = self.values.get(fold(column))
        return value is not None and as_column(value) is not None


def find_rebuilds(replay: Replay) -> list[Rebuild]:
    """Return the rebuilds of a file, in order."""
    found: dict[str, Rebuild] = {}
    for statement in replay.of("drop table", "alter table"):
        name = statement.shape.name
        old, new = replay.before.ids.get(name), replay.after.ids.get(name)
        is_taken_away = (
            old is not None and statement.before.ids.get(name) == old and statement.after.ids.get(name) != old
        )
        if is_taken_away and new is not None and new != old:
            found[name] = Rebuild(replay, name, statement)
    return list(found.values())
