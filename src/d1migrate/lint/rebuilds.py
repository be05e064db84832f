"""Tables that a file takes apart and makes again, in whatever spelling."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from d1migrate.lint.sqltext import copied, is_bare
from d1migrate.sql.affinity import affinity
from d1migrate.sql.create import parse_table
from d1migrate.sql.names import fold

if TYPE_CHECKING:
    from d1migrate.lint.replay.model import Replay, ReplayedStatement
    from d1migrate.schema.model import Table
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

    def __init__(self, replay: Replay, name: str, statement: ReplayedStatement) -> None:
        self.old, self.new = replay.before.tables[name], replay.after.tables[name]
        self.statement = statement
        self.number = replay.before.ids[name]
        self.is_dropped = self.number not in replay.survivors
        self.dropped_at = replay.copies.dropped_at(self.number, replay.count)
        number = replay.after.ids[name]
        self.fills = [
            fill
            for fill in replay.writers.get(number, ())
            if fill.verb in ("insert", "replace")
            and any(touch.kind == "read" and touch.table != fill.target for touch in fill.touches)
        ]

    @property
    def name(self) -> str:
        """The table's name."""
        return self.new.name

    @cached_property
    def values(self) -> dict[str, list[Token]]:
        """What goes into each column of the new one, as {folded name: tokens}."""
        found: dict[str, list[Token]] = {}
        for fill in self.fills:
            found |= copied(fill.tokens, [c.name for c in self.new.columns if not c.generated])
        return found

    def is_copied(self, column: str) -> bool:
        """Whether a column goes into the new table as it was."""
        value = self.values.get(fold(column))
        return value is not None and is_bare(value)


def rebuilds(replay: Replay) -> list[Rebuild]:
    """Return the rebuilds of a file, in order."""
    return replay.rebuilds


def find_rebuilds(replay: Replay) -> list[Rebuild]:
    """Look for the rebuilds of a file, in order; rules ask `rebuilds`, which does it once."""
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


def columns_of(table: Table) -> dict[str, str]:
    """Return {folded name: declared type} of a table's stored columns."""
    types = types_of(table)
    return {
        name: types[name] for column in table.columns if not column.generated and (name := fold(column.name))
    }


def types_of(table: Table) -> dict[str, str]:
    """Return {folded column: declared type}; ANY of a STRICT table keeps every value, as no type does."""
    types = {fold(column.name): column.type for column in table.columns}
    if (
        "ANY" in (type_.upper() for type_ in types.values())
        and (there := parse_table(table.sql))
        and there.strict
    ):
        return {name: "" if type_.upper() == "ANY" else type_ for name, type_ in types.items()}
    return types


_NUMERIC = ("INTEGER", "REAL", "NUMERIC")
_LONG = ("BIG", "INT8")  # declared for whole numbers that REAL rounds, from 2 ** 53 on


def is_narrower(old: str, new: str) -> bool:
    """Whether values that one declared type keeps as they are may become others under the second."""
    before, after = affinity(old), affinity(new)
    if before == "TEXT":
        return after in _NUMERIC
    if before == "REAL":
        return after == "INTEGER"
    if before == "INTEGER":
        return after == "REAL" and any(word in old.upper() for word in _LONG)
    return before == "BLOB" and after in (*_NUMERIC, "TEXT")
