"""The shapes of jobs: migrations that run in chunks."""

from __future__ import annotations

from typing import Literal, TypedDict


class Job(TypedDict):
    """The open job of a database.

    Attributes:
        version: the number of its migration; null if it has none.
        name: the name of its migration.
        kind: whether it runs a batch migration, or an online rebuild.
        on_table: the table that it works on.
        step: what its next chunk does.
        share: how far it is in this step, from 0 to 1; null if that is unknown.
        row_count: how many rows were changed or copied.
        chunk_count: how many chunks are done.
        backlog: how many rows an online rebuild has to copy again, counted up to a limit; null if unknown.
        began_at: when it began, in epoch seconds.
        moved_at: when its last chunk was done, in epoch seconds.
        by: who began it.
        paused: whether it is paused.
        paused_at: since when, in epoch seconds; null if it is not paused.
        paused_by: who paused it; null if it is not paused.
        pause_reason: why; null if it is not paused, or no reason was given.
    """

    version: int | None
    name: str
    kind: Literal["batch", "online"]
    on_table: str
    step: Literal["running", "filled", "copy", "drain", "verify", "verified", "indexes"]
    share: float | None
    row_count: int
    chunk_count: int
    backlog: int | None
    began_at: int
    moved_at: int
    by: str
    paused: bool
    paused_at: int | None
    paused_by: str | None
    pause_reason: str | None


class JobStatus(TypedDict):
    """The open job, and what waits for it.

    Attributes:
        job: the job; null if none is open.
        waiting: the migrations that `up` applies after it.
    """

    job: Job | None
    waiting: list[str]


class JobRun(TypedDict):
    """What `job run` did.

    Attributes:
        name: the migration; null if there was no job to run.
        ended: how the run ended: the job is done, here or elsewhere; somebody cancelled or paused it; the run
            stopped before the end; or there was nothing to run.
        chunk_count: how many chunks this run sent.
        job: the job, if it is still open; else null.
    """

    name: str | None
    ended: Literal["done", "elsewhere", "cancelled", "paused", "stopped", "none"]
    chunk_count: int
    job: Job | None


class JobChange(TypedDict):
    """A job that was paused, resumed or cancelled.

    Attributes:
        job: the job; one that was cancelled, as it was.
    """

    job: Job
