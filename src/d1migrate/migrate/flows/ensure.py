"""What a Worker asks on every request: one row shows that nothing is pending.

Everything else is imported when the row does not show it.
"""

from __future__ import annotations

from d1migrate.errors import QueryError
from d1migrate.migrate.flows.report import Report
from d1migrate.migrate.table import LOG_TABLE
from d1migrate.migrate.up_to_date import (
    is_complete,
    is_up_to_date,
    notes_query,
    state_lines,
    state_query,
)
from d1migrate.sql.batch import Batch

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from d1migrate.migrate import history as h
    from d1migrate.migrate.flows.steps import NewStamp
    from d1migrate.migrate.migration import Migration
    from d1migrate.migrate.selector import Selector
    from d1migrate.migrate.table import MigrationsTable
    from d1migrate.migrate.table_choice import TableChoice
    from d1migrate.sql.batch import Flow


def ensure(
    migrations: Sequence[Migration],
    choice: TableChoice,
    new_stamp: NewStamp,
    *,
    to: Selector | None = None,
    allow_out_of_order: bool = False,
    accept_newer: bool = False,
    notes_index: bool = False,
) -> Flow[Report]:
    """Apply what is pending, for a Worker on every request; usually one query shows that nothing is.

    Arguments, result and errors are those of `up`.
    """
    wanted = migrations
    if to is not None:
        from d1migrate.migrate.selector import up_to

        wanted = up_to(migrations, to)
    if notes_index and (yield from _is_complete(migrations, choice.guess)):
        return Report(())
    history = yield from _history_unless_done(migrations, wanted, choice, accept_newer=accept_newer)
    if history is None:
        return Report(())
    from d1migrate.migrate.flows import up

    report = yield from up.up(
        migrations,
        choice,
        new_stamp,
        to=to,
        allow_out_of_order=allow_out_of_order,
        accept_newer=accept_newer,
        notes_index=notes_index,
        known=history,
    )
    if not report.results and history.missing == (LOG_TABLE,):
        # Only wrangler has migrated so far. With a log, the next call needs one query if nothing is pending.
        yield from up.create_log(history)
    return report


def _history_unless_done(
    migrations: Sequence[Migration], wanted: Sequence[Migration], choice: TableChoice, *, accept_newer: bool
) -> Flow[h.History | None]:
    """Return the history; None if one row of it shows that there is nothing to do."""
    table = choice.guess
    try:
        (state,) = yield Batch((state_query(table),), reads=True)
    except QueryError as error:
        return (yield from _history_after(error, choice, table))
    row = state.rows[0]
    is_done = is_up_to_date(wanted, table, *row)
    if is_done or (accept_newer and is_up_to_date(migrations, table, *row, accept_newer=True)):
        return None
    return (yield from _history(choice))


def _is_complete(migrations: Sequence[Migration], table: MigrationsTable) -> Flow[bool]:
    """Return whether the newest row of the log notes that exactly these files are applied."""
    try:
        (newest,) = yield Batch((notes_query(table),), reads=True)
    except QueryError:  # a table is missing: the next query shows what there is
        return False
    return bool(newest.rows) and is_complete(migrations, newest.rows[0][0])


def read_pending(migrations: Sequence[Migration], choice: TableChoice) -> Flow[tuple[str, ...]]:
    """Return the names of migrations that are not applied; usually with one query of one row.

    Raises:
        PartiallyApplied: a migration began and did not finish.
        HistoryError: as `read_history`, or another table has the history.
    """
    table = choice.guess
    try:
        (state,) = yield Batch((state_query(table),), reads=True)
    except QueryError as error:
        history = yield from _history_after(error, choice, table)
    else:
        lines, partial = state.rows[0]
        if lines and not partial:
            keys = {key for key, *_ in state_lines(lines)}
            return tuple(m.name for m in migrations if str(table.key_of(m)) not in keys)
        history = yield from _history(choice)  # an empty table may not be the one that is used
    from d1migrate.migrate.refusals import refuse_partial, refuse_problems
    from d1migrate.migrate.status import compare

    refuse_partial(compare(migrations, history))
    if not history.applied:
        refuse_problems(history.problems)
    return tuple(m.name for m in migrations if history.table.key_of(m) not in history.keys)


def _history(choice: TableChoice) -> Flow[h.History]:
    """Read the history after the query of one row."""
    from d1migrate.migrate.flows.read import read_history

    return (yield from read_history(choice, reads=2))


def _history_after(error: QueryError, choice: TableChoice, table: MigrationsTable) -> Flow[h.History]:
    """Read the history after the query of one row failed."""
    from d1migrate.migrate.flows.read import read_history_after

    return (yield from read_history_after(error, choice, table, reads=1))
