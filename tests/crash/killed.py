"""A process whose children run migrations, and are killed or find the disk full at a chosen moment."""

from __future__ import annotations

import itertools
import json
import os
import signal
import subprocess
import sys
import traceback
from typing import TYPE_CHECKING, Any, Literal

import apsw
import httpx

from d1migrate.drivers import cloudflare
from d1migrate.drivers.rest import RestDriver
from d1migrate.drivers.sqlite import SqliteDriver
from d1migrate.errors import ApplyError, UnavailableError
from d1migrate.migrator import Migrator
from d1migrate.project.files import load_migrations
from tests.crash.runs import ACTIONS, PATTERN, ROOT, Watched

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from d1migrate.drivers.protocol import Driver

    Where = Literal["query", "disk", "full disk", "request"]

FAILED = 3  # the exit code of a child that was told that the database is not available


class Killed:
    """A process that runs an action in a child for every job, and tells how the child ended."""

    def __init__(self, folder: Path, options: dict[str, str]) -> None:
        self.folder, self.options = folder, options
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.crash.killed", str(folder), json.dumps(options)],
            cwd=ROOT,
            env=os.environ | {"PYTHONPATH": os.pathsep.join(map(os.path.abspath, sys.path))},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def run(self, path: Path | str, action: str, where: Where, moment: int, **variables: str) -> bool:
        """Run an action that is cut at a moment; False if it ended before that.

        Requests are those to the remote D1 with the id `path`, where `variables` say.
        """
        assert self._process.stdin
        assert self._process.stdout
        job: dict[str, object] = {"path": str(path), "folder": str(self.folder), "action": action}
        job["options"] = self.options
        job |= {"where": where, "moment": moment, "variables": variables}
        print(json.dumps(job), file=self._process.stdin, flush=True)
        answer = self._process.stdout.readline()
        ends = (FAILED if where == "full disk" else -signal.SIGKILL, 0)
        assert answer.strip() in map(str, ends), f"{action}, {where} {moment}: it failed by itself: {answer}"
        return answer.strip() != "0"

    def close(self) -> None:
        """End it."""
        self._process.communicate()


def _serve(folder: str, options: dict[str, str]) -> None:
    _warm_up(folder, options)
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            try:
                os._exit(_run(**json.loads(line)))
            except BaseException:
                traceback.print_exc()
                os._exit(1)
        _, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)


def _warm_up(folder: str, options: dict[str, str]) -> None:
    """Run every action once, so that lazy imports happen here and not in every child."""
    migrator = _migrator(SqliteDriver(":memory:", url="sqlite::memory:"), folder, options)
    for action in ("up", "down"):
        ACTIONS[action](migrator)
    migrator.close()


def _migrator(driver: Driver, folder: str, options: dict[str, str]) -> Migrator:
    return Migrator(driver, load_migrations(folder, pattern=PATTERN), **options)  # type: ignore[arg-type]


def _run(
    path: str,
    folder: str,
    options: dict[str, str],
    action: str,
    where: str,
    moment: int,
    variables: dict[str, str],
) -> int:
    driver: Driver = SqliteDriver(path, url=f"sqlite:{path}")
    if where == "request":
        api = cloudflare.Api(cloudflare.settings(variables), transport=Wire(killer(moment)))
        driver = RestDriver(path, url=f"d1:{path}", api=api)
    elif where == "query":
        driver = Watched(driver, killer(moment))
    else:
        disk = Disk(killer(moment) if where == "disk" else filler(moment))
        assert disk  # kept as long as files are open
    migrator = _migrator(driver, folder, options)
    try:
        ACTIONS[action](migrator)
    except ApplyError as error:
        if isinstance(error.__cause__, UnavailableError):
            return FAILED
        raise
    if where != "full disk":  # there, APSW would raise what SQLite knows how to ignore
        migrator.close()
    return 0


def killer(at: int) -> Callable[..., None]:
    """Return what kills this process at a moment."""

    def kill(moment: int, grows: bool = False) -> None:
        if moment == at:
            os.kill(os.getpid(), signal.SIGKILL)

    return kill


def filler(at: int) -> Callable[[int, bool], None]:
    """Return what refuses bytes from a moment on, as a full disk does."""

    def refuse(moment: int, grows: bool) -> None:
        if grows and moment >= at:
            raise apsw.exception_for(apsw.SQLITE_FULL)

    return refuse


class Wire(httpx.HTTPTransport):
    """The way to Cloudflare; it calls `at` with a number before every request and after every response."""

    def __init__(self, at: Callable[[int], None]) -> None:
        super().__init__()
        self._at, self._moments = at, itertools.count()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request and receive the answer."""
        self._at(next(self._moments))
        response = super().handle_request(request)
        data = b"".join(response.iter_raw())
        response.close()
        self._at(next(self._moments))
        return httpx.Response(response.status_code, headers=response.headers, stream=httpx.ByteStream(data))


class Disk(apsw.VFS):
    """The files of every connection opened from now on.

    It calls `at` before every write, with its number and whether it puts bytes into a file.
    """

    def __init__(self, at: Callable[[int, bool], None]) -> None:
        base = apsw.vfs_names()[0]
        super().__init__("killed", base, makedefault=True)
        self.base, self._at, self._writes = base, at, itertools.count()

    def write(self, *, grows: bool = False) -> None:
        """Count a write that is about to happen."""
        self._at(next(self._writes), grows)

    def xOpen(self, name: Any, flags: list[int]) -> DiskFile:  # noqa: N802
        """Open a file."""
        return DiskFile(self, name, flags)

    def xDelete(self, filename: str, syncdir: bool) -> None:  # noqa: N802
        """Delete a file."""
        self.write()
        super().xDelete(filename, syncdir)


class DiskFile(apsw.VFSFile):
    """One of its files."""

    def __init__(self, disk: Disk, name: Any, flags: list[int]) -> None:
        super().__init__(disk.base, name, flags)
        self._disk = disk

    def xWrite(self, data: bytes, offset: int) -> None:  # noqa: N802
        """Write."""
        self._disk.write(grows=True)
        super().xWrite(data, offset)

    def xTruncate(self, newsize: int) -> None:  # noqa: N802
        """Shorten."""
        self._disk.write()
        super().xTruncate(newsize)

    def xSync(self, flags: int) -> None:  # noqa: N802
        """Wait for the disk."""
        self._disk.write()
        super().xSync(flags)


if __name__ == "__main__":
    _serve(sys.argv[1], json.loads(sys.argv[2]))
