"""The migrations table and its log: what they look like, what is written to them, what they say.

`schema_migrations` keeps the three columns that files applied by wrangler alone write themselves. All else
goes to `schema_migrations_log`, which is only ever appended to. Every event of one migration's batch carries
that batch's random token, so a `begun` without its `done` proves that a migration was cut in half.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from d1migrate.batch import Query
from d1migrate.errors import HistoryError
from d1migrate.migration import LOG_TABLE, MIGRATIONS_TABLE
from d1migrate.sql.names import quote_identifier, quote_literal

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from d1migrate.batch import Result, Value
    from d1migrate.migration import Migration

TABLES = {
    MIGRATIONS_TABLE: f"""CREATE TABLE IF NOT EXISTS {MIGRATIONS_TABLE} (
  version INTEGER PRIMARY KEY,
  name TEXT NOT NULL,
  applied_at INTEGER NOT NULL
)""",
    LOG_TABLE: f"""CREATE TABLE IF NOT EXISTS {LOG_TABLE} (
  id INTEGER PRIMARY KEY,
  token TEXT NOT NULL,
  event TEXT NOT NULL,
  action TEXT NOT NULL,
  version INTEGER NOT NULL,
  name TEXT NOT NULL,
  checksum TEXT,
  rollback_sql TEXT,
  rollback_digest TEXT,
  restore_point TEXT,
  who TEXT NOT NULL,
  tool TEXT NOT NULL,
  at INTEGER NOT NULL,
  detail TEXT
)""",
}

MAX_STORED_ROLLBACK = 1_000_000
"""Bytes of rollback SQL that the log keeps; of more, only the digest (a D1 row holds 2 MB)."""

OTHER_TOOLS = {
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
"""Tables in which other tools keep their history."""

ALREADY_APPLIED = "already applied: version "
NOT_APPLIED = "not applied: version "
CHANGED_MEANWHILE = "history changed meanwhile"
OTHER_VERSIONS = "history not as planned; applied are "
ROWS_APPEARED = "rows appeared meanwhile in "


class Signature(NamedTuple):
    """Who did a thing, when, and the random token of its batch. Made by the shell, never by a plan."""

    token: str
    at: int
    who: str
    tool: str


class Event(NamedTuple):
    """What a row of the log says, without its signature."""

    action: str
    version: int
    name: str
    checksum: str | None = None
    rollback_sql: str | None = None
    rollback_digest: str | None = None
    detail: str | None = None


class AppliedMigration(NamedTuple):
    """A version that the database has, as its migrations table and log tell it.

    `checksum` and `rollback_digest` are None for what wrangler applied alone. `keeps_rollback` says whether
    the log holds the rollback SQL.
    """

    version: int
    name: str
    applied_at: int
    checksum: str | None = None
    rollback_digest: str | None = None
    keeps_rollback: bool = False


class Partial(NamedTuple):
    """A migration whose batch began and never ended."""

    version: int
    name: str
    action: str


class History(NamedTuple):
    """What a database says about itself.

    Attributes:
        applied: by version.
        partial: what began and never ended.
        missing: the history tables that do not exist yet.
        strangers: user objects in a database whose migrations table is absent or empty.
        other_tools: of those, the tables of other tools' histories.
    """

    applied: tuple[AppliedMigration, ...] = ()
    partial: tuple[Partial, ...] = ()
    missing: tuple[str, ...] = ()
    strangers: tuple[str, ...] = ()
    other_tools: tuple[str, ...] = ()

    @property
    def versions(self) -> tuple[int, ...]:
        """The applied versions, ascending."""
        return tuple(applied.version for applied in self.applied)


SHAPE = Query(f"SELECT name, type, pk FROM pragma_table_info('{MIGRATIONS_TABLE}')")
ROWS = Query(f"SELECT version, name, applied_at FROM {MIGRATIONS_TABLE} ORDER BY version")
LATEST = Query(  # beside max(), SQLite's bare columns come from the row that has the maximum
    "SELECT version, max(id), event, action, name, checksum, rollback_digest, rollback_sql IS NOT NULL"
    f" FROM {LOG_TABLE} GROUP BY version"
)
_USER_OBJECTS = (
    "SELECT name FROM sqlite_schema WHERE name NOT LIKE 'sqlite\\_%' ESCAPE '\\'"
    " AND name NOT LIKE '\\_cf\\_%' ESCAPE '\\'"
    f" AND tbl_name NOT IN ('{MIGRATIONS_TABLE}', '{LOG_TABLE}') AND type <> 'index'"
)
STRANGERS = Query(f"{_USER_OBJECTS} ORDER BY rowid")
STRANGERS_IF_EMPTY = Query(
    f"{_USER_OBJECTS} AND NOT EXISTS (SELECT 1 FROM {MIGRATIONS_TABLE}) ORDER BY rowid"
)
EXISTING = Query(f"SELECT name FROM sqlite_schema WHERE name IN ('{MIGRATIONS_TABLE}', '{LOG_TABLE}')")
EVENTS = Query(
    "SELECT token, min(id), action, version, name, max(checksum), who, min(at), max(event <> 'begun')"
    f" FROM {LOG_TABLE} GROUP BY token, version ORDER BY 2"
)


def stored_rollbacks(versions: Iterable[int]) -> Query:
    """Ask for (version, newest rollback SQL, its id) of what the log keeps."""
    return Query(
        f"SELECT version, rollback_sql, max(id) FROM {LOG_TABLE} WHERE rollback_sql IS NOT NULL"
        f" AND version IN ({_joined(versions)}) GROUP BY version"
    )


def check_shape(columns: Sequence[tuple[Any, ...]]) -> None:
    """Refuse a migrations table that another tool made.

    Args:
        columns: the rows of SHAPE; none where the table does not exist.

    Raises:
        HistoryError: it names the columns that were found.
    """
    found = {str(name): (str(kind), pk) for name, kind, pk in columns}
    kind, pk = found.get("version", ("", 0))
    if not found or ("INT" in kind.upper() and pk == 1 and {"name", "applied_at"} <= found.keys()):
        return
    listed = ", ".join(f"{name} {kind}".strip() for name, (kind, _) in found.items())
    raise HistoryError(
        f"the table {MIGRATIONS_TABLE} is another tool's: it has ({listed}), expected"
        " (version INTEGER PRIMARY KEY, name TEXT, applied_at INTEGER)",
        hint=f"ALTER TABLE {MIGRATIONS_TABLE} RENAME TO old_{MIGRATIONS_TABLE},"
        " then `d1migrate baseline --to V`",
    )


def fold(rows: Result, latest: Result | None, strangers: Iterable[str], missing: tuple[str, ...]) -> History:
    """Read the migrations table and the newest log row of each version together.

    A row whose log does not end in its being applied was written by wrangler alone: no checksum is known.
    """
    log = {row[0]: row for row in latest.rows} if latest else {}
    applied, partial = [], []
    for version, name, at in rows.rows:
        row = AppliedMigration(version, name, _time(at))
        _, _, event, action, _, checksum, digest, kept = log.get(version, (None,) * 8)
        if event == "done" and action in ("up", "baseline", "accept"):
            row = row._replace(checksum=checksum, rollback_digest=digest, keeps_rollback=bool(kept))
        applied.append(row)
    for version, _, event, action, name, *_ in log.values():
        if event == "begun":
            partial.append(Partial(version, name, action))
    found = tuple(strangers)
    return History(
        tuple(applied), tuple(partial), missing, found, tuple(name for name in found if name in OTHER_TOOLS)
    )


def _time(value: Value) -> int:
    """Return epoch seconds; a text that is no number (`CURRENT_TIMESTAMP`) counts as 0."""
    try:
        return int(float(value))  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return 0


def create_tables(missing: Iterable[str]) -> list[Query]:
    """Return the statements that create the history tables named."""
    return [Query(TABLES[name]) for name in missing]


def event_of(action: str, migration: Migration) -> Event:
    """Return what the log keeps of a migration that was applied or recorded."""
    rollback = migration.rollback
    if rollback is None or rollback.reason is not None:
        return Event(action, migration.version, migration.name, migration.checksum)
    kept = rollback.sql if len(rollback.sql.encode()) <= MAX_STORED_ROLLBACK else None
    return Event(action, migration.version, migration.name, migration.checksum, kept, rollback.digest)


def record(event: str, what: Event, signature: Signature) -> Query:
    """Return the statement that appends a row to the log.

    NULL stands in the SQL, and numbers are bound as text, which the columns turn into integers: D1 binds
    numbers as REAL, and NULL in several ways.
    """
    values = {
        "token": signature.token,
        "event": event,
        "action": what.action,
        "version": str(what.version),
        "name": what.name,
        "checksum": what.checksum,
        "rollback_sql": what.rollback_sql,
        "rollback_digest": what.rollback_digest,
        "who": signature.who,
        "tool": signature.tool,
        "at": str(signature.at),
        "detail": what.detail,
    }
    given = {column: value for column, value in values.items() if value is not None}
    places = ", ".join(["?"] * len(given))
    return Query(f"INSERT INTO {LOG_TABLE} ({', '.join(given)}) VALUES ({places})", tuple(given.values()))


def insert_row(version: int, name: str, at: int) -> Query:
    """Return the statement that records a version as applied, unless its file has done so."""
    return Query(
        f"INSERT INTO {MIGRATIONS_TABLE} (version, name, applied_at) VALUES (?1, ?2, ?3)"
        " ON CONFLICT (version) DO NOTHING",
        (str(version), name, str(at)),
    )


def delete_row(version: int) -> Query:
    """Return the statement that takes a version out of the migrations table."""
    return Query(f"DELETE FROM {MIGRATIONS_TABLE} WHERE version = ?1", (str(version),))


_MASK = 0xFFFFFFFF  # keeps the sum of many timestamps within 64 bits
_COUNT = f"(SELECT count(*) FROM {MIGRATIONS_TABLE})"
_QUICK = f"{_COUNT} || ' ' || coalesce((SELECT max(version) FROM {MIGRATIONS_TABLE}), 0)"
_FULL = f"{_COUNT} || ' ' || coalesce((SELECT sum(version & {_MASK}) FROM {MIGRATIONS_TABLE}), 0)"
_NEWEST = (
    "(SELECT coalesce(group_concat(version), '') FROM"
    f" (SELECT version FROM {MIGRATIONS_TABLE} ORDER BY version DESC LIMIT 50))"
)


class Fingerprint(NamedTuple):
    """A set of versions as its size, its maximum and its sum: what a batch compares instead of the list.

    The sum costs a look at every row, so it is asked for only where SQL could change the set and keep size
    and maximum. `newest` is not kept up when a version is taken out; there the sum is compared.
    """

    size: int = 0
    newest: int = 0
    total: int = 0

    @classmethod
    def of(cls, versions: Sequence[int]) -> Fingerprint:
        """Return the fingerprint of a set."""
        return cls(len(versions), max(versions, default=0), sum(version & _MASK for version in versions))

    def plus(self, version: int) -> Fingerprint:
        """Return the fingerprint with a version added."""
        return Fingerprint(self.size + 1, max(self.newest, version), self.total + (version & _MASK))

    def minus(self, version: int) -> Fingerprint:
        """Return the fingerprint with a version taken out."""
        return Fingerprint(self.size - 1, self.newest, self.total - (version & _MASK))


def _abort(message: str, condition: str, params: tuple[Value, ...] = ()) -> Query:
    """Return a statement that aborts its batch with a message (d1-facts §2.3) where the condition holds."""
    return Query(f"SELECT json_extract('{{}}', {message}) WHERE {condition}", params)


_EXISTS = f"EXISTS (SELECT 1 FROM {MIGRATIONS_TABLE} WHERE version = ?1)"


def assert_pending(version: int) -> Query:
    """Abort the batch if the version is applied: another runner was faster."""
    return _abort(f"{quote_literal(ALREADY_APPLIED)} || ?1", _EXISTS, (str(version),))


def assert_applied(version: int) -> Query:
    """Abort the batch if the version is not applied: another runner took it back."""
    return _abort(f"{quote_literal(NOT_APPLIED)} || ?1", f"NOT {_EXISTS}", (str(version),))


def assert_unchanged(before: Fingerprint, *, full: bool) -> Query:
    """Abort the batch if the applied versions are not those that were read."""
    return _abort(quote_literal(CHANGED_MEANWHILE), *_differs(before, full=full))


def assert_result(after: Fingerprint, *, full: bool) -> Query:
    """Abort the batch if the applied versions are not those planned; the message has the newest there are.

    `full` is for SQL that could change the set and keep its size and maximum.
    """
    return _abort(f"{quote_literal(OTHER_VERSIONS)} || {_NEWEST}", *_differs(after, full=full))


def _differs(expected: Fingerprint, *, full: bool) -> tuple[str, tuple[str]]:
    """Return the condition that the applied versions are others, and its parameter."""
    size, newest, total = expected
    return (f"{_FULL} <> ?1", (f"{size} {total}",)) if full else (f"{_QUICK} <> ?1", (f"{size} {newest}",))


def assert_rows(table: str, at_most: int) -> Query:
    """Abort the batch if a table holds more rows than were counted before."""
    return _abort(
        quote_literal(ROWS_APPEARED + table), f"(SELECT count(*) FROM {quote_identifier(table)}) > {at_most}"
    )


def _joined(versions: Iterable[int]) -> str:
    return ",".join(map(str, versions))
