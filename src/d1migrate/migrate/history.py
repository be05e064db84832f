"""The migrations table and its log: their shape, the queries that read them, the statements that write them.

`schema_migrations` has exactly the three columns that files insert themselves when wrangler applies them.
Everything else is in `schema_migrations_log`, which is append-only. Every event of one batch has the random
token of that batch, so a `begun` without a `done` proves that a migration was interrupted.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from d1migrate.errors import HistoryError
from d1migrate.migrate.history_guard import LOG_TABLE, MIGRATIONS_TABLE
from d1migrate.migrate.other_tools import OLD_TABLE, OTHER_TOOLS
from d1migrate.sql.batch import Query

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from d1migrate.migrate.migration import Migration
    from d1migrate.sql.batch import Result

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
  who TEXT NOT NULL,
  tool TEXT NOT NULL,
  at INTEGER NOT NULL,
  restore_point TEXT,
  detail TEXT,
  rollback_digest TEXT,
  rollback_sql TEXT
)""",
}

_LOG_COLUMNS = frozenset(
    "id token event action version name checksum who tool at restore_point detail rollback_digest"
    " rollback_sql".split()
)

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
    """A row of the log, without its stamp."""

    action: str
    version: int
    name: str
    checksum: str | None = None
    rollback_sql: str | None = None
    rollback_digest: str | None = None
    detail: str | None = None


class AppliedMigration(NamedTuple):
    """An applied version, from the migrations table and the log.

    Attributes:
        version, name: the migration.
        applied_at: when, in epoch seconds; None if the row has no time.
        checksum, rollback_digest: None if wrangler applied it.
        keeps_rollback: whether the log has the rollback SQL.
        order: its position in the order of application; 0 if the log does not have it.
    """

    version: int
    name: str
    applied_at: int | None
    checksum: str | None = None
    rollback_digest: str | None = None
    keeps_rollback: bool = False
    order: int = 0


class Partial(NamedTuple):
    """A migration whose batch began and did not finish."""

    version: int
    name: str
    action: str


class History(NamedTuple):
    """The history of a database.

    Attributes:
        applied: the applied versions, ascending.
        partial: migrations that began and did not finish.
        missing: the history tables that do not exist yet.
        unmanaged: user objects, if the migrations table is missing or empty.
        other_tools: those of them that are history tables of other tools.
        reads: how many requests read it.
        leftovers: helpers of an interrupted rebuild.
        head: the token of the newest row of the log; "" if the log is empty.
        has_token: whether the log has the token that was looked up.
    """

    applied: tuple[AppliedMigration, ...] = ()
    partial: tuple[Partial, ...] = ()
    missing: tuple[str, ...] = ()
    unmanaged: tuple[str, ...] = ()
    other_tools: tuple[str, ...] = ()
    reads: int = 1
    leftovers: tuple[str, ...] = ()
    head: str = ""
    has_token: bool = False

    @property
    def versions(self) -> tuple[int, ...]:
        """The applied versions, ascending."""
        return tuple(applied.version for applied in self.applied)


SHAPE = Query(f"SELECT name, type, pk, \"notnull\", dflt_value FROM pragma_table_info('{MIGRATIONS_TABLE}')")
LOG_SHAPE = Query(f"SELECT name FROM pragma_table_info('{LOG_TABLE}')")
ROWS = Query(  # wrangler's users also write CURRENT_TIMESTAMP, which is text
    "SELECT version, coalesce(name, ''), iif(typeof(applied_at) = 'text', unixepoch(applied_at), applied_at)"
    f" FROM {MIGRATIONS_TABLE} ORDER BY version"
)
LATEST = Query(  # with max(), SQLite takes bare columns from the row that has the maximum
    "SELECT version, max(id), event, action, name, checksum, rollback_digest, rollback_sql IS NOT NULL"
    f" FROM {LOG_TABLE} GROUP BY version"
)
HEAD = Query(f"SELECT nullif(token, '') FROM {LOG_TABLE} ORDER BY id DESC LIMIT 1")
_OURS = f"('{MIGRATIONS_TABLE}', '{LOG_TABLE}')"
_USER_OBJECTS = (
    "SELECT name FROM sqlite_schema WHERE name NOT LIKE 'sqlite\\_%' ESCAPE '\\'"
    " AND name NOT LIKE '\\_cf\\_%' ESCAPE '\\'"
    f" AND lower(tbl_name) NOT IN {_OURS} AND type <> 'index'"
)
UNMANAGED = Query(f"{_USER_OBJECTS} ORDER BY rowid")
UNMANAGED_IF_EMPTY = Query(
    f"{_USER_OBJECTS} AND NOT EXISTS (SELECT 1 FROM {MIGRATIONS_TABLE})"
    f" AND NOT EXISTS (SELECT 1 FROM {LOG_TABLE}) ORDER BY rowid"
)
LEFTOVERS = Query("SELECT name FROM sqlite_schema WHERE name LIKE '\\_d1m\\_%' ESCAPE '\\'")
STATE = Query(
    "WITH l AS MATERIALIZED (SELECT version, max(id), event, action, checksum"
    f" FROM {LOG_TABLE} GROUP BY version)"
    " SELECT (SELECT group_concat(line, char(10)) FROM (SELECT m.version || ' ' || iif(l.event = 'done'"
    " AND l.action IN ('up', 'baseline', 'accept', 'restore'), coalesce(l.checksum, ''), '') AS line"
    f" FROM {MIGRATIONS_TABLE} m LEFT JOIN l ON l.version = m.version ORDER BY m.version)) AS applied,"
    " (SELECT count(*) FROM l WHERE event = 'begun') AS partial"
)
"""One row: a line `version checksum` per version, as `read_rows` reads them; and how many are partial."""
NEWEST = Query(f"SELECT max(version) AS newest FROM {MIGRATIONS_TABLE}")
EXISTING = Query(f"SELECT lower(name) FROM sqlite_schema WHERE lower(name) IN {_OURS}")
EVENTS = Query(
    "SELECT token, min(id), action, version, name, max(checksum), who, min(at), max(event <> 'begun'),"
    f" max(detail), max(restore_point) FROM {LOG_TABLE} GROUP BY token, version ORDER BY 2"
)


def done_by(token: str) -> Query:
    """Return the query whether the batch with a token was committed: one row, 1 or 0."""
    return Query(
        f"SELECT EXISTS (SELECT 1 FROM {LOG_TABLE} WHERE token = ?1 AND event = 'done') AS done", (token,)
    )


def stored_rollbacks(versions: Iterable[int]) -> Query:
    """Return the query for (version, newest rollback SQL, its id) in the log."""
    return Query(
        f"SELECT version, rollback_sql, max(id) FROM {LOG_TABLE} WHERE rollback_sql IS NOT NULL"
        f" AND version IN ({_joined(versions)}) GROUP BY version"
    )


def check_shape(columns: Sequence[tuple[Any, ...]], log_columns: Sequence[tuple[Any, ...]] = ()) -> None:
    """Refuse history tables that another tool created.

    Args:
        columns: the rows of SHAPE; none if the table does not exist.
        log_columns: the rows of LOG_SHAPE; none if the log does not exist.

    Raises:
        HistoryError: the error has the columns that were found.
    """
    found = {name: kind for name, kind, *_ in columns}
    key = [name for name, _, pk, *_ in columns if pk]
    required = [n for n, _, pk, not_null, default in columns if not_null and default is None and not pk]
    ours = (
        key == ["version"]
        and found["version"].upper() == "INTEGER"
        and {"name", "applied_at"} <= found.keys()
    )
    if columns and not (ours and set(required) <= {"name", "applied_at"}):
        raise HistoryError(
            f"the table {MIGRATIONS_TABLE} belongs to another tool: it has ({_listed(columns)}), expected"
            " (version INTEGER PRIMARY KEY, name TEXT, applied_at INTEGER)",
            hint="`d1migrate adopt` takes over from dbmate and golang-migrate; from another tool,"
            f" ALTER TABLE {MIGRATIONS_TABLE} RENAME TO {OLD_TABLE}, then `d1migrate adopt`",
        )
    if log_columns and not {name for (name,) in log_columns} >= _LOG_COLUMNS:
        raise HistoryError(
            f"the table {LOG_TABLE} is not d1migrate's: it has ({', '.join(n for (n,) in log_columns)})",
            hint=f"ALTER TABLE {LOG_TABLE} RENAME TO old_{LOG_TABLE}",
        )


def _listed(columns: Sequence[tuple[Any, ...]]) -> str:
    return ", ".join(f"{name} {kind}".strip() for name, kind, *_ in columns)


def read_rows(
    rows: Result, latest: Result | None, unmanaged: Iterable[str], missing: tuple[str, ...], *, reads: int
) -> History:
    """Combine the migrations table and the newest log row of each version.

    If the newest log row of a version is not one that applied it, wrangler wrote the row, and no checksum is
    known.
    """
    log = {row[0]: row for row in validated(latest.rows, LOG_TABLE, _LATEST)} if latest else {}
    applied, partial = [], []
    for version, name, at in validated(rows.rows, MIGRATIONS_TABLE, _ROW):
        row = AppliedMigration(version, str(name), time_of(at))
        _, order, event, action, _, checksum, digest, kept = log.get(version, (None,) * 8)
        if event == "done" and action in ("up", "baseline", "accept", "restore"):
            row = row._replace(checksum=checksum, rollback_digest=digest, keeps_rollback=bool(kept))
            row = row._replace(order=order) if action in ("up", "restore") else row
        applied.append(row)
    for version, _, event, action, name, *_ in log.values():
        if event == "begun":
            partial.append(Partial(version, name, action))
    found = tuple(unmanaged)
    others = tuple(name for name in found if name in OTHER_TOOLS)
    return History(tuple(applied), tuple(partial), missing, found, others, reads)


_TEXT, _INTEGER, _OPTIONAL = (str,), (int,), (str, type(None))
_ROW = {"version": _INTEGER}
_LATEST = {
    "version": _INTEGER,
    "id": _INTEGER,
    "event": _TEXT,
    "action": _TEXT,
    "name": _TEXT,
    "checksum": _OPTIONAL,
    "rollback_digest": _OPTIONAL,
}
EVENT = {
    "token": _TEXT,
    "id": _INTEGER,
    "action": _TEXT,
    "version": _INTEGER,
    "name": _TEXT,
    "checksum": _OPTIONAL,
}
HEAD_ROW = {"token": _TEXT}
NEWEST_ROW = {"version": (int, type(None))}
STORED = {"version": _INTEGER, "rollback_sql": _TEXT}


def validated(
    rows: Sequence[tuple[Any, ...]], table: str, columns: Mapping[str, tuple[type, ...]]
) -> Sequence[tuple[Any, ...]]:
    """Return rows of a history table, once their first values are known to have the expected types.

    SQLite stores values of any type in any column, and anyone who can write to the database can write here.

    Raises:
        HistoryError: a value has another type; the error has the table, the row and the column.
    """
    for row in rows:
        for value, (name, kinds) in zip(row, columns.items(), strict=False):
            if type(value) not in kinds:
                expected = "an integer" if int in kinds else "text"
                raise HistoryError(
                    f"{table} is damaged: {name} is {_shown(value)}, expected {expected};"
                    f" the row begins with {', '.join(map(_shown, row[:3]))}",
                    hint="restore the database from a backup or a restore point, or correct that row by hand",
                )
    return rows


def _shown(value: Any) -> str:
    text = ascii(value)
    return text if len(text) <= 60 else f"{text[:60]}…"


def time_of(value: Any) -> int | None:
    """Return epoch seconds; None if the value is not a time."""
    try:
        return int(value)
    except (TypeError, ValueError, OverflowError):
        return None


def notes_of(detail: str | None) -> Any:
    """Return the value of a row's `detail`: its JSON value, or the text itself if it is not JSON."""
    import json

    try:
        return json.loads(detail, parse_constant=_refuse_constant) if detail else None
    except (ValueError, RecursionError):
        return detail


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def create_tables(missing: Iterable[str]) -> list[Query]:
    """Return the statements that create the given history tables."""
    return [Query(TABLES[name]) for name in missing]


def event_of(action: str, migration: Migration) -> Event:
    """Return the log event of a migration that is applied or recorded."""
    rollback = migration.rollback
    if rollback is None or rollback.reason is not None:
        return Event(action, migration.version, migration.name, migration.checksum)
    kept = rollback.sql if len(rollback.sql.encode()) <= MAX_STORED_ROLLBACK else None
    return Event(action, migration.version, migration.name, migration.checksum, kept, rollback.digest)


def record(event: str, what: Event, stamp: Stamp) -> Query:
    """Return the statement that appends a row to the log.

    Columns without a value are left out, and numbers are bound as text, which the columns convert to
    integers: D1 binds numbers as REAL, and its transports disagree on NULL.
    """
    values = {
        "token": stamp.token,
        "event": event,
        "action": what.action,
        "version": str(what.version),
        "name": what.name,
        "checksum": what.checksum,
        "rollback_sql": what.rollback_sql,
        "rollback_digest": what.rollback_digest,
        "who": stamp.who,
        "tool": stamp.tool,
        "at": str(stamp.at),
        "restore_point": stamp.restore_point,
        "detail": what.detail,
    }
    given = {column: value for column, value in values.items() if value is not None}
    places = ", ".join(["?"] * len(given))
    return Query(f"INSERT INTO {LOG_TABLE} ({', '.join(given)}) VALUES ({places})", tuple(given.values()))


def insert_row(version: int, name: str, at: int) -> Query:
    """Return the statement that records a version as applied, unless its file did."""
    return Query(
        f"INSERT INTO {MIGRATIONS_TABLE} (version, name, applied_at) VALUES (?1, ?2, ?3)"
        " ON CONFLICT (version) DO NOTHING",
        (str(version), name, str(at)),
    )


def delete_row(version: int) -> Query:
    """Return the statement that deletes a version from the migrations table."""
    return Query(f"DELETE FROM {MIGRATIONS_TABLE} WHERE version = ?1", (str(version),))


def _joined(versions: Iterable[int]) -> str:
    return ",".join(map(str, versions))
