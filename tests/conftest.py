"""Fixtures every test may use."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.runtime.workerd import Workerd

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="session")
def workerd() -> Iterator[Workerd]:
    """The real D1, started once a test run; ask it for a `database()` a test."""
    with Workerd() as server:
        yield server
