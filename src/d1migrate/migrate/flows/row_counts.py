"""How many rows the tables have that pending migrations may go through, up to a number."""

from __future__ import annotations

from d1migrate.sql.batch import Batch, count_rows_up_to
from d1migrate.sql.names import fold, unquote
from d1migrate.sql.tokens import significant

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from d1migrate.migrate.migration import Migration
    from d1migrate.schema.model import Schema
    from d1migrate.sql.batch import Flow

_VISITING = frozenset(("UPDATE", "DELETE", "SELECT", "INDEX", "DROP"))


def count_rows(migrations: Iterable[Migration], schema: Schema, most: int) -> Flow[dict[str, int]]:
    """Return {folded table: its rows, or `most`}; one request, and none if no table matters.

    Args:
        migrations: those that are pending.
        schema: the schema before them.
        most: how far rows are counted: production has stopped the count of a large table.
    """
    named = {name for migration in migrations if not migration.is_large for name in _named(migration)}
    tables = [table.name for table in schema.tables if not table.is_virtual and fold(table.name) in named]
    if not tables:
        return {}
    results = yield Batch([count_rows_up_to(name, most) for name in tables], reads=True)
    return {fold(name): int(result.rows[0][0]) for name, result in zip(tables, results, strict=True)}


def _named(migration: Migration) -> set[str]:
    """Return the names in the statements that may go through all rows of a table."""
    found = set[str]()
    for statement in migration.statements():
        tokens = significant(statement.sql)
        if not _VISITING.isdisjoint(token.keyword for token in tokens):
            found |= {fold(unquote(token.text)) for token in tokens if token.kind in ("word", "quoted")}
    return found
