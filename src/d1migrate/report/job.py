"""The job of a migration as text: how far it is, what it needs, and how a run of it ended."""

from __future__ import annotations

from d1migrate.report.text import ago, clean_line, duration, moment

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from d1migrate.migrate.flows.read_log import LogEntry
    from d1migrate.migrate.jobs.directive import JobDirective
    from d1migrate.migrate.jobs.job import Job

_STEPS = {
    "filled": "recording the migration",
    "copy": "copying rows",
    "drain": "copying changed rows",
    "verify": "comparing rows",
    "verified": "replacing the table",
    "indexes": "building indexes",
}
"""What the next chunk does; that of a batch migration needs no words."""
_TABLE_IS_OLD = ("copy", "drain", "verify", "verified")
_LISTED = 3  # names of migrations in a line


def state_of(job: Job) -> str:
    """Return `running` or `paused`."""
    return "paused" if job.paused else "running"


def rows(count: int) -> str:
    """Return `1 row`, `430,112 rows`."""
    return f"{count:,} row{'' if count == 1 else 's'}"


def chunks(count: int) -> str:
    """Return `1 chunk`, `1,200 chunks`."""
    return f"{count:,} chunk{'' if count == 1 else 's'}"


def how_far(job: Job, *, now: float | None) -> str:
    """Return `43 % (430,112 rows, 86 chunks, 1 minute ago)`.

    Args:
        job: the job.
        now: the time; None leaves out when the last chunk was.
    """
    facts = [*_step(job), rows(job.rows), chunks(job.chunks)]
    facts += [] if now is None else [ago(now - job.moved_at)]
    done = ", ".join(facts)
    return f"{share} ({done})" if (share := job.percent) else done


def progress_line(job: Job, speed: float | None, seconds_left: float | None) -> str:
    """Return how far a running job is.

    Args:
        job: the job.
        speed: rows a second; None if it is not known yet.
        seconds_left: how long the rest of its present step takes; None if that is not known.
    """
    facts = [share] if (share := job.percent) else []
    facts += [*_step(job), rows(job.rows), chunks(job.chunks)]
    facts += [] if speed is None else [f"{speed:,.0f} rows/s"]
    facts += [] if seconds_left is None else [f"{duration(seconds_left)} left"]
    return f"{clean_line(job.name)}: {', '.join(facts)}"


def done_line(job: Job, seconds: float) -> str:
    """Return the line of a job that this run has ended, as other migrations have one."""
    return f"  {clean_line(job.name)}  {duration(seconds)}, {rows(job.rows)} in {chunks(job.chunks)}"


def ended(name: str, *, elsewhere: bool) -> str:
    """Return that a job is done, by its own chunks or, elsewhere, by wrangler."""
    return f"{clean_line(name)} is applied{', by wrangler meanwhile' if elsewhere else ''}"


def status_lines(job: Job, pause: LogEntry | None, waiting: Sequence[str], now: float) -> Iterator[str]:
    """Yield what `job status` prints.

    Args:
        job: the job.
        pause: the entry of the log for its pause, if it is paused.
        waiting: the migrations that are applied after it.
        now: the time.
    """
    kind = "batch migration" if job.kind == "batch" else "online rebuild"
    yield f"{clean_line(job.name)}  {state_of(job)}  {how_far(job, now=now)}"
    yield f"{kind} of {clean_line(job.table)}, begun {moment(job.began_at)} by {clean_line(job.who)}"
    if job.backlog:
        yield f"{rows(job.backlog)} to copy again"
    if pause:
        yield paused_since(pause)
    if waiting:
        yield f"waiting for it: {_names(waiting)}"


def paused_since(pause: LogEntry) -> str:
    """Return since when a job is paused, by whom, and why: `paused by anna since …: peak hours`."""
    from d1migrate.report.job_values import reason_of

    since = "" if pause.at is None else f" since {moment(pause.at)}"
    reason = reason_of(pause)
    return clean_line(f"paused by {pause.by or 'wrangler'}{since}{f': {reason}' if reason else ''}")


def cost(job: Job) -> str | None:
    """Return what an open online rebuild costs the application; None if it costs nothing."""
    if job.kind != "online" or job.state not in _TABLE_IS_OLD:
        return None
    table = clean_line(job.table)
    return (
        f"{table} has triggers and a second copy since {moment(job.began_at)}: writes to it cost more until"
        " `d1migrate up` has finished the job, or `d1migrate job cancel` has ended it"
    )


def next_step(job: Job) -> str:
    """Return how an open job continues."""
    name = clean_line(job.name)
    if job.paused:
        return f"`d1migrate job resume`, then `d1migrate up`, continues {name}"
    return f"`d1migrate up` continues {name}"


def kept(job: Job) -> str:
    """Return what stays when a job is cancelled."""
    table = clean_line(job.table)
    if job.kind == "online":
        return f"{table} is unchanged; its copy and its triggers are dropped"
    return f"what {chunks(job.chunks)} changed stays ({rows(job.rows)} of {table})"


def planned(directive: JobDirective, *, is_large: bool | None) -> str:
    """Return how a pending migration with a directive will run, and why.

    Args:
        directive: its directive.
        is_large: whether its table is too large for one batch; None: that is not known yet.
    """
    from d1migrate.migrate.jobs.batch import FITS

    table = clean_line(directive.table)
    if directive.kind == "batch":
        most = min(FITS, directive.rows or FITS)
        large, small = f"{table} has more than {rows(most)}", f"{table} has at most {rows(most)}"
    else:
        large = f"the rebuild of {table} is over the budget of one batch"
        small = f"the rebuild of {table} is within the budget"
    if is_large is None:
        return f"in one transaction if {small} then; otherwise as a job, in chunks"
    return f"as a job, in chunks: {large}" if is_large else f"in one transaction: {small}"


def left_to_others(name: str, names: Sequence[str]) -> str:
    """Return what `up --no-wait` reports of a job.

    Args:
        name: the migration.
        names: those of the run, in order.
    """
    later = waiting_clause(name, names)
    return f"{clean_line(name)} runs as a job: `d1migrate job run`, for example from cron, runs it{later}"


def waiting_clause(name: str, names: Sequence[str]) -> str:
    """Return `; 2 later migrations wait for it`, of those that follow a name; "" for none."""
    count = len(names) - names.index(name) - 1 if name in names else 0
    wait = "1 later migration waits" if count == 1 else f"{count} later migrations wait"
    return f"; {wait} for it" if count else ""


def _step(job: Job) -> tuple[str, ...]:
    """Return what the next chunk does, if that is not plain."""
    step = _STEPS.get(job.state)
    return (step,) if step else ()


def _names(found: Sequence[str]) -> str:
    from d1migrate.hints import listed

    return clean_line(listed(found, _LISTED))
