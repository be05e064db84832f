"""Which files are SQLite databases, by their first bytes."""

from __future__ import annotations

_HEADER = b"SQLite format 3\0"


def is_database(path: str) -> bool:
    """Whether a file is a SQLite database that has been written to.

    Raises:
        OSError: it cannot be read.
    """
    with open(path, "rb") as file:
        return file.read(len(_HEADER)) == _HEADER
