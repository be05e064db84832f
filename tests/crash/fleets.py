"""Fleets whose processes are killed: the project, the command as a process, and what is found afterward.

How far a process is, is seen from outside: from the tenants' files, and from the requests to the server.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import closing
from typing import TYPE_CHECKING, Any, NamedTuple

import apsw

from tests.runtime import tenants

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from tests.runtime.cloudflare import Cloudflare

APPLIED = 3
"""Migrations that most tenants begin with; one more is to be applied."""
TARGET = APPLIED + 1

_PATIENCE = 600  # seconds until a process is taken for stuck
_SHARE = 10  # a look at how far a process is takes a tenth of the time: thousands of tenants take a while
_FLEET = '[fleet.tenants]\ndatabases = "{}"\nmigrations = "migrations"\n'


class Summary(NamedTuple):
    """How a process ended, and what the journal says then.

    Attributes:
        code: its exit code.
        output: what it printed.
        counts: the numbers of `fleet status --json`.
    """

    code: int
    output: str
    counts: Mapping[str, Any]


def end_leases(journal: Path, owner: str = "%") -> None:
    """Put the lease of a dead process into the past, or those of all."""
    with closing(apsw.Connection(str(journal))) as connection:
        connection.set_busy_timeout(30_000)
        if connection.execute("SELECT count(*) FROM sqlite_schema WHERE name = 'fleet_processes'").get:
            connection.execute("UPDATE fleet_processes SET until = 0 WHERE owner LIKE ?", (owner,))


class Fleet:
    """A project with one fleet, and the command that migrates it.

    Args:
        folder: of the project.
        databases: the setting of this name.
        progress: returns a number that grows as tenants are migrated.
        environment: more variables for the command.
        more: lines of the section besides.
    """

    def __init__(
        self,
        folder: Path,
        databases: str,
        progress: Callable[[], int],
        environment: Mapping[str, str] | None = None,
        more: str = "",
    ) -> None:
        self.folder, self._progress = folder, progress
        self._environment = {**os.environ, **(environment or {})}
        tenants.write(folder / "migrations", TARGET)
        (folder / "d1migrate.toml").write_text(_FLEET.format(databases) + more)

    def start(self, action: str = "up", *arguments: str) -> subprocess.Popen[str]:
        """Start the command, in a process group of its own."""
        return subprocess.Popen(
            [sys.executable, "-m", "d1migrate", "fleet", action, *arguments],
            cwd=self.folder,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def kill_after(self, progress: int) -> None:
        """Start the command, kill it once so much more is done, and let the time of its lease go by."""
        process, before = self.start(), self._progress()
        deadline = time.monotonic() + _PATIENCE
        while not self._reached(before + progress):
            if process.poll() is not None:
                raise AssertionError(f"it ended before it was killed: {process.communicate()[0]}")
            if time.monotonic() > deadline:
                process.kill()
                raise AssertionError(f"nothing moves: {process.communicate()[0]}")
        os.kill(process.pid, signal.SIGKILL)
        process.communicate()
        assert process.returncode == -signal.SIGKILL
        end_leases(self.journal)

    def _reached(self, progress: int) -> bool:
        began = time.monotonic()
        found = self._progress()
        time.sleep(_SHARE * (time.monotonic() - began))
        return found >= progress

    @property
    def journal(self) -> Path:
        """The file of the journal."""
        return self.folder / ".d1migrate" / "fleet-tenants.sqlite"

    def up(self, *arguments: str) -> Summary:
        """Run the command to its end."""
        return self.end(self.start("up", *arguments))

    def end(self, process: subprocess.Popen[str]) -> Summary:
        """Wait for the end of a process."""
        output, _ = process.communicate(timeout=_PATIENCE)
        return Summary(process.returncode, output, self.status())

    def status(self) -> Mapping[str, Any]:
        """Return what `fleet status --json` prints."""
        process = self.start("status", "--json")
        output, _ = process.communicate(timeout=_PATIENCE)
        assert process.returncode in (0, 1), output
        found: Mapping[str, Any] = json.loads(output)
        return found


def counts_of(status: Mapping[str, Any]) -> dict[str, int]:
    """Return the numbers of tenants; of the whole run, and of its waves together, they must be the same."""
    names = ("tenant_count", "done_count", "failed_count", "waiting_count", "running_count", "left_count")
    whole = {name: status[name] for name in names}
    assert whole == {name: sum(wave[name] for wave in status["waves"]) for name in names}
    assert whole.pop("tenant_count") == sum(whole.values())
    return {name.removesuffix("_count"): count for name, count in whole.items() if count}


# --- files ---


def of_files(folder: Path, count: int, more: str = "") -> tuple[Fleet, list[Path]]:
    """Create a fleet of so many files, the first tenth of which are two migrations behind."""
    behind = tenants.template(folder / "behind.db", tenants.write(folder / "behind", APPLIED - 2))
    usual = tenants.template(folder / "usual.db", tenants.write(folder / "usual", APPLIED))
    files = [
        *tenants.copies(behind, folder / "tenants" / "behind", count // 10),
        *tenants.copies(usual, folder / "tenants" / "usual", count - count // 10),
    ]
    start = time.time_ns()

    def progress() -> int:
        return sum(entry.stat().st_mtime_ns > start for entry in _files(folder / "tenants"))

    time.sleep(0.02)  # more than the resolution of a file's time
    return Fleet(folder, "sqlite:tenants/*/*/*.db", progress, more=more), files


def _files(folder: Path) -> Iterator[os.DirEntry[str]]:
    for entry in os.scandir(folder):
        if entry.is_dir():
            yield from _files(folder / entry.name)
        elif entry.name.endswith(".db"):
            yield entry


# --- D1 ---


def of_databases(folder: Path, server: Cloudflare, count: int, more: str = "") -> tuple[Fleet, Sequence[str]]:
    """Create a fleet of so many D1 databases, the first tenth of which are two migrations behind; their ids."""
    from d1migrate.drivers.cloudflare import Api, settings
    from d1migrate.drivers.rest import RestDriver

    ids: list[str] = []
    api = Api(settings(server.environment))
    for applied, size in ((APPLIED - 2, count // 10), (APPLIED, count - count // 10)):
        original = server.create(f"original-{applied}")
        tenants.apply(
            RestDriver(original, url=f"d1:{original}", api=api),
            tenants.write(folder / f"at-{applied}", applied),
        )
        ids += server.copies(original, [f"tenant-{applied}-{number:05}" for number in range(size)])
    api.close()
    fleet = Fleet(
        folder, "d1:tenant-*", lambda: server.traffic().requests, environment=server.environment, more=more
    )
    return fleet, ids
