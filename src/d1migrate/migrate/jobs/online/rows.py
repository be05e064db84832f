"""Copy rows from the table to its shadow: statements that several states share."""

from __future__ import annotations

from d1migrate.migrate.jobs.online.triggers import column, row_of
from d1migrate.migrate.jobs.pages import Pages
from d1migrate.sql.batch import Query
from d1migrate.sql.names import HELPER, JOB_TABLE, quote_literal
from d1migrate.sql.names import quote_identifier as q

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from d1migrate.migrate.jobs.online.plan import OnlinePlan, Value

SIZE = f"(SELECT size FROM {JOB_TABLE})"
"""The rows that a chunk may have."""


def whole(statements: Iterable[str]) -> list[Query]:
    """Return statements as queries."""
    return [Query(sql, whole=True) for sql in statements]


def refusal(message: str, rest: str) -> str:
    """Return the statement that aborts its batch (d1-facts §2.3) with a message, which is SQL."""
    return f"SELECT json_extract('{{}}', {message}) {rest}"


def progress(state: str, rows: str = "0") -> Query:
    """Return the statement that counts a chunk and sets the next state, which is SQL."""
    counted = f"rows = rows + {rows}, chunks = chunks + 1, moved_at = unixepoch()"
    return Query(f"UPDATE {JOB_TABLE} SET {counted}, state = {state}", whole=True)


def pages_of(plan: OnlinePlan) -> Pages:
    """Return the pages of the table. Rows that are added after the last of them are in the log."""
    return Pages(plan.table, plan.key)


def drain(plan: OnlinePlan, limit: str, *, before_cursor: bool = False) -> list[Query]:
    """Return the statements that copy the first rows of the log; none of them is in the shadow.

    Args:
        plan: the rebuild.
        limit: how many, as SQL.
        before_cursor: only those of the pages that were copied; the others are copied with their page.
    """
    some = logged(plan, limit, before_cursor=before_cursor)
    rows = f"{row_of(plan.key, f'{q(plan.table)}.')} IN ({some})"
    forget = f"DELETE FROM {q(plan.log)} WHERE {row_of(plan.log_key)} IN ({some})"
    return whole([copied(plan, rows), *assert_kept(plan, rows), forget])


def logged(plan: OnlinePlan, limit: str, *, before_cursor: bool = False) -> str:
    """Return the query of the first keys of the log; arguments as in `drain`."""
    keys = ", ".join(plan.log_key)
    bound = f"(SELECT {', '.join(f'+hi_{n}' for n in range(1, len(plan.key) + 1))} FROM {JOB_TABLE})"
    where = f" WHERE {row_of(plan.log_key)} <= {bound}" if before_cursor else ""
    return f"SELECT {keys} FROM {q(plan.log)}{where} ORDER BY {keys} LIMIT {limit}"


def copied(plan: OnlinePlan, rows: str, conflict: str = "ABORT") -> str:
    """Return the statement that copies the rows for which a condition holds.

    OR ABORT overrides an ON CONFLICT of the new table: a row that breaks a constraint stops the job.
    """
    into = ", ".join(value.column for value in plan.values)
    values = ", ".join(value.sql for value in plan.values)
    return f"INSERT OR {conflict} INTO {q(plan.shadow)} ({into}) SELECT {values} FROM {_held(plan, rows)}"


def assert_kept(plan: OnlinePlan, rows: str) -> Iterator[str]:
    """Yield the assertions that the values of copied rows survived the new types of their columns."""
    for value in plan.values:
        if value.checked:
            new, old = f"s.{value.column}", f"o.{value_name(0)}"
            lost = quote_literal(f": {value.column}, by its new type, would change the value ")
            yield refusal(
                f"{about('o', plan)} || {lost} || substr({old}, 1, 80)",
                f"FROM {valued(plan, rows, [value])} AS o"
                f" JOIN {q(plan.shadow)} AS s ON {same_key(plan, 's', 'o')}"
                f" WHERE typeof({old}) = 'text' AND {old} IS NOT CAST({new} AS TEXT)"
                f" OR typeof({old}) = 'integer' AND {old} IS NOT CAST({new} AS INTEGER)",
            )


def valued(plan: OnlinePlan, rows: str, values: Sequence[Value]) -> str:
    """Return the subquery of some rows: their keys, and some values of the new table."""
    numbers = range(1, len(plan.key) + 1)
    keys = [f"{q(plan.table)}.{column(k)} AS {key_name(n)}" for n, k in zip(numbers, plan.key, strict=True)]
    found = [f"{value.sql} AS {value_name(n)}" for n, value in enumerate(values)]
    return f"(SELECT {', '.join([*map(key_name, numbers), *found])} FROM {_held(plan, rows, *keys)})"


def _held(plan: OnlinePlan, rows: str, *more: str) -> str:
    """Return the subquery that is to a chunk what the hold table is to the file."""
    return f"(SELECT {', '.join([plan.held, *more])} FROM {q(plan.table)} WHERE {rows})"


def value_name(number: int) -> str:
    """Return the name of a value in `valued`."""
    return f"{HELPER}value_{number}"


def key_name(number: int) -> str:
    """Return the name of a column of the key in `valued`; they count from 1."""
    return f"{HELPER}key_{number}"


def same_key(plan: OnlinePlan, shadow: str, old: str) -> str:
    """Return the condition that a row of the shadow and one of `valued` have the same key."""
    names = enumerate(plan.shadow_key, 1)
    return " AND ".join(f"{shadow}.{column(name)} = {old}.{key_name(n)}" for n, name in names)


def about(row: str, plan: OnlinePlan) -> str:
    """Return the SQL of the words that identify a row of `valued`."""
    keys = " || ', ' || ".join(f"quote({row}.{key_name(n)})" for n in range(1, len(plan.key) + 1))
    return f"{quote_literal(f'{plan.table} row ')} || {keys}"
