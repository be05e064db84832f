"""A remote D1: Cloudflare's API in front of the real one."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING

import httpx
import pytest

from d1migrate.drivers import cloudflare as client
from d1migrate.drivers.bounded_http import SECONDS
from d1migrate.drivers.rest import RestDriver

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.runtime.cloudflare import Cloudflare


_TLS = ssl.create_default_context()  # 20 ms, for servers that are none of ours


class Remote:
    """A new database, and drivers on it; `waits` has the seconds they would have slept, `told` the reasons."""

    def __init__(self, server: Cloudflare, name: str) -> None:
        self.server, self.name = server, name
        self.waits, self.told = list[float](), list[tuple[str, float]]()
        self.id = server.create(name)
        self.url, self.opened = f"d1:{name}", list[client.Api]()

    def open(
        self,
        *,
        token: str | None = None,
        timeout: float | None = None,
        by_name: bool = False,
        seconds: float = SECONDS,
        copy: str | None = None,
    ) -> RestDriver:
        """Return a driver, as in a separate process; of a copy of the database, if it gets the id of one."""
        settings = client.settings(self.server.environment)
        if token:
            settings = settings._replace(token=token)
        patience = client.TIMEOUT if timeout is None else httpx.Timeout(timeout)
        transport = httpx.HTTPTransport(verify=_TLS)
        api = client.Api(
            settings,
            sleep=self.wait,
            clock=self.server.now,
            timeout=patience,
            transport=transport,
            on_wait=self.hear,
            seconds=seconds,
        )
        known = None if by_name else copy or self.id
        driver = RestDriver(self.name, url=self.url, api=api, database_id=known)
        self.opened.append(api)
        return driver

    def wait(self, seconds: float) -> None:
        """Advance the server's clock instead of sleeping."""
        self.waits.append(seconds)
        self.server.sleep(seconds)

    def hear(self, reason: str, seconds: float) -> None:
        """Note the reason of a wait."""
        self.told.append((reason, seconds))

    def another(self, name: str) -> Remote:
        """Return another database of the server, which is closed with this one."""
        made = Remote(self.server, name)
        made.opened = self.opened
        return made

    def close(self) -> None:
        """Close what was opened."""
        for api in self.opened:
            api.close()

    def paths(self) -> list[tuple[str, str]]:
        """Method and last part of each request to the server."""
        return [(r["method"], r["path"].partition("?")[0].rsplit("/", 1)[-1]) for r in self.server.requests()]


@pytest.fixture
def remote(cloudflare: Cloudflare) -> Iterator[Remote]:
    """A fresh database on a server without faults."""
    made = Remote(cloudflare, "shop")
    yield made
    made.close()
