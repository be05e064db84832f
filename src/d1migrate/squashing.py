"""One file in the place of many, and how a database that ran the many knows it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from d1migrate.errors import PlanError
from d1migrate.migration import Migration
from d1migrate.recording import MIGRATIONS_TABLE, recorded_table
from d1migrate.schema.document import HEADER, document
from d1migrate.source import header, record
from d1migrate.sql.shape import shape_of
from d1migrate.sql.tokens import significant

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from d1migrate.history import AppliedMigration
    from d1migrate.schema.model import Schema
    from d1migrate.sql.split import Statement

_LINE = re.compile(r"^-- Squashes: ((\d+)_\S+) ([vb]1:[0-9a-f]{64})$", re.MULTILINE)
_ROWS = frozenset({"insert", "replace", "update", "delete"})
_SHOWN = 3


class Squashed(NamedTuple):
    """A file that another one stands for."""

    name: str
    checksum: str


def stands_for(migration: Migration) -> Mapping[int, Squashed]:
    """Return {version: file} of what a migration was squashed from; nothing for any other."""
    if migration.is_large or "-- Squashes: " not in migration.text:
        return {}
    return {int(number): Squashed(name, known) for name, number, known in _LINE.findall(migration.text)}


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


def row_statements(migrations: Iterable[Migration]) -> list[tuple[Migration, Statement]]:
    """Return the statements that write rows, without those by which files record themselves."""
    return [
        (migration, statement)
        for migration in migrations
        for statement in migration.statements()
        if shape_of(significant(statement.sql)).verb in _ROWS
        and recorded_table(statement.sql) != MIGRATIONS_TABLE
    ]


def squashed(
    migrations: Sequence[Migration],
    schema: Schema,
    slug: str,
    description: str,
    *,
    date: str,
    keep_rows: bool,
) -> Migration:
    """Return the file that stands for others, under the number of the last.

    Args:
        migrations: those files.
        schema: what they build.
        slug: the words of its name.
        description: a few words.
        date: today's, as YYYY-MM-DD.
        keep_rows: whether to put the statements that write rows behind the schema; else they are refused.

    Raises:
        PlanError: some write rows, and they are not to be kept.
    """
    writing = row_statements(migrations)
    if writing and not keep_rows:
        shown = "; ".join(f"{m.file}:{s.line} {' '.join(s.sql.split())[:40]}" for m, s in writing[:_SHOWN])
        more = f" and {len(writing) - _SHOWN} more" if len(writing) > _SHOWN else ""
        raise PlanError(
            f"these write rows, which the schema alone does not have: {shown}{more}",
            hint="--keep-rows runs them behind the schema, if that comes to the same",
        )
    name = re.sub(r"\D.*", "", migrations[-1].name, flags=re.DOTALL) + f"_{slug}"
    text = "\n".join(
        (
            header(f"{name}.sql", description, date=date)
            + "".join(f"-- Squashes: {m.name} {m.checksum}\n" for m in migrations),
            document(schema).removeprefix(HEADER).lstrip(),
            *([_joined(writing)] if writing else []),
            record(f"{name}.sql"),
            "-- Rollback: none, it stands for files that were squashed\n",
        )
    )
    found = Migration(migrations[-1].version, name, text)
    found.check()
    return found


def _joined(writing: Iterable[tuple[Migration, Statement]]) -> str:
    return "".join(f"{statement.sql};\n" for _, statement in writing)
