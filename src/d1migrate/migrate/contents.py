"""The SQL of a migration file: its statements, its rollback, its meaning.

`Migration` imports this module when one of them is first needed: an unchanged file is known by its digest,
and its SQL is not read.
"""

from __future__ import annotations

from array import array

from d1migrate.errors import ParseError, SourceError
from d1migrate.migrate.history_guard import check_history_use, is_record
from d1migrate.migrate.meaning import digest_of_meaning
from d1migrate.migrate.rollback import Rollback, too_long
from d1migrate.migrate.rollback_block import SHORTEST, BlockFinder, Marker
from d1migrate.migrate.table import LOG_TABLE, USUAL_NAMES, MigrationsTable
from d1migrate.named_tuple import NamedTuple
from d1migrate.sql.batch import Query
from d1migrate.sql.d1 import SHORT_SQL, WORKERD
from d1migrate.sql.names import fold
from d1migrate.sql.split import Series, Splitter, Statement, split, split_series
from d1migrate.sql.statement import effects

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from typing import Protocol

    from d1migrate.migrate.jobs.directive import JobDirective
    from d1migrate.migrate.rollback_file import RollbackFile

    class SourceFile(Protocol):
        """What `Contents` needs of a migration file."""

        version: int | None
        name: str
        file: str
        rollback_file: RollbackFile | None

        @property
        def is_large(self) -> bool:
            """Whether it is streamed."""

        @property
        def text(self) -> str:
            """The whole text."""

        @property
        def is_down_file(self) -> bool:
            """Whether it is named as other tools name a rollback."""

        @property
        def not_utf8(self) -> SourceError | None:
            """The error for what is not UTF-8 in it, once it was read to the end."""

        def chunks(self) -> Iterator[str]:
            """Yield its text in parts."""

        def mentions(self, text: str) -> bool:
            """Whether it may contain a text, in any case."""


class Contents:
    """The SQL of a file; `Migration` documents what each member returns.

    Args:
        source: the file.
    """

    __slots__ = ("_scanned", "_source", "_split")

    def __init__(self, source: SourceFile) -> None:
        self._source = source
        self._split: tuple[Statement, ...] | None = None
        self._scanned: Scan | None = None

    @property
    def digest_of_meaning(self) -> str | None:
        """The sha256 of its meaning; None if it cannot be parsed."""
        try:
            return digest_of_meaning(self.pieces())
        except ParseError:
            return None

    def pieces(self) -> Iterable[Statement]:
        """Return statements, and the text around them."""
        if self._source.is_large:
            return split(self._source.chunks(), file=self._source.file)
        if self._split is None:
            self._split = tuple(split(self._source.text, file=self._source.file))
        return self._split

    def sections(self) -> Iterable[Statement | Series]:
        """Return pieces, and series of them."""
        if self._source.is_large:
            return split_series(self._source.chunks(), file=self._source.file)
        return self.pieces()

    def statements(self) -> Iterator[Statement]:
        """Yield the statements to run."""
        return (piece for piece in self.pieces() if piece.sql)

    def texts(self) -> Iterator[str]:
        """Yield the SQL of the statements to run."""
        if not self._source.is_large:
            return (statement.sql for statement in self.statements())
        return (one.sql for query in self.queries() for one in query.apart())

    def queries(self) -> Iterator[Query]:
        """Yield the statements to run as queries, the series of a large file that was checked as one each."""
        found = self._scanned if self._source.is_large else None
        if found is None or found.error:
            for statement in self.statements():
                yield Query(statement.sql, (), True)
        else:
            for number, sql in enumerate(_slices(self._source.chunks(), found.offsets)):
                yield Query(sql, (), True, found.series.get(number, 1))

    def touches(self, table: MigrationsTable) -> bool:
        """Whether it could change rows of the migrations table, other than by inserting some."""
        name = fold(table.name)
        if not self._source.mentions(name):
            return False
        return any(
            name in sql and ("update" in sql or not is_record(sql, name))
            for sql in (piece.sql.lower() for piece in self.pieces())
        )

    def creates(self, table: str) -> bool:
        """Whether it creates a table of that name."""
        name = fold(table)
        if not self._source.mentions(name):
            return False
        found = (effect for sql in self.texts() if name in fold(sql) for effect in effects(sql))
        return any(effect.kind == "create" and effect.table == name for effect in found)

    def check(self, table: MigrationsTable) -> int:
        """Refuse what may not run, and return the number of statements."""
        source, found = self._source, self.scan
        if error := source.not_utf8 or found.error:
            raise error
        if source.is_down_file:
            raise down_file(source.file)
        if found.runs_forward:
            raise _runs_forward(source.file, found.runs_forward)
        if found.too_long:
            raise too_long(source.file, *found.too_long)
        if source.mentions(fold(table.name)) or source.mentions(LOG_TABLE):
            check_history_use(self.statements(), source.file, table, source)
        if found.rollback:
            check_history_use(found.rollback.statements(), found.rollback.file, table)
        return found.statements

    @property
    def job(self) -> JobDirective | None:
        """What the file declares about a job."""
        from d1migrate.migrate.directives import job_texts
        from d1migrate.migrate.jobs.directive import read_directive, twice

        found: JobDirective | None = None
        lines = self._source.text.split("\n")
        for piece in self.pieces():
            for text, line in job_texts(piece):
                source = lines[line - 1]
                one = read_directive(text, file=self._source.file, line=line, source=source)
                if found:
                    raise twice(found, one, self._source.file, source)
                found = one
        return found

    @property
    def rollback(self) -> Rollback | None:
        """The rollback block or file, or the empty one of a file without a statement."""
        found = self.scan
        empty = Rollback("", self._source.file)
        return found.rollback or (None if found.statements or found.error else empty)

    @property
    def scan(self) -> Scan:
        """What has to be known before it runs; it is read once."""
        if self._scanned is None:
            source = self._source
            try:
                if source.is_large:
                    splitter = Splitter(source.chunks(), file=source.file, series=True)
                    self._scanned = _scan(splitter, source.file, tables=USUAL_NAMES)
                else:
                    found = _KnownPieces(source.text, self.pieces(), file=source.file)
                    self._scanned = _scan(found, source.file, tables=())
                if source.rollback_file:
                    rollback = self._rollback_in(source.rollback_file, self._scanned.rollback)
                    self._scanned = self._scanned._replace(rollback=rollback)
            except SourceError as error:
                self._scanned = Scan(0, None, None, None, None, array("Q"), {}, None, error)
        return self._scanned

    def _rollback_in(self, file: RollbackFile, own: Rollback | None) -> Rollback:
        """Return the rollback of the rollback file.

        Raises:
            SourceError: it cannot be used, or there is a rollback block, too.
        """
        if own:
            raise SourceError(
                f"{self._source.file}:{own.first_line}: it has a rollback block, and there is {file.path}",
                hint="keep one of them",
            )
        block = file.block()
        return Rollback(block.sql, file.path, block.line, block.reason)


class _KnownPieces(Splitter):
    """A Splitter of a text whose pieces are known: splitting it again would take twice as long.

    Args:
        script: SQL text.
        pieces: its pieces.
        file: the name for errors.
    """

    def __init__(self, script: str, pieces: Iterable[Statement], *, file: str) -> None:
        super().__init__((), file=file)
        self.buffer, self._pieces = script, pieces

    def __iter__(self) -> Iterator[tuple[int, int, int, int, int]]:
        for text, start, _, body, sql in self._pieces:
            first = start + body
            yield start, first, first + len(sql), start + len(text), 1


class Scan(NamedTuple):
    """What one reading of a script finds.

    `offsets` has start and end of the SQL of every statement or series, in characters; `series` is {number of
    such a pair: how many statements it is}; `too_long` is (line, bytes) of the first statement that is too
    long; `runs_forward` and `almost` are those of BlockFinder; `mentioned` are those of USUAL_NAMES that were
    found in a large file, None if it was not read to its end; `error` is what ended the reading too early.
    """

    statements: int
    too_long: tuple[int, int] | None
    rollback: Rollback | None
    runs_forward: Marker | None
    almost: Marker | None
    offsets: array[int]
    series: dict[int, int]
    mentioned: set[str] | None
    error: SourceError | None = None


def _scan(cuts: Splitter, file: str, *, tables: Sequence[str]) -> Scan:
    offsets, series, mentioned = array("Q"), dict[int, int](), set[str]()
    too_long, finder, count = None, BlockFinder(file), 0
    note = offsets.append
    for position, body, stop, end, several in cuts:
        if body - position >= SHORTEST:
            lead, line_start = cuts.buffer[position:body], cuts.start + position == 0
            finder.comments(lead, cuts.line_at(position), line_start=line_start, first=not offsets)
        if stop > body:
            if several > 1:
                series[len(offsets) // 2] = several
            count += several
            note(cuts.start + body)
            note(cuts.start + stop)
            if stop - body > SHORT_SQL and too_long is None:
                size = len(cuts.buffer[body:stop].encode())
                too_long = (cuts.line_at(body), size) if size > WORKERD.sql_length else None
            if finder.is_open or cuts.buffer[body] == "#":
                for query in Query(cuts.buffer[body:stop], (), True, several).apart():
                    finder.statement(query.sql, cuts.line_at(body))
        if end - stop >= SHORTEST:  # comments after the last statement, if no `;` ends it
            finder.comments(cuts.buffer[stop:end], cuts.line_at(stop), line_start=False, first=False)
        # A series names no table that the statements before it do not. To find one character is fast.
        if tables and several == 1 and "_" in (text := cuts.buffer[position:end]):
            lower = text.lower()
            mentioned.update(name for name in tables if name in lower)
    found = finder.block and Rollback(finder.block.sql, file, finder.block.line, finder.block.reason)
    return Scan(count, too_long, found, finder.runs_forward, finder.almost, offsets, series, mentioned)


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
