"""Find the expressions in SQL whose value depends on the time or on random numbers, by the text alone."""

from __future__ import annotations

import re

from d1migrate.sql.tokens import significant

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from d1migrate.sql.tokens import Token

_CALLS = frozenset("DATE TIME DATETIME JULIANDAY UNIXEPOCH STRFTIME TIMEDIFF RANDOM RANDOMBLOB".split())
_WORDS = frozenset("CURRENT_DATE CURRENT_TIME CURRENT_TIMESTAMP".split())
_HINT = re.compile(r"current_|(?:date|time|day|epoch|random|blob|diff)\s*\(", re.IGNORECASE)
_STARTS = frozenset("SELECT DISTINCT ALL VALUES SET DEFAULT THEN ELSE RETURNING AS WHEN".split())
_ENDS = frozenset(
    "FROM WHERE AS UNION EXCEPT INTERSECT ORDER GROUP LIMIT ON THEN ELSE RETURNING WHEN UNIQUE CHECK"
    " REFERENCES CONSTRAINT PRIMARY GENERATED".split()
)
_ENDED_BY = {")": "(", "END": "CASE"}
_LONGEST = 2_000  # characters
_USUAL = (
    "CURRENT_TIMESTAMP",
    "unixepoch()",
    "unixepoch() * 1000",
    "CURRENT_DATE",
    "strftime('%Y-%m-%dT%H:%M:%SZ', 'now')",
    "strftime('%Y-%m-%dT%H:%M:%fZ', 'now')",
    "strftime('%Y-%m-%dT%H:%M:%f', 'now')",
    "CAST(unixepoch('subsec') * 1000 AS INTEGER)",
    "julianday('now')",
)
"""Tried after the expressions of the files: a later statement may have converted a value."""


def is_volatile(sql: str) -> bool:
    """Whether a statement calls a function of the time or of random numbers."""
    tokens = significant(sql) if _HINT.search(sql) else []
    return any(_is_call(tokens, at) for at in range(len(tokens)))


def volatile(statements: Iterable[str]) -> tuple[str, ...]:
    """Return the expressions of some statements that depend on the time or on random numbers.

    From each such call outwards: the call, the argument that contains it, the function with this argument,
    and so on. Nothing is checked: the text may use columns, or may not be an expression.
    """
    found: dict[str, None] = {}
    for sql in statements:
        tokens = significant(sql) if _HINT.search(sql) else []
        calls = [at for at in range(len(tokens)) if _is_call(tokens, at)]
        inside, closing = _groups(tokens if calls else ())
        for at in calls:
            spans = _around(tokens, at, inside, closing)
            found.update(dict.fromkeys(sql[a:b] for a, b in spans if b - a <= _LONGEST))
    return (*found, *_USUAL) if found else ()


def _is_call(tokens: Sequence[Token], at: int) -> bool:
    word = tokens[at].keyword
    return word in _WORDS or (word in _CALLS and at + 1 < len(tokens) and tokens[at + 1].text == "(")


def _groups(tokens: Sequence[Token]) -> tuple[list[int], dict[int, int]]:
    """Return the `(` or CASE that encloses each token, or -1, and where each of these ends."""
    inside: list[int] = []
    closing: dict[int, int] = {}
    open_: list[int] = [-1]
    for at, token in enumerate(tokens):
        text = _text(token)
        if text in _ENDED_BY and open_[-1] >= 0 and _ENDED_BY[text] == _text(tokens[open_[-1]]):
            closing[open_.pop()] = at
        inside.append(open_[-1])
        if text in _ENDED_BY.values():
            open_.append(at)
    return inside, closing


def _text(token: Token) -> str:
    return token.keyword or token.text


def _around(
    tokens: Sequence[Token], first: int, inside: Sequence[int], closing: dict[int, int]
) -> Iterator[tuple[int, int]]:
    """Yield where a call, and each larger expression around it, starts and ends in the text."""
    last = closing.get(first + 1, first)
    while True:
        yield _span(tokens, first, last)
        yield _span(tokens, *_segment(tokens, first, last, inside, closing))
        opening = inside[first]
        if opening not in closing:
            return
        first, last = opening, closing[opening]
        if opening and _text(tokens[opening]) == "(" and _is_name(tokens[opening - 1]):
            first -= 1  # the name of a function


def _span(tokens: Sequence[Token], first: int, last: int) -> tuple[int, int]:
    return tokens[first].start, tokens[last].start + len(tokens[last].text)


def _begins(token: Token) -> bool:
    """Whether an expression may begin after a token."""
    return token.keyword in _STARTS or token.text in (",", ";", "=")


def _is_name(token: Token) -> bool:
    return token.kind == "word" and token.keyword not in _STARTS


def _ends(token: Token) -> bool:
    """Whether an expression may end before a token."""
    return token.keyword in _ENDS or token.text in (",", ";")


def _segment(
    tokens: Sequence[Token], first: int, last: int, inside: Sequence[int], closing: dict[int, int]
) -> tuple[int, int]:
    """Extend a range of tokens to the commas, keywords and parentheses that enclose it."""
    group = inside[first]
    while first - 1 > group and not (inside[first - 1] == group and _begins(tokens[first - 1])):
        first -= 1
    end = closing.get(group, len(tokens))
    while last + 1 < end and not (inside[last + 1] == group and _ends(tokens[last + 1])):
        last += 1
    return first, last
