"""`fleet plan`: what a run would do, from the inventory, the journal, and a few tenants of each wave."""

from __future__ import annotations

from d1migrate.drivers.rate_limit import PERIOD, QUOTA
from d1migrate.fleet.verify import checks
from d1migrate.migrate.selector import up_to
from d1migrate.named_tuple import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from d1migrate.fleet.model import FleetStatus
    from d1migrate.fleet.plan import FleetPlan
    from d1migrate.fleet.tenant import Tenant
    from d1migrate.fleet.tenant_drivers import TenantDrivers
    from d1migrate.fleet.verify import TenantCheck
    from d1migrate.project.fleet import FleetSettings

SAMPLE = 3
"""How many tenants of each wave are asked by default."""


class WavePreview(NamedTuple):
    """A wave of a run.

    Attributes:
        name: as the configuration has it.
        size: its tenants.
        most_failed: how many failures do not stop the run; one more does.
        sample: the state of some of its tenants.
    """

    name: str
    size: int
    most_failed: int
    sample: tuple[TenantCheck, ...]


class FleetPreview(NamedTuple):
    """What a run would do.

    Attributes:
        fleet: the fleet.
        target: the name of the last migration; None if there are no files.
        total: the tenants in the inventory.
        waves: the waves, in their order.
        status: the newest run in the journal, if there is one.
        one_by_one: how many tenants of the samples take more than one transaction.
        requests: how many requests a run sends at least, one to each tenant.
        seconds: how long these take at Cloudflare's rate limit, without the reserve; None for files.
    """

    fleet: str
    target: str | None
    total: int
    waves: tuple[WavePreview, ...]
    status: FleetStatus | None
    one_by_one: int
    requests: int
    seconds: float | None


def plan_fleet(
    fleet: FleetSettings,
    plan: FleetPlan,
    tenants: Iterable[tuple[Tenant, int]],
    drivers: TenantDrivers,
    *,
    status: FleetStatus | None = None,
    sample: int = SAMPLE,
) -> FleetPreview:
    """Return what a run would do; one request for each tenant of a sample. Writes nothing.

    Args:
        fleet: the settings of the fleet.
        plan: what the tenants are to become.
        tenants: the inventory, with the wave of each tenant, from 0.
        drivers: opens the tenants.
        status: the newest run in the journal.
        sample: how many tenants of each wave are asked.

    Raises:
        UsageError, DriverError: as `inventory`.
    """
    sizes = [0] * len(fleet.waves)
    samples: list[list[Tenant]] = [[] for _ in fleet.waves]
    for tenant, wave in tenants:
        sizes[wave] += 1
        if len(samples[wave]) < sample:
            samples[wave].append(tenant)
    asked = [tenant for tenants_of_wave in samples for tenant in tenants_of_wave]
    found = {check.tenant: check for check in checks(fleet, plan, asked, drivers)}
    wanted, total = up_to(plan.migrations, plan.to), sum(sizes)
    return FleetPreview(
        fleet=fleet.name,
        target=wanted[-1].name if wanted else None,
        total=total,
        waves=tuple(
            WavePreview(wave.name, size, wave.stop.of(size), tuple(found[tenant] for tenant in of_wave))
            for wave, size, of_wave in zip(fleet.waves, sizes, samples, strict=True)
        ),
        status=status,
        one_by_one=sum(check.one_by_one for check in found.values()),
        requests=total,
        seconds=None if fleet.paths else total * PERIOD / (QUOTA * (1 - fleet.reserve)),
    )
