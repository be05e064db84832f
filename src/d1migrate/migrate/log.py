"""The log, `d1migrate_log`: everything that happened to a history, append-only; its queries and statements.

Every event of one batch has the random token of that batch, so a `begun` without a `done` proves that a
migration was interrupted.
"""

from __future__ import annotations

from d1migrate.migrate.table import LOG_TABLE, MAX_VERSION
from d1migrate.named_tuple import NamedTuple
from d1migrate.sql.batch import Query

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from d1migrate.migrate.migration import Migration
    from d1migrate.migrate.table import Identified, MigrationsTable

OLD_LOG = "schema_migrations_log"
"""The log of d1migrate 0.1, whose rows the first batch that writes moves into the log."""

START, PAUSE, RESUME, CANCEL = JOB_ACTIONS = ("start", "pause", "resume", "cancel")
"""The actions on a job; its end is logged as `up`, like that of any migration."""

_FORMAT = "1"

CREATE = f"""CREATE TABLE IF NOT EXISTS {LOG_TABLE} (
  id INTEGER PRIMARY KEY,
  token TEXT NOT NULL,
  event TEXT NOT NULL,
  action TEXT NOT NULL,
  version INTEGER,
  name TEXT NOT NULL,
  checksum TEXT,
  who TEXT NOT NULL,
  tool TEXT NOT NULL,
  at INTEGER NOT NULL,
  restore_point TEXT,
  detail TEXT,
  rollback_digest TEXT,
  rollback_sql TEXT,
  format INTEGER,
  file_digest TEXT
)"""

COLUMNS = (
    "token, event, action, version, name, checksum, who, tool, at, restore_point, detail, rollback_digest,"
    " rollback_sql"
)
"""The columns with values, in the order in which rows are copied. A copy has no `file_digest`."""

_DIGEST = "file_digest"
_ADDABLE = {"format": "INTEGER", _DIGEST: "TEXT"}

# In the old log, what concerns the whole database has version 0, and a restore has its point as the name.
_OLD_DETAIL = (
    "iif(version = 0 AND action LIKE 'restor%' AND json_valid(coalesce(detail, '{}')),"
    " json_patch(coalesce(detail, '{}'), json_object('point', name)), detail)"
)
_OLD_COLUMNS = (
    "token, event, action, nullif(version, 0) AS version, iif(version = 0, '', name) AS name, checksum, who,"
    f" tool, at, restore_point, {_OLD_DETAIL} AS detail, rollback_digest, rollback_sql"
)
_NOT_MOVED = f"WHERE token NOT IN (SELECT token FROM {LOG_TABLE})"  # an import may stop before the DROP
REQUIRED = frozenset(("id", *COLUMNS.split(", ")))

RACES = (f"no such table: {OLD_LOG}", *(f"duplicate column name: {name}" for name in _ADDABLE))
"""What SQLite reports if another runner was faster to move the old log, or to add columns."""

MAX_STORED_ROLLBACK = 1_000_000
"""Up to this many bytes of rollback SQL are logged; of longer SQL, only the digest (a D1 row holds 2 MB)."""


class Stamp(NamedTuple):
    """Who writes to the history, when, and the random token of the batch. The shell makes it, never a plan.

    `restore_point` names the restore point taken before: a file, or a Time Travel bookmark.
    """

    token: str
    at: int
    who: str
    tool: str
    restore_point: str | None = None


class Event(NamedTuple):
    """A row of the log, without its stamp. What concerns the whole database has no version and no name.

    `file_digest` is `Migration.digest`: it shows that a file is unchanged without parsing it.
    """

    action: str
    version: int | None = None
    name: str = ""
    checksum: str | None = None
    rollback_sql: str | None = None
    rollback_digest: str | None = None
    detail: str | None = None
    file_digest: str | None = None


def with_notes(detail: str | None, notes: Mapping[str, object]) -> str:
    """Return the detail of an event with more notes."""
    import json

    return json.dumps({**json.loads(detail or "{}"), **notes})


def every_column() -> tuple[str, ...]:
    """Return the columns of a log, those last that an older log may lack."""
    return ("id", *COLUMNS.split(", "), *_ADDABLE)


def is_log(columns: Iterable[str]) -> bool:
    """Whether a table with these columns is a log, of this version or another one."""
    return set(columns) >= REQUIRED


def missing_columns(columns: Iterable[str]) -> tuple[str, ...]:
    """Return the columns that a log lacks and that can be added."""
    found = set(columns)
    return tuple(name for name in _ADDABLE if name not in found)


def rows_of(tables: Sequence[str], lacking: Collection[str] = ()) -> str:
    """Return SQL, for FROM, for the rows of the logs that exist: LOG_TABLE, OLD_LOG, or both.

    Both exist if d1migrate 0.1 wrote to a database whose log had been moved. Its rows are newer, because
    every batch that writes moves them.

    Args:
        tables: the logs that exist.
        lacking: the columns that LOG_TABLE lacks.
    """
    if OLD_LOG not in tables:
        return f"(SELECT *, NULL AS {_DIGEST} FROM {LOG_TABLE})" if _DIGEST in lacking else LOG_TABLE
    old = f"SELECT id, {_OLD_COLUMNS}, NULL AS {_DIGEST} FROM {OLD_LOG}"
    if LOG_TABLE not in tables:
        return f"({old})"
    later = old.replace("id", f"id + (SELECT coalesce(max(id), 0) FROM {LOG_TABLE})", 1)
    digest = "NULL" if _DIGEST in lacking else _DIGEST
    return f"(SELECT id, {COLUMNS}, {digest} AS {_DIGEST} FROM {LOG_TABLE} UNION ALL {later} {_NOT_MOVED})"


def add_columns(names: Iterable[str]) -> list[Query]:
    """Return the statements that add columns which an older log lacks."""
    return [Query(f"ALTER TABLE {LOG_TABLE} ADD COLUMN {name} {_ADDABLE[name]}") for name in names]


def carry_over() -> list[Query]:
    """Return the statements that move the rows of the old log to the end of the log."""
    rows = f"SELECT {_OLD_COLUMNS} FROM {OLD_LOG} {_NOT_MOVED} ORDER BY id"
    return [Query(f"INSERT INTO {LOG_TABLE} ({COLUMNS}) {rows}"), Query(f"DROP TABLE {OLD_LOG}")]


# The queries below take the rows of the log as `rows_of` returns them.


def latest(log: str = LOG_TABLE) -> Query:
    """Return the query for the newest row of each version and name in a log.

    Its columns: version, name, id, event, action, checksum, digest of the rollback, whether its SQL is kept,
    digest of the file.
    """
    # With max(), SQLite takes bare columns from the row that has the maximum.
    return Query(
        "SELECT version, name, max(id), event, action, checksum, rollback_digest, rollback_sql IS NOT NULL,"
        f" {_DIGEST} FROM {log} GROUP BY version, name"
    )


def head(log: str = LOG_TABLE) -> Query:
    """Return the query for the token of a log's newest row: no row if the log is empty."""
    return Query(f"SELECT nullif(token, '') FROM {log} ORDER BY id DESC LIMIT 1")


def events(log: str = LOG_TABLE) -> Query:
    """Return the query for what happened, oldest first: one row for each migration of a batch."""
    return Query(
        "SELECT token, min(id), action, version, name, max(checksum), who, min(at), max(event <> 'begun'),"
        f" max(detail), max(restore_point) FROM {log} GROUP BY token, version, name ORDER BY 2"
    )


def done_by(token: str, log: str = LOG_TABLE) -> Query:
    """Return the query whether the batch with a token was committed: one row, 1 or 0."""
    return Query(f"SELECT EXISTS (SELECT 1 FROM {log} WHERE token = ?1 AND event = 'done') AS done", (token,))


def stored_rollbacks(table: MigrationsTable, migrations: Iterable[Identified], log: str = LOG_TABLE) -> Query:
    """Return the query for (version, name, newest rollback SQL, its id) of migrations."""
    import json

    wanted = json.dumps([getattr(migration, table.column) for migration in migrations])
    return Query(
        f"SELECT version, name, rollback_sql, max(id) FROM {log} WHERE rollback_sql IS NOT NULL"
        f" AND {table.column} IN (SELECT value FROM json_each(?1)) GROUP BY {table.column}",
        (wanted,),
    )


def event_of(action: str, migration: Migration) -> Event:
    """Return the log event of a migration that is applied or recorded."""
    # A file that cannot be parsed has no digest: every later command parses it, and reports the error.
    digest = None if migration.unreadable else migration.digest
    event = Event(action, migration.version, migration.name, migration.checksum, file_digest=digest)
    rollback = migration.rollback
    if rollback is None or rollback.reason is not None:
        return event
    kept = rollback.sql if len(rollback.sql.encode()) <= MAX_STORED_ROLLBACK else None
    return event._replace(rollback_sql=kept, rollback_digest=rollback.digest)


def record(event: str, what: Event, stamp: Stamp) -> Query:
    """Return the statement that appends a row to the log.

    Columns without a value are left out, and numbers are bound as text, which the columns convert to
    integers: D1 binds numbers as REAL, and its transports disagree on NULL.
    """
    values = {
        "token": stamp.token,
        "event": event,
        "action": what.action,
        "version": _exact(what.version),
        "name": what.name,
        "checksum": what.checksum,
        "rollback_sql": what.rollback_sql,
        "rollback_digest": what.rollback_digest,
        "who": stamp.who,
        "tool": stamp.tool,
        "at": str(stamp.at),
        "restore_point": stamp.restore_point,
        "detail": what.detail,
        "format": _FORMAT,
        _DIGEST: what.file_digest,
    }
    given = {column: value for column, value in values.items() if value is not None}
    places = ", ".join(["?"] * len(given))
    return Query(f"INSERT INTO {LOG_TABLE} ({', '.join(given)}) VALUES ({places})", tuple(given.values()))


def copy(logged: Identified, name: str, detail: str, stamp: Stamp) -> Query:
    """Return the statement that logs an applied migration again under another name.

    Args:
        logged: the migration as it was logged; its newest row has the checksum and the rollback.
        name: the other name.
        detail: the detail of the new row.
        stamp: its stamp.
    """
    columns = f"who, tool, at, detail, rollback_digest, rollback_sql, {_DIGEST}, format"
    return Query(
        f"INSERT INTO {LOG_TABLE} (token, event, action, version, name, checksum, {columns})"
        " SELECT ?1, 'done', 'accept', version, ?2, checksum, ?3, ?4, ?5, ?6, rollback_digest, rollback_sql,"
        f" {_DIGEST}, {_FORMAT}"
        f" FROM {LOG_TABLE} WHERE name = ?7 AND version IS {_exact(logged.version) or 'NULL'}"
        " AND event = 'done' ORDER BY id DESC LIMIT 1",
        (stamp.token, name, stamp.who, stamp.tool, str(stamp.at), detail, logged.name),
    )


def _exact(version: int | None) -> str | None:
    """Return a number as it is bound; None if D1 would lose digits: the name has them."""
    return None if version is None or abs(version) > MAX_VERSION else str(version)
