"""The snapshot that a backup reads from, if the driver can copy the database."""

from __future__ import annotations

import os
import re
from contextlib import closing, contextmanager

from d1migrate.drivers.sqlite import SqliteDriver
from d1migrate.errors import DamagedError, UnavailableError, UsageError
from d1migrate.project.temporary import PrivateFolder
from d1migrate.sql.batch import Batch, Query
from d1migrate.sql.d1 import WORKERD

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from d1migrate.drivers.protocol import Driver

_VIOLATION = re.compile(r"CHECK constraint failed in |NULL value in |\w+ value in ")
ANY_LENGTH = WORKERD._replace(length=1_000_000_000)
"""The limits for reading a file: another program may have written longer rows than D1 permits."""


@contextmanager
def snapshot(driver: Driver) -> Iterator[tuple[Driver, bool]]:
    """Yield a driver to read from, and whether it is a snapshot: a copy, if the driver can make one.

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
    """Refuse a damaged file: a dump would silently lack rows that SQLite cannot reach.

    Raises:
        UnavailableError: SQLite finds it damaged.
    """
    query = Query("SELECT quick_check FROM pragma_quick_check WHERE quick_check <> 'ok' LIMIT 9")
    try:
        found = [str(row[0]) for row in copy.batch(Batch((query,), reads=True))[0].rows]
    except DamagedError as error:  # it names the copy
        found = [str(error.__cause__ or error)]
    # Rows that violate a CHECK or NOT NULL are dumped too; that is not damage.
    damage = [line for line in found if not _VIOLATION.match(line)]
    if damage:
        raise UnavailableError(
            f"{copy.url} is damaged: {' '.join('; '.join(damage[:3]).split())}",
            hint="go back to a restore point; `sqlite3 FILE .recover` saves what is still readable",
        )


@contextmanager
def scratch_file() -> Iterator[str]:
    """Yield an empty file in a private folder, which is removed afterwards."""
    with closing(PrivateFolder()) as folder:
        yield folder.file("scratch.sqlite")
