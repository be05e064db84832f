"""Parses CREATE statements by SQLite's grammar (its src/parse.y) into the values of `definitions`."""

from __future__ import annotations

from functools import lru_cache
from itertools import islice

from d1migrate.sql.constraints import Constraints, names, term
from d1migrate.sql.definitions import (
    ColumnDefinition,
    Definition,
    IndexDefinition,
    Item,
    TableDefinition,
    TriggerDefinition,
    ViewDefinition,
    VirtualTableDefinition,
)
from d1migrate.sql.names import fold, quote_literal, unquote
from d1migrate.sql.token_groups import closing, parted, span, text_at
from d1migrate.sql.tokens import Token, significant, tokenize

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_TABLE_CONSTRAINTS = frozenset({"CONSTRAINT", "PRIMARY", "UNIQUE", "CHECK", "FOREIGN"})
_AFTER_TYPE = _TABLE_CONSTRAINTS | {
    "NOT",
    "NULL",
    "DEFAULT",
    "COLLATE",
    "REFERENCES",
    "AS",
    "ON",
    "DEFERRABLE",
}
_NAMES = ("word", "quoted", "string")


def parse(sql: str) -> Definition | None:
    """Parse a CREATE statement; None for CREATE TABLE … AS SELECT, and any other statement.

    Args:
        sql: the statement, as a user writes it or as SQLite stores it.
    """
    tokens = (token for token in tokenize(sql) if token.kind not in ("space", "comment"))
    words = [token.keyword for token in islice(tokens, 3)]
    if words[:1] != ["CREATE"]:
        return None
    kinds = {"INDEX": _index, "VIEW": _view, "TRIGGER": _trigger}
    for at, word in enumerate(words[1:], 1):
        if word in kinds:
            return kinds[word](sql, significant(sql), at)
    return parse_virtual_table(sql) if words[1:] == ["VIRTUAL", "TABLE"] else parse_table(sql)


@lru_cache(maxsize=2048)  # every rule, key and comparison asks about the same few tables
def parse_table(sql: str) -> TableDefinition | None:
    """Parse a CREATE TABLE; None for one with AS SELECT, a virtual table, or any other statement.

    Args:
        sql: the statement, as a user writes it or as SQLite stores it.
    """
    return _table(sql, significant(sql))


def with_types(sql: str, types: Mapping[str, str]) -> str:
    """Return a CREATE TABLE with other declared types, and nothing else changed.

    Args:
        sql: the statement; `parse_table` can parse it.
        types: {folded column: its type, "" for none}.
    """
    tokens = significant(sql)
    start = _body(tokens)
    parts, at = list[str](), 0
    for group in _groups(tokens, start, closing(tokens, start)):
        kind = types.get(fold(unquote(group[0].text))) if group[0].keyword not in _TABLE_CONSTRAINTS else None
        if kind is None:
            continue
        name, last = group[0], group[_type_end(group) - 1]
        parts += [sql[at : name.start + len(name.text)], f" {kind}" if kind else ""]
        at = last.start + len(last.text)
    return "".join([*parts, sql[at:]])


def with_reference_clauses(sql: str, clauses: Sequence[str]) -> str:
    """Return a CREATE TABLE whose foreign keys have other clauses, and nothing else changed.

    Args:
        sql: the statement; `parse_table` can parse it.
        clauses: what follows the referenced columns of each foreign key, in the order of the text, such as
            `ON DELETE CASCADE`; "" for nothing.
    """
    tokens = significant(sql)
    parts, at = list[str](), 0
    references = (i for i, token in enumerate(tokens) if token.keyword == "REFERENCES")
    for start, clause in zip(references, clauses, strict=True):
        listed = closing(tokens, start + 2) if text_at(tokens, start + 2) == "(" else start + 1
        last = _clause_end(tokens, listed)
        parts += [sql[at : tokens[listed].start + len(tokens[listed].text)], f" {clause}" if clause else ""]
        at = tokens[last].start + len(tokens[last].text)
    return "".join([*parts, sql[at:]])


def _clause_end(tokens: Sequence[Token], at: int) -> int:
    """Return the position of the last token of the clauses of a foreign key that come after a position."""
    while at + 1 < len(tokens):
        words = [token.keyword for token in tokens[at + 1 : at + 5]]
        if words[:1] == ["ON"]:
            at += 4 if words[2:3] in (["SET"], ["NO"]) else 3
        elif words[:1] == ["MATCH"]:
            at += 2
        elif "DEFERRABLE" in words[:1] or words[:2] == ["NOT", "DEFERRABLE"]:
            at += words.index("DEFERRABLE") + 1
            at += 2 if [token.keyword for token in tokens[at + 1 : at + 2]] == ["INITIALLY"] else 0
        else:
            break
    return at


def without_autoincrement(sql: str) -> str:
    """Return a CREATE TABLE without AUTOINCREMENT, and nothing else changed."""
    for token in significant(sql):
        if token.keyword == "AUTOINCREMENT":  # a reserved word, so at most once
            return sql[: token.start].rstrip() + sql[token.start + len(token.text) :]
    return sql


def with_options(sql: str, options: Mapping[str, str]) -> str:
    """Return a CREATE VIRTUAL TABLE with other values of some of its options.

    Args:
        sql: the statement; `parse_virtual_table` can parse it.
        options: {folded name: value without quotes}.
    """
    tokens = significant(sql)
    start = next(at for at, token in enumerate(tokens) if token.text == "(")
    parts, at = list[str](), 0
    for group in _groups(tokens, start, closing(tokens, start)):
        value = options.get(fold(group[0].text)) if text_at(group, 1) == "=" else None
        if value is None:
            continue
        start, last = group[2].start if len(group) > 2 else group[1].start + 1, group[-1]
        parts += [sql[at:start], quote_literal(value)]
        at = last.start + len(last.text)
    return "".join([*parts, sql[at:]])


def parse_trigger(sql: str) -> TriggerDefinition | None:
    """Parse a CREATE TRIGGER; None for any other statement."""
    tokens = significant(sql)
    at = next((at for at, token in enumerate(tokens[:3]) if at and token.keyword == "TRIGGER"), 0)
    return _trigger(sql, tokens, at) if at and tokens[0].keyword == "CREATE" else None


def parse_virtual_table(sql: str) -> VirtualTableDefinition | None:
    """Parse a CREATE VIRTUAL TABLE; None for any other statement."""
    tokens = significant(sql)
    is_virtual = [token.keyword for token in tokens[:3]] == ["CREATE", "VIRTUAL", "TABLE"]
    return _virtual_table(sql, tokens) if is_virtual else None


def _name_at(tokens: Sequence[Token], at: int) -> int:
    """Return the position of the name after the kind of object, past IF NOT EXISTS and a schema."""
    at += 3 if [token.keyword for token in tokens[at : at + 3]] == ["IF", "NOT", "EXISTS"] else 0
    return at + (2 if text_at(tokens, at + 1) == "." else 0)


# --- tables ---


def _table(sql: str, tokens: Sequence[Token]) -> TableDefinition | None:
    start = _body(tokens)
    end = closing(tokens, start)
    if end >= len(tokens):
        return None
    groups = _groups(tokens, start, end)
    columns = [_column(sql, group) for group in groups if group[0].keyword not in _TABLE_CONSTRAINTS]
    constraints = [Constraints(sql, group) for group in groups if group[0].keyword in _TABLE_CONSTRAINTS]
    options = [fold(unquote(token.text)) for token in tokens[end + 1 :]]
    items, closing_comments = _items(sql, groups, tokens[start], tokens[end])
    return TableDefinition(
        unquote(tokens[start - 1].text),
        tuple(columns),
        tuple(check for one in constraints for check in one.checks),
        tuple(key for one in constraints for key in one.keys),
        tuple(reference for one in constraints for reference in one.references),
        strict="strict" in options,
        without_rowid="without" in options,
        items=items,
        closing_comments=closing_comments,
    )


def _groups(tokens: Sequence[Token], start: int, end: int) -> list[Sequence[Token]]:
    """Return the tokens of each column and table constraint, between two parentheses."""
    return [group for group in parted(tokens[start + 1 : end], ",") if group]


def _body(tokens: Sequence[Token]) -> int:
    """Return the position of the parenthesis that opens the columns; the end if there is none."""
    words = [token.keyword for token in tokens[:3]]
    at = 3 if words[1:2] in (["TEMP"], ["TEMPORARY"]) else 2
    if words[:1] != ["CREATE"] or words[at - 1 : at] != ["TABLE"]:
        return len(tokens)
    at = _name_at(tokens, at)
    return at + 1 if text_at(tokens, at + 1) == "(" else len(tokens)


def _column(sql: str, tokens: Sequence[Token]) -> ColumnDefinition:
    end = _type_end(tokens)
    name = unquote(tokens[0].text)
    rest = Constraints(sql, tokens[end:], column=name)
    return ColumnDefinition(
        name,
        span(sql, tokens[1:end]),
        tuple(rest.checks),
        rest.default,
        rest.collation,
        rest.generated,
        rest.stored,
        rest.not_null,
        tuple(rest.keys),
        tuple(rest.references),
    )


def _type_end(tokens: Sequence[Token]) -> int:
    """Return the position after the declared type of a column, which begins at 1 and may be empty."""
    end = 1
    while end < len(tokens) and tokens[end].kind in _NAMES and tokens[end].keyword not in _AFTER_TYPE:
        if [token.keyword for token in tokens[end : end + 2]] == ["GENERATED", "ALWAYS"]:
            break
        end += 1
    return closing(tokens, end) + 1 if end > 1 and text_at(tokens, end) == "(" else end


def _items(
    sql: str, groups: Sequence[Sequence[Token]], opened: Token, closed: Token
) -> tuple[tuple[Item, ...], tuple[str, ...]]:
    """Return the items between the parentheses, each with its comments, and the comments after the last."""
    items: list[Item] = []
    at = opened.start + 1
    for group in groups:
        trailing, leading = _comments(sql[at : group[0].start])
        if items:
            items[-1] = items[-1]._replace(trailing=trailing)
        else:
            leading = trailing + leading
        column = None if group[0].keyword in _TABLE_CONSTRAINTS else unquote(group[0].text)
        items.append(Item(span(sql, group), leading, column=column))
        at = group[-1].start + len(group[-1].text)
    trailing, after_last = _comments(sql[at : closed.start])
    if items:
        items[-1] = items[-1]._replace(trailing=trailing)
    return tuple(items), after_last


def _comments(text: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the comments on the first line, and those on the others."""
    if "--" not in text and "/*" not in text:  # nearly always
        return (), ()
    found: tuple[list[str], list[str]] = ([], [])
    line = 0
    for token in tokenize(text):
        if token.kind == "comment":
            found[line].append(token.text.rstrip())
        if "\n" in token.text:
            line = 1
    return tuple(found[0]), tuple(found[1])


# --- all others ---


def _index(sql: str, tokens: Sequence[Token], at: int) -> IndexDefinition | None:
    name = _name_at(tokens, at + 1)
    end = closing(tokens, name + 3)
    if text_at(tokens, name + 3) != "(" or end >= len(tokens):
        return None
    groups = [group for group in parted(tokens[name + 4 : end], ",") if group]
    return IndexDefinition(
        unquote(tokens[name].text),
        unquote(tokens[name + 2].text),
        tuple(term(sql, group) for group in groups),
        unique=tokens[1].keyword == "UNIQUE",
        where=span(sql, _unended(tokens[end + 2 :])) or None,
    )


def _view(sql: str, tokens: Sequence[Token], at: int) -> ViewDefinition | None:
    name = _name_at(tokens, at + 1)
    end = closing(tokens, name + 1) if text_at(tokens, name + 1) == "(" else name
    if end + 2 >= len(tokens) or tokens[end + 1].keyword != "AS":
        return None
    return ViewDefinition(
        unquote(tokens[name].text), span(sql, _unended(tokens[end + 2 :])), names(tokens[name + 2 : end])
    )


def _trigger(sql: str, tokens: Sequence[Token], at: int) -> TriggerDefinition | None:
    words = [token.keyword for token in tokens]
    name = _name_at(tokens, at + 1)
    first = words[name + 1] if name + 1 < len(words) else ""
    timing = {"BEFORE": "BEFORE", "AFTER": "AFTER", "INSTEAD": "INSTEAD OF"}.get(first, "")
    event = name + 1 + len(timing.split())
    if "ON" not in words[event:]:
        return None
    on = words.index("ON", event)
    table = on + (3 if text_at(tokens, on + 2) == "." else 1)
    begins = (i for i in range(table + 1, len(words)) if words[i] == "BEGIN" and tokens[i - 1].text != ".")
    begin = next(begins, len(words))
    if "END" not in words[begin:]:
        return None
    when = table + (4 if words[table + 1 : table + 4] == ["FOR", "EACH", "ROW"] else 1)
    end = len(words) - words[::-1].index("END") - 1
    return TriggerDefinition(
        unquote(tokens[name].text),
        unquote(tokens[table].text),
        timing or "BEFORE",
        words[event],
        names(tokens[event + 2 : on]),
        span(sql, tokens[when + 1 : begin]) or None,
        tuple(span(sql, group) for group in parted(tokens[begin + 1 : end], ";") if group),
    )


def _virtual_table(sql: str, tokens: Sequence[Token]) -> VirtualTableDefinition | None:
    name = _name_at(tokens, 3)
    if name + 2 >= len(tokens):
        return None
    arguments = _unended(tokens[name + 3 :])[1:-1]
    return VirtualTableDefinition(
        unquote(tokens[name].text),
        fold(unquote(tokens[name + 2].text)),
        tuple(span(sql, group) for group in parted(arguments, ",") if group),
    )


def _unended(tokens: Sequence[Token]) -> Sequence[Token]:
    return tokens[:-1] if tokens and tokens[-1].text == ";" else tokens
