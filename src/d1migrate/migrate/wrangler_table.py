"""Keep wrangler's own migrations table in step, so that `wrangler d1 migrations list` agrees."""

from __future__ import annotations

import json
from collections.abc import Mapping  # noqa: TC003 - of a NamedTuple's field
from typing import TYPE_CHECKING, NamedTuple

from d1migrate.sql.batch import Query
from d1migrate.sql.names import quote_identifier

if TYPE_CHECKING:
    from collections.abc import Iterable

    from d1migrate.migrate.migration import Migration


class Mirror(NamedTuple):
    """The table, and wrangler's names of the files.

    Attributes:
        table: its name: wrangler's `migrations_table`, by default `d1_migrations`.
        names: {version: the name of its file, with .sql}.
    """

    table: str
    names: Mapping[int, str]

    @classmethod
    def of(cls, table: str, migrations: Iterable[Migration]) -> Mirror:
        """Return the mirror of some files."""
        return cls(table, {migration.version: f"{migration.name}.sql" for migration in migrations})

    def create(self, applied: Iterable[int]) -> tuple[Query, ...]:
        """Return the queries that create the table as wrangler does, and insert applied versions it lacks."""
        table = quote_identifier(self.table)
        create = (
            f"CREATE TABLE IF NOT EXISTS {table} (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT UNIQUE,"
            " applied_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP NOT NULL)"
        )
        return Query(create), *self.insert(applied)

    def insert(self, versions: Iterable[int]) -> tuple[Query, ...]:
        """Return the query that inserts versions it lacks; those without a file are left out."""
        names = [self.names[version] for version in versions if version in self.names]
        table = quote_identifier(self.table)
        enter = (
            f"INSERT INTO {table} (name) SELECT value FROM json_each(?1)"
            f" WHERE NOT EXISTS (SELECT 1 FROM {table} WHERE name = value)"
        )
        return (Query(enter, (json.dumps(names),)),) if names else ()

    def delete(self, version: int, name: str) -> tuple[Query, ...]:
        """Return the query that deletes a version, by its recorded name if its file is missing."""
        known = self.names.get(version, f"{name}.sql")
        return (Query(f"DELETE FROM {quote_identifier(self.table)} WHERE name = ?1", (known,)),)
