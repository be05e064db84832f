"""Migrator as a library uses it: what the command line has no part in."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from d1migrate import Migrator, connect
from d1migrate.errors import UsageError
from d1migrate.migrate import source

if TYPE_CHECKING:
    from collections.abc import Sequence

    from d1migrate.drivers.protocol import Driver
    from d1migrate.sql.batch import Batch, Result

FILES = source.load(
    [("001_a.sql", "CREATE TABLE a (id INTEGER PRIMARY KEY);"), ("002_b.sql", "DROP TABLE a;")]
)


class Labels:
    """A driver that notes the labels of what passes through it, and whether it is closed."""

    def __init__(self, driver: Driver) -> None:
        self.url, self.capabilities = driver.url, driver.capabilities
        self._driver, self.labels = driver, list[str]()
        self.is_closed = False

    def batch(self, batch: Batch) -> Sequence[Result]:
        """Run it."""
        self.labels += [batch.label] if batch.label else []
        return self._driver.batch(batch)

    def close(self) -> None:
        """Close it."""
        self._driver.close()
        self.is_closed = True


def test_a_context_manager_closes_the_database() -> None:
    """At the end of the block the driver is closed."""
    driver = Labels(connect("sqlite::memory:"))
    with Migrator(driver, FILES) as migrator:
        assert migrator.up(to=1).ok
        assert not driver.is_closed
    assert driver.is_closed


def test_a_watched_migrator_sends_its_batches_through_the_watcher() -> None:
    """One label per migration; the migrator it was made of keeps its own driver."""
    seen: list[Labels] = []

    def watch(driver: Driver) -> Driver:
        seen.append(Labels(driver))
        return seen[-1]

    with Migrator("sqlite::memory:", FILES) as migrator:
        watched = migrator.watched(watch)
        watched.up(to=1)
        assert watched.driver is migrator.driver
        assert watched.current() == migrator.current() == migrator.status()[0].applied
        migrator.up(lint=False)
    assert seen[0].labels == ["001_a"]


def test_gate_says_whether_code_can_run() -> None:
    """Code of version 1 lacks what version 2 dropped; an unknown version is an error."""
    with Migrator("sqlite::memory:", FILES) as migrator:
        migrator.up(to=1)
        assert migrator.gate(1).fits
        migrator.up(lint=False)
        assert migrator.gate(1).breaking == (("002_b", "drops table a"),)
        with pytest.raises(UsageError, match="there is no migration 3"):
            migrator.gate(3)
