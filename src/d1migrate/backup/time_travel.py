"""Restore points of a remote D1: the bookmarks of its Time Travel that the log contains.

A restore rewinds the whole database, including the log. The log is read before and written back after it; a
local file holds it meanwhile, in case this process dies.
"""

from __future__ import annotations

import json
import os
import time

from d1migrate.backup import local_points, pending_restore, restore, times
from d1migrate.backup.last_restore import LastRestore, remember
from d1migrate.backup.local_points import RestorePoint
from d1migrate.backup.pending_restore import PendingRestore
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
from d1migrate.migrate import assertions, log
from d1migrate.migrate import history as h
from d1migrate.migrate.flows import read
from d1migrate.migrate.flows.repair import record
from d1migrate.migrate.jobs.flow import settle_restored
from d1migrate.migrate.table import APPLIES, LOG_TABLE
from d1migrate.sql.batch import Batch, Query

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from typing import Any

    from d1migrate.drivers.protocol import Driver, TimeTravel
    from d1migrate.migrate.flows.steps import NewStamp
    from d1migrate.migrate.table import Key
    from d1migrate.migrate.table_choice import TableChoice

    _LogRows = Sequence[tuple[Any, ...]]
    _Applied = dict[Key | None, h.AppliedMigration]

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
_EVENT, _ACTION, _VERSION, _NAME, _AT, _POINT = 1, 2, 3, 4, 8, 9  # of the columns of the log


def listed(driver: TimeTravel, choice: TableChoice, folder: str) -> list[RestorePoint]:
    """Return the bookmarks of the log, oldest first, with the migration that was the last at each.

    Log rows that an interrupted restore removed are read from the file in `folder`.
    """
    now = run(read.read_history(choice), driver)
    return [point for point, _ in _points(_whole_log(driver, now, folder), now)]


def find(driver: TimeTravel, choice: TableChoice, wanted: str, folder: str) -> RestorePoint:
    """Return the point for a bookmark, a migration or a time (as `times.parse`).

    D1 has a bookmark for every minute; the time of a listed point means that point.

    Raises:
        UsageError: there is none, or as `times.parse`.
    """
    at = None if wanted.isdecimal() else times.parse(wanted)
    if at is None:
        cut = [
            pending.point for pending in pending_restore.unfinished(folder, driver.api_path)
        ]  # the bookmark of a time is not in the log
        try:
            return next((p for p in cut if p.name == wanted), None) or local_points.find(
                listed(driver, choice, folder), wanted
            )
        except UsageError as error:
            hint = f"{error.hint}; or any time, such as 2026-11-22T10:15Z: D1 keeps a point for every minute"
            raise UsageError(str(error), hint=hint) from None
    now = run(read.read_history(choice), driver)
    rows = _whole_log(driver, now, folder)
    if listed_then := [point for point, _ in _points(rows, now) if point.at == at]:
        return listed_then[-1]
    applied = {now.table.key_of(row): row for row in now.applied}
    then = next((old for row, old in _walk(rows, now) if _at(row) > at), applied)
    return RestorePoint(driver.bookmark(_stamp(at)), "", at, _label(then, now), 0)


def find_before(driver: TimeTravel, choice: TableChoice, name: str, folder: str) -> RestorePoint | None:
    """Return the newest point before a migration was applied: from the log; by time, if wrangler did it."""
    now = run(read.read_history(choice), driver)
    wanted = next((row for row in now.applied if row.name == name), None)
    if wanted is None:
        return None
    rows, key = _whole_log(driver, now, folder), now.table.key_of(wanted)
    before = next((p for p, applied in reversed([*_points(rows, now)]) if key not in applied), None)
    done = [row[_ACTION] for row in rows if row[_EVENT] == "done" and _key(row, now) == key]
    at = wanted.applied_at
    if at is None or (before and done and done[-1] in APPLIES):
        return before
    at -= _MARGIN
    try:
        bookmark = driver.bookmark(_stamp(at))
    except UsageError:  # older than the database, or than D1 keeps
        return before
    then = {
        now.table.key_of(row): row
        for row in now.applied
        if row is not wanted and (row.applied_at is None or row.applied_at <= at)
    }
    return RestorePoint(bookmark, "", at, _label(then, now), 0)


def _stamp(at: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at))


def preview(driver: TimeTravel, choice: TableChoice, point: RestorePoint, folder: str) -> RestorePreview:
    """Return what a restore would change, without rows, which D1 does not report. Writes nothing."""
    now = run(read.read_history(choice), driver)
    rows = _whole_log(driver, now, folder)
    reached = (a for row, a in _walk(rows, now) if row[_POINT] == point.name or _at(row) > point.at)
    then = next(reached, {now.table.key_of(row): row for row in now.applied})
    before = now._replace(applied=tuple(then.values()))
    return RestorePreview(
        point,
        now.current.name if now.current else None,
        restore.names_of(now, now.keys - then.keys()),
        restore.names_of(before, then.keys() - now.keys),
        None,
    )


def _points(rows: _LogRows, now: h.History) -> Iterator[tuple[RestorePoint, _Applied]]:
    """Yield every bookmark of the log, with the migrations that were applied then.

    It was taken before the first of the rows that have it.
    """
    known = set()
    for row, applied in _walk(rows, now):
        bookmark = row[_POINT]
        if bookmark and bookmark not in known and "." not in bookmark:  # the name of a copy has a dot
            known.add(bookmark)
            yield RestorePoint(bookmark, "", float(_at(row)), _label(applied, now), 0), applied


def _walk(rows: _LogRows, now: h.History) -> Iterator[tuple[tuple[Any, ...], _Applied]]:
    """Yield every row of the log with the migrations that were applied before it, by their keys."""
    applied = {now.table.key_of(row): row for row in now.applied}
    keys = [_key(row, now) for row in rows]
    applied = {key: row for key, row in applied.items() if key not in keys}  # by wrangler alone
    for row, key in zip(rows, keys, strict=True):
        yield row, applied
        if row[_EVENT] == "done" and key is not None:
            applied = {known: one for known, one in applied.items() if known != key}
            if row[_ACTION] in APPLIES:
                name = row[_NAME]
                place = row[_VERSION] or 0 if now.table.shape == "versions" else 0
                applied[key] = h.AppliedMigration(row[_VERSION], name, None, place=place)


def _key(row: tuple[Any, ...], now: h.History) -> Key | None:
    """Return the key of the migration that a row of the log is about; None if it is about the database."""
    return now.table.key_of(log.Event("", row[_VERSION], row[_NAME])) if row[_NAME] else None


def _label(applied: _Applied, now: h.History) -> str:
    """Return the last of some migrations, as restore points have it."""
    return _name(max(applied.values(), key=now.place_of, default=None))


def _name(row: h.AppliedMigration | None) -> str:
    return row.name if row else ""


def restore_to(
    driver: TimeTravel,
    choice: TableChoice,
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
        choice: how to choose its migrations table.
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
        done = _finish(driver, choice, cut)
        if cut.point.name == point.name:
            return done
    pending = _begin(driver, choice, point, new_stamp, folder)
    if began:
        began(pending.undo)
    try:
        _send(driver, pending)
        return _finish(driver, choice, pending)
    except KeyboardInterrupt as interrupt:
        interrupt.add_note(
            f"the restore may have happened: `d1migrate restore --to {pending.point.name}` finishes it;"
            f" the bookmark that undoes it is {pending.undo.name}"
        )
        raise


def _begin(
    driver: TimeTravel, choice: TableChoice, point: RestorePoint, new_stamp: NewStamp, folder: str
) -> PendingRestore:
    """Save the log to a file that outlives this process.

    Before, a log row records that the restore begins: if that row is missing later, D1 has gone back; if it
    is missing in the log that was read, another restore was faster, and holds the rest of the log.
    """
    stamp = new_stamp()
    detail = json.dumps({"point": point.name})
    begins = log.record("done", log.Event(BEGINS, detail=detail), stamp)
    for attempt in range(_RACES):
        now = run(read.read_history(choice), driver)
        try:
            run(record(now, [begins], stamp), driver)
        except AmbiguousError as error:
            raise UnavailableError(f"nothing was restored: the log could not be written: {error}") from error
        except HistoryError:  # another run, or another restore, was faster: its log rows must be saved too
            if attempt + 1 == _RACES:
                raise
            continue
        undo = RestorePoint(driver.bookmark(), "", time.time(), _name(now.current), 0)
        rows = tuple(_log(driver))
        if stamp.token in {row[0] for row in rows}:
            break
    else:
        raise UnavailableError("nothing was restored: other restores were faster each time")
    applied = tuple((row.version, row.name, row.place) for row in now.applied)
    own = new_stamp()._replace(restore_point=undo.name)
    pending = pending_restore.save(
        folder,
        PendingRestore(driver.api_path, point, undo, own, now.table.shape, applied, rows),
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


def _finish(driver: TimeTravel, choice: TableChoice, pending: PendingRestore) -> RestoreResult:
    """Write back the log rows that a restore removed, and remove their file.

    Raises:
        UnavailableError: they cannot be written; the file stays.
    """
    touched: set[Key | None] = set()
    lost = 0
    for _ in range(_RACES):
        try:
            return _write_back(driver, choice, pending, touched)
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
    races = (assertions.CHANGED_MEANWHILE, *log.RACES)
    return isinstance(error, QueryError) and any(race in str(error) for race in races)


def _write_back(
    driver: TimeTravel, choice: TableChoice, pending: PendingRestore, touched: set[Key | None]
) -> RestoreResult:
    """Write back the rows that the log lacks; `touched` collects their keys over all attempts."""
    then = run(read.read_history(choice), driver)
    found = _log(driver, then)
    there = {row[: pending_restore.KEY] for row in found}
    newer = [row for row in pending.rows if row[: pending_restore.KEY] not in there]
    touched |= {_key(row, then) for row in newer} - {None}
    rollbacks = restore.rollbacks_of(driver, then)
    events = restore.events_of(pending.history, then, touched, rollbacks, pending.point.name)
    own = [row for event in events if (row := _row(event, pending.stamp))[: pending_restore.KEY] not in there]
    _write(driver, then, [*newer, *own])
    run(settle_restored(choice, lambda: pending.stamp), driver)
    folder = os.path.dirname(pending.path)
    remember(folder, LastRestore(pending.database, pending.stamp.token, pending.point.name, is_finished=True))
    saved = {row[: pending_restore.KEY] for row in pending.rows}
    if not any(row[_ACTION] == BEGINS and row[: pending_restore.KEY] not in saved for row in found):
        pending_restore.remove(pending)  # otherwise another restore may yet remove what was written back
    point = pending.point._replace(current=_name(then.current))
    return RestoreResult(point, pending.undo, then.current and then.current.name, len(newer))


def _whole_log(driver: TimeTravel, now: h.History, folder: str) -> list[tuple[Any, ...]]:
    """Return the rows of the log, and those that an interrupted restore removed."""
    log = _log(driver, now)
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


def _log(driver: Driver, now: h.History | None = None) -> list[tuple[Any, ...]]:
    """Return all rows of the log of a history, in order; without one, those of the log of this version."""
    rows = LOG_TABLE if now is None else now.log
    query = Query(f"SELECT {log.COLUMNS} FROM {rows} ORDER BY id")
    try:
        return list(driver.batch(Batch([query], reads=True))[0].rows) if rows else []
    except QueryError as error:
        if "no such table" in str(error):
            return []
        raise


def _row(event: log.Event, by: log.Stamp) -> tuple[Any, ...]:
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
    known = "token = ?1 AND event = ?2 AND action = ?3 AND version IS ?4 AND name = ?5"
    return Query(
        f"INSERT INTO {LOG_TABLE} ({log.COLUMNS}) SELECT {places}"
        f" WHERE NOT EXISTS (SELECT 1 FROM {LOG_TABLE} WHERE {known})",
        values,
    )


def _write(driver: Driver, then: h.History, rows: Sequence[tuple[Any, ...]]) -> None:
    """Append rows to the log; each batch asserts that the history is as the one before it left it."""
    before, setup = assertions.HistoryState.of(then), then.setup()
    for start in range(0, len(rows), _AT_ONCE):
        some = rows[start : start + _AT_ONCE]
        driver.batch(Batch([*setup, assertions.assert_unchanged(before), *map(_insert, some)]))
        before, setup = before._replace(head=some[-1][0]), []
