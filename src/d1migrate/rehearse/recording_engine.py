"""An engine on the file of a rehearsal, which counts the rows that each statement writes."""

from __future__ import annotations

import time
from collections import Counter
from itertools import chain

import apsw

from d1migrate.drivers.engine import Engine
from d1migrate.named_tuple import NamedTuple
from d1migrate.schema import introspect
from d1migrate.schema.rebuild_checks import is_budget_statement
from d1migrate.sql import d1
from d1migrate.sql.batch import Query, count_rows
from d1migrate.sql.names import fold

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from d1migrate.schema.model import Schema

_FLAGS = apsw.SQLITE_OPEN_READWRITE


class Recorded(NamedTuple):
    """What a run did.

    Attributes:
        writes: {(statement, table, INSERT | UPDATE | DELETE): rows}; foreign keys and triggers count for the
            statement that caused them.
        indirect_writes: the same of the rows that foreign keys or triggers wrote.
        sizes: {statement: how many rows its table had after it}, for the statements asked for.
        seconds: what each statement took.
        altered: the tables, folded, that were created, changed or dropped, also by an index; and the names of
            other objects that were.
    """

    writes: Counter[tuple[int, str, str]]
    indirect_writes: Counter[tuple[int, str, str]]
    sizes: dict[int, int]
    seconds: list[float]
    altered: set[str]


class RecordingEngine(Engine):
    """An existing database file, under D1's rules.

    Attributes:
        may_keep_state: whether what ran may have left settings of the connection.
    """

    def __init__(self, path: str) -> None:
        super().__init__(path, _FLAGS, d1.PRODUCTION)
        self.may_keep_state = False
        self._on_write: Callable[[int, apsw.PreUpdate], None] | None = None
        self._recorded = _nothing()
        self._at = 0
        self._connection.preupdate_hook(self._count)
        self.control("PRAGMA synchronous = OFF")

    def run(
        self,
        statements: Iterable[str],
        sizes: Mapping[int, str],
        on_write: Callable[[int, apsw.PreUpdate], None] | None,
    ) -> Recorded:
        """Run the statements of a file as one transaction; a file may have none, unlike its batch on D1.

        Args:
            statements: what to run.
            sizes: {statement: the table whose rows are counted after it}.
            on_write: called with a statement's index and each row that it writes.

        Raises:
            QueryError: one was refused; `index` is its position. Nothing was done.
        """
        self._recorded, self._on_write = _nothing(), on_write
        rest = iter(statements)
        for first in rest:
            queries = self._timed(chain((first,), rest), sizes)
            self.transaction("BEGIN IMMEDIATE", queries, keep_rows=False)
        return self._recorded

    def schema(self, earlier: Schema) -> Schema:
        """Return the schema; tables that are the same as in `earlier` are not read again."""
        connection = self._connection
        connection.authorizer = None  # it is asked for every column of a query: 0.9 of 1.1 ms
        try:
            return introspect.read_changes(self.rows(introspect.OBJECTS.sql), earlier, self.rows)
        finally:
            connection.authorizer = self._authorize

    def _timed(self, statements: Iterable[str], sizes: Mapping[int, str]) -> Iterator[Query]:
        # The engine takes the next statement when the last one is done.
        for self._at, sql in enumerate(statements):
            started = time.perf_counter()
            # A rehearsal judges the cost itself, and shows what the file would do.
            yield Query("SELECT 1" if is_budget_statement(sql) else sql, (), True)
            self._recorded.seconds.append(time.perf_counter() - started)
            if table := sizes.get(self._at):
                self._recorded.sizes[self._at] = self.control(count_rows(table).sql)

    def _authorize(
        self, action: int, arg1: str | None, arg2: str | None, database: str | None, by: str | None
    ) -> int:
        if action in d1.SCHEMA_ACTIONS:
            self._recorded.altered.update(fold(name) for name in (arg1, arg2) if name)
        elif action == d1.PRAGMA and not self._trusted:
            self.may_keep_state = True
        return super()._authorize(action, arg1, arg2, database, by)

    def _count(self, update: apsw.PreUpdate) -> None:
        at = self._at, update.table_name, update.op
        self._recorded.writes[at] += 1
        if update.depth:
            self._recorded.indirect_writes[at] += 1
        if self._on_write:
            self._on_write(self._at, update)


def _nothing() -> Recorded:
    return Recorded(Counter(), Counter(), {}, [], set())
