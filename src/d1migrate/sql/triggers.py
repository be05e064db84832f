"""CREATE TRIGGER in the form that D1's REST server does not split.

The server splits every text at `;` again, and mistakes a trigger for incomplete if it has a lower-case
`begin`, CR LF, or a CASE whose END it takes for the trigger's own (d1-facts §3.5).
"""

from __future__ import annotations

from itertools import islice

from d1migrate.sql.statement import shape_of
from d1migrate.sql.token_groups import joined
from d1migrate.sql.tokens import BLANKS, significant, tokenize

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

_HEAD = 4  # tokens: CREATE TEMP TRIGGER and a name
_WRAPPED = frozenset(("BEGIN", "CASE", "END"))


def is_create_trigger(sql: str) -> bool:
    """Whether a statement creates a trigger; only its beginning is read."""
    words = (token for token in tokenize(sql) if token.kind not in ("space", "comment"))
    return shape_of(list(islice(words, _HEAD))).verb == "create trigger"


def one_line(sql: str) -> str | None:
    """Return a CREATE TRIGGER as one line: BEGIN, CASE and END in capitals, CASE in parentheses.

    All other tokens stay the same; comments are removed.

    Returns:
        The text, or None if a literal or quoted name has a line end, or a column is named END.
    """
    tokens = significant(sql)
    keywords = [token.keyword or token.text for token in tokens]
    ends = {*_cases(keywords).values(), len(tokens) - 1}
    if any("\n" in token.text or "\r" in token.text for token in tokens):
        return None
    if any(word == "END" and at not in ends for at, word in enumerate(keywords)):
        return None
    bare = _bare_cases(keywords)
    words = []
    for at, token in enumerate(tokens):
        text = token.keyword if token.keyword in _WRAPPED else token.text
        text = f"({text}" if at in bare else text
        words.append(f"{text})" if at in bare.values() else text)
    return joined(words)


def safe_form(sql: str) -> str:
    """Return a CREATE TRIGGER as it is if the server does not split it, else as one line."""
    tokens = significant(sql)
    words = [token.keyword or token.text for token in tokens]
    wrong = any(token.keyword in ("BEGIN", "END") and token.text != token.keyword for token in tokens)
    return (one_line(sql) or sql) if wrong or "\r" in sql or _bare_cases(words) else sql.strip(BLANKS)


def is_carried(sql: str) -> bool:
    """Whether a statement can be sent so that the server does not split it."""
    return not is_create_trigger(sql) or one_line(sql) is not None


def without_case_parentheses(words: Sequence[str]) -> list[str]:
    """Remove parentheses that contain one CASE … END and nothing else; `words` are in capitals."""
    ends = _cases(words)
    dropped = set[int]()
    for start, end in ends.items():
        left, right = start - 1, end + 1
        while left > 0 and right < len(words) and words[left] == "(" and words[right] == ")":
            dropped |= {left, right}
            left, right = left - 1, right + 1
    return [word for at, word in enumerate(words) if at not in dropped]


def _bare_cases(words: Sequence[str]) -> dict[int, int]:
    """Return {position of CASE: position of its END} for each CASE without its own parentheses."""
    return {
        start: end
        for start, end in _cases(words).items()
        if words[start - 1] != "(" or list(words[end + 1 : end + 2]) != [")"]
    }


def _cases(keywords: Sequence[str]) -> dict[int, int]:
    """Return {position of CASE: position of its END}."""
    found: dict[int, int] = {}
    opened: list[int] = []
    for at, keyword in enumerate(keywords):
        if at and keywords[at - 1] == ".":
            continue  # a column of that name
        if keyword == "CASE":
            opened.append(at)
        elif keyword == "END" and opened:
            found[opened.pop()] = at
    return found
