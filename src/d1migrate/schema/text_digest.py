"""A schema as digests for a runtime without a parser: of the tokens of each CREATE statement.

Equal digests mean equal normal forms, see `normalize`. The reverse does not hold: if the columns have another
order, or a name in capitals has double quotes that it does not need, the digest is another one. The
TypeScript runtime computes the same digests.
"""

from __future__ import annotations

import re

from d1migrate.schema.digest import key_of, objects
from d1migrate.sha256 import sha256
from d1migrate.sql.names import fold, quote_identifier, unquote
from d1migrate.sql.tokens import KEYWORDS, significant

TYPE_CHECKING = False
if TYPE_CHECKING:
    from d1migrate.schema.model import Schema
    from d1migrate.sql.tokens import Token

LITERALS = KEYWORDS | {"TRUE", "FALSE"}
"""The words that mean something else in quotes."""

_PLAIN = re.compile("[a-z_][a-z0-9_]*")


def changes(before: Schema, after: Schema) -> dict[str, str | None]:
    """Return how a schema changed, as `digest.changes` does, in digests of texts."""
    old, new = ({key_of(kind, name): sql for kind, name, sql in objects(s)} for s in (before, after))
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
    words = []
    for before, token in zip([None, *tokens], tokens, strict=False):
        is_default = before is not None and before.keyword == "DEFAULT"
        words.append(_word(token, is_default=is_default))
    return " ".join(words)


def _word(token: Token, *, is_default: bool) -> str:
    """Return a token; a name after DEFAULT is a string, whose capitals count."""
    if token.kind == "string":
        return token.text
    if token.kind != "quoted":
        return token.text if is_default and token.keyword not in LITERALS else fold(token.text)
    name = unquote(token.text)
    if token.text[0] != '"' and not is_default:  # SQLite takes "…" for a string if there is no such name
        name = fold(name)
    is_plain = _PLAIN.fullmatch(name) and name.upper() not in LITERALS
    return name if is_plain else quote_identifier(name)
