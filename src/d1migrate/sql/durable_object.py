"""How a SQLite-backed Durable Object differs from D1: in its checks of foreign keys, and in two messages.

The Python runtime uses this directly; a compiled index carries it to the TypeScript runtime.
"""

from __future__ import annotations

LOCKED = "database table is locked"
"""How a refusal begins that D1 does not have: other code has not read a cursor to its end."""

VIOLATED = "FOREIGN KEY constraint failed: SQLITE_CONSTRAINT (extended: SQLITE_CONSTRAINT_FOREIGNKEY)"
"""What D1 reports of a deferred violation. In an object no code gets an error: it is reset."""

KEYS_OFF = "PRAGMA foreign_keys is OFF, and cannot be switched on in a transaction"
KEYS_OFF_HINT = "run migrations before anything else of the event, or after `await storage.sync()`"
