"""Begin the history of a database that has none, running nothing: from existing files, or from a new one."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from d1migrate.errors import HistoryError, UsageError
from d1migrate.migrate import assertions
from d1migrate.migrate import history as h
from d1migrate.migrate.flows.read import read_history
from d1migrate.migrate.flows.repair import record
from d1migrate.migrate.other_tools import without_histories
from d1migrate.migrate.status import compare, refuse_partial, refuse_renumbered
from d1migrate.schema import introspect
from d1migrate.sql.batch import Batch

if TYPE_CHECKING:
    from collections.abc import Sequence

    from d1migrate.migrate.flows.steps import NewStamp
    from d1migrate.migrate.migration import Migration
    from d1migrate.migrate.wrangler_table import Mirror
    from d1migrate.schema.model import Schema
    from d1migrate.sql.batch import Flow, Query


def baseline(
    migrations: Sequence[Migration], new_stamp: NewStamp, mirror: Mirror | None = None, *, to: int
) -> Flow[tuple[Migration, ...]]:
    """Record every file up to `to` as applied, without checking the schema.

    Returns:
        What was recorded; nothing if all of it was recorded before.

    Raises:
        UsageError: there is no file of that version.
        HistoryError: another run changed the history meanwhile, or a file is applied under another number.
    """
    if to not in {migration.version for migration in migrations}:
        raise UsageError(f"there is no version {to}")
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
        queries += mirror.create([*history.versions, *(m.version for m in todo)]) if mirror else ()
        yield from record(history, queries, stamp)
    return todo


class LiveDatabase(NamedTuple):
    """A database to write a first file for.

    Attributes:
        schema: what it holds, without history tables.
        history: its history, which is empty.
        mark: a mark of the schema, to notice changes.
    """

    schema: Schema
    history: h.History
    mark: str


def read_database(mirror: Mirror | None = None) -> Flow[LiveDatabase]:
    """Read a database to write a first file for.

    Raises:
        HistoryError: migrations are already recorded.
    """
    history = yield from read_history()
    refuse_partial(compare((), history))
    if history.applied:
        raise HistoryError(
            f"{len(history.applied)} migrations are already recorded, up to {history.applied[-1].name}",
            hint="`d1migrate verify` shows how schema and files differ",
        )
    *schema, mark = yield Batch((*introspect.QUERIES, assertions.SCHEMA_MARK), reads=True)
    live = without_histories(introspect.read(schema), *([mirror.table] if mirror else ()))
    return LiveDatabase(live, history, mark.rows[0][0])


def record_first(
    database: LiveDatabase, migration: Migration, new_stamp: NewStamp, mirror: Mirror | None = None
) -> Flow[None]:
    """Record the first file as applied, if the database has not changed since it was read.

    Raises:
        HistoryError: it has. Nothing was recorded.
    """
    stamp = new_stamp()
    queries = [
        h.insert_row(migration.version, migration.name, stamp.at),
        h.record("done", h.event_of("baseline", migration), stamp),
    ]
    if mirror:
        queries += mirror.of(mirror.table, [migration]).create([migration.version])
    yield from record(database.history, queries, stamp, before=[assertions.assert_schema(database.mark)])
