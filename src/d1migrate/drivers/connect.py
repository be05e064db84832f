"""Open a database by its url."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from d1migrate.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

    from d1migrate.drivers.protocol import Driver


def connect(
    url: str,
    *,
    config: str | None = None,
    account: str | None = None,
    on_wait: Callable[[str, float], None] | None = None,
    permit: Callable[[str, str], None] | None = None,
) -> Driver:
    """Open a database by its url.

    Args:
        url: `sqlite:PATH` for a SQLite file, `wrangler:NAME[?env=E&persist-to=DIR]` for the local D1 that
            `wrangler dev` opens for that binding or database name, or `d1:NAME` for a remote D1 by its name
            or id.
        config: the wrangler configuration file; without it the nearest one upward is taken.
        account: the Cloudflare account that a remote D1 must be in; any without it.
        on_wait: called with the reason and the seconds before each wait for a remote D1.
        permit: called with a path and what it is before a file or a copy of it is written; may raise.

    Returns:
        A driver. Nothing is opened or created until the first batch.

    Raises:
        UsageError: the url names no driver, or the wrangler configuration has no such database.
    """
    scheme, colon, rest = url.partition(":")
    if colon and rest and scheme == "sqlite":
        from d1migrate.drivers.sqlite import SqliteDriver

        return SqliteDriver(rest, url=url, permit=permit)
    if colon and scheme == "wrangler":
        from d1migrate.drivers.wrangler import open_local

        return open_local(rest, config=config, url=url, permit=permit)
    if colon and rest and scheme == "d1":
        from d1migrate.drivers.rest import RestDriver

        return RestDriver(
            rest,
            url=url,
            database_id=_configured_id(rest, config),
            account=account,
            on_wait=on_wait,
            permit=permit,
        )
    raise UsageError(
        f"no driver for database url {url!r}", hint="use sqlite:PATH, wrangler:BINDING or d1:NAME"
    )


def _configured_id(name: str, config: str | None) -> str | None:
    """Return the id that wrangler's configuration has for a remote D1, which saves a request."""
    from d1migrate.drivers.wrangler import find_config, remote_id

    path = config or find_config(os.getcwd())
    return remote_id(path, name) if path else None
