"""A migration file as a value: its statements, its rollback block, its checksum. No disk."""

from __future__ import annotations

import re
from array import array
from hashlib import sha256
from typing import TYPE_CHECKING, NamedTuple, Protocol

from d1migrate.d1 import WORKERD
from d1migrate.errors import LimitExceeded, ParseError, SourceError
from d1migrate.recording import MIGRATIONS_TABLE, check_history_use, recorded_table
from d1migrate.sql.split import Cuts, Statement, split
from d1migrate.sql.tokens import COMMENT, KEYWORDS, SIGNIFICANT, TRIVIA, significant

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

LARGE = 1 << 20
"""Scripts above this many bytes are streamed, never held."""

NOTHING = "v1:" + sha256(b"").hexdigest()
"""The checksum of a file that does nothing but record itself."""

_ROLLBACK = re.compile(
    r"^--[ \t]*(?:rollback:[ \t]*(.*)|(migrate:down|\+goose[ \t]+down)\b.*)$", re.IGNORECASE | re.MULTILINE
)
_COMMENT = re.compile(COMMENT)
_NO_SQL = re.compile(rf"(?:{TRIVIA}|;)*+")
_NONE = re.compile(r"none\b[\s,:;.-]*(.*)", re.IGNORECASE)
_STARTS = frozenset(
    "ALTER ANALYZE BEGIN COMMIT CREATE DELETE DROP END EXPLAIN INSERT PRAGMA REINDEX REPLACE SELECT UPDATE"
    " VACUUM VALUES WITH ATTACH DETACH ROLLBACK SAVEPOINT RELEASE".split()
)


class Script(Protocol):
    """SQL text too large to hold: it can be read again and again, in chunks with LF line ends."""

    @property
    def size(self) -> int:
        """Bytes on disk."""
        ...

    def chunks(self) -> Iterator[str]:
        """Read it from the start."""
        ...


class Rollback(NamedTuple):
    """The rollback block of a file, or the SQL of one that history kept.

    Attributes:
        sql: the block without its `--` marks; line by line the block's own lines.
        file: what errors call the place it comes from.
        first_line: the line of the file on which it starts.
        reason: why there is no way back (`-- Rollback: none, <reason>`), or None where there is one.
    """

    sql: str
    file: str
    first_line: int = 1
    reason: str | None = None

    @property
    def digest(self) -> str:
        """A sha256 of its meaning, as a migration's checksum."""
        return _digest_of_meaning(split(self.sql, file=self.file))

    @property
    def touches_history(self) -> bool:
        """Whether it could change rows of the migrations table: a rollback always could."""
        return True

    def texts(self) -> Iterator[str]:
        """Yield the SQL of what it runs."""
        return (statement.sql for statement in self.statements())

    def statements(self) -> Iterator[Statement]:
        """Yield what it runs, with the line numbers of the file.

        Raises:
            ParseError: the block is not SQL.
            SourceError: it drops the tables that history lives in.
        """
        shift = self.first_line - 1
        try:
            pieces = [s._replace(line=s.line + shift) for s in split(self.sql, file=self.file) if s.sql]
        except ParseError as error:
            error.line += shift
            error.hint = "this is inside the rollback block, where all is SQL; write prose above it"
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
                hint="write prose as `-- -- like this`, or above the block",
            )
        if MIGRATIONS_TABLE in statement.sql.lower():
            check_history_use(statement, self.file, None)
        if (size := len(statement.sql.encode())) > WORKERD.sql_length:
            raise _too_long(self.file, statement.line, size)


class Migration:
    """One migration file. Its parts are read when they are first asked for.

    Attributes:
        version: the leading digits of its name, as an integer.
        name: the file name without `.sql`.
        file: the path that errors name.
        has_crlf: whether its lines end in CR LF on disk; here they end in LF.
        names_history: whether it speaks of the migrations table.
    """

    __slots__ = (
        *("_checksum", "_scanned", "_script", "_split", "file", "has_crlf", "name", "names_history"),
        "version",
    )

    def __init__(
        self,
        version: int,
        name: str,
        script: str | Script,
        *,
        file: str | None = None,
        has_crlf: bool = False,
    ) -> None:
        self.version, self.name, self.file = version, name, file or f"{name}.sql"
        self.has_crlf = has_crlf
        self._script = script
        self._checksum: str | None = None
        self._split: tuple[Statement, ...] | None = None
        self._scanned: _Scan | None = None
        self.names_history = isinstance(script, str) and MIGRATIONS_TABLE in script.lower()

    def __repr__(self) -> str:
        return f"Migration({self.version}, {self.name!r})"

    @property
    def is_large(self) -> bool:
        """Whether it is streamed: more than 1 MiB."""
        return not isinstance(self._script, str)

    @property
    def size(self) -> int:
        """Its bytes."""
        return len(self._script.encode()) if isinstance(self._script, str) else self._script.size

    @property
    def text(self) -> str:
        """The whole text; for tools that embed it."""
        return self._script if isinstance(self._script, str) else "".join(self._script.chunks())

    @property
    def checksum(self) -> str:
        """A fingerprint of what the file means: `v1:` and the sha256 of its statements.

        Comments, white space, the case of keywords and the statement that records the migration are left
        out, so a reformatted, relicensed or renumbered file keeps it. A large file has `b1:` and the sha256
        of its bytes, with LF line ends, instead.
        """
        if self._checksum is None:
            large = self.is_large or len(self.text) > LARGE or len(self.text.encode()) > LARGE
            self._checksum = self._checksum_of_bytes() if large else self._checksum_of_meaning()
        return self._checksum

    def matches(self, recorded: str) -> bool:
        """Whether it is what a recorded checksum was taken of, whichever kind that is."""
        if recorded[:3] == self.checksum[:3]:
            return recorded == self.checksum
        other = self._checksum_of_bytes() if recorded[:3] == "b1:" else self._checksum_of_meaning()
        return recorded == other

    def _checksum_of_meaning(self) -> str:
        return "v1:" + _digest_of_meaning(self.pieces())

    def _checksum_of_bytes(self) -> str:
        if isinstance(self._script, str):
            return "b1:" + sha256(self._script.encode()).hexdigest()
        for _ in self._hashed(self._script):
            pass
        return self._checksum or ""

    @property
    def rollback(self) -> Rollback | None:
        """The rollback block, or None where the file has none."""
        return self._scan().rollback

    @property
    def touches_history(self) -> bool:
        """Whether its SQL could change rows of the migrations table, other than by adding some."""
        if not self.names_history:
            return False
        return any(
            MIGRATIONS_TABLE in sql and ("update" in sql or recorded_table(sql) != MIGRATIONS_TABLE)
            for sql in (piece.sql.lower() for piece in self.pieces())
        )

    def statements(self) -> Iterator[Statement]:
        """Yield the statements to run, in order, each with its `sql` and `line`.

        Raises:
            ParseError: a quote or comment is not closed.
        """
        return (piece for piece in self.pieces() if piece.sql)

    def texts(self) -> Iterator[str]:
        """Yield the SQL of the statements to run, in order.

        What `check` found of a large file is not looked for again: the pieces are taken where they are.
        """
        if isinstance(self._script, str) or self._scanned is None:
            return (statement.sql for statement in self.statements())
        return _slices(self._script.chunks(), self._scanned.offsets)

    def check(self) -> int:
        """Read all of it, the rollback block too, and return how many statements it runs.

        Raises:
            LimitExceeded: a statement is longer than D1 takes.
            SourceError: it holds no statement, cannot be parsed, or its rollback block drops the history.
        """
        found = self._scan()
        if found.statements == 0:
            raise SourceError(
                f"{self.file}: no SQL statement in it",
                hint="wrangler refuses such a file too; write `SELECT 1;` if it is meant to do nothing",
            )
        if found.too_long:
            raise _too_long(self.file, *found.too_long)
        if self.names_history:
            for statement in self.statements():
                if MIGRATIONS_TABLE in statement.sql.lower():
                    check_history_use(statement, self.file, self.version)
        if found.rollback:
            for _ in found.rollback.statements():
                pass
        return found.statements

    def _scan(self) -> _Scan:
        """Read it once for all that is to be known before it runs."""
        if self._scanned is None:
            script = self._script if isinstance(self._script, str) else self._hashed(self._script)
            self._scanned = _scan(Cuts(script, file=self.file), self.file)
        return self._scanned

    def pieces(self) -> Iterable[Statement]:
        """Return all of the file in pieces: the statements, and what is around them.

        Raises:
            ParseError: a quote or comment is not closed.
        """
        if not isinstance(self._script, str):
            return split(self._script.chunks(), file=self.file)
        if self._split is None:
            self._split = tuple(split(self._script, file=self.file))
        return self._split

    def _hashed(self, script: Script) -> Iterator[str]:
        """Yield the chunks of a large script; when all are read, the checksum is known."""
        digest, before = sha256(), ""
        for chunk in script.chunks():
            digest.update(chunk.encode())
            lower = before + chunk.lower()
            self.names_history = self.names_history or MIGRATIONS_TABLE in lower
            before = lower[-len(MIGRATIONS_TABLE) :]
            yield chunk
        self._checksum = "b1:" + digest.hexdigest()


class _Scan(NamedTuple):
    """What one reading of a script tells.

    `offsets` has start and end of every statement's SQL, in characters; `too_long` is the first statement
    that is (line, bytes).
    """

    statements: int
    too_long: tuple[int, int] | None
    rollback: Rollback | None
    offsets: array[int]


def _scan(cuts: Cuts, file: str) -> _Scan:
    offsets, too_long, rollback = array("Q"), None, None
    note, limit = offsets.append, WORKERD.sql_length
    for position, body, stop, end in cuts:
        if body - position > _SHORTEST:
            at_line_start = cuts.start + position == 0
            lead = cuts.buffer[position:body]
            rollback = _find_rollback(lead, cuts.line_at(position), file, rollback, whole=at_line_start)
        if stop > body:
            note(cuts.start + body)
            note(cuts.start + stop)
            # A character has four bytes at most: short ones need no counting.
            if (stop - body) * 4 > limit and too_long is None:
                size = len(cuts.buffer[body:stop].encode())
                too_long = (cuts.line_at(body), size) if size > limit else None
        if end - stop > _SHORTEST:  # comments behind the last statement, where no `;` ends it
            tail = cuts.buffer[stop:end]
            rollback = _find_rollback(tail, cuts.line_at(stop), file, rollback, whole=False)
    return _Scan(len(offsets) // 2, too_long, rollback, offsets)


def _slices(chunks: Iterator[str], offsets: array[int]) -> Iterator[str]:
    """Yield the parts of a text between pairs of offsets that ascend, holding little of it."""
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
    for _ in chunks:  # to its end, where a file tells whether it is still the same
        pass


def _too_long(file: str, line: int, actual: int) -> LimitExceeded:
    return LimitExceeded(
        f"{file}:{line}: the statement has {actual} bytes, D1 takes {WORKERD.sql_length}",
        limit=WORKERD.sql_length,
        actual=actual,
        hint="split it: several INSERTs of fewer rows, or a long value appended in parts by UPDATE",
    )


def _digest_of_meaning(pieces: Iterable[Statement]) -> str:
    meanings = []
    for piece in pieces:
        sql = piece.sql
        if sql and not (MIGRATIONS_TABLE in sql.lower() and recorded_table(sql) == MIGRATIONS_TABLE):
            words = SIGNIFICANT.findall(sql)
            # Only ASCII: the upper case of some letters beyond it is an ASCII word, another name to SQLite.
            meant = [up if word.isascii() and (up := word.upper()) in KEYWORDS else word for word in words]
            meanings.append(" ".join(meant))
    return sha256(";\n".join(meanings).encode()).hexdigest()


_SHORTEST = len("--rollback:")


def _find_rollback(
    lead: str, first_line: int, file: str, found: Rollback | None, *, whole: bool
) -> Rollback | None:
    """Look for the block in the comments before a statement; inside one it would be part of the SQL.

    `whole` says that the comments begin a line; else what comes first stands behind a `;`.
    """
    blocks = [match.span() for match in _COMMENT.finditer(lead) if match[0].startswith("/*")]
    for match in _ROLLBACK.finditer(lead):
        inside = any(start < match.start() < end for start, end in blocks)
        if inside or (match.start() == 0 and not whole):
            continue
        line = first_line + lead.count("\n", 0, match.start())
        if match[2]:
            raise SourceError(
                f"{file}:{line}: what stands below `-- {match[2]}` would run as part of the way forward",
                hint="write it as a `-- Rollback:` block, with `--` before every line",
            )
        if found is not None:
            raise SourceError(
                f"{file}:{line}: a second rollback block; the first is on line {found.first_line}",
                hint="write all of the way back in one block",
            )
        found = _read_block(match[1], lead[match.end() + 1 :], file, line)
    return found


def _read_block(first: str, rest: str, file: str, line: int) -> Rollback | None:
    if none := _NONE.match(first):
        return Rollback("", file, line, reason=none[1].strip() or "no reason given")
    lines = []
    for text in rest.split("\n"):
        stripped = text.strip()
        if stripped.startswith("--"):
            lines.append(stripped[2:].rstrip())
        elif stripped:
            break
        else:
            lines.append("")
    indent = min((len(text) - len(text.lstrip()) for text in lines if text), default=0)
    sql = "\n".join([first.strip(), *(text[indent:] for text in lines)]).rstrip()
    return None if _NO_SQL.fullmatch(sql) else Rollback(sql, file, line)
