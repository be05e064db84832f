"""Find the rollback block of a file, and SQL of a rollback that is not commented out and would run forward.

Only comments are read here; what the SQL of a block may do is checked by `rollback.Rollback`.
"""

from __future__ import annotations

import re

from d1migrate.errors import SourceError
from d1migrate.migrate.history_guard import is_record
from d1migrate.named_tuple import NamedTuple
from d1migrate.sql.tokens import COMMENT, TRIVIA

SHORTEST = len("--down")
"""Shorter text has no marker in it."""

_COMMENT = re.compile(COMMENT)
_BEGINS = re.compile(r"--[ \t]*rollback:[ \t]*(.*)", re.IGNORECASE)
_NO_SQL = re.compile(rf"(?:{TRIVIA}|;)*+")
_NONE = re.compile(r"none\b[\s,:;.-]*(.*)", re.IGNORECASE)

_BACK = r"rol+[ \t_-]?ba(?:c?k|kc)"  # also as it is misspelled
_QUICK = re.compile(rf"down|undo|revert|{_BACK}|drop below", re.IGNORECASE)
_OF_TOOLS = re.compile(
    r"--[ \t]*(?:migrate:[ \t]*down\b.*"  # dbmate
    r"|\+[ \t]*\w+[ \t]+down\b.*"  # goose, sql-migrate, micrate
    r"|rambler[ \t]+down\b.*"
    r"|//[ \t]*@undo\b.*"  # MyBatis, dbdeploy
    r"|(?:-+[ \t]*)?!downs\b.*"  # Play
    r"|--[ \t]*create above / drop below.*"  # tern
    r"|down\.sql[ \t]+--)",  # Atlas
    re.IGNORECASE,
)
_PLAY = re.compile(r"#[ \t]*(?:-+[ \t]*)?!downs\b[^\n]*", re.IGNORECASE)
_WORD = rf"(?:downs?|undo|revert|{_BACK})"
_NOUN = r"(?:migrations?|sql|scripts?|section|steps?|statements?)"
_HEADING = re.compile(
    rf"[\W_]*(?:(?:how[\W_]+)?to[\W_]+|{_NOUN}[\W_]+)?{_WORD}"
    rf"(?:[\W_]+(?:(?:the|this)[\W_]+)?(?:{_NOUN}|{_WORD}))?[\W_]*",
    re.IGNORECASE,
)
_VERB = r"(?:ALTER|CREATE|DELETE|DROP|INSERT|PRAGMA|REPLACE|UPDATE)"
_SQL = re.compile(rf"(?m)^[ \t*/-]*(?:[0-9]+[.)][ \t]*)?(?:{_VERB}\b.*|.*;[ \t]*)$")
_BLANK_LINE = re.compile(r"\n[ \t\r]*\n")
_NAMED = re.compile(r"create\s[^(]*?\b(undo|revert|roll_?back)", re.IGNORECASE)
_COMMENTED = re.compile(r"(?m)^\s*--")
_ALMOST = re.compile(
    rf"(?:--|/\*)[\s*=-]*{_BACK}(?:[ \t]*:|[ \t]+(?:alter|create|delete|drop|insert|update)\b)"
    rf"|/\*[\s*=-]*{_WORD}[ \t]*:?[ \t]*\n(?=(?s:.*);)",
    re.IGNORECASE,
)
_SHOWN = 40  # characters of a comment in a message


class Block(NamedTuple):
    """A rollback block as written.

    Attributes:
        sql: the block without its `--` marks; line by line the block's own lines.
        line: the line of the file on which it starts.
        reason: why there is no rollback (`-- Rollback: none, <reason>`), or None if there is one.
    """

    sql: str
    line: int
    reason: str | None = None


class Marker(NamedTuple):
    """A comment after which a reader expects the SQL of a rollback.

    Attributes:
        line: its line in the file.
        text: its text.
        is_misplaced: whether only its place keeps it from starting a block: it must begin its line.
    """

    line: int
    text: str
    is_misplaced: bool = False

    @property
    def not_a_block(self) -> str:
        """That it starts no rollback block, and what is meant."""
        hint = "it must begin its line" if self.is_misplaced else "did you mean `-- Rollback:`?"
        return f"`{self.text}` does not start a rollback block: {hint}"

    @classmethod
    def of(cls, comment: str, line: int) -> Marker:
        """Return the marker of a comment, its text on one line and shortened."""
        text = " ".join(comment.split())
        shown = text if len(text) <= _SHOWN else f"{text[: _SHOWN - 1]}…"
        return cls(line, shown, _BEGINS.fullmatch(comment) is not None)


class BlockFinder:
    """Reads the text between the statements of a file, in order.

    Attributes:
        block: the rollback block, or None.
        runs_forward: the marker of a rollback that is not commented out, or None.
        almost: a comment that looks like the start of a block and is not, or None.
    """

    def __init__(self, file: str) -> None:
        self.block: Block | None = None
        self.runs_forward: Marker | None = None
        self.almost: Marker | None = None
        self._file = file
        self._open: Marker | None = None  # a marker with no statement after it so far
        self._is_heading = False  # whether it is a plain heading, not a tool's marker

    def comments(self, text: str, first_line: int, *, line_start: bool, first: bool) -> None:
        """Read the text before a statement, or after the last one.

        Args:
            text: white space and comments.
            first_line: the line of the file on which it begins.
            line_start: whether it begins a line; otherwise its first comment follows a `;`.
            first: whether no statement comes before it.

        Raises:
            SourceError: it begins a second block.
        """
        if _QUICK.search(text) is None:
            return
        end_of_block = counted = end_of_sql = 0
        line, begins_line = first_line, line_start
        for match in _COMMENT.finditer(text):
            between = text[counted : match.start()]
            line, counted = line + between.count("\n"), match.end()
            marker = Marker.of(match[0], line)
            line += match[0].count("\n")
            on_own_line = begins_line or "\n" in between
            indent = between[between.rfind("\n") + 1 :]
            begins_line = False
            if on_own_line and not indent and (begins := _BEGINS.fullmatch(match[0])):
                end_of_block = self._begin(marker, begins[1], text, match.end())
            elif match.start() >= end_of_block:
                self._look_at(marker, match[0], may_open=on_own_line, first=first)
            if self._open is marker:
                end_of_sql = 0
            elif _SQL.search(match[0]):
                end_of_sql = match.end()
        self._close(text[end_of_sql:] if end_of_sql else "", is_block=text[:end_of_sql].endswith("*/"))

    def statement(self, sql: str, line: int) -> None:
        """Read a statement; the one that records the migration belongs to no rollback."""
        if self.runs_forward is None and (play := _PLAY.match(sql)):
            self.runs_forward = Marker(line, play[0].strip())
        elif self.runs_forward is None and self._open and not is_record(sql):
            named = _NAMED.match(sql) if self._is_heading else None
            if named and re.search(named[1], self._open.text.replace(" ", ""), re.IGNORECASE):
                # the heading of a table `undo_steps`
                self.almost = None if self.almost is self._open else self.almost
                self._open = None
            else:
                self.runs_forward = self._open

    @property
    def is_open(self) -> bool:
        """Whether a marker was read, and no statement after it."""
        return self._open is not None and self.runs_forward is None

    def _close(self, rest: str, *, is_block: bool) -> None:
        """Close a heading whose SQL is commented out, if that SQL has an end.

        Args:
            rest: what is between the last comment with SQL in it and the next statement; "" if there is none.
            is_block: whether that comment is `/* */`; after `--` lines, a blank line is the end.
        """
        if self._is_heading and rest and (is_block or _BLANK_LINE.search(rest)):
            self._open = None

    def _begin(self, marker: Marker, first: str, text: str, at: int) -> int:
        """Read the block that a marker begins; return where in the text it ends."""
        if self.block is not None:
            raise SourceError(
                f"{self._file}:{marker.line}: a second rollback block;"
                f" the first is on line {self.block.line}",
                hint="write the whole rollback in one block",
            )
        self._open, self._is_heading = None, True
        if none := _NONE.match(first):
            self.block = Block("", marker.line, reason=none[1].strip() or "no reason given")
            return at
        lines, end = [], at
        for line in text[at + 1 :].split("\n"):
            stripped = line.strip()
            if stripped and not stripped.startswith("--"):
                break
            lines.append(stripped[2:].rstrip())
            end += 1 + len(line)
        indent = min((len(line) - len(line.lstrip()) for line in lines if line), default=0)
        sql = "\n".join([first.strip(), *(line[indent:] for line in lines)]).rstrip()
        if _NO_SQL.fullmatch(sql):
            self._open = marker
        else:
            self.block = Block(sql, marker.line)
        return end

    def _look_at(self, marker: Marker, comment: str, *, may_open: bool, first: bool) -> None:
        is_line = comment.startswith("--")
        heading = bool(_HEADING.fullmatch(comment)) and (is_line or not _COMMENTED.search(comment))
        of_tool = is_line and bool(_OF_TOOLS.fullmatch(comment.rstrip()))
        if may_open and (of_tool or (heading and not first)):
            self._open, self._is_heading = marker, not of_tool
        if self.almost is None and (of_tool or heading or _ALMOST.match(comment)):
            self.almost = marker
