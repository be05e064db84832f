"""`do:CLASS/NAME`: the local file of a Durable Object, as `wrangler dev` keeps it. It is only read.

An object has no access for SQL from outside: its own Worker alone changes it, on Cloudflare and here.
"""

from __future__ import annotations

import os

from d1migrate.drivers.protocol import Capabilities
from d1migrate.drivers.sqlite import SqliteDriver
from d1migrate.drivers.url import split_options
from d1migrate.drivers.worker_classes import worker_of
from d1migrate.drivers.wrangler import object_id, state_folder
from d1migrate.drivers.wrangler_config import config_for, section_of
from d1migrate.errors import DamagedError, DriverError, UsageError
from d1migrate.hints import listed, nearest
from d1migrate.sql.batch import Batch, Query

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from d1migrate.drivers.lock_wait import OnWait
    from d1migrate.sql.batch import Result

_NAME = Query("SELECT name FROM __miniflare_do_name")
_ID = 64  # hexadecimal digits
_LOST = "stop `wrangler dev` and move the file away: the next request creates the object again, empty"
_LOOKED_AT = 100  # objects that are opened for their names
_SHOWN = 3


class ObjectDriver:
    """The file of a Durable Object, for reading. A running `wrangler dev` is not disturbed.

    Args:
        path: the file.
        url: how the user named the object.
        on_wait: as SqliteDriver takes it.
    """

    def __init__(self, path: str, *, url: str, on_wait: OnWait | None = None) -> None:
        self.url = url
        self._file = SqliteDriver(path, url=url, on_wait=on_wait)

    @property
    def capabilities(self) -> Capabilities:
        """It can be copied."""
        return Capabilities(copy_to=self._file.copy_to)

    def batch(self, batch: Batch) -> Sequence[Result]:
        """Run queries that read.

        Raises:
            UsageError: the batch writes.
            DamagedError: the file is damaged, or not a database.
        """
        if not batch.reads:
            raise read_only(self.url)
        try:
            return self._file.batch(batch)
        except DamagedError as error:  # its hint is about restore points, which an object does not have
            raise DamagedError(str(error), hint=_LOST) from error

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def read_only(url: str) -> UsageError:
    """Return the error of a command that would change an object."""
    return UsageError(
        f"{url} can only be read: only its own Worker can change a Durable Object",
        hint="the Worker applies its index at the next request to the object; `d1migrate up --dry-run` shows"
        " which migrations are pending",
    )


def object_file(rest: str, *, config: str | None, url: str) -> str:
    """Return the path of an object's file.

    Args:
        rest: CLASS/NAME[?env=E&persist-to=DIR]; NAME is the object's name or id, of 64 hexadecimal digits.
        config: the wrangler configuration; by default the one that wrangler would use.
        url: how the user named the object, for messages.

    Raises:
        UsageError: there is no configuration, it cannot be read, it has no such class, the class is not
            SQLite-backed, or there is no such object.
    """
    found, options = split_options(rest)
    class_name, _, name = found.partition("/")
    path = config_for(url, config)
    key = f"{worker_of(class_name, section_of(path, options))}-{class_name}"
    folder = os.path.join(state_folder(path, options), "v3", "do", key)
    wanted = name.lower() if _is_id(name) else object_id(key, name)
    file = os.path.join(folder, f"{wanted}.sqlite")
    if not name or not os.path.isfile(file):
        raise _no_object(url, class_name, name, folder)
    return file


def _is_id(name: str) -> bool:
    return len(name) == _ID and all(digit in "0123456789abcdefABCDEF" for digit in name)


def _no_object(url: str, class_name: str, name: str, folder: str) -> UsageError:
    """Return the error of an object without a file."""
    problem = f"{url}: no such object in {folder}" if name else f"{url} names no object"
    known = _known(folder)
    if not known:
        return UsageError(
            problem,
            hint="`wrangler dev` creates an object at the first request to it; see also persist-to=DIR",
        )
    meant = nearest(name, known) if name else None
    urls = [f"do:{class_name}/{each}" for each in ([meant] if meant else known)]
    return UsageError(problem, hint=f"did you mean {urls[0]}?" if meant else f"known: {listed(urls, _SHOWN)}")


def _known(folder: str) -> list[str]:
    """Return what names each of the first objects in a folder: its name if its file has it, else its id."""
    try:
        entries = sorted(os.listdir(folder))
    except OSError:
        return []
    ids = [entry.removesuffix(".sqlite") for entry in entries if entry.endswith(".sqlite")]
    return [_name_of(folder, each) or each for each in filter(_is_id, ids[:_LOOKED_AT])]


def _name_of(folder: str, object_id: str) -> str | None:
    file = SqliteDriver(os.path.join(folder, f"{object_id}.sqlite"), url=object_id, busy_timeout=0)
    try:
        (found,) = file.batch(Batch([_NAME], reads=True))
    except DriverError:  # only a recent `wrangler dev` stores it
        return None
    finally:
        file.close()
    return str(found.rows[0][0]) if found.rows else None
