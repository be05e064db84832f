"""Tables that a file takes apart and makes again, in whatever spelling."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from d1migrate.lint.expressions import is_bare
from d1migrate.sql.names import fold
from d1migrate.sql.select import inserted_values

if TYPE_CHECKING:
    from collections.abc import Sequence

    from d1migrate.lint.lineage import Lineage
    from d1migrate.lint.replay.model import Replay, ReplayedStatement
    from d1migrate.sql.tokens import Token


class Rebuild:
    """A table that goes by the name of one that the file found, and is another.

    Attributes:
        old, new: the two.
        statement: the statement that takes the old one away, or its name.
        number: the number of the old one.
        is_dropped: whether the old one does not remain under another name.
        dropped_at: the statement that drops it, or the last one.
        fills: the statements that fill the new one from other tables.
    """

    def __init__(self, replay: Replay, lineage: Lineage, name: str, statement: ReplayedStatement) -> None:
        self.old, self.new = replay.before.tables[name], replay.after.tables[name]
        self.statement = statement
        self.number = replay.before.ids[name]
        self.is_dropped = self.number not in replay.survivors
        self.dropped_at = lineage.dropped_at(self.number, replay.count)
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
        """What goes into each column of the new one, as {folded name: tokens}."""
        found: dict[str, Sequence[Token]] = {}
        for fill in self.fills:
            found |= inserted_values(fill.tokens, [c.name for c in self.new.columns if not c.generated])
        return found

    def is_copied(self, column: str) -> bool:
        """Whether a column goes into the new table as it was."""
        value = self.values.get(fold(column))
        return value is not None and is_bare(value)


def find_rebuilds(replay: Replay, lineage: Lineage) -> list[Rebuild]:
    """Return the rebuilds of a file, in order."""
    found: dict[str, Rebuild] = {}
    for statement in replay.of("drop table", "alter table"):
        name = statement.shape.name
        old, new = replay.before.ids.get(name), replay.after.ids.get(name)
        is_taken_away = (
            old is not None and statement.before.ids.get(name) == old and statement.after.ids.get(name) != old
        )
        if is_taken_away and new is not None and new != old:
            found[name] = Rebuild(replay, lineage, name, statement)
    return list(found.values())
