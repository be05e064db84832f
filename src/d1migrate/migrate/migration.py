"""A migration file as a value: its statements, its rollback block, its checksum. No disk."""

from __future__ import annotations

import re
from array import array
from hashlib import sha256

from d1migrate.errors import LimitExceeded, ParseError, SourceError
from d1migrate.migrate.history_guard import check_history_use, is_record
from d1migrate.migrate.rollback_block import SHORTEST, BlockFinder, Marker
from d1migrate.migrate.table import LOG_TABLE, USUAL_TABLE, VERSIONS, WRANGLER, MigrationsTable
from d1migrate.named_tuple import NamedTuple
from d1migrate.sql.d1 import WORKERD
from d1migrate.sql.names import fold
from d1migrate.sql.split import Splitter, Statement, split
from d1migrate.sql.statement import effects
from d1migrate.sql.tokens import KEYWORDS, SIGNIFICANT, significant

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Protocol

    from d1migrate.migrate.rollback_file import RollbackFile
else:
    Protocol = object  # as in drivers/protocol

LARGE = 1 << 20
"""Scripts above this many bytes are streamed, never held."""

NOTHING = "v1:" + sha256(b"").hexdigest()
"""The checksum of a file without a statement, or with only the one that records it: it identifies no file."""

_TABLES = (VERSIONS, WRANGLER, LOG_TABLE)  # what a file is searched for, once

_STARTS = frozenset(
    "ALTER ANALYZE BEGIN COMMIT CREATE DELETE DROP END EXPLAIN INSERT PRAGMA REINDEX REPLACE SELECT UPDATE"
    " VACUUM VALUES WITH ATTACH DETACH ROLLBACK SAVEPOINT RELEASE".split()
)


_DOWN = re.compile(r"(?:^|[./])(?:down|rollback|undo|revert)(?:/|$)", re.IGNORECASE)
"""In the name of a rollback file of other tools: `001_a.down`, `001_a/down`, `rollback/001_a`."""


class Script(Protocol):
    """SQL text too large for memory, or not UTF-8; it can be read any number of times."""

    @property
    def size(self) -> int:
        """Bytes on disk."""

    @property
    def problem(self) -> SourceError | None:
        """The error for what is not UTF-8 in it, once it was read to the end."""

    def chunks(self) -> Iterator[str]:
        """Read it from the start, in chunks with LF line ends.

        Raises:
            SourceError: it cannot be read.
        """


class Rollback(NamedTuple):
    """The rollback of a migration: its block, its rollback file, or rollback SQL from the log.

    Attributes:
        sql: the SQL; of a block without its `--` marks, line by line.
        file: the migration, the rollback file or the log, for errors.
        first_line: the line of that file on which it starts.
        reason: why there is no rollback (`-- Rollback: none, <reason>`), or None if there is one.
    """

    sql: str
    file: str
    first_line: int = 1
    reason: str | None = None

    @property
    def digest(self) -> str:
        """The sha256 of its meaning, like a migration's checksum."""
        return _digest_of_meaning(split(self.sql, file=self.file))

    def texts(self) -> Iterator[str]:
        """Yield the SQL of its statements."""
        return (statement.sql for statement in self.statements())

    def statements(self) -> Iterator[Statement]:
        """Yield its statements, with the line numbers of the file.

        Raises:
            ParseError: the block is not SQL.
            LimitExceeded: a statement is longer than D1 accepts.
        """
        shift = self.first_line - 1
        try:
            pieces = [s._replace(line=s.line + shift) for s in split(self.sql, file=self.file) if s.sql]
        except ParseError as error:
            error.line += shift
            error.hint = "this is inside the rollback block, which must be SQL; write prose above it"
            raise
        for statement in pieces:
            self._check(statement)
            yield statement

    def _check(self, statement: Statement) -> None:
        tokens = significant(statement.sql)
        if tokens[0].keyword not in _STARTS:
            first = statement.sql.split("\n", 1)[0]
            raise ParseError(
                "this line of the rollback block is not SQL",
                file=self.file,
                line=statement.line,
                column=1,
                source=first,
                hint=_prose_hint(first),
            )
        if (size := len(statement.sql.encode())) > WORKERD.sql_length:
            raise _too_long(self.file, statement.line, size)


def _prose_hint(line: str) -> str:
    reason = " ".join(line.split()).removesuffix(";")
    return f"if there is no rollback: `-- Rollback: none, {reason}`; write other prose as `-- -- like this`"


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
        "_digest",
        "_mentioned",
        "_scanned",
        "_script",
        "_split",
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
        self._split: tuple[Statement, ...] | None = None
        self._scanned: _Scan | None = None
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
                    for _ in self._hashed(self._script):
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
        try:
            return "v1:" + _digest_of_meaning(self.pieces())
        except ParseError:
            return None

    def _checksum_of_bytes(self) -> str | None:
        """Return the checksum of its bytes; None if it cannot be read."""
        return self.digest and f"b1:{self.digest}"

    @property
    def rollback(self) -> Rollback | None:
        """The rollback block or file, or None; a migration without a statement is undone by an empty one.

        None also if `unreadable` has a reason.
        """
        found = self._scan()
        return found.rollback or (None if found.statements or found.error else Rollback("", self.file))

    @property
    def unreadable(self) -> SourceError | None:
        """Why it or its rollback file cannot be read, e.g. a quote that is not closed; None if they can."""
        return self._scan().error

    @property
    def runs_forward(self) -> Marker | None:
        """The marker of rollback SQL that is not commented out, so that it runs with the rest; or None."""
        return self._scan().runs_forward

    @property
    def almost_rollback(self) -> Marker | None:
        """A comment that looks like the start of a rollback block, in a file without one; or None."""
        found = self._scan()
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

    def mentions(self, table: str) -> bool:
        """Whether its text may contain the name of a table, which has only lower-case letters."""
        if table not in _TABLES:
            return self.has_text(table)
        if self._mentioned is None:
            # Every command asks, to choose the migrations table: a search is much cheaper than a scan.
            chunks = (self._script,) if isinstance(self._script, str) else self._script.chunks()
            self._mentioned = _mentioned_in(chunks)
        return table in self._mentioned

    def has_text(self, text: str) -> bool:
        """Whether a text in lower case is in it, in any case; a large file may have it."""
        return text in self._script.lower() if isinstance(self._script, str) else True

    def touches(self, table: MigrationsTable) -> bool:
        """Whether its SQL could change rows of the migrations table, other than by inserting some."""
        name = fold(table.name)
        if not self.mentions(name):
            return False
        return any(
            name in sql and ("update" in sql or not is_record(sql, name))
            for sql in (piece.sql.lower() for piece in self.pieces())
        )

    def creates(self, table: str) -> bool:
        """Whether its SQL creates a table of that name."""
        name = fold(table)
        if not self.mentions(name):
            return False
        found = (effect for sql in self.texts() if name in fold(sql) for effect in effects(sql))
        return any(effect.kind == "create" and effect.table == name for effect in found)

    def statements(self) -> Iterator[Statement]:
        """Yield the statements to run, in order, each with its `sql` and `line`.

        Raises:
            ParseError: a quote or comment is not closed.
        """
        return (piece for piece in self.pieces() if piece.sql)

    def texts(self) -> Iterator[str]:
        """Yield the SQL of the statements to run, in order.

        For a large file that was checked, the statements are sliced by offsets and not split again.
        """
        if isinstance(self._script, str) or self._scanned is None or self._scanned.error:
            return (statement.sql for statement in self.statements())
        return _slices(self._script.chunks(), self._scanned.offsets)

    @property
    def is_down_file(self) -> bool:
        """Whether it is named as other tools name a rollback, which wrangler runs like any migration."""
        return _DOWN.search(self.name) is not None

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
        found = self._scan()
        not_utf8 = None if isinstance(self._script, str) else self._script.problem
        if error := not_utf8 or found.error:
            raise error
        if self.is_down_file:
            raise down_file(self.file)
        if found.runs_forward:
            raise _runs_forward(self.file, found.runs_forward)
        if found.too_long:
            raise _too_long(self.file, *found.too_long)
        if self.mentions(fold(table.name)) or self.mentions(LOG_TABLE):
            check_history_use(self.statements(), self.file, table, self)
        if found.rollback:
            check_history_use(found.rollback.statements(), found.rollback.file, table)
        return found.statements

    def _scan(self) -> _Scan:
        """Read it once, for everything that has to be known before it runs."""
        if self._scanned is None:
            script = self._script if isinstance(self._script, str) else self._hashed(self._script)
            try:
                self._scanned = _scan(Splitter(script, file=self.file), self.file)
                if self.rollback_file:
                    self._scanned = self._scanned._replace(rollback=self._rollback_in(self.rollback_file))
            except SourceError as error:
                self._scanned = _Scan(0, None, None, None, None, array("Q"), error)
        return self._scanned

    def _rollback_in(self, file: RollbackFile) -> Rollback:
        """Return the rollback of the rollback file.

        Raises:
            SourceError: it cannot be used, or there is a rollback block, too.
        """
        if self._scanned and (own := self._scanned.rollback):
            raise SourceError(
                f"{self.file}:{own.first_line}: it has a rollback block, and there is {file.path}",
                hint="keep one of them",
            )
        block = file.block()
        return Rollback(block.sql, file.path, block.line, block.reason)

    def pieces(self) -> Iterable[Statement]:
        """Return the whole file in pieces: statements, and the text around them.

        Raises:
            ParseError: a quote or comment is not closed.
        """
        if not isinstance(self._script, str):
            return split(self._script.chunks(), file=self.file)
        if self._split is None:
            self._split = tuple(split(self._script, file=self.file))
        return self._split

    def _hashed(self, script: Script) -> Iterator[str]:
        """Yield the chunks of a large script; computes the digest on the way."""
        digest = sha256()
        for chunk in script.chunks():
            digest.update(chunk.encode())
            yield chunk
        self._digest = digest.hexdigest()


def _mentioned_in(chunks: Iterable[str]) -> set[str]:
    """Return which of _TABLES a text mentions, as far as it can be read."""
    found, before = set[str](), ""
    try:
        for chunk in chunks:
            lower = before + chunk.lower()
            found |= {name for name in _TABLES if name in lower}
            before = lower[-max(map(len, _TABLES)) :]
    except SourceError:  # what is refused when it is to run, not when it is looked at
        pass
    return found


class _Scan(NamedTuple):
    """What one reading of a script finds.

    `offsets` has start and end of every statement's SQL, in characters; `too_long` is (line, bytes) of the
    first statement that is too long; `runs_forward` and `almost` are those of BlockFinder; `error` is what
    ended the reading too early.
    """

    statements: int
    too_long: tuple[int, int] | None
    rollback: Rollback | None
    runs_forward: Marker | None
    almost: Marker | None
    offsets: array[int]
    error: SourceError | None = None


def _scan(cuts: Splitter, file: str) -> _Scan:
    offsets, too_long, finder = array("Q"), None, BlockFinder(file)
    note, limit = offsets.append, WORKERD.sql_length
    for position, body, stop, end in cuts:
        if body - position >= SHORTEST:
            lead, line_start = cuts.buffer[position:body], cuts.start + position == 0
            finder.comments(lead, cuts.line_at(position), line_start=line_start, first=not offsets)
        if stop > body:
            note(cuts.start + body)
            note(cuts.start + stop)
            # A character has at most four bytes, so short statements need no encoding.
            if (stop - body) * 4 > limit and too_long is None:
                size = len(cuts.buffer[body:stop].encode())
                too_long = (cuts.line_at(body), size) if size > limit else None
            if finder.is_open or cuts.buffer[body] == "#":
                finder.statement(cuts.buffer[body:stop], cuts.line_at(body))
        if end - stop >= SHORTEST:  # comments after the last statement, if no `;` ends it
            finder.comments(cuts.buffer[stop:end], cuts.line_at(stop), line_start=False, first=False)
    found = finder.block and Rollback(finder.block.sql, file, finder.block.line, finder.block.reason)
    return _Scan(len(offsets) // 2, too_long, found, finder.runs_forward, finder.almost, offsets)


def _slices(chunks: Iterator[str], offsets: array[int]) -> Iterator[str]:
    """Yield the parts of a text between ascending pairs of offsets; little of it is held in memory."""
    buffer, base, end_of_buffer = "", 0, 0
    bounds = iter(offsets)
    for start, end in zip(bounds, bounds, strict=True):
        while end > end_of_buffer:
            used = min(start - base, len(buffer))
            chunk = next(chunks)
            buffer = buffer[used:] + chunk
            base += used
            end_of_buffer += len(chunk)
        yield buffer[start - base : end - base]
    for _ in chunks:  # to the end, where the script checks that its file has not changed
        pass


def _too_long(file: str, line: int, actual: int) -> LimitExceeded:
    return LimitExceeded(
        f"{file}:{line}: the statement has {actual} bytes, D1 accepts {WORKERD.sql_length}",
        limit=WORKERD.sql_length,
        actual=actual,
        hint="split it: use several INSERTs with fewer rows, or append a long value in parts with UPDATE",
    )


def _runs_forward(file: str, marker: Marker) -> SourceError:
    return SourceError(
        f"{file}:{marker.line}: the SQL after `{marker.text}` would run as part of the migration",
        hint="comment it out as a `-- Rollback:` block, with `--` before each line;"
        " if it is meant to run now, delete the marker",
        rule="P110",
    )


def down_file(file: str) -> SourceError:
    """Return the error of a file that is named as other tools name a rollback."""
    return SourceError(
        f"{file}: wrangler would run this down file as a forward migration",
        hint="write the rollback as a `-- Rollback:` block at the end of the migration itself, or into a file"
        " in a folder `rollback` beside the migrations folder",
        rule="P110",
    )


def _digest_of_meaning(pieces: Iterable[Statement]) -> str:
    meanings = []
    for piece in pieces:
        sql = piece.sql
        if sql and not (VERSIONS in sql.lower() and is_record(sql)):
            words = SIGNIFICANT.findall(sql)
            # Only ASCII: some other letters have an ASCII upper case, but are different names to SQLite.
            meant = [up if word.isascii() and (up := word.upper()) in KEYWORDS else word for word in words]
            meanings.append(" ".join(meant))
    return sha256(";\n".join(meanings).encode()).hexdigest()
