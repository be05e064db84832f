"""Read the state of one database of a fleet, as flows."""

from __future__ import annotations

from d1migrate.errors import HistoryError, QueryError
from d1migrate.fleet.plan import KnownState
from d1migrate.fleet.state_text import select_text, text_sql
from d1migrate.migrate.flows.read import read_history
from d1migrate.migrate.history import DAMAGED
from d1migrate.migrate.history_queries import EMPTY, Layout
from d1migrate.migrate.table import LOG_TABLE
from d1migrate.sql.batch import Batch

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from d1migrate.fleet.plan import FleetPlan
    from d1migrate.schema.model import Schema
    from d1migrate.sql.batch import Flow, Query, Result

_MOST_READS = 6


def read_state_and(plan: FleetPlan, queries: Sequence[Query]) -> Flow[tuple[KnownState, Sequence[Result]]]:
    """Read the state of a database, and the answers to queries at the same moment.

    One request, unless its history tables are not those of the others.
    """
    guess = plan.guess()
    return (yield from _read_and(plan, guess.layout if guess else None, queries))


def read_schema(plan: FleetPlan, layout: Layout) -> Flow[tuple[Schema, KnownState]]:
    """Return the schema of a database, and its state at the same moment."""
    from d1migrate.migrate.flows.read import schema_in
    from d1migrate.schema import introspect

    state, answers = yield from _read_and(plan, layout, introspect.QUERIES)
    return schema_in(introspect.read(answers), plan.choice), state


def learn_or_read(plan: FleetPlan, layout: Layout, text: str) -> Flow[KnownState]:
    """Return the state with a text; it is read if other tables exist, or if the text was cut."""
    try:
        found = plan.learn(layout, text)
    except ValueError:
        found = layout
    return found if isinstance(found, KnownState) else (yield from read_state(plan, found))


def read_state(plan: FleetPlan, layout: Layout | None = None) -> Flow[KnownState]:
    """Read the state of a database.

    Args:
        plan: the plan.
        layout: the history tables that it is likely to have; by default, those that the files suggest.

    Raises:
        HistoryError: its history cannot be read.
    """
    return (yield from _read_and(plan, layout, ()))[0]


def _read_and(
    plan: FleetPlan, layout: Layout | None, queries: Sequence[Query]
) -> Flow[tuple[KnownState, Sequence[Result]]]:
    """Read the state of a database, with other history tables if it does not have those of the layout."""
    layout = layout or Layout(plan.choice.first_guess, LOG_TABLE)
    for _ in range(_MOST_READS):
        query = select_text(text_sql(plan.choice, layout))
        try:
            *answers, last = yield Batch([*queries, query], reads=True)
            learned = plan.learn(layout, str(last.rows[0][0]))
        except (QueryError, ValueError) as error:
            if layout != EMPTY and isinstance(error, QueryError) and "no such" in str(error):
                layout = EMPTY
                continue
            yield from _refuse_unreadable(plan)
            raise
        if isinstance(learned, KnownState):
            return learned, answers
        layout = learned
    raise HistoryError("the history tables were created or dropped while they were being read")


def _refuse_unreadable(plan: FleetPlan) -> Flow[None]:
    """Raise HistoryError for a history that is no text: JSON cannot hold a blob."""
    plan.plan_from((yield from read_history(plan.choice)))
    raise HistoryError("a history table has values that JSON cannot hold", hint=DAMAGED)
