"""Which database a url leads to, as far as it can be known without a request."""

from __future__ import annotations

import os

from d1migrate.errors import UsageError
from d1migrate.named_tuple import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from d1migrate.project.environment import Environment


class DatabaseIdentity(NamedTuple):
    """The database a url leads to; None for what is unknown.

    Attributes:
        file: file identity: device and inode, or the real path.
        id, name: those of a remote database.
        account: the Cloudflare account it is in; names are unique per account.
    """

    file: str | None = None
    id: str | None = None
    name: str | None = None
    account: str | None = None

    def is_same(self, other: DatabaseIdentity) -> bool | None:
        """Whether both are one database; None if one is an id and the other a name, so it is unknown."""
        if self.account and other.account and self.account != other.account:
            return False
        for one, two in zip(self[:3], other[:3], strict=True):
            if one and two:
                return one == two
        return None if (self.id or self.name) and (other.id or other.name) else False


def identify(environment: Environment, wrangler: str | None) -> DatabaseIdentity:
    """Return the database that an environment's url leads to.

    Args:
        environment: the environment.
        wrangler: the wrangler configuration, which has the ids of names.
    """
    url = environment.database
    scheme, _, rest = url.partition(":")
    try:
        if scheme == "sqlite" and rest != ":memory:":
            return DatabaseIdentity(file=_file(rest))
        if scheme == "wrangler":
            from d1migrate.drivers.wrangler import open_local

            return DatabaseIdentity(file=_file(open_local(rest, config=wrangler, url=url).path))
        if scheme == "do":
            from d1migrate.drivers.durable_object import object_file

            return DatabaseIdentity(file=_file(object_file(rest, config=wrangler, url=url)))
    except UsageError:  # opening the database will report what is wrong with wrangler's configuration
        return DatabaseIdentity()
    if scheme != "d1":
        return DatabaseIdentity()
    return _remote(rest, wrangler)._replace(account=environment.account)


def _file(path: str) -> str:
    """Return the identity of a file, the same for all links to it; its real path if it does not exist."""
    try:
        status = os.stat(path)
    except OSError:
        return os.path.realpath(path)
    return f"{status.st_dev} {status.st_ino}"


def _remote(rest: str, wrangler: str | None) -> DatabaseIdentity:
    from d1migrate.drivers.database_id import is_database_id
    from d1migrate.drivers.wrangler import remote_id

    name, _, preview = rest.partition("?")
    if is_database_id(name) and not preview:
        return DatabaseIdentity(id=name.lower())
    try:
        found = (remote_id(wrangler, name, preview=bool(preview)) if wrangler else None) or ""
    except UsageError:  # several ids, for example; opening the database will report it
        found = ""
    known = found.lower() if is_database_id(found) else None
    return DatabaseIdentity(id=known, name=None if preview else name)
