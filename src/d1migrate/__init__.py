"""Schema migrations for Cloudflare D1 and any SQLite file.

    from d1migrate import Migrator

    migrator = Migrator("sqlite:app.db", "migrations")
    for entry in migrator.status():
        print(entry.version, entry.name, entry.state)
    migrator.up()

The errors are in `d1migrate.errors`.
"""

from __future__ import annotations

__version__ = "0.1.0"

TYPE_CHECKING = False
if TYPE_CHECKING:  # `X as X` exports a name to type checkers
    from d1migrate.drivers.connect import connect as connect
    from d1migrate.drivers.protocol import AsyncDriver as AsyncDriver
    from d1migrate.drivers.protocol import Capabilities as Capabilities
    from d1migrate.drivers.protocol import Driver as Driver
    from d1migrate.lint.check import Diagnostic as Diagnostic
    from d1migrate.migrate.deploy_phase import Compatibility as Compatibility
    from d1migrate.migrate.flows.read_log import LogEntry as LogEntry
    from d1migrate.migrate.flows.report import Report as Report
    from d1migrate.migrate.flows.report import StepResult as StepResult
    from d1migrate.migrate.flows.verify import Verification as Verification
    from d1migrate.migrate.history import AppliedMigration as AppliedMigration
    from d1migrate.migrate.migration import Migration as Migration
    from d1migrate.migrate.plan import Plan as Plan
    from d1migrate.migrate.plan import Step as Step
    from d1migrate.migrate.rollback import Rollback as Rollback
    from d1migrate.migrate.status import Entry as Entry
    from d1migrate.migrator import Migrator as Migrator
    from d1migrate.project.files import load_migrations as load_migrations
    from d1migrate.rehearse.model import Rehearsal as Rehearsal
    from d1migrate.rehearse.model import Rehearsed as Rehearsed
    from d1migrate.schema.compare import Difference as Difference
    from d1migrate.schema.model import Schema as Schema
    from d1migrate.sql.split import Statement as Statement
    from d1migrate.sql.split import split as split
    from d1migrate.workers.async_migrator import AsyncMigrator as AsyncMigrator

_HOMES = {  # {module: its public names}
    "workers.async_migrator": ("AsyncMigrator",),
    "drivers.connect": ("connect",),
    "drivers.protocol": ("AsyncDriver", "Capabilities", "Driver"),
    "project.files": ("load_migrations",),
    "migrate.deploy_phase": ("Compatibility",),
    "migrate.flows.read_log": ("LogEntry",),
    "migrate.flows.report": ("Report", "StepResult"),
    "migrate.flows.verify": ("Verification",),
    "migrate.history": ("AppliedMigration",),
    "lint.check": ("Diagnostic",),
    "migrate.migration": ("Migration",),
    "migrator": ("Migrator",),
    "migrate.plan": ("Plan", "Step"),
    "migrate.rollback": ("Rollback",),
    "rehearse.model": ("Rehearsal", "Rehearsed"),
    "schema.compare": ("Difference",),
    "schema.model": ("Schema",),
    "sql.split": ("Statement", "split"),
    "migrate.status": ("Entry",),
}

__all__ = sorted(name for names in _HOMES.values() for name in names)


def __getattr__(name: str) -> object:
    # A module is imported when one of its names is first used: a command pays only for what it uses.
    from importlib import import_module

    for home, names in _HOMES.items():
        if name in names:
            value: object = getattr(import_module(f"d1migrate.{home}"), name)
            return value
    raise AttributeError(f"module 'd1migrate' has no attribute {name!r}")
