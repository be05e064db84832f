"""Correct the recorded history by hand: accept, forget. Neither runs SQL of a migration.

Each keeps `mirror`, wrangler's table, in step if there is one.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from d1migrate.errors import AmbiguousError, Error, HistoryError, QueryError, UsageError
from d1migrate.migrate import assertions
from d1migrate.migrate import history as h
from d1migrate.migrate.flows.read import is_committed, read_history
from d1migrate.migrate.status import Entry, compare
from d1migrate.sql.batch import Batch

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from d1migrate.migrate.flows.steps import NewStamp
    from d1migrate.migrate.migration import Migration
    from d1migrate.migrate.wrangler_table import Mirror
    from d1migrate.sql.batch import Flow, Query


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
        UsageError: there is no such file, or it agrees with the database.
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
        queries += mirror.create(()) + mirror.delete(old.version, old.name) if mirror else ()
    event = h.event_of("accept", entry.migration)._replace(detail=detail)
    queries += [h.insert_row(version, entry.name, at), h.record("done", event, stamp)]
    queries += mirror.create([*history.versions, version]) if mirror else ()
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
    """Remove a version from the migrations table: its file was removed, or it was undone, on purpose.

    Raises:
        UsageError: the version is neither missing its file nor partially applied.
        HistoryError: another run changed the history meanwhile.
    """
    history = yield from read_history()
    entry = _entry(compare(migrations, history), version)
    if entry.state not in ("missing", "partial"):
        raise UsageError(
            f"nothing to forget: {entry.name} is {entry.state}",
            hint="`d1migrate down` rolls back an applied migration",
        )
    stamp = new_stamp()
    event = h.Event("forget", version, entry.name, detail=json.dumps({"reason": reason}))
    queries = [h.delete_row(version), h.record("done", event, stamp)]
    queries += mirror.create(()) + mirror.delete(version, entry.name) if mirror else ()
    yield from record(history, queries, stamp)
    return entry


def record(
    history: h.History, queries: Sequence[Query], stamp: h.Stamp, *, before: Sequence[Query] = ()
) -> Flow[None]:
    """Write to the history, if it is still the one that was read.

    Args:
        history: the history that was read.
        queries: what to write.
        stamp: the stamp of all of them.
        before: further assertions and statements to run first.

    Raises:
        HistoryError: another run changed the history.
        AmbiguousError: the response was lost, and the log does not have the batch or cannot be read.
    """
    unchanged = assertions.assert_unchanged(assertions.HistoryState.of(history.versions, history.head))
    try:
        yield Batch([*before, *h.create_tables(history.missing), unchanged, *queries])
    except (AmbiguousError, QueryError) as error:
        changed = next((text for text in _CHANGED if text in str(error)), None)
        if isinstance(error, QueryError) and changed is None:
            raise
        # A proxy may have repeated the request: then the refusal is the response to the second copy.
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
    """Check the log for a batch that was refused, or whose response was lost.

    Raises:
        AmbiguousError: the log cannot be read.
    """
    try:
        return (yield from is_committed(token))
    except Error as second:
        raise AmbiguousError(
            f"it is unknown whether this was recorded: {error}; then: {second}",
            hint="check `d1migrate history` when the database can be reached",
        ) from second


def _entry(entries: Iterable[Entry], version: int) -> Entry:
    for entry in entries:
        if entry.version == version:
            return entry
    raise UsageError(f"version {version} exists neither as a file nor in the history")
