"""Foreign keys whose check is deferred to the commit: what defers it, and how a migration ends it."""

from __future__ import annotations

import re

from d1migrate.sql.batch import Query

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


_CREATES = re.compile(r"CREATE\s+(?:UNIQUE\s+)?(?:TABLE|INDEX|VIEW|TRIGGER)\b", re.IGNORECASE)


def may_orphan(sql: str) -> bool:
    """Whether a statement may leave a row that refers to none: it does more than create an object."""
    return not _CREATES.match(sql) or " as select" in " ".join(sql.lower().split())
