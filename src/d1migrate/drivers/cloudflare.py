"""Cloudflare's API: how it is reached, at which rate, and what is sent again.

Only what surely did not happen is sent again; what a failure means, `answers` says.
"""

from __future__ import annotations

import json
import os
import re
import threading
import time
from collections import deque
from concurrent.futures import Future
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, TypeVar

import httpx
import tenacity

from d1migrate.drivers.bounded_http import SECONDS, BoundedClient, OverLimitError
from d1migrate.drivers.responses import LONGEST_WAIT, Nothing, failure, result_of
from d1migrate.errors import AmbiguousError, QueryError, UnavailableError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    OnWait = Callable[[str, float], None]

T = TypeVar("T")

BASE_URL = "https://api.cloudflare.com/client/v4"
TIMEOUT = httpx.Timeout(60, connect=15)  # D1 itself gives up after 30 seconds
ATTEMPTS = 5
UPLOAD_RATE = 50_000  # bytes a second: slower than that, an upload is given up
RATE_LIMIT, RATE_PERIOD = 1200, LONGEST_WAIT  # requests, seconds: for all that one token does (d1-facts §5)
_LOOPBACK = ("127.0.0.1", "localhost", "::1")
_HOST = re.compile(r"[0-9A-Za-z.:_-]+")
_ACCOUNT = re.compile(r"[0-9A-Za-z_-]+")
_NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError)


class Settings(NamedTuple):
    """How to reach the API; all of it comes from the environment, and none of it is printed."""

    token: str
    account: str | None
    base_url: str

    def __repr__(self) -> str:
        return f"Settings(account={self.account!r}, base_url={self.base_url!r})"


def settings(variables: Mapping[str, str]) -> Settings:
    """Read CLOUDFLARE_API_TOKEN, CLOUDFLARE_ACCOUNT_ID and CLOUDFLARE_API_BASE_URL.

    Raises:
        UsageError: there is no token, one of them cannot be what it says, or the base URL is neither https
            nor on this machine.
    """
    token, account, base = (
        variables.get(f"CLOUDFLARE_{name}", "").strip()
        for name in ("API_TOKEN", "ACCOUNT_ID", "API_BASE_URL")
    )
    if not token:
        raise UsageError(
            "no CLOUDFLARE_API_TOKEN in the environment",
            hint="make an API token with the right Account > D1 > Edit (Read is enough for `status`)",
        )
    if not token.isascii() or not token.isprintable():
        raise UsageError("CLOUDFLARE_API_TOKEN has characters that no token has")
    if account and not _ACCOUNT.fullmatch(account):
        raise UsageError(f"CLOUDFLARE_ACCOUNT_ID is {account!r}, which is no account's id")
    if base and (not is_safe(base) or "?" in base or "#" in base):
        raise UsageError(
            "CLOUDFLARE_API_BASE_URL is not https, or has more than a host and a path",
            hint="the token would travel for all to read; plain http is for this machine alone",
        )
    return Settings(token, account or None, base.rstrip("/") or BASE_URL)


def is_safe(url: str) -> bool:
    """Whether an address is https, or on this machine, and has no user's name in it."""
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
    """Requests to Cloudflare, kept within the rate limit, and repeated where nothing happened.

    Args:
        settings: how to reach it.
        transport: what httpx sends through, for tests.
        sleep: waits, in seconds.
        timeout: how long it may take to connect, and between two bytes of an answer.
        seconds: how long a request may take until the last byte of its answer.
        on_wait: is told why, and for how many seconds, before a wait for the rate limit or a second attempt.

    Attributes:
        asked: how many requests were made of the API, however often one had to be sent.

    Raises:
        UsageError: a proxy or the certificates that the environment names cannot be used.
    """

    _sent: ClassVar[deque[float]] = deque(
        maxlen=RATE_LIMIT
    )  # by all of this process: the limit is the token's
    _turn: ClassVar[threading.Lock] = threading.Lock()
    _accounts: ClassVar[
        dict[Settings, Future[str]]
    ] = {}  # a process asks once, however many databases it has

    def __init__(
        self,
        settings: Settings,
        *,
        transport: httpx.BaseTransport | None = None,
        sleep: Callable[[float], None] = time.sleep,
        timeout: httpx.Timeout = TIMEOUT,
        seconds: float = SECONDS,
        on_wait: OnWait | None = None,
    ) -> None:
        self._settings, self.sleep, self.asked, self._seconds = settings, sleep, 0, seconds
        self._on_wait = on_wait or (lambda *_: None)
        try:
            self._client = BoundedClient(timeout=timeout, transport=transport)
        except (ValueError, OSError, ImportError, httpx.InvalidURL) as error:
            raise UsageError(
                f"no way to Cloudflare can be set up: {error}",
                hint="look at HTTPS_PROXY, ALL_PROXY, SSL_CERT_FILE and SSL_CERT_DIR in the environment",
            ) from error

    def close(self) -> None:
        """Let go of the connections."""
        self._client.close()

    def get(self, path: str, read: Callable[[Any], T], **params: str | int) -> T:
        """Ask for something, and return what `read` takes from it; raises UnavailableError or UsageError."""
        self.asked += 1
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
        """Ask for something to be done, and return what `read` takes from the envelope's `result`.

        Args:
            path: behind the base URL.
            body: what is sent as JSON; nothing for None.
            read: takes what is needed; where it stumbles over an answer, it was none of Cloudflare's.
            writes: whether it changes anything, so that it is not simply sent again.
            patience: seconds to wait for the answer, where it should be there sooner than usual.
            **params: the query string.

        Raises:
            QueryError: D1 refused the SQL; or it is no Unicode, and was not sent.
            UnavailableError: nothing was done.
            AmbiguousError: it was sent, and no answer came that can be trusted.
            UsageError: the token, the account or the database is not what it should be.
        """
        try:
            content = b"" if body is None else json.dumps(body, ensure_ascii=False).encode()
        except UnicodeEncodeError as error:
            raise QueryError(f"text that is no Unicode cannot be sent: {error.reason}") from error
        self.asked += 1
        options: dict[str, Any] = {"timeout": patience, "seconds": patience} if patience else {}
        options |= {"content": content, "headers": {"content-type": "application/json"}, "params": params}
        return self._repeated(partial(self._ask, "POST", path, read, writes=writes, **options))

    def upload(self, url: str, content: Callable[[], Iterable[bytes]], size: int, etag: str) -> None:
        """Put a file where Cloudflare said. The address carries its own right: no token goes there.

        Args:
            url: the address.
            content: gives its bytes, from their beginning each time.
            size: how many bytes there are.
            etag: its MD5, by which the receiver shows that it has all of it.

        Raises:
            UnavailableError: it did not get there.
        """
        if not is_safe(url):
            raise UnavailableError("Cloudflare gave an address for the upload that is not https")
        self._repeated(partial(self._put, url, content, size, etag))

    def account(self) -> str:
        """Return the account: the configured one, or the only one that the token sees.

        Raises:
            UsageError: it sees none or several.
        """
        if self._settings.account:
            return self._settings.account
        with self._turn:
            first = self._settings not in self._accounts
            answer = self._accounts.setdefault(self._settings, Future())
        if first:
            try:
                answer.set_result(self._only_account())
            except BaseException as error:  # for all who wait for it; who comes later asks again
                del self._accounts[self._settings]
                answer.set_exception(error)
        return answer.result()

    def _only_account(self) -> str:
        found = self.get("/accounts", _accounts, per_page=50)
        if len(found) != 1:
            listed = ", ".join(f"{name} ({id_})" for id_, name in found) or "none"
            raise UsageError(
                f"the token sees {len(found) or 'no'} accounts: {listed}", hint="set CLOUDFLARE_ACCOUNT_ID"
            )
        return found[0][0]

    def wait(self, seconds: float, reason: str) -> None:
        """Wait, and report why."""
        self._on_wait(reason, seconds)
        self.sleep(seconds)

    def _repeated(self, attempt: Callable[[], T]) -> T:
        retrying = tenacity.Retrying(
            retry=tenacity.retry_if_exception_type(Nothing),
            stop=tenacity.stop_after_attempt(ATTEMPTS),
            wait=_wait,
            before_sleep=self._tell,
            sleep=self.sleep,
            reraise=True,
        )
        try:
            return retrying(attempt)
        except Nothing as last:
            raise last.error from last.__cause__

    def _ask(self, method: str, path: str, read: Callable[[Any], T], *, writes: bool, **options: Any) -> T:
        self._keep_to_the_rate()
        url, token = f"{self._settings.base_url}{path}", self._settings.token
        headers = {"authorization": f"Bearer {token}", **options.pop("headers", {})}
        return result_of(self._send(method, url, writes, headers=headers, **options), read, writes=writes)

    def _put(self, url: str, content: Callable[[], Iterable[bytes]], size: int, etag: str) -> None:
        headers = {"content-length": str(size), "content-type": "application/sql"}
        seconds = self._seconds + size / UPLOAD_RATE
        response = self._send("PUT", url, False, content=content(), headers=headers, seconds=seconds)
        if not response.is_success or response.headers.get("etag", "").strip('"') != etag:
            text = f"the upload of {size} bytes was not taken as it is (HTTP {response.status_code})"
            raise Nothing(UnavailableError(text, hint="run the command again"))

    def _send(self, method: str, url: str, writes: bool, **options: Any) -> httpx.Response:
        try:
            return self._client.request(method, url, **{"seconds": self._seconds, **options})
        except OverLimitError as error:  # not asked again: it would take as long, or be as large
            text = f"no readable response from Cloudflare: {error}"
            kind = AmbiguousError if writes else UnavailableError
            raise kind(text, hint="check the proxies between here and Cloudflare") from error
        except _NOT_SENT as error:
            raise Nothing(UnavailableError(f"Cloudflare cannot be reached: {error}")) from error
        except httpx.HTTPError as error:
            text = f"no answer from Cloudflare: {str(error) or type(error).__name__}"
            raise failure(text, writes=writes) from error

    def _keep_to_the_rate(self) -> None:
        """Take the next place that the rate limit leaves free, and wait for it."""
        with self._turn:
            now = time.monotonic()
            full = len(self._sent) == RATE_LIMIT
            at = max(now, self._sent[0] + RATE_PERIOD) if full else now
            self._sent.append(at)
        if at > now:
            self._on_wait(
                f"{RATE_LIMIT} requests in {RATE_PERIOD // 60} minutes are the rate limit", at - now
            )
            self.sleep(at - now)

    def _tell(self, state: tenacity.RetryCallState) -> None:
        if state.outcome and state.next_action:
            again = f"attempt {state.attempt_number + 1} of {ATTEMPTS} follows"
            self._on_wait(f"{state.outcome.exception()}; {again}", state.next_action.sleep)


def _wait(state: tenacity.RetryCallState) -> float:
    """Return seconds: what the server asks for, else 0.5, 1, 2 … with some jitter."""
    outcome = state.outcome
    error = outcome.exception() if outcome else None
    asked = error.retry_after if isinstance(error, Nothing) else 0
    return max(asked, tenacity.wait_exponential_jitter(multiplier=0.5, max=20, jitter=0.5)(state))


def _accounts(result: Any) -> list[tuple[str, str]]:
    found = [(str(account["id"]), str(account["name"])) for account in result]
    if not all(_ACCOUNT.fullmatch(id_) for id_, _ in found):
        raise ValueError("an account without an id")
    return found


def from_environment(on_wait: OnWait | None = None) -> Api:
    """Return the Api that the process's environment describes; raises UsageError as `settings`."""
    return Api(settings(os.environ), on_wait=on_wait)
