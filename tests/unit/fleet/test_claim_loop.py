"""The loop of a process that migrates a fleet, with a clock of its own and tenants that are made up."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise
from threading import Event
from typing import TYPE_CHECKING

import pytest

from d1migrate.drivers.sqlite import SqliteDriver
from d1migrate.errors import (
    AmbiguousError,
    ApplyError,
    DamagedError,
    Error,
    Gate,
    QueryError,
    UnavailableError,
)
from d1migrate.fleet.claim_loop import CLAIM, LEASE, PAUSES, ClaimLoop, Hooks, Rest, TenantResult
from d1migrate.fleet.flow import Outcome
from d1migrate.fleet.journal import Journal, new_owner
from d1migrate.fleet.model import Finished
from d1migrate.fleet.pool import Inline, Threads
from d1migrate.fleet.tenant import Tenant
from d1migrate.project.waves import Amount, Wave

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from d1migrate.fleet.model import Claimed, Run
    from d1migrate.fleet.pool import Pool
    from d1migrate.fleet.run_values import End, Progress

DONE = Outcome(("002_b",), "002_b", 1)
WAITS = Outcome((), "001_a", 1, waiting_for="002_b")


class Clock:
    """Time that passes only while somebody sleeps."""

    def __init__(self) -> None:
        self.now, self.sleeps = 1000.0, list[float]()

    def sleep(self, seconds: float) -> None:
        """Wait."""
        self.now += seconds
        self.sleeps.append(seconds)


class Watched(Journal):
    """A journal that notes when the lease is extended."""

    clock: Clock
    extended: list[float]

    def extend(self, owner: str) -> None:
        """Extend it."""
        self.extended.append(self.clock.now)
        super().extend(owner)


class World:
    """A fleet whose tenants answer as `answers` has it, and the processes that work on it."""

    def __init__(self, path: Path) -> None:
        self.path, self.clock = path, Clock()
        self.answers: dict[str, list[Outcome | Error | float]] = {}
        self.asked: list[str] = []
        self.progress: list[Progress] = []
        self.before_each: Callable[[Claimed], None] = lambda _: None
        self.results: dict[str, TenantResult] = {}
        self.loop: ClaimLoop

    def journal(self) -> Journal:
        """The journal, as another process opens it."""
        return Journal(SqliteDriver(str(self.path), url=f"sqlite:{self.path}"), "tenants")

    def begin(self, count: int, waves: Sequence[str] = ("rest",), stop: Sequence[str] = ("0",)) -> Run:
        """Begin a run of tenants t0, t1 …; a number as a wave takes the first ones."""
        journal = self.journal()
        journal.create()
        limits = [Amount(int(count)) for count in stop]
        reaches = [Wave(name, Amount(percent=100), limit) for name, limit in zip(waves, limits, strict=True)]
        run = journal.begin("digest", "002_b", reaches, "me")
        first = int(waves[0]) if waves[0].isdecimal() else count
        tenants = [Tenant(f"t{n}", f"tenant-{n}", f"sqlite:t{n}.db") for n in range(count)]
        journal.add(run, [(tenant, int(place >= first)) for place, tenant in enumerate(tenants)])
        journal.seal(run)
        journal.close()
        return run._replace(is_sealed=True)

    def work(self, tenant: Claimed) -> TenantResult | Rest:
        """What a tenant answers; each of its answers once, the last one for good. Seconds are a rest."""
        self.before_each(tenant)
        self.asked.append(tenant.id)
        answers = self.answers.get(tenant.id, [DONE])
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        return Rest(answer, 1) if isinstance(answer, float) else TenantResult(answer, 1)

    def drive(
        self,
        run: Run,
        hooks: Hooks | None = None,
        *,
        threads: int = 0,
        journal: Journal | None = None,
        pool: Pool[Claimed, TenantResult | Rest] | None = None,
        last_wave: int | None = None,
        only: Sequence[str] = (),
        jobs: bool = False,
    ) -> End:
        """Drive a process to its end."""
        if pool is None:  # an empty pool is false
            pool = Threads(self.work, threads) if threads else Inline(self.work)
        hooks = hooks or Hooks(on_progress=self.progress.append)
        hooks = hooks._replace(
            now=lambda: self.clock.now, sleep=self.clock.sleep, on_result=lambda *found: self._note(*found)
        )
        journal = journal or self.journal()
        self.loop = ClaimLoop(
            journal, run, new_owner(), pool, hooks, last_wave=last_wave, only=only, jobs=jobs
        )
        try:
            return self.loop.drive()
        finally:
            pool.close()
            journal.close()

    def _note(self, tenant: Claimed, result: TenantResult) -> None:
        self.results[tenant.id] = result

    def counts(self) -> Counter[str]:
        """The tenants by their state; no lease is left."""
        status = self.journal().status()
        assert status
        found: Counter[str] = Counter()
        for wave in status.waves:
            assert wave.size == wave.done + wave.failed + wave.waiting + wave.todo + wave.leased
            found.update(done=wave.done, failed=wave.failed, waiting=wave.waiting)
            found.update(todo=wave.todo, leased=wave.leased)
        return +found


@pytest.fixture
def world(tmp_path: Path) -> World:
    """An empty world."""
    return World(tmp_path / "journal.sqlite")


@pytest.mark.parametrize("threads", [0, 4])
def test_each_tenant_is_migrated_once(world: World, threads: int) -> None:
    """Over several claims."""
    run = world.begin(2 * CLAIM + 7)
    assert world.drive(run, threads=threads) == "done"
    assert Counter(world.asked) == Counter(f"t{n}" for n in range(2 * CLAIM + 7))
    assert world.counts() == {"done": 2 * CLAIM + 7}
    last = world.progress[-1]
    assert (last.done, last.failed, last.left) == (2 * CLAIM + 7, 0, 0)


def test_a_failure_stops_no_other_tenant(world: World) -> None:
    """Unless its wave has too many."""
    run = world.begin(20, stop=("2",))
    error = ApplyError("no such table: a", migration="002_b", file="002_b.sql", line=3)
    world.answers = {"t4": [error], "t9": [QueryError("sqlite:t9.db: refused")]}
    assert world.drive(run) == "done"
    assert world.counts() == {"done": 18, "failed": 2}
    journal = world.journal()
    found = {(group.error, group.place) for group in journal.failures(run)}
    assert found == {("no such table: a", "002_b.sql:3"), ("refused", "")}


def test_too_many_failures_stop_the_run_at_once(world: World) -> None:
    """The next tenants of the claim are given back."""
    run = world.begin(20, stop=("1",))
    world.answers = {f"t{n}": [QueryError("refused")] for n in range(20)}
    assert world.drive(run) == "stopped"
    assert len(world.asked) == 2
    assert world.counts() == {"failed": 2, "todo": 18}
    assert world.loop.reason


def test_a_wave_begins_after_the_one_before_it(world: World) -> None:
    """A failure in the first one stops the run before the second."""
    run = world.begin(10, ("3", "rest"), ("0", "5"))
    world.answers = {"t1": [QueryError("refused")]}
    assert world.drive(run) == "stopped"
    assert set(world.asked) <= {"t0", "t1", "t2"}


def test_a_tenant_without_an_answer_is_tried_again_alone(world: World) -> None:
    """After a growing pause in which the others go on."""
    run = world.begin(6)
    world.answers = {"t2": [UnavailableError("reset"), AmbiguousError("lost"), DONE]}
    assert world.drive(run) == "done"
    assert world.counts() == {"done": 6}
    assert Counter(world.asked)["t2"] == 3
    assert world.asked[-2:] == ["t2", "t2"]
    assert sum(world.clock.sleeps) == pytest.approx(PAUSES[0] + PAUSES[1], abs=1)
    assert world.results["t2"].requests == 3


def test_a_tenant_that_never_answers_fails(world: World) -> None:
    """After a bounded number of attempts."""
    run = world.begin(3, stop=("1",))
    world.answers = {"t1": [UnavailableError("sqlite:t1.db: reset")]}
    assert world.drive(run) == "done"
    assert world.counts() == {"done": 2, "failed": 1}
    assert Counter(world.asked)["t1"] == len(PAUSES) + 1
    (group,) = world.journal().failures(run)
    assert group.error == "no answer after 4 attempts: reset"


def test_a_damaged_file_is_not_tried_again(world: World) -> None:
    """It stays damaged."""
    run = world.begin(2, stop=("1",))
    world.answers = {"t1": [DamagedError("damaged")]}
    assert world.drive(run) == "done"
    assert world.asked.count("t1") == 1


def test_few_tenants_are_claimed_while_none_answers(world: World) -> None:
    """The network may be down: two claims at most wait for it."""
    run = world.begin(10 * CLAIM, stop=("1",))
    world.answers = {f"t{n}": [UnavailableError("down")] for n in range(10 * CLAIM)}
    assert world.drive(run) == "stopped"
    assert len(set(world.asked)) <= 2 * CLAIM
    assert world.counts()["todo"] >= 8 * CLAIM


@pytest.mark.parametrize("threads", [0, 3])
def test_an_interrupt_finishes_what_is_in_work(world: World, threads: int) -> None:
    """What was only claimed is given back."""
    run = world.begin(200)
    asked: list[str] = []
    world.before_each = lambda tenant: asked.append(tenant.id)
    assert (
        world.drive(run, threads=threads, hooks=Hooks(interrupted=lambda: len(asked) >= 10)) == "interrupted"
    )
    assert world.counts() == {"done": len(asked), "todo": 200 - len(asked)}
    assert world.drive(run) == "done"
    assert Counter(world.asked) == Counter(f"t{n}" for n in range(200))


def test_an_interrupt_ends_waits(world: World) -> None:
    """A tenant that waits for the rate limit gives up, and is given back."""
    run, ended = world.begin(3), Event()
    world.answers = {"t0": [UnavailableError("interrupted before the request was sent"), DONE]}
    begun = Event()

    def wait(_: Claimed) -> None:
        begun.set()
        assert ended.wait(10)

    world.before_each = wait
    hooks = Hooks(interrupted=begun.is_set, on_end=ended.set)
    assert world.drive(run, hooks, threads=1) == "interrupted"
    assert world.counts() == {"todo": 3}
    assert world.drive(run) == "done"


def test_a_tenant_that_does_not_answer_at_the_end_is_given_back(world: World) -> None:
    """It has not failed: at an interrupt it may not even have been asked."""
    run = world.begin(1)
    world.answers = {"t0": [UnavailableError("interrupted before the request was sent")]}
    slow = Slow(world.work)
    slow.clock = world.clock
    assert world.drive(run, Hooks(interrupted=lambda: slow.looks > 5), pool=slow) == "interrupted"
    assert world.counts() == {"todo": 1}


def test_an_exception_gives_everything_back(world: World) -> None:
    """For example KeyboardInterrupt in a program that does not use Interrupts."""

    def interrupt(progress: Progress) -> None:
        if progress.done == 5:
            raise KeyboardInterrupt

    run = world.begin(20)
    with pytest.raises(KeyboardInterrupt):
        world.drive(run, Hooks(on_progress=interrupt))
    assert world.counts() == {"done": 5, "todo": 15}


def test_a_closed_window_ends_it_before_the_next_claim(world: World) -> None:
    """What was claimed is finished."""
    opened = iter([True, False])

    def look() -> None:
        if not next(opened):
            raise Gate("production refuses (window): closed", gates=["window"])

    run = world.begin(2 * CLAIM)
    assert world.drive(run, Hooks(refuse_closed=look)) == "closed"
    assert world.counts() == {"done": CLAIM, "todo": CLAIM}
    assert world.loop.reason == "production refuses (window): closed"


def test_pause_and_resume(world: World) -> None:
    """Somebody pauses the run while a process works on it."""

    def pause(tenant: Claimed) -> None:
        if tenant.id == "t10":
            world.journal().pause("you")

    run = world.begin(4 * CLAIM)
    world.before_each = pause
    assert world.drive(run) == "paused"
    assert world.counts()["todo"] >= 2 * CLAIM
    world.before_each = lambda _: None
    world.journal().resume("you")
    assert world.drive(run) == "done"
    assert world.counts() == {"done": 4 * CLAIM}
    assert len(world.asked) == len(set(world.asked))


def test_the_last_wanted_wave(world: World) -> None:
    """Later waves are left."""
    run = world.begin(10, ("3", "rest"), ("0", "5"))
    assert world.drive(run, last_wave=0) == "partial"
    assert sorted(world.asked) == ["t0", "t1", "t2"]
    assert world.drive(run) == "done"


def test_only_some_tenants(world: World) -> None:
    """Of any wave."""
    run = world.begin(10, ("3", "rest"), ("0", "5"))
    assert world.drive(run, only=("t1", "t7")) == "partial"
    assert sorted(world.asked) == ["t1", "t7"]
    assert world.counts() == {"done": 2, "todo": 8}


def test_it_waits_politely_for_others(world: World) -> None:
    """Another process has claimed all that is left: few questions, and no busy loop."""
    run = world.begin(5)
    other, owner = world.journal(), new_owner()
    held = other.claim(run, owner, 5, 600)
    claims: list[float] = []

    def look() -> None:
        claims.append(world.clock.now)
        if world.clock.now > 1120:
            other.finish(run, owner, [Finished(tenant.id, "done", "002_b", 1) for tenant in held.tenants])

    assert world.drive(run, Hooks(refuse_closed=look, on_progress=world.progress.append)) == "done"
    assert world.asked == []
    assert len(claims) < 25
    assert {progress.others for progress in world.progress} == {5}


class Slow(Inline["Claimed", TenantResult | Rest]):
    """Work that takes ten looks, of five seconds each."""

    looks = 0
    clock: Clock

    def collect(self, seconds: float) -> list[tuple[Claimed, TenantResult | Rest]]:
        """Return nothing at first."""
        self.looks += 1
        self.clock.now += 5
        return super().collect(seconds) if self.looks > 10 else []


def test_the_lease_is_extended_while_a_tenant_takes_long(world: World) -> None:
    """Otherwise others would take it over."""
    run = world.begin(1)
    journal = Watched(SqliteDriver(str(world.path), url="sqlite:journal"), "tenants")
    extended = journal.extended = [world.clock.now]
    journal.clock = world.clock
    pool = Slow(world.work)
    pool.clock = world.clock
    assert world.drive(run, journal=journal, pool=pool) == "done"
    assert len(extended) > 1
    assert max(after - before for before, after in pairwise(extended)) < LEASE


class Lost(Journal):
    """A journal on a full disk."""

    def finish(self, run: Run, owner: str, outcomes: Iterable[Finished]) -> str:  # noqa: ARG002
        """Fail."""
        raise UnavailableError("the disk is full")


def test_a_lost_journal_is_an_error_that_counts(world: World) -> None:
    """What is in work is finished; the next run finds it up to date."""
    run = world.begin(2 * CLAIM)
    journal = Lost(SqliteDriver(str(world.path), url="sqlite:journal"), "tenants")
    with pytest.raises(
        UnavailableError, match=r"the journal cannot be used: the disk is full; 50 tenants migrated"
    ):
        world.drive(run, journal=journal)
    assert len(world.asked) == CLAIM


# --- jobs ---


@pytest.fixture
def jobs(world: World) -> Run:
    """Three tenants that wait for a job, of 2 rests each."""
    run = world.begin(3)
    world.answers = {f"t{n}": [WAITS, 1.0, 1.0, DONE] for n in range(3)}
    assert world.drive(run) == "partial"
    assert world.counts() == {"waiting": 3}
    world.asked.clear()
    return run


def test_while_one_rests_others_are_worked_on(world: World, jobs: Run) -> None:
    """The pause of a job is not lost to the others."""
    began = world.clock.now
    assert world.drive(jobs, jobs=True) == "done"
    assert world.asked == ["t0", "t1", "t2"] * 3
    assert world.clock.now - began == pytest.approx(2, abs=0.5)
    assert world.counts() == {"done": 3}
    assert world.progress[-1][:4] == (0, 3, 0, 0)


def test_a_window_that_closes_during_a_rest(world: World, jobs: Run) -> None:
    """No chunk is sent after it, and the jobs wait for the next call."""

    def refuse_closed() -> None:
        if len(world.asked) >= 4:
            raise Gate("closed", gates=("window",))

    assert world.drive(jobs, Hooks(refuse_closed), jobs=True) == "closed"
    assert len(world.asked) == 4
    assert world.counts() == {"waiting": 3}
    assert world.drive(jobs, jobs=True) == "done"


def test_a_run_that_is_paused_while_jobs_run(world: World, jobs: Run) -> None:
    """It is noticed when the lease is extended; nothing is claimed meanwhile."""
    world.answers = {f"t{n}": [1.0] for n in range(3)}

    def before_each(_: Claimed) -> None:
        if len(world.asked) == 30:
            world.journal().pause("anna")

    world.before_each = before_each
    assert world.drive(jobs, jobs=True) == "paused"
    assert len(world.asked) < 30 + 3 * LEASE
    assert world.counts() == {"waiting": 3}


def test_a_job_that_gets_no_answer_after_many_chunks(world: World, jobs: Run) -> None:
    """Each chunk that is answered makes the attempts begin again."""
    lost = AmbiguousError("no answer")
    world.answers["t1"] = [lost, lost, 0.0, lost, lost, 0.0, lost, lost, WAITS, DONE]
    assert world.drive(jobs, jobs=True) == "done"
    assert world.counts() == {"done": 3}
