"""The affinity of a declared type, by SQLite's rules in their order (sqlite.org/datatype3)."""

from __future__ import annotations

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
