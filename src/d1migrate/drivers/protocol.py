"""What a driver is: one database behind one method, for callers that wait and for those that await."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from d1migrate.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from d1migrate.sql.batch import Batch, Result


class Driver(Protocol):
    """One database. `batch` is the whole contract; every driver passes `tests/conformance/`."""

    url: str
    """How it was named, e.g. `sqlite:app.db`."""

    def batch(self, batch: Batch) -> Sequence[Result]:
        """Run the queries in order as one transaction; all of them, or nothing.

        Returns:
            One Result a query for a batch that reads, which must not change or create anything (a database
            that does not exist yet reads as an empty one), and whose columns have names of their own, none
            of them a number, where there are several: JavaScript keeps rows as objects. For a batch that
            writes one Result without rows, with its cost.

        Raises:
            QueryError: the database refused a query; `index` says which. Nothing was done.
            UnavailableError: it could not be reached or stayed busy. Nothing was done.
            AmbiguousError: no answer came. It may or may not have happened.
        """
        ...

    def close(self) -> None:
        """Let go of the database. A closed driver is not used again."""
        ...


@runtime_checkable
class Telling(Protocol):
    """A driver that tells how far it is with a batch that it does not run while it takes the queries."""

    watch: Callable[[str, int, int], None] | None
    """Is told what is done, how many bytes of it, and of how many; 0 of 0 where nobody knows."""


class AsyncDriver(Protocol):
    """One database behind an event loop; `batch` keeps to the contract of Driver's."""

    url: str
    """How errors call it."""

    async def batch(self, batch: Batch) -> Sequence[Result]:
        """Run the queries in order as one transaction; all of them, or nothing."""
        ...


def local_file(driver: Driver) -> str:
    """Return the path of the file that a driver works on.

    Raises:
        UsageError: it works on none, or the file does not exist.
    """
    path = getattr(driver, "path", None)
    if path is None or path == ":memory:" or not os.path.exists(path):
        raise UsageError(f"{driver.url} is no local file with rows", hint="name a SQLite file or an export")
    return str(path)
