"""Telling history what is so: baseline, accept, forget. None of them runs SQL of a migration."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from d1migrate import history as h
from d1migrate.batch import Batch
from d1migrate.errors import UsageError
from d1migrate.flows.read import read_history
from d1migrate.status import Entry, compare, refuse_partial

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from d1migrate.batch import Flow
    from d1migrate.flows.migrate import Sign
    from d1migrate.migration import Migration


def baseline(migrations: Sequence[Migration], sign: Sign, *, to: int) -> Flow[tuple[Migration, ...]]:
    """Record every file up to `to` as applied, running nothing: the user vouches for the schema.

    Returns:
        What was recorded; nothing where all of it was already.

    Raises:
        UsageError: there is no file of that version.
    """
    if to not in {migration.version for migration in migrations}:
        raise UsageError(f"there is no migration file of version {to}")
    history = yield from read_history()
    refuse_partial(compare(migrations, history))
    todo = tuple(m for m in migrations if m.version <= to and m.version not in history.versions)
    if todo:
        signature = sign()
        queries = [
            *h.create_tables(history.missing),
            h.assert_unchanged(h.Fingerprint.of(history.versions), full=True),
        ]
        for migration in todo:
            queries.append(h.insert_row(migration.version, migration.name, signature.at))
            queries.append(h.record("done", h.event_of("baseline", migration), signature))
        yield Batch(queries)
    return todo


def accept(migrations: Sequence[Migration], sign: Sign, *, version: int, reason: str) -> Flow[Entry]:
    """Record a file as it is now: edited since it was applied, renumbered, or finished by hand.

    Raises:
        UsageError: there is no such file, or nothing about it disagrees with the database.
    """
    history = yield from read_history()
    entry = _entry(compare(migrations, history), version)
    if entry.migration is None or entry.state not in ("changed", "renumbered", "partial"):
        raise UsageError(
            f"nothing to accept: {entry.name} is {entry.state}",
            hint="--accept is for files that are changed, renumbered or partial",
        )
    signature, detail = sign(), json.dumps({"reason": reason})
    queries = [
        *h.create_tables(history.missing),
        h.assert_unchanged(h.Fingerprint.of(history.versions), full=True),
    ]
    at = signature.at
    if entry.was is not None:
        old = next(row for row in history.applied if row.version == entry.was)
        at = old.applied_at
        queries.append(h.delete_row(old.version))
        queries.append(h.record("done", h.Event("forget", old.version, old.name, detail=detail), signature))
    queries.append(h.insert_row(version, entry.name, at))
    event = h.event_of("accept", entry.migration)._replace(detail=detail)
    yield Batch([*queries, h.record("done", event, signature)])
    return entry


def forget(migrations: Sequence[Migration], sign: Sign, *, version: int, reason: str) -> Flow[Entry]:
    """Take a version out of the migrations table: its file was removed on purpose, or it was undone by hand.

    Raises:
        UsageError: the version is neither missing its file nor partial.
    """
    history = yield from read_history()
    entry = _entry(compare(migrations, history), version)
    if entry.state not in ("missing", "partial"):
        raise UsageError(
            f"nothing to forget: {entry.name} is {entry.state}",
            hint="to take an applied migration back, use `d1migrate down`",
        )
    event = h.Event("forget", version, entry.name, detail=json.dumps({"reason": reason}))
    yield Batch(
        [
            *h.create_tables(history.missing),
            h.assert_unchanged(h.Fingerprint.of(history.versions), full=True),
            h.delete_row(version),
            h.record("done", event, sign()),
        ]
    )
    return entry


def _entry(entries: Iterable[Entry], version: int) -> Entry:
    for entry in entries:
        if entry.version == version:
            return entry
    raise UsageError(f"there is no version {version}, neither as a file nor in the database")
