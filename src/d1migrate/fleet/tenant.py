"""A tenant, and where its list has it."""

from __future__ import annotations

from d1migrate.named_tuple import NamedTuple


class Tenant(NamedTuple):
    """A database of a fleet.

    Attributes:
        id: the id of a D1, or the real path of a file; unique in the fleet.
        name: its name for people; unique in the fleet.
        url: what `connect` opens.
    """

    id: str
    name: str
    url: str


class Listed(NamedTuple):
    """A tenant as a list has it.

    Attributes:
        tenant: the tenant.
        identity: its id; for a file, what is the same for all links to it.
        place: where the list has it, for messages: `row 3`.
        is_named: whether its name is that of the D1 in the account.
    """

    tenant: Tenant
    identity: str
    place: str
    is_named: bool = False


def remote(database_id: str, name: str, place: str, *, is_named: bool = False) -> Listed:
    """Return a D1 as a list has it."""
    key = database_id.lower()
    return Listed(Tenant(key, name, f"d1:{key}"), key, place, is_named)
