"""Classify the responses of Cloudflare's API, above all its failures. Nothing is sent here.

A failure has one of three meanings, each with its own errors: the request was refused (QueryError,
UsageError), nothing was done (UnavailableError), or the outcome is unknown (AmbiguousError, which is an
OverloadedError if the database was overloaded).
"""

from __future__ import annotations

from typing import Any, TypeVar

from d1migrate.drivers.rate_limit import PERIOD
from d1migrate.drivers.unanswered import unanswered
from d1migrate.errors import AmbiguousError, QueryError, UnavailableError, UsageError
from d1migrate.sql.d1 import ASSERTION, OVERLOADED_CODE, is_overloaded, is_refusal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    import httpx

T = TypeVar("T")

TOKENS = "https://dash.cloudflare.com/profile/api-tokens"
"""The page on which API tokens are created, listed and edited."""
ACCOUNT_HINT = (
    "check CLOUDFLARE_ACCOUNT_ID: the dashboard's address has the id, https://dash.cloudflare.com/ID; without"
    " the variable, the token's only account is used"
)

_BUSY = "Currently processing a long-running"
_AUTHENTICATION, _FORBIDDEN, _NOT_FOUND, _MALFORMED, _D1 = 10000, 7403, 7404, 7400, 7500
_LONGEST, _DIGITS = 2_000, 9  # characters of a message that are shown, and of a code at most
_GATEWAY = (*range(6000, 7400), *range(9000, 11000))  # not D1's codes, which are from 7400 to 7599
_GARBAGE = (LookupError, TypeError, ValueError, AttributeError)
"""What `read` raises for a result of an unexpected shape."""


class NothingDone(Exception):
    """An attempt that certainly did nothing, and may succeed if it is repeated."""

    def __init__(self, error: UnavailableError, retry_after: float = 0) -> None:
        super().__init__(str(error))
        self.error, self.retry_after = error, retry_after


def is_busy(text: str) -> bool:
    """Whether a database is unavailable because an import or export is running."""
    return _BUSY in text


def is_throttled(response: httpx.Response) -> bool:
    """Whether a request was refused because its token had sent too many.

    An overloaded database responds with the same HTTP status, but concerns nobody else.
    """
    return response.status_code == 429 and _overload(response) is None


def retry_after(response: httpx.Response) -> float:
    """Return how many seconds the server asks to wait, at most PERIOD; 0 if it does not ask."""
    text = response.headers.get("retry-after", "")
    if text.isascii() and text.isdecimal():
        return min(float(text), PERIOD)
    at, now = _time(text), _time(response.headers.get("date", ""))  # by the server's clock: ours may differ
    return min(max(0.0, at - now), PERIOD) if at and now else 0


def _time(text: str) -> float | None:
    """Return the seconds of an HTTP date; None if it is not one."""
    from email.utils import parsedate_to_datetime

    try:
        return parsedate_to_datetime(text).timestamp()
    except (ValueError, OverflowError, OSError):
        return None


def failure(text: str, *, writes: bool, seconds: float = 0) -> Exception:
    """Return the error of a request without a trustworthy response: a write may have happened."""
    return AmbiguousError(text) if writes else NothingDone(UnavailableError(text), seconds)


def result_of(response: httpx.Response, read: Callable[[Any], T], *, writes: bool) -> T:
    """Return what a response contains, or raise the error that its failure means.

    Args:
        response: read to its end.
        read: extracts what is needed from the envelope's `result`; if it fails, the response is not trusted.
        writes: whether the request may have changed something.

    Raises:
        NothingDone, QueryError, UnavailableError, UsageError: nothing was done.
        AmbiguousError: it may have been done.
    """
    if (overload := _overload(response)) is not None:  # sent again, it would cost as much
        raise unanswered(overload, writes=writes)
    if is_throttled(response):  # the body does not matter: the edge responds in HTML
        raise NothingDone(
            UnavailableError(f"Cloudflare's rate limit: {_text(response)}"), retry_after(response)
        )
    if response.status_code == 413:
        raise UnavailableError(
            f"the request is larger than Cloudflare accepts ({len(response.request.content)} bytes)",
            hint="split the migration, or run it without --single-transaction",
        )
    envelope = _envelope(response)
    if envelope is None:
        raise _not_json(response, writes=writes)
    if response.is_success and envelope.get("success") is True:
        try:
            return read(envelope.get("result"))
        except _GARBAGE as error:
            text = f"unexpected response from Cloudflare ({type(error).__name__}: {error})"
            raise failure(text, writes=writes) from error
    raise _refusal(response, envelope) or failure(
        f"{_text(response)} (HTTP {response.status_code})", writes=writes, seconds=retry_after(response)
    )


def _envelope(response: httpx.Response) -> dict[str, Any] | None:
    try:
        value = response.json()
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _problems(envelope: dict[str, Any]) -> list[tuple[int, str]]:
    """Return codes and messages of an envelope, at least one; some failures are bare {error, code}."""
    errors = envelope.get("errors")
    listed = errors if isinstance(errors, list) else [errors]
    found = [(e.get("code"), e.get("message")) for e in listed if isinstance(e, dict)]
    found = found or [(envelope.get("code"), envelope.get("error"))]
    return [(_code(code), _shortened(str(message or "no reason given"))) for code, message in found]


def _shortened(message: str) -> str:
    """Return a message, up to a length; that of an assertion is whole, because it may be data."""
    return message if ASSERTION in message else message[:_LONGEST]


def _code(value: Any) -> int:
    text = str(value)
    return int(text) if len(text) <= _DIGITS and text.isascii() and text.isdecimal() else 0


def _problem(envelope: dict[str, Any]) -> tuple[int, str]:
    return _problems(envelope)[0]


def _overload(response: httpx.Response) -> str | None:
    """Return the message of an overloaded database, with any HTTP status; None for others."""
    envelope = _envelope(response) or {}
    found = [] if response.is_success and envelope.get("success") is True else _problems(envelope)
    if any(code == OVERLOADED_CODE or is_overloaded(message) for code, message in found):
        return f"{_text(response)} [code: {OVERLOADED_CODE}]"
    return None


def _text(response: httpx.Response) -> str:
    """Return the message of a failure, without the token: a proxy may echo the request."""
    token = response.request.headers.get("authorization", "").removeprefix("Bearer ")
    _, message = _problem(_envelope(response) or {})
    return message.replace(token, "…") if token else message


def _refusal(response: httpx.Response, envelope: dict[str, Any]) -> Exception | None:
    """Return the error of a request that was refused, so nothing was done; None for other failures."""
    status, (code, plain), message = response.status_code, _problem(envelope), _text(response)
    if is_busy(plain):  # D1 ends an import 15 seconds after the last poll (d1-facts §3.4)
        return NothingDone(UnavailableError(message), max(retry_after(response), 5))
    if is_refusal(plain):
        return QueryError(message)
    if code == _AUTHENTICATION or status == 401:
        return UsageError(
            f"Cloudflare does not accept this token here: {message}",
            hint="check that CLOUDFLARE_API_TOKEN is valid and has the permission Account > D1 > Edit:"
            f" {TOKENS}",
        )
    if code == _FORBIDDEN and "given account" in plain:  # the code is also that of missing rights
        account = response.request.url.path.partition("/accounts/")[2].partition("/")[0]
        return UsageError(
            f"the token has no access to the account {account}: {message}",
            hint=ACCOUNT_HINT,
        )
    if code == _FORBIDDEN or status == 403:
        return UsageError(
            f"the token does not permit this: {message}",
            hint="it needs the permission Account > D1 > Edit for this account; Read is enough to read",
        )
    if code == _NOT_FOUND:
        return UsageError(
            f"no such database in this account: {message}", hint="`wrangler d1 list` shows the databases"
        )
    is_refused = status in (405, 415, 422) and code not in (0, _D1)
    if code == _MALFORMED or status == 404 or is_refused or (status == 400 and code in _GATEWAY):
        return UsageError(
            f"Cloudflare does not accept the request: {message}",
            hint="check CLOUDFLARE_API_BASE_URL" if status == 404 else None,
        )
    return None


def _not_json(response: httpx.Response, *, writes: bool) -> Exception:
    status = response.status_code
    kind = response.headers.get("content-type", "").partition(";")[0]
    if status in (401, 403) or (status == 405 and kind == "text/html"):
        return UnavailableError(
            f"a firewall responded, not Cloudflare's API (HTTP {status}, {kind or 'no type'})",
            hint="something between here and Cloudflare refuses this SQL or this machine; nothing was run",
        )
    text = f"no response from Cloudflare's API (HTTP {status}, {kind or 'no type'})"
    return failure(text, writes=writes, seconds=retry_after(response))
