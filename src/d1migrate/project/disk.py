"""Writing files, whole or not at all. Devices, pipes and links are written to, never replaced.

A file is written under a hidden name in the same folder, flushed to the disk, and then renamed: a full disk,
a kill or a power failure leaves the old file or the new one, never a part that could be taken for a whole.
Everything durable is written through this module; private scratch files are `temporary`'s.
"""

from __future__ import annotations

import errno
import os
import re
import shutil
import stat
import sys
import time
from contextlib import contextmanager, suppress

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import IO

_JOURNALS = ("-journal", "-wal", "-shm")  # what SQLite keeps beside a file while it writes it
_HIDDEN = re.compile(r"\..+\.d1migrate-[0-9a-f]{8}\.tmp(-journal|-wal|-shm)?")
_STALE = 3600  # seconds after which a hidden file is one that a killed process left
_READER_WAIT = 3.0  # seconds that a FIFO may take to get a reader


def create(path: str, text: str) -> None:
    """Write a file that must not exist yet.

    Raises:
        FileExistsError: it exists, even if another process created it a moment ago.
        OSError: it cannot be written. Nothing of it is left.
    """
    with _text_beside(path, private=False) as (file, hidden):
        file.write(text)
        _flush(file)
        _name(hidden, path)
    sync_folder(path)


def replace(path: str, text: str) -> None:
    """Write a file, over an older one if there is one; arguments and errors as `replacing`."""
    with replacing(path) as file:
        file.write(text)


@contextmanager
def replacing(path: str, *, private: bool = False) -> Iterator[IO[str]]:
    """Open a text file for writing; it replaces an older one if the block ends without an error.

    The older file's mode and owner are kept, and a link keeps leading to it. A device, a FIFO or a standard
    stream of this process is written to as it is.

    Args:
        path: the file. Line ends are written as they are given.
        private: whether only the owner may read it, whatever an older file allowed.

    Raises:
        OSError: it cannot be written, or no process reads the FIFO.
    """
    if is_stream(path):
        with _stream(path) as file:
            yield file
        return
    target = os.path.realpath(path)
    with _text_beside(target, private=private) as (file, hidden):
        yield file
        _flush(file)
        if not private:
            _keep_owner_and_mode(target, hidden)
        os.replace(hidden, target)
    sync_folder(target)


@contextmanager
def hidden_beside(path: str, mode: int) -> Iterator[str]:
    """Create an empty hidden file in the folder of a path, for what opens files itself, as SQLite does.

    At the end of the block it is removed, with SQLite's journals, unless `publish` has renamed it.

    Args:
        path: the file that it may become.
        mode: its permissions; the owner can always read and write it.
    """
    folder, name = os.path.split(path)
    _remove_stale(folder or ".")
    hidden = os.path.join(folder, f".{name[:100]}.d1migrate-{os.urandom(4).hex()}.tmp")
    os.close(os.open(hidden, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode | 0o600))
    try:
        yield hidden
    finally:
        for left in (hidden, *(hidden + end for end in _JOURNALS if os.path.exists(hidden + end))):
            with suppress(OSError):
                os.unlink(left)


def publish(hidden: str, path: str) -> None:
    """Flush a hidden file to the disk and rename it, over an older one if there is one."""
    with open(hidden, "r+b") as file:
        os.fsync(file.fileno())
    os.replace(hidden, path)
    sync_folder(path)


def copy(source: str, path: str) -> None:
    """Copy a file, whole or not at all; whoever may not read the file may not read the copy.

    Raises:
        OSError: it cannot be read, or the copy cannot be written.
    """
    with hidden_beside(path, stat.S_IMODE(os.stat(source).st_mode)) as hidden:
        shutil.copyfile(source, hidden)
        publish(hidden, path)


def is_stream(path: str) -> bool:
    """Whether a path is written to instead of replaced: a device, a FIFO, or this process's own output."""
    try:
        found = os.stat(path)
    except (FileNotFoundError, NotADirectoryError):
        return False
    return not (stat.S_ISREG(found.st_mode) or stat.S_ISDIR(found.st_mode)) or _descriptor(found) is not None


def is_stdout(path: str) -> bool:
    """Whether writing to a path is writing to stdout."""
    with suppress(OSError):
        return os.path.samestat(os.stat(path), os.fstat(1))
    return False


@contextmanager
def locked(folder: str) -> Iterator[None]:
    """Lock a folder; other commands that change its files wait. A killed process releases it.

    Nothing is locked if the folder does not exist or its file system has no locks.
    """
    number = None
    with suppress(OSError):
        number = os.open(folder, os.O_RDONLY)
    try:
        with suppress(OSError, ImportError):  # not on Windows
            import fcntl

            if number is not None:
                fcntl.flock(number, fcntl.LOCK_EX)
        yield
    finally:
        if number is not None:
            os.close(number)


def create_folder_of(path: str) -> None:
    """Create the folder of a file, if it does not exist.

    Raises:
        OSError: it cannot be created.
    """
    folder = os.path.dirname(path)
    if folder and not os.path.isdir(folder):
        os.makedirs(folder, exist_ok=True)
        sync_folder(folder)


def sync_folder(path: str) -> None:
    """Make a renamed file's name as durable as its content, if the system can."""
    with suppress(OSError):  # not on Windows
        folder = os.open(os.path.dirname(path) or ".", os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


@contextmanager
def _text_beside(path: str, *, private: bool) -> Iterator[tuple[IO[str], str]]:
    """Open a hidden text file beside another file; yield it and its path."""
    with (
        hidden_beside(path, 0o600 if private else 0o666) as hidden,
        open(hidden, "w", encoding="utf-8", newline="") as file,
    ):
        yield file, hidden


def _flush(file: IO[str]) -> None:
    file.flush()
    os.fsync(file.fileno())


def _name(hidden: str, path: str) -> None:
    """Give a file its name unless it exists: a link, unlike a rename, never replaces."""
    try:
        os.link(hidden, path)
    except OSError:  # the name exists, or the file system has no hard links
        if os.path.lexists(path):
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), path) from None
        os.rename(hidden, path)


def _keep_owner_and_mode(path: str, hidden: str) -> None:
    with suppress(FileNotFoundError):
        old, new = os.stat(path), os.stat(hidden)
        if (old.st_uid, old.st_gid) != (new.st_uid, new.st_gid):
            with suppress(OSError):  # only root may give files away
                os.chown(hidden, old.st_uid, old.st_gid)
        os.chmod(hidden, stat.S_IMODE(old.st_mode))


def _remove_stale(folder: str) -> None:
    """Remove hidden files that killed processes left in a folder."""
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            if _HIDDEN.fullmatch(entry.name):
                with suppress(OSError):
                    if entry.stat(follow_symlinks=False).st_mtime < time.time() - _STALE:
                        os.unlink(entry.path)


@contextmanager
def _stream(path: str) -> Iterator[IO[str]]:
    found = os.stat(path)
    own = _descriptor(found)
    if own is not None and sys.stdout:
        sys.stdout.flush()
    if own is not None and stat.S_ISREG(found.st_mode):
        number = os.dup(own)  # opened by its path, it would be overwritten from its start
    elif stat.S_ISFIFO(found.st_mode):
        number = _open_fifo(path)
    else:
        number = os.open(path, os.O_WRONLY | getattr(os, "O_NOCTTY", 0))
    with open(number, "w", encoding="utf-8", newline="") as file:
        yield file


def _open_fifo(path: str) -> int:
    """Open a FIFO for writing, with a time limit: without one, open waits forever for a reader."""
    deadline = time.monotonic() + _READER_WAIT
    while True:
        try:
            number = os.open(path, os.O_WRONLY | os.O_NONBLOCK)
        except OSError as error:
            if error.errno != errno.ENXIO:
                raise
            if time.monotonic() > deadline:
                raise OSError(errno.ENXIO, "no process reads from this FIFO", path) from None
            time.sleep(0.02)
        else:
            os.set_blocking(number, True)
            return number


def _descriptor(found: os.stat_result) -> int | None:
    """Return which of stdout and stderr a file is, if it is one."""
    for number in (1, 2):
        with suppress(OSError):
            if os.path.samestat(found, os.fstat(number)):
                return number
    return None
