"""A fleet as text: its plan, the status of a run, its failures and its summary.

The names of tenants and the texts of errors are from outside; they lose control characters here.
"""

from __future__ import annotations

from d1migrate.report.table import table
from d1migrate.report.text import clean, clean_line, duration, moment

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from d1migrate.fleet.model import FailureGroup, FleetStatus, Run, RunWave
    from d1migrate.fleet.preview import FleetPreview
    from d1migrate.fleet.run_values import FleetReport, Progress
    from d1migrate.fleet.verify import CheckGroup, FleetVerification
    from d1migrate.report.text import Paint

    Command = Callable[[str], str]
    """Returns the command line of an action of the fleet, in backticks."""

_HEADERS = ("wave", "name", "tenants", "done", "failed", "running", "left", "waiting")
_PLANNED = ("wave", "name", "tenants", "may fail")
_STATE_COLORS = {"running": "green", "paused": "yellow", "stopped": "red", "done": "green"}
ENDED = {
    "done": "all done",
    "partial": "done with those that were chosen",
    "waiting": "the others wait for jobs",
    "stopped": "stopped",
    "paused": "paused",
    "closed": "the maintenance window is closed",
    "interrupted": "interrupted",
}
"""Why a call of `fleet up` returned, in words."""


def tenants(count: int) -> str:
    """Return `1 tenant`, `12,000 tenants`."""
    return f"{count:,} tenant{'' if count == 1 else 's'}"


def requests(count: int) -> str:
    """Return `1 request`, `12,000 requests`."""
    return f"{count:,} request{'' if count == 1 else 's'}"


# --- the status of a run ---


def status_lines(found: FleetStatus, paint: Paint, width: int | None, *, is_remote: bool) -> Iterator[str]:
    """Yield how far a run is: its state, a line for each wave and their sum, and its speed.

    Args:
        found: the status.
        paint: colors the state of the run, and failures.
        width: of the terminal; None for none.
        is_remote: whether requests are sent to the tenants.
    """
    run = found.run
    ended = f", ended {moment(run.ended_at)}" if run.ended_at else ""
    yield run_line(run, paint)
    yield f"begun {moment(run.began_at)} by {clean_line(run.by)}{ended}"
    waiting = found.total.waiting
    headers = _HEADERS if waiting else _HEADERS[:-1]
    rows = [(str(number), *_cells(wave.name, wave)) for number, wave in enumerate(found.waves, 1)]
    rows.append(("", *_cells("all", found.total)))
    shades = {4: ["red" if row[4] != "0" else None for row in rows]}
    shown = [row[: len(headers)] for row in rows]
    right = (0, *range(2, len(headers)))
    yield from table(headers, shown, right=right, shades=shades, paint=paint, width=width)
    if waiting:
        yield waiting_line(waiting, found.total.waiting_for)
    if found.run.number > 1:
        yield from _compared_with_last(found.counts.appeared, found.counts.vanished)
    if speed := ", ".join(_speed(found, is_remote=is_remote)):
        yield speed


def waiting_line(count: int, names: Sequence[str]) -> str:
    """Return how many tenants wait, and for which migrations: `12 waiting (011_fill_norm)`."""
    return f"{count:,} waiting ({', '.join(map(clean_line, names))})"


def run_line(run: Run, paint: Paint) -> str:
    """Return which run it is, and its state."""
    state = paint(_with_reason(run.state, run.reason), _STATE_COLORS[run.state])
    return f"run {run.number} to {clean_line(run.target)}: {state}"


def _with_reason(state: str, reason: str | None) -> str:
    """Return a state and its reason, which may begin with the state: `paused by anna`."""
    found = clean_line(reason or "")
    return found if found.startswith(f"{state} ") else f"{state}: {found}" if found else state


def version_lines(found: Mapping[str | None, int]) -> Iterator[str]:
    """Yield how many tenants have which last migration."""
    for current, count in found.items():
        yield f"{tenants(count)}: {'not known' if current is None else clean_line(current)}"


def _compared_with_last(appeared: int, vanished: int) -> Iterator[str]:
    if appeared or vanished:
        yield f"since the run before, {appeared:,} appeared and {vanished:,} vanished"


def _cells(name: str, wave: RunWave) -> tuple[str, ...]:
    numbers = (wave.size, wave.done, wave.failed, wave.leased, wave.todo, wave.waiting)
    return (name, *(f"{number:,}" for number in numbers))


def _speed(found: FleetStatus, *, is_remote: bool) -> Iterator[str]:
    if found.run.state == "running":
        yield f"{found.processes} process{'' if found.processes == 1 else 'es'}"
    if speed := found.rate:
        yield f"{speed:,.1f} tenants per second on average"
    if left := found.seconds_left:
        yield f"{duration(left)} left"
    if is_remote:
        yield requests(found.total.requests)


def next_step(found: FleetStatus, command: Command) -> str | None:
    """Return what to do next about a run; None if there is nothing to do."""
    run, waves = found.run, found.total
    failed = f"{command('status --failed')} shows why tenants failed; {command('retry')} tries them again"
    if run.state == "paused":
        return f"{command('resume')}, then {command('up')}, continues it"
    if run.state == "stopped" and (waves.todo or waves.leased or not run.is_sealed):
        again = (
            f"{command('resume')} continues it in spite of the failures"
            if waves.failed
            else f"{command('up')} continues it"
        )
        return f"{failed}; {again}" if waves.failed else again
    if run.state == "running" and not found.processes:
        if waves.waiting and not (waves.todo or waves.leased):
            return f"{command('jobs')} runs the jobs of waiting tenants, and finishes these"
        return f"no process works on it: {command('up')} continues it"
    return failed if waves.failed else None


def failure_lines(groups: Sequence[FailureGroup]) -> Iterator[str]:
    """Yield equal errors with the number of tenants, the place, and the names of some of them."""
    for group in groups:
        yield f"{tenants(group.tenants)}: {clean(group.error)}"
        if group.place and group.place not in group.error:
            yield f"    at {clean_line(group.place)}"
        yield from _hint(group.hint, "    ")
        yield f"    {_named(group.examples, group.tenants)}"


# --- a plan, and a verification ---


def plan_lines(found: FleetPreview, paint: Paint, width: int | None) -> Iterator[str]:
    """Yield the waves of a run, what a sample of the tenants has, and what the run costs."""
    yield f"{clean_line(found.fleet)}: {tenants(found.total)} to {clean_line(found.target or '')}"
    rows = [
        (str(number), wave.name, f"{wave.size:,}", f"{wave.most_failed:,}")
        for number, wave in enumerate(found.waves, 1)
    ]
    yield from table(_PLANNED, rows, right=(0, 2, 3), paint=paint, width=width)
    yield f"a sample of {tenants(sum(group.size for group in found.sample))}:"
    for group in found.sample:
        yield f"    {group.size:,} {_compared(group)}"
        yield from _hint(group.hint, "        ")
    if found.one_by_one:
        yield f"    {found.one_by_one:,} of them take more than one transaction"
    if found.seconds is not None:
        take = "takes" if found.total == 1 else "take"
        least = duration(found.seconds)
        yield f"at least {requests(found.total)}, which {take} {least} under the rate limit"


def group_lines(groups: Sequence[CheckGroup]) -> Iterator[str]:
    """Yield tenants that compare with the files in the same way, with the names of some of them."""
    for group in groups:
        yield f"{tenants(group.size)}: {_compared(group)}"
        yield from _hint(group.hint, "    ")
        yield f"    {_named(group.examples, group.size)}"


def verified_line(found: FleetVerification) -> str:
    """Return the sum of a verification: its numbers add up."""
    return (
        f"{found.current:,} up to date + {found.pending:,} pending + {found.different:,} different"
        f" + {found.unread:,} not read = {tenants(found.total)}"
    )


def _compared(group: CheckGroup) -> str:
    detail = clean_line(group.detail)
    return {"current": "up to date", "pending": f"pending: {detail}"}.get(group.state, detail)


def _hint(hint: str, indent: str) -> Iterator[str]:
    if hint:
        yield f"{indent}hint: {clean(hint)}".replace("\n", f"\n{indent}")


def _named(examples: Sequence[str], count: int) -> str:
    more = f" and {count - len(examples):,} more" if count > len(examples) else ""
    return f"{', '.join(map(clean_line, examples))}{more}"


# --- a run ---


def progress_line(found: Progress) -> str:
    """Return how far a run is, in one line."""
    finished = found.done + found.failed + found.waiting
    parts = [f"wave {found.wave + 1}: {finished:,} of {tenants(finished + found.left)}"]
    parts += [f"{found.failed:,} failed"] if found.failed else []
    parts += [f"{found.waiting:,} waiting"] if found.waiting else []
    if found.others:
        return ", ".join([*parts, f"waiting for {found.others:,} that other processes work on"])
    parts += [f"{found.rate:,.1f} per second"] if found.rate else []
    parts += [f"{duration(left)} left"] if (left := found.seconds_left) else []
    return ", ".join(parts)


def summary_lines(report: FleetReport, groups: Sequence[FailureGroup], *, is_remote: bool) -> Iterator[str]:
    """Yield what a call of `fleet up` did, how far the run is, and its failures; the numbers add up.

    Args:
        report: the result of the call.
        groups: the failures of the run.
        is_remote: whether requests were sent to the tenants.
    """
    did = [f"migrated {tenants(report.migrated)}"]
    did += [f"{report.created:,} of them created"] if report.created else []
    did += [f"{report.current:,} were up to date"] if report.current else []
    did += [f"{report.failures:,} failed"] if report.failures else []
    if report.waiting:
        did.append(waiting_line(report.waiting, report.waiting_for))
    sent = f", with {requests(report.requests)}" if is_remote else ""
    yield f"{', '.join(did)} in {duration(report.seconds)}{sent}"
    if report.one_by_one:
        yield f"{tenants(report.one_by_one)} took more than one transaction"
    if report.total != report.appeared:  # not the first run
        yield from _compared_with_last(report.appeared, report.vanished)
    yield from failure_lines(groups)
    for name, problem in report.problems:
        yield f"{clean_line(name)}: {clean_line(problem.message)}"
    ended = "finished with failures" if report.ended == "done" and report.failed else ENDED[report.ended]
    waiting = f" + {report.waiting:,} waiting" if report.waiting else ""
    yield (
        f"{clean_line(report.fleet)}: {report.done:,} done + {report.failed:,} failed{waiting}"
        f" + {report.left:,} left = {tenants(report.total)}; {_with_reason(ended, report.reason)}"
    )


def next_after(report: FleetReport, command: Command) -> str | None:
    """Return what to do next after a call of `fleet up`; None if there is nothing to do."""
    steps = []
    if report.failed:
        steps.append(f"{command('status --failed')} shows why; after the cause is fixed, {command('retry')}")
    if report.ended == "waiting":
        steps.append(f"{command('jobs')} runs the jobs, and finishes these tenants")
    if report.ended in ("interrupted", "partial", "closed"):
        steps.append(f"{command('up')} continues")
    if report.ended == "paused":
        steps.append(f"{command('resume')} lets it continue")
    if report.ended == "stopped" and report.left:
        steps.append(
            f"{command('resume')} continues in spite of the failures"
            if report.failed
            else f"{command('up')} continues"
        )
    return "; ".join(steps) or None
