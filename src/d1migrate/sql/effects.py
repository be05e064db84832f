"""What a statement says it does to tables, read from its tokens."""

from __future__ import annotations

from itertools import pairwise
from typing import Literal, NamedTuple

from d1migrate.sql.names import fold, unquote
from d1migrate.sql.tokens import Token, significant

Kind = Literal[
    "create", "rename", "alter", "drop", "drop column", "drop trigger", "delete", "insert", "update"
]


class Effect(NamedTuple):
    """What is done to a table; names are folded. `to` is the new name of one that is renamed.

    REPLACE, and OR REPLACE in INSERT and UPDATE, count as `delete` too: they take the rows they conflict
    with. For `drop trigger`, `table` is the trigger.
    """

    kind: Kind
    table: str
    to: str = ""


def effects(sql: str) -> list[Effect]:
    """Return what a statement does to tables, in order; a trigger's body is not done when it is created."""
    tokens = significant(sql)
    words = [token.keyword for token in tokens]
    if words[:1] == ["CREATE"]:
        return _create(tokens, words)
    if words[:2] == ["DROP", "TABLE"]:
        at = 4 if words[2:4] == ["IF", "EXISTS"] else 2
        return [Effect("drop", _name(tokens, at)[0])]
    if words[:2] == ["DROP", "TRIGGER"]:
        at = 4 if words[2:4] == ["IF", "EXISTS"] else 2
        return [Effect("drop trigger", _name(tokens, at)[0])]
    if words[:2] == ["ALTER", "TABLE"]:
        return _alter(tokens, words)
    return _changes_of_rows(tokens, words)


class Trigger(NamedTuple):
    """A trigger: its name and table, folded, the event it fires on, and what its body does."""

    name: str
    table: str
    event: Kind
    effects: list[Effect]


def trigger_of(sql: str) -> Trigger | None:
    """Return the trigger that a statement creates, or None for any other statement."""
    tokens = significant(sql)
    words = [token.keyword for token in tokens]
    if words[:1] != ["CREATE"] or "TRIGGER" not in words[1:3] or not {"ON", "BEGIN"} <= set(words):
        return None
    at = words.index("TRIGGER") + 1
    name, at = _name(tokens, at + 3 if words[at : at + 2] == ["IF", "NOT"] else at)
    event = next((word for word in words[at:] if word in _EVENTS), "DELETE")
    begin = words.index("BEGIN", at)
    table, _ = _name(tokens, words.index("ON", at) + 1)
    return Trigger(name, table, _EVENTS[event], _changes_of_rows(tokens[begin:], words[begin:]))


_EVENTS: dict[str, Kind] = {"DELETE": "delete", "INSERT": "insert", "UPDATE": "update"}


def replaces_on_conflict(sql: str) -> bool:
    """Whether a CREATE TABLE has a constraint that takes the rows a new one conflicts with."""
    return ("CONFLICT", "REPLACE") in pairwise(token.keyword for token in significant(sql))


def _create(tokens: list[Token], words: list[str]) -> list[Effect]:
    if "TABLE" not in words[1:3]:
        return []
    at = words.index("TABLE") + 1
    return [Effect("create", _name(tokens, at + 3 if words[at : at + 2] == ["IF", "NOT"] else at)[0])]


def _alter(tokens: list[Token], words: list[str]) -> list[Effect]:
    table, at = _name(tokens, 2)
    if words[at : at + 2] == ["RENAME", "TO"]:
        return [Effect("rename", table, _name(tokens, at + 2)[0])]
    return [Effect("drop column" if words[at : at + 1] == ["DROP"] else "alter", table)]


def _changes_of_rows(tokens: list[Token], words: list[str]) -> list[Effect]:
    found: list[Effect] = []
    for i, (word, following) in enumerate(pairwise(words)):
        if word == "DELETE" and following == "FROM":
            found.append(Effect("delete", _name(tokens, i + 2)[0]))
        elif word in ("INSERT", "REPLACE") and following in ("INTO", "OR") and words[i - 1 : i] != ["OR"]:
            replaces = word == "REPLACE" or words[i + 2 : i + 3] == ["REPLACE"]
            at = i + (2 if following == "INTO" else 4)
            table = _name(tokens, at)[0]
            found += [Effect("delete", table)] if replaces else []
            found.append(Effect("insert", table))
        elif word == "UPDATE" and following != "SET":  # not `DO UPDATE SET`
            at = i + (3 if following == "OR" else 1)
            replaces = words[i + 1 : i + 3] == ["OR", "REPLACE"]
            table = _name(tokens, at)[0]
            found += [Effect("delete", table)] if replaces else []
            found.append(Effect("update", table))
    return found


def _name(tokens: list[Token], at: int) -> tuple[str, int]:
    """Return the table name at a position, folded and without the schema before it, and where it ends."""
    if at + 2 < len(tokens) and tokens[at + 1].text == ".":
        at += 2
    return (fold(unquote(tokens[at].text)) if at < len(tokens) else ""), at + 1
