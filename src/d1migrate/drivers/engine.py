"""SQLite as D1 runs it: one APSW connection under D1's rules, speaking D1's error texts."""

from __future__ import annotations

from contextlib import closing, suppress
from typing import TYPE_CHECKING, Any

import apsw

from d1migrate.drivers.plain import Watch, is_at_fault, unavailable
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

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from d1migrate.sql.batch import Query, Value

_OK, _DENY, _IGNORE = 0, 1, 2  # the answers of SQLite's authorizer
_CREATE_TABLE, _FUNCTION = 2, 31
_ROWS = frozenset((9, 18, d1.READ, d1.UPDATE))  # and DELETE, INSERT: actions on the rows of a table

LIMITED_DML = "UPDATE and DELETE with ORDER BY or LIMIT run on D1, but not in the embedded engine"
"""What it says where D1 would do what it is told."""
_ENDED_HINT = "make sure that a recursive query ends; change many rows in steps of about 10,000"
_LIMITED_DML_HINT = "say which rows: … WHERE rowid IN (SELECT rowid FROM … ORDER BY … LIMIT …)"


class Engine:
    """A connection that accepts and refuses what D1 does.

    Args:
        path: a file, or `:memory:`.
        flags: SQLite's open flags.
        limits: the limits to hold queries to.
        busy_timeout: seconds to wait for another connection's transaction.
        vfs: the name of the VFS to use instead of SQLite's own.

    Raises:
        UnavailableError: the file cannot be opened.
    """

    def __init__(
        self, path: str, flags: int, limits: d1.Limits, busy_timeout: float, *, vfs: str | None = None
    ) -> None:
        self.path = path
        self.is_exclusive = False  # whether it keeps all others out for as long as it is open
        self._limits = limits
        self._trusted = False  # while the statement at hand is the driver's own
        self._refusal = ""  # why the authorizer refused, where D1 says it in words of its own
        self._left_stat4 = self._renamed = False
        self._unfinished: list[apsw.Cursor] = []
        self._head = self._rest = ""  # a text of several statements: the first one, and the others
        try:
            self._connection = apsw.Connection(path, flags=flags, vfs=vfs)
        except (apsw.Error, ValueError) as error:  # or a path that is not text to SQLite
            raise self.unavailable(error) from error
        self._watch = Watch(self._connection)
        self._connection.set_busy_timeout(int(busy_timeout * 1000))
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

    def _authorize(
        self, action: int, arg1: str | None, arg2: str | None, database: str | None, _: str | None
    ) -> int:
        # Asked several times a statement, mostly about the rows of a table: that answer is the fast one.
        if action in _ROWS and database == "main" and arg1 and arg1[0] != "_" and arg1 != "sqlite_stat4":
            return _OK
        if arg1 == "sqlite_stat4":
            self._left_stat4 = self._left_stat4 or action == _CREATE_TABLE
            if action == d1.READ:
                return _IGNORE
        if self._trusted or d1.authorize(action, arg1, arg2, database):
            self._renamed = self._renamed or (action == _FUNCTION and arg2 == "sqlite_rename_table")
            return _OK
        if action in (d1.TRANSACTION, d1.SAVEPOINT):
            self._refusal = d1.TRANSACTION_REFUSED
        return _DENY

    # --- the driver's own statements ---

    def control(self, sql: str) -> Any:
        """Run a statement of the driver's own, past D1's rules; the first value of its first row, or None."""
        self._trusted = True
        try:
            # Not cached, or a query of the same text would pass with it.
            return self._execute(sql, can_cache=False).get
        finally:
            self._trusted = False

    def rows(self, sql: str, params: Sequence[Value] = ()) -> list[tuple[Any, ...]]:
        """Return the rows of a statement of the tool's own, which is not held to D1's rules."""
        self._trusted = True
        try:
            return self._cursor.execute(sql, tuple(params)).fetchall()
        finally:
            self._trusted = False

    @property
    def wal(self) -> str:
        """The path of the write-ahead log, whether it exists or not."""
        return self._connection.filename_wal

    @property
    def read_only(self) -> bool:
        """Whether the file may only be read, for want of permission."""
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
        """Return what is another value once others have written; it can be asked while the lock is held."""
        if self.control("PRAGMA journal_mode") == "wal":
            return self.control("PRAGMA data_version")
        # With a rollback journal the lock keeps readers out. The header's change counter is read past it, and
        # through SQLite: to open and close the file would drop all locks this process has on it.
        return self._connection.read("main", 0, 24, 4)

    def copy_from(self, path: str, changed: Callable[[], bool] | None) -> None:
        """Take over the content of another file, as one transaction; the journal mode stays as it is.

        Args:
            path: the file.
            changed: asked once nobody else can write any more; where it says yes, nothing is done.

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
                        f"{self.path}: rows were written meanwhile", hint="stop what writes, and run it again"
                    )
                backup.step()
        except apsw.Error as error:
            raise self.unavailable(error) from error

    def close(self) -> None:
        """Close the connection; an open transaction is rolled back."""
        with suppress(apsw.BusyError):  # FTS5 keeps a statement of a read that it refused
            self._connection.close()

    # --- transactions ---

    def transaction(self, begin: str, queries: Iterable[Query], *, keep_rows: bool) -> Sequence[Result]:
        """Run queries between `begin` and COMMIT: all of them, or nothing.

        Raises:
            QueryError: a query, or the commit, was refused; everything is rolled back.
            UnavailableError: the database was busy, full or unreadable; everything is rolled back.
        """
        try:
            self.control(begin)
        except (apsw.Error, ValueError) as error:  # or a path that is not text to SQLite
            raise self.unavailable(error) from error
        self._watch.armed = not keep_rows  # what reads is the tool's own
        try:
            results = self._run(queries, keep_rows=keep_rows)
            self._watch.armed = False
            self._commit()
        except BaseException:
            self._watch.armed = False
            # After RAISE(ROLLBACK) or OR ROLLBACK the transaction is gone already.
            if self._connection.in_transaction:
                self.control("ROLLBACK")
            raise
        finally:
            while self._unfinished:
                self._unfinished.pop().close(True)
        return results

    def _commit(self) -> None:
        try:
            self.control("COMMIT")
        except apsw.Error as error:
            raise self._error(error) from error

    def _run(self, queries: Iterable[Query], *, keep_rows: bool) -> Sequence[Result]:
        results: list[Result] = []
        empty, watch = True, self._watch
        for index, (sql, params, whole) in enumerate(queries):
            watch.started = 0.0
            try:
                # One statement, known or seen to be it: the form nearly all have, and the fast one.
                if (whole or (";" not in sql and sql[:1].isalpha())) and len(sql) < 25_000:
                    # Only what has parameters comes again: keeping a migration's statements costs half
                    # of the time they take.
                    rows: Iterable[tuple[Value, ...]] = self._execute(sql, params, can_cache=bool(params))
                    empty = False
                elif is_line_comments(sql):
                    rows = ()
                else:
                    rows = self._execute_text(sql, params)
                    empty = False
                # Stepped to the end either way: a statement may fail on any row.
                if keep_rows:
                    results.append(Result(tuple(rows)))
                else:
                    for _ in rows:
                        pass
                if self._left_stat4 or self._renamed:
                    self._settle(sql)
            except (apsw.Error, QueryError, ValueError, OverflowError) as error:
                raise self._error(error, index, sql) from error
        if empty:
            raise QueryError(d1.NO_STATEMENTS)
        return results

    def _settle(self, sql: str) -> None:
        """Make up for what the authorizer cannot: run behind a statement it marked."""
        if self._left_stat4:
            # APSW's SQLite also samples when it analyses. D1's does not, so samples neither stay nor count.
            self._left_stat4 = False
            self.control("DROP TABLE IF EXISTS main.sqlite_stat4")
        if self._renamed:
            self._renamed = False
            if renames_to_reserved(sql):  # the authorizer is not told the new name
                raise QueryError(d1.NOT_AUTHORIZED)

    # --- texts of any form ---

    def _execute_text(self, sql: str, params: tuple[Value, ...]) -> apsw.Cursor:
        """Run a text that may hold several statements, or none, as D1 does: the rows are the last one's."""
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
        # D1 steps all but the last statement to their first row only, and leaves them open.
        cursor = self._connection.execute(self._head)
        if self._left_stat4 or self._renamed:
            self._settle(self._head)
        try:
            cursor.get_description()
        except apsw.ExecutionCompleteError:
            return
        self._unfinished.append(cursor)

    def _trace(self, cursor: apsw.Cursor, head: str, _: object) -> bool:
        """Called with the first statement of `self._rest` before it runs; it runs if it is the last."""
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
        """Tell which of D1's two refusals of parameters is due."""
        try:
            self._tracing_cursor.execute(self._rest, (None,) * self._limits.variable_number)
        except apsw.BindingsError:
            raise QueryError(d1.WRONG_PARAMETERS) from None

    # --- errors ---

    def unavailable(self, error: Exception, path: str | None = None) -> UnavailableError:
        """The error of a database that is busy, full, unreadable or none at all."""
        return unavailable(error, path or self.path)

    def _error(
        self, error: Exception, index: int | None = None, sql: str = ""
    ) -> QueryError | UnavailableError:
        if isinstance(error, QueryError):
            return QueryError(str(error), index=index)
        if isinstance(error, apsw.BindingsError):
            return QueryError(d1.WRONG_PARAMETERS, index=index)
        if reason := self._watch.reason:
            self._watch.reason = ""
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
            return QueryError(d1.NO_STATEMENT, index=index)  # SQL ends at the character NUL
        if isinstance(error, UnicodeDecodeError):
            return QueryError(f"a text value is not UTF-8: {error}", index=index)
        return QueryError(str(error), index=index)
