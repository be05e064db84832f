"""One file in the place of many, and how a database that ran the many knows it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from d1migrate.history import AppliedMigration
    from d1migrate.migration import Migration

_LINE = re.compile(r"^-- Squashes: ((\d+)_\S+) ([vb]1:[0-9a-f]{64})$", re.MULTILINE)


class Squashed(NamedTuple):
    """A file that another one stands for."""

    name: str
    checksum: str


def stands_for(migration: Migration) -> Mapping[int, Squashed]:
    """Return {version: file} of what a migration was squashed from; nothing for any other."""
    if not migration.is_large and "-- Squashes: " not in migration.text:
        return {}
    first = next(iter(migration.pieces()), None)
    lines = _LINE.findall(first.text[: first.body]) if first else ()
    return {int(number): Squashed(name, known) for name, number, known in lines}


def lacking(migration: Migration, applied: Iterable[AppliedMigration]) -> list[str] | None:
    """Return what keeps a migration from standing for what a database has; None where it has none of that."""
    rows = {row.version: row for row in applied}
    files = stands_for(migration)
    own = rows.get(migration.version)
    if not files.keys() & rows.keys() or (own and own.checksum and migration.matches(own.checksum)):
        return None
    gone = [f"{file.name} is not applied" for version, file in files.items() if version not in rows]
    return gone + [
        f"{file.name} was applied with other content"
        for version, file in files.items()
        if version in rows and (rows[version].checksum or file.checksum) != file.checksum
    ]
