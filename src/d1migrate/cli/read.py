"""Commands that read: none of them writes to a database or creates one."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

from d1migrate.errors import UsageError
from d1migrate.report import text, values

if TYPE_CHECKING:
    from collections.abc import Sequence

    from d1migrate.cli.context import Context
    from d1migrate.flows.read import LogEntry
    from d1migrate.schema.compare import Difference
    from d1migrate.schema.model import Schema, Table
    from d1migrate.status import Entry

_FOUND = 3
_STATE_COLOURS = {"applied": "green", "pending": "yellow"}  # all others are red
_MARKS = {"missing": ("-", "red"), "extra": ("+", "yellow"), "different": ("~", "red")}


def status_command(context: Context) -> int:
    """Show what is applied and what is pending."""
    entries = context.migrator.status()
    environment = context.environment
    if context.json:
        context.out_json(values.status(entries, environment.name, environment.database))
    else:
        _print_status(context, entries)
    wanted = any(entry.state != "applied" for entry in entries)
    return _FOUND if context.arguments.check and wanted else 0


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
    detail = json.loads(entry.detail) if entry.detail else {}
    notes = ["not linted"] if detail.get("lint") is False else []
    notes += [f"{gate} overridden: {reason}" for gate, reason in detail.get("overridden", {}).items()]
    return f"{entry.action} ({'; '.join(notes)})" if notes else entry.action


def list_command(context: Context) -> int:
    """Show the files."""
    migrations = context.load()
    if context.json:
        context.out_json(values.files(migrations))
    elif migrations:
        from d1migrate.phases import told  # a status has no use for it

        rows = [
            (
                str(m.version),
                m.name,
                text.size(m.size),
                told(m).phase or "?",
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
    found = context.migrator.verify()
    if context.json:
        context.out_json(values.verification(found))
    else:
        for entry in found.entries:
            if entry.state != "applied":
                context.out(f"{text.clean(entry.name)}: {entry.state.replace('_', ' ')}")
        if found.gaps:
            context.out(f"no file for version {', '.join(map(str, found.gaps))}")
        if found.not_compared:
            context.out(f"schema not compared: {text.clean(found.not_compared)}")
        for difference in found.differences:
            _print_difference(context, difference)
        if found.ok:
            context.out("files, history and schema agree")
    return _FOUND if context.arguments.check and not found.ok else 0


def _print_difference(context: Context, difference: Difference) -> None:
    mark, shade = _MARKS[difference.problem]
    context.out(
        context.paint(text.clean(f"{mark} {difference.kind} {difference.name}: {difference.problem}"), shade)
    )
    for label, sql in (("files", difference.expected), ("live", difference.actual)):
        if sql:
            context.out([f"    {label:5} | {line}" for line in text.clean(sql).split("\n")])


def schema_command(context: Context) -> int:
    """Show the live schema, or one table of it."""
    schema, wanted = context.migrator.schema(), context.arguments.table
    if wanted is None:
        if context.json:
            context.out_json(values.schema(schema))
        else:
            _print_schema(context, schema)
        return 0
    table = next((t for t in schema.tables if t.name.lower() == wanted.lower()), None)
    if table is None:
        known = ", ".join(t.name for t in schema.tables) or "none"
        raise UsageError(f"no table {wanted!r}", hint=f"tables: {known}")
    if context.json:
        context.out_json(values.table(table))
    else:
        _print_table(context, table)
    return 0


def _print_schema(context: Context, schema: Schema) -> None:
    for table in schema.tables:
        _print_table(context, table)
        context.out("")
    for kind, objects in (("view", schema.views), ("trigger", schema.triggers)):
        for item in objects:
            context.out(
                [context.paint(f"{kind} {text.clean(item.name)}", "bold"), f"  {text.clean(item.sql)}", ""]
            )
    if not (schema.tables or schema.views):
        context.out("the database is empty")


def _print_table(context: Context, table: Table) -> None:
    context.out(context.paint(f"table {text.clean(table.name)}", "bold"))
    rows = [
        (
            f"  {c.name}",
            c.type,
            "primary key" if c.primary_key else "not null" if c.not_null else "",
            f"default {c.default}" if c.default is not None else "generated" if c.generated else "",
        )
        for c in table.columns
    ]
    context.out(text.table(("",) * 4, rows)[1:])
    for key in table.foreign_keys:
        to = f"({', '.join(name for name in key.to if name)})" if any(key.to) else ""
        actions = f"on delete {key.on_delete.lower()}, on update {key.on_update.lower()}"
        context.out(text.clean(f"  foreign key ({', '.join(key.columns)}) → {key.table}{to}, {actions}"))
    primary_key = tuple(c.name for c in sorted(table.columns, key=lambda c: c.primary_key) if c.primary_key)
    for index in table.indexes:
        columns = ", ".join(name or "<expression>" for name in index.columns)
        if index.sql:
            context.out(text.clean(f"  {'unique ' if index.unique else ''}index {index.name} ({columns})"))
        elif index.columns != primary_key:
            context.out(text.clean(f"  unique ({columns})"))
    for trigger in table.triggers:
        context.out(text.clean(f"  trigger {trigger.name}"))
