"""Correct the recorded history by hand: accept, rename, forget. None of them runs SQL of a migration.

Each is decided first, so that a person can see it, and recorded if the history is still the same. All of
them refuse while a job is open: it asserts what is recorded.
"""

from __future__ import annotations

import json

from d1migrate.errors import AmbiguousError, Error, HistoryError, QueryError, UsageError
from d1migrate.migrate import assertions, log
from d1migrate.migrate.flows.read import read_history
from d1migrate.migrate.flows.read_log import is_committed
from d1migrate.migrate.refusals import (
    refuse_open_job,
    refuse_other_table,
    refuse_problems,
    refuse_without_key,
)
from d1migrate.migrate.selector import Selector, find
from d1migrate.migrate.status import Entry, compare
from d1migrate.named_tuple import NamedTuple
from d1migrate.sql.batch import Batch

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import Literal

    from d1migrate.migrate import history as h
    from d1migrate.migrate.flows.steps import NewStamp
    from d1migrate.migrate.migration import Migration
    from d1migrate.migrate.table_choice import TableChoice
    from d1migrate.sql.batch import Flow, Query


class Correction(NamedTuple):
    """A correction of the recorded history, decided and not recorded yet.

    Attributes:
        action: record a file as it is now; record a migration under another name; or remove its record.
        entry: the migration, as files and history have it.
        history: the history that was read.
        row: for a rename, the record that gets the new name.
    """

    action: Literal["accept", "rename", "forget"]
    entry: Entry
    history: h.History
    row: h.AppliedMigration | None = None


def plan_accept(migrations: Sequence[Migration], choice: TableChoice, wanted: Selector) -> Flow[Correction]:
    """Decide to record a file as it is now: edited since it was applied, finished by hand, or unknown.

    Raises:
        UsageError: there is no such file, or it agrees with the database.
        SourceError: it cannot be read.
    """
    history = yield from _read(choice)
    entry = find(compare(migrations, history), wanted)
    unknown = entry.state == "applied" and entry.checksum is None
    if entry.migration is None or not (unknown or entry.state in ("changed", "partial")):
        raise UsageError(
            f"nothing to accept: {entry.name} is {entry.state}",
            hint="--accept is for files that are changed or partial, or have no checksum yet; `d1migrate"
            " repair` lists what there is to repair",
        )
    refuse_problems(history.problems)
    refuse_without_key([entry], (), history.table)
    if entry.migration.checksum is None and (error := entry.migration.unreadable):
        raise error
    return Correction("accept", entry, history)


def plan_rename(
    migrations: Sequence[Migration], choice: TableChoice, old: Selector, new: Selector
) -> Flow[Correction]:
    """Decide to record an applied migration under the name that its file has now.

    Raises:
        UsageError: no applied migration without a file is `old`, or no file that is not applied is `new`.
        HistoryError: the file has another content.
    """
    history = yield from _read(choice)
    refuse_other_table(history)
    entries = compare(migrations, history)
    gone = [e.applied for e in entries if e.applied and (e.state == "missing" or e.is_renamed)]
    row = find(gone, old)
    entry = find([e for e in entries if e.migration and (e.applied is None or e.is_renamed)], new)
    migration = entry.migration
    if migration is None or (row.checksum and not row.has_content_of(migration)):
        raise HistoryError(
            f"{entry.name} is not {row.name} with another name: its content is different",
            names=(entry.name,),
            hint=f"`d1migrate repair --forget {row.name} --reason …` removes the record of a deleted file",
        )
    refuse_problems(history.problems)
    refuse_without_key([entry], (), history.table)
    return Correction("rename", entry._replace(was=row.name), history, row)


def plan_forget(migrations: Sequence[Migration], choice: TableChoice, wanted: Selector) -> Flow[Correction]:
    """Decide to remove the record of a migration: its file was removed, or it was undone, on purpose.

    Raises:
        UsageError: the migration is neither missing its file nor partially applied.
    """
    history = yield from _read(choice)
    refuse_other_table(history)
    entry = find(compare(migrations, history), wanted)
    if entry.state not in ("missing", "partial"):
        raise UsageError(
            f"nothing to forget: {entry.name} is {entry.state}",
            hint="`d1migrate down` rolls back an applied migration",
        )
    return Correction("forget", entry, history)


def _read(choice: TableChoice) -> Flow[h.History]:
    """Read the history to correct; raises HistoryError if a job is open."""
    history = yield from read_history(choice)
    refuse_open_job(history)
    return history


def correct(found: Correction, new_stamp: NewStamp, *, reason: str) -> Flow[Entry]:
    """Record a correction; return its entry.

    Raises:
        HistoryError: another run changed the history since it was decided. Nothing was recorded.
    """
    stamp = new_stamp()
    yield from record(found.history, list(_queries(found, stamp, reason)), stamp)
    return found.entry


def _queries(found: Correction, stamp: log.Stamp, reason: str) -> Iterator[Query]:
    action, entry, history, row = found
    notes = {"reason": reason} if row is None else {"reason": reason, "was": row.name}
    detail = json.dumps(notes)
    if action == "accept" and not entry.applied:
        yield from history.table.insert(entry, stamp.at)
    elif action == "forget":
        yield from history.table.delete(entry)
        yield log.record("done", log.Event("forget", entry.version, entry.name, detail=detail), stamp)
    elif row is not None:
        yield from history.table.rename(row, entry)
        yield log.record("done", log.Event("forget", row.version, row.name, detail=detail), stamp)
    if entry.migration and action != "forget":
        yield log.record("done", log.event_of("accept", entry.migration)._replace(detail=detail), stamp)


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
            hint="check `d1migrate status`, then run the command again",
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
