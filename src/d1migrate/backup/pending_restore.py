"""The log rows that a restore by Time Travel removes from a remote D1, in a local file until written back.

If the process dies before it writes them back, the next restore does so from the file.
"""

from __future__ import annotations

import json
import os
import time
from contextlib import suppress

from d1migrate.backup import local_points
from d1migrate.backup.local_points import RestorePoint
from d1migrate.errors import UsageError
from d1migrate.migrate import history as h
from d1migrate.migrate import log
from d1migrate.migrate.table import NameTable, VersionTable
from d1migrate.named_tuple import NamedTuple
from d1migrate.project import disk

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from d1migrate.drivers.protocol import Permit
    from d1migrate.migrate.table import Shape

KEY = 5
"""The number of leading columns that identify a row."""

_BEGINNING, _END = "restore-", ".json"


class PendingRestore(NamedTuple):
    """A restore that is in progress, or was interrupted.

    Attributes:
        database: the database's path in Cloudflare's API.
        point: the point it restores.
        undo: the point that undoes it.
        stamp: the stamp of the log rows it writes.
        shape: that of the migrations table.
        applied: the version, name and place of each migration that was applied before it.
        rows: the log before it, log.COLUMNS of each row.
        path: the file.
    """

    database: str
    point: RestorePoint
    undo: RestorePoint
    stamp: log.Stamp
    shape: Shape
    applied: tuple[tuple[int | None, str, int], ...]
    rows: tuple[tuple[Any, ...], ...]
    path: str = ""

    @property
    def history(self) -> h.History:
        """The history of the database before the restore."""
        table = NameTable() if self.shape == "names" else VersionTable()
        rows = (h.AppliedMigration(number, name, None, place=place) for number, name, place in self.applied)
        return h.History(tuple(rows), table=table)


def save(folder: str, pending: PendingRestore, permit: Permit | None) -> PendingRestore:
    """Write a pending restore to a new file, and return it with the path.

    Raises:
        UsageError: the file cannot be written, or `permit` refuses the folder.
    """
    at = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    path = os.path.join(folder, f"{_BEGINNING}{at}-{pending.stamp.token[:8]}{_END}")
    try:
        local_points.create_folder(folder, permit)
        with disk.replacing(path, private=True) as file:
            json.dump(pending._asdict(), file)
    except OSError as error:
        raise UsageError(f"cannot save the log in {folder}: {error.strerror}") from error
    return pending._replace(path=path)


def unfinished(folder: str, database: str) -> list[PendingRestore]:
    """Return the interrupted restores of a database, newest first: the log of each contains the older ones.

    Raises:
        UsageError: a file cannot be read.
    """
    with suppress(FileNotFoundError):
        names = (n for n in os.listdir(folder) if n.startswith(_BEGINNING) and n.endswith(_END))
        read = [_read(os.path.join(folder, name)) for name in names]
        wanted = (pending for pending in read if pending.database == database)
        return sorted(wanted, key=lambda pending: pending.undo.at, reverse=True)
    return []


def remove(pending: PendingRestore, *, older_than: float = 0) -> None:
    """Remove the file of a restore, if it is at least `older_than` seconds old."""
    with suppress(OSError):
        if os.stat(pending.path).st_mtime <= time.time() - older_than:
            os.unlink(pending.path)


def _read(path: str) -> PendingRestore:
    try:
        with open(path, encoding="utf-8") as file:
            value = json.load(file)
        if "shape" not in value and "stamp" in value:
            raise UsageError(
                f"{path} contains the log of a restore that d1migrate 0.1 began and did not finish",
                hint=f"finish it with that version: `d1migrate restore --to {value['point'][0]}`",
            )
        return PendingRestore(
            value["database"],
            RestorePoint(*value["point"]),
            RestorePoint(*value["undo"]),
            log.Stamp(*value["stamp"]),
            value["shape"],
            tuple((number, name, place) for number, name, place in value["applied"]),
            tuple(map(tuple, value["rows"])),
            path,
        )
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise UsageError(
            f"{path} should contain the log of an interrupted restore, but cannot be read: {error}",
            hint="move it away to continue without it",
        ) from error
