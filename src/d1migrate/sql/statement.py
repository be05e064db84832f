"""What a statement says it does to tables, read from its tokens."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Literal, NamedTuple

from d1migrate.sql.names import fold, unquote
from d1migrate.sql.token_groups import closing, parted, text_at
from d1migrate.sql.tokens import Token, significant

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

Kind = Literal[
    "create", "rename", "alter", "drop", "drop column", "drop trigger", "delete", "insert", "update"
]


class Effect(NamedTuple):
    """What is done to a table; names are folded.

    REPLACE, and OR REPLACE in INSERT and UPDATE, count as `delete` too: they take the rows they conflict
    with.

    Attributes:
        kind: what is done.
        table: the table; for `drop trigger`, the trigger.
        to: the new name of a table that is renamed.
        sets: the columns that an UPDATE sets, or the DO UPDATE of an INSERT.
        replaces: whether an INSERT or UPDATE says REPLACE: what its triggers write then replaces rows too.
        command: what an INSERT puts into the column named as the table, folded: FTS5 takes that for a
            command. "" if that is not a literal, None if there is no such column.
    """

    kind: Kind
    table: str
    to: str = ""
    sets: frozenset[str] = frozenset()
    replaces: bool = False
    command: str | None = None


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
    """A trigger; names are folded.

    Attributes:
        name: its name.
        table: the table or view it is on.
        event: what it fires on.
        effects: what its body does.
        columns: those that UPDATE OF names; empty for all.
    """

    name: str
    table: str
    event: Kind
    effects: list[Effect]
    columns: frozenset[str] = frozenset()


def trigger_of(sql: str) -> Trigger | None:
    """Return the trigger that a statement creates, or None for any other statement."""
    tokens = significant(sql)
    words = [token.keyword for token in tokens]
    if words[:1] != ["CREATE"] or "TRIGGER" not in words[1:3] or not {"ON", "BEGIN"} <= set(words):
        return None
    at = words.index("TRIGGER") + 1
    name, at = _name(tokens, at + 3 if words[at : at + 2] == ["IF", "NOT"] else at)
    event = next((i for i in range(at, len(words)) if words[i] in _EVENTS), at)
    on, begin = words.index("ON", at), words.index("BEGIN", at)
    columns = tokens[event + 2 : on] if words[event + 1] == "OF" else ()
    return Trigger(
        name,
        _name(tokens, on + 1)[0],
        _EVENTS.get(words[event], "delete"),
        _changes_of_rows(tokens[begin:], words[begin:]),
        frozenset(fold(unquote(token.text)) for token in columns if token.text != ","),
    )


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
            table, at = _name(tokens, i + (2 if following == "INTO" else 4))
            rest = _statement(tokens, at)
            sets = frozenset(assignments(rest))
            found += [Effect("delete", table)] if replaces else []
            found.append(Effect("insert", table, "", sets, replaces, _command(table, rest)))
        elif word == "UPDATE" and following != "SET":  # not `DO UPDATE SET`
            replaces = words[i + 1 : i + 3] == ["OR", "REPLACE"]
            table, at = _name(tokens, i + (3 if following == "OR" else 1))
            sets = frozenset(assignments(_statement(tokens, at)))
            found += [Effect("delete", table)] if replaces else []
            found.append(Effect("update", table, "", sets, replaces))
    return found


def _statement(tokens: Sequence[Token], at: int) -> Sequence[Token]:
    """Return the tokens from a position to the end of the statement."""
    return tokens[at : next((i for i in range(at, len(tokens)) if tokens[i].text == ";"), len(tokens))]


_ENDS_SET = {"FROM", "WHERE", "RETURNING", "ORDER", "LIMIT", "ON"}


def assignments(tokens: Sequence[Token]) -> dict[str, Sequence[Token]]:
    """Return {column: tokens of the new value} of what UPDATE or DO UPDATE sets; names are folded."""
    found: dict[str, Sequence[Token]] = {}
    for start in (i + 1 for i in _outside(tokens) if tokens[i].keyword == "SET"):
        rest = tokens[start:]
        end = next((i for i in _outside(rest) if rest[i].keyword in _ENDS_SET), len(rest))
        for part in parted(rest[:end], ","):
            equals = next((i for i in _outside(part) if part[i].text in ("=", "==")), len(part))
            names = [fold(unquote(t.text)) for t in part[:equals] if t.text not in ("(", ")", ",")]
            found |= dict.fromkeys(names, part[equals + 1 :])
    return found


def _outside(tokens: Sequence[Token]) -> Iterator[int]:
    """Yield the positions of the tokens that are in no parentheses."""
    at = 0
    while at < len(tokens):
        yield at
        at = closing(tokens, at) + 1 if tokens[at].text == "(" else at + 1


def _command(table: str, tokens: Sequence[Token]) -> str | None:
    """Return what an INSERT puts into the column that is named as its table; see Effect.

    Args:
        table: the table, folded.
        tokens: the statement, after the table's name.
    """
    if text_at(tokens, 0) == "AS":
        tokens = tokens[2:]
    if text_at(tokens, 0) != "(":
        return None
    end = closing(tokens, 0)
    names = [fold(unquote(token.text)) for token in tokens[1:end] if token.text != ","]
    if table not in names:
        return None
    values = list(tokens[end + 1 :])
    if text_at(values, 0).upper() == "VALUES" and closing(values, 1) == len(values) - 1:
        values = values[2:-1]
    elif text_at(values, 0).upper() == "SELECT":
        values = values[1:]
    else:
        return ""
    value = list(parted(values, ","))[names.index(table) : names.index(table) + 1]
    if value and [token.keyword for token in value[0]] == ["NULL"]:
        return None
    is_literal = value and len(value[0]) == 1 and value[0][0].kind in ("string", "quoted")
    return fold(unquote(value[0][0].text)) if is_literal else ""


def _name(tokens: list[Token], at: int) -> tuple[str, int]:
    """Return the table name at a position, folded and without the schema before it, and where it ends."""
    if at + 2 < len(tokens) and tokens[at + 1].text == ".":
        at += 2
    return (fold(unquote(tokens[at].text)) if at < len(tokens) else ""), at + 1
