"""Run commands on a terminal of 80 columns and 24 rows, as a person who types them sees it."""

from __future__ import annotations

import fcntl
import os
import pty
import struct
import subprocess
import sys
import termios
from typing import TYPE_CHECKING, NamedTuple

import pyte

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

COLUMNS, ROWS = 80, 24
_PROMPT, _TYPED, _PLAIN = "\x1b[32m$ \x1b[0m", "\x1b[1m", "\x1b[0m"
_CHUNK = 3  # characters that appear at once while a command is typed
_KEY, _ENTER, _LINE = 0.05, 0.4, 0.45  # seconds for a character, for a command, and to read a line
_READ = (1.2, 4.5)  # seconds to read an output, at least and at most


class Span(NamedTuple):
    """Characters of a row that look alike; `color` is a name of pyte's, or "default"."""

    text: str
    color: str
    bold: bool


Row = tuple[Span, ...]


class Frame(NamedTuple):
    """What the terminal shows from a moment on, in seconds from the start; without empty rows at the end."""

    at: float
    rows: tuple[Row, ...]

    @property
    def lines(self) -> list[str]:
        """The text alone."""
        return ["".join(span.text for span in row) for row in self.rows]


class Terminal:
    """A terminal in a folder. `frames` grows as commands are typed; `at` is the time of the next one.

    Times are those of a reader, not those of the machine: a command that takes longer makes no longer frame.
    """

    def __init__(self, folder: Path, *, variables: dict[str, str] | None = None) -> None:
        self.frames: list[Frame] = []
        self.at = 0.0
        self._folder, self._variables = folder, _environment(folder) | (variables or {})
        self._screen = pyte.Screen(COLUMNS, ROWS)
        self._stream = pyte.ByteStream(self._screen)
        self._feed(_PROMPT)

    def type(self, command: str) -> int:
        """Type a command, run it, and read what it prints; returns its exit code."""
        for end in range(0, len(command), _CHUNK):
            self._show(_KEY * len(command[end : end + _CHUNK]), cursor=True)
            self._feed(f"{_TYPED}{command[end : end + _CHUNK]}{_PLAIN}")
        self._show(_ENTER)
        before = len(self._rows())
        self._feed("\r\n")
        code = self._run(command)
        self._feed(_PROMPT)
        shortest, longest = _READ
        self._show(min(longest, max(shortest, _LINE * (len(self._rows()) - before))))
        return code

    def clear(self) -> None:
        """Clear the screen, as `clear` does."""
        self._screen.reset()
        self._feed(_PROMPT)

    def _run(self, command: str) -> int:
        controller, terminal = pty.openpty()
        fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
        process = subprocess.Popen(
            ["bash", "-c", command], cwd=self._folder, env=self._variables,
            stdin=terminal, stdout=terminal, stderr=terminal, start_new_session=True,
        )  # fmt: skip
        os.close(terminal)
        for block in _blocks(controller):
            self._stream.feed(block)
        os.close(controller)
        return process.wait()

    def _feed(self, text: str) -> None:
        self._stream.feed(text.encode())

    def _show(self, seconds: float, *, cursor: bool = False) -> None:
        self.frames.append(Frame(self.at, self._rows(cursor=cursor)))
        self.at += seconds

    def _rows(self, *, cursor: bool = False) -> tuple[Row, ...]:
        rows = [_row([self._screen.buffer[y][x] for x in range(COLUMNS)]) for y in range(ROWS)]
        if cursor:
            rows[self._screen.cursor.y] += (Span("▋", "default", bold=False),)
        while rows and not rows[-1]:
            rows.pop()
        return tuple(rows)


def _environment(folder: Path) -> dict[str, str]:
    variables = {name: value for name, value in os.environ.items() if not name.startswith("D1MIGRATE")}
    path = f"{os.path.dirname(sys.executable)}:{os.environ['PATH']}"
    return variables | {"PATH": path, "TERM": "xterm-256color", "TZ": "UTC", "HOME": str(folder.parent)}


def _blocks(controller: int) -> Iterator[bytes]:
    """Yield what is written to a terminal, until no process has it open."""
    try:
        while block := os.read(controller, 65536):
            yield block
    except OSError:  # Linux reports the end so
        return


def _row(cells: list[pyte.screens.Char]) -> Row:
    """Return a row without the blanks at its end; cells that look alike are one span."""
    found: list[Span] = []
    for cell in cells:
        look = (cell.fg, cell.bold)
        if found and (found[-1].color, found[-1].bold) == look:
            found[-1] = found[-1]._replace(text=found[-1].text + cell.data)
        else:
            found.append(Span(cell.data, *look))
    while found and not found[-1].text.strip():
        found.pop()
    return (*found[:-1], found[-1]._replace(text=found[-1].text.rstrip())) if found else ()
