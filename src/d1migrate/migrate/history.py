"""The history of a database: the migrations table and the newest log row of each migration, read into values.

Which migrations are applied is in the migrations table (`table`), which wrangler or the files themselves may
write; everything else is in the log (`log`).
"""

from __future__ import annotations

from d1migrate.errors import HistoryError
from d1migrate.migrate import log
from d1migrate.migrate.order import number_of, order_key
from d1migrate.migrate.table import (
    APPLIES,
    LOG_TABLE,
    SUFFIX,
    USUAL_TABLE,
    Key,
    MigrationsTable,
    NameTable,
    VersionTable,
)
from d1migrate.migrate.table_state import NameState, TableState, VersionState
from d1migrate.named_tuple import NamedTuple
from d1migrate.sql.batch import Query
from d1migrate.sql.names import fold, not_cloudflares

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from typing import Any

    from d1migrate.migrate.flows.leftovers import Problem
    from d1migrate.migrate.jobs.job import Job
    from d1migrate.migrate.migration import Migration


class AppliedMigration(NamedTuple):
    """An applied migration, from the migrations table and the log.

    Attributes:
        version: its version; of a name, the number that it begins with, or None.
        name: the recorded name, without `.sql`.
        applied_at: when, in epoch seconds; None if the row has no time.
        checksum: None if wrangler applied it.
        rollback_digest: None if wrangler applied it, or if it has no rollback.
        file_digest: None if wrangler applied it, or if its file could not be parsed.
        keeps_rollback: whether the log has the rollback SQL.
        order: its position in the order of application: wrangler's id, or that of its log row; 0: unknown.
        place: its position in the migrations table: the id, or the version.
    """

    version: int | None
    name: str
    applied_at: int | None
    checksum: str | None = None
    rollback_digest: str | None = None
    keeps_rollback: bool = False
    order: int = 0
    place: int = 0
    file_digest: str | None = None

    def has_text_of(self, migration: Migration) -> bool:
        """Whether a file is known to be the one that was applied, byte by byte but for its line ends."""
        return self.file_digest is not None and self.file_digest == migration.digest

    def has_content_of(self, migration: Migration) -> bool:
        """Whether a file has the text, or at least the meaning, of the one that was applied."""
        if self.has_text_of(migration):  # without parsing it
            return True
        return self.checksum is not None and migration.matches(self.checksum)


class Partial(NamedTuple):
    """A migration whose batch began and did not finish."""

    version: int | None
    name: str
    action: str


class OtherTable(NamedTuple):
    """A migrations table that has rows and does not hold the history."""

    table: VersionTable
    applied: tuple[AppliedMigration, ...]


class History(NamedTuple):
    """The history of a database.

    Attributes:
        applied: the applied migrations, by version or in the order of wrangler's ids.
        partial: migrations that began and did not finish.
        missing: the history tables that do not exist yet.
        unmanaged: user objects, if the migrations table is missing or empty.
        other_tools: those of them that are history tables of other tools.
        reads: how many requests read it.
        leftovers: helpers of an interrupted rebuild.
        head: the token of the newest row of the log; "" if the log is empty.
        has_token: whether the log has the token that was looked up.
        table: the migrations table.
        rows: its state.
        problems: why d1migrate does not write to it.
        other: the table of versions that has rows, too, although the history is in a table of names.
        old_log: whether OLD_LOG exists; the first batch that writes moves its rows into the log.
        lacking: the columns that the log lacks.
        job: the open job.
        cancelled: the keys of the migrations whose job was cancelled and has not begun again.
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
    table: MigrationsTable = VersionTable()
    rows: TableState = VersionState()
    problems: tuple[Problem, ...] = ()
    other: OtherTable | None = None
    old_log: bool = False
    lacking: tuple[str, ...] = ()
    job: Job | None = None
    cancelled: frozenset[Key | None] = frozenset()

    @property
    def keys(self) -> frozenset[Key | None]:
        """The keys of the applied migrations."""
        return frozenset(map(self.table.key_of, self.applied))

    @property
    def current(self) -> AppliedMigration | None:
        """The applied migration that comes last in wrangler's order; None if none is applied."""
        return max(self.applied, key=self.place_of, default=None)

    @property
    def current_version(self) -> int | None:
        """The number of the applied migration that comes last of those with one; None if none has one."""
        numbered = [row for row in self.applied if row.version is not None]
        return max(numbered, key=self.place_of).version if numbered else None

    def place_of(self, row: AppliedMigration) -> Any:
        """Return what sorts applied migrations as wrangler sorts their files."""
        return row.place if self.table.shape == "versions" else order_key(row.name + SUFFIX)

    @property
    def log(self) -> str:
        """The rows of the log, as `log.rows_of` returns them; "" if there is no log."""
        new = () if LOG_TABLE in self.missing else (LOG_TABLE,)
        logs = (*new, log.OLD_LOG) if self.old_log else new
        return log.rows_of(logs, self.lacking) if logs else ""

    @property
    def has_two_logs(self) -> bool:
        """Whether d1migrate 0.1 wrote to the database after its log had been moved."""
        return self.old_log and LOG_TABLE not in self.missing

    def setup(self) -> list[Query]:
        """Return the statements that the first batch which writes needs: they create tables and columns."""
        queries = [Query(self.table.create)] if self.table.name in self.missing else []
        queries += [Query(log.CREATE)] if LOG_TABLE in self.missing else []
        return [*queries, *(log.carry_over() if self.old_log else ()), *log.add_columns(self.lacking)]


_HIDDEN = f"name NOT LIKE 'sqlite\\_%' ESCAPE '\\' AND {not_cloudflares('name')} AND type <> 'index'"
LEFTOVERS = Query("SELECT name FROM sqlite_schema WHERE name LIKE '\\_d1m\\_%' ESCAPE '\\'")


def tables(table: MigrationsTable = USUAL_TABLE) -> dict[str, str]:
    """Return {name in lower case: SQL} of the history tables that a first migration finds."""
    return {fold(table.name): table.create, LOG_TABLE: log.CREATE}


def objects(*, unless_rows_in: Iterable[str] = ()) -> Query:
    """Return the query for the names of all objects but indexes, and their tables.

    Args:
        unless_rows_in: tables, as SQL; if one of them has a row, nothing is returned.
    """
    empty = "".join(f" AND NOT EXISTS (SELECT 1 FROM {table})" for table in unless_rows_in)
    return Query(f"SELECT name, tbl_name FROM sqlite_schema WHERE {_HIDDEN}{empty} ORDER BY rowid")


class Rows(NamedTuple):
    """The rows of the history tables.

    Attributes:
        own: those of `table.rows`.
        beside: those of the other table, if it exists: wrangler's beside a table of versions, or the reverse.
        latest: those of `log.latest`.
        counter: the highest id that wrangler's table ever used, if it counts them.
    """

    own: Sequence[tuple[Any, ...]] = ()
    beside: Sequence[tuple[Any, ...]] = ()
    latest: Sequence[tuple[Any, ...]] = ()
    counter: int | None = 0


def read_rows(table: MigrationsTable, rows: Rows) -> History:
    """Combine the migrations table and the newest log row of each migration.

    If the newest log row of a migration is not one that applied it, wrangler wrote the row, and no checksum
    is known.
    """
    newest: dict[Key | None, _LogRow] = {}
    for row in map(_LogRow._make, validated(rows.latest, LOG_TABLE, LATEST)):
        key = table.key_of(row)
        if row.name and (key not in newest or newest[key].id < row.id):
            newest[key] = row
    applied = tuple(_with_log(row, newest.get(table.key_of(row))) for row in recorded(table, rows.own))
    partial = tuple(
        Partial(row.version, row.name, row.action) for row in newest.values() if row.event == "begun"
    )
    cancelled = frozenset(key for key, row in newest.items() if row.action == log.CANCEL)
    return History(applied, partial, table=table, rows=_state(table, rows), cancelled=cancelled)


class _LogRow(NamedTuple):
    version: int | None
    name: str
    id: int
    event: str
    action: str
    checksum: str | None
    rollback_digest: str | None
    keeps_rollback: int
    file_digest: str | None


def recorded(table: MigrationsTable, rows: Sequence[tuple[Any, ...]]) -> Iterable[AppliedMigration]:
    """Yield what the rows of the query `table.rows` record, without what only the log has."""
    if isinstance(table, VersionTable):
        for version, name, at in validated(rows, table.name, _ROW):
            yield AppliedMigration(version, str(name), time_of(at), place=version)
        return
    for number, (row, name, at, _) in enumerate(rows, 1):
        if isinstance(name, str) and name.endswith(SUFFIX):
            place = row if isinstance(row, int) else number  # a table WITHOUT ROWID may have no id
            stem = name.removesuffix(SUFFIX)
            yield AppliedMigration(number_of(stem), stem, time_of(at), order=place, place=place)


def _with_log(row: AppliedMigration, newest: _LogRow | None) -> AppliedMigration:
    if newest is None or newest.event != "done" or newest.action not in APPLIES:
        return row
    return row._replace(
        checksum=newest.checksum,
        rollback_digest=newest.rollback_digest,
        keeps_rollback=bool(newest.keeps_rollback),
        order=row.order or (newest.id if newest.action in ("up", "restore") else 0),
        file_digest=newest.file_digest,
    )


def _state(table: MigrationsTable, rows: Rows) -> TableState:
    if isinstance(table, NameTable):
        return _names(table, rows.own, rows.counter)
    beside = _names(table.beside, rows.beside, rows.counter) if table.exists else None
    return VersionState.of([row[0] for row in rows.own], beside, mirrored=table.mirrored)


def _names(table: NameTable, rows: Sequence[tuple[Any, ...]], counter: int | None) -> NameState:
    return NameState.of(rows, counter if table.counted else None)


DAMAGED = "restore the database from a backup or a restore point, or correct that row by hand"
"""What to do about a history table with values of other types."""

_TEXT, _INTEGER, _OPTIONAL = (str,), (int,), (str, type(None))
_ROW = {"version": _INTEGER}
_VERSION = (int, type(None))
LATEST = {
    "version": _VERSION,
    "name": _TEXT,
    "id": _INTEGER,
    "event": _TEXT,
    "action": _TEXT,
    "checksum": _OPTIONAL,
    "rollback_digest": _OPTIONAL,
    "whether it has a rollback": _INTEGER,
    "file_digest": _OPTIONAL,
}
EVENT = {
    "token": _TEXT,
    "id": _INTEGER,
    "action": _TEXT,
    "version": _VERSION,
    "name": _TEXT,
    "checksum": _OPTIONAL,
}
HEAD_ROW = {"token": _TEXT}
STORED = {"version": _VERSION, "name": _TEXT, "rollback_sql": _TEXT}


def validated(
    rows: Sequence[tuple[Any, ...]], table: str, columns: Mapping[str, tuple[type, ...]]
) -> Sequence[tuple[Any, ...]]:
    """Return rows of a history table, once their first values are known to have the expected types.

    SQLite stores values of any type in any column, and anyone who can write to the database can write here.

    Raises:
        HistoryError: a value has another type; the error has the table, the row and the column.
    """
    # Column by column, the types of ten thousand rows are collected in 2 ms; value by value it takes 25.
    by_column = zip(zip(*rows, strict=False), columns.values(), strict=False)
    if all({*map(type, values)} <= {*kinds} for values, kinds in by_column):
        return rows
    for row in rows:
        for value, (name, kinds) in zip(row, columns.items(), strict=False):
            if type(value) not in kinds:
                expected = "an integer" if int in kinds else "text"
                raise HistoryError(
                    f"{table} is damaged: {name} is {_shown(value)}, expected {expected};"
                    f" the row begins with {', '.join(map(_shown, row[:3]))}",
                    hint=DAMAGED,
                )
    return rows


def _shown(value: Any) -> str:
    text = ascii(value)
    return text if len(text) <= 60 else f"{text[:60]}…"


def rollbacks(table: MigrationsTable, rows: Sequence[tuple[Any, ...]]) -> dict[Key | None, str]:
    """Return {key: rollback SQL} of the rows of `log.stored_rollbacks`."""
    found = {}
    for version, name, sql, _ in validated(rows, LOG_TABLE, STORED):
        found[table.key_of(log.Event("", version, name))] = sql
    return found


def order_of_application(applied: Iterable[AppliedMigration]) -> list[int]:
    """Return the positions in the order of the log; what it lacks is after what is older."""
    newest, ordered = 0, []
    for place, row in enumerate(applied):
        order = row.order or newest
        newest = max(newest, order)
        ordered.append((order, place))
    return [place for _, place in sorted(ordered)]


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
