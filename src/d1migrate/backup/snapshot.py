"""Where a backup reads from: a still picture of the database, where one can be taken."""

from __future__ import annotations

import os
import re
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

from d1migrate.drivers.sqlite import SqliteDriver
from d1migrate.errors import UnavailableError, UsageError
from d1migrate.project.temporary import PrivateFolder
from d1migrate.sql.batch import Batch, Query
from d1migrate.sql.d1 import WORKERD

if TYPE_CHECKING:
    from collections.abc import Iterator

    from d1migrate.drivers.protocol import Driver

_REFUSED_TODAY = re.compile(r"CHECK constraint failed in |NULL value in |\w+ value in ")
ANY_LENGTH = WORKERD._replace(length=1_000_000_000)
"""The rules to read a file under: another program may have written rows longer than D1's."""


@contextmanager
def snapshot(driver: Driver) -> Iterator[tuple[Driver, bool]]:
    """Give a driver to read from, and whether it shows one moment; a local file is copied for it.

    Raises:
        UsageError: the file does not exist.
        UnavailableError: it cannot be copied, or is damaged.
    """
    copy_to, file = driver.capabilities.copy_to, driver.capabilities.file
    if copy_to is None:
        yield driver, False
        return
    if file and not os.path.exists(file.path):
        raise UsageError(f"{driver.url}: there is no such file to back up")
    with scratch_file() as path:
        copy_to(path)
        with closing(SqliteDriver(path, url=driver.url, profile=ANY_LENGTH)) as copy:
            _refuse_damaged(copy)
            yield copy, True


def _refuse_damaged(copy: SqliteDriver) -> None:
    """Raise UnavailableError for what SQLite finds damaged: rows that nothing leads to would be left out."""
    query = Query("SELECT quick_check FROM pragma_quick_check WHERE quick_check <> 'ok' LIMIT 9")
    found = [str(row[0]) for row in copy.batch(Batch((query,), reads=True))[0].rows]
    # What a CHECK or NOT NULL would refuse today is a row all the same.
    damage = [line for line in found if not _REFUSED_TODAY.match(line)]
    if damage:
        raise UnavailableError(
            f"{copy.url} is damaged: {' '.join('; '.join(damage[:3]).split())}",
            hint="restore a point; what can be read still, `sqlite3 FILE .recover` saves",
        )


@contextmanager
def scratch_file() -> Iterator[str]:
    """Yield an empty file in a private folder, which is removed afterwards."""
    with closing(PrivateFolder()) as folder:
        yield folder.file("scratch.sqlite")
