"""Prove that the shadow has the rows of the table, and find the row that a constraint refuses."""

from __future__ import annotations

from d1migrate.migrate.jobs.job import NOT_THE_SAME
from d1migrate.migrate.jobs.online.rows import (
    SIZE,
    about,
    copied,
    key_name,
    logged,
    pages_of,
    refusal,
    same_key,
    value_name,
    valued,
    whole,
)
from d1migrate.migrate.jobs.online.triggers import column, row_of
from d1migrate.migrate.jobs.pages import Pages
from d1migrate.sql.names import HELPER, quote_literal
from d1migrate.sql.names import quote_identifier as q

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from d1migrate.migrate.jobs.online.plan import OnlinePlan
    from d1migrate.sql.batch import Query

_AT_ONCE = 40  # columns of one comparison: D1 allows a query a hundred
_STORED = {"INT": "integer", "INTEGER": "integer", "REAL": "real", "TEXT": "text", "BLOB": "blob"}


def assert_same(plan: OnlinePlan) -> list[Query]:
    """Return the assertions that both tables have the same rows on the page, but for those in the log."""
    return whole([*_assert_copied(plan, pages_of(plan).within()), _assert_no_other(plan)])


def _assert_copied(plan: OnlinePlan, rows: str) -> Iterator[str]:
    compared = [value for value in plan.values if value.compared]
    keys = enumerate(plan.log_key, 1)
    waits = " AND ".join(f"l.{key} = o.{key_name(n)}" for n, key in keys)
    message = f"{about('o', plan)} || ' is another row {NOT_THE_SAME}'"
    for begin in range(0, max(len(compared), 1), _AT_ONCE):
        values = compared[begin : begin + _AT_ONCE]
        pairs = [(f"s.{value.column}", f"o.{value_name(n)}") for n, value in enumerate(values)]
        differs = [f"s.{column(plan.shadow_key[0])} IS NULL"]
        # The plus lets the new column convert the value. BINARY, as by another collation 'a' may equal 'A'.
        differs += [f"{new} IS NOT (+{old}) COLLATE BINARY" for new, old in pairs]
        # And 1 is equal to 1.0.
        typed = [pair for pair, value in zip(pairs, values, strict=True) if value.typed]
        differs += [f"typeof({new}) <> typeof({old})" for new, old in typed]
        yield refusal(
            message,
            f"FROM {valued(plan, rows, values)} AS o"
            f" LEFT JOIN {q(plan.shadow)} AS s ON {same_key(plan, 's', 'o')}"
            f" WHERE ({' OR '.join(differs)})"
            f" AND NOT EXISTS (SELECT 1 FROM {q(plan.log)} AS l WHERE {waits})",
        )


def _assert_no_other(plan: OnlinePlan) -> str:
    rows = Pages(plan.shadow, plan.shadow_key).within("s.")
    keys = " || ', ' || ".join(f"quote(s.{column(k)})" for k in plan.shadow_key)
    pairs = zip(plan.key, plan.shadow_key, strict=True)
    same = " AND ".join(f"t.{column(its)} = s.{column(mine)}" for its, mine in pairs)
    return refusal(
        f"{quote_literal(f'{plan.table} row ')} || {keys} || ' is only {NOT_THE_SAME}'",
        f"FROM {q(plan.shadow)} AS s WHERE {rows}"
        f" AND NOT EXISTS (SELECT 1 FROM {q(plan.table)} AS t WHERE {same})",
    )


def find_row(plan: OnlinePlan, text: str, *, before_cursor: bool) -> list[Query]:
    """Return a batch that names the first row that cannot be copied, and always aborts.

    OR IGNORE skips such rows, so they are missing afterwards. Nothing of this batch is kept.

    Args:
        plan: the rebuild.
        text: the error of the chunk that was refused.
        before_cursor: whether that was a chunk of pages.
    """
    some = logged(plan, SIZE, before_cursor=before_cursor)
    queries = [
        "PRAGMA defer_foreign_keys = ON",
        *_name_refused(plan, f"{row_of(plan.key, f'{q(plan.table)}.')} IN ({some})", text),
    ]
    if before_cursor:
        queries += [pages_of(plan).move().sql, *_name_refused(plan, pages_of(plan).within(), text)]
    return whole([*queries, refusal(quote_literal(text), "")])


def _name_refused(plan: OnlinePlan, rows: str, text: str) -> Iterator[str]:
    message = f"{about('o', plan)} || {quote_literal(f': {text}')}"
    if any(value.strict for value in plan.values):
        yield from _name_mistyped(plan, rows, message)
    yield copied(plan, rows, "IGNORE")
    broken = [f"s.{column(plan.shadow_key[0])} IS NULL"]
    for parent in plan.parents:  # IGNORE does not apply to them
        pairs = list(zip(parent.columns, parent.to, strict=True))
        filled = " AND ".join(f"s.{q(mine)} IS NOT NULL" for mine, _ in pairs)
        same = " AND ".join(f"p.{q(to)} = s.{q(mine)}" for mine, to in pairs)
        broken.append(f"{filled} AND NOT EXISTS (SELECT 1 FROM {q(parent.table)} AS p WHERE {same})")
    yield refusal(
        message,
        f"FROM {valued(plan, rows, ())} AS o LEFT JOIN {q(plan.shadow)} AS s ON {same_key(plan, 's', 'o')}"
        f" WHERE {' OR '.join(broken)}",
    )


def _name_mistyped(plan: OnlinePlan, rows: str, message: str) -> Iterator[str]:
    """Yield what names a row with a value that a STRICT table refuses, which IGNORE does not skip.

    A table that is not STRICT converts values by the same rules, and keeps those that it cannot convert.
    """
    probe = q(f"{HELPER}probe_{plan.number}")
    values = [value for value in plan.values if value.strict][:_AT_ONCE]
    columns = [key_name(n) for n in range(1, len(plan.key) + 1)]
    columns += [f"{value_name(n)} {value.strict}" for n, value in enumerate(values)]
    wrong = [
        f"typeof({value_name(n)}) NOT IN ('{_STORED[value.strict]}', 'null')"
        for n, value in enumerate(values)
    ]
    yield f"CREATE TABLE {probe} ({', '.join(columns)})"
    yield f"INSERT INTO {probe} SELECT * FROM {valued(plan, rows, values)}"
    yield refusal(message, f"FROM {probe} AS o WHERE {' OR '.join(wrong)}")
    yield f"DROP TABLE {probe}"
