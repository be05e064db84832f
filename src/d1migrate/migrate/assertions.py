"""Statements that abort their batch, and so roll it back, if the database is not in the expected state.

Because of them, a migration applies exactly once without a lock: D1 runs one batch after the other, and the
assertion of the second batch notices what the first one did.
"""

from __future__ import annotations

from d1migrate.migrate.log import OLD_LOG
from d1migrate.migrate.table import LOG_TABLE, VersionTable
from d1migrate.migrate.table_state import VersionState
from d1migrate.named_tuple import NamedTuple
from d1migrate.sql.batch import Query
from d1migrate.sql.deferred_keys import DEFERRABLE, ORPHANS
from d1migrate.sql.names import fold, quote_identifier, quote_literal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection
    from typing import Literal

    from d1migrate.migrate.history import History
    from d1migrate.migrate.table import Identified, MigrationsTable
    from d1migrate.migrate.table_state import TableState
    from d1migrate.sql.batch import Value

ALREADY_APPLIED = "already applied: "
NOT_APPLIED = "not applied: "
CHANGED_MEANWHILE = "history changed meanwhile"
OTHER_MIGRATIONS = "history not as planned; applied are "
SCHEMA_CHANGED = "schema changed meanwhile"
ROWS_APPEARED = "rows appeared meanwhile in "
VALUES_APPEARED = "values appeared meanwhile in "
ORPHANED = "rows refer to rows that do not exist"
DEFERRED_KEYS = "keys are checked at the commit"

_HEAD = f"coalesce((SELECT token FROM {LOG_TABLE} ORDER BY id DESC LIMIT 1), '')"


class HistoryState(NamedTuple):
    """A state of the history, in a form that a batch compares: the migrations table and the head of the log.

    `head` is the token of the log's newest row. The table alone is not enough: after an `up` and a `down` it
    may be as before, and a request that was delayed since then would run again. Tokens are random, whereas
    the ids of log rows can repeat after a restore. The log alone is not enough either: wrangler does not
    write to it.
    """

    table: MigrationsTable = VersionTable()
    rows: TableState = VersionState()
    head: str = ""

    @classmethod
    def of(cls, history: History) -> HistoryState:
        """Return the state of a history."""
        return cls(history.table, history.rows, history.head)

    def plus(self, migration: Identified, head: str) -> HistoryState:
        """Return the state after a migration was recorded by the batch with the token `head`."""
        return self._replace(rows=self.rows.plus(migration), head=head)

    def minus(self, migration: Identified, head: str) -> HistoryState:
        """Return the state after the record of a migration was removed by the batch with that token."""
        return self._replace(rows=self.rows.minus(migration), head=head)


def _abort(message: str, condition: str, params: tuple[Value, ...] = ()) -> Query:
    """Return a statement that aborts its batch with a message (d1-facts §2.3) if the condition holds."""
    sql = f"SELECT json_extract('{{}}', {message}) WHERE {condition}"
    return Query(sql, params, whole=True, assertion=True)


def assert_ready(
    migration: Identified, direction: Literal["up", "down"], before: HistoryState, *, full: bool
) -> Query:
    """Abort the batch if another runner was faster, with this migration or any other."""
    table = before.table
    exists = f"EXISTS (SELECT 1 FROM {table.sql} WHERE {table.column} = ?1)"
    if direction == "up":
        wrong, message = exists, quote_literal(ALREADY_APPLIED)
    else:
        wrong, message = f"NOT {exists}", quote_literal(NOT_APPLIED)
    differs, (expected,) = _differs(before, full=full, parameter="?2")
    return _abort(
        f"iif({wrong}, {message} || ?1, {quote_literal(CHANGED_MEANWHILE)})",
        f"{wrong} OR {differs}",
        (str(table.key_of(migration)), expected),
    )


def assert_unchanged(before: HistoryState) -> Query:
    """Abort the batch if the history is not the one that was read."""
    return _abort(quote_literal(CHANGED_MEANWHILE), *_differs(before, full=True))


def is_same_state(before: HistoryState, missing: Collection[str], *, old_log: bool = False) -> Query:
    """Return the query whether the history is still the one that was read: one row, 1 or 0.

    Args:
        before: the history that was read.
        missing: the history tables that did not exist then.
        old_log: whether OLD_LOG existed. Then its newest row is not compared: it may be gone by now.
    """
    known = [fold(before.table.name), LOG_TABLE, *([OLD_LOG] if old_log else [])]
    names = ", ".join(map(quote_literal, known))
    expected = len(known) - len(missing)
    tables = (
        f"(SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND lower(name) IN ({names})) = {expected}"
    )
    if before.table.name in missing:
        return Query(f"SELECT {tables} AS same")
    if missing or old_log:
        fingerprint = before.table.fingerprint(full=True)
        return Query(f"SELECT {fingerprint} = ?1 AND {tables} AS same", (before.rows.expected(full=True),))
    condition, values = _differs(before, full=True)
    return Query(f"SELECT NOT ({condition}) AS same", values)


def is_same_history(history: History) -> Query:
    """Return the query of `is_same_state` for a history as it was read."""
    return is_same_state(HistoryState.of(history), history.missing, old_log=history.old_log)


def assert_result(after: HistoryState, *, full: bool) -> Query:
    """Abort the batch if the applied migrations are not those planned; the message has the newest.

    `full` is for SQL that could change the set but keep its size and maximum.
    """
    return _abort(f"{quote_literal(OTHER_MIGRATIONS)} || {after.table.newest}", *_differs(after, full=full))


_MARK = "count(*) || ' ' || coalesce(sum(length(sql)), 0) || ' ' || coalesce(max(rowid), 0)"
SCHEMA_MARK = Query(f"SELECT {_MARK} FROM sqlite_schema")
"""One value that changes with nearly every change of the schema."""


def assert_schema(mark: str) -> Query:
    """Abort the batch if the schema is not the one that was read with SCHEMA_MARK."""
    return _abort(quote_literal(SCHEMA_CHANGED), f"(SELECT {_MARK} FROM sqlite_schema) <> ?1", (mark,))


def _differs(expected: HistoryState, *, full: bool, parameter: str = "?1") -> tuple[str, tuple[str]]:
    """Return the condition that the history is different, and its parameter."""
    table, rows, head = expected
    fingerprint = f"{table.fingerprint(full=full)} || ' ' || {_HEAD}"
    return f"{fingerprint} <> {parameter}", (f"{rows.expected(full=full)} {head}",)


def assert_keys() -> Query:
    """Abort the batch if a row refers to one that does not exist, which otherwise only the commit notices."""
    return _abort(quote_literal(ORPHANED), f"({ORPHANS.sql}) > 0")


def assert_not_deferrable() -> Query:
    """Abort the batch if there are keys that are checked only at the commit, without a pragma.

    It reads the whole schema: before each of a thousand migrations, that would take half as long as they do.
    """
    return _abort(quote_literal(DEFERRED_KEYS), f"({DEFERRABLE.sql}) > 0")


def assert_empty(table: str, column: str | None = None) -> Query:
    """Abort the batch if a table that was counted as empty holds a row, or the column of one a value."""
    name = quote_identifier(table)
    if column is None:
        return _abort(quote_literal(ROWS_APPEARED + table), f"EXISTS (SELECT 1 FROM {name})")
    return _abort(
        quote_literal(f"{VALUES_APPEARED}{table}.{column}"),
        f"EXISTS (SELECT 1 FROM {name} WHERE {quote_identifier(column)} IS NOT NULL)",
    )
