"""The values of generated rows."""

from __future__ import annotations

import json
import re

import pytest

from tests.unit.rehearse.fill.filling import ROWS, filled, rows


def test_values_imitate_life() -> None:
    """The name and type of a column determine its values."""
    connection = filled(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, is_new INT NOT NULL, has_x BOOLEAN NOT NULL, made_at INTEGER NOT NULL,"
        " seen_at TEXT NOT NULL, due DATE NOT NULL, email TEXT NOT NULL, meta TEXT NOT NULL, user_settings NOT NULL,"
        " score REAL NOT NULL, raw BLOB NOT NULL, n INT NOT NULL, name TEXT NOT NULL)"
    )
    columns = {
        name: rows(connection, f"SELECT {name} FROM t")
        for name in rows(connection, "SELECT name FROM pragma_table_info('t')")
    }
    assert set(columns["is_new"]) == set(columns["has_x"]) == {0, 1}
    assert all(1_600_000_000 < value < 2_000_000_000 for value in columns["made_at"])
    assert rows(
        connection, "SELECT count(*) FROM t WHERE datetime(seen_at) = seen_at AND date(due) = due"
    ) == [ROWS]
    assert rows(
        connection, "SELECT count(*) FROM t WHERE made_at < unixepoch(seen_at) AND seen_at < due"
    ) == [ROWS]
    assert all(re.fullmatch(r"[^@ ]+@[^@ ]+\.com", value) for value in columns["email"])
    assert all(
        isinstance(json.loads(value), dict) for name in ("meta", "user_settings") for value in columns[name]
    )
    assert all(isinstance(value, float) and value % 1 for value in columns["score"])
    assert all(isinstance(value, bytes) for value in columns["raw"])
    for name in ("id", "made_at", "seen_at", "email", "meta", "score", "raw", "n", "name"):
        assert len(set(columns[name])) == ROWS, name
    assert any("'" in value for value in columns["name"])
    assert any(not value.isascii() for value in columns["name"])


@pytest.mark.parametrize(
    "key", ["INTEGER PRIMARY KEY", "INTEGER PRIMARY KEY AUTOINCREMENT", "INTEGER PRIMARY KEY CHECK (id > 99)"]
)
def test_numbers_of_rows_have_gaps(key: str) -> None:
    """An INTEGER PRIMARY KEY does not count the rows, and other columns start differently."""
    connection = filled(f"CREATE TABLE t (id {key}, a)")
    ids = rows(connection, "SELECT id FROM t ORDER BY id")
    assert max(ids) - min(ids) >= ROWS
    if "AUTO" in key:
        assert rows(connection, "SELECT seq FROM sqlite_sequence") == [max(ids)]


def test_nulls() -> None:
    """About every fifth nullable value is NULL, never in the first row."""
    connection = filled(
        "CREATE TABLE p (id TEXT PRIMARY KEY);"
        "CREATE TABLE t (a TEXT, b INT CHECK (b > 5), c TEXT CHECK (c IN ('x', 'y')), e NOT NULL, g, d REFERENCES p, f INT PRIMARY KEY)"
    )
    for column in "abcdg":
        assert rows(connection, f"SELECT count(*) FROM t WHERE {column} IS NULL")[0] in range(8, 13), column
    assert rows(connection, "SELECT count(*) FROM t WHERE e IS NULL OR f IS NULL") == [0]
    assert None not in rows(connection, "SELECT * FROM t WHERE rowid = 1")[0]


def test_lists_are_used_up() -> None:
    """Every value of a list occurs; if one column depends on another, both kinds of rows occur."""
    connection = filled(
        "CREATE TABLE t (a TEXT NOT NULL DEFAULT 'x' CHECK (a IN ('x', 'y', 'z')), n INT NOT NULL CHECK (n BETWEEN 1 AND 5),"
        " s TEXT NOT NULL CHECK (s IN ('open', 'done')), at INT, CHECK ((s = 'done') = (at NOT NULL)));"
        "CREATE TABLE p (id INTEGER PRIMARY KEY);"
        "CREATE TABLE o (p INT REFERENCES p, q INT REFERENCES p, CHECK ((p IS NULL) <> (q IS NULL)))"
    )
    assert set(rows(connection, "SELECT a FROM t")) == {"x", "y", "z"}
    assert set(rows(connection, "SELECT n FROM t")) == {1, 2, 3, 4, 5}
    assert set(rows(connection, "SELECT s FROM t")) == {"open", "done"}
    assert set(rows(connection, "SELECT p IS NULL FROM o")) == {0, 1}


def test_some_parents_have_children() -> None:
    """Some rows of a parent have several children, and some have none."""
    connection = filled(
        "CREATE TABLE p (id INTEGER PRIMARY KEY); CREATE TABLE c (p INT NOT NULL REFERENCES p); CREATE INDEX i ON c (p)"
    )
    children = rows(connection, "SELECT count(c.p) FROM p LEFT JOIN c ON c.p = p.id GROUP BY p.id")
    assert 0 in children
    assert max(children) > 2
    assert len([n for n in children if n]) > 10


def test_a_tree_has_a_root_and_branches() -> None:
    """A table that references itself is a tree: every row has a root, some through several others."""
    connection = filled("CREATE TABLE t (id INTEGER PRIMARY KEY, up INT REFERENCES t)")
    depths = rows(
        connection,
        "WITH RECURSIVE r(id, depth) AS (SELECT id, 0 FROM t WHERE up IS NULL UNION ALL"
        " SELECT t.id, depth + 1 FROM t JOIN r ON t.up = r.id) SELECT depth FROM r",
    )
    assert len(depths) == ROWS
    assert max(depths) > 1
