"""The driver protocol: a database is one method, `batch`, synchronous or asynchronous.

Protocols and values; no connection is opened here. Of `drivers`, the core may import only this module.
"""

from __future__ import annotations

import os
from contextlib import nullcontext

from d1migrate.errors import UsageError
from d1migrate.named_tuple import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from contextlib import AbstractContextManager
    from typing import Protocol

    from d1migrate.sql.batch import Batch, Result

    Permit = Callable[[str, str], None]
    """Takes a path and what it is, and raises UsageError if it must not be written."""
    OnProgress = Callable[[str, int, int], None]
    """Takes what is being done, the bytes done, and the bytes in all; 0 of 0 if D1 does not report them."""
    Working = Callable[[str], AbstractContextManager[None]]
    """Takes what is being done, and returns the context to do it in: somebody may watch."""
else:
    Protocol = object  # at run time they are plain base classes: typing takes 3 ms to load


def unwatched(_what: str) -> AbstractContextManager[None]:
    """Return the context of work that nobody watches: a `Working`."""
    return nullcontext()


class Capabilities(NamedTuple):
    """What a driver can do beyond `batch`; None for what it cannot. Looking at it sends no request.

    Attributes:
        copy_to: writes a copy of the database, as it is now, to a path.
        file: the local file that the database is, if it is one.
        time_travel: the remote database whose past D1 keeps, if it is one.
        report_progress: takes the function that is called while a batch is uploaded and imported.
        permit: raises for a path that must not be written; asked before the database, or a copy of it, is.
        lookups: how many requests it has taken so far to find the database.
    """

    copy_to: Callable[[str], None] | None = None
    file: LocalFile | None = None
    time_travel: TimeTravel | None = None
    report_progress: Callable[[OnProgress], None] | None = None
    permit: Permit | None = None
    lookups: int = 0


class Driver(Protocol):
    """One database. `batch` is the whole contract; every driver passes `tests/conformance/`."""

    url: str
    """The name the user gave it, e.g. `sqlite:app.db`."""

    @property
    def capabilities(self) -> Capabilities:
        """What it can do beyond `batch`. A driver that wraps another one returns that one's."""

    def batch(self, batch: Batch) -> Sequence[Result]:
        """Run the queries in order as one transaction; all of them, or nothing.

        A batch that reads must not change or create anything; a database that does not exist yet reads as an
        empty one. Its columns need names that differ and are no numbers: JavaScript keeps rows as objects.

        Returns:
            For a batch that reads, one Result per query; for one that writes, a single Result with its cost,
            and with the rows of its last query if it has `last_rows`.

        Raises:
            QueryError: the database refused a query; `index` is its position. Nothing was done.
            UnavailableError: the database could not be reached or stayed busy. Nothing was done.
            AmbiguousError: no response came. The batch may or may not have happened.
        """

    def close(self) -> None:
        """Release the database. A closed driver is not used again."""


class LocalFile(Driver, Protocol):
    """A driver of a local file, which can be copied and replaced."""

    path: str

    def copy_to(self, path: str) -> None:
        """Write a copy of the database, as it is now, to a path."""

    def copy_from(self, path: str, changed: Callable[[], bool] | None) -> None:
        """Replace the content by that of another file, as one transaction.

        Args:
            path: the other file.
            changed: what `detect_writes` returned; if it returns True, nothing is done.

        Raises:
            UnavailableError: the file is busy, or was written to. It is unchanged.
        """

    def detect_writes(self) -> Callable[[], bool]:
        """Return a function that returns whether any process has written to the file since this call."""


class TimeTravel(Driver, Protocol):
    """A driver of a remote D1, which can be restored to a moment of its past."""

    @property
    def api_path(self) -> str:
        """The database's path in Cloudflare's API; the first access may send requests to look it up."""

    def bookmark(self, at: str | None = None) -> str:
        """Return the bookmark of now, or of a time (ISO 8601)."""

    def travel(self, bookmark: str) -> None:
        """Restore the database to a bookmark; everything written since is lost.

        Raises:
            UsageError: there is no such bookmark, or it is older than D1 keeps.
            UnavailableError: nothing was done.
            AmbiguousError: no response came. It may have happened, or may happen later.
        """

    def wait(self, seconds: float, reason: str) -> None:
        """Wait, and report why."""


class AsyncDriver(Protocol):
    """One database, asynchronously; the contract of `batch` is Driver's."""

    url: str
    """What errors call it."""

    async def batch(self, batch: Batch) -> Sequence[Result]:
        """Run the queries in order as one transaction; all of them, or nothing."""


def local_file(driver: Driver) -> str:
    """Return the path of the file that a driver works on.

    Raises:
        UsageError: the database is not a local file, or the file does not exist.
    """
    file = driver.capabilities.file
    if file is None or not os.path.exists(file.path):
        raise UsageError(
            f"{driver.url} is not a local file with rows", hint="name a SQLite file or an export"
        )
    return file.path
