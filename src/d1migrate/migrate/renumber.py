"""Give files whose numbers collide, or come too late, new numbers: which ones, and their new texts."""

from __future__ import annotations

import re
from itertools import groupby
from typing import TYPE_CHECKING, NamedTuple

from d1migrate.errors import HistoryError, SourceError
from d1migrate.migrate.history_guard import MIGRATIONS_TABLE, is_record, recorded_version
from d1migrate.migrate.migration import Migration
from d1migrate.migrate.source import MAX_VERSION
from d1migrate.sql.names import quote_literal
from d1migrate.sql.tokens import tokenize

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from d1migrate.migrate.history import AppliedMigration


class Move(NamedTuple):
    """A file that gets a new number: as it is, and as it becomes."""

    old: Migration
    new: Migration


def moves(migrations: Sequence[Migration], applied: Sequence[AppliedMigration]) -> tuple[Move, ...]:
    """Return the files to renumber, so that numbers are unique and pending files come after applied ones.

    Applied files keep their numbers. The others keep their order, and a number that is above all before it.

    Args:
        migrations: the files by version and name; versions may repeat.
        applied: the rows of the migrations table.

    Raises:
        HistoryError: a version is applied, but it is unclear which of its files that is.
        SourceError: a file cannot be renumbered, or there is no number left.
    """
    stay = set(_applied(migrations, {row.version: row for row in applied}))
    last = max((row.version for row in applied), default=0)
    found: list[Move] = []
    for migration in migrations:
        if migration in stay:
            continue
        if migration.version > last:
            last = migration.version
            continue
        last += 1
        found.append(Move(migration, _renumbered(migration, last)))
    return tuple(found)


def _applied(migrations: Sequence[Migration], rows: dict[int, AppliedMigration]) -> Iterator[Migration]:
    """Yield the applied files: of several with the same number, the one with the checksum, or the name."""
    for version, group in groupby(migrations, key=lambda migration: migration.version):
        row, files = rows.get(version), list(group)
        if row is None:
            continue
        same = [file for file in files if row.checksum and file.matches(row.checksum)] or files
        named = [file for file in same if file.name == row.name] or same
        if len(named) > 1:
            raise HistoryError(
                f"version {version} is applied as {row.name}, but it is unclear which file that is:"
                f" {', '.join(file.file for file in named)}",
                versions=(version,),
                hint="give the one that is not applied another number by hand",
            )
        yield named[0]


def _renumbered(migration: Migration, version: int) -> Migration:
    """Return a file with a new number, in its name, its header and the statement that records it."""
    if version > MAX_VERSION:
        raise SourceError(f"{migration.file}: there is no number above {MAX_VERSION}")
    digits, rest = re.match(r"(\d+)(.*)", migration.name, re.DOTALL).groups()  # type: ignore[union-attr]
    name = f"{version:0{len(digits)}}{rest}"
    if migration.is_large:
        raise SourceError(
            f"{migration.file}: a file of {migration.size} bytes is not edited",
            hint=f"rename it to {name}.sql by hand, and change the statement that records it",
        )
    rollback = migration.rollback
    if rollback and MIGRATIONS_TABLE in rollback.sql.lower():
        raise SourceError(
            f"{migration.file}: its rollback block names {MIGRATIONS_TABLE}",
            hint="remove that line: `down` deletes the row itself",
        )
    text = re.sub(rf"(?m)^(--\s*Migration:\s*){re.escape(migration.name)}$", rf"\g<1>{name}", migration.text)
    for statement in migration.statements():
        sql = statement.sql
        if is_record(sql) and recorded_version(sql) == migration.version:
            text = text.replace(sql, _record(sql, migration, version, name))
    found = Migration(version, name, text, has_crlf=migration.has_crlf)
    found.check()
    if not migration.matches(found.checksum):
        raise SourceError(f"{migration.file}: it would do something else as {name}")
    return found


def _record(sql: str, migration: Migration, version: int, name: str) -> str:
    """Return the statement that records a migration, with a new number and name."""
    swap = {quote_literal(migration.name): quote_literal(name)}
    parts = []
    for token in tokenize(sql):
        is_version = (
            token.kind == "number" and token.text.isdecimal() and int(token.text) == migration.version
        )
        parts.append(str(version) if is_version else swap.get(token.text, token.text))
    return "".join(parts)
