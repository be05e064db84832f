"""The log row of the last restore of a remote D1 from this folder: evidence of its state then.

A restore by Time Travel rewinds the log as well, so the database alone does not show that it went back. If
the log lacks a row that was written from here, it went back: a delayed request arrived after all, or another
tool restored the database.
"""

from __future__ import annotations

import json
import os
from contextlib import suppress

from d1migrate.migrate.flows.leftovers import Problem
from d1migrate.named_tuple import NamedTuple
from d1migrate.project import disk
from d1migrate.sha256 import sha256


class LastRestore(NamedTuple):
    """The newest row that a restore wrote to the log.

    Attributes:
        database: the database's path in Cloudflare's API.
        token: the token of the row.
        point: the bookmark it was restored to.
        is_finished: whether the log was written back; otherwise the row marks the beginning of the restore.
    """

    database: str
    token: str
    point: str
    is_finished: bool

    @property
    def if_missing(self) -> Problem:
        """What is wrong with the database if its log lacks the row."""
        if not self.is_finished:
            return Problem(
                "rewound",
                self.point,
                f"the database was restored to {self.point}, but its log was not written back yet:"
                f" `d1migrate restore --to {self.point}` finishes it",
            )
        return Problem(
            "rewound",
            self.point,
            f"the log lacks the row of the restore to {self.point}: the database later went back in time,"
            " by a late request or another tool, and the writes since then are lost;"
            " `d1migrate restore --to TIME` restores any minute, e.g. the one before that",
        )


def remember(folder: str, what: LastRestore) -> None:
    """Save it; if that fails, only the evidence is missing."""
    with suppress(OSError), disk.replacing(_path(folder, what.database), private=True) as file:
        json.dump(what._asdict(), file)


def recall(folder: str, database: str) -> LastRestore | None:
    """Return the saved record of a database, if there is one that can be read."""
    with suppress(OSError, ValueError, TypeError), open(_path(folder, database), encoding="utf-8") as file:
        found = LastRestore(**json.load(file))
        if found.database == database and isinstance(found.token, str) and found.token:
            return found
    return None


def _path(folder: str, database: str) -> str:
    return os.path.join(folder, f"last-restore-{sha256(database.encode()).hexdigest()[:16]}")
