"""Which wave of its fleet a tenant is in."""

from __future__ import annotations

import hashlib
from fnmatch import fnmatchcase

from d1migrate.errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from d1migrate.fleet.tenant import Tenant
    from d1migrate.project.fleet import FleetSettings


def wave_of(tenant: Tenant, fleet: FleetSettings, place: int) -> int:
    """Return the wave of a tenant, from 0.

    It depends on nothing but the arguments, so it is the same in each run: a share of a fleet is that of the
    hashes of the ids, so a tenant that appears or vanishes moves no other.

    Args:
        tenant: the tenant.
        fleet: its fleet.
        place: the number of tenants before it in the inventory.
    """
    if any(fnmatchcase(tenant.name, pattern) for pattern in fleet.canary):
        return 0
    percent, before = 100 * position(tenant.id), 0
    for wave, (_, reach, _) in enumerate(fleet.waves):
        before += reach.number or 0
        if place < before if reach.percent is None else percent < reach.percent:
            return wave
    raise ValueError("the waves are not the whole fleet")


def position(tenant_id: str) -> float:
    """Return the place of an id between 0 and 1, by its SHA-256: that of similar ids differs."""
    return int.from_bytes(hashlib.sha256(tenant_id.encode()).digest()[:4]) / 2**32


def with_waves(tenants: Iterable[Tenant], fleet: FleetSettings) -> Iterator[tuple[Tenant, int]]:
    """Yield each tenant of an inventory, in its order, with its wave.

    Raises:
        UsageError: no tenant is a canary that the configuration names. It is raised after all tenants.
    """
    missing = fleet.canary
    for place, tenant in enumerate(tenants):
        if missing:
            missing = tuple(pattern for pattern in missing if not fnmatchcase(tenant.name, pattern))
        yield tenant, wave_of(tenant, fleet, place)
    if missing:
        raise UsageError(
            f"[fleet.{fleet.name}] canary: no tenant is called {missing[0]!r}",
            hint="correct the name: without its canary, a wave of others would be the first to fail",
        )
