"""Statements that prove, in the transaction of a rebuild, that no table lost rows or links."""

from __future__ import annotations

from d1migrate.sql.names import HELPER, fold, quote_identifier, quote_literal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

MAX_ROWS = 1_000_000
"""The most rows, of all tables, that a rebuild reads or writes. Local D1 takes about 4 µs for each (`rebuild`
in benchmarks/), so 4 s for this many, which leaves a margin within production's 30 s a batch."""

_COUNTS, _ORPHANS, _INDEX = (
    quote_identifier(f"{HELPER}{name}") for name in ("counts", "orphans", "index_orphans")
)


ORPHAN_CHECK = (
    "SELECT json_extract('{}', 'orphan in ' || \"table\" || ' rowid ' || coalesce(rowid, '?'))"
    " FROM pragma_foreign_key_check"
)
"""A statement that aborts the batch at any row whose parent does not exist."""


def count_statements(tables: Sequence[str]) -> list[str]:
    """Return the statements that note how many rows some tables have, and abort if there are too many."""
    rows = ", ".join(f"({quote_literal(t)}, (SELECT count(*) FROM {quote_identifier(t)}))" for t in tables)
    message = quote_literal("too many rows to rebuild in one batch of 30 seconds: ")
    return [
        f"CREATE TABLE {_COUNTS} (name TEXT PRIMARY KEY, rows INTEGER)",
        f"INSERT INTO {_COUNTS} VALUES {rows}",
        (
            f"SELECT json_extract('{{}}', {message} || n) FROM (SELECT sum(rows) AS n FROM {_COUNTS})"
            f" WHERE n > {MAX_ROWS}"
        ),
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
