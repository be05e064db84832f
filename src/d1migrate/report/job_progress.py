"""How far a job is, while it runs: a bar on a terminal, elsewhere a line every few seconds."""

from __future__ import annotations

import time

from d1migrate.named_tuple import NamedTuple
from d1migrate.report.job import progress_line
from d1migrate.report.text import duration

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType
    from typing import Self

    from d1migrate.migrate.jobs.job import Job
    from d1migrate.report.progress_bar import ProgressBar

_EVERY = 10.0  # seconds between two lines
_LONG = 5.0  # seconds; shorter waits are those after every chunk
_LOOKS_BACK = 30.0  # seconds whose average is the speed: chunks grow and shrink


class JobProgress:
    """A context in which the progress of a job is shown.

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
        self._marks: list[_Mark] = []
        self._shown_at: float | None = None

    def __enter__(self) -> Self:
        if self._bar:
            self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar:
            self._bar.stop()

    def show(self, job: Job) -> None:
        """Show how far the job is. Without a bar, its first chunk has a line of its own."""
        now = self._clock()
        self._mark(_Mark(now, job.state, job.rows, job.share))
        first, last = self._marks[0], self._marks[-1]
        line = progress_line(job, first.speed_to(last), first.seconds_left_after(last))
        if self._bar:
            self._bar.show(line, job.share or 0.0, None if job.share is None else 1.0)
        elif job.chunks and (self._shown_at is None or now - self._shown_at >= _EVERY):
            self._shown_at = now
            self._note(line)

    def on_wait(self, seconds: float) -> None:
        """Report a wait before the next chunk, if it is longer than that after every chunk."""
        if seconds >= _LONG:
            self._note(f"waiting {duration(seconds)}: the database is overloaded, or does not respond")

    def _mark(self, mark: _Mark) -> None:
        """Keep what the speed is computed from: the last half minute, within one state."""
        self._marks.append(mark)
        first = self._marks[0]
        if mark.state != first.state:
            self._marks = [mark]
        while len(self._marks) > 2 and mark.at - self._marks[1].at >= _LOOKS_BACK:
            del self._marks[0]


class _Mark(NamedTuple):
    """How far a job was, and when."""

    at: float
    state: str
    rows: int
    share: float | None

    def speed_to(self, last: _Mark) -> float | None:
        """Return the rows a second up to a later mark; None if no time is between them."""
        seconds = last.at - self.at
        return (last.rows - self.rows) / seconds if seconds > 0 and last.rows > self.rows else None

    def seconds_left_after(self, last: _Mark) -> float | None:
        """Return how long the rest takes at the speed up to a later mark; None if that is not known."""
        if self.share is None or last.share is None or last.share <= self.share or last.at <= self.at:
            return None
        return (1 - last.share) * (last.at - self.at) / (last.share - self.share)


def _bar() -> ProgressBar:
    from d1migrate.report.progress_bar import ProgressBar

    return ProgressBar("")
