"""Find out which values of a dropped or rewritten column survive elsewhere: compare multisets of values."""

from __future__ import annotations

from d1migrate.named_tuple import NamedTuple
from d1migrate.rehearse.model import UnkeptColumn
from d1migrate.rehearse.row_difference import SAMPLE, stored_value
from d1migrate.sql.names import fold, quote_identifier

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence

    import apsw

    from d1migrate.lint.analysis import AnalyzedReplay
    from d1migrate.lint.columns import ColumnId
    from d1migrate.schema.model import Table


class _Side(NamedTuple):
    """A column in one of the two states, and what its values count for: +1 or -1."""

    sign: int
    database: str
    table: str
    column: str

    @property
    def sql(self) -> str:
        """The values of the column, and what each counts for, in SQL."""
        value = stored_value(self.column, retyped=True)
        return f"SELECT {value} AS v, {self.sign} AS n FROM {self.database}.{quote_identifier(self.table)}"


class ValueSearch:
    """Searches the columns that a file copies values into for the values of dropped or rewritten columns.

    Args:
        connection: to the database after the file, with the one before it as `earlier`.
        replay: the file.
        emptied: the tables, folded, that rows were deleted from: their earlier values cannot be subtracted.
    """

    def __init__(self, connection: apsw.Connection, replay: AnalyzedReplay, emptied: Collection[str]) -> None:
        self._connection, self._replay, self._emptied = connection, replay, emptied

    def unkept(
        self, table: Table, column: ColumnId, successor: tuple[str, str] | None
    ) -> UnkeptColumn | None:
        """Return how many values of a column are kept nowhere; None if all are kept.

        Args:
            table: the table before the file.
            column: the column before the file.
            successor: the table and column, folded, that replace it, if any do.
        """
        own = self._replay.lineage.destinations(column)
        into = dict.fromkeys(filter(None, (successor, *(self._place(each) for each, _ in own))))
        name = next(c.name for c in table.columns if fold(c.name) == column.name)
        lost = _Side(1, "earlier", table.name, name)
        sides = [lost, *(side for place in into for side in self._sides(place, successor))]
        both = " UNION ALL ".join(side.sql for side in sides)
        counts = f"SELECT v, sum(n) AS n FROM ({both}) WHERE v IS NOT NULL GROUP BY v HAVING sum(n) > 0"
        values = f"SELECT v, count(*) AS c FROM ({lost.sql}) WHERE v IS NOT NULL GROUP BY v"
        (total,) = self._row(f"SELECT coalesce(sum(c), 0) FROM ({values})")
        (missing,) = self._row(
            f"SELECT coalesce(sum(min(n, c)), 0) FROM ({counts}) JOIN ({values}) USING (v)"
        )
        if not missing:
            return None
        columns = tuple(dict.fromkeys((*table.primary_key, name)))
        sample = self._sample(lost, counts, columns)
        plain = all(keeps for _, keeps in own) and (successor is None or bool(own))
        kept_in = tuple(map(self._label, into))
        return UnkeptColumn(
            name, total, total - missing, kept_in, plain, sample=sample, sample_columns=columns
        )

    def _place(self, column: ColumnId) -> tuple[str, str] | None:
        """Return the names of the table and the column after the file, folded."""
        table = self._replay.after.name_of(column.table)
        names = self._replay.columns.last(column.table)
        name = next((name for name, each in names.items() if each == column), None)
        return (table, name) if table is not None and name is not None else None

    def _sides(self, place: tuple[str, str], successor: tuple[str, str] | None) -> Iterator[_Side]:
        """Yield a column as it is now, counted against what it held before unless it is the successor."""
        table, name = place
        yield _Side(-1, "main", self._replay.after.tables[table].name, name)
        table_id = self._replay.after.ids[table]
        column = self._replay.columns.last(table_id)[name]
        earlier = self._replay.before.name_of(table_id)
        if earlier is not None and column.since < 0 and place != successor and table not in self._emptied:
            yield _Side(1, "earlier", self._replay.before.tables[earlier].name, column.name)

    def _label(self, place: tuple[str, str]) -> str:
        table = self._replay.after.tables[place[0]]
        return f"{table.name}.{next(c.name for c in table.columns if fold(c.name) == place[1])}"

    def _sample(self, lost: _Side, counts: str, columns: Iterable[str]) -> Sequence[tuple[object, ...]]:
        """Return columns of rows whose value is kept nowhere."""
        value = stored_value(lost.column, retyped=True)
        rows = (
            f"SELECT {', '.join(map(quote_identifier, columns))} FROM earlier.{quote_identifier(lost.table)}"
        )
        query = f"{rows} WHERE {value} IN (SELECT v FROM ({counts}))"
        return tuple(self._connection.execute(f"{query} LIMIT {SAMPLE}"))

    def _row(self, query: str) -> tuple[int, ...]:
        return next(iter(self._connection.execute(query)))
