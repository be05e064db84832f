"""Open the databases of tenants, one after the other and from several threads."""

from __future__ import annotations

import os
from contextlib import closing, contextmanager

from d1migrate.drivers.api_pool import ApiPool
from d1migrate.drivers.connect import connect
from d1migrate.drivers.rate_limit import Demand
from d1migrate.errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from d1migrate.drivers.cloudflare import OnWait
    from d1migrate.drivers.protocol import Driver, Permit


_DELETED = "it was deleted after the tenants were listed: restore it, or leave it to the next list"


def _refuse_missing(url: str, path: str) -> None:
    """Refuse a file that was deleted: it would be read as an empty database, and created again.

    Raises:
        UsageError: it does not exist.
    """
    try:
        os.stat(path)
    except FileNotFoundError as error:
        raise UsageError(f"{url}: there is no such file", hint=_DELETED) from error
    except OSError:
        pass  # opening it says why


class TenantDrivers:
    """Opens databases by their urls.

    Args:
        account: the Cloudflare account they must be in; any without it.
        on_wait: called, from any thread, with the reason and the seconds before a wait for Cloudflare.
        permit: raises for a local path that must not be written.
        reserve: the share of Cloudflare's rate limit that is left to others.

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
    ) -> None:
        self._account, self._on_wait, self._permit = account, on_wait, permit
        self.demand = Demand(reserve)
        self._pool = ApiPool(self.demand, on_wait)

    @contextmanager
    def open(self, url: str) -> Iterator[Driver]:
        """Return the context in which a database is open; errors as `connect`.

        Raises:
            UsageError: also if it is a file that does not exist.
        """
        driver = connect(
            url, account=self._account, on_wait=self._on_wait, permit=self._permit, api=self._pool.api
        )
        with closing(driver):
            if file := driver.capabilities.file:
                _refuse_missing(url, file.path)
            yield driver

    def requests(self, url: str) -> int:
        """Return how many requests this thread has sent to Cloudflare; 0 if the database is elsewhere."""
        return self._pool.api().requests if url.startswith("d1:") else 0

    def close(self) -> None:
        """Close the connections to Cloudflare of all threads."""
        self._pool.close()
