"""Commands that read: none of them writes to a database or creates one."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

from d1migrate.backup import FOLDER
from d1migrate.drivers.run import run
from d1migrate.migrate.flows.read import status_and_problems
from d1migrate.migrate.history import notes_of
from d1migrate.report import text, values

if TYPE_CHECKING:
    from collections.abc import Sequence

    from d1migrate.backup.last_restore import LastRestore
    from d1migrate.cli.project import Context
    from d1migrate.migrate.flows.read import LogEntry
    from d1migrate.migrate.status import Entry

_FOUND = 3
_STATE_COLOURS = {"applied": "green", "pending": "yellow"}  # all others are red


def status_command(context: Context) -> int:
    """Show what is applied and what is pending."""
    migrator = context.migrator
    last = _last_restore(context)
    flow = status_and_problems(
        migrator.migrations, token=last and last.token, if_missing=last and last.if_missing
    )
    entries, problems = run(flow, migrator.driver)
    environment = context.environment
    if context.json:
        context.out_json(values.status(entries, problems, environment.name, environment.database))
    else:
        _print_status(context, entries)
        context.out(context.problems(problems))
    wanted = problems or any(entry.state != "applied" for entry in entries)
    return _FOUND if context.arguments.check and wanted else 0


def _last_restore(context: Context) -> LastRestore | None:
    """Return the last restore of a remote D1 from this folder."""
    remote = context.driver.capabilities.time_travel
    if remote is None or not os.path.isdir(FOLDER):
        return None
    from d1migrate.backup.last_restore import recall

    return recall(FOLDER, remote.api_path)


def _print_status(context: Context, entries: Sequence[Entry]) -> None:
    now = time.time()
    context.say_database()
    if not entries:
        context.out(f"no migrations in {context.folder}")
        return
    rows = [
        (
            str(e.version),
            e.name,
            e.state if e.was is None else f"{e.state} (was {e.was})",
            text.when(e.applied.applied_at, now=now) if e.applied else "",
            _remark(e),
        )
        for e in entries
    ]
    header, *lines = text.table(("version", "name", "state", "applied", ""), rows, right=(0,))
    context.out(context.paint(header, "dim"))
    for entry, line in zip(entries, lines, strict=True):
        shade = _STATE_COLOURS.get(entry.state, "red")
        context.out(line.replace(entry.state, context.paint(entry.state, shade), 1) if shade else line)
    counts: dict[str, int] = {}
    for entry in entries:
        counts[entry.state] = counts.get(entry.state, 0) + 1
    context.say(", ".join(f"{count} {state.replace('_', ' ')}" for state, count in counts.items()))


def _remark(entry: Entry) -> str:
    """Say what a state does not: another file's record without a checksum may be another migration's."""
    applied = entry.applied
    if applied and applied.checksum is None and applied.name not in ("", entry.name):
        return f"recorded as {applied.name}"
    return "" if entry.reversible else "no way back"


def history_command(context: Context) -> int:
    """Show all that happened."""
    entries = context.migrator.history()
    if context.json:
        context.out_json(values.log(entries))
        return 0
    if not entries:
        context.out("nothing happened yet")
        return 0
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
    context.out(text.table(header[:width], [row[:width] for row in rows]))
    return 0


def _action(entry: LogEntry) -> str:
    if not entry.done:
        return f"{entry.action} (never ended)"
    detail = notes_of(entry.detail)
    detail = detail if isinstance(detail, dict) else {}
    overridden = detail.get("overridden")
    notes = ["not linted"] if detail.get("lint") is False else []
    if isinstance(overridden, dict):
        notes += [f"{gate} overridden: {reason}" for gate, reason in overridden.items()]
    return f"{entry.action} ({'; '.join(notes)})" if notes else entry.action


def list_command(context: Context) -> int:
    """Show the files."""
    migrations = context.load()
    if context.json:
        context.out_json(values.files(migrations))
    elif migrations:
        from d1migrate.migrate.deploy_phase import describe  # a status has no use for it

        rows = [
            (
                str(m.version),
                m.name,
                text.size(m.size),
                describe(m).phase or "?",
                "" if m.rollback else "no rollback",
            )
            for m in migrations
        ]
        context.out(text.table(("version", "name", "size", "phase", ""), rows, right=(0, 2)))
    else:
        context.out(f"no migrations in {context.folder}")
    return 0


def current_command(context: Context) -> int:
    """Print the current version."""
    version = context.migrator.current()
    if context.json:
        context.out_json({"current_version": version})
    else:
        context.out(str(version))
    return 0


def verify_command(context: Context) -> int:
    """Compare files, history and live schema."""
    if context.arguments.fix:
        from d1migrate.cli.diff import fix_drift

        return fix_drift(context)
    from d1migrate.report import differences  # a status need not load it

    found = context.migrator.verify()
    if context.json:
        context.out_json(values.verification(found))
    else:
        for entry in found.entries:
            if entry.state != "applied":
                context.out(f"{text.clean_line(entry.name)}: {entry.state.replace('_', ' ')}")
        if found.gaps:
            context.out(f"no file for version {', '.join(map(str, found.gaps))}")
        if found.not_compared:
            context.out(f"schema not compared: {text.clean_line(found.not_compared)}")
        for line in differences.lines(found.differences, differences.DRIFT, context.paint):
            context.out(line)
        context.out(context.problems(found.problems))
        if found.ok:
            context.out("files, history and schema agree")
    return _FOUND if context.arguments.check and not found.ok else 0
