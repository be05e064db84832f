"""Tables that generated rows cannot fill, or not completely, and the reasons that are reported."""

from __future__ import annotations

import pytest

from d1migrate.rehearse.fill.filler import Filled, fill
from tests.unit.rehearse.fill.filling import ROWS, database, rows, sound


@pytest.mark.parametrize(
    ("schema", "reason"),
    [
        ("a INT NOT NULL, b INT NOT NULL, CHECK (a > b AND a < b)", "CHECK (a > b AND a < b)"),
        ("a INT NOT NULL CONSTRAINT never CHECK (a <\n  a)", "CONSTRAINT never CHECK (a < a)"),
        ("a INT NOT NULL, b INT NOT NULL CHECK (b > 5), CHECK (a > b), CHECK (b < b)", "CHECK (b < b)"),
        (
            "a NOT NULL REFERENCES nowhere (x) CHECK (a > 'x'), b CHECK (b > 5 OR a > b)",
            "FOREIGN KEY (a) REFERENCES nowhere",
        ),
        ('a INT CHECK (a > 1), b INT CONSTRAINT "b\'s" CHECK (0)', "CONSTRAINT b's CHECK (0)"),
        ("a NOT NULL REFERENCES nowhere (x)", "FOREIGN KEY (a) REFERENCES nowhere"),
    ],
)
def test_reasons(schema: str, reason: str) -> None:
    """A table that stays empty is reported with the constraint that prevents rows; others are filled."""
    connection = database(f"CREATE TABLE t ({schema}); CREATE TABLE u (a)")
    assert fill(connection, 5) == Filled({"t": 0, "u": 5}, {"t": f"{reason} could not be satisfied"})


def test_a_refusal_without_a_constraint_to_name() -> None:
    """Anything but a CHECK or a foreign key is reported in the engine's words."""
    result = fill(database("CREATE TABLE t (a, b NOT NULL AS (NULL))"))
    assert result.empty == {"t": "every row was refused: NOT NULL constraint failed: t.b"}


def test_rows_whose_parents_go_go_too() -> None:
    """A dangling reference is set to NULL, or its row is deleted and reported, and so are its children."""
    connection = database(
        "CREATE TABLE b (id INTEGER PRIMARY KEY CHECK (id < id), a INT NOT NULL REFERENCES a, d INT REFERENCES d);"
        "CREATE TABLE a (id INTEGER PRIMARY KEY, b INT NOT NULL REFERENCES b); CREATE TABLE c (a INT NOT NULL REFERENCES a);"
        "CREATE TABLE d (id INTEGER PRIMARY KEY, b INT REFERENCES b, a INT REFERENCES a)"
    )
    result = fill(connection, 6)
    assert result.rows == {"b": 0, "a": 0, "c": 0, "d": 6}
    assert result.empty == {
        "b": "CHECK (id < id) could not be satisfied",
        "a": "FOREIGN KEY (b) REFERENCES b could not be satisfied",
        "c": "FOREIGN KEY (a) REFERENCES a could not be satisfied",
    }
    assert set(rows(connection, "SELECT a, b FROM d")) == {(None, None)}
    sound(connection)


def test_a_key_that_its_column_changes() -> None:
    """A key that the column's type converts is not counted as the same key, with a rowid or without."""
    for option in ("", "WITHOUT ROWID"):
        connection = database(
            "CREATE TABLE p (id TEXT PRIMARY KEY CHECK (length(id) = 4 AND id < '1'));"
            f"CREATE TABLE c (id INTEGER PRIMARY KEY, p NUMERIC NOT NULL REFERENCES p) {option}"
        )
        result = fill(connection, 9)
        assert result == Filled(
            {"p": 9, "c": 0}, {"c": "FOREIGN KEY (p) REFERENCES p could not be satisfied"}
        )
        sound(connection)


def test_as_many_rows_as_there_can_be() -> None:
    """A table that cannot hold so many rows has as many as it can, and is not reported as empty."""
    connection = database(
        "CREATE TABLE s (name TEXT PRIMARY KEY NOT NULL CHECK (name IN ('a', 'b', 'c')));"
        "CREATE TABLE o (id INTEGER PRIMARY KEY CHECK (id = 1), a); CREATE TABLE t (s TEXT NOT NULL REFERENCES s);"
        "CREATE TABLE st (s TEXT REFERENCES s, o INT REFERENCES o, PRIMARY KEY (s, o)) WITHOUT ROWID;"
        "CREATE TABLE ss (a TEXT REFERENCES s, b TEXT REFERENCES s, PRIMARY KEY (a, b));"
        "CREATE TABLE r (a NOT NULL UNIQUE ON CONFLICT ROLLBACK CHECK (a IN ('x', 'y')));"
        "CREATE TABLE m (s TEXT NOT NULL REFERENCES s, main INT NOT NULL CHECK (main IN (0, 1)));"
        "CREATE UNIQUE INDEX i ON m (s) WHERE main = 1; CREATE INDEX j ON t (s);"
        "CREATE TABLE x (name TEXT PRIMARY KEY); CREATE TABLE y (x TEXT NOT NULL REFERENCES x CHECK (x IN ('k', 'l')))"
    )
    assert fill(connection) == Filled(
        {"s": 3, "o": 1, "t": ROWS, "st": 3, "ss": 9, "r": 2, "m": ROWS, "x": 2, "y": ROWS}, {}
    )
    sound(connection)


@pytest.mark.parametrize("count", [0, 1, 2, 400])
def test_any_number_of_rows(count: int) -> None:
    """The caller chooses the number of rows."""
    connection = database(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, up INT REFERENCES t, a TEXT UNIQUE); CREATE VIRTUAL TABLE f USING fts5 (a)"
    )
    result = fill(connection, count)
    assert result.rows == {"t": count, "f": count}
    assert result.empty == ({} if count else dict.fromkeys(("t", "f"), "no rows were requested"))
