"""Programs of the project: how they are run and ended, and what an interpreter must be."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from d1migrate.drafting.sources import process
from d1migrate.drafting.sources.process import run_loader, run_program
from d1migrate.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path


def run(code: str, folder: Path, stdin: str = "") -> process.Finished:
    """Run code in Python."""
    return run_program([sys.executable, "-c", code], folder=str(folder), name="the source", stdin=stdin)


def test_what_it_prints_and_its_exit_code_are_returned(tmp_path: Path) -> None:
    """Both streams are one."""
    code = "import sys; print('out', flush=True); print(input(), file=sys.stderr); sys.exit(3)"
    assert run(code, tmp_path, "in") == (3, "out\nin\n")


def test_only_the_end_of_a_long_output_is_read(tmp_path: Path) -> None:
    """Nobody waits for a reader."""
    finished = run("print('x' * 500_000)\nprint('the end')", tmp_path)
    assert finished.output.endswith("x\nthe end\n")
    assert len(finished.output) < 100_000


def test_cloudflares_tokens_are_not_in_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Models need none."""
    for name in ("CLOUDFLARE_API_TOKEN", "CF_API_KEY", "OTHER"):
        monkeypatch.setenv(name, "value")
    code = "import os; print([n for n in os.environ if n in ('CLOUDFLARE_API_TOKEN', 'CF_API_KEY', 'OTHER')])"
    assert run(code, tmp_path).output == "['OTHER']\n"


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs a FIFO")
def test_a_child_that_stays_is_not_waited_for(tmp_path: Path) -> None:
    """It has the streams of its parent, and is ended with it."""
    os.mkfifo(tmp_path / "fifo")
    child = "import time; file = open('fifo', 'w'); print('started', flush=True); time.sleep(600)"
    code = (
        "import subprocess, sys\n"
        f"child = subprocess.Popen([sys.executable, '-c', {child!r}], stdout=subprocess.PIPE)\n"
        "child.stdout.readline()"
    )
    reader = os.open(tmp_path / "fifo", os.O_RDONLY | os.O_NONBLOCK)
    try:
        assert run(code, tmp_path).code == 0
        os.set_blocking(reader, True)
        assert os.read(reader, 1) == b""  # it has no writer any more
    finally:
        os.close(reader)


def test_a_program_that_hangs_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also one that ignores signals."""
    monkeypatch.setattr(process, "SECONDS", 1)
    code = "import signal, time\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\ntime.sleep(600)"
    with pytest.raises(UsageError, match="the source: no schema after 1 s"):
        run(code, tmp_path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs a FIFO")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_a_program_does_not_outlive_us(number: signal.Signals, tmp_path: Path) -> None:
    """A session of its own keeps signals from it; a closed terminal or a cancelled job ends only d1migrate."""
    os.mkfifo(tmp_path / "fifo")
    child = "import time; file = open('fifo', 'w'); file.write('started'); file.flush(); time.sleep(600)"
    default = "default_int_handler" if number == signal.SIGINT else "SIG_DFL"
    code = (
        "import signal, sys\nfrom d1migrate.drafting.sources.process import run_program\n"
        f"signal.signal({int(number)}, signal.{default})\n"  # `nohup`, or a shell's `&`, has it ignored
        f"run_program([sys.executable, '-c', {child!r}], folder='.', name='the source')"
    )
    with subprocess.Popen([sys.executable, "-c", code], cwd=tmp_path, stderr=subprocess.DEVNULL) as ours:
        try:
            with open(tmp_path / "fifo") as file:  # which waits for the writer
                assert file.read(len("started")) == "started"
                ours.send_signal(number)
                assert ours.wait(30) in (128 + number, -number)
                assert file.read() == ""  # it has no writer any more
        finally:
            ours.kill()


def test_a_program_that_does_not_exist(tmp_path: Path) -> None:
    """It is named."""
    with pytest.raises(UsageError, match="the source: cannot run no-such-program: No such file"):
        run_program(["no-such-program"], folder=str(tmp_path), name="the source")


@pytest.mark.parametrize(
    ("script", "message"),
    [
        ("echo Python 2.7", "is Python 2.7, but models need Python 3.9 or later"),
        ("echo Python 3.8", "is Python 3.8, but models need Python 3.9 or later"),
        ("echo hello", "is not a Python interpreter"),
        ("exit 1", "is not a Python interpreter"),
        (None, "there is no interpreter"),
    ],
)
def test_what_is_not_a_python_of_today(script: str | None, message: str, tmp_path: Path) -> None:
    """The version is only asked for if there is no answer."""
    python = tmp_path / "python"
    if script is not None:
        python.write_text(f"#!/bin/sh\n{script}\n")
        python.chmod(0o755)
    with pytest.raises(UsageError, match=message) as caught:
        _load(tmp_path, str(python))
    assert ".venv/bin/python" in str(caught.value.hint)


def test_an_interpreter_is_relative_to_the_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not to the project, from which the models are imported. A link to it does not find its packages."""
    (tmp_path / "python").symlink_to(sys.executable)
    (tmp_path / "project").mkdir()
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError, match=f"{tmp_path}/python has no SQLAlchemy"):
        _load(tmp_path / "project", "./python")


def _load(folder: Path, python: str) -> None:
    request = {"target": "nothing:x", "database": str(folder / "x.db"), "answer": str(folder / "answer.json")}
    run_loader("sqlalchemy_tables", request, python=python, folder=str(folder), name="the source")
