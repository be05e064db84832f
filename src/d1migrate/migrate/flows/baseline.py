"""Record files that a database has without having run them: existing files, or one written for it.

Nothing here proves that it has them; `adopt` does.
"""

from __future__ import annotations

from d1migrate.errors import HistoryError
from d1migrate.migrate import assertions, log
from d1migrate.migrate.flows.read import read_history
from d1migrate.migrate.flows.repair import record
from d1migrate.migrate.jobs.objects import without_job
from d1migrate.migrate.other_tools import DJANGO, without_histories
from d1migrate.migrate.refusals import (
    refuse_open_job,
    refuse_partial,
    refuse_renamed,
    refuse_unwritable,
    refuse_without_key,
)
from d1migrate.migrate.selector import Selector, up_to
from d1migrate.migrate.status import compare
from d1migrate.named_tuple import NamedTuple
from d1migrate.schema import introspect
from d1migrate.sql.batch import Batch

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from d1migrate.migrate import history as h
    from d1migrate.migrate.flows.steps import NewStamp
    from d1migrate.migrate.migration import Migration
    from d1migrate.migrate.table_choice import TableChoice
    from d1migrate.schema.model import Schema
    from d1migrate.sql.batch import Flow, Query


def baseline(
    migrations: Sequence[Migration], choice: TableChoice, new_stamp: NewStamp, *, to: Selector
) -> Flow[tuple[Migration, ...]]:
    """Record every file up to `to` as applied, without checking the schema.

    Returns:
        What was recorded; nothing if all of it was recorded before.

    Raises:
        UsageError: there is no such file, or there are several.
        HistoryError: another run changed the history meanwhile, a file is applied under another name, or a
            job is open.
    """
    wanted = set(up_to(migrations, to))
    history = yield from read_history(choice)
    entries = compare(migrations, history)
    refuse_unwritable(history, entries)
    refuse_open_job(history)
    refuse_partial(entries)
    refuse_renamed([entry for entry in entries if entry.migration in wanted])
    pending = [entry for entry in entries if entry.migration in wanted and not entry.applied]
    refuse_without_key(pending, entries, history.table)
    todo = tuple(entry.migration for entry in pending if entry.migration)
    if todo:
        stamp = new_stamp()
        queries: list[Query] = []
        for migration in todo:
            queries += history.table.insert(migration, stamp.at)
            queries.append(log.record("done", log.event_of("baseline", migration), stamp))
        yield from record(history, queries, stamp)
    return todo


class LiveDatabase(NamedTuple):
    """A database to write a file for.

    Attributes:
        schema: what it holds, without history tables; in a first file, Django's is kept.
        history: its history.
        mark: a mark of the schema, to notice changes.
    """

    schema: Schema
    history: h.History
    mark: str


def read_empty_history(choice: TableChoice) -> Flow[LiveDatabase]:
    """Read a database to write a first file for.

    Raises:
        HistoryError: migrations are already recorded, or a job is open.
    """
    database = yield from read_database(choice, keep=[DJANGO])
    history = database.history
    refuse_open_job(history)
    refuse_partial(compare((), history))
    if history.applied:
        raise HistoryError(
            f"{len(history.applied)} migrations are already recorded, up to {history.applied[-1].name}",
            hint="`d1migrate verify` shows how schema and files differ",
        )
    return database


def read_database(choice: TableChoice, keep: Iterable[str] = ()) -> Flow[LiveDatabase]:
    """Read a database to write a file for, with the history tables of other tools that are to be kept."""
    history = yield from read_history(choice)
    *answers, mark = yield Batch((*introspect.QUERIES, assertions.SCHEMA_MARK), reads=True)
    schema = without_job(introspect.read(answers), history.job)
    live = without_histories(schema, choice.wrangler, history.table.name, keep=keep)
    return LiveDatabase(live, history, mark.rows[0][0])


def record_written(database: LiveDatabase, migration: Migration, new_stamp: NewStamp) -> Flow[None]:
    """Record a file that was written for a database as applied, if neither changed since it was read.

    Raises:
        HistoryError: it has. Nothing was recorded.
    """
    stamp = new_stamp()
    queries = [
        *database.history.table.insert(migration, stamp.at),
        log.record("done", log.event_of("baseline", migration), stamp),
    ]
    yield from record(database.history, queries, stamp, before=[assertions.assert_schema(database.mark)])
