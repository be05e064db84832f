"""Which databases an inventory has already: of a million, without keeping them in memory."""

from __future__ import annotations

import apsw

from d1migrate.named_tuple import NamedTuple

_SCHEMA = """
PRAGMA journal_mode = OFF;
PRAGMA cache_size = -32768;
CREATE TABLE seen (identity TEXT PRIMARY KEY, name TEXT UNIQUE, place TEXT, fleet TEXT) WITHOUT ROWID;
BEGIN
"""
_INSERT = "INSERT INTO seen VALUES (?1, iif(?4 IS NULL, ?2, NULL), ?3, ?4) ON CONFLICT DO NOTHING"
_EARLIER = "SELECT identity, place, fleet FROM seen WHERE identity = ? OR name = ? ORDER BY identity = ? DESC"


class Earlier(NamedTuple):
    """A database that an inventory has already.

    Attributes:
        identity: as in `Listed`.
        place: where its list has it.
        fleet: the other fleet whose list that is; None for the one of the inventory.
    """

    identity: str
    place: str
    fleet: str | None


class Seen:
    """A set of databases, in a temporary file that SQLite deletes."""

    def __init__(self) -> None:
        self._db = apsw.Connection("")
        list(self._db.execute(_SCHEMA))  # APSW runs no more than is read, and a PRAGMA returns a row

    def add(self, identity: str, name: str, place: str, fleet: str | None = None) -> Earlier | None:
        """Add a database, unless there is one with its identity, or with its name in the same fleet.

        Returns:
            The one that exists; None if it was added.
        """
        self._db.execute(_INSERT, (identity, name, place, fleet))
        if self._db.changes():
            return None
        return Earlier(*next(self._db.execute(_EARLIER, (identity, name, identity))))

    def close(self) -> None:
        """Delete it."""
        self._db.close()
