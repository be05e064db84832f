"""Correct the recorded history by hand: accept, rename, forget. None of them runs SQL of a migration."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from d1migrate.errors import AmbiguousError, Error, HistoryError, QueryError, UsageError
from d1migrate.migrate import assertions, log
from d1migrate.migrate.flows.read import read_history
from d1migrate.migrate.flows.read_log import is_committed
from d1migrate.migrate.refusals import refuse_other_table, refuse_problems, refuse_without_key
from d1migrate.migrate.selector import Selector, find
from d1migrate.migrate.status import Entry, compare
from d1migrate.sql.batch import Batch

if TYPE_CHECKING:
    from collections.abc import Sequence

    from d1migrate.migrate import history as h
    from d1migrate.migrate.flows.steps import NewStamp
    from d1migrate.migrate.migration import Migration
    from d1migrate.migrate.table_choice import TableChoice
    from d1migrate.sql.batch import Flow, Query


def accept(
    migrations: Sequence[Migration],
    choice: TableChoice,
    new_stamp: NewStamp,
    *,
    wanted: Selector,
    reason: str,
) -> Flow[Entry]:
    """Record a file as it is now: edited since it was applied, finished by hand, or unknown.

    Raises:
        UsageError: there is no such file, or it agrees with the database.
        SourceError: it cannot be read.
        HistoryError: another run changed the history meanwhile.
    """
    history = yield from read_history(choice)
    entry = find(compare(migrations, history), wanted)
    unknown = entry.state == "applied" and entry.checksum is None
    if entry.migration is None or not (unknown or entry.state in ("changed", "partial")):
        raise UsageError(
            f"nothing to accept: {entry.name} is {entry.state}",
            hint="--accept is for files that are changed or partial, or have no checksum yet",
        )
    refuse_problems(history.problems)
    refuse_without_key([entry], (), history.table)
    if entry.migration.checksum is None and (error := entry.migration.unreadable):
        raise error
    stamp, detail = new_stamp(), json.dumps({"reason": reason})
    event = log.event_of("accept", entry.migration)._replace(detail=detail)
    insert = () if entry.applied else history.table.insert(entry, stamp.at)
    yield from record(history, [*insert, log.record("done", event, stamp)], stamp)
    return entry


def rename(
    migrations: Sequence[Migration],
    choice: TableChoice,
    new_stamp: NewStamp,
    *,
    old: Selector,
    new: Selector,
    reason: str,
) -> Flow[Entry]:
    """Record an applied migration under the name that its file has now; return it, with the name it had.

    Raises:
        UsageError: no applied migration without a file is `old`, or no file that is not applied is `new`.
        HistoryError: another run changed the history meanwhile, or the file has another content.
    """
    history = yield from read_history(choice)
    refuse_other_table(history)
    entries = compare(migrations, history)
    gone = [e.applied for e in entries if e.applied and (e.state == "missing" or e.is_renamed)]
    row = find(gone, old)
    entry = find([e for e in entries if e.migration and (e.applied is None or e.is_renamed)], new)
    migration = entry.migration
    if migration is None or (row.checksum and not migration.matches(row.checksum)):
        raise HistoryError(
            f"{entry.name} is not {row.name} with another name: its content is different",
            names=(entry.name,),
            hint=f"`d1migrate repair --forget {row.name} --reason …` removes the record of a deleted file",
        )
    refuse_problems(history.problems)
    refuse_without_key([entry], (), history.table)
    stamp, detail = new_stamp(), json.dumps({"reason": reason, "was": row.name})
    queries = [
        *history.table.rename(row, entry),
        log.record("done", log.Event("forget", row.version, row.name, detail=detail), stamp),
        log.record("done", log.event_of("accept", migration)._replace(detail=detail), stamp),
    ]
    yield from record(history, queries, stamp)
    return entry._replace(was=row.name)


def forget(
    migrations: Sequence[Migration],
    choice: TableChoice,
    new_stamp: NewStamp,
    *,
    wanted: Selector,
    reason: str,
) -> Flow[Entry]:
    """Remove the record of a migration: its file was removed, or it was undone, on purpose.

    Raises:
        UsageError: the migration is neither missing its file nor partially applied.
        HistoryError: another run changed the history meanwhile.
    """
    history = yield from read_history(choice)
    refuse_other_table(history)
    entry = find(compare(migrations, history), wanted)
    if entry.state not in ("missing", "partial"):
        raise UsageError(
            f"nothing to forget: {entry.name} is {entry.state}",
            hint="`d1migrate down` rolls back an applied migration",
        )
    stamp = new_stamp()
    event = log.Event("forget", entry.version, entry.name, detail=json.dumps({"reason": reason}))
    yield from record(history, [*history.table.delete(entry), log.record("done", event, stamp)], stamp)
    return entry


def record(
    history: h.History, queries: Sequence[Query], stamp: log.Stamp, *, before: Sequence[Query] = ()
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
    unchanged = assertions.assert_unchanged(assertions.HistoryState.of(history))
    try:
        yield Batch([*before, *history.setup(), unchanged, *queries])
    except (AmbiguousError, QueryError) as error:
        moved = f"no such table: {history.table.name}"  # to another table
        changed = next((text for text in (*_CHANGED, moved) if text in str(error)), None)
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


_CHANGED = (assertions.CHANGED_MEANWHILE, assertions.SCHEMA_CHANGED, *log.RACES)


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
