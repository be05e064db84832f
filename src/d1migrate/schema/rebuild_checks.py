"""Statements that prove, in the transaction of a rebuild, that no table lost rows or links."""

from __future__ import annotations

from d1migrate.sql.names import HELPER, fold, quote_identifier, quote_literal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

OVER_BUDGET = "over the budget of "
"""What a rebuild is refused with if it would write more entries than one batch may."""
_SAMPLED = 50  # rows: a text is read whole for its length; octet_length is not in every SQLite
_SUMMED = 20
_COUNTED = 10  # times the budget: how far entries are counted, so that the message has their number

_COUNTS, _ORPHANS, _INDEX = (
    quote_identifier(f"{HELPER}{name}") for name in ("counts", "orphans", "index_orphans")
)


ORPHAN_CHECK = (
    "SELECT json_extract('{}', 'orphan in ' || \"table\" || ' rowid ' || coalesce(rowid, '?'))"
    " FROM pragma_foreign_key_check"
)
"""A statement that aborts the batch at any row whose parent does not exist."""


def budget_statement(costs: Mapping[str, int], budget: int, rebuilt: Mapping[str, Sequence[str]]) -> str:
    """Return the statement that aborts the batch if rebuilds would write more entries than it may.

    It must be the first of the batch: what runs before it would be wasted. It counts no table
    to its end, because production has stopped such a count of a large one (d1-facts §11).

    Args:
        costs: {table: the entries that the rebuilds write for each of its rows}.
        budget: the most entries.
        rebuilt: {table that is rebuilt: its columns that may hold long values}.
    """
    most = _COUNTED * budget
    entries = " + ".join(
        f"{_per_row(table, cost, rebuilt.get(table, ()))}"
        f" * (SELECT count(*) FROM (SELECT 1 FROM {quote_identifier(table)} LIMIT {most // cost + 1}))"
        for table, cost in costs.items()
    )
    if len(rebuilt) == 1:
        (table,) = rebuilt
        advice = f"the directive `d1migrate: online {table}` rebuilds it in chunks"
    else:
        advice = "rebuild each table in a migration of its own"
    ending = quote_literal(f" entries in one batch: {OVER_BUDGET}{budget:,} ({advice})")
    number = f"iif(n > {most}, 'more than {most:,}', 'about ' || format('%,d', n))"
    return (
        f"SELECT json_extract('{{}}', {number} || {ending}) FROM (SELECT {entries} AS n) WHERE n > {budget}"
    )


def _per_row(table: str, cost: int, columns: Sequence[str]) -> str:
    """Return SQL for the entries of a row; long rows cost more, by the average of the first of them."""
    from d1migrate.schema.cost import BYTES_OF_ENTRY  # `status` needs this module, and not that one

    if not columns:
        return str(cost)
    sizes = [f"ifnull(length({quote_identifier(column)}), 0)" for column in columns]
    # In groups, because a sum of 100 is deeper than D1 allows an expression to be.
    groups = [sizes[at : at + _SUMMED] for at in range(0, len(sizes), _SUMMED)]
    size = " + ".join(f"({' + '.join(group)})" if len(groups) > 1 else " + ".join(group) for group in groups)
    rows = f"(SELECT {size} AS n FROM {quote_identifier(table)} LIMIT {_SAMPLED})"
    return f"({cost} + (SELECT CAST(ifnull(avg(n), 0) AS INTEGER) / {BYTES_OF_ENTRY} FROM {rows}))"


def is_budget_statement(sql: str) -> bool:
    """Whether a statement is a `budget_statement`."""
    return sql.startswith("SELECT json_extract(") and OVER_BUDGET in sql


def count_statements(tables: Sequence[str]) -> list[str]:
    """Return the statements that note how many rows some tables have."""
    rows = ", ".join(f"({quote_literal(t)}, (SELECT count(*) FROM {quote_identifier(t)}))" for t in tables)
    return [
        f"CREATE TABLE {_COUNTS} (name TEXT PRIMARY KEY, rows INTEGER)",
        f"INSERT INTO {_COUNTS} VALUES {rows}",
    ]


def recount_statements(tables: Sequence[str]) -> list[str]:
    """Return the statements that abort the batch if `count_statements` noted another number."""
    checks = [
        f"SELECT json_extract('{{}}', {quote_literal(t + ' had ')} || rows || ' rows, and has ' || now)"
        f" FROM (SELECT rows, (SELECT count(*) FROM {quote_identifier(t)}) AS now FROM {_COUNTS}"
        f" WHERE name = {quote_literal(t)}) WHERE rows <> now"
        for t in tables
    ]
    return [*checks, f"DROP TABLE {_COUNTS}"]


def is_recount(sql: str) -> bool:
    """Whether a statement is one of `recount_statements`: it fails only if rows were lost or added."""
    return _COUNTS in sql and " rows, and has " in sql


def orphan_statements(tables: Sequence[str]) -> list[str]:
    """Return the statements that note which rows of some tables are orphans already.

    Each note is an orphan itself until it is deleted. SQLite counts violations up and down: the orphans that
    a rebuild deletes and inserts again would count as new ones if the notes did not balance them.
    """
    return [
        f"CREATE TABLE {_ORPHANS} (of_table, at, parent, debt DEFAULT x'' REFERENCES {_COUNTS})",
        f"CREATE INDEX {_INDEX} ON {_ORPHANS} (at)",
        *(
            f"INSERT INTO {_ORPHANS} (of_table, at, parent) SELECT {quote_literal(fold(t))}, rowid, parent"
            f" FROM pragma_foreign_key_check({quote_literal(t)})"
            for t in tables
        ),
    ]


def no_orphan_statements(tables: Sequence[str]) -> list[str]:
    """Return the statements that abort the batch if a row is an orphan that was not one before."""
    checks = [
        f"SELECT json_extract('{{}}', {quote_literal(t + ' row ')} || coalesce(at, '?')"
        " || ' references a missing row of ' || parent)"
        f" FROM (SELECT rowid AS at, parent, count(*) AS n FROM pragma_foreign_key_check({quote_literal(t)})"
        f" GROUP BY 1, 2) AS now WHERE n > (SELECT count(*) FROM {_ORPHANS} AS old"
        f" WHERE old.of_table = {quote_literal(fold(t))} AND old.at IS now.at"
        " AND old.parent = now.parent COLLATE NOCASE)"
        for t in tables
    ]
    return [*checks, f"DELETE FROM {_ORPHANS}", f"DROP TABLE {_ORPHANS}"]
