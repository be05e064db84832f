"""What follows from a definition: its keys, and which column is the rowid, as SQLite has it."""

from __future__ import annotations

import apsw
import pytest

from d1migrate.sql.create import parse, parse_table
from d1migrate.sql.definitions import VirtualTableDefinition


@pytest.mark.parametrize(
    "columns",
    [
        "a INTEGER PRIMARY KEY",
        "a integer primary key asc",
        "a INTEGER PRIMARY KEY DESC",
        "a INT PRIMARY KEY",
        "a INTEGER, PRIMARY KEY (a)",
        "a INTEGER, PRIMARY KEY (a DESC)",
        'a INTEGER, PRIMARY KEY ("A")',
        "a INTEGER, b, PRIMARY KEY (a, b)",
        "a INTEGER UNIQUE",
        "a INTEGER PRIMARY KEY AUTOINCREMENT",
    ],
)
def test_the_column_that_is_the_rowid(columns: str) -> None:
    """It takes an integer for NULL; any other key keeps the NULL."""
    table = parse_table(f"CREATE TABLE t ({columns})")
    connection = apsw.Connection(":memory:")
    connection.execute(f"CREATE TABLE t ({columns}); INSERT INTO t (a) VALUES (NULL)")
    ((value,),) = connection.execute("SELECT a FROM t")
    assert table
    assert (table.rowid_alias == "a") == (value == 1)
    assert table.autoincrement == ("AUTOINCREMENT" in columns)


def test_a_table_without_rowid_has_none() -> None:
    """Its key is a key."""
    table = parse_table("CREATE TABLE t (a INTEGER PRIMARY KEY) WITHOUT ROWID")
    assert table
    assert table.rowid_alias is None
    assert table.primary_key


def test_constraints_in_the_order_of_the_text() -> None:
    """Those of the columns, then those beside them."""
    table = parse_table(
        "CREATE TABLE t (a CHECK (1) UNIQUE REFERENCES p, b CHECK (2) REFERENCES q, CHECK (3),"
        " UNIQUE (b), FOREIGN KEY (a) REFERENCES r)"
    )
    assert table
    assert [check.expression for check in table.all_checks] == ["1", "2", "3"]
    assert [key.terms[0].column for key in table.all_keys] == ["a", "b"]
    assert [reference.table for reference in table.all_references] == ["p", "q", "r"]


@pytest.mark.parametrize(
    ("sql", "is_fts5", "content"),
    [
        ("CREATE VIRTUAL TABLE s USING fts5(a, b)", True, None),
        ("CREATE VIRTUAL TABLE s USING FTS5(a, content='posts', content_rowid=id)", True, "posts"),
        ("CREATE VIRTUAL TABLE s USING fts5(a, content = '')", True, ""),
        ("CREATE VIRTUAL TABLE s USING rtree(id, x, y)", False, None),
    ],
)
def test_virtual_tables(sql: str, *, is_fts5: bool, content: str | None) -> None:
    """The options are those of FTS5 only."""
    table = parse(sql)
    assert isinstance(table, VirtualTableDefinition)
    assert (table.is_fts5, table.content) == (is_fts5, content)
