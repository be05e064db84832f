"""`history`: everything that happened to a database."""

from __future__ import annotations

import time

from d1migrate.migrate.history import notes_of
from d1migrate.migrate.log import JOB_ACTIONS
from d1migrate.named_tuple import NamedTuple
from d1migrate.report import job, table, text, values

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from d1migrate.cli.output import Output
    from d1migrate.cli.project import Project
    from d1migrate.migrate.flows.read_log import LogEntry


class Options(NamedTuple):
    """`history` has only the global options."""


def run(_options: Options, project: Project, output: Output) -> int:
    """Show the log, oldest entry first."""
    entries = project.migrator().history()
    if output.as_json:
        output.print_json(values.log(entries))
    elif entries:
        _print(entries, output)
    else:
        output.print("no history yet")
    return 0


def _print(entries: Sequence[LogEntry], output: Output) -> None:
    headers: tuple[str, ...] = ("when", "action", "name", "by", "token", "restore point before it")
    rows = _rows(entries, time.time())
    is_short = not table.fits(headers, rows, output.width)
    if is_short:
        headers, rows = headers[:-1], [row[:-1] for row in _rows(entries, None)]
    output.print(table.table(headers, rows, paint=output.paint, width=output.width))
    if is_short and any(entry.restore_point for entry in entries):
        output.hint("`d1migrate restore` lists the restore points")


def _rows(entries: Sequence[LogEntry], now: float | None) -> list[tuple[str, ...]]:
    return [
        (
            text.when(e.at, now=now),
            _action(e),
            e.name,
            e.by or "wrangler",
            (e.token or "")[:8],
            e.restore_point or "",
        )
        for e in entries
    ]


def _action(entry: LogEntry) -> str:
    if not entry.done:
        return f"{entry.action} (never finished)"
    detail = notes_of(entry.detail)
    detail = detail if isinstance(detail, dict) else {}
    overridden = detail.get("overridden")
    notes = ["not linted"] if detail.get("lint") is False else []
    if isinstance(overridden, dict):
        notes += [f"{gate} overridden: {reason}" for gate, reason in overridden.items()]
    notes += _of_job(entry.action, detail)
    action = f"{entry.action} job" if entry.action in JOB_ACTIONS else entry.action
    return f"{action} ({'; '.join(notes)})" if notes else action


def _of_job(action: str, detail: Mapping[str, object]) -> Iterator[str]:
    """Yield what the log records of a job: how much it did, and why it was paused or cancelled."""
    done, chunks = detail.get("rows"), detail.get("chunks")
    if isinstance(done, int) and isinstance(chunks, int):
        yield f"{job.rows(done)}, {job.chunks(chunks)}"
    if detail.get("applied") == "elsewhere":
        yield "applied elsewhere"
    if action in JOB_ACTIONS and (reason := detail.get("reason")):
        yield text.clean_line(str(reason))
