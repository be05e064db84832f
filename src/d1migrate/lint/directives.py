"""`-- d1migrate: …`: what the author of a file says: `allow=D104 reason="…"`, `phase=before`."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from d1migrate.sql.tokens import COMMENT

if TYPE_CHECKING:
    from d1migrate.sql.split import Statement

_DIRECTIVE = re.compile(r"--[ \t]*d1migrate:[ \t]*(.*)")
_ALLOW = re.compile(r"allow=([A-Za-z][0-9]+(?:,[A-Za-z][0-9]+)*)(?:[ \t]+reason=\"([^\"]*)\")?[ \t]*")
_PHASE = re.compile(r"phase=(before|after)")
_COMMENTS = re.compile(COMMENT)


class Directive(NamedTuple):
    """One directive of a file.

    Attributes:
        line: the line of the file it stands on.
        codes: what it allows; empty where it cannot be understood.
        reason: why, or "" where it gives none; then it does not count.
        statement: the index of the statement it speaks of; None where it speaks of the whole file.
        text: as written.
    """

    line: int
    codes: tuple[str, ...]
    reason: str
    statement: int | None
    text: str

    def allows(self, code: str, statement: int | None) -> bool:
        """Whether it allows what a rule found at a statement, or in the whole file (None)."""
        return bool(self.reason) and code in self.codes and self.statement in (None, statement)


def directives(index: int, statement: Statement) -> list[Directive]:
    """Return the directives in the comments before and inside a statement.

    One that stands above the first statement, or behind the last, is for the whole file; one on the line
    on which the statement before ends is for that statement; every other is for the statement below it.

    Args:
        index: the place among the statements of the file, from 0.
        statement: it.
    """
    if "d1migrate:" not in statement.text:
        return []
    text, lead = statement.text, statement.text[: statement.body]
    first_line = statement.line - lead.count("\n")
    found = []
    for match in _COMMENTS.finditer(lead):
        line = first_line + lead.count("\n", 0, match.start())
        same_line = index > 0 and "\n" not in lead[: match.start()]
        about = index - 1 if same_line else index if index > 0 and statement.sql else None
        found += _read(match[0], line, about)
    behind = text[statement.body + len(statement.sql) :]
    line = statement.line + statement.sql.count("\n")
    for match in _COMMENTS.finditer(behind):  # before the `;`, or where there is none
        found += _read(match[0], line + behind.count("\n", 0, match.start()), index)
    return found


def phases(statement: Statement) -> list[str]:
    """Return the phases that the comments around a statement declare, for the whole file."""
    if "d1migrate:" not in statement.text:
        return []
    around = (statement.text[: statement.body], statement.text[statement.body + len(statement.sql) :])
    comments = (match[0].rstrip() for text in around for match in _COMMENTS.finditer(text))
    texts = (match[1].strip() for comment in comments if (match := _DIRECTIVE.fullmatch(comment)))
    return [match[1] for text in texts if (match := _PHASE.fullmatch(text))]


def _read(comment: str, line: int, statement: int | None) -> list[Directive]:
    match = _DIRECTIVE.fullmatch(comment.rstrip())
    if match is None:
        return []
    text = match[1].strip()
    if _PHASE.fullmatch(text):  # nothing for the linter
        return []
    allow = _ALLOW.fullmatch(text)
    if allow is None:
        return [Directive(line, (), "", statement, text)]
    return [Directive(line, tuple(allow[1].upper().split(",")), (allow[2] or "").strip(), statement, text)]
