"""`-- d1migrate: …`: what the author of a file declares, as `allow=D104 reason="…"` or `phase=before`."""

from __future__ import annotations

import re

from d1migrate.named_tuple import NamedTuple
from d1migrate.sql.tokens import COMMENT

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from d1migrate.sql.split import Statement

_DIRECTIVE = re.compile(r"--[ \t]*d1migrate:[ \t]*(.*)")
_WITHOUT_COLON = re.compile(r"--[ \t]*(d1migrate[ \t]+(?:(?:batch|online)[ \t]|(?:allow|phase)=).*)")
_ALLOW = re.compile(r"allow=([A-Za-z][0-9]+(?:,[A-Za-z][0-9]+)*)(?:[ \t]+reason=\"([^\"]*)\")?[ \t]*")
_PHASE = re.compile(r"phase=(before|after)")
_JOB = re.compile(r"(?:batch|online)(?=\s|$)")
_COMMENTS = re.compile(COMMENT)


class Directive(NamedTuple):
    """One directive of a file.

    Attributes:
        line: its line in the file.
        codes: the rules it suppresses; empty if the directive is malformed.
        reason: why; "" if it gives none, and then it has no effect.
        statement: the index of the statement it applies to; None for the whole file.
        text: as written.
    """

    line: int
    codes: tuple[str, ...]
    reason: str
    statement: int | None
    text: str


class Allowances:
    """What the directives of a file suppress, and which of them were needed.

    Attributes:
        used: (line, code) of each that suppressed something.
    """

    def __init__(self, directives: Sequence[Directive]) -> None:
        self.used: set[tuple[int, str]] = set()
        self._by: dict[tuple[str, int | None], list[Directive]] = {}
        for directive in directives:
            for code in directive.codes if directive.reason else ():
                self._by.setdefault((code, directive.statement), []).append(directive)

    def reason_for(self, code: str, statement: int | None) -> str | None:
        """Return why a finding at a statement (None: in the whole file) is suppressed; None if it is not."""
        first: Directive | None = None
        for key in dict.fromkeys(((code, None), (code, statement))):
            if found := self._by.get(key):
                if (found[0].line, code) not in self.used:
                    self.used |= {(directive.line, code) for directive in found}
                first = min(first or found[0], found[0], key=lambda directive: directive.line)
        return first.reason if first else None


def directives(index: int, statement: Statement) -> list[Directive]:
    """Return the directives in the comments before and inside a statement.

    A directive above the first statement, or after the last, applies to the whole file; one on the line on
    which the previous statement ends applies to that statement; any other applies to the statement below it.

    Args:
        index: the position of the statement in the file, from 0.
        statement: the statement.
    """
    if "d1migrate" not in statement.text:
        return []
    text, lead = statement.text, statement.text[: statement.body]
    first_line = statement.line - lead.count("\n")
    found = []
    for comment, line in comments_of(lead, first_line):
        same_line = index > 0 and line == first_line
        about = index - 1 if same_line else index if index > 0 and statement.sql else None
        found += _read(comment, line, about)
    after = text[statement.body + len(statement.sql) :]
    for comment, line in comments_of(after, statement.line + statement.sql.count("\n")):
        found += _read(comment, line, index)  # before the `;`, or if there is none
    return found


def comments_of(text: str, first_line: int) -> Iterator[tuple[str, int]]:
    """Yield the comments of a text that has only comments, each with its first line."""
    line, counted = first_line, 0
    for match in _COMMENTS.finditer(text):
        line += text.count("\n", counted, match.start())
        counted = match.start()
        yield match[0], line


def phases(statement: Statement) -> list[str]:
    """Return the phases that the comments around a statement declare for the file."""
    return [match[1] for text, _ in texts_of(statement) if (match := _PHASE.fullmatch(text))]


def job_texts(statement: Statement) -> list[tuple[str, int]]:
    """Return the texts of the directives around a statement that declare a job, each with its line."""
    return [(text, line) for text, line in texts_of(statement) if _JOB.match(text)]


def texts_of(statement: Statement) -> Iterator[tuple[str, int]]:
    """Yield the text of every directive around a statement, and its line."""
    if "d1migrate:" not in statement.text:
        return
    text, lead = statement.text, statement.text[: statement.body]
    after = text[statement.body + len(statement.sql) :]
    for part, line in (
        (lead, statement.line - lead.count("\n")),
        (after, statement.line + statement.sql.count("\n")),
    ):
        for comment, at in comments_of(part, line):
            if match := _DIRECTIVE.fullmatch(comment.rstrip()):
                yield match[1].strip(), at


def _read(comment: str, line: int, statement: int | None) -> list[Directive]:
    match = _DIRECTIVE.fullmatch(comment.rstrip())
    if match is None:  # without the colon it would have no effect, and nobody would notice
        malformed = _WITHOUT_COLON.fullmatch(comment.rstrip())
        return [Directive(line, (), "", statement, malformed[1])] if malformed else []
    text = match[1].strip()
    if _PHASE.fullmatch(text) or _JOB.match(text):  # not for the linter
        return []
    allow = _ALLOW.fullmatch(text)
    if allow is None:
        return [Directive(line, (), "", statement, text)]
    return [Directive(line, tuple(allow[1].upper().split(",")), (allow[2] or "").strip(), statement, text)]
