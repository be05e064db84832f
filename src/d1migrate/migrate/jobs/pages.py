"""Pages of a table: the rows between two keys, which the job's row holds.

The keys never leave the database: integers above 2**53, blobs and keys of mixed types do not survive JSON.
"""

from __future__ import annotations

from d1migrate.named_tuple import NamedTuple
from d1migrate.sql.batch import Query
from d1migrate.sql.names import JOB_TABLE as _JOB
from d1migrate.sql.names import ROWIDS, fold, quote_identifier

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

MOST_COLUMNS = 4
"""The columns of a key that the job's row has room for."""


def is_rowid(key: Sequence[str]) -> bool:
    """Whether a key is the rowid, by one of its names."""
    return len(key) == 1 and fold(key[0]) in ROWIDS


class Pages(NamedTuple):
    """The pages of a table, in the order of its key.

    Attributes:
        table: the table.
        key: the columns of its key, at most MOST_COLUMNS: `rowid`, or the primary key of a table without
            rowids.
        endless: whether they include rows that are added after the end mark, the key that was the last one
            when the job started. Without the mark, a job may never end while rows are added.
    """

    table: str
    key: tuple[str, ...] = ("rowid",)
    endless: bool = False

    def mark(self) -> Query:
        """Return the query that sets the first and the last key, of its first column, in the job's row."""
        table, column = quote_identifier(self.table), self._columns()[0]
        end = "" if self.endless else f", last = (SELECT max({column}) FROM {table})"
        return Query(f"UPDATE {_JOB} SET first = (SELECT min({column}) FROM {table}){end}", whole=True)

    def rewind(self) -> Query:
        """Return the query after which `move` sets the first page."""
        return Query(f"UPDATE {_JOB} SET {', '.join(f'{c} = NULL' for c in (*_LO, *_HI))}", whole=True)

    def move(self) -> Query:
        """Return the query that sets the next page of `size` rows in the job's row.

        After the last row the page is empty: `lo` is NULL, and `hi` stays, so that no later `move`, by a
        request that was late, begins at the first row again.
        """
        n = len(self.key)
        lo, hi, names = _row(_LO[:n]), _row(_HI[:n]), ", ".join(_NAMES[:n])
        full = self._row_after(offset=f" OFFSET (SELECT size - 1 FROM {_JOB})")
        rest = self._row_after(backwards=True)
        stay = ", ".join(f"+{name}" for name in _HI[:n])
        last = (
            f"SELECT 3 AS choice, * FROM ({full}) UNION ALL SELECT 2, * FROM ({rest})"
            f" UNION ALL SELECT 1, {stay} FROM {_JOB}"
        )
        return Query(
            f"UPDATE {_JOB} SET {lo} = (SELECT {names} FROM ({self._row_after()})),"
            f" {hi} = (SELECT {names} FROM ({last}) ORDER BY choice DESC LIMIT 1)",
            whole=True,
        )

    @property
    def first(self) -> tuple[str, ...]:
        """The columns of the job's row that hold the first key of the page."""
        return _LO[: len(self.key)]

    def within(self, prefix: str = "") -> str:
        """Return the condition that a row is on the page.

        Args:
            prefix: what qualifies the columns in the statement, such as `u.`; by default, the table's name.
        """
        columns = _row(self._columns(prefix))
        return f"({columns} >= {_bound(_LO, self.key)} AND {columns} <= {_bound(_HI, self.key)})"

    def more(self) -> str:
        """Return the condition that a row follows the page; it is false after an empty page."""
        return f"EXISTS (SELECT 1 FROM {quote_identifier(self.table)} WHERE {self._after()})"

    def _columns(self, prefix: str = "") -> list[str]:
        # A column that does not exist would be a string if it were only quoted; a qualified name never is.
        prefix = prefix or f"{quote_identifier(self.table)}."
        return [prefix + (c if fold(c) in ROWIDS else quote_identifier(c)) for c in self.key]

    def _row_after(self, *, backwards: bool = False, offset: str = "") -> str:
        """Return the query of one row after the page: the first, the last, or the one at an offset.

        It has two branches; one of them has LIMIT 0. An OR would not use the index, no value is lower than
        all keys, and a condition on the job in WHERE would be tested row by row. Rows up to an offset are
        only stepped over, in a third of the time that it takes to sort a page (measured).
        """
        columns = self._columns()
        order = ", ".join(f"{column} DESC" for column in columns) if backwards else ", ".join(columns)
        named = ", ".join(f"{column} AS {name}" for column, name in zip(columns, _NAMES, strict=False))
        select = f"SELECT {named} FROM {quote_identifier(self.table)}"
        begun = f"(SELECT hi_1 IS NOT NULL FROM {_JOB})"
        stop = f" WHERE {self._stop()}" if self._stop() else ""
        return (
            f"SELECT * FROM ({select}{stop} ORDER BY {order} LIMIT iif({begun}, 0, 1){offset})"
            f" UNION ALL SELECT * FROM ({select} WHERE {self._after()} ORDER BY {order}"
            f" LIMIT iif({begun}, 1, 0){offset})"
        )

    def _after(self) -> str:
        """Return the condition that a row follows the page."""
        stop = self._stop()
        after = f"{_row(self._columns())} > {_bound(_HI, self.key)}"
        return f"{after} AND {stop}" if stop else after

    def _stop(self) -> str:
        return "" if self.endless else f"{self._columns()[0]} <= (SELECT +last FROM {_JOB})"


_LO, _HI = (tuple(f"{which}_{n}" for n in range(1, MOST_COLUMNS + 1)) for which in ("lo", "hi"))
_NAMES = tuple(f"key_{n}" for n in range(1, MOST_COLUMNS + 1))


def _row(columns: Iterable[str]) -> str:
    """Return columns as a row value, or the only one as it is."""
    columns = list(columns)
    return columns[0] if len(columns) == 1 else f"({', '.join(columns)})"


def _bound(names: tuple[str, ...], key: tuple[str, ...]) -> str:
    # The plus removes the affinity of the job's columns. With it, SQLite would use the index for the first
    # column of a row value only, and each chunk would read its whole group (measured).
    return f"(SELECT {', '.join(f'+{name}' for name in names[: len(key)])} FROM {_JOB})"
