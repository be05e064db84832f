"""A new database on which files run with their rows: what fails here fails on every new database."""

from __future__ import annotations

import apsw

from d1migrate.drivers.engine import Engine
from d1migrate.errors import Error, QueryError
from d1migrate.migrate.history import tables
from d1migrate.migrate.table import USUAL_TABLE, MigrationsTable
from d1migrate.sql import d1
from d1migrate.sql.batch import Query

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from d1migrate.migrate.migration import Migration

_FLAGS = apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_CREATE | apsw.SQLITE_OPEN_MEMORY


class FreshDatabase:
    """Runs files, but only when a result is first needed, which is rare.

    Args:
        earlier: the files before those that are added.
        table: the migrations table.
    """

    def __init__(self, earlier: Iterable[Migration] = (), *, table: MigrationsTable = USUAL_TABLE) -> None:
        self._waiting, self._table = list(earlier), table
        self._engine: Engine | None = None
        self._is_stuck = False

    def add(self, migration: Migration) -> None:
        """Add the next file."""
        self._waiting.append(migration)

    def give_up(self) -> None:
        """Stop: a file cannot be read, so its effects are unknown."""
        self._is_stuck = True

    def refusal(self) -> tuple[int, str] | None:
        """Return the index of the refused statement of the last file, and D1's error; None if it runs.

        None also if an earlier file is refused, because then nothing is known about this one.
        """
        if self._is_stuck:
            return None
        if self._engine is None:
            self._engine = Engine(":memory:", _FLAGS, d1.PRODUCTION)
            for sql in tables(self._table).values():
                self._engine.control(sql)
        while self._waiting and not self._is_stuck:
            migration = self._waiting.pop(0)
            found = self._run(self._engine, migration)
            if found and not self._waiting:
                return found
        return None

    def _run(self, engine: Engine, migration: Migration) -> tuple[int, str] | None:
        if migration.is_large:  # it would take too long
            self._is_stuck = True
            return None
        try:
            if queries := [Query(sql, (), True) for sql in migration.texts()]:
                engine.transaction("BEGIN", queries, keep_rows=False)
        except QueryError as error:
            self._is_stuck = True
            return None if error.index is None else (error.index, str(error))
        except Error:
            self._is_stuck = True
        return None
