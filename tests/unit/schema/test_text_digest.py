"""The digests of texts: which spellings are the same, and which may mean something else."""

from __future__ import annotations

import hashlib

import pytest

from d1migrate.schema.text_digest import changes, spelled
from tests.unit.schema.building import schema

BASE = "CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT); CREATE INDEX i ON users (name);"


@pytest.mark.parametrize(
    "sql",
    [
        "create table t (a text, b int default null)",
        "CREATE TABLE T(A TEXT,B INT DEFAULT NULL)",
        "CREATE TABLE t (\n  a TEXT, -- a name\n  b INT DEFAULT NULL\n)",
        'CREATE TABLE "t" ("a" TEXT, "b" INT DEFAULT NULL)',
        "CREATE TABLE `T` ([A] TEXT, `b` /* int? */ INT DEFAULT NULL)",
        'CREATE TABLE "T" (a TEXT, b INT DEFAULT NULL)',
    ],
)
def test_what_makes_no_difference(sql: str) -> None:
    """White space, comments, capitals, and quotes that a name does not need."""
    assert spelled(sql) == "create table t ( a text , b int default null )"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("DEFAULT Abc", "DEFAULT abc"),
        ("DEFAULT [Abc]", "DEFAULT [abc]"),
        ("DEFAULT true", 'DEFAULT "true"'),
        ("CHECK (a = 'A')", "CHECK (a = 'a')"),
        ('CHECK (a = "A")', 'CHECK (a = "a")'),
        ("unique", '"unique"'),
        ("a", "'a'"),
        ("CREATE VIRTUAL TABLE t USING m (Abc)", "CREATE VIRTUAL TABLE t USING m (abc)"),
    ],
)
def test_what_may_be_a_difference(one: str, other: str) -> None:
    """Strings, what may be a string, words that mean something else in quotes, and what a module reads itself."""
    assert spelled(one) != spelled(other)


def test_names_in_need_of_quotes() -> None:
    """They keep them, always the same."""
    assert spelled('[a b] "a b" `a"b` "order" [Order] "É"') == '"a b" "a b" "a""b" "order" "order" É'


def test_changes() -> None:
    """New digests of what is new or different, and None for what is gone."""
    before = schema(BASE)

    assert changes(before, schema(BASE.replace("name", "NAME"))) == {}
    assert changes(before, schema("CREATE TABLE users (id INTEGER PRIMARY KEY, name)")).keys() == {
        "table users",
        "index i",
    }
    found = changes(before, schema(f"{BASE} CREATE VIEW V AS SELECT 1 AS x"))
    assert found == {"view v": hashlib.sha256(b"create view v as select 1 as x").hexdigest()[:16]}
    assert changes(schema(BASE), schema("")) == {"table users": None, "index i": None}
