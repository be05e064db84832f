"""What travels to a database and back: a Batch of Queries out, a Result a query in.

A Batch is one D1 transaction: all of it happens, or nothing. A *flow* is a generator that
yields Batches and is sent their Results; it yields nothing else, and it never sleeps.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Sequence
from typing import Any, NamedTuple, TypeVar

Value = str | int | float | bytes | None
"""What SQLite stores: TEXT, INTEGER, REAL, BLOB, NULL."""


class Query(NamedTuple):
    """SQL and the values of its `?1 ?2 …` parameters.

    `whole` says that it is known to be exactly one statement, as `split` cuts them; any other text is
    looked at for a second one.
    """

    sql: str
    params: tuple[Value, ...] = ()
    whole: bool = False


class Batch(NamedTuple):
    """Queries that go as one transaction.

    `queries` may be any iterable that can be walked again from its start, so that a file larger than
    memory is a batch too. A batch that `reads` is sent its rows and never changes or creates anything;
    the rows of the others are discarded, and one Result says what they cost. `label` and `size` (bytes of
    SQL, where it is large) are for those who watch.
    """

    queries: Iterable[Query]
    reads: bool = False
    label: str = ""
    size: int = 0


class Result(NamedTuple):
    """What one query, or a whole batch that writes, answered.

    Attributes:
        rows: plain Python values, each a Value.
        rows_read, rows_written: what D1 bills, indexes included; None where the engine does not count it.
    """

    rows: Sequence[tuple[Any, ...]] = ()
    rows_read: int | None = None
    rows_written: int | None = None


T = TypeVar("T")
Flow = Generator[Batch, Sequence[Result], T]
"""Yields batches, is sent their results, and returns a T."""
