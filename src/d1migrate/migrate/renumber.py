"""Give files whose numbers collide, or come too late, new numbers: which ones, and their new texts."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from d1migrate.errors import SourceError
from d1migrate.migrate.history_guard import is_record, recorded_version
from d1migrate.migrate.migration import Migration
from d1migrate.migrate.table import MAX_VERSION, VERSIONS
from d1migrate.sql.names import quote_literal
from d1migrate.sql.tokens import tokenize

if TYPE_CHECKING:
    from collections.abc import Sequence

    from d1migrate.migrate.status import Entry


class Move(NamedTuple):
    """A file that gets a new number: as it is, and as it becomes."""

    old: Migration
    new: Migration


def moves(entries: Sequence[Entry]) -> tuple[Move, ...]:
    """Return the pending files to renumber, so that each has its own number, after all that is applied.

    Applied files keep their numbers. The others keep their order, and a number that is above all before it.

    Args:
        entries: files and database, in order.

    Raises:
        SourceError: a file cannot be renumbered, or there is no number left.
    """
    last = max((entry.version or 0 for entry in entries if entry.applied), default=-1)
    found: list[Move] = []
    for entry in entries:
        migration = entry.migration
        if migration is None or entry.applied or migration.version is None:
            continue
        if migration.version > last:
            last = migration.version
            continue
        last += 1
        found.append(Move(migration, _renumbered(migration, last)))
    return tuple(found)


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
    if rollback and VERSIONS in rollback.sql.lower():
        raise SourceError(
            f"{migration.file}: its rollback block names {VERSIONS}",
            hint="remove that line: `down` deletes the row itself",
        )
    text = re.sub(rf"(?m)^(--\s*Migration:\s*){re.escape(migration.name)}$", rf"\g<1>{name}", migration.text)
    for statement in migration.statements():
        sql = statement.sql
        if is_record(sql) and recorded_version(sql) == migration.version:
            text = text.replace(sql, _record(sql, migration, version, name))
    of_rollback = migration.rollback_file
    found = Migration(version, name, text, has_crlf=migration.has_crlf, rollback_file=of_rollback)
    found.check()
    if found.checksum != migration.checksum:
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
