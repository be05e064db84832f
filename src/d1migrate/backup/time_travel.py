"""Restore points of a remote D1: the bookmarks of its Time Travel, as the log keeps them.

A restore rewinds all of the database, the log with it. What the log said is read before and written back
behind it, from memory; a local file holds it meanwhile, should this process not live to do so.
"""

from __future__ import annotations

import json
import os
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from d1migrate import history as h
from d1migrate.backup import points, restore
from d1migrate.backup.points import Point
from d1migrate.backup.restore import LOG_COLUMNS, Outlook, Restored
from d1migrate.batch import Batch, Query
from d1migrate.errors import AmbiguousError, QueryError, UnavailableError, UsageError
from d1migrate.flows import read
from d1migrate.recording import LOG_TABLE
from d1migrate.run import run

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from d1migrate.batch import Result
    from d1migrate.drivers import Driver
    from d1migrate.flows.steps import Sign

_ADDS = ("up", "baseline", "accept", "restore")
_AT_ONCE = 50  # log rows a batch
_EVENT, _ACTION, _VERSION, _NAME, _AT, _POINT = 1, 2, 3, 4, 8, 9  # of LOG_COLUMNS


@runtime_checkable
class Travelling(Protocol):
    """A driver whose database D1 can take back in time."""

    url: str

    def batch(self, batch: Batch) -> Sequence[Result]:
        """Run queries, as every driver does."""
        ...

    def close(self) -> None:
        """Let go of it."""
        ...

    def bookmark(self, at: str | None = None) -> str:
        """Return the bookmark of now, or of a time."""
        ...

    def travel(self, bookmark: str) -> None:
        """Make the database what it was at a bookmark."""
        ...


def listed(driver: Travelling) -> list[Point]:
    """Return the bookmarks that the log keeps, oldest first, with the version that was current at each."""
    found: dict[str, Point] = {}
    for row, applied in _walk(_log(driver), run(read.read_history(), driver)):
        bookmark = row[_POINT]
        if bookmark and bookmark not in found and "." not in bookmark:  # a file's name has a dot
            found[bookmark] = Point(bookmark, "", float(row[_AT]), max(applied, default=0), 0)
    return list(found.values())


def find(driver: Travelling, wanted: str) -> Point:
    """Return the point that a bookmark, a version or a time means; D1 has a bookmark for every minute.

    Raises:
        UsageError: there is none.
    """
    at = None if wanted.isdecimal() else points.moment(wanted)
    if at is None:
        return points.find(listed(driver), wanted)
    stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at))
    now = run(read.read_history(), driver)
    then = next((applied for row, applied in _walk(_log(driver), now) if row[_AT] > at), now.versions)
    return Point(driver.bookmark(stamp), "", at, max(then, default=0), 0)


def outlook(driver: Travelling, point: Point) -> Outlook:
    """Say what going back to a point would change; D1 does not tell the rows. Writes nothing."""
    now, log = run(read.read_history(), driver), _log(driver)
    reached = (a for row, a in _walk(log, now) if row[_POINT] == point.name or row[_AT] > point.at)
    then = next(reached, frozenset(now.versions))
    names = {row[_VERSION]: row[_NAME] for row in log} | {r.version: r.name for r in now.applied}
    return Outlook(
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


def go_back(driver: Travelling, point: Point, sign: Sign, *, folder: str) -> Restored:
    """Make a remote database what it was at a point, and write back what its log has learnt since.

    Args:
        driver: the database.
        point: where to go back to.
        sign: makes the signature of the restore's own log rows.
        folder: where the log is kept while it is not in the database.

    Raises:
        UsageError: D1 does not know the bookmark.
        UnavailableError: nothing was done; or it was, and the log could not be written back: the message
            names the file that has it.
    """
    bookmark = driver.bookmark()
    before, log = run(read.read_history(), driver), _log(driver)
    undo = Point(bookmark, "", time.time(), max(before.versions, default=0), 0)
    kept = _keep(folder, log)
    _travel(driver, point.name)
    try:
        then = run(read.read_history(), driver)
        newer = _newer(log, () if LOG_TABLE in then.missing else _log(driver))
        signature = sign()._replace(restore_point=undo.name)
        rollbacks, versions = restore.rollbacks_of(driver, then), {row[_VERSION] for row in newer} - {0}
        events = restore.events_of(before, then, versions, rollbacks, point.name)
        own = [h.record("done", event, signature) for event in events]
        _write(driver, [*h.create_tables(then.missing), *map(_insert, newer), *own])
    except Exception as error:
        raise UnavailableError(
            f"the database is restored, and its log could not be written back: {error}",
            hint=f"the log's rows are in {kept}; the bookmark that undoes the restore is {undo.name}",
        ) from error
    with suppress(OSError):
        os.unlink(kept)
    version = max(then.versions, default=0)
    return Restored(point._replace(version=version), undo, version, len(newer))


def _travel(driver: Travelling, bookmark: str) -> None:
    for attempt in (1, 2, 3):
        try:
            return driver.travel(bookmark)
        except AmbiguousError as error:  # to the same bookmark again is no other place
            if attempt == 3:
                raise UnavailableError(f"whether it was restored is not known: {error}") from error
    return None


def _log(driver: Driver) -> list[tuple[Any, ...]]:
    """Return all rows of the log, in order."""
    query = Query(f"SELECT {LOG_COLUMNS} FROM {LOG_TABLE} ORDER BY id")
    try:
        return list(driver.batch(Batch([query], reads=True))[0].rows)
    except QueryError as error:
        if "no such table" in str(error):
            return []
        raise


def _newer(log: Sequence[tuple[Any, ...]], there: Sequence[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    known = {row[: _VERSION + 1] for row in there}
    return [row for row in log if row[: _VERSION + 1] not in known]


def _insert(row: tuple[Any, ...]) -> Query:
    values = tuple(str(value) if isinstance(value, int) else value for value in row)  # affinity makes it one
    return Query(f"INSERT INTO {LOG_TABLE} ({LOG_COLUMNS}) VALUES ({', '.join('?' * len(row))})", values)


def _write(driver: Driver, queries: Sequence[Query]) -> None:
    for start in range(0, len(queries), _AT_ONCE):
        driver.batch(Batch(queries[start : start + _AT_ONCE]))


def _keep(folder: str, log: Sequence[tuple[Any, ...]]) -> str:
    """Write the log to a file of its own; its path."""
    path = os.path.join(folder, f"log-{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime())}-{os.getpid()}.json")
    try:
        points.make(folder)
        with open(path, "x", encoding="utf-8") as file:
            json.dump({"columns": LOG_COLUMNS.split(", "), "rows": log}, file)
    except OSError as error:
        raise UsageError(f"cannot keep a copy of the log in {folder}: {error.strerror}") from error
    return path
