"""`databases = "d1:GLOB"`: the D1 databases of an account."""

from __future__ import annotations

import re
from fnmatch import fnmatchcase
from itertools import count

from d1migrate.drivers.database_id import is_database_id
from d1migrate.errors import UnavailableError
from d1migrate.fleet.tenant import remote
from d1migrate.named_tuple import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

    from d1migrate.drivers.cloudflare import Api
    from d1migrate.fleet.tenant import Listed

_PAGE = 10_000  # the most that the API returns (d1-facts §11)
_ONE_PAGE = 1_000
"""A first page with fewer databases is the whole list, also if the API caps pages below `_PAGE`."""
_PASSES = 5
_LITERAL = re.compile(r"[^*?[]*")


class Database(NamedTuple):
    """A D1 as the API lists it.

    Attributes:
        id: its id.
        name: its name, unique in the account.
        created_at: when it was created, as ISO 8601; empty if the API does not say.
    """

    id: str
    name: str
    created_at: str


def list_account(api: Api, account: str, pattern: str, is_new: Callable[[Listed], bool]) -> Iterator[Listed]:
    """Yield the databases whose names match.

    Pages are cut by position, so a database that is deleted between two requests moves another one to a page
    that was read already. The list is therefore read again until it has nothing that should have been in it
    before. A database that is created or deleted during the listing may be listed or not.

    Args:
        api: the API.
        account: the id of the account.
        pattern: `*`, `?` and `[…]` match as in a shell.
        is_new: whether a database was not listed before; it is called for each one, and remembers it.

    Raises:
        UnavailableError: the account changes faster than it can be listed.
    """
    newest = ""
    for done in range(_PASSES):
        missed, requests, before = 0, 0, newest
        for page in _pages(api, account, _LITERAL.match(pattern)[0]):  # type: ignore[index]
            requests += 1
            for database in page:
                if fnmatchcase(database.name, pattern):
                    newest = max(newest, database.created_at)
                    found = remote(database.id, database.name, "the account's list", is_named=True)
                    if is_new(found):
                        missed += database.created_at <= before
                        yield found
        if requests == 1 or (done and not missed):
            return
    raise UnavailableError(
        f"the databases of the account {account} changed during each of {_PASSES} listings",
        hint="run the command again; or list the tenants by `query` in a database of your own",
    )


def _pages(api: Api, account: str, prefix: str) -> Iterator[list[Database]]:
    """Yield the pages of a list; the last may be empty. The API's filter, `name`, matches parts of names."""
    named = {"name": prefix} if prefix else {}
    size = _ONE_PAGE
    for page in count(1):
        found = api.get(f"/accounts/{account}/d1/database", _databases, page=page, per_page=_PAGE, **named)
        yield found
        # The API may cap pages: a page is the last if it has fewer than the first one.
        if len(found) < size:
            return
        size = max(size, len(found))


def _databases(result: Any) -> list[Database]:
    found = [_database(one) for one in result]
    if not all(is_database_id(database.id) and database.name for database in found):
        raise ValueError("a database without an id or a name")
    return found


def _database(one: Any) -> Database:
    created_at = one.get("created_at")
    return Database(str(one["uuid"]), str(one["name"]), created_at if isinstance(created_at, str) else "")
