"""Run a job for `up` and `job run`: with its progress, between the gates, and until somebody stops it."""

from __future__ import annotations

import time

from d1migrate.cli.interrupts import Interrupts
from d1migrate.errors import Gate
from d1migrate.named_tuple import NamedTuple
from d1migrate.report import job as text
from d1migrate.report.job_progress import JobProgress
from d1migrate.report.text import clean_line

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from d1migrate.cli.gates import Gates
    from d1migrate.cli.output import Output
    from d1migrate.migrate.jobs.job import Job
    from d1migrate.migrate.jobs.report import JobReport
    from d1migrate.migrator import Migrator


class Limits(NamedTuple):
    """How much a run of a job may do; None: all of it."""

    seconds: float | None = None
    chunks: int | None = None


_ALL = Limits()


class JobRunner:
    """Runs the open job, or the next one.

    Args:
        migrator: the database with the files.
        gates: those of the environment; the window is checked before every chunk.
        output: shows the progress.
        limits: how much one run may do.
    """

    def __init__(self, migrator: Migrator, gates: Gates, output: Output, limits: Limits = _ALL) -> None:
        self._migrator, self._gates, self._output, self._limits = migrator, gates, output, limits
        self._interrupts = Interrupts()
        self._started = 0.0
        self._is_open = False
        self.chunks = 0
        """How many chunks were sent."""

    def run(self, notes: Mapping[str, object] = {}) -> JobReport:
        """Run chunks until the job has ended, a limit is reached, or a signal arrives; errors as `run_job`.

        Args:
            notes: what to log if this run begins the job.

        Raises:
            Gate: the maintenance window has closed; the job stays open.
        """
        self._started = time.monotonic()
        progress = JobProgress(self._output.note, bar=self._output.shows_progress)

        def watch(job: Job) -> None:
            self._is_open = True
            progress.show(job)

        def wait(seconds: float) -> None:
            progress.on_wait(seconds)
            self._interrupts.wait(seconds)

        try:
            with progress, self._interrupts:
                found = self._migrator.run_job(
                    may_continue=self._may_continue, watch=watch, notes=notes, sleep=wait
                )
        except KeyboardInterrupt as interrupt:
            interrupt.add_note("the job stays open: `d1migrate up` continues it after its last chunk")
            raise
        if found.end == "done" and found.job:
            self._output.note(text.done_line(found.job, time.monotonic() - self._started))
        return found

    @property
    def was_interrupted(self) -> bool:
        """Whether a signal ended the run."""
        return self._interrupts()

    def _may_continue(self, _batches: int) -> bool:
        if self._interrupts():
            return False
        try:
            self._gates.refuse_closed()
        except Gate as error:
            if self._is_open:
                error.hint = f"the job stays open; run `d1migrate up` again in the window; {error.hint}"
            raise
        limits = self._limits
        is_late = limits.seconds is not None and time.monotonic() - self._started >= limits.seconds
        if is_late or (limits.chunks is not None and self.chunks >= limits.chunks):
            return False
        self.chunks += self._is_open  # before that, the batch that begins the job
        return True


def print_end(found: JobReport, output: Output) -> None:
    """Print how a run of a job ended before the job was done, and how it continues."""
    name = clean_line(found.name)
    if found.end == "paused":
        output.note(f"{name} is paused: `d1migrate job resume`, then `d1migrate up`, continues it")
    elif found.end == "cancelled":
        output.note(f"{name} was cancelled meanwhile; `d1migrate up` begins it again")
    elif found.job:
        how_far = text.how_far(found.job, now=None)
        output.note(f"stopped: {name} is at {how_far}; the job stays open, and `d1migrate up` continues it")
