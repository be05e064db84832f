"""`python benchmarks/run.py` measures every figure; on small data, and the peers that are installed."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.figures import FIGURES

ROOT = Path(__file__).parents[2]
FAST = {
    "fleet-journal",
    "lint",
    "load",
    "no-op",
    "rehearse",
    "single",
    "split",
}  # neither a server, nor a peer that takes seconds to start


@pytest.mark.parametrize(
    "figure", [name if name in FAST else pytest.param(name, marks=pytest.mark.slow) for name in FIGURES]
)
def test_figure_is_measured(figure: str) -> None:
    """Each row has a value, or the reason why there is none; small data is compared with no bar."""
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in _table(figure)]
    assert rows
    for _, ours, other, theirs, ratio, bar, verdict in rows:
        assert ours == "" or ours[0].isdigit() or "not installed" in theirs
        assert (other == "-") <= (ratio == "-")
        assert bar == "-" or bar[0] in "≤≥"
        assert verdict == ""


def test_unknown_figure_is_an_error() -> None:
    """The names of the figures are listed."""
    done = _run("nothing")
    assert done.returncode == 2
    assert f"there are: {' '.join(FIGURES)}" in done.stderr


def _table(*arguments: str) -> list[str]:
    done = _run("--quick", *arguments)
    assert done.returncode == 0, done.stderr
    table = re.findall(r"^\|.*\|$", done.stdout, re.MULTILINE)
    return table[2:]  # without the header


def _run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(ROOT / "benchmarks" / "run.py"), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)
