"""The loop of one process: claim tenants, work on them, record the outcomes, until none is left.

What the work is, and how a run begins, belongs in `runner`.
"""

from __future__ import annotations

import heapq
import time
from collections import deque
from contextlib import suppress
from itertools import count

from d1migrate.errors import DriverError, Error, Gate, UnavailableError
from d1migrate.fleet.model import Finished
from d1migrate.fleet.run_values import Progress
from d1migrate.fleet.tenant_errors import is_no_answer, place_of, without_name
from d1migrate.named_tuple import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Literal

    from d1migrate.fleet.flow import Outcome
    from d1migrate.fleet.journal import Journal
    from d1migrate.fleet.model import Claimed, Run
    from d1migrate.fleet.pool import Pool
    from d1migrate.fleet.run_values import End

    State = Literal["waiting", "done"]

CLAIM = 50
"""How many tenants are claimed at once: with a journal on D1, two requests for as many of tenants."""
LEASE, LEASE_OF_FILE = 30, 10
"""Seconds that others wait for the tenants of a process that was killed; a living one extends its lease.

A journal in a file has the shorter lease: to extend it costs no request.
"""
PAUSES = (2, 8, 32)
"""Seconds until a tenant that did not answer is tried again; after the last of them it has failed."""

_TICK = 0.2  # seconds until an interrupt is noticed
_LONGEST_IDLE = 10.0  # seconds between two claims while others work on all that is left
_RECORD_EVERY = 10.0  # seconds: others see in `status` what is recorded
_RATE_OF = 30.0  # seconds


class TenantResult(NamedTuple):
    """The outcome of the work on a tenant, and how many requests it took."""

    found: Outcome | Error
    requests: int


class Rest(NamedTuple):
    """Work on a tenant that continues after some seconds, and how many requests it took so far."""

    seconds: float
    requests: int


class Hooks(NamedTuple):
    """What a loop asks, and whom it reports to.

    Attributes:
        refuse_closed: called before each claim, and before work continues after a pause; raises Gate if the
            maintenance window is closed.
        interrupted: returns whether to finish the work that has begun, and end.
        on_progress: called after results.
        on_result: called with each tenant that is done, waits, or has failed.
        on_end: called when nothing new begins; what waits before its next request may give up.
        now: the clock.
        sleep: waits a number of seconds.
    """

    refuse_closed: Callable[[], None] = lambda: None
    interrupted: Callable[[], bool] = lambda: False
    on_progress: Callable[[Progress], None] = lambda _: None
    on_result: Callable[[Claimed, TenantResult], None] = lambda *_: None
    on_end: Callable[[], None] = lambda: None
    now: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep


class ClaimLoop:
    """Works on what this process can claim of a run.

    Args:
        journal: the journal.
        run: the run; all of its tenants are listed.
        owner: the name of this process in the journal.
        pool: works on tenants.
        hooks: what it asks, and whom it reports to.
        last_wave: the last wave that is wanted, from 0.
        only: the ids of the tenants that are wanted; all by default.
        lease: how many seconds what is claimed is this process's own.
        jobs: whether it works on tenants that wait for a job, instead of those to be done.

    Attributes:
        reason: why the loop ended, in words, if there is more to say.
    """

    def __init__(
        self,
        journal: Journal,
        run: Run,
        owner: str,
        pool: Pool[Claimed, TenantResult | Rest],
        hooks: Hooks,
        *,
        last_wave: int | None = None,
        only: Sequence[str] = (),
        lease: int = LEASE,
        jobs: bool = False,
    ) -> None:
        self._journal, self._run, self._owner, self._pool, self._hooks = journal, run, owner, pool, hooks
        self._last_wave, self._only, self._lease, self._jobs = last_wave, only, lease, jobs
        self.reason: str | None = None
        self._state, self._is_ending = "running", False
        self._results: list[Finished] = []
        self._paused: list[tuple[float, int, Claimed]] = []  # a heap; the number prevents comparing tenants
        self._numbers = count()
        self._tried: dict[str, _Tried] = {}
        self._idle = _TICK
        self._claim_at = self._leased_at = self._recorded_at = hooks.now()
        self._tally = _Tally(hooks.now)

    def drive(self) -> End:
        """Work until nothing is left, or until the run or this process is to stop.

        Work that has begun is then finished and recorded; what was only claimed is given back.

        Raises:
            UnavailableError: the journal did not answer. Work that has begun is finished first.
        """
        try:
            end = self._work()
        except BaseException as error:
            self._finish_work()
            with suppress(DriverError):
                self._give_back()
            if isinstance(error, DriverError):  # those of tenants are results
                raise self._lost(error) from error
            raise
        self._finish_work()
        try:
            self._give_back()
        except DriverError as error:
            raise self._lost(error) from error
        return end

    def _work(self) -> End:
        while not self._hooks.interrupted():
            now = self._hooks.now()
            if self._jobs and self._paused and self._is_closed():
                return "closed"
            while self._paused and self._paused[0][0] <= now:
                self._pool.submit(heapq.heappop(self._paused)[2])
            if self._is_to_claim(now) and (end := self._claim()):
                return end
            self._collect()
        return "interrupted"

    def _is_to_claim(self, now: float) -> bool:
        """Whether to ask the journal for more; not while many do not answer: the network may be down."""
        if self._state != "running":
            return True  # it also returns the reason
        is_idle = len(self._pool) < self._pool.size and len(self._paused) < CLAIM
        return is_idle and now >= self._claim_at

    def _claim(self) -> End | None:
        """Claim tenants; return why the loop is to end, if it is."""
        self._record()  # the wave, or the run, may be over with these
        if self._state == "running" and self._is_closed():
            return "closed"
        claim = self._journal.claim(
            self._run,
            self._owner,
            CLAIM,
            self._lease,
            last_wave=self._last_wave,
            only=self._only,
            jobs=self._jobs,
        )
        now = self._leased_at = self._hooks.now()
        if claim.state != "running":
            self.reason = claim.reason
            return claim.state
        if not claim.left:
            return "partial"
        for tenant in claim.tenants:
            self._pool.submit(tenant)
        self._idle = _TICK if claim.tenants else min(2 * self._idle, _LONGEST_IDLE)
        self._claim_at = now if claim.tenants else now + self._idle
        self._tally.claimed(claim.tenants, claim.left)
        if not self._is_busy:
            self._hooks.on_progress(self._tally.progress()._replace(others=claim.left))
        return None

    def _is_closed(self) -> bool:
        """Whether the maintenance window is closed."""
        try:
            self._hooks.refuse_closed()
        except Gate as gate:
            self.reason = str(gate)
            return True
        return False

    def _collect(self) -> None:
        """Wait a moment for results."""
        if len(self._pool):
            found = self._pool.collect(_TICK)
            for tenant, result in found:
                self._settle(tenant, result)
            if found:
                self._hooks.on_progress(self._tally.progress())
            if not self._is_busy:
                self._claim_at = self._hooks.now()  # the wave may be over
        else:
            self._hooks.sleep(_TICK)
        self._keep_up()

    def _keep_up(self) -> None:
        """Record results and extend the lease, when it is time."""
        now = self._hooks.now()
        has_failure = any(result.state == "failed" for result in self._results)
        if has_failure or len(self._results) >= CLAIM or (now - self._recorded_at > _RECORD_EVERY):
            self._record()
        if self._is_busy and now - self._leased_at > self._lease / 2:
            if self._jobs:  # they take hours, in which a person may pause the run
                self._state = self._journal.finish(self._run, self._owner, ())
            else:
                self._journal.extend(self._owner)
            self._leased_at = now

    @property
    def _is_busy(self) -> bool:
        return bool(len(self._pool) or self._paused)

    def _settle(self, tenant: Claimed, result: TenantResult | Rest) -> None:
        """Take the result of a tenant: it is done, waits, has failed, or is worked on again after a pause."""
        before = self._tried.pop(tenant.id, _Tried())
        tried = _Tried(before.times + 1, before.requests + result.requests)
        if isinstance(result, Rest):
            self._pause(tenant, tried._replace(times=0), result.seconds)
            return
        found = result.found
        if isinstance(found, Error) and is_no_answer(found):
            if self._is_ending or tried.times <= len(PAUSES):
                self._pause(tenant, tried, PAUSES[min(tried.times, len(PAUSES)) - 1])
                return
            found = UnavailableError(f"no answer after {tried.times} attempts: {found}", hint=found.hint)
        result = TenantResult(found, tried.requests)
        self._results.append(_finished(tenant, found, tried.requests))
        self._tally.add(self._results[-1])
        self._hooks.on_result(tenant, result)

    def _pause(self, tenant: Claimed, tried: _Tried, seconds: float) -> None:
        """Work on a tenant again after some seconds; if the loop ends before, it is given back."""
        if not self._is_ending:
            self._tried[tenant.id] = tried
            heapq.heappush(self._paused, (self._hooks.now() + seconds, next(self._numbers), tenant))

    def _record(self) -> None:
        """Write the results to the journal. A stop rule may have ended the run with them."""
        if self._results:
            self._state = self._journal.finish(self._run, self._owner, self._results)
            self._results = []
            self._leased_at = self._hooks.now()
        self._recorded_at = self._hooks.now()

    def _finish_work(self) -> None:
        """Wait for the work that has begun; nothing new begins."""
        self._is_ending = True
        self._pool.cancel()
        self._hooks.on_end()
        while len(self._pool):
            for tenant, result in self._pool.collect(_TICK):
                self._settle(tenant, result)
        self._paused.clear()

    def _give_back(self) -> None:
        self._record()
        self._journal.release(self._run, self._owner)

    def _lost(self, error: DriverError) -> UnavailableError:
        """Return the error of a journal that does not answer."""
        done = [result for result in self._results if result.state == "done"]
        text = f"the journal cannot be used: {error}"
        if done:
            text += f"; {len(done)} tenant{'s' if len(done) > 1 else ''} migrated since it last could"
        return UnavailableError(
            text, hint="run the command again: a tenant that is up to date is not migrated again"
        )


class _Tried(NamedTuple):
    """How often a tenant was tried, and how many requests that took."""

    times: int = 0
    requests: int = 0


class _Tally:
    """Counts for Progress."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._wave = self._done = self._failed = self._waiting = self._left = 0
        self._began = now()
        self._recent: deque[float] = deque()

    def claimed(self, tenants: Sequence[Claimed], left: int) -> None:
        """Take what a claim returned."""
        self._wave, self._left = tenants[0].wave if tenants else self._wave, left

    def add(self, found: Finished) -> None:
        """Count a tenant."""
        self._failed += found.state == "failed"
        self._done += found.state == "done"
        self._waiting += found.state == "waiting"
        self._left -= 1
        self._recent.append(self._now())

    def progress(self) -> Progress:
        """Return the counts."""
        now = self._now()
        while self._recent and self._recent[0] < now - _RATE_OF:
            self._recent.popleft()
        seconds = min(now - self._began, _RATE_OF)
        rate = len(self._recent) / seconds if seconds else 0.0
        return Progress(self._wave, self._done, self._failed, self._left, rate, waiting=self._waiting)


def _finished(tenant: Claimed, found: Outcome | Error, requests: int) -> Finished:
    """Return what the journal keeps of an outcome."""
    if not isinstance(found, Error):
        state: State = "waiting" if found.waiting_for else "done"
        return Finished(tenant.id, state, found.current, requests, waiting_for=found.waiting_for)
    error, hint = (without_name(text, tenant.url, tenant.id) for text in (str(found), found.hint or ""))
    return Finished(tenant.id, "failed", None, requests, error, place_of(found), hint)
