"""`--output` to something other than a regular file: it is written to, not replaced."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from threading import Thread
from typing import TYPE_CHECKING

import pytest

from d1migrate.project import disk

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.project import Project

COMMANDS = {
    "backup": ("backup", "-q"),
    "plan": ("plan", "-q"),
    "index": ("index", "-q"),
    "schema": ("schema", "-q", "--at", "latest", "--sql"),
}
BEGINNINGS = {
    "backup": "-- d1migrate backup 1\n",
    "plan": "{\n",
    "index": '"""The migrations as a Python value',
    "schema": "-- ",
}
each = pytest.mark.parametrize("command", COMMANDS)


@pytest.fixture
def built(project: Project) -> Project:
    """One migration, applied, and one that is not."""
    project.write("001_a.sql", "CREATE TABLE a (n INTEGER);")
    project.run("up")
    project.write("002_b.sql", "CREATE TABLE b (n INTEGER);")
    return project


def reading(source: str | int) -> tuple[Thread, list[bytes]]:
    """Read a file to its end in a thread."""
    parts: list[bytes] = []

    def read() -> None:
        try:
            with open(source, "rb", buffering=0) as file:
                while part := file.read(4096):
                    parts.append(part)
        except OSError:  # the other end of a terminal is closed
            return

    thread = Thread(target=read)
    thread.start()
    return thread, parts


@each
def test_a_fifo(built: Project, command: str) -> None:
    """The data reaches the reader."""
    os.mkfifo("pipe")
    thread, parts = reading("pipe")
    built.run(*COMMANDS[command], "--output", "pipe")
    thread.join()
    assert b"".join(parts).decode().startswith(BEGINNINGS[command])
    assert stat.S_ISFIFO(os.stat("pipe").st_mode)


@each
def test_a_fifo_that_nobody_reads(built: Project, command: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is refused after a while; no run hangs for ever."""
    monkeypatch.setattr(disk, "_READER_WAIT", 0.0)
    os.mkfifo("pipe")
    ended = built.run(*COMMANDS[command], "--output", "pipe", code=2)
    assert ended.err == "error: cannot write pipe: no process reads from this FIFO\n"


@each
def test_a_device(built: Project, command: str) -> None:
    """A terminal stays a terminal; its file system would refuse to replace it."""
    main, device = os.openpty()
    thread, parts = reading(main)
    name = os.ttyname(device)
    built.run(*COMMANDS[command], "--output", name)
    assert stat.S_ISCHR(os.stat(name).st_mode)
    os.close(device)
    thread.join()
    assert b"".join(parts).decode().replace("\r\n", "\n").startswith(BEGINNINGS[command])


@pytest.mark.slow
@each
@pytest.mark.parametrize("to_file", [False, True])
def test_stdout(built: Project, command: str, *, to_file: bool) -> None:
    """It is the output, and nothing else is printed into it (but the plan that `plan` prints)."""
    script = "import sys; from d1migrate.cli import main; sys.exit(main(sys.argv[1:]))"
    arguments = [sys.executable, "-c", script, *COMMANDS[command], "--output", "/dev/stdout"]
    if to_file:
        with open("out", "wb") as file:
            file.write(b"kept\n")
            file.flush()
            subprocess.run(arguments, stdout=file, check=True)
        found = (built.folder / "out").read_text().removeprefix("kept\n")
    else:
        found = subprocess.run(arguments, stdout=subprocess.PIPE, text=True, check=True).stdout
    assert BEGINNINGS[command] in found
    assert "/dev/stdout" not in found
    assert command == "plan" or found.startswith(BEGINNINGS[command])


@each
@pytest.mark.parametrize("there", [False, True])
def test_a_link(built: Project, command: str, *, there: bool) -> None:
    """The file that it leads to is written, with its mode; the link stays."""
    target = built.folder / "elsewhere" / "file.txt"
    target.parent.mkdir()
    if there and command != "index":
        target.write_text("old")
        target.chmod(0o640)
    os.symlink(target, "link")
    built.run(*COMMANDS[command], "--output", "link")
    assert os.readlink("link") == str(target)
    assert target.read_text().startswith(BEGINNINGS[command])
    if there and command in ("plan", "schema"):
        assert stat.S_IMODE(target.stat().st_mode) == 0o640
    assert stat.S_IMODE(target.stat().st_mode) == 0o600 or command != "backup"
    assert [path.name for path in target.parent.iterdir()] == ["file.txt"]


def test_what_cannot_be_read_again_cannot_be_verified(built: Project) -> None:
    """The error comes before anything is written."""
    ended = built.run("backup", "--verify", "--output", "/dev/null", code=2).err
    assert "--verify reads the file again, but /dev/null is not a regular file" in ended


@each
def test_a_folder(built: Project, command: str, tmp_path: Path) -> None:
    """It is refused, and nothing is left beside it."""
    (tmp_path / "folder").mkdir()
    ended = built.run(*COMMANDS[command], "--output", "folder", code=2)
    assert "folder" in ended.err
    assert not [path for path in tmp_path.rglob("*") if path.name.endswith(".tmp")]
