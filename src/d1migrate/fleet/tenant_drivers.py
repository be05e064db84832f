"""Open the databases of tenants, one after the other and from several threads.

The connections to Cloudflare are kept: each thread has its own, for all of its tenants.
"""

from __future__ import annotations

import threading
from contextlib import closing, contextmanager

from d1migrate.drivers.connect import connect
from d1migrate.drivers.rate_limit import Demand

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from d1migrate.drivers.cloudflare import Api, OnWait
    from d1migrate.drivers.protocol import Driver, Permit

_REMOTE = "d1:"


class TenantDrivers:
    """Opens databases by their urls.

    Args:
        account: the Cloudflare account they must be in; any without it.
        on_wait: called, from any thread, with the reason and the seconds before a wait for Cloudflare.
        permit: raises for a local path that must not be written.
        reserve: the share of Cloudflare's rate limit that is left to others.
        new_api: returns a client of Cloudflare's API; by default that of the process's environment.

    Attributes:
        demand: what they want of the rate limit.
    """

    def __init__(
        self,
        *,
        account: str | None = None,
        on_wait: OnWait | None = None,
        permit: Permit | None = None,
        reserve: float = 0.0,
        new_api: Callable[[OnWait | None, Demand], Api] | None = None,
    ) -> None:
        self._account, self._on_wait, self._permit, self._new_api = account, on_wait, permit, new_api
        self.demand = Demand(reserve)
        self._own = threading.local()
        self._apis: list[Api] = []

    @contextmanager
    def open(self, url: str) -> Iterator[Driver]:
        """Return the context in which a database is open; errors as `connect`."""
        if url.startswith(_REMOTE):
            from d1migrate.drivers.rest import RestDriver

            name = url.removeprefix(_REMOTE)  # an id: no request looks it up
            yield RestDriver(name, url=url, api=self._api(), account=self._account, permit=self._permit)
            return
        with closing(connect(url, on_wait=self._on_wait, permit=self._permit)) as driver:
            yield driver

    @property
    def requests(self) -> int:
        """How many requests this thread has sent to Cloudflare."""
        return self._own.api.requests if hasattr(self._own, "api") else 0

    def close(self) -> None:
        """Close the connections to Cloudflare of all threads."""
        while self._apis:
            self._apis.pop().close()

    def _api(self) -> Api:
        """Return the client of this thread: one sends a single request at a time."""
        if not hasattr(self._own, "api"):
            from d1migrate.drivers.cloudflare import from_environment

            self._own.api = (self._new_api or from_environment)(self._on_wait, self.demand)
            self._apis.append(self._own.api)
        api: Api = self._own.api
        return api
