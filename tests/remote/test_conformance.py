"""The driver of a remote D1 passes the suite of all drivers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.conformance.test_driver_contract import *  # noqa: F403 - its tests, with the fixture below

if TYPE_CHECKING:
    from collections.abc import Iterator

    from d1migrate.drivers.protocol import Driver
    from tests.remote.conftest import Remote


# What goes wrong with the first attempt of each, and is made up for by a second one.
TROUBLE: dict[str, list[dict[str, Any]]] = {
    "nothing": [],
    "every write": [{"match": {"path": "/query$", "every": 2}, "do": "429"}],
    # A write without an answer is not repeated; one that returns rows is sent to the same address.
    "every read": [{"match": {"path": "/raw$", "body": "^(?!.*INSERT )", "every": 2}, "do": "cut reply"}],
}


@pytest.fixture(params=[(splitter, trouble) for splitter in (False, True) for trouble in TROUBLE])  # type: ignore[no-redef]
def driver(request: pytest.FixtureRequest, remote: Remote) -> Iterator[Driver]:
    """A remote database, on a server that splits SQL again as production does, or leaves it alone, with faults."""
    fragile, trouble = request.param
    remote.server.settings(fragile_splitter=fragile)
    remote.server.faults(*TROUBLE[trouble])
    made = remote.open()
    yield made
    made.close()
