"""Cloudflare's API: requests, retries, and what its many kinds of failure mean.

Every failure has one of three meanings, and its class says which: it was refused (QueryError), nothing
happened (UnavailableError), or nobody knows (AmbiguousError). Only what surely did not happen is sent again.
"""

from __future__ import annotations

import os
import time
from collections import deque
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple
from urllib.parse import urlsplit

import httpx
import tenacity

from d1migrate.d1 import is_refusal
from d1migrate.errors import AmbiguousError, QueryError, UnavailableError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from d1migrate.errors import DriverError

BASE_URL = "https://api.cloudflare.com/client/v4"
TIMEOUT = httpx.Timeout(60, connect=15)  # D1 itself gives up after 30 seconds
ATTEMPTS = 5
RATE_LIMIT, RATE_PERIOD = 1200, 300  # requests, seconds: for all that one token does (d1-facts §5)
_LOOPBACK = ("127.0.0.1", "localhost", "::1")

_BUSY = "Currently processing a long-running"
_AUTHENTICATION, _FORBIDDEN, _NOT_FOUND, _MALFORMED = 10000, 7403, 7404, 7400


class _Nothing(Exception):
    """An attempt that surely did nothing, and may do better the next time."""

    def __init__(self, error: UnavailableError, retry_after: float = 0) -> None:
        super().__init__(str(error))
        self.error, self.retry_after = error, retry_after


class Settings(NamedTuple):
    """How to reach the API; all of it comes from the environment, and none of it is printed."""

    token: str
    account: str | None
    base_url: str


def settings(variables: Mapping[str, str]) -> Settings:
    """Read CLOUDFLARE_API_TOKEN, CLOUDFLARE_ACCOUNT_ID and CLOUDFLARE_API_BASE_URL.

    Raises:
        UsageError: there is no token, or the base URL is neither https nor on this machine.
    """
    token = variables.get("CLOUDFLARE_API_TOKEN", "").strip()
    if not token:
        raise UsageError(
            "no CLOUDFLARE_API_TOKEN in the environment",
            hint="make an API token with the right Account > D1 > Edit (Read is enough for `status`)",
        )
    if not token.isascii() or not token.isprintable():
        raise UsageError("CLOUDFLARE_API_TOKEN has characters that no token has")
    base = variables.get("CLOUDFLARE_API_BASE_URL", "").rstrip("/") or BASE_URL
    parts = urlsplit(base)
    if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in _LOOPBACK):
        raise UsageError("CLOUDFLARE_API_BASE_URL is not https: the token would travel for all to read")
    return Settings(token, variables.get("CLOUDFLARE_ACCOUNT_ID") or None, base)


class Api:
    """Requests to Cloudflare, counted, kept within the rate limit, and repeated where nothing happened.

    Args:
        settings: how to reach it.
        transport: what httpx sends through, for tests.
        sleep: waits, in seconds.
    """

    _sent: ClassVar[deque[float]] = deque()  # by all Apis of this process: the limit is the token's

    def __init__(
        self,
        settings: Settings,
        *,
        transport: httpx.BaseTransport | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._settings, self._sleep = settings, sleep
        self._client = httpx.Client(
            base_url=settings.base_url,
            headers={"authorization": f"Bearer {settings.token}", "user-agent": "d1migrate"},
            timeout=TIMEOUT,
            transport=transport,
            follow_redirects=False,
        )

    def close(self) -> None:
        """Let go of the connections."""
        self._client.close()

    def get(self, path: str, **params: str | int) -> Any:
        """Read something; raises UnavailableError or UsageError."""
        return self._repeated("GET", path, writes=False, params=params)

    def post(self, path: str, body: Any = None, *, writes: bool, **params: str) -> Any:
        """Ask for something to be done, and return the envelope's `result`.

        Args:
            path: behind the base URL.
            body: what is sent as JSON.
            writes: whether it changes anything, so that it is not simply sent again.
            **params: the query string.

        Raises:
            QueryError: D1 refused the SQL.
            UnavailableError: nothing was done.
            AmbiguousError: it was sent, and no answer came that can be trusted.
            UsageError: the token, the account or the database is not what it should be.
        """
        return self._repeated("POST", path, writes=writes, json=body, params=params)

    def account(self) -> str:
        """Return the account: the configured one, or the only one that the token sees.

        Raises:
            UsageError: it sees none or several.
        """
        if self._settings.account:
            return self._settings.account
        found = self.get("/accounts", per_page=50)
        if len(found) != 1:
            listed = ", ".join(f"{account['name']} ({account['id']})" for account in found) or "none"
            raise UsageError(
                f"the token sees {len(found) or 'no'} accounts: {listed}", hint="set CLOUDFLARE_ACCOUNT_ID"
            )
        return str(found[0]["id"])

    def _repeated(self, method: str, path: str, *, writes: bool, **options: Any) -> Any:
        retrying = tenacity.Retrying(
            retry=tenacity.retry_if_exception_type(_Nothing),
            stop=tenacity.stop_after_attempt(ATTEMPTS),
            wait=_wait,
            sleep=self._sleep,
            reraise=True,
        )
        try:
            return retrying(self._once, method, path, writes=writes, **options)
        except _Nothing as last:
            raise last.error from last.__cause__

    def _once(self, method: str, path: str, *, writes: bool, **options: Any) -> Any:
        self._keep_to_the_rate()
        try:
            response = self._client.request(method, path, **options)
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as error:
            raise _Nothing(UnavailableError(f"Cloudflare cannot be reached: {error}")) from error
        except httpx.HTTPError as error:
            text = f"no answer from Cloudflare: {error or type(error).__name__}"
            if writes:
                raise AmbiguousError(text) from error
            raise _Nothing(UnavailableError(text)) from error
        return _result(response, writes=writes)

    def _keep_to_the_rate(self) -> None:
        now = time.monotonic()
        while self._sent and self._sent[0] <= now - RATE_PERIOD:
            self._sent.popleft()
        if len(self._sent) >= RATE_LIMIT:
            self._sleep(self._sent[0] + RATE_PERIOD - now)
        self._sent.append(time.monotonic())


def _wait(state: tenacity.RetryCallState) -> float:
    """Return seconds: what the server asks for, else 0.5, 1, 2 … with some jitter."""
    outcome = state.outcome
    error = outcome.exception() if outcome else None
    asked = error.retry_after if isinstance(error, _Nothing) else 0
    return max(asked, tenacity.wait_exponential_jitter(multiplier=0.5, max=20, jitter=0.5)(state))


def _result(response: httpx.Response, *, writes: bool) -> Any:
    """Return what a response says, or raise what its failure means."""
    try:
        envelope = response.json()
    except ValueError:
        raise _not_json(response, writes=writes) from None
    if not isinstance(envelope, dict):
        raise _not_json(response, writes=writes)
    if response.is_success and envelope.get("success") is True:
        return envelope.get("result")
    code, message = _problem(envelope)
    if response.status_code == 429:
        raise _Nothing(UnavailableError(f"Cloudflare's rate limit: {message}"), _seconds(response))
    if _BUSY in message:  # an import that nobody asks about ends after 15 seconds (d1-facts §3.4)
        raise _Nothing(UnavailableError(message), max(_seconds(response), 5))
    if is_refusal(message):
        raise QueryError(message)
    if found := _refused(response.status_code, code, message):
        raise found
    error = _failure(f"{message} (HTTP {response.status_code})", writes=writes)
    if isinstance(error, UnavailableError):
        raise _Nothing(error, _seconds(response))
    raise error


def _problem(envelope: dict[str, Any]) -> tuple[int, str]:
    """Return code and message of an envelope; some failures come bare, as {error, code}."""
    errors = envelope.get("errors")
    if isinstance(errors, list) and errors and isinstance(errors[0], dict):
        code, message = errors[0].get("code"), errors[0].get("message")
    else:
        code, message = envelope.get("code"), envelope.get("error")
    return (code if isinstance(code, int) else 0), str(message or "no reason given")


def _refused(status: int, code: int, message: str) -> UsageError | None:
    """Return the error of a request that cannot succeed as it is; nothing was done."""
    if code == _AUTHENTICATION or status == 401:
        return UsageError(
            f"Cloudflare does not accept this token here: {message}",
            hint="is CLOUDFLARE_API_TOKEN valid, and has it the right Account > D1 > Edit for this account?",
        )
    if code == _FORBIDDEN or status == 403:
        return UsageError(
            f"the token may not do this: {message}",
            hint="it needs the right Account > D1 > Edit for this account; Read is enough to read",
        )
    if code == _NOT_FOUND or status == 404:
        return UsageError(f"no such database in this account: {message}", hint="see `wrangler d1 list`")
    if code == _MALFORMED:
        return UsageError(f"Cloudflare does not accept the request: {message}")
    return None


def _failure(text: str, *, writes: bool) -> DriverError:
    return AmbiguousError(text) if writes else UnavailableError(text)


def _not_json(response: httpx.Response, *, writes: bool) -> Exception:
    kind = response.headers.get("content-type", "").partition(";")[0]
    if response.status_code in (401, 403) or (response.status_code == 405 and kind == "text/html"):
        return UnavailableError(
            f"a firewall answered, not Cloudflare's API (HTTP {response.status_code}, {kind or 'no type'})",
            hint="something on the way refuses this SQL or this machine; nothing was run",
        )
    text = f"no answer of Cloudflare's API (HTTP {response.status_code}, {kind or 'no type'})"
    if writes:
        return AmbiguousError(text)
    return _Nothing(UnavailableError(text), _seconds(response))


def _seconds(response: httpx.Response) -> float:
    """Return how long the server asks to wait."""
    try:
        return min(float(response.headers.get("retry-after", 0)), RATE_PERIOD)
    except ValueError:  # a date
        return 0


def from_environment() -> Api:
    """Return the Api that the process's environment describes; raises UsageError as `settings`."""
    return Api(settings(os.environ))
