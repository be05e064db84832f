"""What a run of a fleet returns, and what it reports on the way."""

from __future__ import annotations

from d1migrate.named_tuple import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Literal

    from d1migrate.migrate.flows.leftovers import Problem

    End = Literal["done", "partial", "waiting", "stopped", "paused", "closed", "interrupted"]


class Progress(NamedTuple):
    """How far a call of `run_fleet` is.

    Attributes:
        wave: the number of the wave that is being migrated, from 0.
        done: the tenants that this call has migrated, or found to be up to date.
        failed: those that failed.
        left: those that are left, to any process.
        rate: tenants a second, in the last half minute.
        others: how many tenants other processes work on, while this one waits for them; otherwise 0.
        waiting: those that this call has found, or left, waiting for a job.
    """

    wave: int
    done: int
    failed: int
    left: int
    rate: float
    others: int = 0
    waiting: int = 0

    @property
    def seconds_left(self) -> float | None:
        """How long the rest takes at this rate; None if that is unknown."""
        return self.left / self.rate if self.rate else None


class FleetReport(NamedTuple):
    """The result of a call of `run_fleet` or `run_jobs`; done, failed, waiting and left add up to `total`.

    Attributes:
        fleet: the fleet.
        run: the id of the run, which other calls may have begun and may continue.
        target: the last migration.
        ended: why the call returned: "done" if no tenant is left; "partial" if others are left than it was to
            migrate; "waiting" if all others wait for jobs; "stopped" after too many failures, or by `stop`;
            "paused"; "closed" for the maintenance window; "interrupted".
        reason: why, in words; None if that is all there is to know.
        total: the tenants of the fleet.
        done, failed, waiting, left: of these, those that are migrated, have failed, wait for a job, or are
            left, by any process.
        waiting_for: the migrations that are to run as jobs.
        appeared, vanished: the tenants that the run before did not have, and those that only it had.
        migrated: how many this call has migrated.
        current: how many it found up to date.
        failures: how many it saw fail.
        created: how many of the migrated ones were empty databases.
        one_by_one: how many of the migrated ones took more than one transaction.
        requests: how many requests it sent to tenants.
        seconds: how long it took.
        problems: what inspections found, with the tenant's name.
    """

    fleet: str
    run: str
    target: str
    ended: End
    reason: str | None
    total: int
    done: int
    failed: int
    waiting: int
    waiting_for: tuple[str, ...]
    left: int
    appeared: int
    vanished: int
    migrated: int
    current: int
    failures: int
    created: int
    one_by_one: int
    requests: int
    seconds: float
    problems: tuple[tuple[str, Problem], ...] = ()
