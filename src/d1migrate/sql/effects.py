"""What a statement says it does to tables, read from its tokens."""

from __future__ import annotations

from itertools import pairwise
from typing import Literal, NamedTuple

from d1migrate.sql.names import unquote
from d1migrate.sql.tokens import Token, significant


class Loss(NamedTuple):
    """A table from which a statement takes rows, or (`column`) one value of each of its rows."""

    table: str
    how: Literal["drop", "delete", "column"]


def losses(sql: str) -> list[Loss]:
    """Return the tables one statement drops, deletes from, or drops a column of."""
    tokens = significant(sql)
    words = [token.keyword for token in tokens]
    if words[:2] == ["DROP", "TABLE"]:
        at = 4 if words[2:4] == ["IF", "EXISTS"] else 2
        return [Loss(_name(tokens, at), "drop")]
    if words[:2] == ["ALTER", "TABLE"]:
        drops_column = "DROP" in words[3:]
        return [Loss(_name(tokens, 2), "column")] if drops_column else []
    if words[:1] == ["CREATE"]:
        return []  # what the body of a trigger deletes, it deletes later
    return [
        Loss(_name(tokens, i + 2), "delete")
        for i, pair in enumerate(pairwise(words))
        if pair in (("DELETE", "FROM"), ("REPLACE", "INTO"))
    ]


def _name(tokens: list[Token], at: int) -> str:
    """Return the table name at a position, without its quotes and the schema before it."""
    if at + 2 < len(tokens) and tokens[at + 1].text == ".":
        at += 2
    return unquote(tokens[at].text) if at < len(tokens) else ""
