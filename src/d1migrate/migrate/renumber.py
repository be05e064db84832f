"""Give pending files new numbers, if theirs are taken or too low: which ones, and their new texts."""

from __future__ import annotations

import re

from d1migrate.errors import HistoryError, SourceError
from d1migrate.migrate.file_name import moved_after
from d1migrate.migrate.history_guard import is_record, recorded_version
from d1migrate.migrate.migration import Migration
from d1migrate.migrate.order import in_order, number_of, order_key
from d1migrate.migrate.status import path_of
from d1migrate.migrate.table import MAX_VERSION, SUFFIX, VERSIONS
from d1migrate.named_tuple import NamedTuple
from d1migrate.sql.names import quote_literal
from d1migrate.sql.tokens import tokenize

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from d1migrate.migrate.file_name import Now
    from d1migrate.migrate.history import AppliedMigration
    from d1migrate.migrate.status import Entry
    from d1migrate.migrate.table import Key, MigrationsTable


class Move(NamedTuple):
    """A file that gets a new number: as it is, and as it will be."""

    old: Migration
    new: Migration


def moves(entries: Sequence[Entry], table: MigrationsTable, *, now: Now) -> tuple[Move, ...]:
    """Return the pending files to renumber, so that all of them are after what is applied, in their order.

    In a table of versions each also gets a number of its own; a table of names can hold two files with one
    number. Nothing else is moved: another name of an applied file is another migration to wrangler.

    Args:
        entries: files and database, in order.
        table: the migrations table.
        now: the time, for files that are numbered by time.

    Raises:
        HistoryError: a version is applied, but it is unclear which of its files that is.
        SourceError: a file cannot be renumbered, or no number is late enough.
    """
    _refuse_unclear(entries, table)
    # The newest of those with a number, and of those without one, which make none with a number late.
    newest: dict[bool, str] = {}
    for entry in in_order(entries, lambda entry: path_of(entry, table)):
        if entry.applied:
            newest[entry.version is None] = path_of(entry, table)
    found: list[Move] = []
    for entry in entries:
        if entry.migration is None or entry.applied:
            continue
        kind, path = entry.version is None, entry.migration.name + SUFFIX
        last = newest.get(kind)
        if last is not None and not _is_later(path, last, table):
            renumbered = _renumbered(entry.migration, moved_after(path, last, now=now), last, table)
            found.append(Move(entry.migration, renumbered))
            path = renumbered.name + SUFFIX
        newest[kind] = path
    return tuple(found)


def _is_later(path: str, last: str, table: MigrationsTable) -> bool:
    if table.shape == "names":
        return order_key(path) > order_key(last)
    return (number_of(path) or 0) > (number_of(last) or 0)


def _refuse_unclear(entries: Sequence[Entry], table: MigrationsTable) -> None:
    """Raise HistoryError if two files have the version of a row that has the name and content of neither."""
    files: dict[Key | None, list[Entry]] = {}
    for entry in entries:
        if entry.migration:
            files.setdefault(table.key_of(entry), []).append(entry)
    for version, several in files.items():
        row = next((entry.applied for entry in several if entry.applied and entry.state != "renamed"), None)
        if row is None or len(several) == 1:
            continue
        if not any(entry.name == row.name or _has_content(entry, row) for entry in several):
            raise HistoryError(
                f"version {version} is applied as {row.name}, but it is unclear which file that is:"
                f" {', '.join(entry.migration.file for entry in several if entry.migration)}",
                names=tuple(entry.name for entry in several),
                hint="give the one that is not applied another number by hand",
            )


def _has_content(entry: Entry, row: AppliedMigration) -> bool:
    return entry.migration is not None and row.has_content_of(entry.migration)


def _renumbered(migration: Migration, path: str | None, last: str, table: MigrationsTable) -> Migration:
    """Return a file under a new path, with a new header and a new statement that records it."""
    version = None if path is None else number_of(path)
    if path is None or version is None:
        raise SourceError(
            f"{migration.file}: no number would put it after {last}",
            hint="`up --allow-out-of-order` applies it all the same; or rename it by hand",
        )
    if table.shape == "versions" and version > MAX_VERSION:
        raise SourceError(f"{migration.file}: there is no number above {MAX_VERSION}")
    name = path.removesuffix(SUFFIX)
    if migration.is_large:
        raise SourceError(
            f"{migration.file}: a file of {migration.size} bytes is not edited",
            hint=f"rename it to {path} by hand, and change the statement that records it",
        )
    if table.shape == "versions":
        _refuse_record_in_rollback(migration)
    old_header = rf"(?m)^(--\s*Migration:\s*){re.escape(migration.name)}$"
    text = re.sub(old_header, lambda match: match[1] + name, migration.text)
    for statement in migration.statements():
        sql = statement.sql
        if is_record(sql) and recorded_version(sql) == migration.version:
            text = text.replace(sql, _record(sql, migration, version, name))
    found = Migration(version, name, text, has_crlf=migration.has_crlf, rollback_file=migration.rollback_file)
    found.check(table)
    if not migration.matches(found.checksum or ""):
        raise SourceError(f"{migration.file}: renamed to {name}, it would have another effect")
    return found


def _refuse_record_in_rollback(migration: Migration) -> None:
    if migration.rollback and VERSIONS in migration.rollback.sql.lower():
        raise SourceError(
            f"{migration.file}: its rollback block names {VERSIONS}",
            hint="remove that line: `down` deletes the row itself",
        )


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
