"""One file that replaces many, and how to recognize it in a database that ran the many."""

from __future__ import annotations

import re
from itertools import chain, product

from d1migrate.errors import SourceError
from d1migrate.migrate.order import number_of
from d1migrate.named_tuple import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence

    from d1migrate.migrate.history import AppliedMigration, History
    from d1migrate.migrate.migration import Migration
    from d1migrate.migrate.table import Key

_LINE = re.compile(
    r"^-- Squashes: (.+) ([vb]1:[0-9a-f]{64})(?: in place of the ([0-9]{1,9}) lines above)?$", re.MULTILINE
)


class Squashed(NamedTuple):
    """A file that another one replaces.

    Attributes:
        name: its name.
        checksum: its checksum.
        files: the files that it replaced itself, if it was squashed, too.
    """

    name: str
    checksum: str
    files: tuple[Squashed, ...] = ()

    @property
    def version(self) -> int | None:
        """The number that its name begins with."""
        return number_of(self.name)

    @property
    def every(self) -> Iterator[Squashed]:
        """The file, after all that it replaced."""
        for file in self.files:
            yield from file.every
        yield self


def lines(migrations: Iterable[Migration]) -> Iterator[str]:
    """Yield the lines that list files in the one that replaces them, for `replaced_by`.

    Raises:
        SourceError: a name has a character that cannot be in a comment.
    """
    for migration in migrations:
        if not migration.name.isprintable():
            raise SourceError(
                f"the name {migration.name!r} cannot be written in a comment", hint="rename the file"
            )
        before = [file for known in replaced_by(migration) for file in known.every]
        yield from map(_line, before)
        checksum = migration.checksum
        assert checksum is not None  # noqa: S101 - it ran, so it can be read
        yield _line(Squashed(migration.name, checksum, replaced_by(migration)))


def _line(file: Squashed) -> str:
    above = sum(1 for _ in file.every) - 1
    what = f" in place of the {above} lines above" if above else ""
    return f"-- Squashes: {file.name} {file.checksum}{what}"


def replaced_by(migration: Migration) -> tuple[Squashed, ...]:
    """Return the files that a migration replaces, in their order; () if it was not squashed."""
    if not migration.is_large and "-- Squashes: " not in migration.text:
        return ()
    try:
        first = next(iter(migration.pieces()), None)
    except SourceError:  # `check` raises it
        return ()
    found: list[Squashed] = []
    for name, checksum, above in _LINE.findall(first.text[: first.body]) if first else ():
        files: list[Squashed] = []
        while found and sum(1 for file in files for _ in file.every) < int(above or 0):
            files.insert(0, found.pop())
        found.append(Squashed(name, checksum, tuple(files)))
    return tuple(found)


def every_replaced(migration: Migration) -> Iterator[Squashed]:
    """Yield the files that a migration replaces, and those that they replaced."""
    for file in replaced_by(migration):
        yield from file.every


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
        left = {file.name for file in every_replaced(migration)} - {migration.name}
        both = [other for other in migrations if other.name in left] if left else []
        if both and not names.isdisjoint((migration.name, *(other.name for other in both))):
            raise SourceError(
                f"{migration.name} replaces {both[0].name}, which is still in the folder: both would run",
                hint=f"delete {', '.join(other.file for other in both)}",
            )


def alternatives(migration: Migration) -> list[tuple[Squashed, ...]]:
    """Return the sets of files that a database may have run, each equivalent to a migration.

    Instead of a squashed file, it may have run the files that this one replaced.
    """
    files = replaced_by(migration)
    return _alternatives(files) if files else []


def _alternatives(files: Iterable[Squashed]) -> list[tuple[Squashed, ...]]:
    choices = ([*(_alternatives(file.files) if file.files else []), (file,)] for file in files)
    return [tuple(chain(*chosen)) for chosen in product(*choices)]


def replaced(migration: Migration, history: History) -> tuple[Squashed, ...]:
    """Return the files that a migration replaces in one database; () if the database has none of them."""
    key_of, rows = history.table.key_of, _rows(history)
    own_key = key_of(migration)
    keys = {key_of(file) for file in every_replaced(migration)}
    others = rows.keys() & keys - {own_key}
    if rows.keys().isdisjoint(keys) or _ran_itself(migration, rows.get(own_key), others):
        return ()
    return tuple(chosen for file in replaced_by(migration) for chosen in _chosen(file, history))


def _ran_itself(migration: Migration, own: AppliedMigration | None, others: Collection[Key | None]) -> bool:
    """Whether a database ran a squashed file: by its checksum; without one, by its name, if it is alone."""
    if own is None:
        return False
    return own.has_content_of(migration) if own.checksum else own.name == migration.name and not others


def _chosen(file: Squashed, history: History) -> Iterator[Squashed]:
    """Yield a squashed file if the database ran it, else the files that it replaced."""
    if not file.files or _ran(file, history):
        yield file
        return
    for older in file.files:
        yield from _chosen(older, history)


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
