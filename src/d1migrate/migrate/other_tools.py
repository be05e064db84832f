"""The history tables of other tools: no file creates them, and d1migrate leaves them alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from d1migrate.migrate.history_guard import MIGRATIONS_TABLE
from d1migrate.sql.names import fold

if TYPE_CHECKING:
    from collections.abc import Iterable

    from d1migrate.schema.model import Schema

OLD_TABLE = f"old_{MIGRATIONS_TABLE}"
"""The new name that `adopt` gives to another tool's table with the name of ours."""

OTHER_TOOLS = {
    OLD_TABLE: "the previous tool",
    "d1_migrations": "wrangler d1 migrations",
    "__drizzle_migrations": "drizzle-kit",
    "_prisma_migrations": "Prisma",
    "goose_db_version": "goose",
    "_sqlx_migrations": "sqlx",
    "alembic_version": "Alembic",
    "django_migrations": "Django",
    "_yoyo_migration": "yoyo",
    "refinery_schema_history": "refinery",
    "atlas_schema_revisions": "Atlas",
    "knex_migrations": "Knex",
    "kysely_migration": "Kysely",
}
"""The history tables of other tools."""


def without_histories(schema: Schema, *histories: str | None, keep: Iterable[str] = ()) -> Schema:
    """Return a schema without the history tables of other tools, because no file creates them.

    Args:
        schema: the schema.
        histories: other names of such tables, e.g. of the one in wrangler's configuration; None is ignored.
        keep: names of tables to keep, because someone asks for them by name.
    """
    hidden = {*OTHER_TOOLS, *map(fold, filter(None, histories))}.difference(map(fold, keep))
    return schema._replace(tables=tuple(t for t in schema.tables if fold(t.name) not in hidden))
