"""`-- d1migrate: batch TABLE …` and `-- d1migrate: online TABLE`: a file that may run in chunks."""

from __future__ import annotations

import re

from d1migrate.errors import ParseError
from d1migrate.hints import did_you_mean
from d1migrate.migrate.jobs.pages import MOST_COLUMNS
from d1migrate.named_tuple import NamedTuple
from d1migrate.sql.names import quote_identifier, unquote
from d1migrate.sql.tokens import significant

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any, Literal

    from d1migrate.sql.tokens import Token

    Kind = Literal["batch", "online"]

KINDS = re.compile(r"(batch|online)(?=\s|$)")
"""How the text of a directive begins that declares a job."""

ROWID = ("rowid",)
USAGE = {
    "batch": "-- d1migrate: batch TABLE [by COLUMN, …] [rows N] [pause RATIO] [endless]",
    "online": "-- d1migrate: online TABLE",
}
_OPTIONS = ("by", "rows", "pause", "endless")


class JobDirective(NamedTuple):
    """What a file declares about its job.

    Attributes:
        kind: "batch": its one statement runs page by page. "online": its rebuild runs beside the table.
        table: the table whose rows are the pages, or that is rebuilt.
        by: the columns of the key that is the cursor.
        rows: the most rows of a chunk; None if the cost alone decides.
        pause: how long to wait after a chunk, as a multiple of the time that it took.
        endless: whether rows after the end that the table had at the start are included.
        line: the line of the directive.
        text: as written, without extra spaces; a job that has begun must keep it.
    """

    kind: Kind
    table: str
    by: tuple[str, ...] = ROWID
    rows: int | None = None
    pause: float = 1.0
    endless: bool = False
    line: int = 1
    text: str = ""


def directive_line(kind: Kind, table: str, by: Sequence[str] = ROWID) -> str:
    """Return the comment that declares a job.

    Args:
        kind: the kind of job.
        table: its table.
        by: the columns of its key.
    """
    name, *key = (each if each.isidentifier() else quote_identifier(each) for each in (table, *by))
    return f"-- d1migrate: {kind} {name}" + ("" if (*by,) == ROWID else f" by {', '.join(key)}")


def read_directive(text: str, *, file: str, line: int, source: str) -> JobDirective:
    """Return the directive that a comment is.

    Args:
        text: what follows `-- d1migrate:`; KINDS matches it.
        file: the path of the file.
        line: the line of the comment.
        source: that line.

    Raises:
        ParseError: it is malformed; the error has a caret under the part.
    """
    return _Reader(text, file, line, source).read()


class _Reader:
    def __init__(self, text: str, file: str, line: int, source: str) -> None:
        self._text, self._file, self._line, self._source = text, file, line, source
        self._tokens = significant(text)
        self._at = 1

    def read(self) -> JobDirective:
        kind: Kind = "batch" if self._tokens[0].text == "batch" else "online"
        found = JobDirective(kind, self._name("a table"), line=self._line, text=" ".join(self._text.split()))
        values: dict[str, Any] = {}
        while (token := self._next()) is not None:
            option = token.text
            if kind == "online" or option not in _OPTIONS:
                raise self._error(
                    f"{option} is not an option of {kind}",
                    token,
                    did_you_mean(option, _OPTIONS) if kind == "batch" else None,
                )
            if option in values:
                raise self._error(f"{option} is given twice", token)
            values[option] = self._value(option)
        return found._replace(**values)

    def _value(self, option: str) -> object:
        if option == "endless":
            return True
        if option == "by":
            names = [self._name("a column")]
            while self._at < len(self._tokens) and self._tokens[self._at].text == ",":
                self._at += 1
                names.append(self._name("a column"))
            if len(names) > MOST_COLUMNS:
                raise self._error(f"a cursor has at most {MOST_COLUMNS} columns", self._tokens[self._at - 1])
            return tuple(names)
        token = self._next()
        number = _number(token)
        if token is None or number is None or (option == "rows" and (number < 1 or number != int(number))):
            what = "a number of rows" if option == "rows" else "a number: a multiple of the time of a chunk"
            raise self._error(f"{option} needs {what}", token)
        return int(number) if option == "rows" else number

    def _name(self, what: str) -> str:
        token = self._next()
        if token is None or token.kind not in ("word", "quoted"):
            raise self._error(f"{self._tokens[0].text} needs the name of {what}", token)
        return unquote(token.text)

    def _next(self) -> Token | None:
        if self._at >= len(self._tokens):
            return None
        self._at += 1
        return self._tokens[self._at - 1]

    def _error(self, message: str, token: Token | None, hint: str | None = None) -> ParseError:
        start = self._source.find(self._text)
        at = token.start if token else len(self._text)
        return ParseError(
            message,
            file=self._file,
            line=self._line,
            column=max(start, 0) + at + 1,
            source=self._source,
            hint=hint or f"`{USAGE[self._tokens[0].text]}`",
        )


def _number(token: Token | None) -> float | None:
    try:
        number = float(token.text) if token else None
    except ValueError:
        return None
    return number if number is not None and 0 <= number < 1e9 else None


def twice(first: JobDirective, second: JobDirective, file: str, source: str) -> ParseError:
    """Return the error of a file that declares two jobs."""
    return ParseError(
        f"the file already declares a job in line {first.line}",
        file=file,
        line=second.line,
        column=1,
        source=source,
        hint="a migration is one job: split the file",
    )
