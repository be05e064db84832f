"""SQLite as D1 runs it: one APSW connection under D1's rules, with D1's error messages."""

from __future__ import annotations

import time
from contextlib import closing, suppress

import apsw

from d1migrate.drivers.plain import Watchdog, is_at_fault, unavailable
from d1migrate.drivers.series import SeriesAuthorizer
from d1migrate.drivers.texts import (
    SPACE,
    describe,
    ends_twice,
    is_limited_dml,
    is_line_comments,
    renames_to_reserved,
)
from d1migrate.errors import QueryError, UnavailableError
from d1migrate.sql import d1
from d1migrate.sql.batch import Result

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from typing import Any

    from d1migrate.sql.batch import Query, Value

_OK, _DENY, _IGNORE = 0, 1, 2  # results of SQLite's authorizer
_ON_ROWS = frozenset((d1.DELETE, d1.INSERT, d1.READ, d1.UPDATE))

LIMITED_DML = "UPDATE and DELETE with ORDER BY or LIMIT run on D1, but not in the embedded engine"
"""The refusal of a statement that D1 would run: APSW's SQLite is built without this syntax."""
_ENDED_HINT = "make sure that a recursive query ends; change many rows in steps of about 10,000"
_LIMITED_DML_HINT = "name the rows: … WHERE rowid IN (SELECT rowid FROM … ORDER BY … LIMIT …)"


class Engine:
    """A connection that accepts and refuses what D1 does.

    Args:
        path: a file, or `:memory:`.
        flags: SQLite's open flags.
        limits: the limits that apply to queries.
        on_busy: SQLite's busy handler; without it, nothing waits for another connection's transaction.
        vfs: the name of the VFS to use instead of SQLite's own.

    Raises:
        UnavailableError: the file cannot be opened.
    """

    def __init__(
        self,
        path: str,
        flags: int,
        limits: d1.Limits,
        *,
        on_busy: Callable[[int], bool] | None = None,
        vfs: str | None = None,
    ) -> None:
        self.path = path
        self.is_exclusive = False  # whether it locks out all other connections while it is open
        self._limits = limits
        self._trusted = False  # while the current statement is the driver's own
        self._refusal = ""  # why the authorizer refused, if D1 has a message of its own for it
        self._left_stat4 = self._renamed = False
        self._unfinished: list[apsw.Cursor] = []
        self._head = self._rest = ""  # a text of several statements: the first one, and the others
        try:
            self._connection = apsw.Connection(path, flags=flags, vfs=vfs)
        except (apsw.Error, ValueError) as error:  # or a path that is not text to SQLite
            raise self.unavailable(error) from error
        self._watchdog = Watchdog(self._connection)
        self._connection.set_busy_handler(on_busy)
        self._cursor, self._tracing_cursor = self._connection.cursor(), self._connection.cursor()
        self._tracing_cursor.exec_trace = self._trace
        self._execute = self._cursor.execute
        self._apply_rules()

    def _apply_rules(self) -> None:
        connection = self._connection
        connection.config(apsw.SQLITE_DBCONFIG_DEFENSIVE, 1)
        connection.config(apsw.SQLITE_DBCONFIG_ENABLE_FKEY, 1)
        connection.drop_modules(d1.MODULES)
        for name, value in self._limits._asdict().items():
            connection.limit(getattr(apsw, f"SQLITE_LIMIT_{name.upper()}"), value)
        connection.authorizer = self._authorize
        self._series_authorizer = SeriesAuthorizer(connection)

    def _authorize(
        self, action: int, arg1: str | None, arg2: str | None, database: str | None, _: str | None
    ) -> int:
        # Called several times per statement, mostly for the rows of a table: that case is the fast one.
        if action in _ON_ROWS and database == "main" and arg1 and arg1[0] != "_" and arg1 != "sqlite_stat4":
            return _OK
        if arg1 == "sqlite_stat4":
            self._left_stat4 = self._left_stat4 or action == d1.CREATE_TABLE
            if action == d1.READ:
                return _IGNORE
        if self._trusted or d1.authorize(action, arg1, arg2, database):
            self._renamed = self._renamed or (action == d1.FUNCTION and arg2 == "sqlite_rename_table")
            return _OK
        if action in (d1.TRANSACTION, d1.SAVEPOINT):
            self._refusal = d1.TRANSACTION_REFUSED
        return _DENY

    # --- the driver's own statements ---

    def control(self, sql: str) -> Any:
        """Run a statement of the driver's own, without D1's rules; return the first value or None."""
        self._trusted = True
        try:
            # Not cached: a query with the same text would reuse it and bypass the rules.
            return self._execute(sql, can_cache=False).get
        finally:
            self._trusted = False

    def rows(self, sql: str, params: Sequence[Value] = ()) -> list[tuple[Any, ...]]:
        """Return the rows of a statement of the driver's own, without D1's rules."""
        self._trusted = True
        try:
            return self._cursor.execute(sql, tuple(params)).fetchall()
        finally:
            self._trusted = False

    @property
    def read_only(self) -> bool:
        """Whether the process may only read the file."""
        return self._connection.readonly("main")

    def configure(self, option: int, value: int) -> None:
        """Set one of SQLite's connection options (`SQLITE_DBCONFIG_…`)."""
        self._connection.config(option, value)

    def copy_to(self, path: str) -> None:
        """Write a copy of the database to another file.

        Raises:
            UnavailableError: one of the files cannot be used.
        """
        try:
            with (
                closing(apsw.Connection(path)) as target,
                target.backup("main", self._connection, "main") as backup,
            ):
                backup.step()
        except apsw.Error as error:
            raise self.unavailable(error, f"{self.path}, copied to {path}") from error

    def version_of_data(self) -> Any:
        """Return a value that changes when another connection writes; a lock does not prevent reading it."""
        if self.control("PRAGMA journal_mode") == "wal":
            return self.control("PRAGMA data_version")
        # With a rollback journal the lock excludes readers. The change counter is read anyway, but through
        # SQLite: closing a file descriptor would drop all locks that this process has on the file.
        return self._connection.read("main", 0, 24, 4)

    def copy_from(self, path: str, changed: Callable[[], bool] | None) -> None:
        """Replace the content by that of another file, as one transaction; the journal mode does not change.

        Args:
            path: the other file.
            changed: called once the write lock is held; if it returns True, nothing is done.

        Raises:
            UnavailableError: one of the files cannot be used, or the database was changed.
        """
        try:
            with (
                closing(apsw.Connection(path, flags=apsw.SQLITE_OPEN_READONLY)) as source,
                self._connection.backup("main", source, "main") as backup,
            ):
                backup.step(0)  # takes the lock, copies nothing
                if changed and changed():
                    raise UnavailableError(
                        f"{self.path}: another process wrote to it meanwhile",
                        hint="stop the other process, then run the command again",
                    )
                backup.step()
        except apsw.Error as error:
            raise self.unavailable(error) from error

    def close(self) -> None:
        """Close the connection; an open transaction is rolled back."""
        with suppress(apsw.BusyError):  # FTS5 keeps a statement open after it refused a read
            self._connection.close()

    # --- transactions ---

    def transaction(
        self, begin: str, queries: Iterable[Query], *, keep_rows: bool, last_rows: bool = False
    ) -> Sequence[Result]:
        """Run queries between `begin` and COMMIT: all of them, or nothing.

        Returns:
            One Result per query if `keep_rows`; else one, with the time and the `last_rows`.

        Args:
            begin: the statement that begins it.
            queries: the queries.
            keep_rows: whether to return the rows of each.
            last_rows: whether to return those of the last one.

        Raises:
            QueryError: a query, or the commit, was refused; everything is rolled back.
            UnavailableError: the database was busy, full or unreadable; everything is rolled back.
        """
        try:
            return self._transaction(begin, queries, keep_rows=keep_rows, last_rows=last_rows)
        except _SeriesError:
            # Which of its statements it was, and whether one alone takes too long, shows when they run alone.
            apart = (one for query in queries for one in query.apart())
            return self._transaction(begin, apart, keep_rows=keep_rows, last_rows=last_rows)

    def _transaction(
        self, begin: str, queries: Iterable[Query], *, keep_rows: bool, last_rows: bool
    ) -> Sequence[Result]:
        try:
            self.control(begin)
        except (apsw.Error, ValueError) as error:  # or a path that is not text to SQLite
            raise self.unavailable(error) from error
        began = time.perf_counter()  # the wait for other connections is over
        self._watchdog.armed = not keep_rows  # reads are the driver's own
        try:
            results = self._run(queries, keep_rows=keep_rows, last_rows=last_rows)
            self._watchdog.armed = False
            self._commit()
        except BaseException:
            self._watchdog.armed = False
            # After RAISE(ROLLBACK) or OR ROLLBACK the transaction is gone already.
            if self._connection.in_transaction:
                self.control("ROLLBACK")
            raise
        finally:
            if self._series_authorizer.is_open:
                self._series_authorizer.close()
            while self._unfinished:
                self._unfinished.pop().close(True)
        if keep_rows:
            return results
        rows = results[-1].rows if results else ()
        return (Result(rows, seconds=time.perf_counter() - began),)

    def _commit(self) -> None:
        try:
            self.control("COMMIT")
        except apsw.Error as error:
            raise self._error(error) from error

    def _run(self, queries: Iterable[Query], *, keep_rows: bool, last_rows: bool) -> Sequence[Result]:
        results: list[Result] = []
        empty, watchdog, index, authorizer = True, self._watchdog, 0, self._series_authorizer
        for sql, params, whole, series, assertion in queries:
            watchdog.started = 0.0
            is_first = series > 1 and not authorizer.is_open
            if is_first:
                authorizer.open(self._authorize)
            elif series == 1 and authorizer.is_open:
                authorizer.close()
            try:
                if assertion:
                    rows: Iterable[tuple[Value, ...]] = self._assert(sql, params)
                    empty = False
                # A single statement, known or seen to be one: nearly all are, so this is the fast path.
                elif (whole or (";" not in sql and sql[:1].isalpha())) and len(sql) <= d1.SHORT_SQL:
                    # Only statements with parameters recur. Caching those of a migration takes half as
                    # long again as running them.
                    rows = self._execute(sql, params, can_cache=bool(params))
                    empty = False
                elif is_line_comments(sql):
                    rows = ()
                else:
                    rows = self._execute_text(sql, params)
                    empty = False
                # Stepped to the end either way: a statement may fail on any row.
                if keep_rows:
                    results.append(Result(tuple(rows)))
                elif last_rows:
                    results[:] = [Result(tuple(rows))]
                else:
                    for _ in rows:
                        pass
                if is_first:
                    authorizer.decide()
                elif self._left_stat4 or self._renamed:
                    self._settle(sql)
            except (apsw.Error, QueryError, ValueError, OverflowError) as error:
                found = self._error(error, index, sql)
                raise found if series == 1 or isinstance(found, UnavailableError) else _SeriesError from error
            index += series
        if empty:
            raise QueryError(d1.NO_STATEMENTS)
        return results

    def _assert(self, sql: str, params: tuple[Value, ...]) -> apsw.Cursor:
        """Run an assertion without the authorizer, which would be asked 26 times.

        These calls took a seventh of the time of a small migration. An assertion writes nothing, so what a
        user's trigger on a history table does is still checked.
        """
        self._connection.authorizer = None
        try:
            return self._execute(sql, params)
        finally:
            self._connection.authorizer = self._authorize

    def _settle(self, sql: str) -> None:
        """Do what the authorizer cannot, after a statement that it marked."""
        if self._left_stat4:
            # APSW's SQLite also samples rows on ANALYZE. D1's does not, so the samples are dropped.
            self._left_stat4 = False
            self.control("DROP TABLE IF EXISTS main.sqlite_stat4")
        if self._renamed:
            self._renamed = False
            if renames_to_reserved(sql):  # the authorizer does not get the new name
                raise QueryError(d1.NOT_AUTHORIZED)

    # --- texts of any form ---

    def _execute_text(self, sql: str, params: tuple[Value, ...]) -> apsw.Cursor:
        """Run a text of several statements, or none, as D1 does; return the rows of the last one."""
        if len(sql.encode()) > self._limits.sql_length:
            raise QueryError(d1.TOO_LONG)
        self._rest = sql.rstrip(SPACE)
        while True:
            try:
                return self._tracing_cursor.execute(self._rest, params)
            except apsw.ExecTraceAbort:
                self._execute_head()
            except apsw.BindingsError:
                self._refuse_parameters()

    def _execute_head(self) -> None:
        # D1 steps all but the last statement only to their first row, and leaves them open.
        cursor = self._connection.execute(self._head)
        if self._left_stat4 or self._renamed:
            self._settle(self._head)
        try:
            cursor.get_description()
        except apsw.ExecutionCompleteError:
            return
        self._unfinished.append(cursor)

    def _trace(self, cursor: apsw.Cursor, head: str, _: object) -> bool:
        """Called before the first statement of `self._rest` runs; it runs if it is the last."""
        if not cursor.has_vdbe:
            raise QueryError(d1.NO_STATEMENT)
        rest = self._rest[len(head) :]
        if not rest and ends_twice(head):
            rest = ";"
        if not rest:
            return True
        if cursor.bindings_count:
            raise QueryError(d1.EARLY_PARAMETERS)
        self._head, self._rest = head, rest
        return False

    def _refuse_parameters(self) -> None:
        """Raise the one of D1's two refusals of parameters that applies."""
        try:
            self._tracing_cursor.execute(self._rest, (None,) * self._limits.variable_number)
        except apsw.BindingsError:
            raise QueryError(d1.WRONG_PARAMETERS) from None

    # --- errors ---

    def unavailable(self, error: Exception, path: str | None = None) -> UnavailableError:
        """Return the error of a file that is busy, full, unreadable or not a database."""
        return unavailable(error, path or self.path)

    def _error(
        self, error: Exception, index: int | None = None, sql: str = ""
    ) -> QueryError | UnavailableError:
        if isinstance(error, QueryError):
            return QueryError(str(error), index=index)
        if isinstance(error, apsw.BindingsError):
            return QueryError(d1.WRONG_PARAMETERS, index=index)
        if reason := self._watchdog.reason:
            self._watchdog.reason = ""
            return QueryError(f"the statement was stopped: {reason}", index=index, hint=_ENDED_HINT)
        if is_at_fault(error) and not self._unfinished:
            return self.unavailable(error)
        if isinstance(error, apsw.Error):
            refusal, self._refusal = self._refusal, ""
            if refusal and isinstance(error, apsw.AuthError):
                return QueryError(refusal, index=index)
            if is_limited_dml(error, sql):
                return QueryError(LIMITED_DML, index=index, hint=_LIMITED_DML_HINT)
            return QueryError(describe(error), index=index)
        if isinstance(error, ValueError) and "null character" in str(error):
            return QueryError(d1.NO_STATEMENT, index=index)  # D1 ends SQL at the character NUL
        if isinstance(error, UnicodeDecodeError):
            return QueryError(f"a text value is not UTF-8: {error}", index=index)
        return QueryError(str(error), index=index)


class _SeriesError(Exception):
    """A series of statements was refused, and everything is rolled back."""
