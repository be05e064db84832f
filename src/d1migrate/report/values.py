"""The JSON of every command that reads: times in epoch seconds, unknown is null."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from d1migrate.migrate.history import notes_of
from d1migrate.migrate.migration import Migration

if TYPE_CHECKING:
    from collections.abc import Sequence

    from d1migrate.migrate.flows.leftovers import Problem
    from d1migrate.migrate.flows.read_log import LogEntry
    from d1migrate.migrate.flows.read_status import Status
    from d1migrate.migrate.flows.steps import Report
    from d1migrate.migrate.flows.verify import Verification
    from d1migrate.migrate.migration import Rollback
    from d1migrate.migrate.plan import Plan
    from d1migrate.migrate.status import Entry
    from d1migrate.migrate.table import Identified
    from d1migrate.project.gates import GateResult
    from d1migrate.schema.model import Schema, Table


def status(found: Status, environment: str | None, database: str) -> dict[str, Any]:
    """What is applied and what is pending.

    `pending` counts what `up` would run, `current` is the last applied migration, `latest` the last file.
    `problems` are those that the history shows; other commands find more.
    """
    entries, history, problems = found
    return {
        "environment": environment,
        "database": database,
        "table": history.table.name,
        **last("current", [history.current] if history.current else []),
        **last("latest", [e for e in entries if e.migration]),
        "pending": sum(e.is_pending for e in entries),
        "migrations": [entry(e) for e in entries],
        "problems": [problem(p) for p in problems],
    }


def last(key: str, migrations: Sequence[Identified]) -> dict[str, Any]:
    """The name and the number of the last of some migrations; null if there is none, or it has no number."""
    found = migrations[-1] if migrations else None
    return {key: found and found.name, f"{key}_version": found and found.version}


def problem(found: Problem) -> dict[str, Any]:
    """Something wrong with a database; `is_new` is false if it was wrong before the run."""
    return {**found._asdict(), "fix": list(found.fix)}


def entry(entry: Entry) -> dict[str, Any]:
    """One migration; `was` only if another name is recorded than that of the file."""
    value: dict[str, Any] = {
        "version": entry.version,
        "name": entry.name,
        "state": entry.state,
        "applied_at": entry.applied.applied_at if entry.applied else None,
        "checksum": entry.checksum,
        "reversible": entry.reversible,
    }
    if entry.was is not None:
        value["was"] = entry.was
    return value


def log(entries: Sequence[LogEntry]) -> list[dict[str, Any]]:
    """What happened, oldest first."""
    return [entry._asdict() | {"detail": notes_of(entry.detail)} for entry in entries]


def files(migrations: Sequence[Migration]) -> list[dict[str, Any]]:
    """The files of a folder."""
    return [
        {
            "version": m.version,
            "name": m.name,
            "file": m.file,
            "bytes": m.size,
            "checksum": m.checksum,
            "reversible": bool(m.rollback and m.rollback.reason is None),
            **_phase(m),
        }
        for m in migrations
    ]


def plan(plan: Plan, *, remote: bool = False) -> dict[str, Any]:
    """The steps; the statements of a large file are null, with their count and bytes beside them.

    `transport` is how each step reaches the database: batch or, for a remote one, import if necessary.
    """
    steps = []
    for step in plan.steps:
        large, why = step.size > 0, step.import_reason if remote else None
        steps.append(
            {
                "version": step.version,
                "name": step.name,
                "direction": step.direction,
                "transport": "import" if why else "batch",
                "statements": None if large else [s.sql for s in step.script.statements()],
                "count": step.statement_count,
                "bytes": step.size if large else sum(len(s.sql.encode()) for s in step.script.statements()),
                "transport_reason": why,
                **_phase(step.script),
                "deletes_rows": step.deletes_rows if step.direction == "down" else None,
                "deletes_values": step.deletes_values if step.direction == "down" else None,
            }
        )
    return {"steps": steps, "single_transaction": plan.single, "requests": plan.requests}


def _phase(script: Migration | Rollback) -> dict[str, Any]:
    """The phase, before or after the deploy; null if its file has none, and for a rollback."""
    if not isinstance(script, Migration):
        return {"phase": None, "phase_reason": None}
    from d1migrate.migrate.deploy_phase import describe

    found = describe(script)
    return {"phase": found.phase, "phase_reason": found.reason}


def gates(found: Sequence[GateResult]) -> list[dict[str, Any]]:
    """The gates of an environment; `state` is passed, refused or overridden."""
    return [{**gate._asdict(), "state": gate.state} for gate in found]


def report(report: Report) -> dict[str, Any]:
    """What a run did."""
    return {
        "steps": [
            {
                "version": s.version,
                "name": s.name,
                "direction": s.action,
                "statements": s.statements,
                "deleted_rows": s.deleted_rows if s.action == "down" else None,
                "deleted_values": s.deleted_values if s.action == "down" else None,
            }
            for s in report.steps
        ],
        "applied_meanwhile": [{"version": m.version, "name": m.name} for m in report.meanwhile],
        "problems": [problem(p) for p in report.problems],
    }


def verification(found: Verification) -> dict[str, Any]:
    """What `verify` found; `ok` decides the exit code of --check."""
    return {
        "ok": found.ok,
        "migrations": [entry(e) for e in found.entries],
        "gaps": list(found.gaps),
        "differences": [difference._asdict() for difference in found.differences],
        "schema_not_compared": found.not_compared,
        "problems": [problem(p) for p in found.problems],
    }


def schema(schema: Schema) -> dict[str, Any]:
    """Tables with their indexes and triggers, views, and the triggers on views."""
    return {
        "tables": [table(t) for t in schema.tables],
        "views": [view._asdict() for view in schema.views],
        "triggers": [trigger._asdict() for trigger in schema.triggers],
    }


def table(table: Table) -> dict[str, Any]:
    """One table."""
    return {
        "name": table.name,
        "sql": table.sql,
        "columns": [column._asdict() for column in table.columns],
        "indexes": [index._asdict() for index in table.indexes],
        "foreign_keys": [key._asdict() for key in table.foreign_keys],
        "triggers": [{"name": trigger.name, "sql": trigger.sql} for trigger in table.triggers],
    }
