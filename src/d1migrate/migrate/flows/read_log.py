"""Read the log: all that happened, and whether a batch was committed."""

from __future__ import annotations

from d1migrate.errors import QueryError
from d1migrate.migrate import history as h
from d1migrate.migrate import log
from d1migrate.migrate.flows.read import is_moved, read_history
from d1migrate.migrate.table import LOG_TABLE
from d1migrate.migrate.table_choice import USUAL, TableChoice
from d1migrate.named_tuple import NamedTuple
from d1migrate.sql.batch import Batch

TYPE_CHECKING = False
if TYPE_CHECKING:
    from d1migrate.sql.batch import Flow


class LogEntry(NamedTuple):
    """One line of history; None is unknown.

    A restore is a `restore` without a migration, whose detail has the restore point; a `restore` for each
    migration that is applied again; and a `rewind` for each that no longer is. On a remote D1, `restoring`
    comes first: the restore began.

    Attributes:
        version, name: the migration; None and "" for what concerns the whole database.
        action: what was done: up, down, baseline, accept, forget, adopt, restore, …
        at: when, in epoch seconds.
        by: who.
        checksum: the checksum of the file.
        token: the token of the batch.
        done: False for what began and did not finish.
        detail: JSON, for `history.notes_of`: the rows that a rollback deleted, the reason for a repair, that
            an `up` was not linted.
        restore_point: the restore point that was taken before.
    """

    version: int | None
    name: str
    action: str
    at: int | None
    by: str | None
    checksum: str | None
    token: str | None
    done: bool
    detail: str | None = None
    restore_point: str | None = None


def read_log(choice: TableChoice = USUAL) -> Flow[tuple[LogEntry, ...]]:
    """Return all that happened, oldest first; what wrangler applied is an `up` without a token."""
    history = yield from read_history(choice)
    events: list[LogEntry] = []
    if history.log:
        try:
            (rows,) = yield Batch((log.events(history.log),), reads=True)
        except QueryError as error:
            if not is_moved(error):
                raise
            return (yield from read_log(choice))
        for token, _, action, version, name, checksum, *rest in h.validated(rows.rows, LOG_TABLE, h.EVENT):
            who, at, done, detail, point = rest
            entry = LogEntry(version, name, action, h.time_of(at), _text(who), checksum, token, bool(done))
            events.append(entry._replace(detail=_text(detail), restore_point=_text(point)))
    key_of = history.table.key_of
    last = {key_of(event): i for i, event in enumerate(events) if event.name}
    for row in reversed(history.applied):  # each is inserted before the events of its time
        at = last.get(key_of(row))
        if at is None or (events[at].done and events[at].action in ("down", "forget", "rewind")):
            alone = LogEntry(row.version, row.name, "up", row.applied_at, None, None, None, True)
            _insert(events, alone, after=-1 if at is None else at)
    return tuple(events)


def _text(value: object) -> str | None:
    return None if value is None else str(value)


def _insert(events: list[LogEntry], alone: LogEntry, *, after: int) -> None:
    """Insert what the log does not have by its time, but not before the position `after`."""
    place = after + 1
    while place < len(events) and (events[place].at or 0) < (alone.at or 0):
        place += 1
    events.insert(place, alone)


def is_committed(token: str) -> Flow[bool]:
    """Return whether the log has the batch with this token, e.g. after its response was lost.

    Raises:
        DriverError: the log cannot be read.
    """
    try:
        (result,) = yield Batch((log.done_by(token),), reads=True)
    except QueryError as error:
        if "no such table" in str(error):
            return False
        raise
    return bool(result.rows[0][0])
