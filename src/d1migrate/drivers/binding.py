"""The D1 binding of a Python Worker, `env.DB`, in each of its shapes.

It comes raw, as Pyodide's JsProxy, or wrapped by the Workers SDK, which converts arguments and results
(compatibility dates from 2026-04-21). Python 3.12 has no `jsnull`, and the others have it in results.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from d1migrate.errors import AmbiguousError, QueryError, UnavailableError, UsageError
from d1migrate.sql.batch import Result
from d1migrate.sql.d1 import is_refusal
from d1migrate.sql.parameters import inline

if TYPE_CHECKING:
    from collections.abc import Sequence

    from d1migrate.errors import DriverError
    from d1migrate.sql.batch import Batch, Query, Value


class BindingDriver:
    """An AsyncDriver over `env.DB`.

    D1 does not say which query of a batch failed. Integers are read exactly up to 2**53.

    Raises:
        UsageError: it is no D1 binding.
    """

    url = "env.DB"

    def __init__(self, database: Any) -> None:
        if not (hasattr(database, "prepare") and hasattr(database, "batch")):
            raise UsageError(f"no D1 binding: {type(database).__name__}", hint="give it env.DB")
        from pyodide import ffi  # there is none but in a Worker

        self._database, self._ffi = database, ffi
        self._is_raw = isinstance(database, ffi.JsProxy)
        self._null = getattr(ffi, "jsnull", None)

    async def batch(self, batch: Batch) -> Sequence[Result]:
        """Run the queries in order as one transaction; all of them, or nothing."""
        try:
            statements: Any = [self._statement(query) for query in batch.queries]
        except self._ffi.JsException as error:  # `bind` refuses a value; nothing was sent
            raise QueryError(_text(error)) from error
        if self._is_raw:
            statements = self._ffi.to_js(statements)
        try:
            answer = await self._database.batch(statements)
        except self._ffi.JsException as error:
            raise _meaning(_text(error), reads=batch.reads) from error
        if len(answer) != len(statements):  # comments alone are no statement, and have no result
            raise _meaning(f"{len(answer)} results of {len(statements)} statements", reads=batch.reads)
        if batch.reads:
            results = answer.to_py() if self._is_raw else answer
            return [Result(tuple(map(self._row, result["results"]))) for result in results]
        costs = [result.meta for result in answer]  # rows are not converted, there may be many
        return (Result((), sum(c.rows_read for c in costs), sum(c.rows_written for c in costs)),)

    def _statement(self, query: Query) -> Any:
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


def _text(error: Any) -> str:
    """Return what D1 said, without the name and the prefix that JavaScript puts before it."""
    cause = getattr(error, "cause", None)
    text = getattr(cause, "message", None) or getattr(error, "message", None) or str(error)
    return str(text).removeprefix("Error: ").rpartition("D1_ERROR: ")[2]  # some dates double the prefix


def _meaning(text: str, *, reads: bool) -> DriverError:
    """Return the error: D1 refused, nothing was done, or nobody knows."""
    if is_refusal(text):
        return QueryError(text)
    return UnavailableError(text) if reads else AmbiguousError(text)
