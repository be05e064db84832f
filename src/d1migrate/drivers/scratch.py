"""A private database in memory that reports what statements would do and what they access."""

from __future__ import annotations

import apsw

from d1migrate.drivers.engine import Engine
from d1migrate.drivers.plain import Watchdog
from d1migrate.errors import QueryError
from d1migrate.named_tuple import NamedTuple
from d1migrate.sql import d1

_ACTIONS = {d1.DELETE: "delete", d1.INSERT: "insert", d1.UPDATE: "update", d1.READ: "read"}
_FLAGS = apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_CREATE | apsw.SQLITE_OPEN_MEMORY

_STEPS = 1_000
"""SQLite's operations between two checks of the memory: a few of them can write a row of 2 MB."""


class Action(NamedTuple):
    """An access that SQLite's authorizer reported: rows of `table` are read, updated, inserted or deleted.

    Attributes:
        kind: read, insert, update or delete.
        table: its name as the schema has it.
        column: the column that is read or updated; "" for whole rows.
        by: the trigger or view that causes it; "" for the statement itself.
    """

    kind: str
    table: str
    column: str
    by: str


class Outcome(NamedTuple):
    """The result of a statement: D1's refusal or None, and what it accessed."""

    refusal: str | None
    actions: tuple[Action, ...]


_spare: list[ScratchEngine] = []
"""An engine that was given back, empty again: opening another takes as long as ten small statements."""


class ScratchEngine(Engine):
    """An empty database in memory, under D1's rules; everything runs in one transaction."""

    def __init__(self) -> None:
        super().__init__(":memory:", _FLAGS, d1.PRODUCTION)
        self._actions: dict[Action, None] = {}
        self._may_keep_state = False  # such as settings, which a rollback leaves
        self._preparing = self._connection.cursor()
        self._preparing.exec_trace = lambda *_: False
        self._connection.authorizer = self._authorize_and_note
        self._watchdog = Watchdog(self._connection, steps=_STEPS)
        self.control("PRAGMA temp_store = MEMORY")  # so that the memory limit applies to it
        self._begin()

    @classmethod
    def take(cls) -> ScratchEngine:
        """Return an engine to use and to `give_back`."""
        return _spare.pop() if _spare else cls()

    def give_back(self) -> None:
        """Empty the engine for its next user, or close it if that could notice what ran."""
        if self._may_keep_state or not self._connection.in_transaction or _spare:
            self.close()
            return
        self.control("ROLLBACK")
        self._begin()
        self._left_stat4, self._renamed, self._refusal = False, False, ""
        _spare.append(self)

    def _begin(self) -> None:
        self.control("BEGIN")
        self.control("SELECT 1")  # SQLite has the place of some errors only once the schema is loaded

    def _authorize_and_note(
        self, action: int, arg1: str | None, arg2: str | None, database: str | None, by: str | None
    ) -> int:
        kind = _ACTIONS.get(action)
        if kind:
            if arg1 == "sqlite_master" and database == "main":  # most of what CREATE does
                return apsw.SQLITE_OK
            if not self._trusted and arg1 and arg1 != "sqlite_temp_master":
                self._actions[Action(kind, arg1, arg2 or "", by or "")] = None
        elif action == d1.CREATE_VTABLE or (action == d1.PRAGMA and not self._trusted):
            self._may_keep_state = True  # a virtual table may keep statements of its own open
        return self._authorize(action, arg1, arg2, database, by)

    def run(self, sql: str, *, prepare_only: bool = False) -> Outcome:
        """Run one statement, or only prepare it."""
        self._actions = {}
        if len(sql.encode()) > d1.WORKERD.sql_length:
            return Outcome(d1.TOO_LONG, ())
        refusal = None
        self._watchdog.armed, self._watchdog.started = True, 0.0
        try:
            if prepare_only:
                self._prepare(sql)
            else:
                for _ in self._execute(sql, can_cache=False):
                    pass
            if self._left_stat4 or self._renamed:
                self._settle(sql)
        except (apsw.Error, QueryError, ValueError, OverflowError) as error:
            refusal = str(self._error(error, 0, sql))
        finally:
            self._watchdog.armed = False
        return Outcome(refusal, tuple(self._actions))

    def _prepare(self, sql: str) -> None:
        try:
            self._preparing.execute(sql, can_cache=False)
        except apsw.ExecTraceAbort:
            return

    def prepares_without_string_names(self, sql: str) -> str | None:
        """Prepare a statement with `"…"` always a name, as in the SQL standard; return the error or None."""
        for option in (apsw.SQLITE_DBCONFIG_DQS_DML, apsw.SQLITE_DBCONFIG_DQS_DDL):
            self.configure(option, 0)
        try:
            return self.run(sql, prepare_only=True).refusal
        finally:
            for option in (apsw.SQLITE_DBCONFIG_DQS_DML, apsw.SQLITE_DBCONFIG_DQS_DDL):
                self.configure(option, 1)

    def build(self, sql: str) -> bool:
        """Run a CREATE without D1's rules, from a database that has it; return whether SQLite accepted it."""
        try:
            self.control(sql)
        except apsw.Error:
            return False
        return True
