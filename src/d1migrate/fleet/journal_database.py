"""The database of a journal: sends operations, again if a response is lost, and notices another database."""

from __future__ import annotations

import os
import secrets
import time
from threading import Lock
from typing import Any

from d1migrate.errors import AmbiguousError, DamagedError, QueryError, UnavailableError, UsageError
from d1migrate.fleet import journal_sql as sql
from d1migrate.fleet.journal_tables import FORMAT
from d1migrate.sql.batch import Batch, Query

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from d1migrate.drivers.protocol import Driver
    from d1migrate.fleet.journal_sql import Operation
    from d1migrate.sql.batch import Result

_ATTEMPTS = 5
_TABLES = Query("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name")
_DAMAGED_HINT = "move it away: the next `d1migrate fleet up` begins a new journal, and asks each tenant once"
_GONE_HINT = (
    "run `d1migrate fleet up` again: it lists the tenants again, and asks those that are migrated once more"
)


class JournalDatabase:
    """A database that is a journal, or is to be one. Threads may share it.

    Args:
        driver: its driver.
        fleet: the name of the fleet, for hints.
    """

    def __init__(self, driver: Driver, fleet: str) -> None:
        self._driver, self._fleet = driver, fleet
        remote = driver.capabilities.time_travel
        self._wait = remote.wait if remote else _sleep
        self._lock = Lock()
        self._file: tuple[int, int] | None = None  # device and inode

    def create(self) -> None:
        """Create the tables if the database is empty.

        Raises:
            UsageError: it is another database than a journal, or a journal of another format.
        """
        try:
            self._send(sql.CREATE, {})
        except QueryError as error:
            text = str(error)
            if sql.NOT_A_JOURNAL in text:
                raise self._not_a_journal(_text_after(text, sql.NOT_A_JOURNAL)) from error
            if sql.OTHER_FORMAT in text:
                raise self._other_format(_text_after(text, sql.OTHER_FORMAT)) from error
            if "fleet_" in text or "no such column" in text:  # tables of these names, but others
                raise self._not_a_journal(text) from error
            raise

    def send(self, operation: Operation, **arguments: Any) -> Sequence[tuple[Any, ...]]:
        """Run an operation, again if its response is lost; return the rows of its last statement.

        Raises:
            UnavailableError: also if its tables are gone, or its file is.
        """
        try:
            return self._send(operation, arguments)
        except QueryError as error:
            if "no such table: fleet_" in str(error):
                raise self.gone("its tables are gone") from error
            raise

    def read(self, operation: Operation, **arguments: Any) -> Sequence[Sequence[tuple[Any, ...]]]:
        """Return the rows of each statement of an operation that reads; none of a database without tables.

        Raises:
            UsageError: it is another database than a journal.
        """
        try:
            return self._read(_queries(operation, arguments), operation.name)
        except QueryError as error:
            if "no such table" not in str(error):
                raise
            (found,) = self._read([_TABLES], "read the tables")
            names = [name for (name,) in found if not name.startswith(("sqlite_", "_cf_"))]
            if names:
                raise self._not_a_journal(", ".join(names[:3])) from error
            return [()] * len(operation.statements)

    def check_format(self, found: int) -> None:
        """Check the format that the database has.

        Raises:
            UsageError: it is another one than this d1migrate reads.
        """
        if found != FORMAT:
            raise self._other_format(found)

    def gone(self, why: str) -> UnavailableError:
        """Return the error of a journal that does not have a run any more."""
        return UnavailableError(
            f"{self._driver.url} is no longer the journal of this run: {why}", hint=_GONE_HINT
        )

    def close(self) -> None:
        """Close it."""
        self._driver.close()

    def _send(self, operation: Operation, arguments: dict[str, Any]) -> Sequence[tuple[Any, ...]]:
        arguments["request"] = secrets.token_hex(8)
        batch = Batch(_queries(operation, arguments), last_rows=True, label=operation.name)
        with self._lock:
            (result,) = self._repeat(batch)
            self._check_file()
        return result.rows

    def _read(self, queries: Sequence[Query], label: str) -> Sequence[Sequence[tuple[Any, ...]]]:
        with self._lock:
            return [result.rows for result in self._ask(Batch(queries, reads=True, label=label))]

    def _repeat(self, batch: Batch) -> Sequence[Result]:
        for attempt in range(_ATTEMPTS - 1):
            try:
                return self._ask(batch)
            except AmbiguousError as error:
                self._wait(2**attempt, f"the journal did not answer: {error.headline}")
        return self._ask(batch)

    def _ask(self, batch: Batch) -> Sequence[Result]:
        try:
            return self._driver.batch(batch)
        except DamagedError as error:  # its hint is about restore points, which a journal does not have
            raise DamagedError(str(error), hint=_DAMAGED_HINT) from error

    def _check_file(self) -> None:
        """Check that the file that was just written is still the one that the next process will find.

        Raises:
            UnavailableError: it was deleted or replaced.
        """
        file = self._driver.capabilities.file
        if file is None:
            return
        try:
            found = os.stat(file.path)
        except OSError as error:
            raise self.gone("it was deleted") from error
        identity = found.st_dev, found.st_ino
        if self._file not in (None, identity):
            raise self.gone("it was replaced")
        self._file = identity

    def _not_a_journal(self, why: str) -> UsageError:
        return UsageError(
            f"{self._driver.url} is not a journal of fleets: it has {why}",
            hint="name a database of its own, or a file that does not exist yet:"
            f' journal = "sqlite:.d1migrate/fleet-{self._fleet}.sqlite"',
        )

    def _other_format(self, found: object) -> UsageError:
        return UsageError(
            f"{self._driver.url} is a journal of format {found}; this d1migrate reads format {FORMAT}",
            hint="use the d1migrate that began the run, or name a new journal: it asks each tenant once",
        )


def _queries(operation: Operation, arguments: dict[str, Any]) -> tuple[Query, ...]:
    return tuple(
        Query(text, tuple(arguments[name] for name in params), whole=True)
        for text, params in operation.statements
    )


def _text_after(text: str, marker: str) -> str:
    """Return the text of an assertion after its marker; the engine quotes the whole."""
    return text.partition(marker)[2].partition("'")[0]


def _sleep(seconds: float, _reason: str) -> None:
    time.sleep(seconds)
