"""The storage of a SQLite-backed Durable Object in a Python Worker, `ctx.storage`, in both of its shapes.

It is raw, Pyodide's JsProxy, or wrapped by the Workers SDK. SQL is synchronous in an object, so nothing here
waits.

An object differs from a D1 database in three ways that matter here:

- A statement runs to its end only if its cursor is drained.
- Foreign keys need a check in each transaction, see `object_keys`.
- The object reports which statement failed.
"""

from __future__ import annotations

from d1migrate.drivers.binding import error_of, error_text
from d1migrate.errors import QueryError, UsageError
from d1migrate.sql.batch import Result

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from d1migrate.drivers.protocol import Capabilities
    from d1migrate.sql.batch import Batch, Query, Value


class StorageDriver:
    """A Driver over `ctx.storage`. Integers are read exactly up to 2**53.

    Raises:
        UsageError: the object is not the storage of a SQLite-backed Durable Object.
    """

    url = "ctx.storage"

    def __init__(self, storage: Any) -> None:
        if not hasattr(storage, "transactionSync") or _is_stub(storage):
            raise UsageError(f"not the storage of a Durable Object: {_kind(storage)}", hint=_hint(storage))
        from pyodide import ffi  # exists only in a Worker

        self._ffi = ffi
        self._null = getattr(ffi, "jsnull", None)
        if not isinstance(storage, ffi.JsProxy):
            # The SDK's wrapper converts each value, and keeps each callback.
            from workers import python_to_rpc  # type: ignore[attr-defined]

            storage = python_to_rpc(storage)
        self._storage = storage
        try:
            self._sql = storage.sql
        except ffi.JsException as error:
            raise UsageError(error_text(error), hint=_WITHOUT_SQL) from error

    @property
    def capabilities(self) -> Capabilities:
        """Nothing beyond `batch`."""
        from d1migrate.drivers.protocol import Capabilities

        return Capabilities()

    def close(self) -> None:
        """There is nothing to release."""

    def batch(self, batch: Batch) -> Sequence[Result]:
        """Run the queries in order as one transaction; all of them, or nothing."""
        queries = [part for query in batch.queries for part in query.apart()]
        if not queries:
            from d1migrate.sql.d1 import NO_STATEMENTS

            raise QueryError(NO_STATEMENTS)
        if batch.reads:  # nothing else can run between them
            return [self._read_again_if_lost(query, index) for index, query in enumerate(queries)]
        from d1migrate.drivers import object_keys

        object_keys.enforce(self._read)
        results: list[Result] = []

        def inside() -> None:
            run = self._read if batch.last_rows else self._run
            results.extend(object_keys.run_checked(queries, self._read, run))

        callback = self._ffi.create_proxy(inside)
        try:
            self._storage.transactionSync(callback)  # what `inside` raises comes out as it is
        except (self._ffi.JsException, SystemError) as error:
            from d1migrate.drivers.unanswered import unanswered

            text = str(error) if isinstance(error, SystemError) else error_text(error)
            raise unanswered(text, writes=True) from error
        finally:
            callback.destroy()
        rows = results[-1].rows if batch.last_rows else ()
        return (
            Result(rows, sum(r.rows_read or 0 for r in results), sum(r.rows_written or 0 for r in results)),
        )

    def _read_again_if_lost(self, query: Query, index: int) -> Result:
        try:
            return self._read(query, index)
        except SystemError:
            # Pyodide 0.26 sometimes loses the error that SQLite raised: "error return without exception set".
            return self._read(query, index)

    def _read(self, query: Query, index: int | None = None) -> Result:
        cursor, rows = self._exec(query, index, reads=True)
        return Result(tuple(map(self._row, rows.to_py())), cursor.rowsRead, cursor.rowsWritten)

    def _run(self, query: Query, index: int | None = None) -> Result:
        cursor, _ = self._exec(query, index, reads=False)
        return Result((), cursor.rowsRead, cursor.rowsWritten)

    def _exec(self, query: Query, index: int | None, *, reads: bool) -> tuple[Any, Any]:
        """Run one statement to its end; return its cursor, which has the costs, and its rows."""
        sql, params = query.sql, query.params
        if params:
            from d1migrate.sql.parameters import inline

            sql, params = inline(sql, params)
        try:
            cursor = self._sql.exec(sql, *map(self._argument, params))
            return cursor, cursor.raw().toArray()
        except self._ffi.JsException as error:
            from d1migrate.sql.durable_object import LOCKED

            text = error_text(error)
            if text.startswith(LOCKED):
                raise QueryError(text, index=index) from error
            raise error_of(text, reads=reads, index=index) from error

    def _argument(self, value: Value) -> Any:
        return self._ffi.to_js(value) if isinstance(value, bytes) else value

    def _row(self, row: Sequence[Any]) -> tuple[Value, ...]:
        return tuple(map(self._converted, row))

    def _converted(self, value: Any) -> Value:
        if value is None or value is self._null:
            return None
        return bytes(value) if isinstance(value, memoryview) else value


_WITHOUT_SQL = (
    "declare the class in new_sqlite_classes of the wrangler configuration; a class that is deployed with"
    " key-value storage cannot be converted, so create another class"
)


def _is_stub(value: Any) -> bool:
    """Whether it represents an object elsewhere, or a Worker: then it seems to have every attribute."""
    return hasattr(value, "no_storage_has_this")


def _hint(value: Any) -> str:
    """Return what to pass instead of a value that is not a storage."""
    if _is_stub(value):
        return "an object migrates itself: call it in the class, with self.ctx.storage"
    if hasattr(value, "__await__"):
        return "await it first"
    if hasattr(value, "prepare"):
        return "D1 is asynchronous: `await run_migrations(env.DB, …)`"
    return "pass self.ctx.storage"


def _kind(value: Any) -> str:
    return "undefined" if value is None else type(value).__name__
