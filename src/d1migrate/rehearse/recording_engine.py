"""A database file under D1's rules that counts the rows each statement writes."""

from __future__ import annotations

import time
from collections import Counter
from itertools import chain

import apsw

from d1migrate.drivers.engine import Engine
from d1migrate.sql import d1
from d1migrate.sql.batch import Query

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Any

_FLAGS = apsw.SQLITE_OPEN_READWRITE


class CountingEngine(Engine):
    """An existing database file; a batch is timed and counted statement by statement.

    Attributes:
        writes: {(statement, table, INSERT | UPDATE | DELETE): rows}, of the last batch; foreign keys and
            triggers count for the statement that caused them.
        seconds: what each statement of the last batch took.
    """

    def __init__(self, path: str) -> None:
        super().__init__(path, _FLAGS, d1.PRODUCTION)
        self.writes: Counter[tuple[int, str, str]] = Counter()
        self.seconds: list[float] = []
        self._at = 0
        self._connection.preupdate_hook(self._count)

    def batch(self, statements: Iterable[str]) -> None:
        """Run the statements of a file as one transaction; a file may have none, unlike its batch on D1.

        Raises:
            QueryError: one was refused; `index` is its position. Nothing was done.
        """
        self.writes.clear()
        self.seconds = []
        rest = iter(statements)
        for first in rest:
            self.transaction("BEGIN IMMEDIATE", self._timed(chain((first,), rest)), keep_rows=False)

    def _timed(self, statements: Iterable[str]) -> Iterator[Query]:
        # The engine takes the next statement when the last one is done.
        for self._at, sql in enumerate(statements):
            started = time.perf_counter()
            yield Query(sql, (), True)
            self.seconds.append(time.perf_counter() - started)

    def _count(self, update: Any) -> None:
        self.writes[(self._at, update.table_name, update.op)] += 1
