"""Schema migrations for Cloudflare D1 and any SQLite file.

    from d1migrate import Migrator

    migrator = Migrator("sqlite:app.db", "migrations")
    for entry in migrator.status():
        print(entry.version, entry.name, entry.state)
    migrator.up()

The errors are in `d1migrate.errors`.
"""

from __future__ import annotations

from importlib import import_module

__version__ = "0.1.0"

TYPE_CHECKING = False
if TYPE_CHECKING:
    from d1migrate.drivers.connect import connect
    from d1migrate.drivers.protocol import AsyncDriver, Capabilities, Driver
    from d1migrate.lint.check import Diagnostic
    from d1migrate.migrate.flows.read import LogEntry
    from d1migrate.migrate.flows.steps import Report, StepResult
    from d1migrate.migrate.flows.verify import Verification
    from d1migrate.migrate.history import AppliedMigration
    from d1migrate.migrate.migration import Migration, Rollback
    from d1migrate.migrate.plan import Plan, Step
    from d1migrate.migrate.status import Entry
    from d1migrate.migrator import Migrator
    from d1migrate.project.files import load_migrations
    from d1migrate.rehearse.model import Rehearsal, Rehearsed
    from d1migrate.schema.compare import Difference
    from d1migrate.schema.model import Schema
    from d1migrate.sql.split import Statement, split
    from d1migrate.workers.async_migrator import AsyncMigrator

__all__ = [
    "AppliedMigration",
    "AsyncDriver",
    "AsyncMigrator",
    "Capabilities",
    "Diagnostic",
    "Difference",
    "Driver",
    "Entry",
    "LogEntry",
    "Migration",
    "Migrator",
    "Plan",
    "Rehearsal",
    "Rehearsed",
    "Report",
    "Rollback",
    "Schema",
    "Statement",
    "Step",
    "StepResult",
    "Verification",
    "connect",
    "load_migrations",
    "split",
]

_HOMES = {
    "workers.async_migrator": ("AsyncMigrator",),
    "drivers.connect": ("connect",),
    "drivers.protocol": ("AsyncDriver", "Capabilities", "Driver"),
    "project.files": ("load_migrations",),
    "migrate.flows.read": ("LogEntry",),
    "migrate.flows.steps": ("Report", "StepResult"),
    "migrate.flows.verify": ("Verification",),
    "migrate.history": ("AppliedMigration",),
    "lint.check": ("Diagnostic",),
    "migrate.migration": ("Migration", "Rollback"),
    "migrator": ("Migrator",),
    "migrate.plan": ("Plan", "Step"),
    "rehearse.model": ("Rehearsal", "Rehearsed"),
    "schema.compare": ("Difference",),
    "schema.model": ("Schema",),
    "sql.split": ("Statement", "split"),
    "migrate.status": ("Entry",),
}


def __getattr__(name: str) -> object:
    # Modules load when a name is first asked for: a command pays for what it uses only.
    for home, names in _HOMES.items():
        if name in names:
            value: object = getattr(import_module(f"d1migrate.{home}"), name)
            return value
    raise AttributeError(f"module 'd1migrate' has no attribute {name!r}")
