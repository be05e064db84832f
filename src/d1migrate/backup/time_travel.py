"""Restore points of a remote D1: the bookmarks of its Time Travel, as the log keeps them.

A restore rewinds all of the database, the log with it. What the log said is read before and written back
behind it, from memory; a local file holds it meanwhile, should this process not live to do so.
"""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Any

from d1migrate.backup import local_points, pending_restore, restore
from d1migrate.backup.last_restore import LastRestore, remember
from d1migrate.backup.local_points import RestorePoint
from d1migrate.backup.pending_restore import LOG_COLUMNS, PendingRestore
from d1migrate.backup.restore import Restored, RestorePreview
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
_MARGIN = 60  # seconds: the clock that a row was written by is not D1's
_HOUR = 3600
_AT_ONCE = 50  # log rows a batch
_RACES, _LOST = 10, 3  # attempts to write to the log, and lost answers among them
_ARRIVES = 30  # seconds that D1 gives a request; after that it will hardly arrive
_PAUSES = (
    1,
    2,
    4,
    8,
    8,
    8,
)  # seconds between questions whether it has arrived; more than that together
_EVENT, _ACTION, _VERSION, _NAME, _AT, _POINT = 1, 2, 3, 4, 8, 9  # of LOG_COLUMNS


def listed(driver: TimeTravel, folder: str) -> list[RestorePoint]:
    """Return the bookmarks that the log keeps, oldest first, with the version that was current at each.

    What a restore that was cut short took out of the log is read from the file in `folder`.
    """
    found: dict[str, RestorePoint] = {}
    for row, applied in _walk(_whole_log(driver, folder), run(read.read_history(), driver)):
        bookmark = row[_POINT]
        if bookmark and bookmark not in found and "." not in bookmark:  # a file's name has a dot
            found[bookmark] = RestorePoint(bookmark, "", float(_at(row)), max(applied, default=0), 0)
    return list(found.values())


def find(driver: TimeTravel, wanted: str, folder: str) -> RestorePoint:
    """Return the point that a bookmark, a version or a time means; D1 has a bookmark for every minute.

    Raises:
        UsageError: there is none.
    """
    at = None if wanted.isdecimal() else local_points.moment(wanted)
    if at is None:
        cut = [
            what.point for what in pending_restore.found(folder, driver.api_path)
        ]  # of a time, which no log has
        try:
            return next((p for p in cut if p.name == wanted), None) or local_points.find(
                listed(driver, folder), wanted
            )
        except UsageError as error:
            hint = f"{error.hint}; or any time, as 2026-11-22T10:15: D1 keeps a point of every minute"
            raise UsageError(str(error), hint=hint) from None
    now = run(read.read_history(), driver)
    log = _whole_log(driver, folder)
    then = next((applied for row, applied in _walk(log, now) if _at(row) > at), now.versions)
    return RestorePoint(driver.bookmark(_stamp(at)), "", at, max(then, default=0), 0)


def before(driver: TimeTravel, version: int, folder: str) -> RestorePoint | None:
    """Return the newest point from before a version was applied; D1 has one also where the log keeps none."""
    if known := [point for point in listed(driver, folder) if point.version < version]:
        return known[-1]
    applied = run(read.read_history(), driver).applied
    at = next((row.applied_at for row in applied if row.version == version), None)
    if at is None:
        return None
    at -= _MARGIN
    try:
        bookmark = driver.bookmark(_stamp(at))
    except UsageError:  # older than the database, or than what D1 keeps
        return None
    then = [
        r.version for r in applied if r.version < version and (r.applied_at is None or r.applied_at <= at)
    ]
    return RestorePoint(bookmark, "", at, max(then, default=0), 0)


def _stamp(at: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at))


def outlook(driver: TimeTravel, point: RestorePoint, folder: str) -> RestorePreview:
    """Say what going back to a point would change; D1 does not tell the rows. Writes nothing."""
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


def go_back(
    driver: TimeTravel,
    point: RestorePoint,
    new_stamp: NewStamp,
    *,
    folder: str,
    began: Callable[[RestorePoint], None] | None = None,
) -> Restored:
    """Make a remote database what it was at a point, and write back what its log has learnt since.

    A restore to this point that was cut short is only finished: what was written since then stays.

    Args:
        driver: the database.
        point: where to go back to.
        new_stamp: makes the stamp of the restore's own log rows.
        folder: where the log is kept while it is not in the database.
        began: is told the point that undoes it, before anything is done.

    Raises:
        UsageError: D1 does not know the bookmark.
        UnavailableError: nothing was done; or it was, and the log could not be written back: the message
            names the file that has it.
        AmbiguousError: no answer came, and the database did not go back while a request can arrive.
    """
    for cut in pending_restore.found(folder, driver.api_path):
        if not _is_gone(driver, cut) and not _arrives(driver, cut):
            pending_restore.forget(cut, older_than=_HOUR)
            continue
        done = _finished(driver, cut)
        if cut.point.name == point.name:
            return done
    what = _keep(driver, point, new_stamp, folder)
    if began:
        began(what.undo)
    try:
        _travel(driver, what)
        return _finished(driver, what)
    except KeyboardInterrupt as interrupt:
        interrupt.add_note(
            f"the restore may have happened: `d1migrate restore --to {what.point.name}` finishes it;"
            f" the bookmark that undoes it is {what.undo.name}"
        )
        raise


def _keep(driver: TimeTravel, point: RestorePoint, new_stamp: NewStamp, folder: str) -> PendingRestore:
    """Read what a restore takes out, and put it where it outlives this process.

    The log is told first that the restore begins: where that row is missing later, D1 has gone back.
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
        except HistoryError:  # another run, or another restore, was faster: what it wrote is to be kept, too
            if attempt + 1 == _RACES:
                raise
    version = max(now.versions, default=0)
    undo = RestorePoint(driver.bookmark(), "", time.time(), version, 0)
    applied = tuple((row.version, row.name) for row in now.applied)
    own = new_stamp()._replace(restore_point=undo.name)
    what = pending_restore.keep(
        folder,
        PendingRestore(driver.api_path, point, undo, own, applied, tuple(_log(driver))),
        driver.capabilities.permit,
    )
    remember(folder, LastRestore(driver.api_path, stamp.token, point.name, is_finished=False))
    return what


def _is_gone(driver: Driver, what: PendingRestore) -> bool:
    """Whether the log lacks the last row that was kept of it: D1 has gone back."""
    return what.rows[-1][: pending_restore.KEY] not in {row[: pending_restore.KEY] for row in _log(driver)}


def _travel(driver: TimeTravel, what: PendingRestore) -> None:
    """Send the restore, once; if there is no response, check whether the database goes back.

    A restore that arrives late takes out what was written since, so it is not sent again while the first may
    arrive.
    """
    try:
        driver.travel(what.point.name)
    except AmbiguousError as error:
        if not _has_gone(driver, what) and not _arrives(driver, what):
            raise AmbiguousError(
                f"the outcome is unknown: the restore was sent once, and so far the database has not gone"
                f" back: {error}",
                hint="`d1migrate status` says so if it went back after all, and then"
                f" `d1migrate restore --to {what.point.name}` finishes it",
            ) from error
    except Error:
        pending_restore.forget(what)  # nothing was done
        raise


def _arrives(driver: TimeTravel, what: PendingRestore) -> bool:
    """Wait for a restore that may still arrive; return whether it did. It is not sent again."""
    for seconds in _PAUSES:
        if time.time() - what.undo.at > _ARRIVES:
            return False
        driver.wait(seconds, "checking whether the restore has arrived")
        if _has_gone(driver, what):
            return True
    return False


def _has_gone(driver: TimeTravel, what: PendingRestore) -> bool:
    """Whether D1 has gone back, as far as the database can be asked just now."""
    try:
        return _is_gone(driver, what)
    except DriverError:
        return False


def _finished(driver: TimeTravel, what: PendingRestore) -> Restored:
    """Write back what a restore took out of the log, and remove the file that kept it.

    Raises:
        UnavailableError: it cannot be written; the file stays.
    """
    touched: set[int] = set()
    lost = 0
    for _ in range(_RACES):
        try:
            return _write_back(driver, what, touched)
        except Exception as error:
            lost += isinstance(error, AmbiguousError)
            # A batch was lost, or refused because another run, or a copy of it, was faster. The rows that are
            # there are not written again.
            if lost < _LOST and (isinstance(error, AmbiguousError) or _is_race(error)):
                continue
            raise UnavailableError(
                f"the database is restored, and its log could not be written back: {error}",
                hint=f"`d1migrate restore --to {what.point.name}` finishes it, from {what.path};"
                f" the bookmark that undoes the restore is {what.undo.name}",
            ) from error
    raise UnavailableError(
        "the database was restored, but its log could not be written back: other runs were faster each time",
        hint=f"`d1migrate restore --to {what.point.name}` finishes it, from {what.path}",
    )


def _is_race(error: Exception) -> bool:
    return isinstance(error, QueryError) and assertions.CHANGED_MEANWHILE in str(error)


def _write_back(driver: TimeTravel, what: PendingRestore, touched: set[int]) -> Restored:
    """Write back the rows that the log lacks; `touched` collects their versions over all attempts."""
    then = run(read.read_history(), driver)
    there = {row[: pending_restore.KEY] for row in (() if LOG_TABLE in then.missing else _log(driver))}
    newer = [row for row in what.rows if row[: pending_restore.KEY] not in there]
    touched |= {row[_VERSION] for row in newer} - {0}
    rollbacks = restore.rollbacks_of(driver, then)
    events = restore.events_of(what.history, then, touched, rollbacks, what.point.name)
    own = [row for event in events if (row := _row(event, what.stamp))[: pending_restore.KEY] not in there]
    _write(driver, then, [*newer, *own])
    folder = os.path.dirname(what.path)
    remember(folder, LastRestore(what.database, what.stamp.token, what.point.name, is_finished=True))
    pending_restore.forget(what)
    version = max(then.versions, default=0)
    return Restored(what.point._replace(version=version), what.undo, version, len(newer))


def _whole_log(driver: TimeTravel, folder: str) -> list[tuple[Any, ...]]:
    """Return the rows of the log, and those that a restore took out of it and did not live to write back."""
    log = _log(driver)
    known = {row[: pending_restore.KEY] for row in log}
    missing = [
        row
        for cut in pending_restore.found(folder, driver.api_path)
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
    """Return what appends a row unless it is there: another restore may write back the same ones."""
    values = tuple(str(value) if isinstance(value, int) else value for value in row)  # affinity makes it one
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
