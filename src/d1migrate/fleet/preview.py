"""`fleet plan`: what a run would do, from the inventory, the journal, and a few tenants of each wave."""

from __future__ import annotations

from d1migrate.drivers.rate_limit import PERIOD, QUOTA
from d1migrate.fleet.verify import Groups, checks
from d1migrate.named_tuple import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from d1migrate.fleet.plan import FleetPlan
    from d1migrate.fleet.tenant import Tenant
    from d1migrate.fleet.tenant_drivers import TenantDrivers
    from d1migrate.fleet.verify import CheckGroup
    from d1migrate.project.fleet import FleetSettings

SAMPLE = 3
"""How many tenants of each wave are asked."""


class WavePreview(NamedTuple):
    """A wave of a run.

    Attributes:
        name: as the configuration has it.
        size: its tenants.
        most_failed: how many failures do not stop the run; one more does.
    """

    name: str
    size: int
    most_failed: int


class FleetPreview(NamedTuple):
    """What a run would do.

    Attributes:
        fleet: the fleet.
        target: the name of the last migration; None if there are no files.
        total: the tenants in the inventory. A run sends each of them one request at least.
        waves: the waves, in their order.
        sample: the states of some tenants of each wave, in groups, the largest first.
        one_by_one: how many tenants of the sample take more than one transaction.
        seconds: how long one request for each tenant takes at Cloudflare's rate limit, if a run leaves the
            reserve to others; None for files.
    """

    fleet: str
    target: str | None
    total: int
    waves: tuple[WavePreview, ...]
    sample: tuple[CheckGroup, ...]
    one_by_one: int
    seconds: float | None


def plan_fleet(
    fleet: FleetSettings,
    plan: FleetPlan,
    tenants: Iterable[tuple[Tenant, int]],
    drivers: TenantDrivers,
) -> FleetPreview:
    """Return what a run would do; one request for each tenant of a sample. Writes nothing.

    Args:
        fleet: the settings of the fleet.
        plan: what the tenants are to become.
        tenants: the inventory, with the wave of each tenant, from 0.
        drivers: opens the tenants.

    Raises:
        UsageError, DriverError: as `inventory`.
    """
    sizes = [0] * len(fleet.waves)
    samples: list[list[Tenant]] = [[] for _ in fleet.waves]
    for tenant, wave in tenants:
        sizes[wave] += 1
        if len(samples[wave]) < SAMPLE:
            samples[wave].append(tenant)
    asked = [tenant for tenants_of_wave in samples for tenant in tenants_of_wave]
    found, one_by_one = Groups(), 0
    for check in checks(fleet, plan, asked, drivers):
        found.add(check)
        one_by_one += check.one_by_one
    total = sum(sizes)
    return FleetPreview(
        fleet=fleet.name,
        target=plan.target,
        total=total,
        waves=tuple(
            WavePreview(wave.name, size, wave.stop.of(size))
            for wave, size in zip(fleet.waves, sizes, strict=True)
        ),
        sample=found.groups,
        one_by_one=one_by_one,
        seconds=None if fleet.paths else total * PERIOD / (QUOTA * (1 - fleet.reserve)),
    )
