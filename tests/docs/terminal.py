"""Run a page on a terminal, where d1migrate asks questions, shows progress and wraps messages.

It is as wide as the tables of the pages: on a narrower one their values are wrapped, and times lose their age.
"""

from __future__ import annotations

import fcntl
import os
import pty
import re
import struct
import subprocess
import termios
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from tests.docs.pages import Ran, Step, settle

if TYPE_CHECKING:
    from collections.abc import Sequence

_CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
_BAR = re.compile(r"^ *.*━.*$", re.MULTILINE)
_NEXT = "@@ step"
_FAILED = "@@ failed"


def run_on_terminal(found: Sequence[Step], folder: Path, variables: dict[str, str]) -> list[Ran]:
    """Run steps in one shell on a terminal; whoever asks there gets an empty line."""
    record = Path(variables["HOME"]) / "steps"
    record.mkdir()
    lines = [f"trap 'echo \"{_FAILED} $?\"' ERR"]
    for number, step in enumerate(found):
        (record / f"{number}.sh").write_text(step.script)
        lines += [f"echo '{_NEXT}'", f". {record}/{number}.sh"]
    (record / "page.sh").write_text("\n".join(lines) + "\n")
    own = {"TERM": "xterm", "NO_COLOR": "1"}
    kept = {name: value for name, value in variables.items() if name not in ("CI", "COLUMNS")}
    printed = _run(["bash", record / "page.sh"], folder, kept | own)
    parts = printed.split(f"{_NEXT}\n")[1:]
    return [_ran(part) for part in parts] + [Ran([], None)] * (len(found) - len(parts))


def _ran(part: str) -> Ran:
    lines = part.rstrip("\n").split("\n")
    failed = [line.removeprefix(_FAILED).strip() for line in lines if line.startswith(_FAILED)]
    return Ran([line for line in lines if not line.startswith(_FAILED)], failed)


def _run(command: Sequence[str | Path], folder: Path, variables: dict[str, str]) -> str:
    """Return what a person sees at the end, line by line."""
    ours, theirs = pty.openpty()
    attributes = termios.tcgetattr(theirs)
    attributes[3] &= ~termios.ECHO
    termios.tcsetattr(theirs, termios.TCSANOW, attributes)
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 160, 0, 0))
    os.write(ours, b"\n" * 1000)
    process = subprocess.Popen(
        command, cwd=folder, env=variables, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True
    )
    os.close(theirs)
    data = bytearray()
    reader = threading.Thread(target=_read, args=(ours, data))
    reader.start()
    process.wait(timeout=600)
    reader.join()
    os.close(ours)
    text = _CONTROL.sub("", data.decode(errors="replace")).replace("\r\n", "\n")
    text = "\n".join(line.rpartition("\r")[2] for line in text.split("\n"))
    return _BAR.sub("", text)


def _read(terminal: int, data: bytearray) -> None:
    while True:
        try:
            some = os.read(terminal, 65536)
        except OSError:  # Linux: every process of the terminal has ended
            return
        if not some:
            return
        data += some


def missing(shown: Sequence[str], printed: Sequence[str]) -> list[str]:
    """Return the parts of an output, as a page shows it, that a terminal does not show; white space is ignored."""
    parts = re.split(r"^ *…$", "\n".join(shown), flags=re.MULTILINE)
    seen = _words(printed)
    return [part for part in parts if _words(part.split("\n")) not in seen]


def _words(lines: Sequence[str]) -> str:
    return " ".join(settle([" ".join(" ".join(lines).split())]))
