"""Parts of SQL statements that rules ask for: what goes into which column, places of words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from d1migrate.sql.names import fold, unquote
from d1migrate.sql.select import value_of
from d1migrate.sql.statement import replaces_on_conflict
from d1migrate.sql.token_groups import closing, text_at

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from d1migrate.lint.replay.model import ReplayedStatement
    from d1migrate.sql.tokens import Token

_ENDS_COLUMNS = {"FROM", "WHERE", "UNION", "EXCEPT", "INTERSECT", "ORDER", "GROUP", "LIMIT"}


def depths(tokens: Sequence[Token]) -> Iterator[tuple[int, Token, int]]:
    """Yield (place, token, how many parentheses it stands in); a parenthesis counts as outside itself."""
    depth = 0
    for place, token in enumerate(tokens):
        depth -= token.text == ")"
        yield place, token, depth
        depth += token.text == "("


def comma_separated(tokens: Sequence[Token]) -> list[list[Token]]:
    """Cut tokens at the commas that stand in no parentheses."""
    parts: list[list[Token]] = [[]]
    for _, token, depth in depths(tokens):
        if token.text == "," and depth == 0:
            parts.append([])
        else:
            parts[-1].append(token)
    return [part for part in parts if part]


def copied(tokens: Sequence[Token], into: Sequence[str]) -> dict[str, list[Token]]:
    """Return {column: tokens of what goes into it} of a statement with SELECT; {} if that is unknown.

    Args:
        tokens: the statement.
        into: the table's columns in order, for a statement that names none.
    """
    select = next((i for i, t, d in depths(tokens) if t.keyword == "SELECT" and d == 0), None)
    intos = next((i for i, t, d in depths(tokens) if t.keyword == "INTO" and d == 0), None)
    if select is None or (intos is None and tokens[0].keyword != "CREATE"):
        return {}
    head = [] if intos is None else tokens[intos + 1 : select]
    opening = next((i for i, t, _ in depths(head) if t.text == "("), None)
    columns = [fold(name) for name in into]
    if opening is not None:
        columns = [fold(unquote(t.text)) for t in head[opening + 1 :] if t.text not in (",", ")")]
    rest = tokens[select + 1 :]
    end = next((i for i, t, d in depths(rest) if t.keyword in _ENDS_COLUMNS and d == 0), len(rest))
    parts = comma_separated([t for t in rest[:end] if t.keyword not in ("DISTINCT", "ALL")])
    values = [list(value_of(part).tokens) for part in parts]
    if len(values) == len(columns):
        return dict(zip(columns, values, strict=True))
    star = len(values) == 1 and values[0][-1].text == "*"
    return dict.fromkeys(columns, values[0]) if star else {}


def is_bare(value: Sequence[Token]) -> bool:
    """Whether a value is a column as it is: `name`, `t.name`, or what a `*` stands for."""
    kinds = [token.kind for token in value]
    return (kinds[-1:] in (["word"], ["quoted"]) and len(value) in (1, 3)) or [t.text for t in value][
        -1:
    ] == ["*"]


def is_negated(value: Sequence[Token], column: str) -> bool:
    """Whether a new value is the column with its sign changed, which can be turned back."""
    return [t.text for t in value[:1]] == ["-"] and [fold(unquote(t.text)) for t in value[1:]] == [column]


def conflict_target(tokens: Sequence[Token]) -> set[str]:
    """Return the columns, folded, that the only ON CONFLICT of an INSERT names."""
    words = [token.keyword for token in tokens]
    if words.count("CONFLICT") != 1 or "OR" in words[:2]:
        return set()
    at = words.index("CONFLICT") + 1
    names = tokens[at + 1 : closing(tokens, at)] if text_at(tokens, at) == "(" else ()
    return {fold(unquote(token.text)) for token in names if token.kind in ("word", "quoted")}


def replaces(ran: ReplayedStatement) -> bool:
    """Whether a statement deletes the rows that it conflicts with."""
    table, at = ran.before.tables.get(ran.target), ran.shape.at
    said = ran.words[at + 1 : at + 3]
    if table is None or ran.verb == "replace" or said == ["OR", "REPLACE"]:
        return table is not None
    told = "CONFLICT" in ran.words or said[:1] == ["OR"]
    return not told and replaces_on_conflict(table.sql)


def is_guard(sql_tokens: Sequence[Token]) -> tuple[str, tuple[str, ...]] | None:
    """Return (event, columns it is limited to) of a trigger that makes SQLite leave rows alone.

    That is `CREATE TRIGGER … BEFORE DELETE|UPDATE [OF …] ON … BEGIN SELECT RAISE(IGNORE); END`.
    """
    words = [token.text.upper() for token in sql_tokens]
    if "BEGIN" not in words or words[words.index("BEGIN") :] != _IGNORES or "WHEN" in words:
        return None
    if "BEFORE" not in words:
        return None
    at = words.index("BEFORE") + 1
    columns: tuple[str, ...] = ()
    if words[at + 1 : at + 2] == ["OF"]:
        names = sql_tokens[at + 2 : words.index("ON", at)]
        columns = tuple(fold(unquote(t.text)) for t in names if t.text != ",")
    return words[at].lower(), columns


_IGNORES = ["BEGIN", "SELECT", "RAISE", "(", "IGNORE", ")", ";", "END"]


def pragma_of(ran: ReplayedStatement) -> tuple[str, str | None]:
    """Return the name and the value of a PRAGMA, folded; the value is None where it is only read."""
    texts = [fold(unquote(token.text)) for token in ran.tokens[1:]]
    if texts[1:2] == ["."]:
        texts = texts[2:]
    values = [text for text in texts[1:] if text not in ("=", "(", ")")]
    return (texts[0] if texts else ""), (values[0] if values else None)


def is_on(value: str) -> bool:
    """Whether a PRAGMA's value means on."""
    return value in ("on", "yes", "true", "1")
