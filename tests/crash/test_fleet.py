"""Processes that migrate a fleet, killed at any moment or on a full disk: the next one goes on, and nothing runs twice."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import pytest

from tests.crash.fleet_runs import INTERRUPTED, make, up
from tests.crash.runs import ROOT
from tests.crash.test_fleet_journal import let_leases_end
from tests.inputs import generator
from tests.runtime import tenants

if TYPE_CHECKING:
    from pathlib import Path

ENVIRONMENT = os.environ | {"PYTHONPATH": os.pathsep.join(map(os.path.abspath, sys.path))}
COMMAND = [sys.executable, "-m", "tests.crash.fleet_runs"]
STEP = 17
"""Of so many writes, one is cut."""
JOURNAL = ".d1migrate/fleet-tenants.sqlite"


@pytest.fixture(autouse=True)
def _same_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Return to the working directory afterwards."""
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("where", ["disk", "full disk"])
def test_cut_at_a_write(tmp_path: Path, where: str) -> None:
    """Killed, or out of space, before a write to the disk: the next process finishes the same run."""
    project, cuts = tmp_path / "project", tmp_path / "cuts"
    files = make(project, 3)
    cuts.mkdir()
    command = [*COMMAND, "cut", str(project), str(cuts), where, str(STEP)]
    done = subprocess.run(command, cwd=ROOT, env=ENVIRONMENT, capture_output=True, text=True, check=True)
    codes = {int(moment): int(code) for moment, code in map(str.split, done.stdout.splitlines())}
    *cut, last = codes.values()
    assert set(cut) == {3 if where == "full disk" else -signal.SIGKILL}, done.stderr
    assert last == 0, done.stderr
    assert len(codes) * STEP > 100
    for moment in codes:
        folder = cuts / str(moment)
        if (folder / JOURNAL).exists():
            let_leases_end(folder / JOURNAL)
        found = up(folder)
        assert (found.ended, found.total, found.done, found.left, found.failed) == ("done", 3, 3, 0, 0)
        tenants.check([folder / file.relative_to(project) for file in files], 3)


def start(folder: Path) -> subprocess.Popen[str]:
    """Start a process that works on the fleet, and wait until it has begun."""
    process = subprocess.Popen(
        [*COMMAND, "work", str(folder)], cwd=ROOT, env=ENVIRONMENT, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout
    assert process.stdout.readline() == "begun\n"
    return process


def report(process: subprocess.Popen[str]) -> dict[str, Any]:
    """Wait for its report; the numbers add up."""
    out, _ = process.communicate(timeout=120)
    found: dict[str, Any] = json.loads(out)
    assert found["total"] == found["done"] + found["failed"] + found["left"]
    return found


def test_two_processes_and_kills(tmp_path: Path) -> None:
    """Two at once, one of which is killed -9 now and then: each tenant is migrated once."""
    files = make(tmp_path, 150)
    chance = generator("kills of a fleet")
    other, kills = start(tmp_path), 0
    while other.poll() is None and kills < 4:
        victim = start(tmp_path)
        time.sleep(chance.uniform(0.05, 0.6))
        victim.kill()
        victim.communicate()
        kills += 1
    first = report(other)
    last = report(start(tmp_path))
    assert (first["ended"], first["total"], first["done"]) == ("done", 150, 150)
    assert last["migrated"] == 0
    tenants.check(files, 3)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_process(tmp_path: Path, number: int) -> None:
    """It finishes what it is at, gives the rest back, and the next one need not wait."""
    files = make(tmp_path, 150)
    process = start(tmp_path)
    journal = tmp_path / JOURNAL
    until = time.monotonic() + 60
    while sum(file.with_name(f"{file.name}-wal").exists() for file in files) == 0:
        assert time.monotonic() < until
    time.sleep(0.2)
    process.send_signal(number)
    found = report(process)
    if found["ended"] == "done":
        pytest.skip("it was faster")
    assert process.returncode == INTERRUPTED
    assert found["ended"] == "interrupted"
    assert journal.exists()
    rest = report(start(tmp_path))
    assert (rest["ended"], rest["migrated"]) == ("done", 150 - found["migrated"])
    tenants.check(files, 3)
