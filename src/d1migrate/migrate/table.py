"""The migrations table: which migrations a database has. Two tables, one interface.

- `VersionTable`: `schema_migrations(version, name, applied_at)`, in which files may record themselves. The
  key of a migration is its version.
- `NameTable`: wrangler's own, `d1_migrations(id, name, applied_at)`, read and written as wrangler does, so
  that either tool can run the next file. The key is the name of the file, as wrangler records it.

Its state, which a batch compares, is in `table_state`.
"""

from __future__ import annotations

from d1migrate.named_tuple import NamedTuple
from d1migrate.sql.batch import Query
from d1migrate.sql.names import fold, quote_identifier, quote_literal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Literal, Protocol

    class Identified(Protocol):
        """A migration, or a row about one."""

        @property
        def version(self) -> int | None:
            """Its number, if it has one."""

        @property
        def name(self) -> str:
            """Its name, without `.sql`."""

    Shape = Literal["versions", "names"]


Key = int | str
"""What identifies a migration in its table: the version, or the name with `.sql`."""

VERSIONS = "schema_migrations"
"""The usual table of the shape "versions": the one that files record themselves in."""

WRANGLER = "d1_migrations"
"""Wrangler's table, unless its configuration names another."""

MAX_VERSION = 2**53 - 1
"""Larger integers lose digits in D1's JSON (d1-facts §3.1)."""

LOG_TABLE = "d1migrate_log"
"""The log, beside either table."""

USUAL_NAMES = (VERSIONS, WRANGLER, LOG_TABLE)
"""What a file is searched for, once."""

APPLIES = ("up", "baseline", "accept", "restore")
"""The actions in the log after which a migration is applied."""

SUFFIX = ".sql"
_EPOCH = "iif(typeof(applied_at) = 'text', unixepoch(applied_at), applied_at)"  # CURRENT_TIMESTAMP is text
MASK = 0xFFFFFFFF
"""The bits of a version in a sum: they keep the sum of many timestamps within 64 bits."""


class NameTable(NamedTuple):
    """Wrangler's table, or another one of its shape.

    Attributes:
        name: its name.
        counted: whether it is AUTOINCREMENT, as wrangler creates it. Otherwise an id may be used again.
        ids: the column with the order of application: `id`, or `rowid` or `name` if that is not its key.
    """

    name: str = WRANGLER
    counted: bool = True
    ids: str = "id"

    @property
    def shape(self) -> Shape:
        """Its shape."""
        return "names"

    @property
    def column(self) -> str:
        """The column with the key."""
        return "name"

    def key_of(self, migration: Identified) -> str:
        """Return the key of a migration."""
        return migration.name + SUFFIX

    def sort_key(self, migration: Identified) -> bytes:
        """Return what sorts migrations as SQLite sorts their keys."""
        return self.key_of(migration).encode(errors="surrogatepass")

    @property
    def sql(self) -> str:
        """Its name in SQL."""
        return quote_identifier(self.name)

    @property
    def create(self) -> str:
        """The statement with which wrangler creates it."""
        return (
            f"CREATE TABLE IF NOT EXISTS {self.sql}(\n"
            "\t\tid         INTEGER PRIMARY KEY AUTOINCREMENT,\n"
            "\t\tname       TEXT UNIQUE,\n"
            "\t\tapplied_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP NOT NULL\n)"
        )

    @property
    def rebuild(self) -> tuple[str, ...]:
        """The statements that create it as wrangler does, with the rows of the one that exists."""
        old = quote_identifier(f"old_{self.name}")
        rows = f"SELECT name, coalesce(min(applied_at), CURRENT_TIMESTAMP) FROM {old} WHERE name IS NOT NULL"
        return (
            f"ALTER TABLE {self.sql} RENAME TO {old}",
            " ".join(self.create.split()),
            f"INSERT INTO {self.sql} (name, applied_at) {rows} GROUP BY name ORDER BY min({self.ids})",
            f"DROP TABLE {old}",
        )

    @property
    def rows(self) -> Query:
        """The query for (id, name, when in epoch seconds, counter), in the order of application.

        Of an empty table, it returns one row, with the counter alone: the next row gets the id after it.
        """
        counter = self.counter if self.counted else "NULL"
        return Query(
            f"SELECT m.{self.ids} AS id, m.name, {_EPOCH}, counter FROM (SELECT {counter} AS counter)"
            f" LEFT JOIN {self.sql} m ORDER BY 1"
        )

    @property
    def newest(self) -> str:
        """SQL for a text with the newest keys, for a message."""
        return _listed("name", self.sql, self.ids)

    @property
    def counter(self) -> str:
        """SQL for the highest id that it ever used, if it counts them."""
        name = quote_literal(fold(self.name))
        return f"coalesce((SELECT seq FROM sqlite_sequence WHERE lower(name) = {name}), 0)"

    def fingerprint(self, *, full: bool) -> str:
        """Return SQL for a text that differs if the table does; without `full` it may miss renamed rows."""
        quick = f"(SELECT count(*) || ' ' || coalesce(max({self.ids}), 0) FROM {self.sql})"
        quick += f" || ' ' || {self.counter}" if self.counted else ""
        rows = f"SELECT name FROM {self.sql} WHERE typeof(name) = 'text' ORDER BY {self.ids}"
        names = f"(SELECT group_concat(name, char(10)) FROM ({rows}))"
        return f"{quick} || ' ' || coalesce({names}, '')" if full or not self.counted else quick

    def insert(self, migration: Identified, at: int) -> tuple[Query, ...]:
        """Return the statement that records a migration; as with wrangler's, a second record fails.

        Args:
            migration: the migration.
            at: when it was applied, in epoch seconds.
        """
        insert = f"INSERT INTO {self.sql} (name, applied_at) VALUES (?1, datetime(?2, 'unixepoch'))"
        return (Query(insert, (self.key_of(migration), str(at))),)

    def insert_sql(self, migration: Identified) -> str:
        """Return the statement with which wrangler records a migration, without parameters."""
        return f"INSERT INTO {self.sql} (name)\nvalues ({quote_literal(self.key_of(migration))})"

    def delete_sql(self, migration: Identified) -> str:
        """Return the statement that removes the record of a migration, without parameters."""
        return f"DELETE FROM {self.sql} WHERE name = {quote_literal(self.key_of(migration))}"

    def insert_missing(self, migration: Identified, at: int) -> tuple[Query, ...]:
        """Return the statement that records a migration unless it is recorded; arguments as `insert`."""
        insert = (
            f"INSERT INTO {self.sql} (name, applied_at) SELECT ?1, datetime(?2, 'unixepoch')"
            f" WHERE NOT EXISTS (SELECT 1 FROM {self.sql} WHERE name = ?1)"
        )
        return (Query(insert, (self.key_of(migration), str(at))),)

    def delete(self, migration: Identified) -> tuple[Query, ...]:
        """Return the statement that removes the record of a migration."""
        return (Query(f"DELETE FROM {self.sql} WHERE name = ?1", (self.key_of(migration),)),)

    def rename(self, old: Identified, new: Identified) -> tuple[Query, ...]:
        """Return the statement that records a migration under another name."""
        rename = f"UPDATE {self.sql} SET name = ?2 WHERE name = ?1"
        return (Query(rename, (self.key_of(old), self.key_of(new))),)


class VersionTable(NamedTuple):
    """A table of versions, and wrangler's table beside it.

    Attributes:
        name: its name.
        beside: wrangler's table.
        exists: whether that table exists.
        mirrored: whether that table has rows, and so gets the same records as this one.
        named_alike: whether a table of another shape has the name of wrangler's.
    """

    name: str = VERSIONS
    beside: NameTable = NameTable()
    exists: bool = False
    mirrored: bool = False
    named_alike: bool = False

    @property
    def shape(self) -> Shape:
        """Its shape."""
        return "versions"

    @property
    def column(self) -> str:
        """The column with the key."""
        return "version"

    def key_of(self, migration: Identified) -> int | None:
        """Return the key of a migration; None if it cannot be recorded here."""
        version = migration.version
        return version if version is not None and 0 <= version <= MAX_VERSION else None

    def sort_key(self, migration: Identified) -> int:
        """Return what sorts migrations as SQLite sorts their keys."""
        return self.key_of(migration) or 0

    @property
    def sql(self) -> str:
        """Its name in SQL."""
        return self.name if self.name == VERSIONS else quote_identifier(self.name)

    @property
    def create(self) -> str:
        """The statement that creates it."""
        return f"""CREATE TABLE IF NOT EXISTS {self.sql} (
  version INTEGER PRIMARY KEY,
  name TEXT NOT NULL,
  applied_at INTEGER NOT NULL
)"""

    @property
    def rows(self) -> Query:
        """The query for (version, name, when in epoch seconds), by version."""
        return Query(f"SELECT version, coalesce(name, ''), {_EPOCH} FROM {self.sql} ORDER BY version")

    @property
    def newest(self) -> str:
        """SQL for a text with the newest keys, for a message."""
        return _listed("version", self.sql, "version")

    def fingerprint(self, *, full: bool) -> str:
        """Return SQL for a text that differs if the tables do; without `full` it may miss changed rows."""
        newest = f"coalesce((SELECT max(version) FROM {self.sql}), 0)"
        sums = (
            f"(SELECT coalesce(sum(version & {MASK}), 0) || ' ' ||"
            f" coalesce(sum((version & {MASK}) % 65521 * ((version & {MASK}) % 65519)), 0) FROM {self.sql})"
        )
        own = f"(SELECT count(*) FROM {self.sql}) || ' ' || {sums if full else newest}"
        if self.exists:
            return f"{own} || ' ' || {self.beside.fingerprint(full=full)}"
        # Wrangler's table has an index, for its UNIQUE. A search of sqlite_schema would read all of it, twice
        # per migration: a fifth of the time of 1,000 migrations, and on D1 it is billed.
        there = f"EXISTS (SELECT 1 FROM pragma_index_list({quote_literal(self.beside.name)}))"
        return f"{own} || ' ' || {0 if self.named_alike else there}"

    def insert(self, migration: Identified, at: int) -> tuple[Query, ...]:
        """Return the statements that record a migration, unless its file did.

        Args:
            migration: the migration.
            at: when it was applied, in epoch seconds.
        """
        insert = Query(
            f"INSERT INTO {self.sql} (version, name, applied_at) VALUES (?1, ?2, ?3)"
            " ON CONFLICT (version) DO NOTHING",
            (str(migration.version), migration.name, str(at)),
        )
        return (insert, *(self.beside.insert_missing(migration, at) if self.mirrored else ()))

    def insert_sql(self, migration: Identified) -> str:
        """Return the statement with which a file records itself."""
        return (
            f"INSERT INTO {self.sql} (version, name, applied_at)\n"
            f"VALUES ({migration.version}, {quote_literal(migration.name)}, strftime('%s', 'now'))\n"
            "ON CONFLICT(version) DO NOTHING"
        )

    def delete_sql(self, migration: Identified) -> str:
        """Return the statement that removes the record of a migration, without parameters."""
        return f"DELETE FROM {self.sql} WHERE version = {migration.version}"

    def delete(self, migration: Identified) -> tuple[Query, ...]:
        """Return the statements that remove the record of a migration."""
        delete = Query(f"DELETE FROM {self.sql} WHERE version = ?1", (str(migration.version),))
        return (delete, *(self.beside.delete(migration) if self.mirrored else ()))

    def rename(self, old: Identified, new: Identified) -> tuple[Query, ...]:
        """Return the statements that record a migration under another version and name."""
        rename = f"UPDATE {self.sql} SET version = ?2, name = ?3 WHERE version = ?1"
        values = (str(old.version), str(new.version), new.name)
        return (Query(rename, values), *(self.beside.rename(old, new) if self.mirrored else ()))


MigrationsTable = VersionTable | NameTable

USUAL_TABLE = VersionTable()
"""The table of a database in which no other tool has a history."""


def _listed(column: str, table: str, order: str) -> str:
    """Return SQL for a text with the last 50 keys of a table."""
    rows = f"SELECT {column} FROM {table} ORDER BY {order} DESC LIMIT 50"
    return f"(SELECT coalesce(group_concat({column}), '') FROM ({rows}))"
