"""How a SQLite-backed Durable Object differs from D1: in its checks of foreign keys, and in two messages.

The Python runtime uses this directly; a compiled index carries it to the TypeScript runtime.
"""

from __future__ import annotations

from d1migrate.sql.batch import Query

LOCKED = "database table is locked"
"""How a refusal begins that D1 does not have: other code has not read a cursor to its end."""

VIOLATED = "FOREIGN KEY constraint failed: SQLITE_CONSTRAINT (extended: SQLITE_CONSTRAINT_FOREIGNKEY)"
"""What D1 reports of a deferred violation. In an object no code gets an error: it is reset."""

KEYS_OFF = "PRAGMA foreign_keys is OFF, and cannot be switched on in a transaction"
KEYS_OFF_HINT = "run migrations before anything else of the event, or after `await storage.sync()`"

DEFER_OFF = "PRAGMA defer_foreign_keys = OFF"
"""What ends a migration: the pragma would last until the end of the event."""

ORPHANS = Query("SELECT count(*) FROM pragma_foreign_key_check")
"""How many rows refer to one that does not exist."""

DEFERRABLE = Query("SELECT count(*) FROM sqlite_schema WHERE instr(lower(sql), 'deferrable')")
"""How many tables may have a key that is checked only at the commit."""


def defers(sql: str) -> bool:
    """Whether a statement may defer the check of foreign keys, by a pragma or in a table that it creates."""
    return "defer" in sql.lower()


def drops(sql: str) -> bool:
    """Whether a statement may drop a table to which rows refer."""
    return "drop" in sql.lower()
