"""Private folders for copies of databases, which contain users' data.

Only the owner may enter one. A killed process cannot remove its folder, so each folder has a file that is
locked while the process lives; the next process that creates a folder removes those whose lock is free.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import weakref
from contextlib import suppress
from functools import cache

try:
    import fcntl
except ImportError:  # Windows, where a file that is open cannot be removed
    fcntl = None  # type: ignore[assignment]

_PREFIX, _LOCK_NAME = "d1migrate-", "lock"


class PrivateFolder:
    """A folder in the temporary folder. `close` removes it; after a kill, the next process does.

    Attributes:
        path: the folder.
    """

    def __init__(self) -> None:
        _remove_abandoned()
        self.path, lock = _made()
        self._remove = weakref.finalize(self, _remove, self.path, lock)

    def file(self, name: str) -> str:
        """Create an empty file that only its owner may read, and return its path."""
        path = os.path.join(self.path, name)
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        return path

    def close(self) -> None:
        """Remove the folder and its content; what cannot be removed now is removed by the next run."""
        self._remove()


def _remove(path: str, lock: int) -> None:
    if fcntl is None:
        os.close(lock)
    shutil.rmtree(path, ignore_errors=True)
    if fcntl is not None:
        os.close(lock)


def _made() -> tuple[str, int]:
    """Return a new folder, and the lock that marks it as in use."""
    while True:
        folder = tempfile.mkdtemp(prefix=_PREFIX)
        path = os.path.join(folder, _LOCK_NAME)
        try:
            lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
        except FileNotFoundError:  # another process removed it as abandoned
            continue
        if _lock(lock) is not False and os.path.exists(path):
            return folder, lock
        os.close(lock)


@cache
def _remove_abandoned() -> None:
    """Remove the folders of processes that were killed; once in a process."""
    try:
        with os.scandir(tempfile.gettempdir()) as entries:
            found = [
                e.path for e in entries if e.name.startswith(_PREFIX) and e.is_dir(follow_symlinks=False)
            ]
    except OSError:
        return
    for folder in found:
        with suppress(OSError):
            _remove_if_abandoned(folder)


def _remove_if_abandoned(folder: str) -> None:
    if hasattr(os, "geteuid") and os.stat(folder).st_uid != os.geteuid():
        return
    path = os.path.join(folder, _LOCK_NAME)
    if fcntl is None:
        os.unlink(path)  # refused while a process has it open
        shutil.rmtree(folder, ignore_errors=True)
        return
    try:
        lock = os.open(path, os.O_RDWR | os.O_NOFOLLOW)
    except FileNotFoundError:
        os.rmdir(folder)  # killed before it created the lock: the folder is empty, or not ours
        return
    try:
        if _lock(lock):
            shutil.rmtree(folder, ignore_errors=True)
    finally:
        os.close(lock)


def _lock(file: int) -> bool | None:
    """Lock a file until it is closed; False if another process has, None if the file system has no locks."""
    if fcntl is None:
        return None
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:  # some network file systems
        return None
    return True
