"""Run commands in turns, each as a whole process, and keep their times and peak memory."""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

_RSS_UNIT = 1 if sys.platform == "darwin" else 1024  # bytes there, KiB elsewhere
_LAUNCHER = str(Path(__file__).with_name("launch.py"))
_SHOWN = 2000  # characters of a failed command's output


def _nothing() -> None:
    """Stand in for a step that is not needed."""


class Command(NamedTuple):
    """A command to time.

    Attributes:
        label: what the table calls it.
        argv: program and arguments.
        folder: the working directory.
        before: run before every repetition, outside of the time.
        after: run after every repetition, outside of the time; raises where the command did not do its work.
        bar: how many times this command's time d1migrate may take, or None.
        every: run it in every n-th round only; for slow ones.
        codes: its exit codes when it has done its work; a linter's differs if it finds something.
    """

    label: str
    argv: tuple[str, ...]
    folder: Path
    before: Callable[[], None] = _nothing
    after: Callable[[], None] = _nothing
    bar: float | None = None
    every: int = 1
    codes: tuple[int, ...] = (0,)


class Missing(NamedTuple):
    """A command that cannot be run here, and why."""

    label: str
    why: str


class Timing(NamedTuple):
    """What the repetitions of one command took: seconds, and the highest peak of memory in bytes."""

    command: Command
    seconds: tuple[float, ...]
    peak: int

    @property
    def median(self) -> float:
        """The median of the seconds."""
        return statistics.median(self.seconds)


def in_turns(commands: Sequence[Command], rounds: int) -> list[Timing]:
    """Time commands in turns: A B C A B C …, `rounds` times (those with `every`: less often)."""
    seconds: list[list[float]] = [[] for _ in commands]
    peaks = [0] * len(commands)
    for number in range(rounds):
        for index, command in enumerate(commands):
            if number % command.every == 0:
                taken, peak = _timed(command)
                seconds[index].append(taken)
                peaks[index] = max(peaks[index], peak)
    return [Timing(c, tuple(s), p) for c, s, p in zip(commands, seconds, peaks, strict=True)]


def run(argv: Sequence[str], folder: Path) -> str:
    """Run a command that is not timed; return its output.

    Raises:
        RuntimeError: it failed.
    """
    done = subprocess.run(argv, cwd=folder, env=environment(), capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(_failure(argv, done.returncode, done.stdout + done.stderr))
    return done.stdout


def environment() -> Mapping[str, str]:
    """Return the variables for commands: byte code is cached, nothing reconfigures or looks outside."""
    dropped = ("PYTHONDONTWRITEBYTECODE", "PYTHONPATH", "DATABASE_URL")
    kept = {
        name: value
        for name, value in os.environ.items()
        if name not in dropped and not name.startswith(("D1MIGRATE_", "DBMATE_", "CLOUDFLARE_"))
    }
    return kept | {"CI": "1", "WRANGLER_SEND_METRICS": "false", "WRANGLER_HIDE_BANNER": "true"}


def _timed(command: Command) -> tuple[float, int]:
    command.before()
    output = Path(command.folder, ".output")
    program = shutil.which(command.argv[0])
    if program is None:
        raise RuntimeError(f"not on PATH: {command.argv[0]}")
    launcher = (sys.executable, "-I", "-S", _LAUNCHER, str(output), program, *command.argv[1:])
    done = subprocess.run(
        launcher,
        cwd=command.folder,
        env=environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    code, taken, peak = done.stdout.split()
    if int(code) not in command.codes:
        raise RuntimeError(_failure(command.argv, int(code), output.read_text(errors="replace")))
    output.unlink()
    command.after()
    return float(taken), int(peak) * _RSS_UNIT


def _failure(argv: Sequence[str], code: int, output: str) -> str:
    return f"exit code {code} from {' '.join(argv)}\n{output[-_SHOWN:]}"
