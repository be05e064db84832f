"""`status`: what is applied and what is pending. It imports little: it is the command that is typed most."""

from __future__ import annotations

import os
import time

from d1migrate.cli.options import FOUND
from d1migrate.drivers.run import run as run_flow
from d1migrate.errors import SourceError
from d1migrate.migrate.flows.read_status import read_status
from d1migrate.migrate.refusals import problem_of_file
from d1migrate.named_tuple import NamedTuple
from d1migrate.report import table, text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from d1migrate.backup.last_restore import LastRestore
    from d1migrate.cli.output import Output
    from d1migrate.cli.project import Project
    from d1migrate.drivers.protocol import Driver
    from d1migrate.migrate.flows.read_log import LogEntry
    from d1migrate.migrate.flows.read_status import Status
    from d1migrate.migrate.jobs.job import Job
    from d1migrate.migrate.status import Entry
    from d1migrate.migrator import Migrator
    from d1migrate.schema.compare import Difference

_STATE_COLORS = {"applied": "green", "pending": "yellow", "running": "yellow"}  # all others are red


class Options(NamedTuple):
    """The options of `status`."""

    check: bool = False


def run(options: Options, project: Project, output: Output) -> int:
    """Show what is applied and what is pending."""
    driver = project.driver
    last = _last_restore(driver)
    migrator = project.migrator()
    flow = read_status(
        migrator.migrations,
        migrator.choice,
        token=last and last.token,
        if_missing=last and last.if_missing,
    )
    found = run_flow(flow, driver)
    environment, job = project.environment, found.history.job
    pause = _pause_of(job, migrator) if job else None
    if output.as_json:
        from d1migrate.report import values

        output.print_json(values.status(found, environment.name, environment.database, pause))
    else:
        project.note_database()
        _print(found.entries, job, project.folder, output)
        if any(entry.state == "changed" for entry in found.entries):
            _print_changes(found, migrator, output)
        output.print_problems(found.problems)
        if job:
            _print_job(job, pause, output)
        _print_next_step(found.entries, project, output)
    project.warn_of_files(entry.name for entry in found.entries if entry.is_pending)
    project.warn_of_duplicates()
    is_clean = not (found.problems or job) and all(entry.state == "applied" for entry in found.entries)
    return FOUND if options.check and not is_clean else 0


def _last_restore(driver: Driver) -> LastRestore | None:
    """Return the last restore of a remote D1 from this folder."""
    remote = driver.capabilities.time_travel
    if remote is None:
        return None
    from d1migrate.backup import FOLDER

    if not os.path.isdir(FOLDER):
        return None
    from d1migrate.backup.last_restore import recall

    return recall(FOLDER, remote.api_path)


def _pause_of(job: Job, migrator: Migrator) -> LogEntry | None:
    from d1migrate.cli.job.open_job import pause_of

    return pause_of(job, migrator)


def _print(entries: Sequence[Entry], job: Job | None, folder: str, output: Output) -> None:
    if not entries:
        output.print(f"no migrations in {folder}")
        return
    headers, rows = ("number", "name", "state", "applied", "notes"), _rows(entries, job, time.time())
    if not table.fits(headers, rows, output.width):
        rows = _rows(entries, job, None)
    shades = {2: [_STATE_COLORS.get(entry.state, "red") for entry in entries]}
    output.print(
        table.table(headers, rows, right=(0,), shades=shades, paint=output.paint, width=output.width)
    )
    output.note(text.state_counts(map(text.state_of, entries)))


def _rows(entries: Sequence[Entry], job: Job | None, now: float | None) -> list[tuple[str, ...]]:
    return [(text.number(e.version), e.name, _state(e), _applied(e, now), _remark(e, job)) for e in entries]


def _state(entry: Entry) -> str:
    if entry.state == "renamed":
        return f"renamed (was {entry.was})"
    return text.state_words(text.state_of(entry))


def _applied(entry: Entry, now: float | None) -> str:
    """Return when a migration was applied, or how far its job is."""
    if entry.state == "running" and entry.job:
        from d1migrate.report.job import how_far

        return how_far(entry.job, now=now)
    return text.when(entry.applied.applied_at, now=now) if entry.applied else ""


def _print_job(job: Job, pause: LogEntry | None, output: Output) -> None:
    """Print since when an open job is paused, and what it costs."""
    from d1migrate.report import job as job_text

    if pause:
        output.print(f"{text.clean_line(job.name)} is {job_text.paused_since(pause)}", wrap=True)
    if cost := job_text.cost(job):
        output.warn(cost)


def _print_changes(found: Status, migrator: Migrator, output: Output) -> None:
    """Show what edits of applied files changed in the schema; the log has no text to compare with."""
    from d1migrate.report import differences

    names = [entry.name for entry in found.entries if entry.state == "changed"]
    edited = f"{', '.join(names)} {'was' if len(names) == 1 else 'were'} edited after being applied"
    try:
        changes = _schema_changes(found, migrator)
    except SourceError as error:
        output.print(text.clean_line(f"{edited}; what that changed is unknown: {error.headline}"), wrap=True)
        return
    result = (
        "the database does not have these changes:"
        if changes
        else "the schema that the files build is unchanged"
    )
    output.print(text.clean_line(f"{edited}; {result}"), wrap=True)
    output.print(list(differences.lines(changes, differences.between("live", "files"), output.paint)))


def _schema_changes(found: Status, migrator: Migrator) -> tuple[Difference, ...]:
    """Return what the files change in the live schema: the reverse of drift, as an edit is the newer side.

    Raises:
        SourceError: they do not build one, or one of them is missing.
    """
    from d1migrate.lint.replay.replayer import schema_of
    from d1migrate.migrate.flows.read import read_schema
    from d1migrate.migrate.flows.verify import drift, in_order_of_application, without_file

    if why_not := without_file(found.entries):
        raise SourceError(why_not)
    table = found.history.table
    built = schema_of(in_order_of_application(found.entries), table)
    live = run_flow(read_schema(migrator.choice), migrator.driver)
    return drift(live, built, (migrator.choice.wrangler, table.name))


def _print_next_step(entries: Sequence[Entry], project: Project, output: Output) -> None:
    if all(entry.state in ("applied", "pending") and not entry.job for entry in entries):
        return
    from d1migrate.cli.next_step import next_step

    if step := next_step(entries, project):
        output.hint(step)


_ELSEWHERE = "by wrangler meanwhile; its job is still open"


def _remark(entry: Entry, job: Job | None) -> str:
    """Return what the state does not show: a pending file may wait for a job, a file may have no rollback."""
    if job and entry.is_pending and not entry.job:
        return f"waits for {job.name}"
    if entry.job and (found := problem_of_file(entry.migration, entry.job)):
        return found.problem
    if entry.job and entry.state == "applied":
        return "building its indexes" if entry.job.is_recorded else _ELSEWHERE
    if entry.was is not None and entry.state != "renamed":
        return f"{'renamed: ' if entry.is_renamed else ''}recorded as {entry.was}"
    if error := entry.unreadable:
        return error.headline
    return "" if entry.reversible else "no rollback"
