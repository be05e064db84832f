"""What one statement is and what it touches, read from its tokens.

This is the only place that classifies statements. Callers ask for a `Shape` (which kind of statement, about
which object), an `Alteration` (which ALTER TABLE), an `Insert` (into which columns), or `Effect`s (what
happens to the rows and names of tables). What a CREATE defines is in `create`, what a query reads is in
`select`.
"""

from __future__ import annotations

from d1migrate.named_tuple import NamedTuple
from d1migrate.sql.names import fold, unquote
from d1migrate.sql.token_groups import closing, outside, parted, text_at
from d1migrate.sql.tokens import Token, significant

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Literal

    from d1migrate.sql.definitions import TriggerDefinition

    Kind = Literal[
        "create", "rename", "alter", "drop", "drop column", "drop trigger", "delete", "insert", "update"
    ]

_KINDS = {"TABLE", "INDEX", "VIEW", "TRIGGER"}
_BETWEEN = {"TEMP", "TEMPORARY", "UNIQUE", "VIRTUAL"}
_MAIN = {"SELECT", "VALUES", "INSERT", "REPLACE", "UPDATE", "DELETE"}


class Shape(NamedTuple):
    """A statement's kind.

    Attributes:
        verb: its keywords in lower case: `create table`, `create virtual table`, `drop index`, `alter table`,
            `insert`, `replace`, `update`, `delete`, `select`, `pragma`, … For `WITH …`, the verb of the main
            statement.
        name: the object that is created, altered or dropped, folded; "" for other verbs.
        conditional: whether it has IF [NOT] EXISTS.
        at: which of the significant tokens is the name (for other verbs, the verb).
    """

    verb: str
    name: str = ""
    conditional: bool = False
    at: int = 0


def shape_of(tokens: Sequence[Token]) -> Shape:
    """Return the kind of a statement from its significant tokens; the first few are enough for most."""
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
    conditional = at + 1 < len(tokens) and tokens[at].keyword == "IF" and tokens[at + 1].keyword in _IF
    if conditional:
        at += 3 if first == "CREATE" else 2
    name, end = name_at(tokens, at)
    return Shape(" ".join(words).lower(), name, conditional, min(end, len(tokens)) - 1)


_IF = {"NOT", "EXISTS"}  # a table may be called `if`


def _with(tokens: Sequence[Token]) -> Shape:
    for at in outside(tokens):
        if tokens[at].keyword in _MAIN and tokens[at - 1].text == ")":  # a CTE may be called `replace`
            return Shape(tokens[at].keyword.lower(), at=at)
    return Shape("with")


def name_at(tokens: Sequence[Token], at: int) -> tuple[str, int]:
    """Return the name at a position, folded and without the schema before it, and where it ends."""
    if text_at(tokens, at + 1) == ".":
        at += 2
    return fold(unquote(text_at(tokens, at))), at + 1


def target_of(tokens: Sequence[Token]) -> str:
    """Return the table whose rows an INSERT, REPLACE, UPDATE or DELETE changes, folded; else ""."""
    return _target(tokens, shape_of(tokens))[0]


def _target(tokens: Sequence[Token], shape: Shape) -> tuple[str, int]:
    """Return that table, and where its name ends."""
    if shape.verb not in ("insert", "replace", "update", "delete"):
        return "", len(tokens)
    at = shape.at + 1
    at += 2 if text_at(tokens, at).upper() == "OR" else 0
    at += 1 if text_at(tokens, at).upper() in ("INTO", "FROM") else 0
    return name_at(tokens, at)


# --- ALTER TABLE ---


class Alteration(NamedTuple):
    """What an ALTER TABLE does.

    Attributes:
        action: what is done; `other` for what SQLite has no ALTER for.
        column: the column that is added, dropped, renamed or altered, folded.
        to: the new name of the table or column, folded.
    """

    action: Literal["rename", "add column", "drop column", "rename column", "alter column", "other"]
    column: str = ""
    to: str = ""


def alteration_of(tokens: Sequence[Token]) -> Alteration:
    """Return what an ALTER TABLE does, from its significant tokens."""
    at = shape_of(tokens).at + 1
    words = [token.keyword for token in tokens[at : at + 2]]
    if words == ["RENAME", "TO"]:
        return Alteration("rename", to=name_at(tokens, at + 2)[0])
    column, end = name_at(tokens, at + (2 if words[1:] == ["COLUMN"] else 1))
    match words[:1]:
        case ["ADD"]:
            return Alteration("add column", column)
        case ["DROP"]:
            return Alteration("drop column", column)
        case ["RENAME"]:
            return Alteration("rename column", column, name_at(tokens, end + 1)[0])
        case ["ALTER"]:
            return Alteration("alter column", column)
    return Alteration("other")


# --- INSERT ---


class Insert(NamedTuple):
    """An INSERT or REPLACE.

    Attributes:
        table: the table, folded.
        columns: the columns it names, folded; empty if it names none.
        source: the tokens after them: VALUES, a query or DEFAULT VALUES, and ON CONFLICT and RETURNING.
    """

    table: str
    columns: tuple[str, ...]
    source: Sequence[Token]


def insert_of(tokens: Sequence[Token]) -> Insert | None:
    """Return an INSERT or REPLACE in its parts; None for any other statement."""
    shape = shape_of(tokens)
    if shape.verb not in ("insert", "replace"):
        return None
    table, at = _target(tokens, shape)
    at += 2 if text_at(tokens, at).upper() == "AS" else 0
    if text_at(tokens, at) != "(":
        return Insert(table, (), tokens[at:])
    end = closing(tokens, at)
    names = (fold(unquote(part[-1].text)) for part in parted(tokens[at + 1 : end], ",") if part)
    return Insert(table, tuple(names), tokens[end + 1 :])


def first_row(source: Sequence[Token]) -> list[Sequence[Token]]:
    """Return the values of the first row of `VALUES (…), …`; none for any other source of an INSERT."""
    if text_at(source, 0).upper() != "VALUES" or text_at(source, 1) != "(":
        return []
    return list(parted(source[2 : closing(source, 1)], ","))


def conflict_target(tokens: Sequence[Token]) -> set[str]:
    """Return the columns, folded, that the only ON CONFLICT of an INSERT names."""
    words = [token.keyword for token in tokens]
    if words.count("CONFLICT") != 1 or "OR" in words[:2]:
        return set()
    at = words.index("CONFLICT") + 1
    names = tokens[at + 1 : closing(tokens, at)] if text_at(tokens, at) == "(" else ()
    return {fold(unquote(token.text)) for token in names if token.kind in ("word", "quoted")}


# --- UPDATE, and DO UPDATE ---

_ENDS_SET = {"FROM", "WHERE", "RETURNING", "ORDER", "LIMIT", "ON"}


def assignments(tokens: Sequence[Token]) -> dict[str, Sequence[Token]]:
    """Return {column: tokens of the new value} of what UPDATE or DO UPDATE sets; names are folded."""
    found: dict[str, Sequence[Token]] = {}
    for start in (i + 1 for i in outside(tokens) if tokens[i].keyword == "SET"):
        rest = tokens[start:]
        end = next((i for i in outside(rest) if rest[i].keyword in _ENDS_SET), len(rest))
        for part in parted(rest[:end], ","):
            equals = next((i for i in outside(part) if part[i].text in ("=", "==")), len(part))
            names = [fold(unquote(t.text)) for t in part[:equals] if t.text not in ("(", ")", ",")]
            found |= dict.fromkeys(names, part[equals + 1 :])
    return found


# --- effects ---


class Effect(NamedTuple):
    """What is done to a table; names are folded.

    REPLACE, and OR REPLACE in INSERT and UPDATE, count as `delete` too: rows they conflict with are deleted.

    Attributes:
        kind: what is done.
        table: the table; for `drop trigger`, the trigger.
        to: the new name of a table that is renamed.
        sets: the columns that an UPDATE sets, or the DO UPDATE of an INSERT; the one that is dropped.
        replaces: whether an INSERT or UPDATE has REPLACE, which then also applies in its triggers.
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
    """Return what a statement does to tables, in order; a CREATE TRIGGER does not yet run its body."""
    tokens = significant(sql)
    shape = shape_of(tokens)
    match shape.verb:
        case "create table" | "create virtual table":
            return [Effect("create", shape.name)]
        case "drop table":
            return [Effect("drop", shape.name)]
        case "drop trigger":
            return [Effect("drop trigger", shape.name)]
        case "alter table":
            alteration = alteration_of(tokens)
            if alteration.action == "rename":
                return [Effect("rename", shape.name, alteration.to)]
            if alteration.action == "drop column":
                return [Effect("drop column", shape.name, sets=frozenset([alteration.column]))]
            return [Effect("alter", shape.name)]
        case "insert" | "replace" | "update" | "delete":
            return _row_effects(tokens, shape)
    return []


def trigger_effects(trigger: TriggerDefinition) -> list[Effect]:
    """Return what the body of a trigger does when it fires."""
    return [effect for sql in trigger.body for effect in effects(sql)]


def _row_effects(tokens: Sequence[Token], shape: Shape) -> list[Effect]:
    table, at = _target(tokens, shape)
    if shape.verb == "delete":
        return [Effect("delete", table)]
    conflict = [token.keyword for token in tokens[shape.at + 1 : shape.at + 3]]
    replaces = shape.verb == "replace" or conflict == ["OR", "REPLACE"]
    sets = frozenset(assignments(tokens[at:]))
    insert = insert_of(tokens)
    command = _command(insert) if insert else None
    effect = Effect("insert" if insert else "update", table, "", sets, replaces, command)
    return [Effect("delete", table), effect] if replaces else [effect]


def _command(insert: Insert) -> str | None:
    """Return what an INSERT puts into the column that is named as its table; see Effect."""
    if insert.table not in insert.columns:
        return None
    source = insert.source
    if text_at(source, 0).upper() == "VALUES" and closing(source, 1) == len(source) - 1:
        values = first_row(source)
    elif text_at(source, 0).upper() == "SELECT":
        values = list(parted(source[1:], ","))
    else:
        return ""
    place = insert.columns.index(insert.table)
    value = values[place] if place < len(values) else ()
    if [token.keyword for token in value] == ["NULL"]:
        return None
    is_literal = len(value) == 1 and value[0].kind in ("string", "quoted")
    return fold(unquote(value[0].text)) if is_literal else ""


# --- PRAGMA ---


class Pragma(NamedTuple):
    """A PRAGMA: its name and its value, folded; the value is None if it is only read."""

    name: str
    value: str | None = None

    @property
    def is_on(self) -> bool:
        """Whether it is set, to a value that means on."""
        return self.value in ("on", "yes", "true", "1")

    @property
    def is_off(self) -> bool:
        """Whether it is set, to a value that does not mean on."""
        return self.value is not None and not self.is_on


def pragma_of(tokens: Sequence[Token]) -> Pragma:
    """Return the name and value of a PRAGMA from its significant tokens."""
    name, at = name_at(tokens, 1)
    values = [fold(unquote(token.text)) for token in tokens[at:] if token.text not in ("=", "(", ")")]
    return Pragma(name, values[0] if values else None)
