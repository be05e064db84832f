"""Deferred foreign keys in a Durable Object: at the end of the event a violation is no error, but a reset.

The runtime looks for violations in each migration's transaction. So an error is that migration's own, and the
migrations before it stay.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.runtime.answers import InsideError

if TYPE_CHECKING:
    from tests.runtime.typescript import TypeScriptWorkerd

FAMILY = """
CREATE TABLE parents (id INTEGER PRIMARY KEY);
CREATE TABLE children (parent_id INTEGER REFERENCES parents(id){0});
INSERT INTO parents VALUES (1);
INSERT INTO children VALUES (1);
"""
IMMEDIATE, DEFERRED = FAMILY.format(""), FAMILY.format(" DEFERRABLE INITIALLY DEFERRED")
DEFER = "PRAGMA defer_foreign_keys = ON; "
REBUILD = (
    "CREATE TABLE new (id INTEGER PRIMARY KEY); INSERT INTO new SELECT id FROM parents;"
    " DROP TABLE parents; ALTER TABLE new RENAME TO parents;"
)
VIOLATED = "FOREIGN KEY constraint failed: SQLITE_CONSTRAINT"


@pytest.mark.parametrize(
    ("family", "text"),
    [
        (IMMEDIATE, DEFER + "DELETE FROM parents;"),
        (IMMEDIATE, DEFER + "DELETE FROM parents; PRAGMA defer_foreign_keys = OFF;"),
        (IMMEDIATE, DEFER + "DROP TABLE parents; CREATE TABLE parents (id INTEGER PRIMARY KEY);"),
        (DEFERRED, "DELETE FROM parents;"),
        (DEFERRED, "INSERT INTO children VALUES (9);"),
        (DEFERRED, "DROP TABLE parents; CREATE TABLE parents (id INTEGER PRIMARY KEY);"),
    ],
)
def test_a_violation(typescript: TypeScriptWorkerd, family: str, text: str) -> None:
    """Also of a key that an earlier file has declared: the last file does not have the word."""
    database = typescript.new_object()
    with pytest.raises(InsideError, match=VIOLATED) as raised:
        typescript.apply(database, family, "CREATE TABLE kept (id);", text)
    assert raised.value.type == "ApplyError"
    assert raised.value.attributes["applied"] == ["001_file", "002_file"]
    assert typescript.sql(database, "SELECT count(*) FROM parents, children, pragma_table_list('kept')") == [
        [[1]]
    ]


@pytest.mark.parametrize("family", [IMMEDIATE, DEFERRED], ids=["immediate", "deferred"])
def test_a_rebuild_by_name(typescript: TypeScriptWorkerd, family: str) -> None:
    """SQLite still counts a violation when a table of that name is back, and D1 refuses the commit."""
    database = typescript.new_object()
    typescript.apply(database, family, DEFER + REBUILD)
    typescript.apply(database, family, DEFER + REBUILD, "INSERT INTO children VALUES (1);")
    assert typescript.sql(database, "SELECT count(*) FROM children JOIN parents ON id = parent_id") == [[[2]]]


def test_the_pragma_ends_with_the_migration(typescript: TypeScriptWorkerd) -> None:
    """In the next one, keys are immediate again: the error is that of the statement, not of the end."""
    database = typescript.new_object()
    with pytest.raises(InsideError, match=r"003_file\.sql:1: FOREIGN KEY constraint failed"):
        typescript.apply(database, IMMEDIATE, DEFER + "SELECT 1;", "DELETE FROM parents; SELECT nosuch;")


def test_a_pragma_of_other_code(typescript: TypeScriptWorkerd) -> None:
    """It lasts until the object is evicted, and changes what LIKE finds, also in the schema."""
    database = typescript.new_object()
    typescript.apply(database, DEFERRED)
    typescript.sql(database, "PRAGMA case_sensitive_like = ON")
    with pytest.raises(InsideError, match=VIOLATED):
        typescript.apply(database, DEFERRED, "DELETE FROM parents;")
