"""Drivers: the few things that talk to a database, behind one method."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from d1migrate.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from d1migrate.sql.batch import Batch, Result


_DATABASE_ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)


def is_database_id(text: str) -> bool:
    """Whether a text is the id of a remote D1, and not a name, or a placeholder for an id."""
    return _DATABASE_ID.fullmatch(text) is not None


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


def connect(
    url: str,
    *,
    config: str | None = None,
    account: str | None = None,
    on_wait: Callable[[str, float], None] | None = None,
) -> Driver:
    """Open a database by its url.

    Args:
        url: `sqlite:PATH` for a SQLite file, `wrangler:NAME[?env=E&persist-to=DIR]` for the local D1 that
            `wrangler dev` opens for that binding or database name, or `d1:NAME` for a remote D1 by its name
            or id.
        config: the wrangler configuration file; without it the nearest one upward is taken.
        account: the Cloudflare account that a remote D1 must be in, where one is configured.
        on_wait: is told what a remote D1 makes wait for, and for how many seconds.

    Returns:
        A driver. Nothing is opened or created until the first batch.

    Raises:
        UsageError: the url names no driver, or the wrangler configuration does not hold the name.
    """
    scheme, colon, rest = url.partition(":")
    if colon and rest and scheme == "sqlite":
        from d1migrate.drivers.sqlite import SqliteDriver

        return SqliteDriver(rest, url=url)
    if colon and scheme == "wrangler":
        from d1migrate.drivers.wrangler import open_local

        return open_local(rest, config=config, url=url)
    if colon and rest and scheme == "d1":
        from d1migrate.drivers.rest import RestDriver

        return RestDriver(
            rest, url=url, database_id=_configured_id(rest, config), account=account, on_wait=on_wait
        )
    raise UsageError(f"no driver for database url {url!r}", hint="sqlite:PATH, wrangler:BINDING or d1:NAME")


def _configured_id(name: str, config: str | None) -> str | None:
    """Return the id that wrangler's configuration has for a remote D1, so that the API need not be asked."""
    from d1migrate.drivers.wrangler import find_config, remote_id

    path = config or find_config(os.getcwd())
    return remote_id(path, name) if path else None
