"""What every `--json` prints, as types: one shape for each document, with the meaning of each key.

Functions that build the JSON are checked against these types. The JSON Schema files in `report/json_schema`
and the page `docs/reference/json.md` are generated from them. No command imports them.

The same thing has the same key in all documents. A time is in epoch seconds, and its key ends in `_at`; a
duration is in seconds. A count is an integer. What is unknown, or does not exist, is null.
"""

from __future__ import annotations

from d1migrate.report.shapes import backups, checks, errors, files, fleet, history, jobs, runs, schema

DOCUMENTS: dict[str, tuple[type, ...]] = {
    "init": (runs.Setup,),
    "up": (runs.Up,),
    "down": (runs.Run,),
    "status": (history.Status,),
    "history": (history.History,),
    "list": (history.Files,),
    "current": (history.Current,),
    "plan": (runs.Plan,),
    "new": (files.NewFile,),
    "diff": (files.Draft,),
    "rebuild": (files.Draft,),
    "index": (files.Indexes,),
    "verify": (history.Verification, files.Fix),
    "schema": (schema.Schema, schema.SchemaFile, schema.Changes),
    "lint": (checks.Lint, checks.Fixes),
    "rehearse": (checks.Rehearsal,),
    "adopt": (runs.Adoption,),
    "baseline": (runs.Baseline,),
    "squash": (files.Squash,),
    "renumber": (files.Renumbering,),
    "repair": (runs.Repairs, runs.Correction, runs.Synchronization, runs.Move),
    "backup": (backups.Backup,),
    "restore": (backups.RestorePoints, backups.RestorePreview, backups.Restore, backups.LoadedBackup),
    "job status": (jobs.JobStatus,),
    "job run": (jobs.JobRun,),
    "job pause": (jobs.JobChange,),
    "job resume": (jobs.JobChange,),
    "job cancel": (jobs.JobChange,),
    "fleet up": (fleet.FleetReport,),
    "fleet jobs": (fleet.FleetReport,),
    "fleet plan": (fleet.FleetPlan,),
    "fleet status": (fleet.FleetStatus,),
    "fleet list": (fleet.FleetList,),
    "fleet verify": (fleet.FleetVerification,),
    "fleet retry": (fleet.FleetRetry,),
    "fleet pause": (fleet.FleetChange,),
    "fleet resume": (fleet.FleetChange,),
    "fleet stop": (fleet.FleetChange,),
    "env": (history.Environments,),
    "gate": (history.GateCheck,),
    "explain": (checks.Rule,),
    "version": (history.Version,),
    "error": (errors.Failure,),
}
"""{command: the shapes that it prints, by its flags}; and the shape of a command that failed."""


def file_name(document: str) -> str:
    """Return the name of the JSON Schema file of a document."""
    return f"{document.replace(' ', '-')}.json"
