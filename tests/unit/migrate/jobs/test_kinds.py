"""Which work a file or an open job is."""

from __future__ import annotations

import pytest

from d1migrate.errors import SourceError
from d1migrate.migrate.jobs.batch import BatchWork
from d1migrate.migrate.jobs.job import Job
from d1migrate.migrate.jobs.kinds import removal_of, work_of, work_of_job
from d1migrate.migrate.migration import Migration

FILE = Migration(11, "011_fill", "-- d1migrate: batch users\nUPDATE users SET a = 1 WHERE a IS NULL;")
JOB = Job.of(
    (
        *("011_fill", 11, "batch", "batch users", FILE.checksum, "token", "running", 0, "users"),
        *(None, 1, 1_001, 500, 5_000, 0, 0, 1_790_000_000, 1_790_000_000, "someone"),
    )
)


def test_a_batch_is_made_of_its_file() -> None:
    """At the start, and again for each run."""
    assert isinstance(work_of(FILE), BatchWork)
    assert isinstance(work_of_job(FILE, JOB), BatchWork)
    with pytest.raises(ValueError, match="the file of 011_fill"):
        work_of_job(None, JOB)


def test_a_batch_leaves_nothing_to_remove() -> None:
    """Also without its file."""
    assert list(removal_of(JOB)) == []


def test_a_file_that_cannot_be_cut_is_refused() -> None:
    """Before the job begins."""
    with pytest.raises(SourceError):
        work_of(Migration(11, "011_fill", "-- d1migrate: batch users\nUPDATE users SET a = 1 LIMIT 5;"))
