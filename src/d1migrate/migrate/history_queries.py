"""The queries that read a history, and what their answers mean; `flows.read` sends them."""

from __future__ import annotations

from d1migrate.errors import HistoryError
from d1migrate.migrate import history as h
from d1migrate.migrate import log, table_decision
from d1migrate.migrate.other_tools import COMPANIONS, OTHER_TOOLS
from d1migrate.migrate.survey import Survey
from d1migrate.migrate.table import LOG_TABLE, MigrationsTable, VersionTable
from d1migrate.named_tuple import NamedTuple
from d1migrate.sql.names import fold

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from d1migrate.migrate.table_choice import TableChoice
    from d1migrate.sql.batch import Query, Result


class Layout(NamedTuple):
    """The history tables that exist, so that queries may name them.

    Attributes:
        table: the migrations table, perhaps with wrangler's beside it; None if there is none.
        log: the rows of the log, as `log.rows_of` returns them; "" if there is none.
    """

    table: MigrationsTable | None = None
    log: str = ""

    @property
    def tables(self) -> tuple[MigrationsTable, ...]:
        """The migrations table, and wrangler's beside it."""
        if isinstance(self.table, VersionTable) and self.table.exists:
            return self.table, self.table.beside
        return () if self.table is None else (self.table,)


EMPTY = Layout()
"""That of a database without history tables."""


def queries(choice: TableChoice, layout: Layout) -> tuple[Query, ...]:
    """Return the queries for a history.

    They are two for a survey; one for the leftovers of rebuilds, for the rows of each table, and for objects;
    and of a log, one for its newest rows and one for its head.
    """
    tables, logged = layout.tables, layout.log
    empty = [*(one.sql for one in tables), *([logged] if logged else [])]
    return (
        *table_decision.queries(choice),
        h.LEFTOVERS,
        *(one.rows for one in tables),
        h.objects(unless_rows_in=empty),
        *((log.latest(logged), log.head(logged)) if logged else ()),
    )


class Found(NamedTuple):
    """What a survey found.

    Attributes:
        choice: how to choose the migrations table, given what exists.
        survey: what exists.
        layout: the history tables that exist.
        lacking: the columns that the log lacks.
    """

    choice: TableChoice
    survey: Survey
    layout: Layout
    lacking: tuple[str, ...]


def found_in(choice: TableChoice, answers: Sequence[Result]) -> Found:
    """Return what the answers to the first two queries show; if it is another layout, they are sent again.

    Raises:
        HistoryError: a history table is another tool's.
    """
    survey = Survey.of(answers[0].rows, answers[1].rows)
    choice = table_decision.given(choice, survey)
    table = table_decision.found(choice, survey)
    there = tuple(name for name in (LOG_TABLE, log.OLD_LOG) if survey.is_log(name))
    lacking = log.missing_columns(c.name for c in survey.columns(LOG_TABLE)) if LOG_TABLE in there else ()
    return Found(choice, survey, Layout(table, log.rows_of(there, lacking) if there else ""), lacking)


def history_of(found: Found, answers: Sequence[Result]) -> h.History:
    """Return the history that the answers to all queries describe, for the layout that they were sent for.

    Raises:
        HistoryError: a history table is damaged or of another shape, or is missing while the log exists.
    """
    choice, survey, layout, lacking = found
    rest = list(answers[2:])
    leftovers = rest.pop(0)
    tables = [_rows(rest.pop(0)) for _ in layout.tables]
    own, counter = tables[0] if tables else ((), 0)
    beside, counter = tables[1] if len(tables) > 1 else ((), counter)
    hidden = table_decision.history_tables(choice, survey) | COMPANIONS.keys()
    others = [str(name) for name, table in rest.pop(0).rows if fold(str(table)) not in hidden]
    latest = rest.pop(0).rows if layout.log else ()
    head = h.validated(rest.pop(0).rows, LOG_TABLE, h.HEAD_ROW) if layout.log else ()
    table = table_decision.decide(
        choice, survey, layout.table, own=bool(own), beside=bool(beside), logged=bool(latest)
    )
    table_decision.refuse_other_shape(survey, table)
    if layout.table and layout.table.shape != table.shape:
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
        old_log=survey.is_log(log.OLD_LOG),
        lacking=lacking,
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
