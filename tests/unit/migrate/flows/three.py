"""Three files, and stamps to apply them with."""

from __future__ import annotations

from d1migrate.migrate.log import Stamp
from d1migrate.migrate.source import load

FILES = [
    ("001_a.sql", "CREATE TABLE a (x);"),
    ("002_b.sql", "ALTER TABLE a ADD COLUMN b;"),
    ("003_c.sql", "ALTER TABLE a ADD COLUMN c;"),
]
THREE = load(FILES)


def new_stamp() -> Stamp:
    """A stamp with a token of its own."""
    new_stamp.count += 1  # type: ignore[attr-defined]
    return Stamp(f"token {new_stamp.count}", 1, "test", "test")  # type: ignore[attr-defined]


new_stamp.count = 0  # type: ignore[attr-defined]
