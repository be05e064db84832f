"""Numbers that collide or came too late: which files get which others, and their texts then."""

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
    """A file that gets another number: what it is, and what it becomes."""

    old: Migration
    new: Migration


def moves(migrations: Sequence[Migration], applied: Sequence[AppliedMigration]) -> tuple[Move, ...]:
    """Return which files move behind others, so that every number is there once and none comes too late.

    Applied files stay. The others keep their order, and their numbers where these are above all before them.

    Args:
        migrations: by version and name; versions may be there twice.
        applied: what the database has.

    Raises:
        HistoryError: a version is applied, and it cannot be told which of its files that is.
        SourceError: a text cannot be given another number, or there is none left.
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
    """Yield the files that are applied: of several with one number, that with its checksum, or its name."""
    for version, group in groupby(migrations, key=lambda migration: migration.version):
        row, files = rows.get(version), list(group)
        if row is None:
            continue
        same = [file for file in files if row.checksum and file.matches(row.checksum)] or files
        named = [file for file in same if file.name == row.name] or same
        if len(named) > 1:
            raise HistoryError(
                f"version {version} is applied as {row.name}, and which file that is cannot be told:"
                f" {', '.join(file.file for file in named)}",
                versions=(version,),
                hint="give the one that is not applied another number by hand",
            )
        yield named[0]


def _renumbered(migration: Migration, version: int) -> Migration:
    """Return a file under another number: its name, its header and its own record say so."""
    if version > MAX_VERSION:
        raise SourceError(f"{migration.file}: there is no number above {MAX_VERSION}")
    digits, rest = re.match(r"(\d+)(.*)", migration.name, re.DOTALL).groups()  # type: ignore[union-attr]
    name = f"{version:0{len(digits)}}{rest}"
    if migration.is_large:
        raise SourceError(
            f"{migration.file}: a file of {migration.size} bytes is not edited",
            hint=f"rename it to {name}.sql by hand, and its record in it",
        )
    rollback = migration.rollback
    if rollback and MIGRATIONS_TABLE in rollback.sql.lower():
        raise SourceError(
            f"{migration.file}: its rollback block names {MIGRATIONS_TABLE}",
            hint="take that line out: `down` does it by itself",
        )
    text = re.sub(rf"(?m)^(--\s*Migration:\s*){re.escape(migration.name)}$", rf"\g<1>{name}", migration.text)
    for statement in migration.statements():
        sql = statement.sql
        if is_record(sql) and recorded_version(sql) == migration.version:
            text = text.replace(sql, _record(sql, migration, version, name))
    found = Migration(version, name, text, has_crlf=migration.has_crlf)
    found.check()
    if not migration.matches(found.checksum):
        raise SourceError(f"{migration.file}: it would mean something else as {name}")
    return found


def _record(sql: str, migration: Migration, version: int, name: str) -> str:
    """Return the statement that records a migration, for another number."""
    swap = {quote_literal(migration.name): quote_literal(name)}
    parts = []
    for token in tokenize(sql):
        is_version = (
            token.kind == "number" and token.text.isdecimal() and int(token.text) == migration.version
        )
        parts.append(str(version) if is_version else swap.get(token.text, token.text))
    return "".join(parts)
