"""`sqlite:PATH`: any SQLite file, through the same SQLite release as D1's and under D1's rules."""

from __future__ import annotations

import os
from itertools import count

import apsw

from d1migrate.drivers.engine import Engine
from d1migrate.drivers.protocol import Capabilities
from d1migrate.errors import UnavailableError
from d1migrate.hints import how_to_create
from d1migrate.sql.d1 import PRODUCTION, Limits

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from d1migrate.drivers.lock_wait import LockWait, OnWait
    from d1migrate.drivers.protocol import Permit
    from d1migrate.sql.batch import Batch, Result

_MEMORY = ":memory:"
_OPEN = apsw.SQLITE_OPEN_READWRITE
_CREATE = _OPEN | apsw.SQLITE_OPEN_CREATE


class SqliteDriver:
    """One SQLite file, or `:memory:` for a private database that lives until `close`.

    Nothing is opened before the first batch. Batches that only read leave the file, its directory and
    its write-ahead log as they were; the first batch that writes creates the file.

    Args:
        path: the file.
        url: how the user named the database, for messages.
        profile: the limits that apply to queries; production D1's by default.
        busy_timeout: seconds to wait for another process's transaction.
        on_wait: called with the reason and the seconds left in a wait that takes longer than a moment.
        permit: raises for a path that must not be written; called before the file is opened for writing.
        makes_folder: whether the folder is created with the file. Otherwise a missing folder is an error, as
            its name is probably wrong.
    """

    def __init__(
        self,
        path: str,
        *,
        url: str,
        profile: Limits = PRODUCTION,
        busy_timeout: float = 10.0,
        on_wait: OnWait | None = None,
        permit: Permit | None = None,
        makes_folder: bool = False,
    ) -> None:
        self.url, self.path = url, path
        self._profile, self._permit, self._makes_folder = profile, permit, makes_folder
        self._busy_timeout, self._on_wait = busy_timeout, on_wait
        self._lock_wait: LockWait | None = None
        self._reader: Engine | None = None
        self._writer: Engine | None = None  # once open, it also reads

    @property
    def capabilities(self) -> Capabilities:
        """It can be copied; a file can also be replaced."""
        file = None if self.path == _MEMORY else self
        return Capabilities(copy_to=self.copy_to, file=file, permit=self._permit)

    def batch(self, batch: Batch) -> Sequence[Result]:
        """Run the queries in order as one transaction; all of them, or nothing."""
        if batch.reads:
            return self._read(batch)
        if self._writer is None:
            self._close_reader()
            self._writer = self._open_writer()
        return self._writer.transaction(
            "BEGIN IMMEDIATE", batch.queries, keep_rows=False, last_rows=batch.last_rows
        )

    def close(self) -> None:
        """Close the file."""
        self._close_reader()
        if self._writer:
            self._writer.close()
            self._writer = None

    def copy_to(self, path: str) -> None:
        """Write a copy of the database, as it is now, to another file; this one is only read."""
        reader = self._reader or (self._open_reader() if self._writer is None else self._writer)
        reader.copy_to(path)
        if reader not in (self._reader, self._writer):
            reader.close()

    def copy_from(self, path: str, changed: Callable[[], bool] | None) -> None:
        """Replace the content by that of another file, as one transaction, which all connections see at once.

        Args:
            path: the other file, in a rollback journal mode.
            changed: what `detect_writes` returned; if it returns True, nothing is done.

        Raises:
            UnavailableError: the file is busy, or was written to. It is unchanged.
        """
        self.close()
        engine = self._open_writer()
        try:
            engine.copy_from(path, changed)
        finally:
            engine.close()

    def detect_writes(self) -> Callable[[], bool]:
        """Return a function that returns whether any process has written to the file since this call.

        It can be called while another connection of this process holds the write lock.
        """
        self.close()
        if not os.path.exists(self.path) or not os.path.getsize(self.path):
            return lambda: False  # there is nothing to lose
        # Not with the file to itself: the copy, and the later writer, would wait for this reader.
        engine = self._open_reader(alone=False)
        known = engine.version_of_data()

        def changed() -> bool:
            try:
                return bool(engine.version_of_data() != known)
            finally:
                engine.close()

        return changed

    def _close_reader(self) -> None:
        if self._reader:
            self._reader.close()
            self._reader = None

    def _open(self, path: str, flags: int) -> Engine:
        return Engine(path, flags, self._profile, on_busy=self._wait_for_lock)

    def _wait_for_lock(self, attempts: int) -> bool:
        """SQLite's busy handler: whether to try again."""
        if self._lock_wait is None:
            from d1migrate.drivers.lock_wait import LockWait

            self._lock_wait = LockWait(self._busy_timeout, self._on_wait)
        return self._lock_wait(attempts)

    # --- reading ---

    def _read(self, batch: Batch) -> Sequence[Result]:
        if self._writer:
            self._writer.control("PRAGMA query_only = ON")
            try:
                return self._writer.transaction("BEGIN", batch.queries, keep_rows=True)
            finally:
                self._writer.control("PRAGMA query_only = OFF")
        if self.path == _MEMORY:
            self._writer = self._open(_MEMORY, _CREATE)
            return self._read(batch)
        if self._reader is None and not self._exists():
            return self._read_nothing(batch)
        self._reader = self._reader or self._open_reader()
        try:
            return self._reader.transaction("BEGIN", batch.queries, keep_rows=True)
        finally:
            # Any other connection would wait as long as an exclusive one lives.
            if self._reader.is_exclusive:
                self._close_reader()

    def _exists(self) -> bool:
        """Whether the file exists.

        Raises:
            UnavailableError: its folder does not exist, or the path cannot be used.
        """
        try:
            os.stat(self.path)
        except FileNotFoundError:
            if not self._makes_folder:
                _refuse_missing_folder(self.path)
            return False
        except OSError as error:
            raise UnavailableError(f"{self.path}: {error.strerror}") from error
        return True

    def _read_nothing(self, batch: Batch) -> Sequence[Result]:
        engine = self._open(_MEMORY, _CREATE)
        try:
            engine.control("PRAGMA query_only = ON")
            return engine.transaction("BEGIN", batch.queries, keep_rows=True)
        finally:
            engine.close()

    def _open_reader(self, *, alone: bool = True) -> Engine:
        """Open the file for reading; `alone` permits an exclusive lock, to leave the folder as it is."""
        engine = self._open(self.path, _OPEN)
        log = f"{os.path.realpath(self.path)}-wal"  # APSW's own path of it must be UTF-8
        has_log = os.path.exists(log)
        if has_log:
            # Another process's log: the last connection to close would write it into the database.
            engine.configure(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)
            if alone and not os.path.exists(log[:-3] + "shm"):
                # A log copied without its index: with an exclusive lock, SQLite keeps the index in memory.
                engine.is_exclusive = True
                engine.control("PRAGMA locking_mode = EXCLUSIVE")
        try:
            engine.control("PRAGMA query_only = ON")
            engine.control("PRAGMA schema_version")  # the first access
        except (apsw.ReadOnlyError, apsw.CantOpenError) as error:  # the second on a read-only file system
            engine.close()
            if has_log:
                raise engine.unavailable(error) from error
            return self._open_immutable()
        except apsw.Error as error:
            engine.close()
            raise engine.unavailable(error) from error
        return engine

    def _open_immutable(self) -> Engine:
        """Open a WAL database without a log, in a directory where none can be created."""
        path = self.path.replace("%", "%25").replace("?", "%3f").replace("#", "%23")
        engine = self._open(f"file:{path}?immutable=1", apsw.SQLITE_OPEN_READONLY | apsw.SQLITE_OPEN_URI)
        engine.path = self.path
        return engine

    # --- writing ---

    def _open_writer(self) -> Engine:
        if self.path == _MEMORY:
            return self._open(_MEMORY, _CREATE)
        if self._permit:
            self._permit(self.path, "the database")
        if not self._exists() and self._makes_folder:
            try:
                os.makedirs(os.path.dirname(self.path), exist_ok=True)
            except OSError as error:
                raise UnavailableError(f"{self.path}: {error.strerror}") from error
        engine = self._open(self.path, _CREATE)
        try:
            self._initialize(engine)
        except BaseException:
            engine.close()
            raise
        return engine

    def _initialize(self, engine: Engine) -> None:
        """Make a new file like D1's: WAL, 4096-byte pages. A file with content keeps its journal mode."""
        if engine.read_only:
            raise engine.unavailable(apsw.ReadOnlyError("attempt to write a readonly database"))
        for attempt in count():
            try:
                if engine.control("PRAGMA page_count") == 0:
                    engine.control("PRAGMA journal_mode = WAL")
            except apsw.BusyError as error:
                # Another process is creating the file too; switching to WAL ignores the busy handler.
                if not self._wait_for_lock(attempt):
                    raise engine.unavailable(error) from error
            except apsw.Error as error:
                raise engine.unavailable(error) from error
            else:
                return


def _refuse_missing_folder(path: str) -> None:
    folder = os.path.dirname(path)
    if folder and not os.path.isdir(folder):
        raise UnavailableError(f"{path}: the folder {folder} does not exist", hint=how_to_create(folder))
