"""The line that a terminal shows while something takes long."""

from __future__ import annotations

import io
import threading

from d1migrate.report.status_line import StatusLine


class _Terminal(io.StringIO):
    """A stream that reports when something is written."""

    def __init__(self) -> None:
        super().__init__()
        self.is_written = threading.Event()

    def write(self, text: str) -> int:
        written = super().write(text)
        self.is_written.set()
        return written


def test_what_takes_long_is_shown_and_erased() -> None:
    """With the time that it has taken, cut to the terminal's width."""
    terminal = _Terminal()
    with StatusLine(terminal).showing("checking 300 migrations", 40):
        assert terminal.is_written.wait(10)
    shown = terminal.getvalue()
    assert shown.startswith("\r\x1b[Kchecking 300 migrations … ")
    assert shown.endswith("\r\x1b[K")
    assert all(len(part) < 40 for part in shown.split("\r\x1b[K"))


def test_what_is_fast_is_not_shown() -> None:
    """Nothing flickers."""
    terminal = _Terminal()
    with StatusLine(terminal).showing("reading", 40):
        pass
    assert terminal.getvalue() == ""


def test_another_line_takes_its_place() -> None:
    """It is erased before, so that the two do not mix."""
    terminal = _Terminal()
    line = StatusLine(terminal)
    with line.showing("waiting", 40):
        assert terminal.is_written.wait(10)
        line.erase()
        terminal.write("  001_users  2 s\n")
    assert terminal.getvalue().endswith("\r\x1b[K  001_users  2 s\n")
