"""One schema over many databases.

A fleet is the databases of a section `[fleet.NAME]`, a tenant is one of them. The command line migrates all
of them. Where something else hands out the work, such as a queue of tasks, it calls this for each:

    from d1migrate import load_migrations
    from d1migrate.fleet import FleetPlan, migrate_one

    plan = FleetPlan(load_migrations("migrations"))
    outcome = migrate_one("sqlite:data/acme.db", plan)
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:  # `X as X` exports a name to type checkers
    from d1migrate.fleet.flow import Outcome as Outcome
    from d1migrate.fleet.one import migrate_one as migrate_one
    from d1migrate.fleet.one import migrate_one_async as migrate_one_async
    from d1migrate.fleet.plan import FleetPlan as FleetPlan

_HOMES = {
    "flow": ("Outcome",),
    "one": ("migrate_one", "migrate_one_async"),
    "plan": ("FleetPlan",),
}  # {module: its public names}

__all__ = sorted(name for names in _HOMES.values() for name in names)


def __getattr__(name: str) -> object:
    # The command line imports modules of this package, and not all that a task needs.
    from importlib import import_module

    for home, names in _HOMES.items():
        if name in names:
            value: object = getattr(import_module(f"d1migrate.fleet.{home}"), name)
            return value
    raise AttributeError(f"module 'd1migrate.fleet' has no attribute {name!r}")
