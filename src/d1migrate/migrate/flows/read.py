"""Read what a database records about itself: history, log, schema."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from d1migrate.errors import HistoryError, QueryError
from d1migrate.migrate import history as h
from d1migrate.migrate.history_guard import LOG_TABLE, MIGRATIONS_TABLE
from d1migrate.migrate.status import Entry, compare, refuse_partial
from d1migrate.sql.batch import Batch, Result, count_rows

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from d1migrate.migrate.flows.leftovers import Problem
    from d1migrate.migrate.migration import Migration
    from d1migrate.schema.model import Schema
    from d1migrate.sql.batch import Flow


_HISTORY = (h.SHAPE, h.LOG_SHAPE, h.ROWS, h.LATEST, h.UNMANAGED_IF_EMPTY, h.LEFTOVERS, h.HEAD)


class LogEntry(NamedTuple):
    """One line of history; None is unknown.

    A restore is a `restore` of version 0, with the name of the restore point; a `restore` for each version
    that is applied again; and a `rewind` for each that no longer is. On a remote D1, `restoring` comes first:
    the restore began.

    Attributes:
        version, name: the migration.
        action: what was done: up, down, baseline, accept, forget, adopt, restore, …
        at: when, in epoch seconds.
        by: who.
        checksum: the checksum of the file.
        token: the token of the batch.
        done: False for what began and did not finish.
        detail: JSON, for `history.notes_of`: the rows that a rollback deleted, the reason for a repair, that
            an `up` was not linted.
        restore_point: the restore point that was taken before.
    """

    version: int
    name: str
    action: str
    at: int | None
    by: str | None
    checksum: str | None
    token: str | None
    done: bool
    detail: str | None = None
    restore_point: str | None = None


def read_history(*, reads: int = 1, token: str | None = None) -> Flow[h.History]:
    """Read the history; one request, two if a history table is missing.

    Args:
        reads: the number of this request, from 1.
        token: the token of a batch to look up in the log.

    Raises:
        HistoryError: a history table is another tool's, or is missing while the other one exists.
    """
    try:
        shape, log_shape, rows, latest, unmanaged, leftovers, head, *done = yield Batch(
            (*_HISTORY, *([h.done_by(token)] if token else [])), reads=True
        )
    except QueryError as error:
        return (yield from read_history_after(error, reads=reads))
    h.check_shape(shape.rows, log_shape.rows)
    found = h.read_rows(rows, latest, first_column(unmanaged.rows), (), reads=reads)
    found = found._replace(
        leftovers=tuple(first_column(leftovers.rows)),
        head="".join(token for (token,) in h.validated(head.rows, LOG_TABLE, h.HEAD_ROW)),
        has_token=any(result.rows[0][0] for result in done),
    )
    return (yield from _without_empty_histories(found))


def read_history_after(error: QueryError, *, reads: int) -> Flow[h.History]:
    """Read the history after a query of it failed because a table is missing; raise any other error.

    Args:
        error: the error of the query.
        reads: the number of that request, from 1.
    """
    if "no such" not in str(error) or reads > 2:  # table; or column, if the table is another tool's
        raise error
    return (yield from _read_incomplete_history(reads + 1, log_is_missing=LOG_TABLE in str(error)))


def _read_incomplete_history(reads: int, *, log_is_missing: bool) -> Flow[h.History]:
    """Read a database that lacks a history table: SQL that names a missing table fails as a whole."""
    queries = (h.SHAPE, h.LOG_SHAPE, h.EXISTING, h.UNMANAGED, h.LEFTOVERS)
    # SQLite resolves names in order: if the log was missing, the table before it exists.
    try:
        results = yield Batch((*queries, h.ROWS) if log_is_missing else queries, reads=True)
    except QueryError:  # it has other columns; its shape shows whose it is
        results, log_is_missing = (yield Batch(queries, reads=True)), False
    h.check_shape(results[0].rows, results[1].rows)
    existing = first_column(results[2].rows)
    missing = tuple(table for table in h.TABLES if table not in existing)
    if MIGRATIONS_TABLE not in missing and (LOG_TABLE not in missing or not log_is_missing):
        return (yield from read_history(reads=reads + 1))  # another runner created it since the first try
    if missing == (MIGRATIONS_TABLE,):
        yield from _refuse_log_alone()
    rows = results[5] if log_is_missing else Result()
    unmanaged = () if rows.rows else first_column(results[3].rows)
    found = h.read_rows(rows, None, unmanaged, missing, reads=reads)
    found = found._replace(leftovers=tuple(first_column(results[4].rows)))
    return (yield from _without_empty_histories(found))


def _refuse_log_alone() -> Flow[None]:
    """Raise HistoryError if the migrations table is missing and the log has migrations."""
    (result,) = yield Batch((count_rows(LOG_TABLE),), reads=True)
    if result.rows[0][0]:
        raise HistoryError(
            f"the table {MIGRATIONS_TABLE} is missing, yet {LOG_TABLE} records migrations",
            hint=f"restore it from a backup; if the log is worthless, DROP TABLE {LOG_TABLE}",
        )


def _without_empty_histories(found: h.History) -> Flow[h.History]:
    """Ignore empty tables of other tools, if the database has no other objects: they are not a history."""
    others = found.other_tools
    if not others or len(others) < len(found.unmanaged):
        return found
    counts = yield Batch([count_rows(table) for table in others], reads=True)
    full = tuple(table for table, n in zip(others, counts, strict=True) if n.rows[0][0])
    return found._replace(unmanaged=full, other_tools=full, reads=found.reads + 1)


def read_schema() -> Flow[Schema]:
    """Read the live schema, without history tables and what SQLite and D1 keep for themselves."""
    from d1migrate.schema import introspect  # `status` does not need it

    return introspect.read((yield Batch(introspect.QUERIES, reads=True)))


def read_current() -> Flow[int]:
    """Return the highest applied version; 0 if there is no migrations table, or it is empty.

    Raises:
        HistoryError: the migrations table is another tool's, or is missing while its log exists.
    """
    try:
        shape, newest = yield Batch((h.SHAPE, h.NEWEST), reads=True)
    except QueryError as error:
        return max((yield from read_history_after(error, reads=1)).versions, default=0)
    h.check_shape(shape.rows)
    ((version,),) = h.validated(newest.rows, MIGRATIONS_TABLE, h.NEWEST_ROW)
    return version or 0


def read_pending(migrations: Sequence[Migration]) -> Flow[tuple[str, ...]]:
    """Return the names of migrations that are not applied; usually with one query of one row.

    Raises:
        PartiallyApplied: a migration began and did not finish.
        HistoryError: the migrations table is another tool's, or is missing while its log exists.
    """
    try:
        (state,) = yield Batch((h.STATE,), reads=True)
        lines, partial = state.rows[0]
        versions = {int(line.partition(" ")[0]) for line in (lines or "").split("\n") if line}
    except QueryError as error:
        versions, partial = set((yield from read_history_after(error, reads=1)).versions), 0
    except ValueError:  # a damaged log; reading it row by row finds the bad row, or none
        versions, partial = set((yield from read_history(reads=2)).versions), 0
    if partial:
        refuse_partial(compare(migrations, (yield from read_history(reads=2))))
    return tuple(migration.name for migration in migrations if migration.version not in versions)


def status(migrations: Sequence[Migration]) -> Flow[tuple[Entry, ...]]:
    """Compare files and database."""
    return compare(migrations, (yield from read_history()))


def read_history_and_schema() -> Flow[tuple[h.History, Schema]]:
    """Read history and schema of the same moment: two requests, repeated if the history changes."""
    from d1migrate.migrate.assertions import is_same_history
    from d1migrate.schema import introspect  # `status` does not need it

    while True:
        history = yield from read_history()
        *answers, same = yield Batch((*introspect.QUERIES, is_same_history(history)), reads=True)
        if same.rows[0][0]:
            return history, introspect.read(answers)


def status_and_problems(
    migrations: Sequence[Migration], *, token: str | None = None, if_missing: Problem | None = None
) -> Flow[tuple[tuple[Entry, ...], tuple[Problem, ...]]]:
    """Compare files and database, and report what is wrong; one request, unless something is wrong.

    Args:
        migrations: the files.
        token: the token of a row that the log must have.
        if_missing: the problem to report if it does not.
    """
    history = yield from read_history(token=token)
    entries = compare(migrations, history)
    problems = (yield from read_leftovers()) if history.leftovers else ()
    if if_missing and not history.has_token:
        problems = (*problems, if_missing)
    return entries, problems


def read_leftovers() -> Flow[tuple[Problem, ...]]:
    """Report what an interrupted rebuild left behind."""
    from d1migrate.migrate.flows import integrity  # rarely needed

    found = yield from integrity.inspect(None, rows=False)
    return tuple(problem for problem in found.problems if problem.kind == "leftover")


def read_log() -> Flow[tuple[LogEntry, ...]]:
    """Return all that happened, oldest first; what wrangler applied is an `up` without a token."""
    history = yield from read_history()
    events: list[LogEntry] = []
    if LOG_TABLE not in history.missing:
        (rows,) = yield Batch((h.EVENTS,), reads=True)
        for token, _, action, version, name, checksum, *rest in h.validated(rows.rows, LOG_TABLE, h.EVENT):
            who, at, done, detail, point = rest
            entry = LogEntry(version, name, action, h.time_of(at), _text(who), checksum, token, bool(done))
            events.append(entry._replace(detail=_text(detail), restore_point=_text(point)))
    last = {event.version: i for i, event in enumerate(events)}
    for row in reversed(history.applied):  # each is inserted before the events of its time
        at = last.get(row.version)
        if at is None or (events[at].done and events[at].action in ("down", "forget", "rewind")):
            alone = LogEntry(row.version, row.name, "up", row.applied_at, None, None, None, True)
            _insert(events, alone, after=-1 if at is None else at)
    return tuple(events)


def _text(value: object) -> str | None:
    return None if value is None else str(value)


def _insert(events: list[LogEntry], alone: LogEntry, *, after: int) -> None:
    """Insert what the log does not have by its time, but not before the position `after`."""
    place = after + 1
    while place < len(events) and (events[place].at or 0) < (alone.at or 0):
        place += 1
    events.insert(place, alone)


def is_committed(token: str) -> Flow[bool]:
    """Return whether the log has the batch with this token, e.g. after its response was lost.

    Raises:
        DriverError: the log cannot be read.
    """
    try:
        (result,) = yield Batch((h.done_by(token),), reads=True)
    except QueryError as error:
        if "no such table" in str(error):
            return False
        raise
    return bool(result.rows[0][0])


def first_column(rows: Iterable[Sequence[object]]) -> list[str]:
    """Return the first value of every row, as text."""
    return [str(row[0]) for row in rows]
