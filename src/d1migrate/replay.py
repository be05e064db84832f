"""Run migrations on a scratch engine, to see what they build. Not core: it needs the embedded engine."""

from __future__ import annotations

from typing import TYPE_CHECKING

from d1migrate.batch import Batch, Query
from d1migrate.drivers.sqlite import SqliteDriver
from d1migrate.errors import QueryError, SourceError
from d1migrate.history import TABLES, create_tables
from d1migrate.schema import introspect

if TYPE_CHECKING:
    from collections.abc import Iterable

    from d1migrate.migration import Migration
    from d1migrate.schema.model import Schema
    from d1migrate.sql.split import Statement

_SCHEMA_STATEMENTS = ("create", "alter", "drop", "pragma")


def schema_of(migrations: Iterable[Migration]) -> Schema:
    """Return the schema that the migrations build, in order, on an empty database.

    Only statements that change the schema are run: rows make no difference to what they build, and a
    migration that checks its rows would stop on an empty table.

    Raises:
        SourceError: a statement is refused, by D1's rules or because of what the ones before it built.
    """
    scratch = SqliteDriver(":memory:", url="scratch")
    try:
        scratch.batch(Batch(create_tables(TABLES)))  # a migration may speak of them
        for migration in migrations:
            statements = [s for s in migration.statements() if _changes_schema(s)]
            try:
                if statements:
                    scratch.batch(Batch([Query(s.sql) for s in statements]))
            except QueryError as error:
                line = statements[error.index].line if error.index is not None else 1
                raise SourceError(
                    f"{migration.file}:{line}: {error} (when replayed on an empty database)"
                ) from error
        return introspect.read(scratch.batch(Batch(introspect.QUERIES, reads=True)))
    finally:
        scratch.close()


def _changes_schema(statement: Statement) -> bool:
    start = statement.text[statement.body : statement.body + 6].lower()
    return start.startswith(_SCHEMA_STATEMENTS)
