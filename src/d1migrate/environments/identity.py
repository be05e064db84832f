"""Which database a url leads to, as far as that can be known without a request."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from d1migrate.errors import UsageError

if TYPE_CHECKING:
    from d1migrate.config import Config


def identity(url: str, wrangler: str | None) -> str | None:
    """Return what is the same for two urls exactly if they lead to one database; None where nobody can tell.

    Args:
        url: the database.
        wrangler: the wrangler configuration, which knows the ids of names.
    """
    try:
        return _identity(url, wrangler)
    except UsageError:  # wrangler's configuration does not tell; who opens the database hears why
        return None


def _identity(url: str, wrangler: str | None) -> str | None:
    scheme, _, rest = url.partition(":")
    if scheme == "sqlite" and rest != ":memory:":
        return f"file {os.path.realpath(rest)}"
    if scheme == "wrangler":
        from d1migrate.drivers.wrangler import open_local

        return f"file {os.path.realpath(open_local(rest, config=wrangler, url=url).path)}"
    if scheme == "d1":
        from d1migrate.drivers.wrangler import remote_id

        return f"d1 {((remote_id(wrangler, rest) if wrangler else None) or rest).lower()}"
    return None


def refuse_twins(config: Config) -> None:
    """Check that no two environments lead to one database.

    Raises:
        UsageError: two do.
    """
    if config.from_wrangler:  # there it is usual: an environment repeats what it does not inherit
        return
    seen: dict[str, str | None] = {}
    for environment in config.environments:
        found = identity(environment.database, config.wrangler)
        if found in seen:
            raise UsageError(
                f"{config.path}: [env.{seen[found]}] and [env.{environment.name}] are one database: {found}",
                hint="an environment that is a copy of another one protects nothing: give each its own",
            )
        if found is not None:
            seen[found] = environment.name


def sections_of(wrangler: str, env: str | None) -> list[str]:
    """Return the urls of the D1 databases in one of a wrangler configuration's `env` sections, or outside.

    Raises:
        UsageError: it cannot be read.
    """
    from d1migrate.drivers.wrangler import load_config

    query = f"?env={env}" if env else ""
    return [f"wrangler:{database.binding}{query}" for database in load_config(wrangler, env=env).databases]
