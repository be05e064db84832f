"""A schema as digests for a runtime without a parser: of the tokens of each CREATE statement.

Equal digests mean equal normal forms, see `normalize`. The reverse does not hold: if the columns have another
order, or a column in capitals has double quotes that it does not need, the digest is another one. The
TypeScript runtime computes the same digests.
"""

from __future__ import annotations

import re

from d1migrate.schema.digest import differing
from d1migrate.sha256 import sha256
from d1migrate.sql.names import fold, quote_identifier, unquote
from d1migrate.sql.token_groups import text_at
from d1migrate.sql.tokens import KEYWORDS, significant

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from d1migrate.schema.model import Schema
    from d1migrate.sql.tokens import Token

LITERALS = KEYWORDS | {"TRUE", "FALSE"}
"""The words that mean something else in quotes."""

_BEFORE_NAMES = frozenset("table view index trigger references constraint into update join .".split())
_PLAIN = re.compile(r"[a-z_\x80-\U0010ffff][a-z0-9_\x80-\U0010ffff]*")


def changes(before: Schema, after: Schema) -> dict[str, str | None]:
    """Return how a schema changed, as `digest.changes` does, in digests of texts."""
    old, new, _ = differing(before, after)
    found: dict[str, str | None] = dict.fromkeys(key for key in old if key not in new)
    for key, sql in new.items():
        if key not in old or (old[key] != sql and spelled(old[key]) != spelled(sql)):
            found[key] = text_digest(sql)
    return found


def text_digest(sql: str) -> str:
    """Return 16 hex digits of the sha256 of `spelled`."""
    return sha256(spelled(sql).encode()).hexdigest()[:16]


def spelled(sql: str) -> str:
    """Return the tokens of a CREATE statement, without spellings that make no difference.

    White space and comments are left out; capitals are lowered, except in strings and in what may be one; a
    name that needs no quotes has none.
    """
    tokens = significant(sql)
    if [token.keyword for token in tokens[:2]] == ["CREATE", "VIRTUAL"]:
        return " ".join(token.text for token in tokens)  # the module reads its arguments as they are
    return " ".join(_word(tokens, at) for at in range(len(tokens)))


def _word(tokens: Sequence[Token], at: int) -> str:
    """Return a token; a name after DEFAULT is a string, whose capitals count."""
    token, before, after = tokens[at], tokens[at - 1].text if at else "", text_at(tokens, at + 1)
    is_default = before.upper() == "DEFAULT"
    if token.kind == "string":
        return token.text
    if token.kind != "quoted":
        return token.text if is_default and token.keyword not in LITERALS else fold(token.text)
    name = unquote(token.text)
    # Where SQLite does not expect a name, it takes "…" for a string if there is no such name.
    is_name = token.text[0] != '"' or fold(before) in _BEFORE_NAMES or after in (".", "(")
    name = fold(name) if is_name and not is_default else name
    is_plain = _PLAIN.fullmatch(name) and name.upper() not in LITERALS
    return name if is_plain else quote_identifier(name)
