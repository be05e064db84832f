"""Statements that abort their batch, and so roll it back, if the database is not in the expected state.

Because of them, a migration applies exactly once without a lock: D1 runs one batch after the other, and the
assertion of the second batch notices what the first one did.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

from d1migrate.migrate.history_guard import LOG_TABLE, MIGRATIONS_TABLE
from d1migrate.sql.batch import Query
from d1migrate.sql.names import quote_identifier, quote_literal

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from d1migrate.migrate.history import History
    from d1migrate.sql.batch import Value

ALREADY_APPLIED = "already applied: version "
NOT_APPLIED = "not applied: version "
CHANGED_MEANWHILE = "history changed meanwhile"
OTHER_VERSIONS = "history not as planned; applied are "
SCHEMA_CHANGED = "schema changed meanwhile"
ROWS_APPEARED = "rows appeared meanwhile in "

_MASK = 0xFFFFFFFF  # keeps the sum of many timestamps within 64 bits
_COUNT = f"(SELECT count(*) FROM {MIGRATIONS_TABLE})"
_HEAD = f"coalesce((SELECT token FROM {LOG_TABLE} ORDER BY id DESC LIMIT 1), '')"
_QUICK = f"{_COUNT} || ' ' || coalesce((SELECT max(version) FROM {MIGRATIONS_TABLE}), 0)"
_FULL = (
    f"{_COUNT} || ' ' || (SELECT coalesce(sum(version & {_MASK}), 0) || ' ' ||"
    f" coalesce(sum((version & {_MASK}) % 65521 * ((version & {_MASK}) % 65519)), 0) FROM {MIGRATIONS_TABLE})"
)
_TABLES = f"(SELECT count(*) FROM sqlite_schema WHERE lower(name) IN ('{MIGRATIONS_TABLE}', '{LOG_TABLE}'))"
_NEWEST = (
    "(SELECT coalesce(group_concat(version), '') FROM"
    f" (SELECT version FROM {MIGRATIONS_TABLE} ORDER BY version DESC LIMIT 50))"
)


class HistoryState(NamedTuple):
    """A state of the history: the applied versions and the head of the log, in a form that a batch compares.

    The versions are kept as their number, their maximum and two sums. The sums read every row, so they are
    compared only if SQL could change the set and keep number and maximum. `newest` is not maintained when a
    version is removed; then the sums are compared.

    `head` is the token of the log's newest row. Versions alone are not enough: after an `up` and a `down`
    they are as before, and a request that was delayed since then would run again. Tokens are random, whereas
    the ids of log rows can repeat after a restore.
    """

    size: int = 0
    newest: int = 0
    total: int = 0
    squares: int = 0
    head: str = ""

    @classmethod
    def of(cls, versions: Sequence[int], head: str) -> HistoryState:
        """Return the state of a history: its versions, and the head of its log."""
        squares = sum(_square(version) for version in versions)
        return cls(len(versions), max(versions, default=0), sum(v & _MASK for v in versions), squares, head)

    def plus(self, version: int, head: str) -> HistoryState:
        """Return the state after a version was added by the batch with the token `head`."""
        return self._moved(version, 1, max(self.newest, version), head)

    def minus(self, version: int, head: str) -> HistoryState:
        """Return the state after a version was removed by the batch with the token `head`."""
        return self._moved(version, -1, self.newest, head)

    def _moved(self, version: int, by: int, newest: int, head: str) -> HistoryState:
        total = self.total + by * (version & _MASK)
        return HistoryState(self.size + by, newest, total, self.squares + by * _square(version), head)


def _square(version: int) -> int:
    masked = version & _MASK
    return masked % 65521 * (masked % 65519)


def _abort(message: str, condition: str, params: tuple[Value, ...] = ()) -> Query:
    """Return a statement that aborts its batch with a message (d1-facts §2.3) if the condition holds."""
    return Query(f"SELECT json_extract('{{}}', {message}) WHERE {condition}", params)


_EXISTS = f"EXISTS (SELECT 1 FROM {MIGRATIONS_TABLE} WHERE version = ?1)"


def assert_ready(
    version: int, direction: Literal["up", "down"], before: HistoryState, *, full: bool
) -> Query:
    """Abort the batch if another runner was faster, with this version or any other."""
    if direction == "up":
        wrong, message = _EXISTS, quote_literal(ALREADY_APPLIED)
    else:
        wrong, message = f"NOT {_EXISTS}", quote_literal(NOT_APPLIED)
    differs, (expected,) = _differs(before, full=full, parameter="?2")
    return _abort(
        f"iif({wrong}, {message} || ?1, {quote_literal(CHANGED_MEANWHILE)})",
        f"{wrong} OR {differs}",
        (str(version), expected),
    )


def assert_unchanged(before: HistoryState) -> Query:
    """Abort the batch if the history is not the one that was read."""
    return _abort(quote_literal(CHANGED_MEANWHILE), *_differs(before, full=True))


def is_same_state(before: HistoryState, missing: Collection[str]) -> Query:
    """Return the query whether the history is still the one that was read: one row, 1 or 0.

    Args:
        before: the history that was read.
        missing: the history tables that did not exist then.
    """
    tables = f"{_TABLES} = {2 - len(missing)}"
    if MIGRATIONS_TABLE in missing:
        return Query(f"SELECT {tables} AS same")
    if missing:
        return Query(
            f"SELECT {_FULL} = ?1 AND {tables} AS same", (f"{before.size} {before.total} {before.squares}",)
        )
    condition, values = _differs(before, full=True)
    return Query(f"SELECT NOT ({condition}) AS same", values)


def is_same_history(history: History) -> Query:
    """Return the query of `is_same_state` for a history as it was read."""
    return is_same_state(HistoryState.of(history.versions, history.head), history.missing)


def assert_result(after: HistoryState, *, full: bool) -> Query:
    """Abort the batch if the applied versions are not those planned; the message has the newest versions.

    `full` is for SQL that could change the set but keep its size and maximum.
    """
    return _abort(f"{quote_literal(OTHER_VERSIONS)} || {_NEWEST}", *_differs(after, full=full))


_MARK = "count(*) || ' ' || coalesce(sum(length(sql)), 0) || ' ' || coalesce(max(rowid), 0)"
SCHEMA_MARK = Query(f"SELECT {_MARK} FROM sqlite_schema")
"""One value that changes with nearly every change of the schema."""


def assert_schema(mark: str) -> Query:
    """Abort the batch if the schema is not the one that was read with SCHEMA_MARK."""
    return _abort(quote_literal(SCHEMA_CHANGED), f"(SELECT {_MARK} FROM sqlite_schema) <> ?1", (mark,))


def _differs(expected: HistoryState, *, full: bool, parameter: str = "?1") -> tuple[str, tuple[str]]:
    """Return the condition that the history is different, and its parameter."""
    size, newest, total, squares, head = expected
    if full:
        return f"{_FULL} || ' ' || {_HEAD} <> {parameter}", (f"{size} {total} {squares} {head}",)
    return f"{_QUICK} || ' ' || {_HEAD} <> {parameter}", (f"{size} {newest} {head}",)


def assert_empty(table: str) -> Query:
    """Abort the batch if a table that was counted as empty holds a row."""
    return _abort(quote_literal(ROWS_APPEARED + table), f"EXISTS (SELECT 1 FROM {quote_identifier(table)})")
