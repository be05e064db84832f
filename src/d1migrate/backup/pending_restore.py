"""What a restore by Time Travel takes out of a remote D1, kept in a local file until it is back there.

Should the process not live to write it back, the next restore does, from the file.
"""

from __future__ import annotations

import json
import os
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NamedTuple

from d1migrate.backup import local_points
from d1migrate.backup.local_points import RestorePoint
from d1migrate.errors import UsageError
from d1migrate.migrate import history as h
from d1migrate.project import disk

if TYPE_CHECKING:
    from d1migrate.drivers.protocol import Permit

LOG_COLUMNS = (
    "token, event, action, version, name, checksum, who, tool, at, restore_point, detail, rollback_digest,"
    " rollback_sql"
)
KEY = 4
"""How many of them tell a row from any other."""

_BEGINNING, _END = "restore-", ".json"


class PendingRestore(NamedTuple):
    """A restore that is under way, or was cut short.

    Attributes:
        database: which, by its path in Cloudflare's API.
        point: where to.
        undo: the point that undoes it.
        stamp: of the log rows it writes.
        applied: versions and names that were applied before it.
        rows: the log as it was, LOG_COLUMNS of each row.
        path: the file.
    """

    database: str
    point: RestorePoint
    undo: RestorePoint
    stamp: h.Stamp
    applied: tuple[tuple[int, str], ...]
    rows: tuple[tuple[Any, ...], ...]
    path: str = ""

    @property
    def history(self) -> h.History:
        """What the database said of itself before."""
        return h.History(tuple(h.AppliedMigration(version, name, None) for version, name in self.applied))


def keep(folder: str, what: PendingRestore, permit: Permit | None) -> PendingRestore:
    """Write it to a file of its own, and return it with the file's path.

    Raises:
        UsageError: the file cannot be written, or `permit` refuses the folder.
    """
    at = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    path = os.path.join(folder, f"{_BEGINNING}{at}-{what.stamp.token[:8]}{_END}")
    try:
        local_points.make(folder, permit)
        with disk.replacing(path, private=True) as file:
            json.dump(what._asdict(), file)
    except OSError as error:
        raise UsageError(f"cannot keep the log in {folder}: {error.strerror}") from error
    return what._replace(path=path)


def found(folder: str, database: str) -> list[PendingRestore]:
    """Return the restores of a database that were cut short, newest first: it knows of those before it.

    Raises:
        UsageError: a file cannot be read.
    """
    with suppress(FileNotFoundError):
        names = (n for n in os.listdir(folder) if n.startswith(_BEGINNING) and n.endswith(_END))
        kept = [_read(os.path.join(folder, name)) for name in names]
        ours = (what for what in kept if what.database == database)
        return sorted(ours, key=lambda what: what.undo.at, reverse=True)
    return []


def forget(what: PendingRestore, *, older_than: float = 0) -> None:
    """Remove the file, which is of no use any more; or only if it is so many seconds old."""
    with suppress(OSError):
        if os.stat(what.path).st_mtime <= time.time() - older_than:
            os.unlink(what.path)


def _read(path: str) -> PendingRestore:
    try:
        with open(path, encoding="utf-8") as file:
            value = json.load(file)
        return PendingRestore(
            value["database"],
            RestorePoint(*value["point"]),
            RestorePoint(*value["undo"]),
            h.Stamp(*value["stamp"]),
            tuple((version, name) for version, name in value["applied"]),
            tuple(map(tuple, value["rows"])),
            path,
        )
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise UsageError(
            f"{path} should hold the log of a restore that was cut short, and cannot be read: {error}",
            hint="move it away to go on without",
        ) from error
