"""The next step for commands that only show the state: if `up` would refuse, or a job is open."""

from __future__ import annotations

from d1migrate.errors import Error
from d1migrate.migrate import refusals

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from d1migrate.cli.project import Project
    from d1migrate.migrate.status import Entry
    from d1migrate.migrator import Migrator


def next_step(entries: Sequence[Entry], project: Project) -> str | None:
    """Return what to do first about files that `up` would refuse, or about an open job; else None."""
    if step := refusals.next_step(entries):
        return step
    late = sum(entry.state == "out_of_order" for entry in entries)
    if late and project.environment.out_of_order != "allow":
        return f"{late} out of order: run `d1migrate renumber`, or `d1migrate up --allow-out-of-order`"
    found = next((entry for entry in entries if entry.job), None)
    if found is None or found.job is None:
        return None
    if problem := refusals.problem_of_file(found.migration, found.job):
        return problem.hint
    from d1migrate.report import job

    return job.next_step(found.job)


def adoption(entries: Sequence[Entry], migrator: Migrator, project: Project) -> str | None:
    """Return the next step if the database already has pending files, which `up` would fail to apply."""
    if not any(entry.is_pending for entry in entries):
        return None
    from d1migrate.cli import adopt

    try:
        found = adopt.look(adopt.Options(), project, migrator)
    except Error:  # it says why when it is run
        return None
    if not (found.to_record or found.is_beginning):
        return None
    return "`d1migrate adopt` records which of the pending files this database already has"
