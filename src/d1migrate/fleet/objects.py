"""Fleets of Durable Objects, which a Workflow migrates: `fleet.ts` in the package `workers`."""

from __future__ import annotations

import re

from d1migrate.errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from d1migrate.project.fleet import FleetSettings


def workflow_class(fleet: str) -> str:
    """Return the name of the class that is a fleet's Workflow: that of `eu-tenants` is `EuTenantsFleet`."""
    words = "".join(word[0].upper() + word[1:] for word in re.findall(r"[^\W_]+", fleet))
    return f"Fleet{words}" if words[0].isdigit() else f"{words}Fleet"


def workflow_name(fleet: str) -> str:
    """Return what the guide and the hints call a fleet's Workflow in the wrangler configuration."""
    return f"{fleet}-fleet"


def trigger(fleet: str) -> str:
    """Return the command that starts a fleet's Workflow: what `fleet up` is for other fleets."""
    return f"npx wrangler workflows trigger {workflow_name(fleet)}"


def cannot_run_here(fleet: FleetSettings) -> UsageError:
    """Return the error of a command that would have to reach the tenants of a fleet of objects."""
    start = f"`{trigger(fleet.name)}` starts its Workflow"
    written = f"set `workflow` in [fleet.{fleet.name}], and deploy what `d1migrate index` writes there"
    return UsageError(
        f"the tenants of [fleet.{fleet.name}] are objects of the class {fleet.objects}, which only their"
        " Worker reaches",
        hint=f"{start if fleet.workflow else written}; `d1migrate fleet status {fleet.name}` shows its run",
    )
