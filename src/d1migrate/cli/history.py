"""`history`: everything that happened to a database."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, NamedTuple

from d1migrate.migrate.history import notes_of
from d1migrate.report import text, values

if TYPE_CHECKING:
    from collections.abc import Sequence

    from d1migrate.cli.output import Output
    from d1migrate.cli.project import Project
    from d1migrate.migrate.flows.read_log import LogEntry


class Options(NamedTuple):
    """`history` has only the global options."""


def run(_options: Options, project: Project, output: Output) -> int:
    """Show the log, oldest entry first."""
    entries = project.migrator().history()
    if output.as_json:
        output.print_json({"entries": values.log(entries)})
    elif entries:
        _print(entries, output)
    else:
        output.print("no history yet")
    return 0


def _print(entries: Sequence[LogEntry], output: Output) -> None:
    now = time.time()
    rows = [
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
    header = ("when", "action", "name", "by", "token", "restore point before it")
    width = len(header) if any(e.restore_point for e in entries) else len(header) - 1
    output.print(text.table(header[:width], [row[:width] for row in rows]))


def _action(entry: LogEntry) -> str:
    if not entry.done:
        return f"{entry.action} (never finished)"
    detail = notes_of(entry.detail)
    detail = detail if isinstance(detail, dict) else {}
    overridden = detail.get("overridden")
    notes = ["not linted"] if detail.get("lint") is False else []
    if isinstance(overridden, dict):
        notes += [f"{gate} overridden: {reason}" for gate, reason in overridden.items()]
    return f"{entry.action} ({'; '.join(notes)})" if notes else entry.action
