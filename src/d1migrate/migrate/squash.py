"""One file that replaces many, and how to recognize it in a database that ran the many."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from d1migrate.migrate.history import AppliedMigration
    from d1migrate.migrate.migration import Migration

_LINE = re.compile(r"^-- Squashes: ((\d+)_\S+) ([vb]1:[0-9a-f]{64})$", re.MULTILINE)


class Squashed(NamedTuple):
    """A file that another one replaces."""

    version: int
    name: str
    checksum: str


def replaced_by(migration: Migration) -> tuple[Squashed, ...]:
    """Return the files that a migration replaces, in the order of its lines; () if it was not squashed.

    A squashed file that was squashed again follows the files that it replaced, with the version of the last.
    """
    if not migration.is_large and "-- Squashes: " not in migration.text:
        return ()
    first = next(iter(migration.pieces()), None)
    lines = _LINE.findall(first.text[: first.body]) if first else ()
    return tuple(Squashed(int(number), name, known) for name, number, known in lines)


def alternatives(migration: Migration) -> list[tuple[Squashed, ...]]:
    """Return the sets of files that a database may have run, each equivalent to a migration.

    The last starts with the newest squashed file; the first has only files that were never squashed.
    """
    files = replaced_by(migration)
    starts = [at for at, file in enumerate(files) if at == 0 or file.version == files[at - 1].version]
    found = []
    for start in starts:
        chosen: dict[int, Squashed] = {}
        for file in files[start:]:
            chosen.setdefault(file.version, file)
        found.append(tuple(chosen.values()))
    return found


def replaced(migration: Migration, applied: Iterable[AppliedMigration]) -> tuple[Squashed, ...]:
    """Return the files that a migration replaces in one database; () if the database has none of them."""
    rows = {row.version: row for row in applied}
    own = rows.get(migration.version)
    found = alternatives(migration)
    known = not rows.keys().isdisjoint(file.version for file in replaced_by(migration))
    if not known or (own and own.checksum and migration.matches(own.checksum)):
        return ()
    return next((files for files in reversed(found[1:]) if _ran(files[0], rows)), found[0])


def lacking(files: Iterable[Squashed], applied: Iterable[AppliedMigration]) -> list[str]:
    """Return why a migration cannot replace files in a database."""
    rows = {row.version: row for row in applied}
    missing = [f"{file.name} is not applied" for file in files if file.version not in rows]
    return missing + [
        f"{file.name} was applied with different content"
        for file in files
        if file.version in rows and (rows[file.version].checksum or file.checksum) != file.checksum
    ]


def _ran(file: Squashed, rows: Mapping[int, AppliedMigration]) -> bool:
    """Whether a database ran a file: its row has the checksum, or if it has none, the name."""
    row = rows.get(file.version)
    return row is not None and (row.checksum == file.checksum if row.checksum else row.name == file.name)
