"""A fleet as JSON, in the shapes of `shapes.fleet`."""

from __future__ import annotations

from d1migrate.report import values

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from d1migrate.fleet.model import FailureGroup, Run, RunWave
    from d1migrate.fleet.verify import CheckGroup
    from d1migrate.migrate.flows.leftovers import Problem
    from d1migrate.report.shapes import fleet


def run_value(run: Run) -> fleet.FleetRun:
    """Return a run as JSON."""
    return {
        "id": run.id,
        "number": run.number,
        "target": run.target,
        "by": run.by,
        "state": run.state,
        "reason": run.reason,
        "began_at": run.began_at,
        "ended_at": run.ended_at,
    }


def count_values(wave: RunWave) -> fleet.Counts:
    """Return the tenants of a wave, or of all, as JSON."""
    return {
        "tenant_count": wave.size,
        "done_count": wave.done,
        "failed_count": wave.failed,
        "waiting_count": wave.waiting,
        "running_count": wave.leased,
        "left_count": wave.todo,
    }


def version_values(found: Mapping[str | None, int]) -> list[fleet.FleetVersion]:
    """Return how many tenants have which last migration as JSON."""
    return [{"current": current, "tenant_count": count} for current, count in found.items()]


def wave_values(waves: Sequence[RunWave]) -> list[fleet.FleetWave]:
    """Return the waves of a run as JSON."""
    return [
        {
            "wave": number,
            "name": wave.name,
            "most_failed": wave.most_failed,
            "requests": wave.requests,
            "waiting_for": list(wave.waiting_for),
            **count_values(wave),
        }
        for number, wave in enumerate(waves, 1)
    ]


def failure_values(groups: Sequence[FailureGroup]) -> list[fleet.FleetFailure]:
    """Return grouped failures as JSON."""
    return [
        {
            "message": group.error,
            "place": group.place or None,
            "hint": group.hint or None,
            "tenant_count": group.tenants,
            "examples": list(group.examples),
        }
        for group in groups
    ]


def group_values(groups: Sequence[CheckGroup]) -> list[fleet.FoundTenants]:
    """Return tenants that compare with the files in the same way as JSON."""
    return [
        {
            "compared": group.state,
            "message": group.detail or None,
            "hint": group.hint or None,
            "tenant_count": group.size,
            "examples": list(group.examples),
        }
        for group in groups
    ]


def problem_values(found: Sequence[tuple[str, Problem]]) -> list[fleet.InspectedProblem]:
    """Return what was found in tenants as JSON."""
    return [{**value, "tenant": name} for name, problem in found for value in values.problems([problem])]
