"""D1's import API: a batch as a file, for what a request cannot carry (d1-facts §3.4).

An import is not one SQL transaction: a failure rolls the database back to where it began. Its answers cannot
be trusted, `Not currently importing anything.` follows a success and a failure alike; so what became of it is
left to the history, which the same file writes.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from typing import IO, TYPE_CHECKING, Any, NoReturn

from d1migrate.drivers.responses import is_busy
from d1migrate.errors import AmbiguousError, Error, LimitExceeded, QueryError, UnavailableError
from d1migrate.sql.d1 import WORKERD, is_refusal
from d1migrate.sql.parameters import inline

if TYPE_CHECKING:
    from collections.abc import Iterator

    from d1migrate.drivers.cloudflare import Api
    from d1migrate.drivers.protocol import OnProgress
    from d1migrate.sql.batch import Batch

_CHUNK = 1 << 20
_POLL = 1.0  # seconds
_PATIENCE = 10  # seconds that an answer to a poll may take: D1 cancels what nobody asked about for 15


def run_import(api: Api, path: str, batch: Batch, on_progress: OnProgress) -> NoReturn:
    """Import a batch, and leave it to the caller to ask the history whether it happened.

    Args:
        api: Cloudflare's.
        path: the database's.
        batch: what is imported; it is written to a temporary file first, with its parameters in the SQL.
        on_progress: called after each chunk of the upload, and while the import runs, then without bytes.

    Raises:
        AmbiguousError: it was imported, or may have been.
        QueryError: D1 refused a statement, and rolled all back; or it is no Unicode, and was not sent.
        UnavailableError: it did not begin.
        LimitExceeded: a statement is too long once its parameters are in it.
    """
    try:
        with tempfile.TemporaryFile(prefix="d1migrate-") as file:
            etag, size = _write(file, batch), file.tell()
            # No two files are the same, so it is not known yet, and only a place for it is given.
            name, url = api.post(f"{path}/import", {"action": "init", "etag": etag}, _place, writes=False)
            api.upload(url, lambda: _chunks(file, size, on_progress), size, etag)
    except OSError as error:
        raise UnavailableError(
            f"cannot write the file that is imported: {error.strerror}", hint="TMPDIR says where it goes"
        ) from error
    on_progress("import", 0, 0)
    begin = {"action": "ingest", "filename": name, "etag": etag}
    try:
        answer = api.post(f"{path}/import", begin, dict, writes=True)
    except UnavailableError as error:
        if not is_busy(str(error)):
            raise
        # What runs may be this import: a proxy may have sent the request twice.
        raise AmbiguousError(f"the import may have begun: {error}") from error
    _follow(api, path, answer, on_progress)


def _write(file: IO[bytes], batch: Batch) -> str:
    """Write the batch as SQL; its MD5, by which the API knows the file.

    The first line makes it a file that was never imported: D1 takes one that was for done.
    """
    digest = hashlib.md5(usedforsecurity=False)
    for data in _lines(batch):
        digest.update(data)
        file.write(data)
    return digest.hexdigest()


def _lines(batch: Batch) -> Iterator[bytes]:
    yield f"-- d1migrate {os.urandom(16).hex()}\n".encode()
    for query in batch.queries:
        sql, _ = inline(query.sql, query.params, bound=())
        try:
            data = f"{sql};\n".encode()
        except UnicodeEncodeError as error:
            raise QueryError(f"text that is no Unicode cannot be sent: {error.reason}") from error
        if len(data) > WORKERD.sql_length:
            raise LimitExceeded(
                f"{batch.label}: a statement has {len(data)} bytes with its values in it, an import takes"
                f" {WORKERD.sql_length}",
                limit=WORKERD.sql_length,
                actual=len(data),
                hint="a rollback block of this size cannot be kept in the log: write a shorter one",
            )
        yield data


def _chunks(file: IO[bytes], size: int, on_progress: OnProgress) -> Iterator[bytes]:
    file.seek(0)
    while chunk := file.read(_CHUNK):
        yield chunk
        on_progress("upload", file.tell(), size)


def _place(result: Any) -> tuple[str, str]:
    """Return name and address of what init was answered with."""
    return str(result["filename"]), str(result["upload_url"])


def _follow(api: Api, path: str, answer: dict[str, Any], on_progress: OnProgress) -> NoReturn:
    """Ask until the import is over."""
    while True:
        text = _error(answer)
        if text is not None:
            raise QueryError(text) if is_refusal(text) else AmbiguousError(f"the import ended with: {text}")
        if answer.get("status") == "complete":
            raise AmbiguousError("the import is said to be complete")
        api.sleep(_POLL)
        on_progress("import", 0, 0)
        question = {"action": "poll", "current_bookmark": answer.get("at_bookmark")}
        try:
            answer = api.post(f"{path}/import", question, dict, writes=False, patience=_PATIENCE)
        except Error as error:  # also of a token that was withdrawn: the import goes on all the same
            raise AmbiguousError(f"the import was begun, and then: {error}") from error


def _error(answer: dict[str, Any]) -> str | None:
    errors = answer.get("error") or answer.get("errors")
    if not errors and answer.get("status") != "error":
        return None
    return str(errors[0] if isinstance(errors, list) else errors or "no reason given")
