"""Values as the JSON that commands print. `shapes` documents each key.

What one command alone prints as JSON is built in its module; findings, rehearsals and errors have their own.
"""

from __future__ import annotations

from d1migrate.migrate.history import notes_of
from d1migrate.migrate.migration import Migration

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from d1migrate.migrate.flows.leftovers import Problem
    from d1migrate.migrate.flows.read_log import LogEntry
    from d1migrate.migrate.flows.read_status import Status
    from d1migrate.migrate.flows.report import Report
    from d1migrate.migrate.flows.verify import Verification
    from d1migrate.migrate.jobs.job import Job
    from d1migrate.migrate.plan import Plan, Step
    from d1migrate.migrate.status import Entry
    from d1migrate.migrate.table import Identified
    from d1migrate.project.gates import GateResult
    from d1migrate.report.shapes import common, history, jobs, runs
    from d1migrate.report.shapes import schema as schemas
    from d1migrate.schema.compare import Difference
    from d1migrate.schema.model import ForeignKey, Schema, Table, Trigger


def status(
    found: Status, environment: str | None, database: str, pause: LogEntry | None = None
) -> history.Status:
    """What is applied and what is pending; `pause` is the entry of the log for the pause of the open job."""
    open_job = found.history.job
    current = found.history.current
    latest = next((e for e in reversed(found.entries) if e.migration), None)
    return {
        "environment": environment,
        "database": database,
        "table": found.history.table.name,
        "current": current and current.name,
        "current_version": current and current.version,
        "latest": latest and latest.name,
        "latest_version": latest and latest.version,
        "pending": found.pending,
        "job": open_job and _job(open_job, pause),
        "migrations": [entry(e) for e in found.entries],
        "problems": problems(found.problems),
    }


def _job(job: Job, pause: LogEntry | None) -> jobs.Job:
    from d1migrate.report import job_values

    return job_values.job(job, pause)


def migrations(found: Iterable[Identified]) -> list[common.Migration]:
    """Number and name of some migrations."""
    return [{"version": one.version, "name": one.name} for one in found]


def problems(found: Iterable[Problem]) -> list[common.Problem]:
    """What is wrong with a database."""
    return [
        {
            "kind": problem.kind,
            "name": problem.name,
            "message": problem.message,
            "fix": "\n".join(problem.fix) or None,
            "new": problem.is_new,
        }
        for problem in found
    ]


def entry(entry: Entry) -> common.Entry:
    """One migration, in the files and in the history."""
    return {
        "version": entry.version,
        "name": entry.name,
        "state": entry.state,
        "applied_at": entry.applied.applied_at if entry.applied else None,
        "checksum": entry.checksum,
        "reversible": entry.reversible,
        "was": entry.was,
    }


def log(entries: Sequence[LogEntry]) -> history.History:
    """What happened, oldest first."""
    return {
        "entries": [
            {
                "version": entry.version,
                "name": entry.name or None,
                "action": entry.action,
                "occurred_at": entry.at,
                "by": entry.by,
                "checksum": entry.checksum,
                "token": entry.token,
                "done": entry.done,
                "detail": _detail(entry.detail),
                "restore_point": entry.restore_point,
            }
            for entry in entries
        ]
    }


def _detail(text: str | None) -> history.Detail | None:
    found: history.Detail | None = notes_of(text)
    return found if found is None or isinstance(found, dict) else {"text": text or ""}


def files(found: Sequence[Migration]) -> history.Files:
    """The files of a folder."""
    from d1migrate.migrate.deploy_phase import describe

    described = [(migration, describe(migration)) for migration in found]
    return {
        "migrations": [
            {
                "version": m.version,
                "name": m.name,
                "file": m.file,
                "bytes": m.size,
                "checksum": m.checksum,
                "reversible": bool(m.rollback and m.rollback.reason is None),
                "phase": summary.phase,
                "phase_reason": summary.reason,
                "job_kind": m.job and m.job.kind,
            }
            for m, summary in described
        ]
    }


def plan(
    plan: Plan, gates: Sequence[GateResult], large: Mapping[str, bool | None] = {}, *, remote: bool
) -> runs.Plan:
    """The steps of a plan, with the transport to a remote database, and what the gates say of it.

    Args:
        plan: the plan.
        gates: what the gates say of it.
        large: {migration with a directive: whether it runs as a job}.
        remote: whether the database is remote.
    """
    return {
        "steps": [_planned(step, large.get(step.name, False), remote=remote) for step in plan.steps],
        "single_transaction": plan.single,
        "requests": plan.requests,
        "waits_for": plan.waiting_for,
        "gates": gate_results(gates),
    }


def gate_results(found: Iterable[GateResult]) -> list[runs.Gate]:
    """The result of each gate of an environment for a run."""
    return [
        {
            "name": gate.name,
            "state": gate.state,
            "message": gate.message,
            "override": gate.override,
            "reason": gate.reason,
            "warning": gate.warning,
            "hint": gate.step,
        }
        for gate in found
    ]


def _planned(step: Step, runs_as_job: bool | None, *, remote: bool) -> runs.PlannedStep:
    from d1migrate.migrate.deploy_phase import describe

    large, why = step.size > 0, step.import_reason if remote else None
    summary = describe(step.script) if isinstance(step.script, Migration) else None
    return {
        "version": step.version,
        "name": step.name,
        "direction": step.direction,
        "transport": "import" if why else "batch",
        "transport_reason": why,
        "runs_as_job": runs_as_job,
        "statements": None if large else [s.sql for s in step.script.statements()],
        "statement_count": step.statement_count,
        "bytes": step.size if large else sum(len(s.sql.encode()) for s in step.script.statements()),
        "phase": summary and summary.phase,
        "phase_reason": summary and summary.reason,
        "deletes_rows": step.deletes_rows if step.direction == "down" else None,
        "deletes_values": step.deletes_values if step.direction == "down" else None,
    }


def report(report: Report) -> runs.Run:
    """What a run did."""
    return {
        "steps": [
            {
                "version": step.version,
                "name": step.name,
                "direction": "down" if step.action == "down" else "up",
                "statement_count": step.statements or 0,
                "deleted_rows": dict(step.deleted_rows) if step.action == "down" else None,
                "deleted_values": dict(step.deleted_values) if step.action == "down" else None,
            }
            for step in report.steps
        ],
        "applied_meanwhile": migrations(report.meanwhile),
        "problems": problems(report.problems),
    }


def up(found: Report) -> runs.Up:
    """What an `up` did, and what waits."""
    return {**report(found), "waits_for": found.waiting_for}


def verification(found: Verification) -> history.Verification:
    """What `verify` found; `ok` decides the exit code of --check."""
    return {
        "ok": found.ok,
        "migrations": [entry(e) for e in found.entries],
        "gaps": list(found.gaps),
        "differences": drift(found.differences),
        "not_compared": found.not_compared,
        "problems": problems(found.problems),
    }


def drift(found: Iterable[Difference]) -> list[common.Difference]:
    """Where a live schema differs from what files build."""
    return [
        {"kind": kind, "name": name, "state": problem, "expected": expected, "actual": actual}
        for kind, name, problem, expected, actual in found
    ]


def schema(schema: Schema) -> schemas.Schema:
    """Tables with their indexes and triggers, views, and the triggers on views."""
    return {
        "tables": [_table(table) for table in schema.tables],
        "views": [{"name": view.name, "sql": view.sql} for view in schema.views],
        "triggers": [_trigger(trigger) for trigger in schema.triggers],
    }


def _table(table: Table) -> schemas.Table:
    return {
        "name": table.name,
        "sql": table.sql,
        "columns": [
            {
                "name": column.name,
                "type": column.type,
                "not_null": column.not_null,
                "default": column.default,
                "primary_key": column.primary_key or None,
                "generated": column.generated,
            }
            for column in table.columns
        ],
        "indexes": [
            {"name": index.name, "unique": index.unique, "columns": list(index.columns), "sql": index.sql}
            for index in table.indexes
        ],
        "foreign_keys": [_foreign_key(key) for key in table.foreign_keys],
        "triggers": [_trigger(trigger) for trigger in table.triggers],
    }


def _foreign_key(key: ForeignKey) -> schemas.ForeignKey:
    named = [name for name in key.to if name is not None]
    return {
        "columns": list(key.columns),
        "references_table": key.table,
        "references_columns": named or None,  # SQLite has names for all of them, or for none
        "on_delete": key.on_delete,
        "on_update": key.on_update,
    }


def _trigger(trigger: Trigger) -> schemas.Trigger:
    return {"name": trigger.name, "table": trigger.table, "sql": trigger.sql}
