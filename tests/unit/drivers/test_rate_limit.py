"""The rate limit of a token, against servers that count in different ways, in time that only passes on paper."""

from __future__ import annotations

import heapq
import math
import threading
import time
from collections import deque
from random import Random
from typing import TYPE_CHECKING, NamedTuple

import pytest

from d1migrate.drivers import rate_limit
from d1migrate.drivers.rate_limit import Answer, Bucket, Demand, RateLimit, Timer, limit_of, read_headers

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

QUOTA, WINDOW = 1200, 300


class Window:
    """A server that counts in windows of a fixed length, and blocks a token that sends too many for as long."""

    def __init__(self, began: float = -100.0, rounded: Callable[[float], int] = math.ceil) -> None:
        self.began, self.used, self.refused, self.blocked = began, 0, 0, float("-inf")
        self.lowest = QUOTA  # that was left
        self._rounded = rounded

    def spend(self, now: float, count: int = 1) -> None:
        """Count requests."""
        if now >= self.began + WINDOW:
            self.began += (now - self.began) // WINDOW * WINDOW
            self.used = 0
        self.used += count

    def answer(self, now: float) -> Answer:
        """Count a request, and respond to it."""
        self.spend(now)
        self.lowest = min(self.lowest, QUOTA - self.used)
        left, resets_in = max(0, QUOTA - self.used), self._rounded(self.began + WINDOW - now)
        if now >= self.blocked and self.used > QUOTA:
            self.blocked = now + WINDOW
        if now < self.blocked:
            self.refused += 1
            return read_headers(headers(0, resets_in), throttled=True, retry_after=self.blocked - now)
        return read_headers(headers(left, resets_in))


class Sliding(Window):
    """A server that counts the requests of the last period, and reports when the oldest one will not count."""

    def __init__(self) -> None:
        super().__init__()
        self._times: deque[float] = deque()

    def spend(self, now: float, count: int = 1) -> None:
        """Count requests."""
        self._times.extend([now] * count)
        while self._times[0] <= now - WINDOW:
            self._times.popleft()
        self.used, self.began = len(self._times), self._times[0]


class Silent(Sliding):
    """A server, or a proxy before it, that reports nothing."""

    def answer(self, now: float) -> Answer:
        """Count a request."""
        found = super().answer(now)
        return Answer(throttled=found.throttled, retry_after=found.retry_after)


class Run(NamedTuple):
    """What happened: the seconds it took, the times of the requests, and the longest pause between two."""

    seconds: float
    sent: list[float]

    @property
    def longest_pause(self) -> float:
        """The longest time without a request."""
        return max(after - before for before, after in zip(self.sent, self.sent[1:], strict=False))


def simulate(
    server: Window,
    requests: int,
    threads: int = 16,
    *,
    demand: Demand | None = None,
    others: float = 0.0,
    slowest: float = 0.3,
    lost: int = 0,
    processes: int = 1,
) -> Run:
    """Send requests from several threads, and keep `demand.ahead` current.

    Args:
        server: what counts.
        requests: how many.
        threads: how many send.
        demand: what the threads want.
        others: the requests a second of somebody else with the same token.
        slowest: the longest seconds of a response.
        lost: every so many responses, one is lost.
        processes: how many processes the threads are in.
    """
    random, demand = Random(7), demand or Demand()  # noqa: S311 - reproducible
    buckets = [Bucket() for _ in range(processes)]
    spread = demand.ahead > 0
    ticks = [(n / others, -1, -1.0) for n in range(round(others * 10_000))] if others else []
    events: list[tuple[float, int, float]] = [*ticks, *((0.0, n, -1.0) for n in range(threads))]
    heapq.heapify(events)
    answers: dict[int, Answer] = {}
    sent, answered, now = list[float](), 0, 0.0
    while answered < requests:
        now, thread, sent_at = heapq.heappop(events)
        if thread < 0:
            server.spend(now)
            continue
        bucket = buckets[thread % processes]
        if sent_at >= 0:
            answered += 1
            bucket.receive(now, sent_at, answers.pop(thread) if not lost or answered % lost else None)
        if len(sent) == requests:
            continue
        demand.ahead = requests - len(sent) if spread else 0
        delay = bucket.delay(now, demand)
        if delay.seconds > 0:
            heapq.heappush(events, (now + delay.seconds, thread, -1.0))
            continue
        sent.append(now)
        took = random.uniform(0.02, slowest)
        answers[thread] = server.answer(now)
        heapq.heappush(events, (now + took, thread, bucket.send(now)))
    return Run(now, sent)


def headers(
    remaining: object, resets_in: object, quota: object = QUOTA, window: object = WINDOW
) -> Mapping[str, str]:
    """Return the headers of a response."""
    return {
        "ratelimit": f'"default";r={remaining};t={resets_in}',
        "ratelimit-policy": f'"default";q={quota};w={window}',
    }


def answer(remaining: int, resets_in: int, *, throttled: bool = False, retry_after: float = 0) -> Answer:
    """Return what a response reports."""
    return read_headers(headers(remaining, resets_in), throttled=throttled, retry_after=retry_after)


def after(*answers: tuple[float, float, Answer | None], bucket: Bucket | None = None) -> Bucket:
    """Return a bucket after responses: (sent at, received at, what it reports), in the order of their arrival."""
    bucket = bucket or Bucket()
    for sent_at in sorted(sent_at for sent_at, _, _ in answers):
        bucket.send(sent_at)
    for sent_at, now, found in answers:
        bucket.receive(now, sent_at, found)
    return bucket


FLEET = 0.1


# --- the time that many requests take ---


@pytest.mark.parametrize("threads", [8, 16])
@pytest.mark.parametrize("lost", [0, 3])
@pytest.mark.parametrize(
    "server",
    [Window, lambda: Window(rounded=math.floor), lambda: Window(rounded=round), Sliding, Silent],
    ids=["window", "rounded down", "rounded", "sliding", "silent"],
)
def test_a_fleet(server: Callable[[], Window], threads: int, lost: int) -> None:
    """No request is refused, others find their reserve, and there is no pause: however the server counts."""
    counts = server()
    run = simulate(counts, 3000, threads, demand=Demand(FLEET, ahead=1), lost=lost)
    assert counts.refused == 0
    assert run.seconds <= 1.2 * 3000 / QUOTA * WINDOW
    assert run.longest_pause < 5
    assert counts.lowest >= QUOTA * FLEET - threads


def test_others_who_use_the_token() -> None:
    """They take half of the quota, and the fleet the rest."""
    server = Window()
    run = simulate(server, 3000, demand=Demand(FLEET, ahead=1), others=QUOTA / WINDOW / 2)
    assert server.refused == 0
    assert run.seconds <= 1.35 * 2 * 3000 / QUOTA * WINDOW


def test_several_machines() -> None:
    """They do not know of each other, but the server counts all."""
    server = Window()
    run = simulate(server, 5000, 64, demand=Demand(FLEET, ahead=1), processes=4, slowest=2)
    assert server.refused == 0
    assert run.seconds <= 1.2 * 5000 / QUOTA * WINDOW


@pytest.mark.parametrize(("requests", "threads"), [(7, 1), (1000, 16)])
@pytest.mark.parametrize("reserve", [0, FLEET])
def test_what_fits_into_the_window_is_not_delayed(requests: int, threads: int, reserve: float) -> None:
    """A single `up` neither, nor a fleet whose tenants are few enough."""
    server = Window()
    run = simulate(server, requests, threads, demand=Demand(reserve, ahead=requests))
    assert run.seconds < requests * 0.3 / threads + 0.3
    assert server.refused == 0


def test_without_anything_ahead_nothing_is_spread() -> None:
    """All that is left is sent at once; then the window is waited for."""
    server = Window()
    run = simulate(server, 2000)
    assert server.refused == 0
    assert run.seconds < 220
    assert run.longest_pause > 150


# --- one decision ---


def test_the_reserve_is_for_ordinary_commands() -> None:
    """A fleet waits for the next window; a `status` in the meantime does not."""
    bucket = after((0.0, 0.2, answer(120, 100)))
    assert bucket.delay(0.2, Demand(FLEET)) == (101.0, True)
    assert bucket.delay(0.2, Demand()) == (0.0, False)


def test_what_is_under_way_counts() -> None:
    """It may be in the remainder already, or not; its responses are waited for, not the window."""
    bucket = after((0.0, 0.2, answer(2, 100)))
    bucket.send(0.3)
    assert bucket.delay(0.3, Demand()).seconds == 0
    second = bucket.send(0.3)
    assert bucket.delay(0.3, Demand()).seconds < 0.1
    bucket.receive(0.4, second, answer(0, 100))
    assert bucket.delay(0.4, Demand()).seconds > 99


def test_responses_overtake_each_other() -> None:
    """Of one window, the smallest remainder is the newest."""
    bucket = after((0.0, 0.9, answer(10, 100)), (0.1, 0.3, answer(8, 100)), (0.2, 0.5, answer(9, 100)))
    assert bucket.left == 8
    bucket = after((0.1, 0.3, answer(8, 100)), (0.0, 0.9, answer(10, 99)))
    assert bucket.left == 8


def test_a_response_from_the_window_before() -> None:
    """It arrives late, and says nothing about this window."""
    bucket = after((0.0, 0.2, answer(5, 10)))
    late = bucket.send(1.0)
    assert bucket.delay(12.0, Demand()).seconds == 0
    assert bucket.left is None
    bucket.receive(12.5, bucket.send(12.0), answer(1199, 300))
    bucket.receive(13.0, late, answer(4, 9))
    assert bucket.left == 1199


def test_a_window_that_begins_early() -> None:
    """The server decides."""
    bucket = after((0.0, 0.2, answer(0, 300)))
    bucket.receive(50.2, bucket.send(50.0), answer(900, 300))
    assert bucket.delay(50.2, Demand()).seconds == 0


def test_lost_responses_count() -> None:
    """The server may have counted those requests."""
    bucket = after((0.0, 0.2, answer(3, 100)), *[(0.3, 0.4, None)] * 3)
    assert bucket.delay(0.5, Demand()).seconds > 99


def test_an_address_has_a_limit_too() -> None:
    """It is 200 requests a second, whatever the token has left."""
    run = simulate(Window(), 1000, 64, slowest=0.03)
    assert max(sum(at <= other < at + 1 for other in run.sent) for at in run.sent[::10]) <= 200
    assert run.seconds < 6


def test_headers_that_stop() -> None:
    """A window without a remainder is not taken to be without a limit."""
    bucket = after((0.0, 0.2, answer(100, 10)))
    after(*[(20.0, 20.1, Answer())] * QUOTA, bucket=bucket)
    assert bucket.delay(22.0, Demand()).seconds > 290


# --- refusals ---


def test_a_refusal_blocks_the_token() -> None:
    """For as long as the server asks, whatever the demand is."""
    bucket = after((0.0, 1.0, Answer(throttled=True, retry_after=30)))
    assert bucket.delay(1.0, Demand()) == (30.0, True)
    assert bucket.blocked(11.0) == 20
    assert bucket.delay(31.0, Demand()) == (0.0, False)


def test_refusals_that_name_no_time() -> None:
    """Each in a row doubles the time; those that were under way together are one."""
    bucket, now, waited = Bucket(), 0.0, list[float]()
    for _ in range(12):
        together = [bucket.send(now) for _ in range(8)]
        for sent_at in together:
            bucket.receive(now + 0.1, sent_at, Answer(throttled=True))
        waited.append(bucket.delay(now + 0.1, Demand()).seconds)
        now += 0.2 + waited[-1]
    assert [round(seconds) for seconds in waited] == [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300, 300]
    bucket.receive(now, bucket.send(now), answer(100, 100))
    bucket.receive(now, bucket.send(now), Answer(throttled=True))
    assert round(bucket.delay(now, Demand()).seconds) == 1


def test_a_refusal_that_is_no_429() -> None:
    """An Answer that is not throttled blocks nothing, though its database asks to wait."""
    bucket = after((0.0, 1.0, Answer(retry_after=200)))
    assert bucket.delay(1.0, Demand()).seconds == 0


# --- headers ---


@pytest.mark.parametrize(
    ("found", "quota", "remaining"),
    [
        (headers(50, 30), 1200, 50),
        (headers(0, 0), 1200, 0),
        ({"ratelimit": '"default"; r=50 ;t=30;pk=:YQ==:, "other";r=1;t=9'}, None, 50),
        ({"ratelimit": '"other";r=1;t=9, "default";t=30;r=50'}, None, 50),
        (headers(-5, 30), 1200, None),
        (headers(5, "1e9"), 1200, None),
        (headers("5.5", 30), 1200, None),
        (headers("\u0665", 30), 1200, None),
        (headers("9" * 400, 30), 1200, None),
        (headers(50, 30, quota=10**8), None, 50),
        (headers(50, 30, quota=0), None, 50),
        (headers(50, 30, window=0), None, 50),
        (headers(50, 30, window=10**8), None, 50),
        ({"ratelimit": '"other";r=1;t=9'}, None, None),
        ({"ratelimit": "default;r=50;t=30"}, None, None),
        ({"ratelimit": "\x00" * 100_000, "ratelimit-policy": ";" * 100_000}, None, None),
        ({}, None, None),
    ],
)
def test_headers(found: Mapping[str, str], quota: int | None, remaining: int | None) -> None:
    """A value that cannot be true is left out."""
    assert (read_headers(found).quota, read_headers(found).remaining) == (quota, remaining)


@pytest.mark.parametrize(
    "found",
    [headers(-5, 30), headers(0, 10**8), headers(5, "1e9"), headers(10**8, 30), headers(5, 30, 10**8), {}],
)
def test_hostile_headers_stop_nobody(found: Mapping[str, str]) -> None:
    """The quota that is known holds, and no wait is longer than a window."""
    bucket, longest = Bucket(), 0.0
    for number in range(50):
        bucket.receive(number + 0.1, bucket.send(number), read_headers(found))
        longest = max(longest, bucket.delay(number + 0.2, Demand(FLEET, ahead=10**9)).seconds)
    assert longest <= WINDOW + 2
    assert bucket.delay(1000.0, Demand(FLEET, ahead=10**9)).seconds < 2


def test_more_than_the_quota_cannot_be_left() -> None:
    """A remainder beyond it is not believed, and the requests of this process count."""
    bucket = after((0.0, 0.1, answer(QUOTA * 1000, 100)))
    after(*[(1.0, 1.1, answer(QUOTA * 1000, 99))] * QUOTA, bucket=bucket)
    assert bucket.delay(5.0, Demand()).seconds > 290


def test_another_policy() -> None:
    """The server's quota and window replace those of the documentation."""
    bucket, sent = Bucket(), 0
    bucket.receive(0.1, bucket.send(0.0), read_headers({"ratelimit-policy": '"default";q=5;w=20'}))
    while not (delay := bucket.delay(0.2, Demand())).seconds:
        bucket.send(0.2)
        sent += 1
    assert (sent, round(delay.seconds)) == (4, 21)


# --- clocks and threads ---


def test_a_clock_that_goes_back() -> None:
    """It is taken to have stood still: no wait becomes longer."""
    bucket = after((1000.0, 1000.2, answer(0, 100)))
    before = bucket.delay(1000.2, Demand()).seconds
    assert bucket.delay(5.0, Demand()).seconds == pytest.approx(before)
    assert bucket.delay(45.0, Demand()).seconds == pytest.approx(before - 40)
    bucket.receive(110.0, bucket.send(107.0), answer(900, 100))
    assert bucket.delay(110.0, Demand()).seconds == 0


def test_a_clock_that_jumps_ahead() -> None:
    """After a computer slept, the old window says nothing, and the next response reports the new one."""
    bucket = after((0.0, 0.2, answer(0, 100)), (0.3, 0.5, Answer(throttled=True, retry_after=300)))
    assert bucket.delay(1e6, Demand(FLEET, ahead=10**6)).seconds == 0


class Clock:
    """Time that passes only for those who sleep; threads that sleep at once do so together."""

    def __init__(self) -> None:
        self.now, self._lock = 0.0, threading.Lock()
        self.reasons = list[str]()

    def sleep(self, seconds: float) -> None:
        """Let time pass; not while a response is waited for, which takes none."""
        if seconds == rate_limit._POLL:
            time.sleep(0.001)
            return
        with self._lock:
            until = self.now + seconds
        with self._lock:
            self.now = max(self.now, until)

    def timer(self) -> Timer:
        """Return what a thread waits by."""
        return Timer(lambda: self.now, self.sleep, lambda reason, _: self.reasons.append(reason))


def test_threads() -> None:
    """Each request is counted; the wait for a window is reported once, and not once a thread."""
    limit, clock, server, turn = RateLimit(), Clock(), Window(began=0.0), threading.Lock()

    def work() -> None:
        for _ in range(300):
            sent_at = limit.acquire(Demand(), clock.timer())
            with turn:
                found = server.answer(clock.now)
            limit.release(sent_at, found, clock.timer())

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (server.refused, server.used) == (0, QUOTA)
    assert clock.reasons == ["the rate limit is 1200 requests in 5 minutes"]
    assert 300 <= clock.now <= 315  # a window, and the limit of an address


def test_a_wait_that_ends_early_is_reported_once() -> None:
    """A thread may wake up several times in it; the next wait is reported again."""
    limit, now, reasons = RateLimit(), [0.0], list[str]()

    def sleep(seconds: float) -> None:
        now[0] += max(0.5, seconds / 2)

    timer = Timer(lambda: now[0], sleep, lambda reason, _: reasons.append(reason))
    for count in (1, 2):
        limit.release(limit.acquire(Demand(), timer), answer(0, 300), timer)
        limit.release(limit.acquire(Demand(FLEET), timer), answer(0, 300), timer)
        assert len(reasons) == 2 * count - 1
    assert reasons[0] == "the rate limit is 1200 requests in 5 minutes, 10% of them for others"


def test_each_token_has_its_limit() -> None:
    """All that use one token of one server share a limit, in the whole process; a new process starts without one."""
    first = limit_of("https://api.example", "a")
    assert limit_of("https://api.example", "a") is first
    assert limit_of("https://api.example", "b") is not first
    assert limit_of("https://api2.example", "a") is not first
    rate_limit.forget()
    assert limit_of("https://api.example", "a") is not first
