"""The affinity of a declared type, by SQLite's rules in their order (sqlite.org/datatype3)."""

from __future__ import annotations

from d1migrate.sql.names import fold, unquote
from d1migrate.sql.tokens import significant

_RULES = (
    ("INTEGER", ("INT",)),
    ("TEXT", ("CHAR", "CLOB", "TEXT")),
    ("BLOB", ("BLOB",)),
    ("REAL", ("REAL", "FLOA", "DOUB")),
)


def affinity(declared: str) -> str:
    """Return the affinity SQLite gives a declared type: INTEGER, TEXT, BLOB, REAL or NUMERIC."""
    upper = declared.upper()
    for name, parts in _RULES:
        if any(part in upper for part in parts):
            return name
    return "NUMERIC" if upper else "BLOB"


def is_same_type(one: str, other: str) -> bool:
    """Whether SQLite treats two declared types alike, and applications most likely too.

    SQLite uses nothing of a type but its affinity: VARCHAR(50) and TEXT are alike, and so are INT and BIGINT.
    NUMERIC is the affinity of all other names, such as BOOLEAN and DATE, by which applications choose how to
    convert values: there the names must be the same, not the arguments.

    It does not hold in a STRICT table, nor for the type of a primary key: only INTEGER makes it the rowid.
    """
    kind = affinity(one)
    return kind == affinity(other) and (kind != "NUMERIC" or _name(one) == _name(other))


def _name(declared: str) -> str:
    """Return a declared type without its arguments, folded."""
    return fold(" ".join(unquote(token.text) for token in significant(declared.partition("(")[0])))
