"""What is true of a table, against what SQLite does with it."""

from __future__ import annotations

import apsw
import pytest

from d1migrate.schema import queries
from d1migrate.sql.create import parse_table
from tests.unit.schema.building import database, read, table


@pytest.mark.parametrize(
    ("columns", "free"),
    [
        ("a, b NOT NULL, c", {"a", "c"}),
        ("a CHECK (a > 0), b, c, CHECK (b < c)", set()),
        ("a AS (b), b, c", {"b", "c"}),
        ("a PRIMARY KEY, b UNIQUE, c REFERENCES t(b), d", {"d"}),
    ],
)
def test_columns_that_nothing_speaks_of(columns: str, free: set[str]) -> None:
    """They may be NULL for a while."""
    assert queries.free_columns(table(f"CREATE TABLE t ({columns})")) == free


@pytest.mark.parametrize(
    "table",
    [
        "(a INTEGER PRIMARY KEY)", "(a INT PRIMARY KEY)", "(a NOT NULL)", "(a)", "(a, PRIMARY KEY (a))", "(a INT UNIQUE)",
        "(a INTEGER PRIMARY KEY) STRICT", "(a INT PRIMARY KEY) STRICT", "(a INT NOT NULL) STRICT", "(a INT) STRICT",
        "(a TEXT, PRIMARY KEY (a)) WITHOUT ROWID", "(a INTEGER PRIMARY KEY) WITHOUT ROWID",
    ],
)  # fmt: skip
def test_columns_that_hold_no_null(table: str) -> None:
    """SQLite refuses one there, or makes a rowid of it."""
    connection = database(f"CREATE TABLE t {table}")
    try:
        connection.execute("INSERT INTO t (a) VALUES (NULL)")
        ((nulls,),) = connection.execute("SELECT count(*) FROM t WHERE a IS NULL")
    except apsw.ConstraintError:
        nulls = 0
    definition = parse_table(f"CREATE TABLE t {table}")
    assert definition
    assert queries.holds_no_null(definition, "A") == (nulls == 0)


@pytest.mark.parametrize(
    ("columns", "name"),
    [("a", "rowid"), ("rowid", "_rowid_"), ("ROWID, _rowid_", "oid"), ("rowid, _rowid_, oid", "")],
)
def test_a_name_of_the_rowid(columns: str, name: str) -> None:
    """One that no column has."""
    assert queries.rowid_of(table(f"CREATE TABLE t ({columns})")) == name
    assert queries.rowid_of(table("CREATE TABLE t (a PRIMARY KEY) WITHOUT ROWID")) == ""


@pytest.mark.parametrize(
    ("sets", "changed"),
    [
        ({"a"}, {"a", "g", "h"}),
        ({"b"}, {"b"}),
        ({"rowid"}, {"rowid", "id"}),
        ({"id"}, {"id"}),
    ],
)
def test_columns_that_an_update_changes(sets: set[str], changed: set[str]) -> None:
    """Generated ones follow, and the rowid has more than one name."""
    definition = parse_table("CREATE TABLE t (id INTEGER PRIMARY KEY, a, b, g AS (a + 1), h AS (g * 2))")
    assert definition
    assert queries.changed_columns(definition, sets) == changed


def test_the_rest() -> None:
    """AUTOINCREMENT, REPLACE, FTS5 options, and the affinity of ANY."""
    one, other, search = read(
        database(
            "CREATE TABLE a (id INTEGER PRIMARY KEY AUTOINCREMENT, x UNIQUE ON CONFLICT REPLACE);"
            " CREATE TABLE b (x ANY /* AUTOINCREMENT */); CREATE VIRTUAL TABLE s USING fts5(x, content='a')"
        )
    ).tables
    assert [queries.is_autoincrement(t) for t in (one, other)] == [True, False]
    assert [queries.replaces_on_conflict(t) for t in (one, other)] == [True, False]
    assert [queries.content_of(t) for t in (one, search)] == [None, "a"]
    assert queries.fts5_options(one) == {}
    assert queries.column_affinity(other, other.columns[0]) == "NUMERIC"
    strict = table("CREATE TABLE t (x ANY) STRICT")
    assert queries.column_affinity(strict, strict.columns[0]) == "BLOB"
