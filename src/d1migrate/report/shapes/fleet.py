"""The shapes of `fleet` and its actions."""

from __future__ import annotations

from typing import Literal, TypedDict

from d1migrate.report.shapes.common import Problem

TYPE_CHECKING = False
if TYPE_CHECKING:
    from d1migrate.report.shapes.runs import Gate


class FleetRun(TypedDict):
    """A run: one `fleet up` of one set of migrations, over any number of processes.

    Attributes:
        id: what identifies it.
        number: its number among the runs of the journal, from 1.
        target: the last migration that it applies.
        by: who began it.
        state: how it is. A stopped run can be resumed, or have too many failures.
        reason: why it is paused or stopped; null otherwise.
        began_at: when it began.
        ended_at: when it was stopped or done; null before.
    """

    id: str
    number: int
    target: str
    by: str
    state: Literal["running", "paused", "stopped", "done"]
    reason: str | None
    began_at: int
    ended_at: int | None


class Counts(TypedDict):
    """Tenants, counted; the first number is the sum of the others.

    Attributes:
        tenant_count: all tenants.
        done_count: those that are migrated.
        failed_count: those that failed.
        waiting_count: those with a migration that has to run as a job, and no process does that.
        running_count: those that a process works on.
        left_count: those that are left.
    """

    tenant_count: int
    done_count: int
    failed_count: int
    waiting_count: int
    running_count: int
    left_count: int


class FleetWave(Counts):
    """A wave of a run.

    Attributes:
        wave: its number, from 1.
        name: as the configuration has it: `3`, `10%` or `rest`.
        most_failed: how many failures do not stop the run; one more does.
        requests: how many requests its tenants took.
        waiting_for: the migrations that have to run as jobs.
    """

    wave: int
    name: str
    most_failed: int
    requests: int
    waiting_for: list[str]


class FleetFailure(TypedDict):
    """Tenants that failed with the same error at the same place.

    Attributes:
        message: the error.
        place: file and line; null if it has none.
        hint: what to do about it; null if there is none.
        tenant_count: how many tenants.
        examples: the names of some of them.
    """

    message: str
    place: str | None
    hint: str | None
    tenant_count: int
    examples: list[str]


class FleetVersion(TypedDict):
    """Tenants with the same last migration.

    Attributes:
        current: the last migration; null if it is not known, as before the first run.
        tenant_count: how many tenants.
    """

    current: str | None
    tenant_count: int


class FleetStatus(Counts):
    """The newest run of a fleet, as its journal has it.

    Attributes:
        fleet: the fleet.
        run: the run; null if there was none.
        appeared_count: tenants that the run before did not have.
        vanished_count: tenants that only the run before had.
        process_count: how many processes work on it.
        requests: how many requests its tenants took.
        rate: tenants per second since it began; null if none is finished.
        seconds_left: how long the rest takes at this rate; null if it is not running, or the rate unknown.
        waves: its waves.
        versions: its tenants by their last migration, the most frequent first; null without `--versions`.
        failures: its failures, grouped by their error; null without `--failed`.
    """

    fleet: str
    run: FleetRun | None
    appeared_count: int
    vanished_count: int
    process_count: int
    requests: int
    rate: float | None
    seconds_left: float | None
    waves: list[FleetWave]
    versions: list[FleetVersion] | None
    failures: list[FleetFailure] | None


class InspectedProblem(Problem):
    """Something wrong with a tenant that was inspected after its migration.

    Attributes:
        tenant: the name of the tenant.
    """

    tenant: str


class FleetReport(TypedDict):
    """What `fleet up` or `fleet jobs` did. Done, failed, waiting and left add up to all tenants.

    Attributes:
        fleet: the fleet.
        run: the run.
        ended: why the command ended: no tenant is left; or those that were chosen are done; or all others
            wait for jobs; or the run was stopped or paused, the maintenance window closed, or the command
            interrupted.
        tenant_count: all tenants.
        done_count: those that are migrated, by any process.
        failed_count: those that failed.
        waiting_count: those with a migration that has to run as a job.
        left_count: those that are left.
        waiting_for: the migrations that have to run as jobs.
        appeared_count: tenants that the run before did not have.
        vanished_count: tenants that only the run before had.
        migrated_count: how many this command migrated.
        current_count: how many it found up to date.
        created_count: how many of the migrated ones were empty databases.
        one_by_one_count: how many of the migrated ones took more than one transaction.
        requests: how many requests it sent to tenants.
        seconds: how long it took.
        failures: the failures of the run, grouped by their error.
        problems: what was found in the tenants that were inspected.
    """

    fleet: str
    run: FleetRun
    ended: Literal["done", "partial", "waiting", "stopped", "paused", "closed", "interrupted"]
    tenant_count: int
    done_count: int
    failed_count: int
    waiting_count: int
    left_count: int
    waiting_for: list[str]
    appeared_count: int
    vanished_count: int
    migrated_count: int
    current_count: int
    created_count: int
    one_by_one_count: int
    requests: int
    seconds: float
    failures: list[FleetFailure]
    problems: list[InspectedProblem]


class PlannedWave(TypedDict):
    """A wave that `fleet up` would migrate.

    Attributes:
        wave: its number, from 1.
        name: as the configuration has it.
        tenant_count: how many tenants are in it.
        most_failed: how many failures do not stop the run; one more does.
    """

    wave: int
    name: str
    tenant_count: int
    most_failed: int


class FoundTenants(TypedDict):
    """Tenants that compare with the migration files in the same way.

    Attributes:
        compared: whether all is applied, migrations are pending, the history differs, or it was not read.
        message: what is pending or differs, or the error; null if all is applied.
        hint: what to do about the error; null if there is none.
        tenant_count: how many tenants.
        examples: the names of some of them.
    """

    compared: Literal["current", "pending", "different", "unread"]
    message: str | None
    hint: str | None
    tenant_count: int
    examples: list[str]


class FleetPlan(TypedDict):
    """What `fleet up` would do.

    Attributes:
        fleet: the fleet.
        target: the last migration that it would apply.
        tenant_count: how many tenants there are.
        waves: its waves.
        sample: how a few tenants of each wave compare with the files.
        gates: the gates of the environment.
        one_by_one_count: how many tenants of the sample take more than one transaction.
        requests: how many requests it takes at least: one for each tenant.
        seconds: how long these take at least under the rate limit; null for files.
        run: the newest run, which `up` continues if it is not done; null if there was none.
    """

    fleet: str
    target: str
    tenant_count: int
    waves: list[PlannedWave]
    sample: list[FoundTenants]
    gates: list[Gate]
    one_by_one_count: int
    requests: int
    seconds: float | None
    run: FleetRun | None


class FleetTenant(TypedDict):
    """A tenant.

    Attributes:
        id: the id of a D1, or the real path of a file.
        name: what the list of tenants calls it.
        url: what `--database` takes; null if it vanished.
        wave: its wave, from 1; null if it vanished.
        state: how it is in the newest run; null if that did not have it.
        current: its last applied migration; null if unknown.
        message: why it failed; null if it did not.
        hint: what to do about it; null if there is none.
    """

    id: str
    name: str
    url: str | None
    wave: int | None
    state: Literal["todo", "leased", "waiting", "done", "failed", "vanished"] | None
    current: str | None
    message: str | None
    hint: str | None


class FleetList(TypedDict):
    """The tenants of a fleet.

    Attributes:
        fleet: the fleet.
        tenants: its tenants, each in one line.
    """

    fleet: str
    tenants: list[FleetTenant]


class FleetVerification(TypedDict):
    """The tenants of a fleet, compared with the migration files.

    Attributes:
        fleet: the fleet.
        tenant_count: how many tenants were compared: the sum of the next four.
        current_count: how many have all migrations, unchanged.
        pending_count: how many lack migrations.
        different_count: how many have a history that differs from the files.
        unread_count: how many could not be read, or have the history of another tool.
        groups: those that do not have all, grouped, the largest group first.
    """

    fleet: str
    tenant_count: int
    current_count: int
    pending_count: int
    different_count: int
    unread_count: int
    groups: list[FoundTenants]


class FleetChange(TypedDict):
    """A run that was paused, resumed or stopped.

    Attributes:
        fleet: the fleet.
        run: the run, after the change.
    """

    fleet: str
    run: FleetRun


class FleetRetry(FleetChange):
    """A run whose failed tenants are left to do again.

    Attributes:
        retried_count: how many tenants.
    """

    retried_count: int
