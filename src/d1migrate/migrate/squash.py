"""One file in the place of many, and how a database that ran the many knows it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from d1migrate.migrate.history import AppliedMigration
    from d1migrate.migrate.migration import Migration

_LINE = re.compile(r"^-- Squashes: ((\d+)_\S+) ([vb]1:[0-9a-f]{64})$", re.MULTILINE)


class Squashed(NamedTuple):
    """A file that another one stands for."""

    version: int
    name: str
    checksum: str


def stands_for(migration: Migration) -> tuple[Squashed, ...]:
    """Return what a migration was squashed from, in the order of its lines; nothing for any other.

    A squashed file that was squashed again follows the files that it stood for, with the version of the last.
    """
    if not migration.is_large and "-- Squashes: " not in migration.text:
        return ()
    first = next(iter(migration.pieces()), None)
    lines = _LINE.findall(first.text[: first.body]) if first else ()
    return tuple(Squashed(int(number), name, known) for name, number, known in lines)


def alternatives(migration: Migration) -> list[tuple[Squashed, ...]]:
    """Return the sets of files that a database may have run, each as good as a migration.

    The last starts with the newest squashed file; the first is the files that were never squashed.
    """
    files = stands_for(migration)
    starts = [at for at, file in enumerate(files) if at == 0 or file.version == files[at - 1].version]
    found = []
    for start in starts:
        chosen: dict[int, Squashed] = {}
        for file in files[start:]:
            chosen.setdefault(file.version, file)
        found.append(tuple(chosen.values()))
    return found


def replaced(migration: Migration, applied: Iterable[AppliedMigration]) -> tuple[Squashed, ...]:
    """Return the files that a migration stands for in one database; nothing if that has none of them."""
    rows = {row.version: row for row in applied}
    own = rows.get(migration.version)
    found = alternatives(migration)
    known = not rows.keys().isdisjoint(file.version for file in stands_for(migration))
    if not known or (own and own.checksum and migration.matches(own.checksum)):
        return ()
    return next((files for files in reversed(found[1:]) if _is(files[0], rows)), found[0])


def lacking(files: Iterable[Squashed], applied: Iterable[AppliedMigration]) -> list[str]:
    """Return what keeps another migration from standing for files in a database."""
    rows = {row.version: row for row in applied}
    gone = [f"{file.name} is not applied" for file in files if file.version not in rows]
    return gone + [
        f"{file.name} was applied with other content"
        for file in files
        if file.version in rows and (rows[file.version].checksum or file.checksum) != file.checksum
    ]


def _is(file: Squashed, rows: Mapping[int, AppliedMigration]) -> bool:
    row = rows.get(file.version)
    return row is not None and (row.checksum == file.checksum if row.checksum else row.name == file.name)
