"""Private folders: only the owner can read a copy of a database, and none outlives the next run."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
import tempfile
from typing import TYPE_CHECKING

import pytest

from d1migrate.backup.snapshot import scratch_file
from d1migrate.project import temporary
from d1migrate.project.temporary import PrivateFolder
from d1migrate.rehearse.scratch_database import ScratchDatabase

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

KILLED = """
import os, signal
from d1migrate.backup.snapshot import scratch_file
with scratch_file() as path:
    open(path, "w").write("secret")
    os.kill(os.getpid(), signal.SIGKILL)
"""
WAITS = """
import sys
from d1migrate.project.temporary import PrivateFolder
folder = PrivateFolder()
print(folder.path, flush=True)
sys.stdin.read()
"""


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A temporary folder of this test, in which no run has cleaned up yet."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    temporary._remove_abandoned.cache_clear()
    yield tmp_path
    temporary._remove_abandoned.cache_clear()


@pytest.mark.parametrize("mask", [0o000, 0o022, 0o077])
def test_nobody_else_reads_it(place: Path, mask: int) -> None:
    """This is so whatever the umask permits."""
    old = os.umask(mask)
    try:
        ground = ScratchDatabase()
        with scratch_file() as path:
            for file in (path, ground.path):
                assert stat.S_IMODE(os.stat(file).st_mode) == 0o600
                assert stat.S_IMODE(os.stat(os.path.dirname(file)).st_mode) == 0o700
        ground.close()
    finally:
        os.umask(old)
    assert list(place.iterdir()) == []


def test_the_next_run_cleans_up_after_a_kill(place: Path) -> None:
    """Folders of killed processes are removed; those in use and those of other programs are kept."""
    ended = subprocess.run([sys.executable, "-c", KILLED], check=False)
    assert ended.returncode == -signal.SIGKILL
    (left,) = place.iterdir()
    assert (left / "scratch.sqlite").read_text() == "secret"
    with subprocess.Popen(
        [sys.executable, "-c", WAITS], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout
        living = other.stdout.readline().strip()
        assert not left.exists()  # the other process began with it
        (place / "d1migrate-empty").mkdir()
        (place / "d1migrate-notes").mkdir()
        (place / "d1migrate-notes" / "mine.txt").write_text("kept")
        (place / "d1migrate-link").symlink_to(place / "d1migrate-notes")
        mine = PrivateFolder()
        assert {path.name for path in place.iterdir()} == {
            os.path.basename(living), os.path.basename(mine.path), "d1migrate-notes", "d1migrate-link",
        }  # fmt: skip
        mine.close()
        other.communicate("")
    assert {path.name for path in place.iterdir()} == {"d1migrate-notes", "d1migrate-link"}


def test_it_is_closed_twice_without_harm(place: Path) -> None:
    """A folder that is not closed is removed when it is garbage-collected."""
    folder = PrivateFolder()
    folder.close()
    folder.close()
    folder = PrivateFolder()
    del folder
    assert list(place.iterdir()) == []
