"""The history tables of other tools, and whose a table is that has the name of ours.

No file creates these tables, and only their tool writes to them: no comparison of schemas counts them. An
exception is Django's, to which migrations for its models write. How `adopt` reads their rows is in
`adopt/histories`.
"""

from __future__ import annotations

from d1migrate.migrate.table import VERSIONS
from d1migrate.sql.names import fold

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from typing import Any, Literal

    from d1migrate.schema.model import Schema, Table

    Owner = Literal["d1migrate", "dbmate", "golang-migrate", "Rails", "application"]

OLD_TABLE = f"old_{VERSIONS}"
"""The new name that `adopt` gives to another tool's table with the name of ours."""

DJANGO = "django_migrations"
"""Django's history. A first file creates it: the migrations after that write to it, for Django's models."""

OTHER_TOOLS = {
    OLD_TABLE: "the previous tool",
    "d1_migrations": "wrangler d1 migrations",
    "_hub_migrations": "NuxtHub",
    "payload_migrations": "Payload",
    "__drizzle_migrations": "drizzle-kit",
    "_prisma_migrations": "Prisma",
    "goose_db_version": "goose",
    "_sqlx_migrations": "sqlx",
    "alembic_version": "Alembic",
    DJANGO: "Django",
    "_yoyo_migration": "yoyo",
    "refinery_schema_history": "refinery",
    "atlas_schema_revisions": "Atlas",
    "knex_migrations": "Knex",
    "kysely_migration": "Kysely",
}
"""The history tables of other tools, folded."""

COMPANIONS = {
    "knex_migrations_lock": "Knex",
    "kysely_migration_lock": "Kysely",
    "_yoyo_log": "yoyo",
    "_yoyo_version": "yoyo",
    "yoyo_lock": "yoyo",
    "ar_internal_metadata": "Rails",
}
"""What these tools keep beside a history: locks, versions. A row of theirs records no migration."""


def owner_of(columns: Sequence[tuple[Any, ...]]) -> Owner:
    """Return whose a table is that has the name of our migrations table, by its columns.

    Args:
        columns: (name, type, position in the primary key, NOT NULL, default) of each.
    """
    names = {fold(name) for name, *_ in columns}
    if names == {"version", "dirty"}:
        return "golang-migrate"
    if names == {"version"}:
        _, kind, key, not_null, _ = columns[0]
        if kind.lower().startswith("varchar"):
            return "Rails" if not_null else "dbmate" if key else "application"
    key_columns = [(fold(name), kind.upper()) for name, kind, key, *_ in columns if key]
    required = {
        fold(name) for name, _, key, not_null, default in columns if not_null and default is None and not key
    }
    ours = {"name", "applied_at"}
    is_ours = key_columns == [("version", "INTEGER")] and required <= ours <= names
    return "d1migrate" if is_ours else "application"


def is_of_another_tool(table: str) -> bool:
    """Whether a table of that name is the history of another tool, or kept beside one."""
    return fold(table) in OTHER_TOOLS or fold(table) in COMPANIONS


def without_histories(schema: Schema, *histories: str | None, keep: Iterable[str] = ()) -> Schema:
    """Return a schema without the history tables of other tools, because no file creates them.

    Args:
        schema: the schema.
        histories: other names of such tables, e.g. of the one in wrangler's configuration; None is ignored.
        keep: names of tables to keep, because someone asks for them by name.
    """
    named, kept = set(map(fold, filter(None, histories))), set(map(fold, keep))

    def is_hidden(table: Table) -> bool:
        name = fold(table.name)
        return name not in kept and (name in named or is_of_another_tool(name) or _has_name_of_ours(table))

    return schema._replace(tables=tuple(table for table in schema.tables if not is_hidden(table)))


def _has_name_of_ours(table: Table) -> bool:
    """Whether it is the history of a tool that uses the name of our migrations table."""
    if fold(table.name) != VERSIONS:
        return False
    columns = [(c.name, c.type, c.primary_key, c.not_null, c.default) for c in table.columns]
    return owner_of(columns) not in ("d1migrate", "application")
