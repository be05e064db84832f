"""Ctrl-C and SIGTERM in a long run: what the database is doing is finished before the process ends."""

from __future__ import annotations

import signal
import threading

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Self

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Interrupts:
    """A context in which the first signal is only noted, and a second one raises KeyboardInterrupt.

    Outside of the main thread no signals arrive.
    """

    def __init__(self) -> None:
        self._noted = threading.Event()
        self._handlers: dict[int, Any] = {}

    def __call__(self) -> bool:
        """Whether a signal was noted."""
        return self._noted.is_set()

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            self._handlers = {number: signal.signal(number, self._note) for number in _SIGNALS}
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._handlers.items():
            signal.signal(number, handler)

    def wait(self, seconds: float) -> None:
        """Wait; a signal ends that. `time.sleep` would continue after it."""
        self._noted.wait(seconds)

    def _note(self, *_: object) -> None:
        if self._noted.is_set():
            raise KeyboardInterrupt
        self._noted.set()
