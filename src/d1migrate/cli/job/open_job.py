"""What several actions read: the open job, and the entry of the log for its pause."""

from __future__ import annotations

from d1migrate.migrate.log import PAUSE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from d1migrate.migrate.flows.read_log import LogEntry
    from d1migrate.migrate.jobs.job import Job
    from d1migrate.migrator import Migrator


def pause_of(job: Job, migrator: Migrator) -> LogEntry | None:
    """Return when, by whom and why a job was paused; None if it is not. One request if it is."""
    if not job.paused:
        return None
    entries = migrator.history()
    return next((one for one in reversed(entries) if one.action == PAUSE and one.name == job.name), None)
