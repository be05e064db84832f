"""Made-up rows for virtual tables."""

from __future__ import annotations

from d1migrate.rehearse.fill.filler import Filled, fill
from tests.unit.rehearse.fill.filling import ROWS, database, filled, rows


def test_full_text_tables() -> None:
    """A full-text table has its own rows, or is built from its content; its vocabulary has no rows."""
    connection = filled(
        "CREATE TABLE d (id INTEGER PRIMARY KEY, title TEXT NOT NULL, body TEXT); CREATE VIRTUAL TABLE f USING fts5 (a, b UNINDEXED);"
        "CREATE VIRTUAL TABLE x USING fts5 (title, body, content = 'd', content_rowid='id', tokenize = 'porter ascii');"
        "CREATE VIRTUAL TABLE n USING fts5 (a, content=''); CREATE VIRTUAL TABLE v USING fts5vocab (f, 'row');"
        "CREATE TRIGGER i AFTER INSERT ON d BEGIN INSERT INTO x (rowid, title) VALUES (new.id, new.title); END"
    )
    assert rows(connection, "SELECT count(*) FROM x ('title')") == [ROWS]
    assert rows(connection, "SELECT count(*) FROM n ('a')") == [ROWS]
    assert rows(connection, "SELECT count(*) > 0 FROM v") == [1]
    connection.execute("INSERT INTO x (x, rank) VALUES ('integrity-check', 1)")
    result = fill(
        database(
            "CREATE TABLE d (a NOT NULL CHECK (a <> a)); CREATE VIRTUAL TABLE x USING fts5 (a, content=d)"
        )
    )
    assert result.empty["x"] == "the table it indexes, d, has no rows"


def test_boxes() -> None:
    """An R*Tree has boxes with ordered ends."""
    connection = filled(
        "CREATE VIRTUAL TABLE r USING rtree (id, x0, x1, y0, y1, +name TEXT, +note); CREATE VIRTUAL TABLE i USING rtree_i32 (id, a, b)"
    )
    assert rows(
        connection,
        "SELECT count(*) FROM r WHERE x0 < x1 AND y0 < y1 AND name LIKE 'name %' AND note LIKE 'note %'",
    ) == [ROWS]
    assert rows(connection, "SELECT count(*) FROM i WHERE a < b") == [ROWS]
    assert rows(connection, "SELECT rtreecheck('r')") == ["ok"]


def test_a_module_that_refuses() -> None:
    """A virtual table that accepts no rows is reported with its message."""
    connection = database("CREATE VIRTUAL TABLE f USING fts5 (a, content='nowhere')")
    assert fill(connection) == Filled({"f": 0}, {"f": "fts5 refused: no such table: main.nowhere"})
