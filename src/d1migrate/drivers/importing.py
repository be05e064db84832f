"""D1's import API: a batch as a file, for what a request cannot carry (d1-facts §3.4).

An import is not one SQL transaction: a failure rolls the database back to where it began. Its answers cannot
be trusted, `Not currently importing anything.` follows a success and a failure alike; so what became of it is
left to the history, which the same file writes.
"""

from __future__ import annotations

import hashlib
import tempfile
import time
from typing import IO, TYPE_CHECKING, Any, NoReturn

import httpx

from d1migrate.d1 import WORKERD, is_refusal
from d1migrate.drivers.cloudflare import TIMEOUT
from d1migrate.errors import AmbiguousError, DriverError, LimitExceeded, QueryError, UnavailableError
from d1migrate.sql.parameters import inline

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from d1migrate.batch import Batch
    from d1migrate.drivers.cloudflare import Api

_CHUNK = 1 << 20
_POLL = 1.0  # seconds; D1 cancels an import that nobody asked about for 15


def run_import(api: Api, path: str, batch: Batch, *, sleep: Callable[[float], None] = time.sleep) -> NoReturn:
    """Import a batch, and leave it to the caller to ask the history whether it happened.

    Args:
        api: Cloudflare's.
        path: the database's.
        batch: what is imported; it is written to a temporary file first, with its parameters in the SQL.
        sleep: waits, in seconds.

    Raises:
        AmbiguousError: it was imported, or may have been.
        QueryError: D1 refused a statement, and rolled all back.
        UnavailableError: it did not begin.
        LimitExceeded: a statement is too long once its parameters are in it.
    """
    with tempfile.TemporaryFile(prefix="d1migrate-") as file:
        etag = _write(file, batch)
        started = api.post(f"{path}/import", {"action": "init", "etag": etag}, writes=False)
        if started.get("upload_url"):
            _upload(str(started["upload_url"]), file, etag)
            name = {"filename": started["filename"], "etag": etag}
            started = api.post(f"{path}/import", {"action": "ingest", **name}, writes=True)
    _follow(api, path, started, sleep)


def _write(file: IO[bytes], batch: Batch) -> str:
    """Write the batch as SQL; its MD5, by which the API knows the file."""
    digest = hashlib.md5(usedforsecurity=False)
    for query in batch.queries:
        sql, _ = inline(query.sql, query.params, bound=())
        data = f"{sql};\n".encode()
        if len(data) > WORKERD.sql_length:
            raise LimitExceeded(
                f"{batch.label}: a statement has {len(data)} bytes with its values in it, an import takes"
                f" {WORKERD.sql_length}",
                limit=WORKERD.sql_length,
                actual=len(data),
                hint="a rollback block of this size cannot be kept in the log: write a shorter one",
            )
        digest.update(data)
        file.write(data)
    return digest.hexdigest()


def _upload(url: str, file: IO[bytes], etag: str) -> None:
    """Send the file to the place it was given. The address carries its own right: no token goes there."""
    size = file.tell()
    headers = {"content-length": str(size), "content-type": "application/sql"}
    file.seek(0)
    try:
        response = httpx.put(url, content=_chunks(file), headers=headers, timeout=TIMEOUT)
    except httpx.HTTPError as error:
        raise UnavailableError(
            f"the upload of {size} bytes broke: {error or type(error).__name__}"
        ) from error
    if not response.is_success or response.headers.get("etag", "").strip('"') != etag:
        raise UnavailableError(
            f"the upload of {size} bytes was not taken as it is (HTTP {response.status_code})",
            hint="run the command again",
        )


def _chunks(file: IO[bytes]) -> Iterator[bytes]:
    while chunk := file.read(_CHUNK):
        yield chunk


def _follow(api: Api, path: str, answer: dict[str, Any], sleep: Callable[[float], None]) -> NoReturn:
    """Ask until the import is over."""
    while True:
        status, text = answer.get("status"), _error(answer)
        if text is not None:
            raise QueryError(text) if is_refusal(text) else AmbiguousError(f"the import ended with: {text}")
        if status == "complete":
            raise AmbiguousError("the import is said to be complete")
        sleep(_POLL)
        question = {"action": "poll", "current_bookmark": answer.get("at_bookmark")}
        try:
            answer = api.post(f"{path}/import", question, writes=False)
        except DriverError as error:
            raise AmbiguousError(f"the import was begun, and then: {error}") from error


def _error(answer: dict[str, Any]) -> str | None:
    errors = answer.get("error") or answer.get("errors")
    if not errors and answer.get("status") != "error":
        return None
    return str(errors[0] if isinstance(errors, list) else errors or "no reason given")
