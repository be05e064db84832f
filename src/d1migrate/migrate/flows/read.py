"""Read the history and the schema of a database, in as few requests as possible.

What the log has besides is in `read_log`.
"""

from __future__ import annotations

from d1migrate.errors import HistoryError, QueryError
from d1migrate.migrate import history as h
from d1migrate.migrate import log, table_decision
from d1migrate.migrate.other_tools import COMPANIONS, OTHER_TOOLS
from d1migrate.migrate.status import Entry, compare
from d1migrate.migrate.survey import Survey
from d1migrate.migrate.table import LOG_TABLE, MigrationsTable, VersionTable
from d1migrate.migrate.table_choice import USUAL, TableChoice
from d1migrate.sql.batch import Batch, Query, Result, count_rows
from d1migrate.sql.names import fold

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

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
    try:
        answers = yield Batch(_queries(choice, table, LOG_TABLE, token), reads=True)
    except QueryError as error:
        return (yield from read_history_after(error, choice, table, reads=reads, token=token))
    return (yield from _complete(choice, table, LOG_TABLE, answers, reads, token))


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
    guess = table if LOG_TABLE in str(error) else None
    try:
        answers = yield Batch(_queries(choice, guess, "", None), reads=True)
    except QueryError:  # it has other columns; its shape shows whose it is
        guess, answers = None, (yield Batch(_queries(choice, None, "", None), reads=True))
    return (yield from _complete(choice, guess, "", answers, reads + 1, token))


def _queries(
    choice: TableChoice, table: MigrationsTable | None, logged: str, token: str | None
) -> tuple[Query, ...]:
    """Return the queries for what is known to exist.

    Args:
        choice: how to choose the migrations table.
        table: the migrations table, perhaps with wrangler's beside it.
        logged: the rows of the log, as `log.rows_of` returns them; "" if there is none.
        token: the token to look up in them.
    """
    beside = [table.beside] if isinstance(table, VersionTable) and table.exists else []
    tables = [*([table] if table else []), *beside]
    empty = [*(one.sql for one in tables), *([logged] if logged else [])]
    return (
        *table_decision.queries(choice),
        h.LEFTOVERS,
        *(one.rows for one in tables),
        h.objects(unless_rows_in=empty),
        *((log.latest(logged), log.head(logged)) if logged else ()),
        *((log.done_by(token, logged),) if token and logged else ()),
    )


def _complete(
    choice: TableChoice,
    table: MigrationsTable | None,
    logged: str,
    answers: Sequence[Result],
    reads: int,
    token: str | None,
) -> Flow[h.History]:
    """Return the history, once everything that exists has been read.

    Args:
        choice: as for the queries.
        table: as for the queries.
        logged: as for the queries.
        answers: their answers.
        reads: the number of that request.
        token: as for the queries.
    """
    survey = Survey.of(answers[0].rows, answers[1].rows)
    choice = table_decision.given(choice, survey)
    found = table_decision.found(choice, survey)
    there = tuple(name for name in (LOG_TABLE, log.OLD_LOG) if survey.is_log(name))
    lacking = log.missing_columns(c.name for c in survey.columns(LOG_TABLE)) if LOG_TABLE in there else ()
    rows = log.rows_of(there, lacking) if there else ""
    if found != table or rows != logged:
        if reads > _MOST_READS:
            raise HistoryError("the history tables were created or dropped while they were being read")
        try:
            answers = yield Batch(_queries(choice, found, rows, token), reads=True)
        except QueryError as error:
            if not is_moved(error):
                raise
            rows = LOG_TABLE
            answers = yield Batch(_queries(choice, found, rows, token), reads=True)
        return (yield from _complete(choice, found, rows, answers, reads + 1, token))
    history = _assembled(choice, survey, found, there, list(answers[2:]))._replace(lacking=lacking)
    if token and there:
        history = history._replace(has_token=bool(answers[-1].rows[0][0]))
    return (yield from _without_empty_histories(history._replace(reads=reads)))


_MOST_READS = 5


def is_moved(error: QueryError) -> bool:
    """Whether a query failed because another run has moved the old log meanwhile."""
    return f"no such table: {log.OLD_LOG}" in str(error)


def _assembled(
    choice: TableChoice,
    survey: Survey,
    found: MigrationsTable | None,
    logs: Sequence[str],
    answers: list[Result],
) -> h.History:
    """Return the history that the answers after the survey describe."""
    leftovers = answers.pop(0)
    own, counter = _rows(answers.pop(0)) if found else ((), 0)
    beside, counter = (
        _rows(answers.pop(0)) if isinstance(found, VersionTable) and found.exists else ((), counter)
    )
    hidden = table_decision.history_tables(choice, survey) | COMPANIONS.keys()
    others = [str(name) for name, table in answers.pop(0).rows if fold(str(table)) not in hidden]
    latest = answers.pop(0).rows if logs else ()
    head = h.validated(answers.pop(0).rows, LOG_TABLE, h.HEAD_ROW) if logs else ()
    table = table_decision.decide(
        choice, survey, found, own=bool(own), beside=bool(beside), logged=bool(latest)
    )
    table_decision.refuse_other_shape(survey, table)
    if found and found.shape != table.shape:
        own, beside = beside, own
    missing = tuple(name for name in (table.name, LOG_TABLE) if not survey.columns(name))
    if table.name in missing and latest and not (own or beside):
        _refuse_log_alone(table)
    history = h.read_rows(table, h.Rows(own, beside, latest, counter))
    unmanaged = () if own or latest else tuple(others)
    return history._replace(
        missing=missing,
        unmanaged=unmanaged,
        other_tools=tuple(name for name in unmanaged if fold(name) in OTHER_TOOLS),
        leftovers=tuple(str(name) for (name,) in leftovers.rows),
        head="".join(token for (token,) in head),
        problems=table_decision.problems(choice, survey, table, own, beside),
        other=_other(choice, beside) if beside and table.shape == "names" else None,
        old_log=log.OLD_LOG in logs,
    )


def _other(choice: TableChoice, rows: Sequence[tuple[Any, ...]]) -> h.OtherTable:
    table = VersionTable(choice.versions)
    return h.OtherTable(table, tuple(h.recorded(table, rows)))


def _rows(answer: Result) -> tuple[Sequence[tuple[Any, ...]], int | None]:
    """Return the rows of a migrations table, and the counter of wrangler's, which it has without rows too."""
    counter = answer.rows[0][3] if answer.rows and len(answer.rows[0]) > 3 else 0
    return [row for row in answer.rows if row[0] is not None], counter


def _refuse_log_alone(table: MigrationsTable) -> None:
    """Raise HistoryError: the migrations table is missing, and the log has migrations."""
    from d1migrate.migrate.refusals import log_alone

    text = log_alone(table)
    raise HistoryError(text.problem, hint=text.hint)


def _without_empty_histories(found: h.History) -> Flow[h.History]:
    """Ignore empty tables of other tools, if the database has no other objects: they are not a history."""
    others = found.other_tools
    if not others or len(others) < len(found.unmanaged):
        return found
    counts = yield Batch([count_rows(table) for table in others], reads=True)
    full = tuple(table for table, n in zip(others, counts, strict=True) if n.rows[0][0])
    return found._replace(unmanaged=full, other_tools=full, reads=found.reads + 1)


def read_schema(choice: TableChoice) -> Flow[Schema]:
    """Read the live schema, without history tables and what SQLite and D1 keep for themselves."""
    from d1migrate.schema import introspect

    schema = introspect.read((yield Batch(introspect.QUERIES, reads=True)))
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
    """Read history and schema of the same moment: two requests, repeated if the history changes."""
    from d1migrate.migrate.assertions import is_same_history
    from d1migrate.schema import introspect

    while True:
        history = yield from read_history(choice)
        *answers, same = yield Batch((*introspect.QUERIES, is_same_history(history)), reads=True)
        if same.rows[0][0]:
            return history, introspect.read(answers)
