"""A line on a terminal that says what takes long, and for how long already; erased when that is done."""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager

from d1migrate.report.text import duration

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import TextIO

_AFTER = 0.5  # seconds; what is faster needs no line
_EVERY = 1.0
_ERASE = "\r\x1b[K"


class StatusLine:
    """The last line of a terminal, for as long as something is done.

    Args:
        stream: the terminal.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream, self._lock, self._is_shown = stream, threading.Lock(), False

    @contextmanager
    def showing(self, what: str, width: int) -> Iterator[None]:
        """Show what is being done once it has taken half a second. Not for use within itself."""
        done = threading.Event()
        thread = threading.Thread(target=self._show, args=(what, width, done), daemon=True)
        thread.start()
        try:
            yield
        finally:
            done.set()
            thread.join()
            self.erase()

    def erase(self) -> None:
        """Remove the line, so that another can be printed in its place; it is shown again later."""
        with self._lock:
            if self._is_shown:
                self._write(_ERASE)
                self._is_shown = False

    def _show(self, what: str, width: int, done: threading.Event) -> None:
        started = time.perf_counter()
        wait = _AFTER
        while not done.wait(wait):
            line = f"{what} … {duration(time.perf_counter() - started)}"
            with self._lock:
                self._write(f"{_ERASE}{line[: width - 1]}")
                self._is_shown = True
            wait = _EVERY

    def _write(self, text: str) -> None:
        try:
            self._stream.write(text)
            self._stream.flush()
        except OSError:
            pass  # the terminal is gone; what is being done continues
