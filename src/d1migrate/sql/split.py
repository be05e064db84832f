"""Cut a script into its statements, exactly where SQLite would.

A statement ends at a `;` outside quotes and comments; CREATE TRIGGER ends at `; END ;` only. That is the
rule of SQLite's own `sqlite3_complete` (src/complete.c), and a law in the tests holds the two together.

One compiled pattern jumps from one `;` to the next in a single match, so dumps are cut at the speed of the
regular-expression engine; only what begins with CREATE or EXPLAIN is looked at more closely.
"""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

from d1migrate.errors import ParseError
from d1migrate.sql.tokens import COMMENT, TRIVIA, WORD_CHAR, significant

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

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
_WINDOW = 120  # characters of a long source line that an error shows


@cache
def _trigger() -> re.Pattern[str]:
    """Return the pattern of what CREATE TRIGGER begins with; compiled when the first one comes."""
    keyword = _word("create", "explain", "temp", "temporary", "trigger", "end")
    return re.compile(
        # EXPLAIN may stand before CREATE with any words between that mean nothing to complete.c.
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
        sql: what is sent to a database: from the first token to the last; empty where there is none. D1
            refuses `stmt; -- note` ("SQL code did not contain a statement."), so neither the `;` nor a
            comment on either side is part of it. What is between is byte for byte.
    """

    text: str
    start: int
    line: int
    body: int
    sql: str


def split(script: str | Iterable[str], *, file: str = "<sql>") -> Iterator[Statement]:
    """Cut a script into statements.

    Args:
        script: SQL text, or the chunks of it: what is held is one chunk, or the longest statement.
        file: the name errors carry.

    Yields:
        Statements in order. An empty one (`;;`, or the comments after the last `;`) has an empty `.sql`;
        text after the last `;` is a statement like any other.

    Raises:
        ParseError: a string, name or comment is not closed, or there is a NUL character, at which SQLite
            would stop reading without a word. Statements before it may have been yielded already.
    """
    cuts = Splitter(script, file=file)
    for position, body, stop, end in cuts:
        buffer = cuts.buffer
        yield Statement(
            buffer[position:end],
            cuts.start + position,
            cuts.line_at(body),
            body - position,
            buffer[body:stop],
        )


class Splitter:
    """Where the pieces of a script begin and end: what `split` knows before it makes Statements of it.

    Iterating gives (position, body, stop, end) of each piece in `buffer`: where it starts, where its first
    token starts, where its last token ends, and where the next piece starts.

    Attributes:
        buffer: the part of the script that is held; it changes while iterating.
        start: where the buffer starts in the script, in characters.
    """

    def __init__(self, script: str | Iterable[str], *, file: str) -> None:
        self.buffer, self.start = "", 0
        self._chunks = iter((script,) if isinstance(script, str) else script)
        self._file = file
        self._line, self._counted = 1, 0  # the line at a place of the buffer up to which lines are counted
        self._before = LinePrefix()

    def __iter__(self) -> Iterator[tuple[int, int, int, int]]:
        match_plain, final = _PLAIN.match, False
        while not final:
            final = self._refill()
            buffer, position = self.buffer, 0
            while match := match_plain(buffer, position) or _COMMENTED.match(buffer, position):
                body, end = match.end(1), match.end()
                plain = match.re is _PLAIN and buffer[end - 2 : end - 1] not in _SPACES
                if match.lastindex != 1:  # it begins with CREATE or EXPLAIN
                    end, plain = _end(buffer, body, end, final=final), False
                    if end == 0:
                        break
                yield position, body, end - 1 if plain else _trimmed(buffer, body, end - 1), end
                position = end
            self._drop(position)
        if self.buffer:
            stuck = _stuck(self.buffer)
            if stuck < len(self.buffer):
                error = self._error(_UNCLOSED[self.buffer[stuck]], stuck)
                error.rule = "P105"
                raise error
            body = _matched(_LEAD, self.buffer, 0)
            yield 0, body, _trimmed(self.buffer, body, len(self.buffer)), len(self.buffer)

    def line_at(self, place: int) -> int:
        """Return the line, from 1, of a place in the buffer; places are asked for in ascending order."""
        self._line += self.buffer.count("\n", self._counted, place)
        self._counted = place
        return self._line

    def _refill(self) -> bool:
        """Double the buffer, so that a long statement costs linear time; whether that was all there is."""
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
        """Forget the buffer up to a position."""
        self.line_at(position)
        self._counted = 0
        self._before = self._before.moved(self.buffer[:position])
        self.buffer = self.buffer[position:]
        self.start += position

    def _error(self, message: str, at: int) -> ParseError:
        return self._before.error(message, self.buffer, at, self.line_at(at), self._file)


_SPACES = frozenset((" ", "\t", "\r", "\n", "\f", "\ufeff"))


def _trimmed(buffer: str, body: int, stop: int) -> int:
    """Return where SQL from `body` to `stop` ends without the white space and comments at its end."""
    sql = buffer[body:stop].rstrip(" \t\r\n\f\ufeff")
    if sql.endswith("*/") or "--" in sql[sql.rfind("\n") + 1 :]:
        tokens = significant(sql)
        return body + (tokens[-1].start + len(tokens[-1].text) if tokens else 0)
    return body + len(sql)


def _end(buffer: str, body: int, end: int, *, final: bool) -> int:
    """Return where a statement that begins with CREATE or EXPLAIN ends; 0 if the buffer does not tell yet.

    `body` is where it starts, `end` is behind its first `;`, where it ends unless it creates a trigger.
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
    """Return where a quote or comment starts that is never closed, or the buffer's length."""
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
    """What stands on a line before the buffer begins: how many characters, and the last of them."""

    length: int = 0
    tail: str = ""

    def moved(self, text: str) -> LinePrefix:
        """Return what stands before the buffer once `text` is cut from its start."""
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
        )
