"""What the journal of a fleet takes and returns: runs, claims, outcomes and counts, as values."""

from __future__ import annotations

from d1migrate.named_tuple import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Literal

    RunState = Literal["running", "paused", "stopped", "done"]
    TenantState = Literal["todo", "leased", "waiting", "done", "failed"]


class RunWave(NamedTuple):
    """A wave of a run, counted.

    Attributes:
        name: as the configuration has it.
        size: its tenants.
        todo: those that nobody has claimed, or whose run failed without an answer.
        leased: those that a process works on.
        waiting: those with a migration that has to run as a job, and no process does that.
        done: those that are migrated.
        failed: those that a person has to look at.
        most_failed: how many failures do not stop the run; one more does.
        requests: what its tenants took so far.
        waiting_for: the migrations that they wait for.
    """

    name: str
    size: int
    todo: int
    leased: int
    waiting: int
    done: int
    failed: int
    most_failed: int
    requests: int
    waiting_for: tuple[str, ...] = ()


def total(waves: Sequence[RunWave]) -> RunWave:
    """Return the sum of waves, as a wave without a name."""
    sums = [sum(column) for column in zip(*(wave[1:-1] for wave in waves), strict=True)] or [0] * 8
    names = dict.fromkeys(name for wave in waves for name in wave.waiting_for)
    return RunWave._make(("", *sums, tuple(names)))


class Run(NamedTuple):
    """One `fleet up` of one set of migrations, over any number of processes.

    Attributes:
        id: what identifies it.
        number: 1 for the first of the journal.
        fleet: its fleet.
        digest: of the set of migrations.
        target: the name of the newest one.
        by: who began it.
        state: "running", "paused", "stopped" or "done".
        reason: who paused or resumed it, or why it is stopped.
        waves: the names of its waves.
        is_sealed: whether all tenants are listed. Nothing is claimed before.
        began_at: the time, by the database's clock.
        ended_at: the time, if it is stopped or done.
    """

    id: str
    number: int
    fleet: str
    digest: str
    target: str
    by: str
    state: RunState
    reason: str | None
    waves: tuple[str, ...]
    is_sealed: bool
    began_at: int
    ended_at: int | None


class InventoryCounts(NamedTuple):
    """The inventory of a run beside that of the run before.

    Attributes:
        total: its tenants.
        appeared: those that the run before did not have.
        vanished: those that only the run before had.
    """

    total: int
    appeared: int
    vanished: int


class Claimed(NamedTuple):
    """A tenant that is this process's until its lease ends.

    Attributes:
        id, name, url: the tenant's, as in the inventory.
        wave: its wave, from 0.
        place: how many tenants of its wave were claimed before it; exact if there is one process.
        tries: how often it has been claimed in this run; 1 at first.
    """

    id: str
    name: str
    url: str
    wave: int
    place: int
    tries: int


class Claim(NamedTuple):
    """What a process takes from the journal at once.

    Attributes:
        tenants: of one wave; none if the run is not running, or others hold what is left of the wave.
        state: the state of the run.
        reason: why it is paused or stopped.
        left: how many of the tenants that are wanted are not done, failed or waiting, these included; of
            a claim of jobs, how many wait.
    """

    tenants: tuple[Claimed, ...]
    state: RunState
    reason: str | None
    left: int


class Finished(NamedTuple):
    """The outcome of a claimed tenant.

    Attributes:
        id: the tenant.
        state: "done"; "failed", if a person has to look; "waiting", if its next migration has to run as a
            job; or "todo", if it did not answer.
        current: the name of its newest migration, if it is known.
        requests: what it took.
        error: what failed, without the tenant's name, so that equal errors are equal.
        place: where: file and line.
        hint: what to do about it, without the tenant's name.
        waiting_for: the migration that it waits for.
    """

    id: str
    state: Literal["todo", "waiting", "done", "failed"]
    current: str | None = None
    requests: int = 0
    error: str | None = None
    place: str | None = None
    hint: str | None = None
    waiting_for: str | None = None


class FleetStatus(NamedTuple):
    """A run as the journal has it.

    Attributes:
        run: the newest run of the fleet.
        waves: its waves.
        counts: its inventory beside that of the run before.
        processes: how many processes work on it.
        now: the time, by the database's clock.
    """

    run: Run
    waves: tuple[RunWave, ...]
    counts: InventoryCounts
    processes: int
    now: int

    @property
    def total(self) -> RunWave:
        """The sum of the waves."""
        return total(self.waves)

    @property
    def is_done(self) -> bool:
        """Whether every tenant of the run is migrated."""
        return self.run.is_sealed and self.total.done == self.total.size

    @property
    def rate(self) -> float | None:
        """How many tenants a second were finished since the run began; None if none was."""
        seconds = (self.run.ended_at or self.now) - self.run.began_at
        finished = self.total.done + self.total.failed
        return finished / max(seconds, 1) if finished else None

    @property
    def seconds_left(self) -> float | None:
        """How long the rest takes at this rate; None if the run is not running, or the rate is unknown."""
        if self.rate is None or self.run.state != "running":
            return None
        return (self.total.todo + self.total.leased) / self.rate


class FailureGroup(NamedTuple):
    """Tenants of a run that failed with the same error at the same place.

    Attributes:
        error: the error.
        place: where: file and line; "" if it has none.
        hint: what to do about it, as one of them has it; "" if there is none.
        tenants: how many.
        examples: names of some of them.
    """

    error: str
    place: str
    hint: str
    tenants: int
    examples: tuple[str, ...]


class FailedTenant(NamedTuple):
    """A tenant that failed.

    Attributes:
        id, name: the tenant's.
        wave: its wave, from 0.
        error: the error.
        place: where: file and line; "" if it has none.
        hint: what to do about it; "" if there is none.
        tries: how often it was tried in this run.
        at: when it failed.
    """

    id: str
    name: str
    wave: int
    error: str
    place: str
    hint: str
    tries: int
    at: int


class RunTenant(NamedTuple):
    """A tenant in a run.

    Attributes:
        state: "todo", "leased", "waiting", "done" or "failed".
        current: the name of its newest migration, if it is known.
        error: why it failed; None if it did not.
        place: where: file and line; "" if it has none, None if it did not fail.
        hint: what to do about it; "" if there is none, None if it did not fail.
    """

    state: TenantState
    current: str | None
    error: str | None
    place: str | None
    hint: str | None


class SavedState(NamedTuple):
    """The state of the history that tenants were found in.

    Attributes:
        text: the state.
        tenants: about how many tenants were found in it; it ranks the states.
    """

    text: str
    tenants: int
