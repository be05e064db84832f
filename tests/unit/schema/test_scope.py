"""What names can stand for: columns in reach, and keys that are not written."""

from __future__ import annotations

import pytest

from d1migrate.schema.scope import Scope, strings_now
from tests.unit.schema.building import schema

SQL = """
CREATE TABLE users (Id INTEGER PRIMARY KEY, name);
CREATE TABLE pairs (a, b, PRIMARY KEY (b, A));
CREATE VIEW v AS SELECT id AS number FROM users;
CREATE VIRTUAL TABLE s USING fts5(body, content='');
"""
SCOPE = Scope.of(schema(SQL))


@pytest.mark.parametrize(
    ("table", "key"), [("users", ("id",)), ("PAIRS", ("b", "a")), ("v", ()), ("s", ()), ("none", ())]
)
def test_the_key_that_references_means(table: str, key: tuple[str, ...]) -> None:
    """In its own order, folded."""
    assert SCOPE.primary_key(table) == key


@pytest.mark.parametrize(
    ("sql", "inside", "outside"),
    [
        ('CREATE INDEX i ON users ("name")', {"users", "id", "name", "rowid"}, {"a"}),
        ('CREATE VIEW w AS SELECT "number", x AS y FROM v', {"number", "id", "name", "y"}, {"a"}),
        ('CREATE VIEW w AS SELECT "body" FROM s', {"body"}, {"name"}),
        ("CREATE VIEW w AS SELECT name FROM users", set(), {"name", "rowid"}),  # nothing in such quotes
    ],
)
def test_names_in_reach(sql: str, inside: set[str], outside: set[str]) -> None:
    """Of the tables and views that a statement mentions."""
    names = SCOPE.names(sql)
    assert inside <= names
    assert not outside & names


def test_names_that_become_strings() -> None:
    """SQLite takes a name in double quotes that names nothing for a string, without a word."""
    after = Scope.of(schema(SQL.replace(", name", ", title")))
    sql = 'CREATE INDEX i ON users ("name") WHERE "id" > 1'
    assert strings_now(sql, SCOPE, after) == ["name"]
    assert strings_now(sql, SCOPE, SCOPE) == []
