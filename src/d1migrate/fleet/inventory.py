"""The tenants of a fleet: where they are listed, and that each is listed once."""

from __future__ import annotations

from d1migrate.named_tuple import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from d1migrate.drivers.cloudflare import OnWait
    from d1migrate.project.config import Config
    from d1migrate.project.fleet import FleetSettings


class Tenant(NamedTuple):
    """A database of a fleet.

    Attributes:
        id: the id of a D1, or the real path of a file; unique in the fleet.
        name: what people call it; unique in the fleet.
        url: what `connect` opens.
    """

    id: str
    name: str
    url: str


def inventory(
    config: Config, fleet: FleetSettings, *, only: Sequence[str] = (), on_wait: OnWait | None = None
) -> Iterator[Tenant]:
    """Yield the tenants of a fleet, in an order that is the same as long as the source is.

    Args:
        config: the configuration with the fleet.
        fleet: its settings.
        only: names, ids or globs of names; only tenants that match one of them are yielded.
        on_wait: called with the reason and the seconds before each wait for Cloudflare.

    Raises:
        UsageError: the source cannot be read, lists no tenant, the same one twice, or a database that is no
            tenant; or nothing matches one of `only`. Tenants may have been yielded before.
        DriverError: Cloudflare or the control database did not answer.
    """
    raise NotImplementedError
