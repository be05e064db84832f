"""Jobs as the JSON that commands print. `shapes.jobs` documents each key."""

from __future__ import annotations

from d1migrate.migrate.history import notes_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from d1migrate.migrate.flows.read_log import LogEntry
    from d1migrate.migrate.jobs.job import Job
    from d1migrate.report.shapes import jobs


def job(job: Job, pause: LogEntry | None = None) -> jobs.Job:
    """Return the open job.

    Args:
        job: the job.
        pause: the entry of the log for its pause, if it is paused.
    """
    found: jobs.Job = {
        "version": job.version,
        "name": job.name,
        "kind": job.kind,
        "on_table": job.table,
        "step": job.state,
        "share": job.share,
        "row_count": job.rows,
        "chunk_count": job.chunks,
        "backlog": job.backlog,
        "began_at": job.began_at,
        "moved_at": job.moved_at,
        "by": job.who,
        "paused": job.paused,
        "paused_at": pause.at if pause else None,
        "paused_by": pause.by if pause else None,
        "pause_reason": reason_of(pause),
    }
    return found


def reason_of(pause: LogEntry | None) -> str | None:
    """Return the reason that was given for a pause; None for none."""
    notes = notes_of(pause.detail) if pause else None
    found = notes.get("reason") if isinstance(notes, dict) else None
    return None if found is None else str(found)
