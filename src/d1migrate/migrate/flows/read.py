"""Read the history and the schema of a database, in as few requests as possible.

What the log has besides is in `read_log`.
"""

from __future__ import annotations

from d1migrate.errors import HistoryError, QueryError
from d1migrate.migrate import history as h
from d1migrate.migrate import log
from d1migrate.migrate.history_queries import EMPTY, Layout, found_in, history_of, queries
from d1migrate.migrate.status import Entry, compare
from d1migrate.migrate.table import LOG_TABLE, MigrationsTable
from d1migrate.migrate.table_choice import USUAL, TableChoice
from d1migrate.sql.batch import Batch, Result, count_rows
from d1migrate.sql.names import JOB_TABLE, fold, is_job_table

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from d1migrate.migrate.jobs.job import Job
    from d1migrate.migrate.migration import Migration
    from d1migrate.schema.model import Schema, Table
    from d1migrate.sql.batch import Flow


def read_history(choice: TableChoice = USUAL, *, reads: int = 1, token: str | None = None) -> Flow[h.History]:
    """Read the history; one request if the tables are those that the choice expects, else up to three.

    Args:
        choice: how to choose the migrations table.
        reads: the number of this request, from 1.
        token: the token of a batch to look up in the log.

    Raises:
        HistoryError: a history table is another tool's, or is missing while the log exists.
    """
    table = choice.first_guess
    guess = Layout(table, LOG_TABLE)
    try:
        answers = yield _batch(choice, guess, token)
    except QueryError as error:
        return (yield from read_history_after(error, choice, table, reads=reads, token=token))
    return (yield from _complete(choice, guess, answers, reads, token))


def read_history_after(
    error: QueryError, choice: TableChoice, table: MigrationsTable, *, reads: int, token: str | None = None
) -> Flow[h.History]:
    """Read the history after a query of it failed because a table is missing; raise any other error.

    Args:
        error: the error of the query.
        choice: how to choose the migrations table.
        table: the table of the query.
        reads: the number of that request, from 1.
        token: as for `read_history`.
    """
    if "no such" not in str(error) or reads > 2:  # table; or column, if the table is another tool's
        raise error
    # SQLite resolves names in order: if the log was missing, the table before it exists.
    guess = Layout(table if LOG_TABLE in str(error) else None)
    try:
        answers = yield _batch(choice, guess)
    except QueryError:  # it has other columns; its shape shows whose it is
        guess, answers = EMPTY, (yield _batch(choice, EMPTY))
    return (yield from _complete(choice, guess, answers, reads + 1, token))


def _batch(choice: TableChoice, layout: Layout, token: str | None = None) -> Batch:
    looked_up = (log.done_by(token, layout.log),) if token and layout.log else ()
    return Batch((*queries(choice, layout), *looked_up), reads=True)


def _complete(
    choice: TableChoice, layout: Layout, answers: Sequence[Result], reads: int, token: str | None
) -> Flow[h.History]:
    """Return the history, once everything that exists has been read.

    Args:
        choice: as for the queries.
        layout: that of the queries.
        answers: their answers.
        reads: the number of that request.
        token: the token that they look up.
    """
    found = found_in(choice, answers)
    layout, sent = found.layout, layout
    if layout != sent:
        if reads > _MOST_READS:
            raise HistoryError("the history tables were created or dropped while they were being read")
        try:
            answers = yield _batch(found.choice, layout, token)
        except QueryError as error:
            if not is_moved(error):
                raise
            layout = layout._replace(log=LOG_TABLE)
            answers = yield _batch(found.choice, layout, token)
        return (yield from _complete(found.choice, layout, answers, reads + 1, token))
    history = history_of(found, answers)
    if token and layout.log:
        history = history._replace(has_token=bool(answers[-1].rows[0][0]))
    history = yield from _without_empty_histories(history._replace(reads=reads))
    return (yield from _with_job(history, choice, token))


def _with_job(history: h.History, choice: TableChoice, token: str | None) -> Flow[h.History]:
    """Read the open job, if the leftovers show that there is one."""
    if not any(is_job_table(name) for name in history.leftovers):
        return history
    from d1migrate.migrate.jobs.objects import owns

    job, reads = (yield from read_job()), history.reads + 1
    if job is None:  # it has ended meanwhile
        return (yield from read_history(choice, reads=reads, token=token))
    others = tuple(name for name in history.leftovers if not owns(job, name))
    return history._replace(job=job, leftovers=others, reads=reads)


def read_job() -> Flow[Job | None]:
    """Read the job that was seen to be open; None if it has ended meanwhile.

    Raises:
        HistoryError: its table is damaged.
    """
    from d1migrate.migrate.jobs import job

    try:
        (found,) = yield Batch((job.READ,), reads=True)
    except QueryError as error:
        if "no such column" in str(error):
            raise HistoryError(f"{JOB_TABLE} is damaged: {error}", hint=job.END_BY_HAND) from error
        if job.MISSING not in str(error):
            raise
        return None
    if len(found.rows) != 1:
        raise HistoryError(
            f"{JOB_TABLE} is damaged: it has {len(found.rows)} rows, expected 1", hint=job.END_BY_HAND
        )
    return job.Job.of(found.rows[0])


_MOST_READS = 5


def is_moved(error: QueryError) -> bool:
    """Whether a query failed because another run has moved the old log meanwhile."""
    return f"no such table: {log.OLD_LOG}" in str(error)


def _without_empty_histories(found: h.History) -> Flow[h.History]:
    """Ignore empty tables of other tools, if the database has no other objects: they are not a history."""
    others = found.other_tools
    if not others or len(others) < len(found.unmanaged):
        return found
    counts = yield Batch([count_rows(table) for table in others], reads=True)
    full = tuple(table for table, n in zip(others, counts, strict=True) if n.rows[0][0])
    return found._replace(unmanaged=full, other_tools=full, reads=found.reads + 1)


def read_schema(choice: TableChoice) -> Flow[Schema]:
    """Read the live schema, without history tables, an open job, and what SQLite and D1 keep."""
    from d1migrate.migrate.jobs.objects import has_job, without_job
    from d1migrate.schema import introspect

    while True:
        schema = introspect.read((yield Batch(introspect.QUERIES, reads=True)))
        if not has_job(schema):
            return schema_in(schema, choice)
        if job := (yield from read_job()):
            return schema_in(without_job(schema, job), choice)


def schema_in(schema: Schema, choice: TableChoice) -> Schema:
    """Return a live schema without the history tables."""
    own = {fold(name) for name in (choice.wrangler, choice.configured) if name}
    tables = (table for table in schema.tables if fold(table.name) not in own or not _is_history(table))
    return schema._replace(tables=tuple(tables))


def _is_history(table: Table) -> bool:
    return {"name", "applied_at"} <= {fold(column.name) for column in table.columns}


def read_current(choice: TableChoice = USUAL) -> Flow[h.AppliedMigration | None]:
    """Return the applied migration that comes last in wrangler's order; None if none is applied.

    Raises:
        HistoryError: as `read_history`.
    """
    return (yield from read_history(choice)).current


def status(migrations: Sequence[Migration], choice: TableChoice) -> Flow[tuple[Entry, ...]]:
    """Compare files and database."""
    return compare(migrations, (yield from read_history(choice)))


def read_history_and_schema(choice: TableChoice) -> Flow[tuple[h.History, Schema]]:
    """Read history and schema of the same moment: two requests, repeated if the history changes.

    The schema has the history tables, and not what an open job created.
    """
    from d1migrate.migrate.assertions import is_same_history
    from d1migrate.migrate.jobs.objects import has_job, without_job
    from d1migrate.schema import introspect

    while True:
        history = yield from read_history(choice)
        *answers, same = yield Batch((*introspect.QUERIES, is_same_history(history)), reads=True)
        schema = without_job(introspect.read(answers), history.job)
        if same.rows[0][0] and not has_job(schema):
            return history, schema
