"""The rate limit of an API token: when its next request may be sent.

Cloudflare counts the requests of a token, whoever sends them: other processes, other machines, the dashboard
(d1-facts §5). Its responses report what is left. `Bucket` decides, from values and the time; `RateLimit` adds
the lock and the sleep, and is one object for all threads of the process. What a failed request means is
decided in `responses`.
"""

from __future__ import annotations

import os
import re
import threading
from collections import deque

from d1migrate.named_tuple import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

QUOTA, PERIOD = 1200, 300.0
"""Requests, and the seconds in which a token may send them, unless responses report otherwise."""

_LARGEST_QUOTA, _LONGEST_PERIOD = 1_000_000, 3600  # a policy beyond these is not believed
_ROUNDING = 1.0  # seconds: the headers have whole seconds, and it is not documented how they are rounded
_POLL = 0.05  # seconds until the responses under way are likely to have arrived
# An IP address may send 200 requests in a second (d1-facts §5), and some bunch up on the way.
_AT_ONCE, _SPAN = 200, 1.2
_LONG = 1.0  # seconds: a shorter wait is not reported
_PAST = float("-inf")
_DEFAULT = re.compile(r'"default"([^,]*)')
_PARAMETER = re.compile(r";[ \t]*([a-z]+)=([0-9]{1,9})[ \t]*(?=;|$)")


class Demand:
    """What one user of a token wants of it; may be changed at any time.

    Attributes:
        reserve: the share of the quota that is left to others. 0 for an ordinary command: it sends few
            requests, and is one of those that a fleet leaves its reserve to.
        ahead: how many requests are still to be sent, as far as is known. If they do not fit in the rest of
            the window, they are spread over it; otherwise nothing is delayed.
        interrupted: set to end all waits, with an UnavailableError. What need not wait is still sent.
    """

    __slots__ = ("ahead", "interrupted", "reserve")

    def __init__(self, reserve: float = 0.0, ahead: int = 0) -> None:
        self.reserve, self.ahead = reserve, ahead
        self.interrupted = threading.Event()


class Answer(NamedTuple):
    """What a response reports about its token's rate limit; None for what it does not report.

    Attributes:
        quota: how many requests a window permits.
        period: the seconds of a window.
        remaining: how many requests are left in this window.
        resets_in: the seconds until the window ends.
        throttled: whether the request was refused because the token had sent too many.
        retry_after: the seconds that the server then asks to wait; 0 if it does not.
    """

    quota: int | None = None
    period: float | None = None
    remaining: int | None = None
    resets_in: float | None = None
    throttled: bool = False
    retry_after: float = 0.0


class Delay(NamedTuple):
    """How long the next request has to wait; `by_limit` if the limit requires it, and not spreading."""

    seconds: float
    by_limit: bool


class Timer(NamedTuple):
    """How a thread reads the time, waits, and reports a wait."""

    clock: Callable[[], float]
    sleep: Callable[[float], None]
    on_wait: Callable[[str, float], None]


def read_headers(headers: Mapping[str, str], *, throttled: bool = False, retry_after: float = 0.0) -> Answer:
    """Return what the headers of a response report; a value that cannot be true is left out.

    Args:
        headers: those of a response, with `Ratelimit: "default";r=50;t=30` and
            `Ratelimit-Policy: "default";q=1200;w=300`; names are in lower case.
        throttled: whether the token's rate was the reason that the request was refused.
        retry_after: the seconds that the response asks to wait.
    """
    policy = _parameters(headers.get("ratelimit-policy", ""))
    window = _parameters(headers.get("ratelimit", ""))
    quota, period = policy.get("q", 0), policy.get("w", 0)
    is_policy = 0 < quota <= _LARGEST_QUOTA and 0 < period <= _LONGEST_PERIOD
    remaining, resets_in = window.get("r"), window.get("t")
    found = Answer(throttled=throttled, retry_after=retry_after)
    if is_policy:
        found = found._replace(quota=quota, period=float(period))
    if remaining is not None and resets_in is not None:
        found = found._replace(remaining=remaining, resets_in=float(resets_in))
    return found


def _parameters(header: str) -> dict[str, int]:
    item = _DEFAULT.search(header)
    return {name: int(value) for name, value in _PARAMETER.findall(item[1])} if item else {}


class Bucket:
    """The requests of one token, and what is left of them. Not for several threads.

    Each method takes the time as seconds of any clock. A clock that goes back is taken to have stood still.

    The remainder of a window is known once a response has reported it. Before that, and if responses have no
    headers, the requests of this process in the last period are counted.

    Attributes:
        quota: how many requests a window permits.
        period: the seconds of a window.
        left: how many requests are left in this window; None if no response has reported it.
    """

    def __init__(self) -> None:
        self.quota, self.period = QUOTA, PERIOD
        self._in_flight = 0
        self._recent: deque[float] = deque()  # when the requests of the last period were sent
        self.left: int | None = None
        self._has_headers = False  # whether the next response is likely to report the remainder
        self._began = self._reset = _PAST  # of the window
        self._blocked = _PAST
        self._strikes = 0  # refusals in a row
        self._now, self._skew = _PAST, 0.0

    def delay(self, now: float, demand: Demand) -> Delay:
        """Return how long the next request has to wait; it may then be longer, because of others."""
        now = self._advance(now)
        if now < self._blocked:
            return Delay(self._blocked - now, by_limit=True)
        if len(self._recent) >= _AT_ONCE and (too_many := self._recent[-_AT_ONCE] + _SPAN - now) > 0:
            return Delay(too_many, by_limit=False)
        limit = max(1, int(self.quota * (1 - demand.reserve)))
        if self.left is None:
            usable, span = limit - len(self._recent), self.period / limit
            if usable < 1 and self._has_headers:  # a window begins, and one request finds out what it permits
                return Delay(_POLL if self._in_flight else 0.0, by_limit=False)
            end = self._recent[-limit] + self.period + _ROUNDING if usable < 1 else now
        else:
            own = self.left - (self.quota - limit)
            usable, end = own - self._in_flight, self._reset
            if usable < 1 <= own:
                return Delay(min(_POLL, end - now), by_limit=False)
            span = (end - now) / max(1, usable)
        if usable < 1:
            return Delay(end - now, by_limit=True)
        if demand.ahead > usable and self._recent:
            return Delay(max(0.0, self._recent[-1] + span - now), by_limit=False)
        return Delay(0.0, by_limit=False)

    def send(self, now: float) -> float:
        """Note that a request is sent; return its time, which `receive` takes."""
        now = self._advance(now)
        self._in_flight += 1
        self._recent.append(now)
        return now

    def receive(self, now: float, sent_at: float, answer: Answer | None) -> None:
        """Note what the response to a request reports; None if there was none."""
        now = self._advance(now)
        self._in_flight -= 1
        if answer is None:
            self._count()
            return
        if answer.quota and answer.period:
            self.quota, self.period = answer.quota, answer.period
        self._learn(now, sent_at, answer)
        if not answer.throttled:
            self._strikes = 0
            return
        if sent_at >= self._blocked:  # not one of those that were under way when the token was blocked
            self._strikes += 1
        seconds = answer.retry_after or min(2.0 ** (self._strikes - 1), self.period)
        self._blocked = max(self._blocked, now + seconds)

    def blocked(self, now: float) -> float:
        """Return the seconds until anything may be sent; 0 if the token is not blocked."""
        return max(0.0, self._blocked - self._advance(now))

    def _learn(self, now: float, sent_at: float, answer: Answer) -> None:
        remaining, resets_in = answer.remaining, answer.resets_in
        if remaining is None or resets_in is None or remaining > self.quota or resets_in > self.period:
            self._has_headers = False
            self._count()
            return
        self._has_headers = True
        if sent_at < self._began:
            return  # it may report on the window before this one
        reset = now + resets_in + _ROUNDING  # no earlier than the server's
        tolerance = 2 * _ROUNDING + (now - sent_at)
        if self.left is None:
            self.left, self._reset = remaining, reset
        elif reset > self._reset + tolerance:  # the server began another window earlier than it announced
            self.left, self._reset, self._began = remaining, reset, sent_at
        else:  # responses overtake each other: of one window, the smallest remainder is the newest
            self.left, self._reset = min(self.left, remaining), min(self._reset, reset)

    def _count(self) -> None:
        """Count a request whose response does not report the remainder: the server may have counted it."""
        if self.left is not None:
            self.left = max(0, self.left - 1)

    def _advance(self, now: float) -> float:
        """Let time pass; return a time that never goes back."""
        if now + self._skew < self._now:
            self._skew = self._now - now
        now = self._now = now + self._skew
        while self._recent and self._recent[0] <= now - self.period - _ROUNDING:
            self._recent.popleft()
        if self.left is not None and now >= self._reset:
            self.left, self._began = None, now
        return now


class RateLimit:
    """The rate limit of one token, shared by all threads of the process; see `limit_of`."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._bucket = Bucket()
        self._reported_until = _PAST

    def acquire(self, demand: Demand, timer: Timer) -> float:
        """Wait until a request may be sent, and count it; return what `release` takes."""
        while True:
            with self._lock:
                now = timer.clock()
                delay = self._bucket.delay(now, demand)
                if delay.seconds <= 0:
                    return self._bucket.send(now)
                reason = self._note_wait(now, delay, demand)
            if reason:
                timer.on_wait(reason, delay.seconds)
            timer.sleep(delay.seconds)

    def release(self, sent_at: float, answer: Answer | None, timer: Timer) -> None:
        """Note the response to a request, once for each `acquire`; None if there was none."""
        with self._lock:
            self._bucket.receive(timer.clock(), sent_at, answer)

    def blocked(self, now: float) -> float:
        """Return the seconds until anything may be sent; 0 if the token is not blocked."""
        with self._lock:
            return self._bucket.blocked(now)

    def _note_wait(self, now: float, delay: Delay, demand: Demand) -> str | None:
        """Return the reason to report, once for all threads that wait for the same."""
        end = now + delay.seconds
        if not delay.by_limit or delay.seconds < _LONG or end <= self._reported_until + _LONG:
            return None
        self._reported_until = end
        quota, minutes = self._bucket.quota, self._bucket.period / 60
        others = f", {demand.reserve:.0%} of them for others" if demand.reserve else ""
        return f"the rate limit is {quota} requests in {minutes:g} minutes{others}"


_limits: dict[tuple[str, str], RateLimit] = {}
_lock = threading.Lock()


def limit_of(base_url: str, token: str) -> RateLimit:
    """Return the rate limit of a token of an API: one object for the whole process."""
    with _lock:
        return _limits.setdefault((base_url, token), RateLimit())


def forget() -> None:
    """Forget all tokens, as a new process does."""
    global _lock  # a fork copies it as it is, and the thread that holds it does not exist in the child
    _lock = threading.Lock()
    _limits.clear()


if hasattr(os, "register_at_fork"):  # not on Windows
    os.register_at_fork(after_in_child=forget)
