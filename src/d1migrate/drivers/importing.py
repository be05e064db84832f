"""D1's import API: a batch as a file, for what a request cannot carry (d1-facts §3.4).

An import is not one SQL transaction: on a failure, D1 restores the database to the state before it. Its
responses do not show the outcome, `Not currently importing anything.` follows a success and a failure alike;
so the caller reads it from the history, which the same file writes.
"""

from __future__ import annotations

import hashlib
import os
import tempfile

from d1migrate.drivers.responses import is_busy
from d1migrate.drivers.unanswered import unanswered
from d1migrate.errors import AmbiguousError, Error, LimitExceeded, QueryError, UnavailableError
from d1migrate.sql.d1 import WORKERD, is_refusal
from d1migrate.sql.parameters import inline

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import IO, Any, NoReturn

    from d1migrate.drivers.cloudflare import Api
    from d1migrate.drivers.protocol import OnProgress
    from d1migrate.sql.batch import Batch

_CHUNK = 1 << 20
_POLL = 1.0  # seconds
_PATIENCE = 10  # seconds to wait for the response to a poll: D1 cancels an import that is not polled for 15


def run_import(api: Api, path: str, batch: Batch, on_progress: OnProgress) -> NoReturn:
    """Import a batch; it always raises, and the caller reads from the history whether it happened.

    Args:
        api: Cloudflare's.
        path: the database's.
        batch: the batch; it is written to a temporary file first, with its parameters in the SQL.
        on_progress: called after each chunk of the upload, and while the import runs, then without bytes.

    Raises:
        AmbiguousError: it was imported, or may have been.
        QueryError: D1 refused a statement, and nothing was done; or it is not Unicode, and was not sent.
        UnavailableError: it did not begin.
        LimitExceeded: a statement is too long once its parameters are in it.
    """
    try:
        with tempfile.TemporaryFile(prefix="d1migrate-") as file:
            etag, size = _write(file, batch), file.tell()
            # No two files are equal, so D1 cannot know this one, and responds with an upload address.
            name, url = api.post(
                f"{path}/import", {"action": "init", "etag": etag}, _file_and_address, writes=False
            )
            api.upload(url, lambda: _chunks(file, size, on_progress), size, etag)
    except OSError as error:
        raise UnavailableError(
            f"cannot write the file that is imported: {error.strerror}", hint="TMPDIR sets its folder"
        ) from error
    on_progress("import", 0, 0)
    begin = {"action": "ingest", "filename": name, "etag": etag}
    try:
        answer = api.post(f"{path}/import", begin, dict, writes=True)
    except UnavailableError as error:
        if not is_busy(str(error)):
            raise
        # The running import may be this one: a proxy may have sent the request twice.
        raise AmbiguousError(f"the import may have begun: {error}") from error
    _follow(api, path, answer, on_progress)


def _write(file: IO[bytes], batch: Batch) -> str:
    """Write the batch as SQL; return its MD5, by which the API identifies a file.

    The first line makes each file unique: D1 does not import the same file twice.
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
            raise QueryError(f"text that is not Unicode cannot be sent: {error.reason}") from error
        if len(data) > WORKERD.sql_length:
            raise LimitExceeded(
                f"{batch.label}: a statement has {len(data)} bytes with its values, an import takes at most"
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


def _file_and_address(result: Any) -> tuple[str, str]:
    """Return the file's name and upload address from the response to `init`."""
    return str(result["filename"]), str(result["upload_url"])


def _follow(api: Api, path: str, answer: dict[str, Any], on_progress: OnProgress) -> NoReturn:
    """Poll until the import is over."""
    while True:
        text = _error(answer)
        if text is not None:
            raise (
                QueryError(text)
                if is_refusal(text)
                else unanswered(f"the import ended with: {text}", writes=True)
            )
        if answer.get("status") == "complete":
            raise AmbiguousError("D1 reports that the import is complete")
        api.sleep(_POLL)
        on_progress("import", 0, 0)
        question = {"action": "poll", "current_bookmark": answer.get("at_bookmark")}
        try:
            answer = api.post(f"{path}/import", question, dict, writes=False, patience=_PATIENCE)
        except Error as error:  # also of a revoked token: the import continues
            raise AmbiguousError(f"the import began, and then: {error}") from error


def _error(answer: dict[str, Any]) -> str | None:
    errors = answer.get("error") or answer.get("errors")
    if not errors and answer.get("status") != "error":
        return None
    return str(errors[0] if isinstance(errors, list) else errors or "no reason given")
