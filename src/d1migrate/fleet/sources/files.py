"""`databases = "sqlite:GLOB"`: the SQLite files whose paths match."""

from __future__ import annotations

import glob
import os
import stat

from d1migrate.drivers.file_format import is_database
from d1migrate.errors import UsageError
from d1migrate.fleet.tenant import Listed, Tenant

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

_COMPANIONS = ("-wal", "-shm", "-journal")
"""The ends of the names of files that SQLite keeps beside a database."""
_EMPTY = 0


def list_files(pattern: str) -> Iterator[Listed]:
    """Yield the files that match, in the order of their paths.

    A tenant is called by its path below the folder that the pattern begins with. An empty file is a database
    without tables. A file that cannot be read is listed: its migration reports why.

    Args:
        pattern: `*`, `?` and `[…]` match within a name, `**` matches folders; hidden files are left out.

    Raises:
        UsageError: something else than a database matches.
    """
    folder = _fixed_folder(pattern)
    for path in sorted(glob.iglob(pattern, recursive=True)):
        if path.endswith(_COMPANIONS):
            continue
        if wrong := _what_name(path):
            raise UsageError(f"{path!a} {wrong}", hint="rename the file, or narrow the pattern")
        if (wrong := what_else(path)) is not None:
            raise UsageError(
                f"{path} {wrong}", hint='narrow the pattern, for example: databases = "sqlite:data/*.db"'
            )
        if os.path.exists(path):  # it may have been deleted since
            yield local(path, os.path.relpath(path, folder) if folder else path, path)


def local(path: str, name: str, place: str) -> Listed:
    """Return a file as a list has it.

    Raises:
        UsageError: it does not exist, or cannot be reached.
    """
    try:
        status = os.stat(path)
    except OSError as error:
        raise UsageError(f"cannot find {path}: {error.strerror}") from error
    real = os.path.realpath(path)
    return Listed(Tenant(real, name, f"sqlite:{real}"), f"{status.st_dev} {status.st_ino}", place)


def _what_name(path: str) -> str | None:
    """Return what is wrong with a path as a part of a url; None if it can be one."""
    if "?" in path:
        return "has a '?' in its name, after which a url has options"
    try:
        path.encode()
    except UnicodeEncodeError:
        return "is not valid UTF-8"
    return None


def what_else(path: str) -> str | None:
    """Return what a path is if it is not a database; None if it is one, or cannot be read."""
    try:
        status = os.stat(path)
        if stat.S_ISDIR(status.st_mode):
            return "is a folder, not a database"
        is_one = status.st_size == _EMPTY or is_database(path)
        return None if is_one and stat.S_ISREG(status.st_mode) else "is not a SQLite database"
    except FileNotFoundError:
        return "is a link to a file that does not exist" if os.path.islink(path) else None
    except OSError:
        return None


def _fixed_folder(pattern: str) -> str:
    """Return the folder that all matches are in."""
    folder = os.path.dirname(pattern)
    while glob.has_magic(folder):
        folder = os.path.dirname(folder)
    return folder
