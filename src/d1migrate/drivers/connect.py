"""Open a database by its url."""

from __future__ import annotations

import os

from d1migrate.drivers.url import normalize
from d1migrate.errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from d1migrate.drivers.cloudflare import Api
    from d1migrate.drivers.protocol import Driver


def connect(
    url: str,
    *,
    config: str | None = None,
    account: str | None = None,
    on_wait: Callable[[str, float], None] | None = None,
    permit: Callable[[str, str], None] | None = None,
    api: Callable[[], Api] | None = None,
) -> Driver:
    """Open a database by its url.

    Args:
        url: `sqlite:PATH`, or a path such as `app.db`, for a SQLite file;
            `wrangler:NAME[?env=E&persist-to=DIR]` for the local D1 that `wrangler dev` opens for that binding
            or database name; `d1:NAME[?preview=1]` for a remote D1 by its name or id, with `preview=1` the
            one of wrangler's `preview_database_id`; or `do:CLASS/NAME[?env=E&persist-to=DIR]` for the local
            file of a Durable Object by its name or id, which can only be read.
        config: the wrangler configuration file; without it the nearest one upward is taken.
        account: the Cloudflare account that a remote D1 must be in; any without it.
        on_wait: called with the reason and the longest time, in seconds, before each wait for a remote D1,
            and in a wait for another process's transaction.
        permit: called with a path and what it is before a file or a copy of it is written; may raise.
        api: returns the API for a remote D1, which stays open when the driver is closed, and has an `on_wait`
            of its own; without it, the driver opens the one that the process's environment describes.

    Returns:
        A driver. Nothing is opened or created until the first batch.

    Raises:
        UsageError: the url names no driver, the wrangler configuration has no such database or class, or
            there is no such object.
    """
    url = normalize(url)
    scheme, _, rest = url.partition(":")
    if scheme == "sqlite":
        from d1migrate.drivers.sqlite import SqliteDriver

        return SqliteDriver(rest, url=url, on_wait=on_wait, permit=permit)
    if scheme == "wrangler":
        from d1migrate.drivers.wrangler import open_local

        return open_local(rest, config=config, url=url, on_wait=on_wait, permit=permit)
    if scheme == "do":
        from d1migrate.drivers.durable_object import ObjectDriver, object_file

        return ObjectDriver(object_file(rest, config=config, url=url), url=url, on_wait=on_wait)
    from d1migrate.drivers.rest import RestDriver

    name, preview = parse_remote(rest, url)
    return RestDriver(
        name,
        url=url,
        api=api() if api else None,
        database_id=_configured_id(name, config, preview=preview),
        account=account,
        on_wait=on_wait,
        permit=permit,
    )


def parse_remote(rest: str, url: str) -> tuple[str, bool]:
    """Return the name or id of a remote D1, and whether its preview database is meant.

    Args:
        rest: NAME[?preview=1].
        url: how the user named the database, for messages.

    Raises:
        UsageError: there is another option.
    """
    name, question, options = rest.partition("?")
    if options not in (("preview=1",) if question else ("",)):
        raise UsageError(f"unknown option {options!r} of {url}", hint="the only option of d1: is preview=1")
    return name, bool(options)


def _configured_id(name: str, config: str | None, *, preview: bool) -> str | None:
    """Return the id that wrangler's configuration has for a remote D1, which saves a request.

    Raises:
        UsageError: the preview database is wanted, and there is no id of one.
    """
    from d1migrate.drivers.database_id import is_database_id

    if is_database_id(name) and not preview:
        return name  # no file is read for each of ten thousand tenants
    from d1migrate.drivers.wrangler import remote_id
    from d1migrate.drivers.wrangler_config import find_config

    path = config or find_config(os.getcwd())
    found = remote_id(path, name, preview=preview) if path else None
    if preview and not (found and is_database_id(found)):  # without it, the name would mean production
        raise UsageError(
            f"{path or 'no wrangler configuration'} has no preview_database_id of {name}",
            hint="name the preview database by its own name or id",
        )
    return found
