"""What a DROP TABLE takes from the children, and what of it the file itself puts back."""

from __future__ import annotations

import pytest

from d1migrate.lint.runner import lint
from d1migrate.migrate.migration import Migration

GIVEN = (
    "CREATE TABLE p (id INTEGER PRIMARY KEY, n TEXT);"
    " CREATE TABLE c (id INTEGER PRIMARY KEY, p INTEGER REFERENCES p(id) ON DELETE {}, v TEXT);"
    " CREATE INDEX c_p ON c(p);"
)
REBUILD = (
    "CREATE TABLE q (id INTEGER PRIMARY KEY, n TEXT, m TEXT); INSERT INTO q (id, n) SELECT id, n FROM p;"
    " DROP TABLE p; ALTER TABLE q RENAME TO p;"
)


def losses(before: str, after: str, action: str) -> list[str]:
    """The messages of D101 for a rebuild of the parent between other statements."""
    files = [Migration(1, "001_given", GIVEN.format(action)), Migration(2, "002_x", before + REBUILD + after)]
    return [d.message for d in lint(files, only={"002_x"}) if d.code == "D101"]


HOLD = "CREATE TABLE hold AS SELECT {} FROM c{};"
BACK = "INSERT INTO c {}SELECT {} FROM hold{};"
DROP = "DROP TABLE hold;"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (HOLD.format("*", ""), BACK.format("", "*", "") + DROP),
        (HOLD.format("id, p, v", " WHERE p IS NOT NULL"), BACK.format("(id, p, v) ", "id, p, v", "") + DROP),
        (HOLD.format("*", ""), "INSERT OR REPLACE INTO c SELECT * FROM hold;" + DROP),
        (HOLD.format("*", ""), "INSERT OR IGNORE INTO c SELECT * FROM hold;" + DROP),
        ("CREATE TABLE hold (id, p, v); INSERT INTO hold SELECT * FROM c;", BACK.format("", "*", "") + DROP),
    ],
)
def test_rows_that_are_put_back(before: str, after: str) -> None:
    """All rows that have a parent, and all columns, go aside and return."""
    assert losses(before, after, "CASCADE") == []


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("", ""),
        (HOLD.format("*", ""), DROP),
        (HOLD.format("id, p", ""), BACK.format("(id, p) ", "id, p", "") + DROP),
        (HOLD.format("*", " WHERE v = 'x'"), BACK.format("", "*", "") + DROP),
        (HOLD.format("*", " LIMIT 10"), BACK.format("", "*", "") + DROP),
        (HOLD.format("*", ""), BACK.format("", "*", " WHERE id > 1") + DROP),
        (HOLD.format("id, p, upper(v) AS v", ""), BACK.format("", "*", "") + DROP),
    ],
)
def test_rows_that_are_lost(before: str, after: str) -> None:
    """Some do not return, or not with the values they had."""
    assert losses(before, after, "CASCADE") == ["DROP TABLE p deletes the rows of c"]


@pytest.mark.parametrize(
    ("before", "after", "is_lost"),
    [
        (
            HOLD.format("id, p", ""),
            "UPDATE c SET p = (SELECT p FROM hold WHERE hold.id = c.id);" + DROP,
            False,
        ),
        (
            HOLD.format("id, p", " WHERE p IS NOT NULL"),
            "UPDATE c SET p = hold.p FROM hold WHERE hold.id = c.id;" + DROP,
            False,
        ),
        (HOLD.format("*", ""), "DELETE FROM c;" + BACK.format("", "*", "") + DROP, False),
        (HOLD.format("*", ""), "INSERT OR REPLACE INTO c SELECT * FROM hold;" + DROP, False),
        (HOLD.format("*", ""), "INSERT OR IGNORE INTO c SELECT * FROM hold;" + DROP, True),
        (
            HOLD.format("id, v", ""),
            "UPDATE c SET p = (SELECT p FROM hold WHERE hold.id = c.id);" + DROP,
            True,
        ),
        ("UPDATE c SET p = -p;", "UPDATE c SET p = -p;", False),
    ],
)
def test_links_that_are_cleared(before: str, after: str, *, is_lost: bool) -> None:
    """The rows of the child remain, so an INSERT restores links only where it replaces them."""
    assert losses(before, after, "SET NULL") == (["DROP TABLE p sets c.p to NULL"] if is_lost else [])
