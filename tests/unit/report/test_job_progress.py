"""The progress of a job: a line every few seconds, or a bar on a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from d1migrate.report.job_progress import JobProgress
from tests.unit.report.test_job import BATCH, ONLINE

if TYPE_CHECKING:
    from d1migrate.migrate.jobs.job import Job


def at(share: int, rows: int) -> Job:
    """The job at a place."""
    return BATCH._replace(at=share, rows=rows, chunks=rows // 100)


def test_a_line_every_few_seconds() -> None:
    """The first chunk has one at once: it shows that the job has begun."""
    clock, lines = [0.0], list[str]()
    with JobProgress(lines.append, bar=False, clock=lambda: clock[0]) as progress:
        for clock[0], share in ((0.0, 1), (5.0, 6), (10.0, 11), (15.0, 16), (20.0, 21)):
            progress.show(at(share, share * 100))
    assert lines == [
        "011_fill_norm: 1 %, 100 rows, 1 chunk",
        "011_fill_norm: 11 %, 1,100 rows, 11 chunks, 100 rows/s, 1 min 29 s left",
        "011_fill_norm: 21 %, 2,100 rows, 21 chunks, 100 rows/s, 1 min 19 s left",
    ]


def test_a_job_without_a_chunk_has_no_line() -> None:
    """It has only begun."""
    lines = list[str]()
    JobProgress(lines.append, bar=False).show(BATCH._replace(rows=0, chunks=0))
    assert lines == []


def test_the_speed_is_that_of_the_last_half_minute() -> None:
    """Chunks grow, and a job may have waited."""
    clock, lines = [0.0], list[str]()
    progress = JobProgress(lines.append, bar=False, clock=lambda: clock[0])
    for clock[0], rows in ((0.0, 0), (1_000.0, 1_000), (1_020.0, 21_000), (1_040.0, 41_000)):
        progress.show(at(10, rows))
    assert "1,000 rows/s" in lines[-1]


def test_another_step_begins_anew() -> None:
    """The cursor is at the start again, and no row is copied."""
    clock, lines = [0.0], list[str]()
    progress = JobProgress(lines.append, bar=False, clock=lambda: clock[0])
    progress.show(ONLINE._replace(at=90, rows=900))
    clock[0] = 20
    progress.show(ONLINE._replace(state="verify", at=10, rows=1_000))
    assert lines[-1] == "011_fill_norm: 10 %, comparing rows, 1,000 rows, 86 chunks"


def test_only_a_long_wait_is_reported() -> None:
    """That after every chunk is not."""
    lines = list[str]()
    progress = JobProgress(lines.append, bar=False)
    progress.on_wait(0.3)
    progress.on_wait(30)
    assert lines == ["waiting 30.0 s: the database is overloaded, or does not respond"]


def test_a_bar_replaces_the_lines() -> None:
    """They are not printed besides."""
    lines = list[str]()
    with JobProgress(lines.append, bar=True) as progress:
        progress.show(BATCH)
        progress.show(BATCH._replace(first="a"))
    assert lines == []
