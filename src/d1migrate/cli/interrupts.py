"""Ctrl-C and SIGTERM in a run of a fleet: what is being migrated is finished before the process ends."""

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
        self._is_noted = False
        self._handlers: dict[int, Any] = {}

    def __call__(self) -> bool:
        """Whether a signal was noted."""
        return self._is_noted

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            self._handlers = {number: signal.signal(number, self._note) for number in _SIGNALS}
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._handlers.items():
            signal.signal(number, handler)

    def _note(self, *_: object) -> None:
        if self._is_noted:
            raise KeyboardInterrupt
        self._is_noted = True
