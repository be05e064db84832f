"""Restoring a local file to a restore point. The restore can be undone, and no log row is lost.

The new content is assembled in a scratch file first: the point, the log rows that are newer than it, and the
rows of the restore itself; its open job goes on under another token, or is cancelled. That file is then
copied into the live one as a single transaction of SQLite's backup API, never renamed over it: at any moment
the file has the old state or the new one, and other processes that have it open see the new one.
"""

from __future__ import annotations

import json
import os
from contextlib import closing, suppress

from d1migrate.backup import local_points
from d1migrate.backup.snapshot import ANY_LENGTH, scratch_file
from d1migrate.drivers.plain import PlainConnection
from d1migrate.drivers.run import run
from d1migrate.drivers.sqlite import SqliteDriver
from d1migrate.errors import DamagedError, Error, HistoryError, QueryError, UsageError
from d1migrate.migrate import history as h
from d1migrate.migrate import log
from d1migrate.migrate.flows import read
from d1migrate.migrate.jobs.flow import settle_restored
from d1migrate.migrate.table import LOG_TABLE
from d1migrate.named_tuple import NamedTuple
from d1migrate.schema.compare import compare
from d1migrate.sql.batch import Batch, Query, count_rows
from d1migrate.sql.names import quote_identifier

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping
    from typing import Any

    from d1migrate.backup.local_points import RestorePoint
    from d1migrate.drivers.protocol import Driver, LocalFile
    from d1migrate.migrate.flows.steps import NewStamp
    from d1migrate.migrate.table import Key, MigrationsTable
    from d1migrate.migrate.table_choice import TableChoice
    from d1migrate.schema.model import Schema


class RestorePreview(NamedTuple):
    """What a restore would change.

    Attributes:
        point: the point.
        current: the last applied migration now; None if none is applied.
        undone: names of migrations that would not be applied any more.
        redone: names of migrations that would be applied again.
        rows: {table: (rows now, rows then)} of tables whose counts differ; a count is None if the table does
            not exist or cannot be counted. None for a remote D1, whose past rows cannot be read.
        damage: why the database cannot be read; "" if it can.
    """

    point: RestorePoint
    current: str | None
    undone: tuple[str, ...]
    redone: tuple[str, ...]
    rows: dict[str, tuple[int | None, int | None]] | None
    damage: str = ""


class RestoreResult(NamedTuple):
    """The result of a restore.

    Attributes:
        point: the point that was restored.
        undo: the point that undoes it; None if there was nothing to keep.
        current: the last applied migration now; None if none is applied.
        log: how many log rows were newer than the point, and written back.
        aside: the copy of the file before, if it was damaged.
    """

    point: RestorePoint
    undo: RestorePoint | None
    current: str | None
    log: int
    aside: str | None = None


def preview(driver: Driver, choice: TableChoice, point: RestorePoint) -> RestorePreview:
    """Return what a restore would change. Writes nothing.

    Raises:
        DriverError, HistoryError: the database, or the point, cannot be read.
    """
    with scratch_file() as path, closing(_copied(point, choice, path)) as then:
        before, there = run(read.read_history(choice), then), _counts(then, choice)
    try:
        now, here = run(read.read_history(choice), driver), _counts(driver, choice)
    except (DamagedError, QueryError) as error:
        return RestorePreview(point, None, (), (), None, str(error))
    return RestorePreview(
        point,
        now.current.name if now.current else None,
        names_of(now, now.keys - before.keys),
        names_of(before, before.keys - now.keys),
        {
            table: (here.get(table), there.get(table))
            for table in (*here, *(table for table in there if table not in here))
            if here.get(table) != there.get(table)
        },
    )


def names_of(history: h.History, keys: Collection[Key | None]) -> tuple[str, ...]:
    """Return the names of some applied migrations, in wrangler's order."""
    rows = (row for row in history.applied if history.table.key_of(row) in keys)
    return tuple(row.name for row in sorted(rows, key=history.place_of))


def restore(
    driver: Driver,
    choice: TableChoice,
    point: RestorePoint,
    new_stamp: NewStamp,
    *,
    folder: str | None = None,
    began: Callable[[RestorePoint], None] | None = None,
) -> RestoreResult:
    """Restore a local file to a restore point.

    Args:
        driver: the database.
        choice: how to choose its migrations table.
        point: the point.
        new_stamp: makes the stamp of the restore's own log rows.
        folder: the folder for the point that undoes it.
        began: called with that point before anything is done.

    Raises:
        UsageError: the database is not a local file.
        UnavailableError: the file is busy, was written to meanwhile, or cannot be read. Nothing was done.
            A damaged file is copied aside, and the point replaces it.
        HistoryError: the result differs from the point; the hint names the point that undoes it.
    """
    file = driver.capabilities.file
    if file is None:
        raise UsageError(f"{driver.url} is not a local file: it has no restore points")
    known = local_points.listed(driver, folder)
    changed, undo, aside = None, None, None
    try:
        changed = file.detect_writes()
        undo = local_points.take(driver, choice, folder, keep=(point.name,))
    except DamagedError:  # restoring a damaged file is what points are for
        aside = local_points.set_aside(file, folder)
    if undo and began:
        began(undo)
    try:
        with scratch_file() as place:
            with closing(_copied(point, choice, place)) as target:
                schema = run(read.read_schema(choice), target)
                rows = _write_back(target, choice, place, undo, point, new_stamp) if undo else 0
                run(settle_restored(choice, new_stamp), target)
                current = run(read.read_current(choice), target)
            _take_over(file, place, changed, replace=aside is not None)
    except Error:
        if (
            undo and undo not in known
        ):  # otherwise the next attempt would find it as the newest at its migration
            os.unlink(undo.path)
        raise
    _compare(driver, choice, schema, current, undo)
    return RestoreResult(point, undo, current.name if current else None, rows, aside)


def _take_over(file: LocalFile, place: str, changed: Callable[[], bool] | None, *, replace: bool) -> None:
    """Copy a file into the live one; remove the live one first if it is too damaged and may be replaced."""
    try:
        file.copy_from(place, changed)
    except DamagedError:
        if not replace:
            raise
        for end in ("", "-journal", "-wal", "-shm"):
            with suppress(FileNotFoundError):
                os.unlink(file.path + end)
        file.copy_from(place, None)


def _copied(point: RestorePoint, choice: TableChoice, path: str) -> SqliteDriver:
    local_points.copy_out(point, choice, path)
    return SqliteDriver(path, url=f"sqlite:{point.path}", profile=ANY_LENGTH)


def _write_back(
    target: SqliteDriver,
    choice: TableChoice,
    place: str,
    undo: RestorePoint,
    point: RestorePoint,
    new_stamp: NewStamp,
) -> int:
    """Add to a copy of the point the newer log rows and those of the restore; return how many were newer."""
    then = run(read.read_history(choice), target)
    with scratch_file() as path, closing(_copied(undo, choice, path)) as live:
        now = run(read.read_history(choice), live)
        live.batch(Batch([*now.setup(), Query("SELECT 1")]))
        if not now.log and then.missing:
            return 0  # neither has a history
        rollbacks = rollbacks_of(target, then)
        target.batch(Batch([*then.setup(), Query("SELECT 1")]))
        target.close()
        live.close()
        count, touched = _newer_rows(place, path, now.table)
    stamp = new_stamp()._replace(restore_point=undo.name)
    events = events_of(now, then, touched, rollbacks, point.name)
    target.batch(Batch([log.record("done", event, stamp) for event in events]))
    return count


def rollbacks_of(driver: Driver, then: h.History) -> dict[Key | None, str]:
    """Return {key: rollback SQL} of the log of a point."""
    kept = [row for row in then.applied if row.keeps_rollback]
    query = log.stored_rollbacks(then.table, kept, then.log)
    return h.rollbacks(then.table, driver.batch(Batch((query,), reads=True))[0].rows if kept else ())


def events_of(
    now: h.History,
    then: h.History,
    newer: Collection[Key | None],
    rollbacks: Mapping[Key | None, str],
    point: str,
) -> list[log.Event]:
    """Return the log rows of a restore: that it was done, and the state of each migration after it.

    The newest log row of a migration determines its state, so every one with rows newer than the point gets
    one more: `restore` if it is applied at the point, `rewind` if it is not.

    Args:
        now: the history before the restore.
        then: the history of the point.
        newer: the keys of log rows that the point does not have.
        rollbacks: what `rollbacks_of` returned for the point.
        point: its name.
    """
    touched = {*newer, *(now.keys ^ then.keys)}
    current = {"current": then.current and then.current.name, "was": now.current and now.current.name}
    gone = [row for row in now.applied if now.table.key_of(row) in touched - then.keys]
    return [
        log.Event("restore", detail=json.dumps({"point": point, **current})),
        *_applied_events(then, touched, rollbacks),
        *(log.Event("rewind", row.version, row.name) for row in gone),
    ]


def _newer_rows(place: str, live: str, table: MigrationsTable) -> tuple[int, set[Key | None]]:
    """Copy the log rows that the copy of the point lacks; return how many, and their keys."""
    key = "token, event, action, coalesce(version, ''), name"
    with PlainConnection(place) as connection:
        connection.execute("ATTACH ? AS live", (live,))
        newer = f"FROM live.{LOG_TABLE} WHERE ({key}) NOT IN (SELECT {key} FROM main.{LOG_TABLE})"
        rows = list(connection.execute(f"SELECT version, name {newer}"))
        # Also columns of a later version, if both logs have them.
        shared = " INTERSECT ".join(
            f"SELECT name FROM pragma_table_info('{LOG_TABLE}', '{schema}') WHERE name <> 'id'"
            for schema in ("main", "live")
        )
        columns = ", ".join(quote_identifier(str(name)) for (name,) in connection.execute(shared))
        connection.execute(f"INSERT INTO main.{LOG_TABLE} ({columns}) SELECT {columns} {newer} ORDER BY id")
    found: list[Any] = [log.Event("", *row) for row in rows]
    return len(rows), {table.key_of(event) for event in found if event.name}


def _applied_events(
    then: h.History, touched: Collection[Key | None], rollbacks: Mapping[Key | None, str]
) -> Iterable[log.Event]:
    """Return an event for each applied migration with newer rows, and for those applied after it.

    Migrations were applied in the order of their rows.
    """
    key_of = then.table.key_of
    first = min((row.order for row in then.applied if key_of(row) in touched and row.order), default=0)
    wanted = [r for r in then.applied if key_of(r) in touched or (first and r.order >= first)]
    for row in sorted(wanted, key=lambda row: (row.order, row.place)):
        kept = rollbacks.get(key_of(row))
        yield log.Event(
            "restore",
            row.version,
            row.name,
            row.checksum,
            kept,
            row.rollback_digest,
            file_digest=row.file_digest,
        )


def _compare(
    driver: Driver,
    choice: TableChoice,
    schema: Schema,
    expected: h.AppliedMigration | None,
    undo: RestorePoint | None,
) -> None:
    """Compare the restored database with the point.

    Raises:
        HistoryError: they differ.
    """
    found = [
        f"{d.kind} {d.name} is {d.problem}" for d in compare(schema, run(read.read_schema(choice), driver))
    ]
    if (current := run(read.read_current(choice), driver)) != expected:
        names = [row.name if row else "none" for row in (current, expected)]
        found.append(f"its last migration is {names[0]}, expected {names[1]}")
    if found:
        raise HistoryError(
            f"{driver.url} differs from the restore point: {'; '.join(found)}",
            hint=f"`d1migrate restore --to {undo.name}` undoes it" if undo else None,
        )


def _counts(driver: Driver, choice: TableChoice) -> dict[str, int | None]:
    """Return {table: its number of rows}; None for a table that cannot be counted, as some virtual tables."""
    names = [table.name for table in run(read.read_schema(choice), driver).tables]
    found: dict[str, int | None] = {}
    for name in names:
        try:
            found[name] = driver.batch(Batch((count_rows(name),), reads=True))[0].rows[0][0]
        except QueryError:
            found[name] = None
    return found
