"""Migration folders on disk. The only place that reads and writes them."""

from __future__ import annotations

import codecs
import os

from d1migrate.errors import SourceError, UsageError
from d1migrate.migrate import source
from d1migrate.migrate.migration import LARGE, Migration, Script
from d1migrate.project.listing import DEFAULT_PATTERN, Folder, list_files, no_such_file

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from io import RawIOBase

    from d1migrate.project.listing import Listing

_CHUNK = 1 << 17  # of a large file: a larger one leaves the processor's cache before it is split
_BLOCK = 1 << 16  # most files are shorter


class LargeFile:
    """A Script on disk that is read in chunks.

    Attributes:
        problem: the error for the first bytes that are not UTF-8, once they were read.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self.problem: SourceError | None = None
        self._status = os.stat(path)
        self.size = self._status.st_size

    def chunks(self, see: Callable[[bytes], object] | None = None) -> Iterator[str]:
        """Read it from the start: UTF-8, without its byte order mark, with LF line ends.

        Bytes that are not UTF-8 become U+FFFD, as in what wrangler runs (d1-facts §11); see `problem`.

        Args:
            see: called with the bytes of each chunk, before they are decoded.

        Raises:
            SourceError: it cannot be read, or has changed since it was first read.
        """
        decoder = _Decoder()
        try:
            with open(self.path, "rb", buffering=0) as file:
                self._refuse_change(os.fstat(file.fileno()))
                for chunk in _normalized(file):
                    if see:
                        see(chunk)
                    yield decoder.decode(chunk)
                yield decoder.decode(b"", final=True)
                self._refuse_change(os.fstat(file.fileno()))
                if decoder.is_wrong:
                    self.problem = self.problem or _not_utf8(self.path)
        except OSError as error:
            raise SourceError(f"cannot read {self.path}: {error.strerror}") from error

    def _refuse_change(self, now: os.stat_result) -> None:
        """Refuse a file that has changed between its check and its run."""
        if (now.st_size, now.st_mtime_ns) != (self._status.st_size, self._status.st_mtime_ns):
            raise SourceError(
                f"{self.path} was changed while it was being read", hint="run the command again"
            )


def _normalized(file: RawIOBase) -> Iterator[bytes]:
    """Yield the bytes of a file in chunks, without its byte order mark, with LF line ends."""
    carry, mark = b"", codecs.BOM_UTF8
    while block := file.read(_CHUNK):
        chunk = (carry + block).removeprefix(mark)
        # A CR at the end may be half of a line end: keep it for the next chunk.
        carry, mark = b"\r" if chunk.endswith(b"\r") else b"", b""
        # One byte is found ten times as fast as two.
        yield chunk.removesuffix(b"\r").replace(b"\r\n", b"\n") if b"\r" in chunk else chunk
    yield carry


class _Decoder:
    """Decodes UTF-8 in chunks; bytes that are not UTF-8 become U+FFFD.

    Attributes:
        is_wrong: whether there were such bytes.
    """

    def __init__(self) -> None:
        self.is_wrong = False
        self._decoder = codecs.getincrementaldecoder("utf-8")()

    def decode(self, chunk: bytes, *, final: bool = False) -> str:
        """Return the text of the next chunk."""
        try:
            return self._decoder.decode(chunk, final)
        except UnicodeDecodeError as error:  # its object begins with what the chunk before left over
            self.is_wrong = True
            self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
            return self._decoder.decode(error.object, final)


def load_migrations(folder: str, *, pattern: str = DEFAULT_PATTERN) -> tuple[Migration, ...]:
    """Read a folder of migrations.

    Args:
        folder: its path.
        pattern: which files below it are migrations, in the language of wrangler's `migrations_pattern` but
            relative to the folder, e.g. `*/migration.sql`. Links and hidden files are not migrations.

    Returns:
        The migrations, in wrangler's order. Files over 1 MiB are not held in memory.

    Raises:
        UsageError: there is no such folder, or the pattern matches none of its SQL files, or other files.
        SourceError: a file cannot be read.
    """
    return load_folder(Folder(folder, pattern))


def load_folder(folder: Folder, listing: Listing | None = None) -> tuple[Migration, ...]:
    """Read a folder, which may have been listed already; otherwise as `load_migrations`."""
    path, listing = folder.path, listing or list_files(folder)
    if os.path.lexists(os.path.join(path, source.JOURNAL)):
        from d1migrate.project import journal

        journal.refuse_unfinished(path)
    found = ((name, _read(os.path.join(path, name))) for name in listing.names)
    return _with_rollbacks(path, source.load(found, folder=path))


def _with_rollbacks(folder: str, found: tuple[Migration, ...]) -> tuple[Migration, ...]:
    """Return migrations with their rollback files; few folders have some."""
    if not os.path.isdir(os.path.normpath(os.path.join(folder, os.pardir, source.ROLLBACKS))):
        return found
    from d1migrate.project import rollback_folder

    return tuple(rollback_folder.attach(folder, found))


def load_file(path: str, *, version: int) -> Migration:
    """Read one file outside a migrations folder, with any name.

    Raises:
        UsageError: there is no such file.
        SourceError: it is not UTF-8, or cannot be read.
    """
    if not os.path.isfile(path):
        raise no_such_file(path, f"{path} does not exist", otherwise="`d1migrate list` shows the migrations")
    return source.read(version, os.path.splitext(os.path.basename(path))[0], _read(path), path)


def journal_of(folder: str) -> str:
    """Return the path of drizzle's journal, by which it numbers its files, whether or not it exists."""
    return os.path.join(folder, "meta", "_journal.json")


def load_journal(folder: str) -> dict[str, str]:
    """Return {when a migration was written: its name} of drizzle's `meta/_journal.json`, if there is one.

    Raises:
        UsageError: it is not a journal of drizzle.
    """
    path = journal_of(folder)
    text = read_text(path)
    if text is None:
        return {}
    import json

    try:
        return {str(entry["when"]): str(entry["tag"]) for entry in json.loads(text)["entries"]}
    except (ValueError, TypeError, KeyError) as error:
        raise UsageError(f"{path} is not a journal of drizzle") from error


def write_new(path: str, text: str) -> None:
    """Write a file that must not exist yet, whole or not at all.

    Raises:
        UsageError: it exists, its folder cannot be written, or the text is not Unicode.
    """
    from d1migrate.project import disk

    try:
        disk.create(path, text)
    except UnicodeEncodeError as error:
        raise UsageError(f"not text: {error.object[error.start : error.end]!r}") from None
    except OSError as error:
        raise UsageError(f"cannot create {path}: {error.strerror}") from error


def replace(path: str, text: str) -> None:
    """Write a file whole or not at all, over an older one; devices and FIFOs are written to.

    Raises:
        UsageError: it cannot be written.
    """
    from d1migrate.project import disk

    try:
        os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
        disk.replace(path, text)
    except OSError as error:
        raise UsageError(f"cannot write {path}: {error.strerror}") from error


def current_text(path: str) -> str | None:
    """Return the current text of a file to be written; None for a device or FIFO, which is not read.

    Raises:
        UsageError: it exists and cannot be read.
    """
    from d1migrate.project import disk

    return None if disk.is_stream(path) else read_text(path)


def read_text(path: str) -> str | None:
    """Return the text of a file; None if it does not exist.

    Raises:
        UsageError: it exists and cannot be read.
    """
    try:
        with open(path, encoding="utf-8") as file:
            return file.read()
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"cannot read {path}: {error}") from error


def _read(path: str) -> str | Script:
    try:
        found = _bytes(path)
        if found is not None:
            return found.decode().removeprefix("\ufeff")
    except (OSError, UnicodeDecodeError):
        pass  # raised again when its text is needed: if it is applied, it does not stop the others
    try:
        return LargeFile(path)
    except OSError as error:
        raise SourceError(f"cannot read {path}: {error.strerror}") from error


def _bytes(path: str) -> bytes | None:
    """Return the bytes of a file, or None of a large one."""
    # Not `open`, which takes twice as long for a small file: every command reads every file.
    number = os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0))
    try:
        found = os.read(number, _BLOCK)
        while block := os.read(number, _BLOCK):
            found += block
            if len(found) > LARGE:
                return None
    finally:
        os.close(number)
    return found


def _not_utf8(path: str) -> SourceError:
    """Return the error of a file that is not UTF-8, with the place of the first byte that is not."""
    decoder, line, fed, end = codecs.getincrementaldecoder("utf-8")(), 1, 0, False
    with open(path, "rb") as file:
        while not end:
            block = file.read(_CHUNK)
            fed, end = fed + len(block), not block
            try:
                line += decoder.decode(block, end).count("\n")
            except UnicodeDecodeError as error:  # its object begins with what the block before left over
                line += error.object.count(b"\n", 0, error.start)
                byte, offset = error.object[error.start], fed - len(error.object) + error.start
                return SourceError(
                    f"{path}:{line}: not UTF-8: byte 0x{byte:02x} at offset {offset}",
                    hint="save the file as UTF-8",
                )
    return SourceError(f"{path} was changed while it was being read", hint="run the command again")
