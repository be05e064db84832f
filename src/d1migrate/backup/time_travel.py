"""Restore points of a remote D1: the bookmarks of its Time Travel that the log contains.

A restore rewinds the whole database, including the log. The log is read before and written back after it; a
local file holds it meanwhile, in case this process dies.
"""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Any

from d1migrate.backup import local_points, pending_restore, restore
from d1migrate.backup.last_restore import LastRestore, remember
from d1migrate.backup.local_points import RestorePoint
from d1migrate.backup.pending_restore import LOG_COLUMNS, PendingRestore
from d1migrate.backup.restore import RestorePreview, RestoreResult
from d1migrate.drivers.run import run
from d1migrate.errors import (
    AmbiguousError,
    DriverError,
    Error,
    HistoryError,
    QueryError,
    UnavailableError,
    UsageError,
)
from d1migrate.migrate import assertions
from d1migrate.migrate import history as h
from d1migrate.migrate.flows import read
from d1migrate.migrate.flows.repair import record
from d1migrate.migrate.history_guard import LOG_TABLE
from d1migrate.sql.batch import Batch, Query

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from d1migrate.drivers.protocol import Driver, TimeTravel
    from d1migrate.migrate.flows.steps import NewStamp

_ADDS = ("up", "baseline", "accept", "restore")
BEGINS = "restoring"
_MARGIN = 60  # seconds: the clock of a log row is not D1's
_HOUR = 3600
_AT_ONCE = 50  # log rows a batch
_RACES, _LOST = 10, 3  # attempts to write to the log, and lost responses among them
_ARRIVES = 30  # seconds; D1's limit for a request, after which it is unlikely to arrive
_PAUSES = (
    1,
    2,
    4,
    8,
    8,
    8,
)  # seconds between checks whether it has arrived
_EVENT, _ACTION, _VERSION, _NAME, _AT, _POINT = 1, 2, 3, 4, 8, 9  # of LOG_COLUMNS


def listed(driver: TimeTravel, folder: str) -> list[RestorePoint]:
    """Return the bookmarks of the log, oldest first, with the version that was current at each.

    Log rows that an interrupted restore removed are read from the file in `folder`.
    """
    found: dict[str, RestorePoint] = {}
    for row, applied in _walk(_whole_log(driver, folder), run(read.read_history(), driver)):
        bookmark = row[_POINT]
        if bookmark and bookmark not in found and "." not in bookmark:  # the name of a copy has a dot
            found[bookmark] = RestorePoint(bookmark, "", float(_at(row)), max(applied, default=0), 0)
    return list(found.values())


def find(driver: TimeTravel, wanted: str, folder: str) -> RestorePoint:
    """Return the point for a bookmark, a version or a time; D1 has a bookmark for every minute.

    Raises:
        UsageError: there is none.
    """
    at = None if wanted.isdecimal() else local_points.parse_time(wanted)
    if at is None:
        cut = [
            pending.point for pending in pending_restore.unfinished(folder, driver.api_path)
        ]  # the bookmark of a time is not in the log
        try:
            return next((p for p in cut if p.name == wanted), None) or local_points.find(
                listed(driver, folder), wanted
            )
        except UsageError as error:
            hint = f"{error.hint}; or any time, such as 2026-11-22T10:15: D1 keeps a point for every minute"
            raise UsageError(str(error), hint=hint) from None
    now = run(read.read_history(), driver)
    log = _whole_log(driver, folder)
    then = next((applied for row, applied in _walk(log, now) if _at(row) > at), now.versions)
    return RestorePoint(driver.bookmark(_stamp(at)), "", at, max(then, default=0), 0)


def find_before(driver: TimeTravel, version: int, folder: str) -> RestorePoint | None:
    """Return the newest point before a version was applied, from the log or, if it has none, by time."""
    if known := [point for point in listed(driver, folder) if point.version < version]:
        return known[-1]
    applied = run(read.read_history(), driver).applied
    at = next((row.applied_at for row in applied if row.version == version), None)
    if at is None:
        return None
    at -= _MARGIN
    try:
        bookmark = driver.bookmark(_stamp(at))
    except UsageError:  # older than the database, or than D1 keeps
        return None
    then = [
        r.version for r in applied if r.version < version and (r.applied_at is None or r.applied_at <= at)
    ]
    return RestorePoint(bookmark, "", at, max(then, default=0), 0)


def _stamp(at: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at))


def preview(driver: TimeTravel, point: RestorePoint, folder: str) -> RestorePreview:
    """Return what a restore would change, without rows, which D1 does not report. Writes nothing."""
    now, log = run(read.read_history(), driver), _whole_log(driver, folder)
    reached = (a for row, a in _walk(log, now) if row[_POINT] == point.name or _at(row) > point.at)
    then = next(reached, frozenset(now.versions))
    names = {row[_VERSION]: row[_NAME] for row in log} | {r.version: r.name for r in now.applied}
    return RestorePreview(
        point,
        max(now.versions, default=0),
        tuple(names[v] for v in sorted(set(now.versions) - then)),
        tuple(names[v] for v in sorted(then - set(now.versions))),
        None,
    )


def _walk(log: Sequence[tuple[Any, ...]], now: h.History) -> Iterator[tuple[tuple[Any, ...], frozenset[int]]]:
    """Yield every row of the log with the versions that were applied before it."""
    applied = frozenset(now.versions) - {row[_VERSION] for row in log}  # by wrangler alone
    for row in log:
        yield row, applied
        if row[_EVENT] == "done" and row[_VERSION]:
            applied = applied | {row[_VERSION]} if row[_ACTION] in _ADDS else applied - {row[_VERSION]}


def restore_to(
    driver: TimeTravel,
    point: RestorePoint,
    new_stamp: NewStamp,
    *,
    folder: str,
    began: Callable[[RestorePoint], None] | None = None,
) -> RestoreResult:
    """Restore a remote database to a point, and write back its newer log rows.

    An interrupted restore to the same point is only finished: rows written since then stay.

    Args:
        driver: the database.
        point: the point.
        new_stamp: makes the stamp of the restore's own log rows.
        folder: the folder that holds the log while the database does not.
        began: called with the point that undoes it, before anything is done.

    Raises:
        UsageError: D1 has no such bookmark.
        UnavailableError: nothing was done; or it was, and the log could not be written back: the hint names
            the file that holds it.
        AmbiguousError: there was no response, and the database did not go back as long as a request can take.
    """
    for cut in pending_restore.unfinished(folder, driver.api_path):
        if not _is_restored(driver, cut) and not _wait_for_arrival(driver, cut):
            pending_restore.remove(cut, older_than=_HOUR)
            continue
        done = _finish(driver, cut)
        if cut.point.name == point.name:
            return done
    pending = _begin(driver, point, new_stamp, folder)
    if began:
        began(pending.undo)
    try:
        _send(driver, pending)
        return _finish(driver, pending)
    except KeyboardInterrupt as interrupt:
        interrupt.add_note(
            f"the restore may have happened: `d1migrate restore --to {pending.point.name}` finishes it;"
            f" the bookmark that undoes it is {pending.undo.name}"
        )
        raise


def _begin(driver: TimeTravel, point: RestorePoint, new_stamp: NewStamp, folder: str) -> PendingRestore:
    """Save the log to a file that outlives this process.

    Before, a log row records that the restore begins: if that row is missing later, D1 has gone back.
    """
    stamp = new_stamp()
    begins = h.record("done", h.Event(BEGINS, 0, point.name), stamp)
    for attempt in range(_RACES):
        now = run(read.read_history(), driver)
        try:
            run(record(now, [begins], stamp), driver)
            break
        except AmbiguousError as error:
            raise UnavailableError(f"nothing was restored: the log could not be written: {error}") from error
        except HistoryError:  # another run, or another restore, was faster: its log rows must be saved too
            if attempt + 1 == _RACES:
                raise
    version = max(now.versions, default=0)
    undo = RestorePoint(driver.bookmark(), "", time.time(), version, 0)
    applied = tuple((row.version, row.name) for row in now.applied)
    own = new_stamp()._replace(restore_point=undo.name)
    pending = pending_restore.save(
        folder,
        PendingRestore(driver.api_path, point, undo, own, applied, tuple(_log(driver))),
        driver.capabilities.permit,
    )
    remember(folder, LastRestore(driver.api_path, stamp.token, point.name, is_finished=False))
    return pending


def _is_restored(driver: Driver, pending: PendingRestore) -> bool:
    """Whether the log lacks the last row that was saved: D1 has gone back."""
    return pending.rows[-1][: pending_restore.KEY] not in {row[: pending_restore.KEY] for row in _log(driver)}


def _send(driver: TimeTravel, pending: PendingRestore) -> None:
    """Send the restore, once; if there is no response, check whether the database goes back.

    A restore that arrives late removes rows written since, so it is not sent twice while one may arrive.
    """
    try:
        driver.travel(pending.point.name)
    except AmbiguousError as error:
        if not _seems_restored(driver, pending) and not _wait_for_arrival(driver, pending):
            raise AmbiguousError(
                f"the outcome is unknown: the restore was sent once, and so far the database has not gone"
                f" back: {error}",
                hint="`d1migrate status` reports it if it went back after all, and then"
                f" `d1migrate restore --to {pending.point.name}` finishes it",
            ) from error
    except Error:
        pending_restore.remove(pending)  # nothing was done
        raise


def _wait_for_arrival(driver: TimeTravel, pending: PendingRestore) -> bool:
    """Wait for a restore that may still arrive, without sending it again; return whether it did."""
    for seconds in _PAUSES:
        if time.time() - pending.undo.at > _ARRIVES:
            return False
        driver.wait(seconds, "checking whether the restore has arrived")
        if _seems_restored(driver, pending):
            return True
    return False


def _seems_restored(driver: TimeTravel, pending: PendingRestore) -> bool:
    """Whether D1 has gone back; False if the database cannot be read now."""
    try:
        return _is_restored(driver, pending)
    except DriverError:
        return False


def _finish(driver: TimeTravel, pending: PendingRestore) -> RestoreResult:
    """Write back the log rows that a restore removed, and remove their file.

    Raises:
        UnavailableError: they cannot be written; the file stays.
    """
    touched: set[int] = set()
    lost = 0
    for _ in range(_RACES):
        try:
            return _write_back(driver, pending, touched)
        except Exception as error:
            lost += 1 if isinstance(error, AmbiguousError) else 0
            # A response was lost, or the batch refused because another run, or a copy of it, was faster. Rows
            # that exist are not written again.
            if lost < _LOST and (isinstance(error, AmbiguousError) or _is_race(error)):
                continue
            raise UnavailableError(
                f"the database was restored, but its log could not be written back: {error}",
                hint=f"`d1migrate restore --to {pending.point.name}` finishes it, from {pending.path};"
                f" the bookmark that undoes the restore is {pending.undo.name}",
            ) from error
    raise UnavailableError(
        "the database was restored, but its log could not be written back: other runs were faster each time",
        hint=f"`d1migrate restore --to {pending.point.name}` finishes it, from {pending.path}",
    )


def _is_race(error: Exception) -> bool:
    return isinstance(error, QueryError) and assertions.CHANGED_MEANWHILE in str(error)


def _write_back(driver: TimeTravel, pending: PendingRestore, touched: set[int]) -> RestoreResult:
    """Write back the rows that the log lacks; `touched` collects their versions over all attempts."""
    then = run(read.read_history(), driver)
    there = {row[: pending_restore.KEY] for row in (() if LOG_TABLE in then.missing else _log(driver))}
    newer = [row for row in pending.rows if row[: pending_restore.KEY] not in there]
    touched |= {row[_VERSION] for row in newer} - {0}
    rollbacks = restore.rollbacks_of(driver, then)
    events = restore.events_of(pending.history, then, touched, rollbacks, pending.point.name)
    own = [row for event in events if (row := _row(event, pending.stamp))[: pending_restore.KEY] not in there]
    _write(driver, then, [*newer, *own])
    folder = os.path.dirname(pending.path)
    remember(folder, LastRestore(pending.database, pending.stamp.token, pending.point.name, is_finished=True))
    pending_restore.remove(pending)
    version = max(then.versions, default=0)
    return RestoreResult(pending.point._replace(version=version), pending.undo, version, len(newer))


def _whole_log(driver: TimeTravel, folder: str) -> list[tuple[Any, ...]]:
    """Return the rows of the log, and those that an interrupted restore removed."""
    log = _log(driver)
    known = {row[: pending_restore.KEY] for row in log}
    missing = [
        row
        for cut in pending_restore.unfinished(folder, driver.api_path)
        for row in cut.rows
        if row[: pending_restore.KEY] not in known
    ]
    return sorted([*log, *missing], key=_at)


def _at(row: tuple[Any, ...]) -> int:
    """Return when a row of the log was written; 0 if it holds no time."""
    return h.time_of(row[_AT]) or 0


def _log(driver: Driver) -> list[tuple[Any, ...]]:
    """Return all rows of the log, in order."""
    query = Query(f"SELECT {LOG_COLUMNS} FROM {LOG_TABLE} ORDER BY id")
    try:
        return list(driver.batch(Batch([query], reads=True))[0].rows)
    except QueryError as error:
        if "no such table" in str(error):
            return []
        raise


def _row(event: h.Event, by: h.Stamp) -> tuple[Any, ...]:
    """Return an event as a row of the log."""
    who = (by.who, by.tool, by.at, by.restore_point)
    kept_sql = (event.detail, event.rollback_digest, event.rollback_sql)
    return (by.token, "done", event.action, event.version, event.name, event.checksum, *who, *kept_sql)


def _insert(row: tuple[Any, ...]) -> Query:
    """Return the query that appends a row unless it exists: another restore may write back the same rows."""
    values = tuple(
        str(value) if isinstance(value, int) else value for value in row
    )  # the column's affinity converts it back
    places = ", ".join(f"?{number}" for number in range(1, len(row) + 1))
    known = "token = ?1 AND event = ?2 AND action = ?3 AND version = ?4"
    return Query(
        f"INSERT INTO {LOG_TABLE} ({LOG_COLUMNS}) SELECT {places}"
        f" WHERE NOT EXISTS (SELECT 1 FROM {LOG_TABLE} WHERE {known})",
        values,
    )


def _write(driver: Driver, then: h.History, rows: Sequence[tuple[Any, ...]]) -> None:
    """Append rows to the log; each batch asserts that the history is as the one before it left it."""
    head, missing = then.head, then.missing
    for start in range(0, len(rows), _AT_ONCE):
        some = rows[start : start + _AT_ONCE]
        unchanged = assertions.assert_unchanged(assertions.HistoryState.of(then.versions, head))
        driver.batch(Batch([*h.create_tables(missing), unchanged, *map(_insert, some)]))
        head, missing = some[-1][0], ()
