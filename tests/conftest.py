"""Fixtures every test may use."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.runtime.cloudflare import Cloudflare
from tests.runtime.workerd import Workerd

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="session")
def workerd() -> Iterator[Workerd]:
    """The real D1, started once a test run; ask it for a `database()` a test."""
    with Workerd() as server:
        yield server


@pytest.fixture(scope="session")
def cloudflare_server() -> Iterator[Cloudflare]:
    """Cloudflare's API in front of the real D1, started once a test run; tests take `cloudflare`."""
    with Cloudflare() as server:
        yield server


@pytest.fixture
def cloudflare(cloudflare_server: Cloudflare) -> Iterator[Cloudflare]:
    """Cloudflare's API, with no database in it and no fault."""
    yield cloudflare_server
    cloudflare_server.reset()
