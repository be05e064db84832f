"""Reading what a database says about itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from d1migrate.errors import HistoryError, QueryError
from d1migrate.migrate import history as h
from d1migrate.migrate.history_guard import LOG_TABLE, MIGRATIONS_TABLE
from d1migrate.migrate.status import Entry, compare, refuse_partial
from d1migrate.sql.batch import Batch, Query, Result
from d1migrate.sql.names import quote_identifier

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from d1migrate.migrate.flows.leftovers import Problem
    from d1migrate.migrate.migration import Migration
    from d1migrate.schema.model import Schema
    from d1migrate.sql.batch import Flow


_HISTORY = (h.SHAPE, h.LOG_SHAPE, h.ROWS, h.LATEST, h.UNMANAGED_IF_EMPTY, h.LEFTOVERS, h.HEAD)


class LogEntry(NamedTuple):
    """One line of history. `done` is False for what began and never ended; unknown is None.

    `detail` is JSON, for `history.notes_of`: what a rollback took, why something was repaired, that an `up`
    was not linted.
    `restore_point` is what was kept of the database before it. Going back to such a point is a `restore` of
    version 0 with the point's name, and of versions that are applied again; those that are not any more are
    `rewind`. On a remote D1 `restoring` comes before it: that it began.
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
    """Read what the database says about itself; one request, two where a history table is missing.

    Args:
        reads: which request this is, counted from 1.
        token: of a batch, to be told whether the log has it.

    Raises:
        HistoryError: a history table is another tool's, or is gone while the other is there.
    """
    try:
        shape, log_shape, rows, latest, unmanaged, leftovers, head, *done = yield Batch(
            (*_HISTORY, *([h.done_by(token)] if token else [])), reads=True
        )
    except QueryError as error:
        return (yield from read_history_after(error, reads=reads))
    h.check_shape(shape.rows, log_shape.rows)
    found = h.fold(rows, latest, first_column(unmanaged.rows), (), reads=reads)
    found = found._replace(
        leftovers=tuple(first_column(leftovers.rows)),
        head="".join(token for (token,) in h.checked(head.rows, LOG_TABLE, h.HEAD_ROW)),
        has_token=any(result.rows[0][0] for result in done),
    )
    return (yield from _without_empty_histories(found))


def read_history_after(error: QueryError, *, reads: int) -> Flow[h.History]:
    """Read the history where a query of it failed for want of a table; any other error is raised.

    Args:
        error: what the query failed with.
        reads: which request that was, counted from 1.
    """
    if "no such" not in str(error) or reads > 2:  # table, or column where the table is another tool's
        raise error
    return (yield from _read_incomplete_history(reads + 1, log_is_missing=LOG_TABLE in str(error)))


def _read_incomplete_history(reads: int, *, log_is_missing: bool) -> Flow[h.History]:
    """Read a database that lacks a history table: SQL that names a missing one fails whole."""
    queries = (h.SHAPE, h.LOG_SHAPE, h.EXISTING, h.UNMANAGED, h.LEFTOVERS)
    # SQLite looks names up in order: if it was the log that was missing, the table before it was there.
    try:
        results = yield Batch((*queries, h.ROWS) if log_is_missing else queries, reads=True)
    except QueryError:  # it has other columns; its shape says whose it is
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
    found = h.fold(rows, None, unmanaged, missing, reads=reads)
    found = found._replace(leftovers=tuple(first_column(results[4].rows)))
    return (yield from _without_empty_histories(found))


def _refuse_log_alone() -> Flow[None]:
    """Raise HistoryError where the migrations table is gone and the log tells of migrations."""
    (result,) = yield Batch((count(LOG_TABLE),), reads=True)
    if result.rows[0][0]:
        raise HistoryError(
            f"the table {MIGRATIONS_TABLE} is gone, yet {LOG_TABLE} tells of migrations",
            hint=f"restore it from a backup; if the log is worthless, DROP TABLE {LOG_TABLE}",
        )


def _without_empty_histories(found: h.History) -> Flow[h.History]:
    """Look closer where nothing but tables of other tools stands in the way: empty ones are no history."""
    others = found.other_tools
    if not others or len(others) < len(found.unmanaged):
        return found
    counts = yield Batch([count(table) for table in others], reads=True)
    full = tuple(table for table, n in zip(others, counts, strict=True) if n.rows[0][0])
    return found._replace(unmanaged=full, other_tools=full, reads=found.reads + 1)


def read_schema() -> Flow[Schema]:
    """Read the live schema, without history tables and what SQLite and D1 keep for themselves."""
    from d1migrate.schema import introspect  # a status need not load it

    return introspect.read((yield Batch(introspect.QUERIES, reads=True)))


def read_current() -> Flow[int]:
    """Return the highest applied version, 0 where there is no migrations table or nothing in it.

    Raises:
        HistoryError: the migrations table is another tool's, or is gone while its log is there.
    """
    try:
        shape, newest = yield Batch((h.SHAPE, h.NEWEST), reads=True)
    except QueryError as error:
        return max((yield from read_history_after(error, reads=1)).versions, default=0)
    h.check_shape(shape.rows)
    ((version,),) = h.checked(newest.rows, MIGRATIONS_TABLE, h.NEWEST_ROW)
    return version or 0


def read_pending(migrations: Sequence[Migration]) -> Flow[tuple[str, ...]]:
    """Return the names of migrations that are not applied; one query of one row tells, as a rule.

    Raises:
        PartiallyApplied: a migration began and never ended.
        HistoryError: the migrations table is another tool's, or is gone while its log is there.
    """
    try:
        (state,) = yield Batch((h.STATE,), reads=True)
        lines, partial = state.rows[0]
        versions = {int(line.partition(" ")[0]) for line in (lines or "").split("\n") if line}
    except QueryError as error:
        versions, partial = set((yield from read_history_after(error, reads=1)).versions), 0
    except ValueError:  # a damaged log; reading it row by row finds the place, or no harm
        versions, partial = set((yield from read_history(reads=2)).versions), 0
    if partial:
        refuse_partial(compare(migrations, (yield from read_history(reads=2))))
    return tuple(migration.name for migration in migrations if migration.version not in versions)


def status(migrations: Sequence[Migration]) -> Flow[tuple[Entry, ...]]:
    """Lay files and database side by side."""
    return compare(migrations, (yield from read_history()))


def read_history_and_schema() -> Flow[tuple[h.History, Schema]]:
    """Read history and schema of the same moment: two requests, repeated if the history changes."""
    from d1migrate.migrate.assertions import HistoryState, is_unchanged
    from d1migrate.schema import introspect  # a status need not load it

    while True:
        history = yield from read_history()
        seen = HistoryState.of(history.versions, history.head)
        *answers, same = yield Batch((*introspect.QUERIES, is_unchanged(seen, history.missing)), reads=True)
        if same.rows[0][0]:
            return history, introspect.read(answers)


def survey(
    migrations: Sequence[Migration], *, token: str | None = None, if_missing: Problem | None = None
) -> Flow[tuple[tuple[Entry, ...], tuple[Problem, ...]]]:
    """Compare files and database, and report what is wrong; one request, unless something is wrong.

    Args:
        migrations: the files.
        token: of a row that the log has to have.
        if_missing: what to report if it does not.
    """
    history = yield from read_history(token=token)
    entries = compare(migrations, history)
    problems = (yield from read_leftovers()) if history.leftovers else ()
    if if_missing and not history.has_token:
        problems = (*problems, if_missing)
    return entries, problems


def read_leftovers() -> Flow[tuple[Problem, ...]]:
    """Say what a rebuild that was cut in half left behind."""
    from d1migrate.migrate.flows import integrity  # hardly ever

    seen = yield from integrity.look(None, rows=False)
    return tuple(problem for problem in seen.problems if problem.kind == "leftover")


def read_log() -> Flow[tuple[LogEntry, ...]]:
    """Return all that happened, oldest first; what wrangler applied alone is an `up` without a token."""
    history = yield from read_history()
    events: list[LogEntry] = []
    if LOG_TABLE not in history.missing:
        (rows,) = yield Batch((h.EVENTS,), reads=True)
        for token, _, action, version, name, checksum, *rest in h.checked(rows.rows, LOG_TABLE, h.EVENT):
            who, at, done, detail, point = rest
            entry = LogEntry(version, name, action, h.time_of(at), _text(who), checksum, token, bool(done))
            events.append(entry._replace(detail=_text(detail), restore_point=_text(point)))
    last = {event.version: i for i, event in enumerate(events)}
    for row in reversed(history.applied):  # each goes before what is there of its time
        at = last.get(row.version)
        if at is None or (events[at].done and events[at].action in ("down", "forget", "rewind")):
            alone = LogEntry(row.version, row.name, "up", row.applied_at, None, None, None, True)
            _insert(events, alone, after=-1 if at is None else at)
    return tuple(events)


def _text(value: object) -> str | None:
    return None if value is None else str(value)


def _insert(events: list[LogEntry], alone: LogEntry, *, after: int) -> None:
    """Put what has no place in the log where its time, and what must come before it, says."""
    place = after + 1
    while place < len(events) and (events[place].at or 0) < (alone.at or 0):
        place += 1
    events.insert(place, alone)


def happened(token: str) -> Flow[bool]:
    """Ask whether the batch with this token was committed, after its answer was lost.

    Raises:
        DriverError: the database cannot be asked.
    """
    try:
        (result,) = yield Batch((h.done_by(token),), reads=True)
    except QueryError as error:
        if "no such table" in str(error):
            return False
        raise
    return bool(result.rows[0][0])


def count(table: str) -> Query:
    """Ask for the number of rows in a table."""
    return Query(f"SELECT count(*) FROM {quote_identifier(table)}")


def first_column(rows: Iterable[Sequence[object]]) -> list[str]:
    """Return the first value of every row, as text."""
    return [str(row[0]) for row in rows]
