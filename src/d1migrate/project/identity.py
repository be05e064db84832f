"""Which database a url leads to, as far as that can be known without a request."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple

from d1migrate.errors import UsageError

if TYPE_CHECKING:
    from d1migrate.project.environment import Environment


class DatabaseIdentity(NamedTuple):
    """What a url leads to; None is what is not known.

    Attributes:
        file: what is the same for two local databases exactly if they are one file.
        id, name: of a remote database.
        account: the Cloudflare account it is in; names are of an account.
    """

    file: str | None = None
    id: str | None = None
    name: str | None = None
    account: str | None = None

    def is_same(self, other: DatabaseIdentity) -> bool | None:
        """Whether both are one database; None where one is an id, the other a name, and nobody can tell."""
        if self.account and other.account and self.account != other.account:
            return False
        for one, two in zip(self[:3], other[:3], strict=True):
            if one and two:
                return one == two
        return None if (self.id or self.name) and (other.id or other.name) else False


def identify(environment: Environment, wrangler: str | None) -> DatabaseIdentity:
    """Return what an environment's url leads to.

    Args:
        environment: with the url.
        wrangler: the wrangler configuration, which knows the ids of names.
    """
    url = environment.database
    scheme, _, rest = url.partition(":")
    try:
        if scheme == "sqlite" and rest != ":memory:":
            return DatabaseIdentity(file=_file(rest))
        if scheme == "wrangler":
            from d1migrate.drivers.wrangler import open_local

            return DatabaseIdentity(file=_file(open_local(rest, config=wrangler, url=url).path))
    except UsageError:  # wrangler's configuration does not tell; who opens the database hears why
        return DatabaseIdentity()
    return (
        _remote(rest, wrangler)._replace(account=environment.account)
        if scheme == "d1"
        else DatabaseIdentity()
    )


def _file(path: str) -> str:
    """Return what a file is known by: itself, whatever links lead to it; before there is one, its path."""
    try:
        status = os.stat(path)
    except OSError:
        return os.path.realpath(path)
    return f"{status.st_dev} {status.st_ino}"


def _remote(name: str, wrangler: str | None) -> DatabaseIdentity:
    from d1migrate.drivers.database_id import is_database_id
    from d1migrate.drivers.wrangler import remote_id

    if is_database_id(name):
        return DatabaseIdentity(id=name.lower())
    try:
        found = (remote_id(wrangler, name) if wrangler else None) or ""
    except UsageError:  # it has several ids, say; who opens the database hears of it
        found = ""
    return DatabaseIdentity(id=found.lower() if is_database_id(found) else None, name=name)
