"""Splits a script into its statements, exactly where SQLite would.

A statement ends at a `;` outside quotes and comments; CREATE TRIGGER ends only at `; END ;`. That is the
rule of SQLite's own `sqlite3_complete` (src/complete.c); a law in the tests compares the two.

One compiled pattern jumps from one `;` to the next in a single match, so dumps are split at the speed of the
regular-expression engine. Only statements that begin with CREATE or EXPLAIN need a closer look. A series of
INSERTs of one form can be passed over as a whole.
"""

from __future__ import annotations

import re
from functools import cache

from d1migrate.errors import ParseError
from d1migrate.named_tuple import NamedTuple
from d1migrate.sql.tokens import COMMENT, TRIVIA, WORD_CHAR, significant

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from d1migrate.sql.insert_form import SeriesFinder

_QUOTED = r"'[^']*+'|\"[^\"]*+\"|`[^`]*+`|\[[^\]]*+\]"
_PART = rf"[^;'\"`\[/-]++|{_QUOTED}|-(?!-)|/(?!\*)"
_BODY = rf"(?:{_PART}|{COMMENT})*+"


def _word(*words: str) -> str:
    """Return a pattern for whole words in any letter case; the IGNORECASE flag is slow to compile."""
    letters = ("".join(f"[{c}{c.upper()}]" for c in word) for word in words)
    return f"(?:{'|'.join(letters)})(?!{WORD_CHAR})"


_LEAD = re.compile(rf"{TRIVIA}*+")
_REST = re.compile(_BODY)
_START = rf"({TRIVIA}*+)({_word('create', 'explain')})?"
_PLAIN = re.compile(rf"{_START}(?:{_PART})*+;")  # without a comment inside
_COMMENTED = re.compile(rf"{_START}{_BODY};")
_SEMICOLONS = re.compile(rf"(?:{TRIVIA}|;)*+")
_END = re.compile(rf"{_word('end')}{TRIVIA}*+")

_UNCLOSED = {
    "'": "this string is not closed",
    '"': "this name is not closed",
    "`": "this name is not closed",
    "[": "this name is not closed",
    "/": "this comment is not closed",
}
_CLOSE = {
    _UNCLOSED["'"]: "close it with `'`; a quote inside a string is written twice: 'it''s'",
    _UNCLOSED["/"]: "close it with `*/`",
}
_WINDOW = 120  # how many characters of a long source line an error shows


@cache
def _trigger() -> re.Pattern[str]:
    """Return the pattern of the beginning of CREATE TRIGGER; compiled when first needed."""
    keyword = _word("create", "explain", "temp", "temporary", "trigger", "end")
    return re.compile(
        # EXPLAIN may precede CREATE, with any words in between that complete.c ignores.
        rf"(?:{_word('explain')}(?:{TRIVIA}|{_QUOTED}|(?!{keyword}){WORD_CHAR}++"
        rf"|(?!--|/\*|{WORD_CHAR})[^;'\"`\[])*+)?"
        rf"{_word('create')}(?:{TRIVIA}|{_word('temp', 'temporary')})*+{_word('trigger')}"
    )


class Statement(NamedTuple):
    """One piece of a script, up to and including its `;`; the pieces joined are the script.

    Attributes:
        text: the piece as written, with the white space and comments before its first token.
        start: where the piece starts in the script, in characters.
        line: the line, from 1, of its first token.
        body: where its first token starts, in `text`.
        sql: what is sent to a database: from the first token to the last, byte for byte; empty if there is
            none. D1 refuses `stmt; -- note` ("SQL code did not contain a statement."), so neither the `;` nor
            a comment before or after the statement is part of it.
    """

    text: str
    start: int
    line: int
    body: int
    sql: str

    @property
    def is_terminated(self) -> bool:
        """Whether a `;` ends it; only the last piece of a script may have none."""
        rest = self.text[self.body + len(self.sql) :]
        return rest.startswith(";") or bool(significant(rest))  # a comment may precede the `;`


def split(script: str | Iterable[str], *, file: str = "<sql>") -> Iterator[Statement]:
    """Split a script into statements.

    Args:
        script: SQL text, or its chunks: no more than one chunk or the longest statement is kept in memory.
        file: the name for errors.

    Yields:
        Statements in order. An empty one (`;;`, or the comments after the last `;`) has an empty `.sql`;
        text after the last `;` is a statement like any other.

    Raises:
        ParseError: a string, name or comment is not closed, or there is a NUL character, where SQLite would
            silently stop reading. Statements before it may have been yielded already.
    """
    splitter = Splitter(script, file=file)
    for position, body, stop, end, _ in splitter:
        yield splitter.statement(position, body, stop, end)


class Series(NamedTuple):
    """Several pieces of a script: INSERTs that differ from each other only in their literals.

    Attributes:
        text: the pieces as written, joined.
        start: where they start in the script, in characters.
        line: the line, from 1, on which they start.
        length: how many they are.
    """

    text: str
    start: int
    line: int
    length: int

    def statements(self) -> Iterator[Statement]:
        """Yield the pieces one by one."""
        for one in split(self.text):
            yield one._replace(start=self.start + one.start, line=self.line - 1 + one.line)


def split_series(script: Iterable[str], *, file: str) -> Iterator[Statement | Series]:
    """Split a script into statements and series of them; arguments and errors as `split`."""
    splitter = Splitter(script, file=file, series=True)
    for position, body, stop, end, count in splitter:
        if count == 1:
            yield splitter.statement(position, body, stop, end)
        else:
            line = splitter.line_at(position)
            yield Series(splitter.buffer[position:end], splitter.start + position, line, count)


class Splitter:
    """Finds where the pieces of a script begin and end, for `split`.

    Iterating yields (position, body, stop, end, count) of each piece in `buffer`: where it starts, where its
    first token starts, where its last token ends, where the next piece starts; and how many statements it is,
    which is 1 unless series were asked for.

    Args:
        script: SQL text, or its chunks.
        file: the name for errors.
        series: whether INSERTs that differ only in their literals may be one piece.

    Attributes:
        buffer: the part of the script in memory; it changes while iterating.
        start: where the buffer starts in the script, in characters.
    """

    def __init__(self, script: str | Iterable[str], *, file: str, series: bool = False) -> None:
        self.buffer, self.start = "", 0
        self._chunks = iter((script,) if isinstance(script, str) else script)
        self._file = file
        self._finder: SeriesFinder | None = None
        if series:
            from d1migrate.sql.insert_form import SeriesFinder

            self._finder = SeriesFinder()
        self._line, self._counted = 1, 0  # the line at the position up to which lines are counted
        self._before = LinePrefix()

    def __iter__(self) -> Iterator[tuple[int, int, int, int, int]]:
        match_plain, finder, final = _PLAIN.match, self._finder, False
        wait = finder.wait if finder else 0  # statements until a series is looked for
        while not final:
            final = self._refill()
            buffer, position = self.buffer, 0
            while True:
                if finder and not wait:
                    end, count = finder.series(buffer, position)
                    if count:
                        yield position, _matched(_LEAD, buffer, position), end - 1, end, count
                        position = end
                        continue
                    wait = finder.wait
                match = match_plain(buffer, position) or _COMMENTED.match(buffer, position)
                if match is None:
                    break
                body, end = match.end(1), match.end()
                plain = match.re is _PLAIN and buffer[end - 2 : end - 1] not in _SPACES
                if match.lastindex != 1:  # begins with CREATE or EXPLAIN
                    end, plain = _end(buffer, body, end, final=final), False
                    if end == 0:
                        break
                stop = end - 1 if plain else _trimmed(buffer, body, end - 1)
                yield position, body, stop, end, 1
                position = end
                if finder:
                    wait -= 1
                    if not wait:
                        finder.learn(buffer[body:stop])
            self._drop(position)
        if self.buffer:
            stuck = _stuck(self.buffer)
            if stuck < len(self.buffer):
                error = self._error(_UNCLOSED[self.buffer[stuck]], stuck)
                error.rule = "P105"
                raise error
            body = _matched(_LEAD, self.buffer, 0)
            yield 0, body, _trimmed(self.buffer, body, len(self.buffer)), len(self.buffer), 1

    def statement(self, position: int, body: int, stop: int, end: int) -> Statement:
        """Return the piece that was found last as a Statement."""
        buffer, line = self.buffer, self.line_at(body)
        return Statement(
            buffer[position:end], self.start + position, line, body - position, buffer[body:stop]
        )

    def line_at(self, position: int) -> int:
        """Return the line, from 1, of a position in the buffer; positions must not descend."""
        self._line += self.buffer.count("\n", self._counted, position)
        self._counted = position
        return self._line

    def _refill(self) -> bool:
        """Double the buffer, so that a long statement takes linear time; return whether the script ended."""
        parts, wanted, final = [self.buffer], len(self.buffer), True
        for chunk in self._chunks:
            parts.append(chunk)
            wanted -= len(chunk)
            if wanted < 0:
                final = False
                break
        self.buffer = "".join(parts)
        if "\0" in self.buffer:
            raise self._error("there is a NUL character here", self.buffer.index("\0"))
        return final

    def _drop(self, position: int) -> None:
        """Drop the buffer up to a position."""
        self.line_at(position)
        self._counted = 0
        self._before = self._before.moved(self.buffer[:position])
        self.buffer = self.buffer[position:]
        self.start += position

    def _error(self, message: str, at: int) -> ParseError:
        return self._before.error(message, self.buffer, at, self.line_at(at), self._file)


_SPACES = frozenset((" ", "\t", "\r", "\n", "\f", "\ufeff"))


def _trimmed(buffer: str, body: int, stop: int) -> int:
    """Return where SQL from `body` to `stop` ends without trailing white space and comments."""
    sql = buffer[body:stop].rstrip(" \t\r\n\f\ufeff")
    if sql.endswith("*/") or "--" in sql[sql.rfind("\n") + 1 :]:
        tokens = significant(sql)
        return body + (tokens[-1].start + len(tokens[-1].text) if tokens else 0)
    return body + len(sql)


def _end(buffer: str, body: int, end: int, *, final: bool) -> int:
    """Return where a statement that begins with CREATE or EXPLAIN ends; 0 if the buffer is too short.

    `body` is where it starts; `end` is after its first `;`, where it ends unless it creates a trigger.
    """
    if "trigger" not in buffer[body:end].lower() or not _trigger().match(buffer, body):
        return end
    while True:
        word = _matched(_SEMICOLONS, buffer, end)
        stop = _matched(_END, buffer, word)
        if not final and stop + len("end;") > len(buffer):
            return 0
        if stop > word and buffer[stop : stop + 1] == ";":
            return stop + 1
        inner = _matched(_REST, buffer, word)
        if buffer[inner : inner + 1] != ";":
            return 0
        end = inner + 1


def _stuck(buffer: str) -> int:
    """Return where a quote or comment starts that is never closed; the buffer's length if none does."""
    position = 0
    while True:
        position = _matched(_REST, buffer, position)
        if buffer[position : position + 1] != ";":
            return position
        position += 1


def _matched(pattern: re.Pattern[str], text: str, position: int) -> int:
    match = pattern.match(text, position)
    return match.end() if match else position


class LinePrefix(NamedTuple):
    """The part of a line before the buffer: how many characters, and the last of them."""

    length: int = 0
    tail: str = ""

    def moved(self, text: str) -> LinePrefix:
        """Return the prefix after `text` was dropped from the start of the buffer."""
        newline = text.rfind("\n")
        if newline >= 0:
            return LinePrefix(len(text) - newline - 1, text[newline + 1 :][-_WINDOW:])
        return LinePrefix(self.length + len(text), (self.tail + text)[-_WINDOW:])

    def error(self, message: str, buffer: str, at: int, line: int, file: str) -> ParseError:
        """Return the error at a position of the buffer."""
        begin = buffer.rfind("\n", 0, at) + 1
        end = buffer.find("\n", at)
        source = buffer[begin : end if end >= 0 else len(buffer)]
        skipped = 0
        if begin == 0:
            source, skipped = self.tail + source, self.length - len(self.tail)
        column = at - begin + (self.length if begin == 0 else 0)
        window = max(0, column - skipped - _WINDOW // 2)
        return ParseError(
            message,
            file=file,
            line=line,
            column=column + 1,
            source=source[window : window + _WINDOW].rstrip("\r").replace("\0", "\N{SYMBOL FOR NULL}"),
            shown_from=skipped + window,
            hint=_CLOSE.get(message),
        )
