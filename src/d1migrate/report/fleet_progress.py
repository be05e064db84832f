"""How far a run of a fleet is, while it runs: a bar on a terminal, elsewhere a line every half minute."""

from __future__ import annotations

import threading
import time

from d1migrate.report.fleet import progress_line
from d1migrate.report.text import clean_line, duration

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType
    from typing import Self

    from d1migrate.fleet.run_values import Progress
    from d1migrate.report.progress_bar import ProgressBar

_EVERY = 30.0  # seconds between two lines
_LONG = 10.0  # seconds; under a rate limit, shorter waits are all the time


class FleetProgress:
    """A context in which progress is shown.

    Args:
        note: prints a line for people.
        bar: whether a progress bar may be drawn.
        clock: returns the time in seconds.
    """

    def __init__(
        self, note: Callable[[str], None], *, bar: bool, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._note, self._clock = note, clock
        self._bar = _bar() if bar else None
        self._lock = threading.Lock()
        self._shown_at = self._waited_at = clock()
        self._waited_at -= _EVERY

    def __enter__(self) -> Self:
        if self._bar:
            self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar:
            self._bar.stop()

    def show(self, found: Progress) -> None:
        """Show how far the run is."""
        if self._bar:
            finished = found.done + found.failed + found.waiting
            self._bar.show(progress_line(found), finished, finished + found.left)
        elif self._clock() - self._shown_at >= _EVERY:
            self._shown_at = self._clock()
            self._note(progress_line(found))

    def on_wait(self, reason: str, seconds: float) -> None:
        """Report a long wait of a driver; for all threads together, every half minute at most."""
        with self._lock:
            now = self._clock()
            if seconds < _LONG or now - self._waited_at < _EVERY:
                return
            self._waited_at = now
        self._note(f"waiting up to {duration(seconds)}: {clean_line(reason)}")


def _bar() -> ProgressBar:
    from d1migrate.report.progress_bar import ProgressBar

    return ProgressBar("listing the tenants")
