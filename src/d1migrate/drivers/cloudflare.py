"""Requests to Cloudflare's API: credentials and retries.

A request is sent again only if it certainly did nothing; `responses` decides what a failure means.
"""

from __future__ import annotations

import json
import os
import re
import threading
import time
from concurrent.futures import Future
from functools import partial
from typing import Any, ClassVar, TypeVar

import httpx
import tenacity

from d1migrate.drivers.bounded_http import SECONDS, BoundedClient, OverLimitError
from d1migrate.drivers.rate_limit import Demand, Timer, limit_of, read_headers
from d1migrate.drivers.responses import (
    ACCOUNT_HINT,
    TOKENS,
    NothingDone,
    failure,
    is_throttled,
    result_of,
    retry_after,
)
from d1migrate.errors import AmbiguousError, QueryError, UnavailableError, UsageError
from d1migrate.named_tuple import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from d1migrate.drivers.rate_limit import RateLimit

    OnWait = Callable[[str, float], None]

T = TypeVar("T")

BASE_URL = "https://api.cloudflare.com/client/v4"
TIMEOUT = httpx.Timeout(60, connect=15)  # D1 itself gives up after 30 seconds
ATTEMPTS = 5
UPLOAD_RATE = 50_000  # bytes a second; a slower upload is abandoned
_LOOPBACK = ("127.0.0.1", "localhost", "::1")
_HOST = re.compile(r"[0-9A-Za-z.:_-]+")
_ACCOUNT = re.compile(r"[0-9A-Za-z_-]+")
_NETWORK = "check the network, and HTTPS_PROXY if a proxy is needed"
_NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError)


class Settings(NamedTuple):
    """How to reach the API, all from the environment. The token is never printed."""

    token: str
    account: str | None
    base_url: str

    def __repr__(self) -> str:
        return f"Settings(account={self.account!r}, base_url={self.base_url!r})"


def settings(variables: Mapping[str, str]) -> Settings:
    """Read CLOUDFLARE_API_TOKEN, CLOUDFLARE_ACCOUNT_ID and CLOUDFLARE_API_BASE_URL.

    Raises:
        UsageError: there is no token, a value is malformed, or the base URL is neither https
            nor on this machine.
    """
    token, account, base = (
        variables.get(name, "").strip()
        for name in ("CLOUDFLARE_API_TOKEN", "CLOUDFLARE_ACCOUNT_ID", "CLOUDFLARE_API_BASE_URL")
    )
    if not token:
        raise UsageError(
            "no CLOUDFLARE_API_TOKEN in the environment",
            hint="create an API token with the permission Account > D1 > Edit (Read is enough for `status`)"
            f" at {TOKENS}; `wrangler login` does not count. Then:\nexport CLOUDFLARE_API_TOKEN=…",
        )
    if not token.isascii() or not token.isprintable():
        raise UsageError(
            "CLOUDFLARE_API_TOKEN contains characters that no token has", hint="copy the token again"
        )
    if account and not _ACCOUNT.fullmatch(account):
        raise UsageError(
            f"CLOUDFLARE_ACCOUNT_ID is {account!r}, which is not an account id", hint=ACCOUNT_HINT
        )
    if base and (not is_safe(base) or "?" in base or "#" in base):
        raise UsageError(
            "CLOUDFLARE_API_BASE_URL is not https, or has more than a host and a path",
            hint=f"unset it to use {BASE_URL}; plain http, which would send the token unencrypted, is allowed"
            " for this machine only",
        )
    return Settings(token, account or None, base.rstrip("/") or BASE_URL)


def is_safe(url: str) -> bool:
    """Whether an address is https, or on this machine, and contains no credentials."""
    try:
        parts = httpx.URL(url)
        parts.host.encode("idna")  # as the resolver does: an empty or overlong label has no address
    except (httpx.InvalidURL, UnicodeError):
        return False
    if not _HOST.fullmatch(parts.host) or (parts.port or 0) > 65_535:
        return False
    encrypted = parts.scheme == "https" or (parts.scheme == "http" and parts.host in _LOOPBACK)
    return encrypted and bool(parts.host) and not parts.userinfo


class Api:
    """A client of Cloudflare's API that keeps to the rate limit, and repeats requests that did nothing.

    Args:
        settings: how to reach it.
        transport: the transport of httpx, for tests.
        sleep: waits a number of seconds; for tests.
        clock: returns the seconds of a clock that never goes back, and by which `sleep` waits.
        timeout: the limits to connect, and between two bytes of a response.
        seconds: the limit from the request to the last byte of its response.
        on_wait: called with the reason and the seconds before a wait for the rate limit or for a retry.
        demand: what it leaves of the rate limit to others; nothing without it.

    Attributes:
        settings: how it is reached.
        requests: how many requests were made; retries are not counted.

    Raises:
        UsageError: a proxy or certificate named by the environment cannot be used.
    """

    # Shared by all instances of the process, so that the account is looked up once.
    _lookup: ClassVar[threading.Lock] = threading.Lock()
    _accounts: ClassVar[dict[Settings, Future[str]]] = {}

    def __init__(
        self,
        settings: Settings,
        *,
        transport: httpx.BaseTransport | None = None,
        sleep: Callable[[float], None] | None = None,
        clock: Callable[[], float] = time.monotonic,
        timeout: httpx.Timeout = TIMEOUT,
        seconds: float = SECONDS,
        on_wait: OnWait | None = None,
        demand: Demand | None = None,
    ) -> None:
        self.settings, self.requests, self._seconds = settings, 0, seconds
        self._on_wait = on_wait or (lambda *_: None)
        self._demand = demand or Demand()
        self._timer = Timer(clock, self._sleep_until_due, self._on_wait)
        self.sleep, self._doze = sleep or time.sleep, sleep or self._demand.interrupted.wait
        try:
            self._client = BoundedClient(timeout=timeout, transport=transport)
        except (ValueError, OSError, ImportError, httpx.InvalidURL) as error:
            raise UsageError(
                f"cannot set up a connection to Cloudflare: {error}",
                hint="check HTTPS_PROXY, ALL_PROXY, SSL_CERT_FILE and SSL_CERT_DIR in the environment",
            ) from error

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def get(self, path: str, read: Callable[[Any], T], **params: str | int) -> T:
        """Send a GET request; return what `read` extracts from `result`. Arguments and errors as `post`."""
        self.requests += 1
        return self._repeated(partial(self._ask, "GET", path, read, writes=False, params=params))

    def post(
        self,
        path: str,
        body: Any,
        read: Callable[[Any], T],
        *,
        writes: bool,
        patience: float | None = None,
        **params: str,
    ) -> T:
        """Send a POST request; return what `read` extracts from the envelope's `result`.

        Args:
            path: the path after the base URL.
            body: the value to send as JSON; None for no content.
            read: extracts what is needed; if it fails, the response is not trusted.
            writes: whether the request may change anything, so that it is not simply sent again.
            patience: seconds to wait for the response, if that is less than usual. Such a request is urgent:
                it leaves nothing of the rate limit to others.
            **params: the query string.

        Raises:
            QueryError: D1 refused the SQL; or it is not Unicode, and was not sent.
            UnavailableError: nothing was done.
            AmbiguousError: it was sent, and there was no response that can be trusted.
            UsageError: the token, the account or the database is wrong.
        """
        try:
            content = b"" if body is None else json.dumps(body, ensure_ascii=False).encode()
        except UnicodeEncodeError as error:
            raise QueryError(f"text that is not Unicode cannot be sent: {error.reason}") from error
        self.requests += 1
        options: dict[str, Any] = (
            {"timeout": patience, "seconds": patience, "demand": Demand()} if patience else {}
        )
        options |= {"content": content, "headers": {"content-type": "application/json"}, "params": params}
        return self._repeated(partial(self._ask, "POST", path, read, writes=writes, **options))

    def upload(self, url: str, content: Callable[[], Iterable[bytes]], size: int, etag: str) -> None:
        """Upload a file to an address from Cloudflare that contains its own authorization: no token is sent.

        Args:
            url: the address.
            content: returns its bytes, from the start at each call.
            size: the number of bytes.
            etag: its MD5, which the receiver returns once it has the whole file.

        Raises:
            UnavailableError: it did not arrive.
        """
        if not is_safe(url):
            raise UnavailableError("Cloudflare gave an address for the upload that is not https")
        self._repeated(partial(self._put, url, content, size, etag))

    def account(self) -> str:
        """Return the account: the configured one, or the only one that the token can access.

        Raises:
            UsageError: it can access none or several.
        """
        if self.settings.account:
            return self.settings.account
        with self._lookup:
            first = self.settings not in self._accounts
            answer = self._accounts.setdefault(self.settings, Future())
        if first:
            try:
                answer.set_result(self._only_account())
            except BaseException as error:  # for all threads that wait for it; a later one asks again
                del self._accounts[self.settings]
                answer.set_exception(error)
        return answer.result()

    def _only_account(self) -> str:
        found = self.get("/accounts", _accounts, per_page=50)
        if len(found) != 1:
            listed = ", ".join(f"{name} ({id_})" for id_, name in found) or "none"
            raise UsageError(
                f"the token can access {len(found) or 'no'} accounts: {listed}",
                hint="set CLOUDFLARE_ACCOUNT_ID",
            )
        return found[0][0]

    def wait(self, seconds: float, reason: str) -> None:
        """Wait, and report why."""
        self._on_wait(reason, seconds)
        self.sleep(seconds)

    @property
    def _limit(self) -> RateLimit:
        return limit_of(self.settings.base_url, self.settings.token)

    def _repeated(self, attempt: Callable[[], T]) -> T:
        retrying = tenacity.Retrying(
            retry=tenacity.retry_if_exception_type(NothingDone),
            stop=tenacity.stop_after_attempt(ATTEMPTS),
            wait=self._pause,
            before_sleep=self._report_retry,
            sleep=self._sleep_until_due,
            reraise=True,
        )
        try:
            return retrying(attempt)
        except NothingDone as last:
            raise last.error from last.__cause__

    def _ask(self, method: str, path: str, read: Callable[[Any], T], *, writes: bool, **options: Any) -> T:
        url, token = f"{self.settings.base_url}{path}", self.settings.token
        headers = {"authorization": f"Bearer {token}", **options.pop("headers", {})}
        limit, demand = self._limit, options.pop("demand", self._demand)
        sent_at, answer = limit.acquire(demand, self._timer), None
        try:
            response = self._send(method, url, writes, headers=headers, **options)
            answer = read_headers(
                response.headers, throttled=is_throttled(response), retry_after=retry_after(response)
            )
        finally:
            limit.release(sent_at, answer, self._timer)
        return result_of(response, read, writes=writes)

    def _put(self, url: str, content: Callable[[], Iterable[bytes]], size: int, etag: str) -> None:
        headers = {"content-length": str(size), "content-type": "application/sql"}
        seconds = self._seconds + size / UPLOAD_RATE
        response = self._send("PUT", url, False, content=content(), headers=headers, seconds=seconds)
        if not response.is_success or response.headers.get("etag", "").strip('"') != etag:
            text = f"the upload of {size} bytes was not accepted unchanged (HTTP {response.status_code})"
            raise NothingDone(UnavailableError(text, hint="run the command again"))

    def _send(self, method: str, url: str, writes: bool, **options: Any) -> httpx.Response:
        try:
            return self._client.request(method, url, **{"seconds": self._seconds, **options})
        except OverLimitError as error:  # not sent again: it would take as long, or be as large
            text = f"no readable response from Cloudflare: {error}"
            kind = AmbiguousError if writes else UnavailableError
            raise kind(text, hint="check the proxies between here and Cloudflare") from error
        except _NOT_SENT as error:
            text = f"Cloudflare cannot be reached: {error}"
            raise NothingDone(UnavailableError(text, hint=_NETWORK)) from error
        except httpx.HTTPError as error:
            text = f"no response from Cloudflare: {str(error) or type(error).__name__}"
            raise failure(text, writes=writes) from error

    def _sleep_until_due(self, seconds: float) -> None:
        """Sleep before a request; an interrupt ends it, and the request is not sent."""
        self._doze(seconds)
        if self._demand.interrupted.is_set():
            raise UnavailableError("interrupted before the request was sent")

    def _report_retry(self, state: tenacity.RetryCallState) -> None:
        if state.outcome and state.next_action:
            again = f"attempt {state.attempt_number + 1} of {ATTEMPTS} follows"
            self._on_wait(f"{state.outcome.exception()}; {again}", state.next_action.sleep)

    def _pause(self, state: tenacity.RetryCallState) -> float:
        """Return the seconds before the next attempt: as the server asks, or 0.5, 1, 2 … with some jitter."""
        outcome = state.outcome
        error = outcome.exception() if outcome else None
        asked = error.retry_after if isinstance(error, NothingDone) else 0
        return max(
            asked,
            self._limit.blocked(self._timer.clock()),
            tenacity.wait_exponential_jitter(multiplier=0.5, max=20, jitter=0.5)(state),
        )


def _accounts(result: Any) -> list[tuple[str, str]]:
    found = [(str(account["id"]), str(account["name"])) for account in result]
    if not all(_ACCOUNT.fullmatch(id_) for id_, _ in found):
        raise ValueError("an account without an id")
    return found


def from_environment(on_wait: OnWait | None = None, demand: Demand | None = None) -> Api:
    """Return the Api that the process's environment describes; errors as `settings`."""
    return Api(settings(os.environ), on_wait=on_wait, demand=demand)
