"""A database that flows run over."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, TypeVar

from d1migrate.drivers.run import run
from d1migrate.drivers.sqlite import SqliteDriver
from d1migrate.migrate.flows.up import up
from d1migrate.migrate.log import Stamp
from d1migrate.migrate.table_choice import USUAL
from d1migrate.sql.batch import Batch, Query
from d1migrate.sql.split import split
from tests.unit.migrate.shorthand import files

if TYPE_CHECKING:
    from d1migrate.sql.batch import Flow

T = TypeVar("T")


class Database:
    """An empty database in memory; the tokens of its batches are token-1, token-2, …."""

    def __init__(self) -> None:
        self.driver = SqliteDriver(":memory:", url="sqlite::memory:")
        self._numbers = itertools.count(1)

    def stamp(self) -> Stamp:
        """A batch's token, time and user."""
        number = next(self._numbers)
        return Stamp(f"token-{number}", 1_790_000_000 + 10 * number, "ada", "d1migrate")

    def run(self, flow: Flow[T]) -> T:
        """What a flow returns."""
        return run(flow, self.driver)

    def up(self, have: str) -> None:
        """Apply migrations."""
        self.run(up(files(have), USUAL, self.stamp))

    def script(self, sql: str) -> None:
        """Run statements that no migration has."""
        queries = [Query(piece.sql) for piece in split(sql) if piece.sql]
        if queries:
            self.driver.batch(Batch(queries))

    def rows(self, sql: str) -> list[tuple[object, ...]]:
        """The rows of a query."""
        return [tuple(row) for row in self.driver.batch(Batch([Query(sql)], reads=True))[0].rows]

    def versions(self) -> list[object]:
        """What the migrations table has."""
        return [version for (version,) in self.rows("SELECT version FROM schema_migrations ORDER BY version")]
