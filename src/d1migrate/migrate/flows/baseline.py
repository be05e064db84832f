"""Beginning a history in a database that has none, with one file that builds what it holds."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from d1migrate.errors import HistoryError
from d1migrate.migrate import assertions
from d1migrate.migrate import history as h
from d1migrate.migrate.adopt.initial import own
from d1migrate.migrate.flows.read import read_history
from d1migrate.migrate.flows.repair import record
from d1migrate.migrate.status import compare, refuse_partial
from d1migrate.schema import introspect
from d1migrate.sql.batch import Batch

if TYPE_CHECKING:
    from d1migrate.migrate.flows.steps import NewStamp
    from d1migrate.migrate.migration import Migration
    from d1migrate.migrate.wrangler_table import Mirror
    from d1migrate.schema.model import Schema
    from d1migrate.sql.batch import Flow


class Found(NamedTuple):
    """A database as it was found: its schema without histories, its history, and a mark of the schema."""

    schema: Schema
    history: h.History
    mark: str


def find(mirror: Mirror | None = None) -> Flow[Found]:
    """Read a database that is to get its first file.

    Raises:
        HistoryError: migrations are recorded already.
    """
    history = yield from read_history()
    refuse_partial(compare((), history))
    if history.applied:
        raise HistoryError(
            f"{len(history.applied)} migrations are recorded already, up to {history.applied[-1].name}",
            hint="a history begins once; `d1migrate verify` tells how schema and files differ",
        )
    *schema, mark = yield Batch((*introspect.QUERIES, assertions.SCHEMA_MARK), reads=True)
    live = own(introspect.read(schema), *([mirror.table] if mirror else ()))
    return Found(live, history, mark.rows[0][0])


def start(
    found: Found, migration: Migration, new_stamp: NewStamp, mirror: Mirror | None = None
) -> Flow[None]:
    """Record the first file as applied, if the database is still as it was found.

    Raises:
        HistoryError: it is not. Nothing was recorded.
    """
    stamp = new_stamp()
    queries = [
        h.insert_row(migration.version, migration.name, stamp.at),
        h.record("done", h.event_of("baseline", migration), stamp),
    ]
    if mirror:
        queries += mirror.of(mirror.table, [migration]).created([migration.version])
    yield from record(found.history, queries, stamp, before=[assertions.assert_schema(found.mark)])
