"""The D1 binding of a Python Worker, `env.DB`, in both of its shapes.

The binding is raw, Pyodide's JsProxy, or wrapped by the Workers SDK, which converts arguments and results
(compatibility dates from 2026-04-21). NULL in results is `jsnull`, except on Python 3.12, which has none.
"""

from __future__ import annotations

from d1migrate.errors import QueryError, UsageError
from d1migrate.sql.batch import Result

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from d1migrate.errors import DriverError
    from d1migrate.sql.batch import Batch, Query, Value


_HINT = "pass env.DB; in a Durable Object, self.ctx.storage"


class BindingDriver:
    """An AsyncDriver over `env.DB`.

    D1 does not say which query of a batch failed. Integers are read exactly up to 2**53.

    Raises:
        UsageError: the object is not a D1 binding.
    """

    url = "env.DB"

    def __init__(self, database: Any) -> None:
        if not (hasattr(database, "prepare") and hasattr(database, "batch")):
            raise UsageError(f"not a D1 binding: {type(database).__name__}", hint=_HINT)
        from pyodide import ffi  # exists only in a Worker

        self._database, self._ffi = database, ffi
        self._is_raw = isinstance(database, ffi.JsProxy)
        self._null = getattr(ffi, "jsnull", None)

    async def batch(self, batch: Batch) -> Sequence[Result]:
        """Run the queries in order as one transaction; all of them, or nothing."""
        try:
            statements: Any = [self._statement(query) for query in batch.queries]
        except self._ffi.JsException as error:  # `bind` refuses a value; nothing was sent
            raise QueryError(error_text(error)) from error
        if self._is_raw:
            statements = self._ffi.to_js(statements)
        try:
            answer = await self._database.batch(statements)
        except self._ffi.JsException as error:
            raise error_of(error_text(error), reads=batch.reads) from error
        if len(answer) != len(statements):  # text of comments alone has no result
            raise error_of(f"{len(answer)} results of {len(statements)} statements", reads=batch.reads)
        if batch.reads:
            results = answer.to_py() if self._is_raw else answer
            return [Result(tuple(map(self._row, result["results"]))) for result in results]
        # Only the costs: the results may have many rows, which would be converted to Python.
        costs = [result.meta for result in answer]
        rows: tuple[tuple[Value, ...], ...] = ()
        if batch.last_rows:
            last = answer[-1].to_py() if self._is_raw else answer[-1]
            rows = tuple(map(self._row, last["results"]))
        read, written = sum(c.rows_read for c in costs), sum(c.rows_written for c in costs)
        # A custom binding may report no durations.
        milliseconds = [c.duration for c in costs if hasattr(c, "duration")]
        return (Result(rows, read, written, sum(milliseconds) / 1000 if milliseconds else None),)

    def _statement(self, query: Query) -> Any:
        if not query.params:
            return self._database.prepare(query.sql)
        from d1migrate.sql.parameters import inline

        sql, params = inline(query.sql, query.params)
        statement = self._database.prepare(sql)
        return statement.bind(*map(self._argument, params)) if params else statement

    def _argument(self, value: Value) -> Any:
        return self._ffi.to_js(value) if self._is_raw and isinstance(value, bytes) else value

    def _row(self, row: dict[str, Any]) -> tuple[Value, ...]:
        return tuple(map(self._value, row.values()))

    def _value(self, value: Any) -> Value:
        if value is None or value is self._null:
            return None
        return bytes(value) if isinstance(value, list) else value


def error_text(error: Any) -> str:
    """Return D1's message, without the name and the prefix that JavaScript adds."""
    cause = getattr(error, "cause", None)
    text = getattr(cause, "message", None) or getattr(error, "message", None) or str(error)
    return str(text).removeprefix("Error: ").rpartition("D1_ERROR: ")[2]  # some dates double the prefix


def error_of(text: str, *, reads: bool, index: int | None = None) -> DriverError:
    """Return the error of a failure: D1 refused the SQL, nothing was done, or it may have been done."""
    from d1migrate.sql.d1 import is_refusal

    if is_refusal(text):
        return QueryError(text, index=index)
    from d1migrate.drivers.unanswered import unanswered

    return unanswered(text, writes=not reads)
