"""Connections without D1's rules, and the time and memory limits of every statement in this process."""

from __future__ import annotations

import os
import time
from contextlib import suppress

import apsw

from d1migrate.errors import DamagedError, UnavailableError
from d1migrate.sql.d1 import QUERY_SECONDS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import TracebackType

STEPS = 5_000
"""SQLite's operations between two checks of the clock, about 50 µs: a check costs less than 1 % of that."""

_AT_FAULT = (
    apsw.BusyError,
    apsw.CantOpenError,
    apsw.CorruptError,
    apsw.FullError,
    apsw.IOError,
    apsw.NoMemError,
    apsw.NotADBError,
    apsw.PermissionsError,
)


def is_at_fault(error: object) -> bool:
    """Whether an error is the fault of the file or the system, not of the statement."""
    # A statement can make the content of a virtual table inconsistent; the file itself is intact.
    code = getattr(error, "extendedresult", 0)
    return isinstance(error, _AT_FAULT) and code != apsw.SQLITE_CORRUPT_VTAB


class Watchdog:
    """Stops a statement that runs longer than D1 allows, or uses too much memory, once it is `armed`.

    SQLite runs a statement without returning to Python. This handler is called now and then, so a keyboard
    interrupt is handled as well.

    Attributes:
        seconds: how long a statement may run.
        memory: how many bytes of memory a statement may add to SQLite's; D1 has half as many in all.
        armed: whether the limits apply; they do not to the tool's own statements.
        started: when the current statement was first checked; 0 before that.
        reason: why a statement was stopped, otherwise "".
    """

    seconds: float = QUERY_SECONDS
    memory = 256_000_000

    def __init__(self, connection: apsw.Connection, *, steps: int = STEPS) -> None:
        self.armed, self.started, self.reason = False, 0.0, ""
        self._before = 0
        connection.set_progress_handler(self._look, steps)

    def _look(self) -> bool:
        if not self.armed:
            return False
        now = time.monotonic()
        if not self.started:
            self.started, self._before = now, apsw.memory_used()
        elif now - self.started > self.seconds:
            self.reason = f"it ran for {self.seconds:g} s, D1's limit for a query"
        elif apsw.memory_used() - self._before > self.memory:
            self.reason = f"it used {self.memory // 1_000_000} MB of memory, more than D1 has"
        return bool(self.reason)


class PlainConnection:
    """A connection for the length of a `with`, under no rules but SQLite's.

    Args:
        path: the file; what errors call it.
        scratch: whether the file may be lost in a power failure.
        flags: SQLite's open flags.

    Raises:
        UnavailableError: SQLite cannot read or write the file. DamagedError: the file is damaged.
    """

    def __init__(
        self,
        path: str,
        *,
        scratch: bool = False,
        flags: int = apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_CREATE,
    ) -> None:
        self._path, self._scratch, self._flags = path, scratch, flags
        self._connection: apsw.Connection | None = None

    def __enter__(self) -> apsw.Connection:
        try:
            self._connection = apsw.Connection(self._path, flags=self._flags)
            Watchdog(self._connection)
            if self._scratch:
                self._connection.execute("PRAGMA synchronous = OFF")
        except apsw.Error as error:
            raise unavailable(error, self._path) from error
        return self._connection

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if self._connection:
                with suppress(apsw.BusyError):  # FTS5 keeps a statement of a read that it refused
                    self._connection.close()
        except apsw.Error as failure:
            if error is None:
                raise unavailable(failure, self._path) from failure
        refuse_fault(error, self._path)


def refuse_fault(error: BaseException | None, path: str) -> None:
    """Raise the error of a file if it is at fault for an error of the engine."""
    if isinstance(error, apsw.Error) and is_at_fault(error):
        raise unavailable(error, path) from error
    if isinstance(error, UnicodeDecodeError):
        raise UnavailableError(f"{path}: a text value is not UTF-8: {error}") from error


def unavailable(error: Exception, path: str) -> UnavailableError:
    """Return the error of a file that is busy, full, unreadable, damaged or not a database."""
    reason, code = str(error), getattr(error, "extendedresult", 0)
    hint = next((text for kind, text in _HINTS.items() if isinstance(error, kind)), None)
    if isinstance(error, UnicodeEncodeError):
        reason = "the name is not UTF-8, which SQLite requires"
    if reason == "not an error":  # the backup API's message when a disk is full
        reason = str(apsw.mapping_extended_result_codes.get(code, code))
    if isinstance(error, apsw.CantOpenError) and os.path.isdir(path):
        reason, hint = "it is a folder, not a file", f"name a file in it, e.g. {os.path.join(path, 'app.db')}"
    damaged = isinstance(error, apsw.NotADBError | apsw.CorruptError)
    return (DamagedError if damaged else UnavailableError)(f"{path}: {reason}", hint=hint)


_PERMISSIONS = "check the permissions of the file and of its folder"
_POINTS = "`d1migrate restore` lists the points that it can be restored to"
_HINTS = {
    apsw.BusyError: "another process holds a transaction: let it finish, then run the command again",
    apsw.NotADBError: f"check the path; if this is the database, {_POINTS}",
    apsw.CorruptError: _POINTS,
    apsw.CantOpenError: _PERMISSIONS,
    apsw.PermissionsError: _PERMISSIONS,
    apsw.ReadOnlyError: _PERMISSIONS,
    apsw.FullError: "free some space on the disk, then run the command again",
}
