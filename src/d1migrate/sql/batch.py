"""What is sent to a database and what it returns: a Batch of Queries, and one Result per query.

A Batch is one D1 transaction: all of it happens, or nothing. A *flow* is a generator that yields Batches
and is sent their Results; it yields nothing else and never sleeps. A *paced flow* yields a
Pause where whoever runs it is to wait.
"""

from __future__ import annotations

from d1migrate.named_tuple import NamedTuple
from d1migrate.sql.names import quote_identifier

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Iterator, Sequence
    from typing import Any, TypeVar

    T = TypeVar("T")
    Flow = Generator["Batch", Sequence["Result"], T]
    """Yields batches, is sent their results, and returns a T."""
    PacedFlow = Generator["Batch | Pause", "Sequence[Result]", T]
    """Yields pauses, too, and is sent nothing after one."""

Value = str | int | float | bytes | None
"""The values that SQLite stores: TEXT, INTEGER, REAL, BLOB, NULL."""


class Query(NamedTuple):
    """SQL and the values of its parameters.

    Attributes:
        sql: the SQL.
        params: the values of `?1 ?2 …` in it.
        whole: whether it is known to be exactly one statement, as `split` returns it, or a series of INSERTs,
            as `split_series` returns it; any other text is checked for a second statement.
        series: how many INSERTs a series is; the position in an error counts each of them. Series that follow
            each other have one form. Only a batch with a `size` has one.
        assertion: whether it is one of `migrate.assertions`, or selects what they compare: it is whole, only
            reads, and D1 always allows what it does.
    """

    sql: str
    params: tuple[Value, ...] = ()
    whole: bool = False
    series: int = 1
    assertion: bool = False

    def apart(self) -> Iterator[Query]:
        """Yield the statements of a series, each as a query; any other query as it is."""
        if self.series == 1:
            yield self
        else:
            from d1migrate.sql.split import split

            for statement in split(self.sql):
                yield Query(statement.sql, (), True)


def count_rows(table: str, column: str | None = None) -> Query:
    """Return the query for the number of rows in a table, or of those with a value in a column."""
    counted = "*" if column is None else quote_identifier(column)
    return Query(f"SELECT count({counted}) FROM {quote_identifier(table)}")


def count_rows_up_to(table: str, most: int) -> Query:
    """Return the query for the number of rows in a table, at most so many: a whole count may be too much."""
    return Query(f"SELECT count(*) FROM (SELECT 1 FROM {quote_identifier(table)} LIMIT {most})")


class Batch(NamedTuple):
    """Queries that run as one transaction.

    Attributes:
        queries: any iterable that can be iterated again, so that a file larger than memory can be a batch.
        reads: whether it returns rows, and changes and creates nothing. Otherwise one Result has the cost of
            the batch.
        label: what it does, for progress output.
        size: bytes of SQL if it is large, for progress output.
        last_rows: whether a batch that writes returns the rows of its last query, too. Others are discarded.
    """

    queries: Iterable[Query]
    reads: bool = False
    label: str = ""
    size: int = 0
    last_rows: bool = False


class Result(NamedTuple):
    """The result of one query, or of a whole batch that writes.

    Attributes:
        rows: plain Python values, each a Value.
        rows_read, rows_written: what D1 bills, indexes included; None if the engine does not count it.
        seconds: how long a batch that writes took the database itself, without the way there; None if it does
            not report that, as a Durable Object.
    """

    rows: Sequence[tuple[Any, ...]] = ()
    rows_read: int | None = None
    rows_written: int | None = None
    seconds: float | None = None


class Pause(NamedTuple):
    """How many seconds to wait before a paced flow continues.

    Attributes:
        seconds: how long.
        overloaded: whether the database did not respond, or was overloaded.
    """

    seconds: float
    overloaded: bool = False
