"""A migration file as a value: its name, its text, its digest. No disk.

What needs its SQL to be read, such as its statements and its rollback, is in `contents`.
"""

from __future__ import annotations

import re

from d1migrate.errors import SourceError
from d1migrate.migrate.table import USUAL_NAMES, USUAL_TABLE, MigrationsTable
from d1migrate.sha256 import sha256

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from typing import Protocol

    from d1migrate.migrate.contents import Contents
    from d1migrate.migrate.jobs.directive import JobDirective
    from d1migrate.migrate.rollback import Rollback
    from d1migrate.migrate.rollback_block import Marker
    from d1migrate.migrate.rollback_file import RollbackFile
    from d1migrate.sql.batch import Query
    from d1migrate.sql.split import Series, Statement
else:
    Protocol = object  # as in drivers/protocol

LARGE = 1 << 20
"""Scripts above this many bytes are streamed, never held."""

NOTHING = "v1:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
"""The checksum of a file without a statement, or with only the one that records it: it identifies no file."""

_DOWN = r"(?:^|[./])(?:down|rollback|undo|revert)(?:/|$)"
"""In the name of a rollback file of other tools: `001_a.down`, `001_a/down`, `rollback/001_a`."""


class Script(Protocol):
    """SQL text too large for memory, or not UTF-8; it can be read any number of times."""

    @property
    def size(self) -> int:
        """Bytes on disk."""

    @property
    def problem(self) -> SourceError | None:
        """The error for what is not UTF-8 in it, once it was read to the end."""

    def chunks(self, see: Callable[[bytes], object] | None = None) -> Iterator[str]:
        """Read it from the start, in chunks with LF line ends.

        Args:
            see: called with the text as UTF-8, in parts, before they are decoded.

        Raises:
            SourceError: it cannot be read.
        """


class Migration:
    """One migration file. Its parts are read when they are first needed.

    Attributes:
        version: the number that its name begins with, as wrangler reads it; None if there is none.
        name: the path below the migrations folder, with `/` between its parts, without `.sql`.
        file: its path, for errors.
        has_crlf: whether its lines end in CR LF on disk; here they end in LF.
        rollback_file: the rollback in a file of its own, or None.
    """

    __slots__ = (
        "_checksum",
        "_contents",
        "_digest",
        "_mentioned",
        "_script",
        "file",
        "has_crlf",
        "name",
        "rollback_file",
        "version",
    )

    def __init__(
        self,
        version: int | None,
        name: str,
        script: str | Script,
        *,
        file: str | None = None,
        has_crlf: bool = False,
        rollback_file: RollbackFile | None = None,
    ) -> None:
        self.version, self.name, self.file = version, name, file or f"{name}.sql"
        self.has_crlf, self.rollback_file = has_crlf, rollback_file
        self._script = script
        self._checksum: str | None = None
        self._digest: str | None = None
        self._contents: Contents | None = None
        self._mentioned: set[str] | None = None

    def __repr__(self) -> str:
        return f"Migration({self.version}, {self.name!r})"

    def with_rollback_file(self, file: RollbackFile) -> Migration:
        """Return the migration with a rollback file."""
        script, crlf = self._script, self.has_crlf
        return Migration(self.version, self.name, script, file=self.file, has_crlf=crlf, rollback_file=file)

    @property
    def is_large(self) -> bool:
        """Whether it is streamed: more than 1 MiB, or not UTF-8."""
        return not isinstance(self._script, str)

    @property
    def size(self) -> int:
        """Its size in bytes."""
        return len(self._script.encode()) if isinstance(self._script, str) else self._script.size

    @property
    def text(self) -> str:
        """The whole text, for tools that embed it.

        Raises:
            SourceError: it is not UTF-8, or cannot be read.
        """
        if isinstance(self._script, str):
            return self._script
        text = "".join(self._script.chunks())
        if self._script.problem:
            raise self._script.problem
        return text

    @property
    def digest(self) -> str | None:
        """The sha256 of its text as UTF-8 with LF line ends; None if it cannot be read from disk."""
        if self._digest is None:
            if isinstance(self._script, str):
                self._digest = sha256(self._script.encode()).hexdigest()
            else:
                try:
                    for _ in self.chunks():
                        pass
                except SourceError:
                    return None
        return self._digest

    @property
    def checksum(self) -> str | None:
        """The checksum of the file's meaning: `v1:` and the sha256 of its statements.

        Comments, white space, the case of keywords and the statement that records the migration are left
        out, so reformatting or renumbering a file does not change it. A large file, and one that cannot be
        parsed, has `b1:` and its digest instead. None if it cannot be read from disk.
        """
        if self._checksum is None:
            large = self.is_large or len(self.text) > LARGE or len(self.text.encode()) > LARGE
            meaning = None if large else self._checksum_of_meaning()
            self._checksum = meaning or self._checksum_of_bytes()
        return self._checksum

    def matches(self, recorded: str) -> bool:
        """Whether a recorded checksum, of either kind, is that of this file."""
        own = self.checksum
        if own is None or recorded[:3] == own[:3]:
            return recorded == own
        other = self._checksum_of_bytes() if recorded[:3] == "b1:" else self._checksum_of_meaning()
        return recorded == other

    def _checksum_of_meaning(self) -> str | None:
        """Return the checksum of its statements; None if it cannot be parsed."""
        meaning = self._sql.digest_of_meaning
        return meaning and f"v1:{meaning}"

    def _checksum_of_bytes(self) -> str | None:
        """Return the checksum of its bytes; None if it cannot be read."""
        return self.digest and f"b1:{self.digest}"

    @property
    def job(self) -> JobDirective | None:
        """What the file declares about a job, or None; a streamed file has no job.

        Raises:
            ParseError: the directive is malformed, or there are two.
        """
        if self.is_large or not self.mentions("d1migrate:"):
            return None
        return self._sql.job

    @property
    def rollback(self) -> Rollback | None:
        """The rollback block or file, or None; a migration without a statement is undone by an empty one.

        None also if `unreadable` has a reason.
        """
        return self._sql.rollback

    @property
    def unreadable(self) -> SourceError | None:
        """Why it or its rollback file cannot be read, e.g. a quote that is not closed; None if they can."""
        return self._sql.scan.error

    @property
    def runs_forward(self) -> Marker | None:
        """The marker of rollback SQL that is not commented out, so that it runs with the rest; or None."""
        return self._sql.scan.runs_forward

    @property
    def almost_rollback(self) -> Marker | None:
        """A comment that looks like the start of a rollback block, in a file without one; or None."""
        found = self._sql.scan
        return found.almost if found.rollback is None else None

    @property
    def why_irreversible(self) -> str | None:
        """Why it has no rollback, as the end of a sentence that its name begins; None if it has one."""
        if self.rollback:
            reason = self.rollback.reason
            return None if reason is None else f"is declared irreversible: {reason}"
        if error := self.unreadable:
            return f"cannot be read: {error.headline}"
        if almost := self.almost_rollback:
            return f"has no rollback block ({almost.not_a_block})"
        return "has no rollback block"

    def mentions(self, text: str) -> bool:
        """Whether it may contain a text, such as the name of a table, in any case.

        Args:
            text: in lower case. A large file is searched for USUAL_NAMES only, and may contain any other.
        """
        if text not in USUAL_NAMES:
            return text in self._script.lower() if isinstance(self._script, str) else True
        if self._mentioned is None:
            # Every command asks, to choose the migrations table. A search is much cheaper than a scan, but a
            # large file is read only once.
            found = self._sql.scan.mentioned if self.is_large else None
            self._mentioned = _mentioned_in(self.chunks()) if found is None else found
        return text in self._mentioned

    def touches(self, table: MigrationsTable) -> bool:
        """Whether its SQL could change rows of the migrations table, other than by inserting some."""
        return self._sql.touches(table)

    def creates(self, table: str) -> bool:
        """Whether its SQL creates a table of that name."""
        return self._sql.creates(table)

    def statements(self) -> Iterator[Statement]:
        """Yield the statements to run, in order, each with its `sql` and `line`.

        Raises:
            ParseError: a quote or comment is not closed.
        """
        return self._sql.statements()

    def texts(self) -> Iterator[str]:
        """Yield the SQL of the statements to run, in order."""
        return self._sql.texts()

    def queries(self) -> Iterator[Query]:
        """Yield the statements to run as queries, in order.

        A large file that was checked is not split again: it is sliced, and a series of INSERTs is one query.
        """
        return self._sql.queries()

    @property
    def is_down_file(self) -> bool:
        """Whether it is named as other tools name a rollback, which wrangler runs like any migration."""
        return re.search(_DOWN, self.name, re.IGNORECASE) is not None

    def check(self, table: MigrationsTable = USUAL_TABLE) -> int:
        """Read all of it, the rollback block too, and return the number of its statements.

        A file without a statement is only recorded, as `wrangler d1 migrations apply` does (d1-facts §11).

        Args:
            table: the migrations table, which only d1migrate may change.

        Raises:
            LimitExceeded: a statement is longer than D1 accepts.
            SourceError: it is not UTF-8, cannot be parsed, is or has a rollback that would run forward, or
                has a rollback block that drops the history.
        """
        return self._sql.check(table)

    def pieces(self) -> Iterable[Statement]:
        """Return the whole file in pieces: statements, and the text around them.

        Raises:
            ParseError: a quote or comment is not closed.
        """
        return self._sql.pieces()

    def sections(self) -> Iterable[Statement | Series]:
        """Return the same pieces, but a series of INSERTs of a large file as one."""
        return self._sql.sections()

    @property
    def not_utf8(self) -> SourceError | None:
        """The error for what is not UTF-8 in a large file, once it was read to the end."""
        return None if isinstance(self._script, str) else self._script.problem

    def chunks(self) -> Iterator[str]:
        """Yield its text in parts; the first reading of a large file also computes its digest.

        Raises:
            SourceError: it cannot be read from disk.
        """
        if isinstance(self._script, str):
            yield self._script
        elif self._digest:
            yield from self._script.chunks()
        else:
            import hashlib

            digest = hashlib.sha256()
            yield from self._script.chunks(digest.update)
            self._digest = digest.hexdigest()

    @property
    def _sql(self) -> Contents:
        if self._contents is None:
            # It takes a Worker as long to import as all that a call with nothing to do needs.
            from d1migrate.migrate.contents import Contents

            self._contents = Contents(self)
        return self._contents


def _mentioned_in(chunks: Iterable[str]) -> set[str]:
    """Return which of USUAL_NAMES a text mentions, as far as it can be read."""
    found, before = set[str](), ""
    try:
        for chunk in chunks:
            lower = before + chunk.lower()
            found |= {name for name in USUAL_NAMES if name in lower}
            before = lower[-max(map(len, USUAL_NAMES)) :]
    except SourceError:  # what is refused when it is to run, not when it is looked at
        pass
    return found
