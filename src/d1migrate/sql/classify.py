"""What kind of statement SQL is, and the object that a CREATE, ALTER or DROP names."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from d1migrate.sql.names import fold, unquote

if TYPE_CHECKING:
    from collections.abc import Sequence

    from d1migrate.sql.tokens import Token

_KINDS = {"TABLE", "INDEX", "VIEW", "TRIGGER"}
_BETWEEN = {"TEMP", "TEMPORARY", "UNIQUE", "VIRTUAL"}
_MAIN = {"SELECT", "VALUES", "INSERT", "REPLACE", "UPDATE", "DELETE"}


class Shape(NamedTuple):
    """A statement's kind.

    Attributes:
        verb: its keywords in lower case: `create table`, `create virtual table`, `drop index`, `alter table`,
            `insert`, `replace`, `update`, `delete`, `select`, `pragma`, … What WITH stands before, is meant.
        name: the object that is created, altered or dropped, folded; "" for other verbs.
        conditional: whether it says IF [NOT] EXISTS.
        at: which of the significant tokens is the name (for other verbs, the verb).
    """

    verb: str
    name: str = ""
    conditional: bool = False
    at: int = 0


def shape_of(tokens: Sequence[Token]) -> Shape:
    """Return the kind of a statement from its significant tokens; the first few will do for most."""
    first = tokens[0].keyword if tokens else ""
    if first == "WITH":
        return _with(tokens)
    if first not in ("CREATE", "DROP", "ALTER"):
        return Shape(first.lower())
    at, words = 1, [first]
    while at < len(tokens) and tokens[at].keyword in _BETWEEN:
        words += [tokens[at].keyword] if tokens[at].keyword == "VIRTUAL" else []
        at += 1
    if at >= len(tokens) or tokens[at].keyword not in _KINDS:
        return Shape(first.lower())
    words.append(tokens[at].keyword)
    at += 1
    conditional = at < len(tokens) and tokens[at].keyword == "IF"
    if conditional:
        at += 3 if first == "CREATE" else 2
    if at + 2 < len(tokens) and tokens[at + 1].text == ".":
        at += 2
    name = fold(unquote(tokens[at].text)) if at < len(tokens) else ""
    return Shape(" ".join(words).lower(), name, conditional, min(at, len(tokens) - 1))


def _with(tokens: Sequence[Token]) -> Shape:
    depth = 0
    for at, token in enumerate(tokens):
        depth += (token.text == "(") - (token.text == ")")
        if depth == 0 and token.keyword in _MAIN:
            return Shape(token.keyword.lower(), at=at)
    return Shape("with")
