"""The normal form of SQL text: two texts that SQLite reads alike have equal forms.

Comments, white space, the case of keywords and names, and quotes around names make no difference; the
contents of a string do. If SQLite accepts either a name or a string, the token's position decides, then
the names in scope.
"""

from __future__ import annotations

import re
from functools import cache

from d1migrate.sql.names import fold, quote_identifier, quote_literal, unquote
from d1migrate.sql.token_groups import bare, closing, joined, text_at
from d1migrate.sql.tokens import KEYWORDS, WORD_CHAR, significant

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from d1migrate.sql.tokens import Token

_BEFORE_NAMES = frozenset("FROM JOIN INTO UPDATE TABLE AS COLLATE OF SET REFERENCES CONSTRAINT".split())
_CONFLICTS = frozenset("ABORT FAIL IGNORE REPLACE ROLLBACK".split())
_SAME = {"==": "=", "<>": "!="}


def canonical_text(sql: str, names: Collection[str] = ()) -> str:
    """Return an expression, or any other SQL, in its normal form.

    Args:
        sql: the text.
        names: what `"…"` can refer to here, folded. SQLite reads any other `"…"` as a string.
    """
    return joined(canonical_words(significant(sql), names))


def canonical_expression(sql: str, names: Collection[str] = ()) -> str:
    """Return the normal form of an expression, without parentheses around all of it."""
    return joined(canonical_words(bare(significant(sql)), names))


def canonical_words(tokens: Sequence[Token], names: Collection[str] = ()) -> list[str]:
    """Return the normal form of each significant token."""
    listed = set(_listed(tokens))
    words = []
    for at, token in enumerate(tokens):
        if token.kind == "word":
            words.append(_bare(token.text))
        elif token.kind in ("quoted", "string"):
            words.append(_quoted(tokens, at, names, is_listed=at in listed))
        elif token.kind in ("number", "blob"):
            words.append(token.text.upper())
        else:
            words.append(_SAME.get(token.text, token.text))
    return words


def canonical_name(name: str) -> str:
    """Return the normal form of a name given without quotes: quoted only if it needs quotes."""
    return _bare(name) if _word().fullmatch(name) else quote_identifier(fold(name))


def _bare(word: str) -> str:
    """Return a word in capitals if it is a keyword, even one that is used as a name; else in lower case."""
    upper = word.upper() if word.isascii() else word
    return upper if upper in KEYWORDS else fold(word)


def _quoted(tokens: Sequence[Token], at: int, names: Collection[str], *, is_listed: bool) -> str:
    """Return the normal form of a token in quotes: a name, or a string."""
    token = tokens[at]
    name = unquote(token.text)
    if is_listed or _is_name(tokens, at) or (token.text[0] == '"' and fold(name) in names):
        return canonical_name(name)
    return quote_literal(name)


def _is_name(tokens: Sequence[Token], at: int) -> bool:
    """Whether a token in quotes is certainly a name: by its quotes or by its position."""
    token = tokens[at]
    if token.text[0] in "`[":
        return True
    following = text_at(tokens, at + 1)
    if following == "." or (following == "(" and token.kind == "quoted"):
        return True
    if at == 0:
        return False
    before = tokens[at - 1]
    if before.keyword == "FROM":  # a string may follow IS DISTINCT FROM
        return at < 2 or tokens[at - 2].keyword != "DISTINCT"
    if before.keyword in _CONFLICTS:  # UPDATE OR REPLACE
        return at > 2 and tokens[at - 3].keyword == "UPDATE"
    return before.text == "." or before.keyword in _BEFORE_NAMES


def _listed(tokens: Sequence[Token]) -> Iterator[int]:
    """Yield the positions within lists of columns: `INTO t (…)`, `USING (…)`."""
    for at, token in enumerate(tokens):
        start = at + 1
        if token.keyword == "INTO":
            start += 3 if text_at(tokens, at + 2) == "." else 1
        elif token.keyword != "USING":
            continue
        if text_at(tokens, start) == "(":
            yield from range(start + 1, closing(tokens, start))


@cache
def _word() -> re.Pattern[str]:
    return re.compile(rf"(?![0-9$]){WORD_CHAR}+")
