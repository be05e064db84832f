"""The storage of a SQLite-backed Durable Object in a Python Worker, `ctx.storage`, in both of its shapes.

It is raw, Pyodide's JsProxy, or wrapped by the Workers SDK. SQL is synchronous in an object, so nothing here
waits.

An object differs from a D1 database in four ways that matter here:

- A statement runs to its end only if its cursor is drained.
- Foreign keys may have been switched off by other code of the object, until it is evicted.
- A deferred violation is found when the event ends. Then everything the event wrote is undone, and no code
  gets an error. So it is looked for at the end of each migration that may leave one.
- The object reports which statement failed.
"""

from __future__ import annotations

from d1migrate.drivers.binding import error_of, error_text
from d1migrate.errors import AmbiguousError, QueryError, UsageError
from d1migrate.sql.batch import Query, Result

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from d1migrate.drivers.protocol import Capabilities
    from d1migrate.sql.batch import Batch, Value

_KEYS_ON, _KEYS = Query("PRAGMA foreign_keys = ON"), Query("PRAGMA foreign_keys")
_DEFER_ON = Query("PRAGMA defer_foreign_keys = ON")
_ORPHANED = Query('SELECT group_concat(DISTINCT "table") FROM pragma_foreign_key_check')


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
            return [self._read(query, index) for index, query in enumerate(queries)]
        self._enforce_keys()
        results: list[Result] = []

        def inside() -> None:
            results.extend(self._checked(queries))

        callback = self._ffi.create_proxy(inside)
        try:
            self._storage.transactionSync(callback)  # what `inside` raises comes out as it is
        except self._ffi.JsException as error:
            raise AmbiguousError(error_text(error)) from error
        finally:
            callback.destroy()
        return (
            Result((), sum(r.rows_read or 0 for r in results), sum(r.rows_written or 0 for r in results)),
        )

    def _enforce_keys(self) -> None:
        """Switch foreign keys on, which has no effect within a transaction.

        Raises:
            UsageError: they are off and stay off, because the event has written already.
        """
        self._read(_KEYS_ON)
        if not self._value(_KEYS):
            from d1migrate.sql.durable_object import KEYS_OFF, KEYS_OFF_HINT

            raise UsageError(KEYS_OFF, hint=KEYS_OFF_HINT)

    def _checked(self, queries: Sequence[Query]) -> list[Result]:
        """Run the queries of a transaction.

        Raises:
            QueryError: also if they leave a violation of a deferred foreign key.
        """
        from d1migrate.sql.durable_object import DEFER_OFF, DEFERRABLE, defers, drops

        deferring = next((index for index, query in enumerate(queries) if defers(query.sql)), None)
        deferrable = bool(self._value(DEFERRABLE))
        if deferring is None and not deferrable:
            return [self._run(query, index) for index, query in enumerate(queries)]
        before = self._orphans()
        if deferrable and any(drops(query.sql) for query in queries):
            # SQLite counts the rows that refer to a dropped table, and renaming another table to it does not
            # reduce the count. It is reset below, but only for what the pragma deferred.
            self._read(_DEFER_ON)
        try:
            results = [self._run(query, index) for index, query in enumerate(queries)]
            self._refuse_orphans(before, deferring)
        finally:
            self._read(Query(DEFER_OFF))
        return results

    def _orphans(self) -> int:
        from d1migrate.sql.durable_object import ORPHANS

        try:
            return int(self._value(ORPHANS))
        except QueryError:  # a key that refers to no key; perhaps the migration corrects that
            return 0

    def _refuse_orphans(self, before: int, deferring: int | None) -> None:
        from d1migrate.sql.durable_object import ORPHANS, VIOLATED

        if self._value(ORPHANS, deferring) > before:
            tables = self._value(_ORPHANED)
            hint = f"after it, rows of these tables would refer to rows that do not exist: {tables}"
            raise QueryError(VIOLATED, index=deferring, hint=hint)

    def _value(self, query: Query, index: int | None = None) -> Any:
        return self._read(query, index).rows[0][0]

    def _read(self, query: Query, index: int | None = None) -> Result:
        cursor, rows = self._exec(query, index, reads=True)
        return Result(tuple(map(self._row, rows.to_py())), cursor.rowsRead, cursor.rowsWritten)

    def _run(self, query: Query, index: int) -> Result:
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
