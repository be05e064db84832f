"""Reading what a database says about itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from d1migrate import history as h
from d1migrate.batch import Batch, Query
from d1migrate.errors import QueryError
from d1migrate.migration import LOG_TABLE, MIGRATIONS_TABLE
from d1migrate.sql.names import quote_identifier
from d1migrate.status import Entry, compare

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from d1migrate.batch import Flow
    from d1migrate.migration import Migration


class LogEntry(NamedTuple):
    """One line of history. `done` is False for what began and never ended; unknown is None."""

    version: int
    name: str
    action: str
    at: int
    by: str | None
    checksum: str | None
    token: str | None
    done: bool


def read_history() -> Flow[h.History]:
    """Read what the database says about itself; one request, two where a history table is missing.

    Raises:
        HistoryError: the migrations table is another tool's.
    """
    try:
        shape, rows, latest, strangers = yield Batch(
            (h.SHAPE, h.ROWS, h.LATEST, h.STRANGERS_IF_EMPTY), reads=True
        )
    except QueryError as error:
        if "no such" not in str(error):  # table, or column where the table is another tool's
            raise
        return (yield from _read_incomplete_history(log_is_missing=LOG_TABLE in str(error)))
    h.check_shape(shape.rows)
    return h.fold(rows, latest, first_column(strangers.rows), ())


def _read_incomplete_history(*, log_is_missing: bool) -> Flow[h.History]:
    """Read a database that lacks a history table: SQL that names a missing one fails whole."""
    queries = (h.SHAPE, h.EXISTING, h.STRANGERS)
    # The queries above ran in order: if it was the log that was missing, the table before it was there.
    results = yield Batch((*queries, h.ROWS) if log_is_missing else queries, reads=True)
    h.check_shape(results[0].rows)
    existing = first_column(results[1].rows)
    missing = tuple(table for table in h.TABLES if table not in existing)
    if MIGRATIONS_TABLE not in missing and (LOG_TABLE not in missing or not log_is_missing):
        return (yield from read_history())  # another runner created it since the first try
    strangers: Sequence[str] = first_column(results[2].rows)
    if MIGRATIONS_TABLE not in missing and results[3].rows:
        return h.fold(results[3], None, (), missing)
    others = [name for name in strangers if name in h.OTHER_TOOLS]
    if others and len(others) == len(strangers):
        counts = yield Batch([count(table) for table in others], reads=True)
        strangers = [table for table, n in zip(others, counts, strict=True) if n.rows[0][0]]
    return h.History((), (), missing, tuple(strangers), tuple(n for n in others if n in strangers))


def status(migrations: Sequence[Migration]) -> Flow[tuple[Entry, ...]]:
    """Lay files and database side by side."""
    return compare(migrations, (yield from read_history()))


def read_log() -> Flow[tuple[LogEntry, ...]]:
    """Return all that happened, oldest first; what wrangler applied alone is an `up` without a token."""
    history = yield from read_history()
    events: list[LogEntry] = []
    if LOG_TABLE not in history.missing:
        (rows,) = yield Batch((h.EVENTS,), reads=True)
        for token, _, action, version, name, checksum, who, at, done in rows.rows:
            events.append(LogEntry(version, name, action, at, who, checksum, token, bool(done)))
    last = {event.version: event for event in events}
    alone = [
        LogEntry(row.version, row.name, "up", row.applied_at, None, None, None, True)
        for row in history.applied
        if (event := last.get(row.version)) is None or (event.done and event.action in ("down", "forget"))
    ]
    return tuple(sorted(alone + events, key=lambda event: event.at))


def count(table: str) -> Query:
    """Ask for the number of rows in a table."""
    return Query(f"SELECT count(*) FROM {quote_identifier(table)}")


def first_column(rows: Iterable[Sequence[object]]) -> list[str]:
    """Return the first value of every row, as text."""
    return [str(row[0]) for row in rows]
