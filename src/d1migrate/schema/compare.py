"""Two schemas, object by object: what is missing, extra or different."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

from d1migrate.sql.names import fold, quote_identifier, unquote
from d1migrate.sql.tokens import KEYWORDS, significant
from d1migrate.sql.triggers import without_case_parentheses

if TYPE_CHECKING:
    from collections.abc import Iterable

    from d1migrate.schema.model import Schema, Table


class Difference(NamedTuple):
    """One object that is not as expected.

    Attributes:
        kind: table, column, index, foreign key, trigger or view.
        name: the object; a column as `table.column`.
        problem: missing (expected, not there), extra (there, not expected) or different.
        expected, actual: SQL or a description, None where there is none.
    """

    kind: str
    name: str
    problem: Literal["missing", "extra", "different"]
    expected: str | None
    actual: str | None


def compare(expected: Schema, actual: Schema) -> tuple[Difference, ...]:
    """Return how `actual` differs from `expected`; comments, white space, quotes and case do not count."""
    found: list[Difference] = []
    wanted = {fold(table.name): table for table in expected.tables}
    there = {fold(table.name): table for table in actual.tables}
    for name, table in wanted.items():
        if name in there:
            found += _table(table, there[name])
        else:
            found.append(Difference("table", table.name, "missing", table.sql, None))
    found += [
        Difference("table", t.name, "extra", None, t.sql) for name, t in there.items() if name not in wanted
    ]
    found += _named("view", _sql(expected.views), _sql(actual.views))
    found += _named("trigger", _sql(expected.triggers), _sql(actual.triggers))
    return tuple(found)


def canonical(sql: str) -> str:
    """Return SQL as SQLite means it: without comments, one space between tokens, names without quotes.

    In a trigger, parentheses around a CASE make no difference: some ways to D1 have to write them.
    """
    words = []
    for token in significant(sql):
        # In double quotes may be a string, whose case counts; that of a bare word does not.
        text = _plain(unquote(token.text)) if token.kind == "quoted" else token.text
        upper = text.upper() if text.isascii() else text
        words.append(upper if upper in KEYWORDS else fold(text) if token.kind == "word" else text)
    return " ".join(without_case_parentheses(words) if "TRIGGER" in words[:3] else words)


def _plain(name: str) -> str:
    """Return a name without quotes where it needs none."""
    return name if name.isidentifier() else quote_identifier(name)


def _table(expected: Table, actual: Table) -> list[Difference]:
    name = expected.name
    parts = [
        *_named("column", _columns(expected), _columns(actual)),
        *_named("foreign key", _foreign_keys(expected), _foreign_keys(actual)),
    ]
    if not parts and canonical(expected.sql) != canonical(actual.sql):
        parts = [Difference("table", name, "different", expected.sql, actual.sql)]
    indexes = [{i.name: i.sql for i in table.indexes if i.sql} for table in (expected, actual)]
    return [
        *parts,
        *_named("index", *indexes),
        *_named("trigger", _sql(expected.triggers), _sql(actual.triggers)),
    ]


def _columns(table: Table) -> dict[str, str]:
    return {
        f"{table.name}.{c.name}": " ".join(
            word
            for word in (
                c.type,
                f"PRIMARY KEY({c.primary_key})" if c.primary_key else "",
                "NOT NULL" if c.not_null else "",
                f"DEFAULT {c.default}" if c.default is not None else "",
                "GENERATED" if c.generated else "",
            )
            if word
        )
        for c in table.columns
    }


def _foreign_keys(table: Table) -> dict[str, str]:
    return {
        f"{table.name}({', '.join(key.columns)})": f"REFERENCES {key.table}"
        f"({', '.join(to or 'primary key' for to in key.to)})"
        f" ON DELETE {key.on_delete} ON UPDATE {key.on_update}"
        for key in table.foreign_keys
    }


def _sql(objects: Iterable[tuple[str, ...]]) -> dict[str, str]:
    return {item[0]: item[-1] for item in objects}


def _named(kind: str, expected: dict[str, str], actual: dict[str, str]) -> list[Difference]:
    there = {fold(name): sql for name, sql in actual.items()}
    wanted = {fold(name) for name in expected}
    found: list[Difference] = []
    for name, sql in expected.items():
        other = there.get(fold(name))
        if other is None:
            found.append(Difference(kind, name, "missing", sql, None))
        elif canonical(sql) != canonical(other):
            found.append(Difference(kind, name, "different", sql, other))
    found += [
        Difference(kind, name, "extra", None, sql) for name, sql in actual.items() if fold(name) not in wanted
    ]
    return found
