"""Processes that migrate a fleet, killed at any moment or on a full disk: the next one goes on, and nothing runs twice."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import pytest

from d1migrate import connect
from tests.crash.fleet_runs import INTERRUPTED, make, up
from tests.crash.fleets import end_leases
from tests.crash.runs import ROOT
from tests.inputs import generator
from tests.runtime import tenants

if TYPE_CHECKING:
    from pathlib import Path

    from tests.runtime.cloudflare import Cloudflare

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
            end_leases(folder / JOURNAL)
        found = up(folder)
        assert (found.ended, found.total, found.done, found.left, found.failed) == ("done", 3, 3, 0, 0)
        tenants.check([folder / file.relative_to(project) for file in files], 3)


MOMENTS = 32
"""The requests of a fleet of three, and their answers, and some more."""


def test_cut_at_a_request(tmp_path: Path, cloudflare: Cloudflare, monkeypatch: pytest.MonkeyPatch) -> None:
    """Killed before a request or after its answer: each D1 is migrated once."""
    for name, value in cloudflare.environment.items():
        monkeypatch.setenv(name, value)
    project, cuts, original = tmp_path / "project", tmp_path / "cuts", cloudflare.create("original")
    make(project, 0)
    tenants.apply(connect("d1:original"), project / "two")
    section = '[fleet.tenants]\nfile = "tenants.csv"\nat_once = 1\nwaves = ["1", "rest"]\n'
    (project / "d1migrate.toml").write_text(section)
    ids: dict[int, list[str]] = {}
    for moment in range(MOMENTS):
        names = [f"tenant-{moment}-{number}" for number in range(3)]
        ids[moment] = cloudflare.copies(original, names)
        shutil.copytree(project, cuts / str(moment))
        lines = ["id,name", *map(",".join, zip(ids[moment], names, strict=True))]
        (cuts / str(moment) / "tenants.csv").write_text("\n".join(lines))
    environment = ENVIRONMENT | cloudflare.environment
    command = [*COMMAND, "cut", str(project), str(cuts), "request", "1"]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
    codes = {int(moment): int(code) for moment, code in map(str.split, done.stdout.splitlines())}
    assert list(codes.values()) == [-signal.SIGKILL] * (len(codes) - 1) + [0], done.stderr
    assert 6 < len(codes) <= MOMENTS
    for moment in codes:
        folder = cuts / str(moment)
        end_leases(folder / JOURNAL)
        found = up(folder)
        assert (found.ended, found.total, found.done) == ("done", 3, 3)
        tenants.check(map(cloudflare.file, ids[moment]), 3)


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
    process.send_signal(number)
    found = report(process)
    assert process.returncode == INTERRUPTED
    assert found["ended"] == "interrupted"
    assert journal.exists()
    rest = report(start(tmp_path))
    assert (rest["ended"], rest["migrated"]) == ("done", 150 - found["migrated"])
    tenants.check(files, 3)
