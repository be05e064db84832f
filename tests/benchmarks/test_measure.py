"""Peak memory is that of the measured process, whatever else the benchmark has in memory."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from benchmarks.measure import Command, in_turns

if TYPE_CHECKING:
    from pathlib import Path

MEGABYTE = 1_000_000
ALLOCATE = "memory = b'x' * {} * 1_000_000"


def test_memory_of_the_parent_is_not_counted(tmp_path: Path) -> None:
    """The kernel counts what a process has before it starts another program, so it has to be small then."""
    before = _peak(tmp_path, 0)
    inflated = b"x" * 400 * MEGABYTE
    assert _peak(tmp_path, 0) == pytest.approx(before, abs=2 * MEGABYTE)
    assert before < 50 * MEGABYTE < len(inflated)


def test_memory_of_the_command_is_counted(tmp_path: Path) -> None:
    """Also if it allocates it for a moment only."""
    assert _peak(tmp_path, 100) - _peak(tmp_path, 0) == pytest.approx(100 * MEGABYTE, abs=2 * MEGABYTE)


def test_launcher_is_smaller_than_what_is_measured(tmp_path: Path) -> None:
    """What has less memory than the launcher cannot be measured; Python without its site has more."""
    (smallest,) = in_turns([Command("true", ("true",), tmp_path)], 1)
    assert smallest.peak < 6 * MEGABYTE < _peak(tmp_path, 0)


def test_failure_shows_the_output(tmp_path: Path) -> None:
    """The exit code and the end of what the command printed; a program that does not exist is a failure."""
    script = "import sys; print('no such table'); sys.exit(3)"
    with pytest.raises(RuntimeError, match=r"(?s)exit code 3 from .*no such table"):
        in_turns([Command("fails", (sys.executable, "-c", script), tmp_path)], 1)
    with pytest.raises(RuntimeError, match="not on PATH: no-such-program"):
        in_turns([Command("missing", ("no-such-program",), tmp_path)], 1)


def test_exit_code_of_findings_is_accepted(tmp_path: Path) -> None:
    """A linter that finds something has done its work."""
    argv = (sys.executable, "-c", "import sys; sys.exit(1)")
    (timing,) = in_turns([Command("linter", argv, tmp_path, codes=(0, 1))], 2)
    assert len(timing.seconds) == 2


def _peak(folder: Path, megabytes: int) -> int:
    argv = (sys.executable, "-I", "-S", "-c", ALLOCATE.format(megabytes))
    (timing,) = in_turns([Command("python", argv, folder)], 1)
    return timing.peak
