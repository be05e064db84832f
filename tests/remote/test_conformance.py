"""The driver of a remote D1 passes the suite of all drivers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.conformance.test_driver_contract import *  # noqa: F403 - its tests, with the fixture below

if TYPE_CHECKING:
    from collections.abc import Iterator

    from d1migrate.drivers import Driver
    from tests.remote.conftest import Remote


@pytest.fixture(params=["plain", "fragile splitter"])  # type: ignore[no-redef]
def driver(request: pytest.FixtureRequest, remote: Remote) -> Iterator[Driver]:
    """A remote database, on a server that cuts SQL anew as production does, or leaves it alone."""
    remote.server.settings(fragile_splitter=request.param == "fragile splitter")
    made = remote.open()
    yield made
    made.close()
