"""Telling history what is so: baseline, accept, forget. None of them runs SQL of a migration.

Each keeps `mirror`, wrangler's table, in step, where there is one.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from d1migrate.errors import AmbiguousError, Error, HistoryError, QueryError, UsageError
from d1migrate.migrate import assertions
from d1migrate.migrate import history as h
from d1migrate.migrate.flows.read import happened, read_history
from d1migrate.migrate.status import Entry, compare, refuse_partial, refuse_renumbered
from d1migrate.sql.batch import Batch

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from d1migrate.migrate.flows.steps import NewStamp
    from d1migrate.migrate.migration import Migration
    from d1migrate.migrate.wrangler_table import Mirror
    from d1migrate.sql.batch import Flow, Query


def baseline(
    migrations: Sequence[Migration], new_stamp: NewStamp, mirror: Mirror | None = None, *, to: int
) -> Flow[tuple[Migration, ...]]:
    """Record every file up to `to` as applied, running nothing: the user vouches for the schema.

    Returns:
        What was recorded; nothing where all of it was already.

    Raises:
        UsageError: there is no file of that version.
        HistoryError: another run changed the history meanwhile, or a file is applied under another number.
    """
    if to not in {migration.version for migration in migrations}:
        raise UsageError(f"there is no migration file of version {to}")
    history = yield from read_history()
    entries = compare(migrations, history)
    refuse_partial(entries)
    refuse_renumbered([entry for entry in entries if entry.version <= to])
    todo = tuple(m for m in migrations if m.version <= to and m.version not in history.versions)
    if todo:
        stamp = new_stamp()
        queries: list[Query] = []
        for migration in todo:
            queries.append(h.insert_row(migration.version, migration.name, stamp.at))
            queries.append(h.record("done", h.event_of("baseline", migration), stamp))
        queries += mirror.created([*history.versions, *(m.version for m in todo)]) if mirror else ()
        yield from record(history, queries, stamp)
    return todo


def accept(
    migrations: Sequence[Migration],
    new_stamp: NewStamp,
    mirror: Mirror | None = None,
    *,
    version: int,
    reason: str,
) -> Flow[Entry]:
    """Record a file as it is now: edited since it was applied, renumbered, finished by hand, or unknown.

    Raises:
        UsageError: there is no such file, or nothing about it disagrees with the database.
        HistoryError: another run changed the history meanwhile.
    """
    history = yield from read_history()
    entry = _entry(compare(migrations, history), version)
    unknown = entry.state == "applied" and entry.checksum is None
    if entry.migration is None or not (unknown or entry.state in ("changed", "renumbered", "partial")):
        raise UsageError(
            f"nothing to accept: {entry.name} is {entry.state}",
            hint="--accept is for files that are changed, renumbered or partial, or have no checksum yet",
        )
    stamp, detail = new_stamp(), json.dumps({"reason": reason})
    queries: list[Query] = []
    at = stamp.at
    if entry.was is not None and entry.applied is not None:
        old = entry.applied
        at = old.applied_at or at
        queries.append(h.delete_row(old.version))
        queries.append(h.record("done", h.Event("forget", old.version, old.name, detail=detail), stamp))
        queries += mirror.created(()) + mirror.removed(old.version, old.name) if mirror else ()
    event = h.event_of("accept", entry.migration)._replace(detail=detail)
    queries += [h.insert_row(version, entry.name, at), h.record("done", event, stamp)]
    queries += mirror.created([*history.versions, version]) if mirror else ()
    yield from record(history, queries, stamp)
    return entry


def forget(
    migrations: Sequence[Migration],
    new_stamp: NewStamp,
    mirror: Mirror | None = None,
    *,
    version: int,
    reason: str,
) -> Flow[Entry]:
    """Take a version out of the migrations table: its file was removed on purpose, or it was undone by hand.

    Raises:
        UsageError: the version is neither missing its file nor partial.
        HistoryError: another run changed the history meanwhile.
    """
    history = yield from read_history()
    entry = _entry(compare(migrations, history), version)
    if entry.state not in ("missing", "partial"):
        raise UsageError(
            f"nothing to forget: {entry.name} is {entry.state}",
            hint="to take an applied migration back, use `d1migrate down`",
        )
    stamp = new_stamp()
    event = h.Event("forget", version, entry.name, detail=json.dumps({"reason": reason}))
    queries = [h.delete_row(version), h.record("done", event, stamp)]
    queries += mirror.created(()) + mirror.removed(version, entry.name) if mirror else ()
    yield from record(history, queries, stamp)
    return entry


def record(
    history: h.History, queries: Sequence[Query], stamp: h.Stamp, *, before: Sequence[Query] = ()
) -> Flow[None]:
    """Write to the history, if it is still the one that was read.

    Args:
        history: what was read.
        queries: what to write.
        stamp: of all of it.
        before: what else has to hold, before anything is written.

    Raises:
        HistoryError: another run changed what was read.
        AmbiguousError: no answer came, and the log does not have it, or cannot be asked.
    """
    unchanged = assertions.assert_unchanged(assertions.HistoryState.of(history.versions, history.head))
    try:
        yield Batch([*before, *h.create_tables(history.missing), unchanged, *queries])
    except (AmbiguousError, QueryError) as error:
        changed = next((text for text in _CHANGED if text in str(error)), None)
        if isinstance(error, QueryError) and changed is None:
            raise
        # A proxy may have repeated the request: then the refusal is the answer to the second copy.
        if (yield from _is_recorded(stamp.token, error)):
            return
        if isinstance(error, AmbiguousError):
            raise AmbiguousError(
                f"the request was sent, but nothing had been recorded when the log was checked: {error}",
                hint="check `d1migrate status`, then run the command again: the late request will be refused",
            ) from error
        raise HistoryError(
            f"nothing was recorded: another run changed the history, {changed}",
            hint="check `d1migrate status`, then run it again",
        ) from error


_CHANGED = (assertions.CHANGED_MEANWHILE, assertions.SCHEMA_CHANGED)


def _is_recorded(token: str, error: Error) -> Flow[bool]:
    """Look up in the log a batch whose response was lost, or was a refusal.

    Raises:
        AmbiguousError: the database cannot be asked.
    """
    try:
        return (yield from happened(token))
    except Error as second:
        raise AmbiguousError(
            f"it is unknown whether this was recorded: {error}; then: {second}",
            hint="check `d1migrate history` when the database can be reached",
        ) from second


def _entry(entries: Iterable[Entry], version: int) -> Entry:
    for entry in entries:
        if entry.version == version:
            return entry
    raise UsageError(f"there is no version {version}, neither as a file nor in the database")
