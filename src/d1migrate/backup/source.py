"""Where a backup reads from: a still picture of the database, where one can be taken."""

from __future__ import annotations

import os
import tempfile
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from d1migrate.d1 import WORKERD
from d1migrate.drivers.sqlite import SqliteDriver
from d1migrate.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from d1migrate.drivers import Driver

ANY_LENGTH = WORKERD._replace(length=1_000_000_000)
"""The rules to read a file under: another program may have written rows longer than D1's."""


@runtime_checkable
class Copying(Protocol):
    """A driver of a local file."""

    path: str

    def copy_to(self, path: str) -> None:
        """Write a copy of the database as it is now."""
        ...


@contextmanager
def still(driver: Driver) -> Iterator[tuple[Driver, bool]]:
    """Give a driver to read from, and whether it shows one moment; a local file is copied for it.

    Raises:
        UsageError: the file does not exist.
        UnavailableError: it cannot be copied.
    """
    if not isinstance(driver, Copying):
        yield driver, False
        return
    if driver.path != ":memory:" and not os.path.exists(driver.path):
        raise UsageError(f"{driver.url}: there is no such file to back up")
    with scratch_file() as path:
        driver.copy_to(path)
        copy = SqliteDriver(path, url=driver.url, profile=ANY_LENGTH)
        try:
            yield copy, True
        finally:
            copy.close()


@contextmanager
def scratch_file() -> Iterator[str]:
    """Give a path in a directory of its own, which is removed afterwards."""
    with tempfile.TemporaryDirectory(prefix="d1migrate-", ignore_cleanup_errors=True) as folder:
        yield os.path.join(folder, "scratch.sqlite")


def sync_folder(path: str) -> None:
    """Make a renamed file's name as durable as its content, where the system can."""
    with suppress(OSError):  # not on Windows
        folder = os.open(os.path.dirname(path) or ".", os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
