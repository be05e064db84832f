"""Which values that are gone arrived elsewhere as they were: multisets of a column, before and after."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from d1migrate.rehearse.model import Unkept
from d1migrate.rehearse.row_difference import SAMPLE, held
from d1migrate.sql.names import fold, quote_identifier

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    import apsw

    from d1migrate.lint.columns import ColumnId
    from d1migrate.lint.replay.model import Replay
    from d1migrate.schema.model import Table


class _Side(NamedTuple):
    """A column of one of the two databases: what it counts for, +1 or -1, and whose it is."""

    sign: int
    database: str
    table: str
    column: str

    @property
    def sql(self) -> str:
        """The values of the column, and what each counts for."""
        value = held(self.column, retyped=True)
        return f"SELECT {value} AS v, {self.sign} AS n FROM {self.database}.{quote_identifier(self.table)}"


class Arrivals:
    """Looks for the values of columns that are gone in those that the file put them into.

    Args:
        connection: to the database after the file, with the one before it as `was`.
        replay: the file.
        emptied: the tables, folded, that rows were deleted from: what they held before says nothing of what
            was added to them.
    """

    def __init__(self, connection: apsw.Connection, replay: Replay, emptied: Collection[str]) -> None:
        self._connection, self._replay, self._emptied = connection, replay, emptied

    def unkept(self, table: Table, column: ColumnId, there: tuple[str, str] | None) -> Unkept | None:
        """Return what of a column's values did not arrive; None if all did.

        Args:
            table: the table before the file.
            column: the column before the file.
            there: the table and column, folded, that now have its place, if any do.
        """
        own = self._replay.copies.destinations(column)
        into = dict.fromkeys(filter(None, (there, *(self._place(each) for each, _ in own))))
        name = next(c.name for c in table.columns if fold(c.name) == column.name)
        went = _Side(1, "was", table.name, name)
        sides = [went, *(side for place in into for side in self._sides(place, there))]
        gone = " UNION ALL ".join(side.sql for side in sides)
        counts = f"SELECT v, sum(n) AS n FROM ({gone}) WHERE v IS NOT NULL GROUP BY v HAVING sum(n) > 0"
        values = f"SELECT v, count(*) AS c FROM ({went.sql}) WHERE v IS NOT NULL GROUP BY v"
        (total,) = self._row(f"SELECT coalesce(sum(c), 0) FROM ({values})")
        (missing,) = self._row(
            f"SELECT coalesce(sum(min(n, c)), 0) FROM ({counts}) JOIN ({values}) USING (v)"
        )
        if not missing:
            return None
        sample = self._sample(table, went, counts)
        plain = all(keeps for _, keeps in own) and (there is None or bool(own))
        return Unkept(name, total, total - missing, tuple(map(self._said, into)), plain, sample=sample)

    def _place(self, column: ColumnId) -> tuple[str, str] | None:
        """Return the table and the column as they are called at the end, folded."""
        table = self._replay.after.name_of(column.table)
        names = self._replay.columns.last(column.table)
        name = next((name for name, each in names.items() if each == column), None)
        return (table, name) if table is not None and name is not None else None

    def _sides(self, place: tuple[str, str], there: tuple[str, str] | None) -> Iterator[_Side]:
        """Yield what a column holds now, less what it held before, if it is not the column itself."""
        table, name = place
        yield _Side(-1, "main", self._replay.after.tables[table].name, name)
        number = self._replay.after.ids[table]
        column = self._replay.columns.last(number)[name]
        was = self._replay.before.name_of(number)
        if was is not None and column.since < 0 and place != there and table not in self._emptied:
            yield _Side(1, "was", self._replay.before.tables[was].name, column.name)

    def _said(self, place: tuple[str, str]) -> str:
        table = self._replay.after.tables[place[0]]
        return f"{table.name}.{next(c.name for c in table.columns if fold(c.name) == place[1])}"

    def _sample(self, table: Table, went: _Side, counts: str) -> Sequence[tuple[object, ...]]:
        """Return rows whose value did not arrive: the key, or nothing where there is none, and the value."""
        columns = ", ".join(map(quote_identifier, dict.fromkeys((*table.primary_key, went.column))))
        value = held(went.column, retyped=True)
        rows = f"SELECT {columns} FROM was.{quote_identifier(table.name)}"
        query = f"{rows} WHERE {value} IN (SELECT v FROM ({counts}))"
        return tuple(self._connection.execute(f"{query} LIMIT {SAMPLE}"))

    def _row(self, query: str) -> tuple[int, ...]:
        return next(iter(self._connection.execute(query)))
