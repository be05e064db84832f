"""Waiting for other processes' transactions. SQLite's own busy timeout cannot say that it waits."""

from __future__ import annotations

import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    OnWait = Callable[[str, float], None]

_SILENT = 0.5  # seconds: a shorter wait is not reported
_DELAYS = (0.001, 0.002, 0.005, 0.01, 0.015, 0.02, 0.025, 0.025, 0.025, 0.05, 0.05, 0.1)  # SQLite's


class LockWait:
    """A busy handler: SQLite calls it again and again until the lock is free, or it returns False.

    Args:
        seconds: how long to wait.
        on_wait: called once in a wait that takes longer than a moment, with the reason and the seconds left.
    """

    def __init__(self, seconds: float, on_wait: OnWait | None) -> None:
        self._seconds, self._on_wait = seconds, on_wait
        self._began = 0.0
        self._is_reported = False

    def __call__(self, attempts: int) -> bool:
        """Wait a moment and return True, or return False if it took too long; `attempts` is 0 at first."""
        now = time.monotonic()
        if attempts == 0:
            self._began, self._is_reported = now, False
        left = self._began + self._seconds - now
        if left <= 0:
            return False
        if self._on_wait and not self._is_reported and self._seconds - left >= _SILENT:
            self._is_reported = True
            self._on_wait("another process holds a transaction", left)
        time.sleep(min(left, _DELAYS[min(attempts, len(_DELAYS) - 1)]))
        return True
