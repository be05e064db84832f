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
from d1migrate.sql.tokens import TRIVIA, WORD_CHAR, significant

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_QUOTED = r"'[^']*+'|\"[^\"]*+\"|`[^`]*+`|\[[^\]]*+\]"
_BODY = rf"(?:[^;'\"`\[/-]++|{_QUOTED}|--[^\n]*+|/\*(?:[^*]++|\*(?!/))*+\*/|-(?!-)|/(?!\*))*+"


def _word(*words: str) -> str:
    """Return a pattern for whole words in any letter case; the IGNORECASE flag is slow to compile."""
    letters = ("".join(f"[{c}{c.upper()}]" for c in word) for word in words)
    return f"(?:{'|'.join(letters)})(?!{WORD_CHAR})"


_LEAD = re.compile(rf"{TRIVIA}*+")
_REST = re.compile(_BODY)
_STATEMENT = re.compile(rf"({TRIVIA}*+)({_word('create', 'explain')})?{_BODY};")
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

    @property
    def lead(self) -> str:
        """The white space and comments before the first token."""
        return self.text[: self.body]


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
    chunks = iter((script,) if isinstance(script, str) else script)
    buffer, final, start, line, before = "", False, 0, 1, _Before()
    match_statement = _STATEMENT.match
    while not final:
        buffer, final = _refill(buffer, chunks)
        if "\0" in buffer:
            raise before.error("there is a NUL character here", buffer, buffer.index("\0"), line, file)
        position = 0
        while match := match_statement(buffer, position):
            body, end = match.end(1), match.end()
            if match[2]:  # it begins with CREATE or EXPLAIN
                end = _end(buffer, body, end, final=final)
                if end == 0:
                    break
            line += buffer.count("\n", position, body)
            sql = buffer[body : end - 1]
            if "--" in sql or sql[-1:] in _MAY_TRAIL:
                sql = _trimmed(sql)
            yield Statement(buffer[position:end], start, line, body - position, sql)
            line += buffer.count("\n", body, end)
            start += end - position
            position = end
        before = before.moved(buffer[:position])
        buffer = buffer[position:]
    if buffer:
        stuck = _stuck(buffer)
        if stuck < len(buffer):
            raise before.error(_UNCLOSED[buffer[stuck]], buffer, stuck, line, file)
        body = _matched(_LEAD, buffer, 0)
        yield Statement(buffer, start, line + buffer.count("\n", 0, body), body, _trimmed(buffer[body:]))


_MAY_TRAIL = frozenset((" ", "\t", "\r", "\n", "\f", "/"))


def _trimmed(sql: str) -> str:
    """Return SQL without the white space and comments at its end."""
    sql = sql.rstrip(" \t\r\n\f")
    if sql.endswith("*/") or "--" in sql[sql.rfind("\n") + 1 :]:
        tokens = significant(sql)
        return sql[: tokens[-1].start + len(tokens[-1].text)] if tokens else ""
    return sql


def _refill(buffer: str, chunks: Iterator[str]) -> tuple[str, bool]:
    """Return the buffer with at least as much again, so that a long statement costs linear time."""
    parts, wanted = [buffer], len(buffer)
    for chunk in chunks:
        parts.append(chunk)
        wanted -= len(chunk)
        if wanted < 0:
            return "".join(parts), False
    return "".join(parts), True


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


class _Before(NamedTuple):
    """What stands on a line before the buffer begins: how many characters, and the last of them."""

    length: int = 0
    tail: str = ""

    def moved(self, text: str) -> _Before:
        """Return what stands before the buffer once `text` is cut from its start."""
        newline = text.rfind("\n")
        if newline >= 0:
            return _Before(len(text) - newline - 1, text[newline + 1 :][-_WINDOW:])
        return _Before(self.length + len(text), (self.tail + text)[-_WINDOW:])

    def error(self, message: str, buffer: str, at: int, first_line: int, file: str) -> ParseError:
        """Return the error at a position of the buffer, whose first line is `first_line`."""
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
            line=first_line + buffer.count("\n", 0, at),
            column=column + 1,
            source=source[window : window + _WINDOW].rstrip("\r").replace("\0", "\N{SYMBOL FOR NULL}"),
            shown_from=skipped + window,
        )
