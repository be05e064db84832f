"""A database for each test of a flow, and of an adoption."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from d1migrate.drivers.sqlite import SqliteDriver
from tests.unit.migrate.flows.database import Database

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def empty() -> Iterator[Database]:
    """An empty database."""
    database = Database()
    yield database
    database.driver.close()


@pytest.fixture
def database() -> Iterator[SqliteDriver]:
    """The driver of an empty database."""
    driver = SqliteDriver(":memory:", url="sqlite::memory:")
    yield driver
    driver.close()
