"""One file that replaces many, and how to recognize it in a database that ran the many."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from d1migrate.errors import SourceError
from d1migrate.migrate.order import number_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from d1migrate.migrate.history import AppliedMigration, History
    from d1migrate.migrate.migration import Migration
    from d1migrate.migrate.table import Key

_LINE = re.compile(r"^-- Squashes: (.+) ([vb]1:[0-9a-f]{64})$", re.MULTILINE)


class Squashed(NamedTuple):
    """A file that another one replaces."""

    name: str
    checksum: str

    @property
    def version(self) -> int | None:
        """The number that its name begins with."""
        return number_of(self.name)


def replaced_by(migration: Migration) -> tuple[Squashed, ...]:
    """Return the files that a migration replaces, in the order of its lines; () if it was not squashed.

    A squashed file that was squashed again follows the files that it replaced, with the version of the last.
    """
    if not migration.is_large and "-- Squashes: " not in migration.text:
        return ()
    try:
        first = next(iter(migration.pieces()), None)
    except SourceError:  # `check` raises it
        return ()
    lines = _LINE.findall(first.text[: first.body]) if first else ()
    return tuple(Squashed(name, known) for name, known in lines)


def refuse_both(todo: Iterable[Migration], migrations: Sequence[Migration]) -> None:
    """Refuse to apply a file that is in the folder together with one that replaces it: both would run.

    Args:
        todo: the files to be applied.
        migrations: all files.

    Raises:
        SourceError: a killed `squash` or a merge left both.
    """
    names = {migration.name for migration in todo}
    for migration in migrations:
        left = {file.name for file in replaced_by(migration)} - {migration.name}
        both = [other for other in migrations if other.name in left]
        if both and not names.isdisjoint((migration.name, *(other.name for other in both))):
            raise SourceError(
                f"{migration.name} replaces {both[0].name}, which is still in the folder: both would run",
                hint=f"delete {', '.join(other.file for other in both)}",
            )


def alternatives(migration: Migration) -> list[tuple[Squashed, ...]]:
    """Return the sets of files that a database may have run, each equivalent to a migration.

    The last starts with the newest squashed file; the first has only files that were never squashed.
    """
    files = replaced_by(migration)
    starts = [at for at, file in enumerate(files) if at == 0 or file.version == files[at - 1].version]
    found = []
    for start in starts:
        chosen: dict[int | None, Squashed] = {}
        for file in files[start:]:
            chosen.setdefault(file.version, file)
        found.append(tuple(chosen.values()))
    return found


def replaced(migration: Migration, history: History) -> tuple[Squashed, ...]:
    """Return the files that a migration replaces in one database; () if the database has none of them."""
    rows = _rows(history)
    own = rows.get(history.table.key_of(migration))
    found = alternatives(migration)
    known = not rows.keys().isdisjoint(map(history.table.key_of, replaced_by(migration)))
    if not known or (own and own.checksum and migration.matches(own.checksum)):
        return ()
    return next((files for files in reversed(found[1:]) if _ran(files[0], history)), found[0])


def lacking(files: Iterable[Squashed], history: History) -> list[str]:
    """Return why a migration cannot replace files in a database."""
    rows = _rows(history)
    found = [(file, rows.get(history.table.key_of(file))) for file in files]
    missing = [f"{file.name} is not applied" for file, row in found if row is None]
    return missing + [
        f"{file.name} was applied with different content"
        for file, row in found
        if row and (row.checksum or file.checksum) != file.checksum
    ]


def _rows(history: History) -> dict[Key | None, AppliedMigration]:
    return {history.table.key_of(row): row for row in history.applied}


def _ran(file: Squashed, history: History) -> bool:
    """Whether a database ran a file: its row has the checksum, or if it has none, the name."""
    row = _rows(history).get(history.table.key_of(file))
    return row is not None and (row.checksum == file.checksum if row.checksum else row.name == file.name)
