"""Processes on one journal, killed at any moment or on a full disk: the next one goes on, and nothing is lost."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from d1migrate.fleet.journal import open_journal
from tests.crash.fleets import end_leases
from tests.crash.journal_runs import tenants, work
from tests.crash.runs import ROOT

if TYPE_CHECKING:
    from pathlib import Path

ENVIRONMENT = os.environ | {"PYTHONPATH": os.pathsep.join(map(os.path.abspath, sys.path))}
COMMAND = [sys.executable, "-m", "tests.crash.journal_runs"]


def check_done(path: Path, count: int) -> None:
    """The newest run is the first, its tenants are all done, and its counters say the same."""
    with closing(open_journal(f"sqlite:{path}", "tenants")) as journal:
        status = journal.status()
    assert status is not None
    assert (status.run.number, status.run.state) == (1, "done")
    assert [wave[:7] for wave in status.waves] == [
        ("1", 1, 0, 0, 0, 1, 0),
        ("rest", count - 1, 0, 0, 0, count - 1, 0),
    ]
    assert sum(wave.requests for wave in status.waves) == count
    assert status.counts == (count, count, 0)


@pytest.mark.parametrize("where", ["disk", "full disk"])
def test_cut_at_every_write(tmp_path: Path, where: str) -> None:
    """Killed, or out of space, before each write to the disk: another process finishes the same run."""
    command = [*COMMAND, "cut", str(tmp_path), "10", where]
    done = subprocess.run(command, cwd=ROOT, env=ENVIRONMENT, capture_output=True, text=True, check=True)
    codes = done.stdout.split()
    assert set(codes[:-1]) == {"3" if where == "full disk" else str(-signal.SIGKILL)}, done.stderr
    assert codes[-1] == "0", done.stderr
    assert len(codes) > 50
    for moment in range(len(codes)):
        path = tmp_path / f"{moment}.sqlite"
        with closing(open_journal(f"sqlite:{path}", "tenants")) as journal:
            status = journal.status()
            if status is None or status.run.state != "done":
                end_leases(path)
                work(journal, 10)
        check_done(path, 10)


@pytest.mark.slow
def test_three_processes_and_kills(tmp_path: Path) -> None:
    """Three work at once; one after the other is killed, and replaced. What it held is taken over, and no more."""
    path, trace, count, kills = tmp_path / "journal.sqlite", tmp_path / "trace", 600, 5
    trace.touch()

    def start() -> subprocess.Popen[bytes]:
        command = [*COMMAND, "work", str(path), str(count), str(trace)]
        return subprocess.Popen(command, cwd=ROOT, env=ENVIRONMENT)

    processes = [start() for _ in range(3)]
    for number in range(1, kills + 1):
        until = time.monotonic() + 120
        while len(trace.read_text().split()) < number * count // (2 * kills):
            assert time.monotonic() < until
            time.sleep(0.01)
        victim = processes.pop(number % 3)
        victim.kill()
        victim.wait()
        end_leases(path, str(victim.pid))
        processes.append(start())
    assert [process.wait(120) for process in processes] == [0, 0, 0]
    migrated = Counter(trace.read_text().split())
    assert migrated.keys() == {tenant.id for tenant, _ in tenants(count)}
    assert migrated.total() <= count + kills * 4
    check_done(path, count)
