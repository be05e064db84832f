"""What `schema.keys` says of keys and indexes, against what SQLite does with the same tables."""

from __future__ import annotations

from typing import TYPE_CHECKING

import apsw
import pytest

from d1migrate.schema import introspect
from d1migrate.schema.keys import (
    is_indexed,
    is_parent_key,
    is_partial,
    is_unique,
    is_without_rowid,
    parent_columns,
    rowid_alias,
)
from d1migrate.sql.batch import Result

if TYPE_CHECKING:
    from d1migrate.schema.model import Table


def build(*statements: str) -> tuple[apsw.Connection, dict[str, Table]]:
    """A database, and its tables by name."""
    connection = apsw.Connection(":memory:")
    connection.execute("PRAGMA foreign_keys = ON")
    for sql in statements:
        connection.execute(sql)
    results = [Result(tuple(connection.execute(query.sql))) for query in introspect.QUERIES]
    return connection, {table.name: table for table in introspect.read(results).tables}


PARENT = "CREATE TABLE p (id INTEGER PRIMARY KEY, a TEXT, b TEXT, UNIQUE (a, b))"
KEYED = "CREATE TABLE c (x TEXT, y TEXT, z TEXT{}, FOREIGN KEY (x, y) REFERENCES p (a, b))"
CHILD = KEYED.format("")


@pytest.mark.parametrize(
    "statements",
    [
        (CHILD,),
        *(
            (CHILD, f"CREATE INDEX i ON c {index}")
            for index in (
                "(x, y)", "(y, x)", "(x)", "(y)", "(X)", "(x, z, y)", "(z, x, y)", "(z)", "(x DESC)", "(x || '')",
                "(x COLLATE NOCASE)", "(x COLLATE BINARY)", "(x COLLATE binary, z)", "(z, x COLLATE NOCASE)",
                "(x) WHERE x IS NOT NULL", '(x) WHERE "X" NOT NULL', "(x) WHERE x NOTNULL", "(x) WHERE x IS NULL",
                "(y) WHERE y > ''", "(x) WHERE z IS NOT NULL",
            )
        ),
        *(
            (KEYED.format(key) + option,)
            for key in (", PRIMARY KEY (x, z)", ", PRIMARY KEY (z, x)", ", PRIMARY KEY (y)")
            for option in ("", " WITHOUT ROWID")
        ),
        *(
            (KEYED.format(key),)
            for key in (" UNIQUE", ", UNIQUE (y)", ", UNIQUE (y COLLATE NOCASE)", ", PRIMARY KEY (y COLLATE NOCASE)")
        ),
    ],
)  # fmt: skip
def test_is_indexed_as_the_query_plan(statements: tuple[str, ...]) -> None:
    """An index serves a foreign key exactly if the planner searches by it when a parent is deleted."""
    connection, tables = build(PARENT, *statements)
    plan = [row[3] for row in connection.execute("EXPLAIN QUERY PLAN DELETE FROM p")]
    assert is_indexed(tables["c"], tables["c"].foreign_keys[0]) == any("SEARCH c" in line for line in plan), (
        plan
    )


@pytest.mark.parametrize(
    ("parent", "reference"),
    [
        *((parent, reference) for parent in (
            ("CREATE TABLE p (a TEXT, b TEXT)",),
            ("CREATE TABLE p (a INTEGER PRIMARY KEY, b TEXT)",),
            ("CREATE TABLE p (a INTEGER PRIMARY KEY DESC, b TEXT)",),
            ("CREATE TABLE p (a TEXT PRIMARY KEY, b TEXT) WITHOUT ROWID",),
            ("CREATE TABLE p (a TEXT, b TEXT, PRIMARY KEY (a COLLATE NOCASE))",),
            ("CREATE TABLE p (a TEXT COLLATE NOCASE, b TEXT, PRIMARY KEY (a COLLATE NOCASE))",),
            ("CREATE TABLE p (a TEXT UNIQUE, b TEXT)",),
            ("CREATE TABLE p (a TEXT, b TEXT, UNIQUE (a COLLATE NOCASE))",),
            ("CREATE TABLE p (a TEXT, b TEXT, PRIMARY KEY (a, b))",),
            *(("CREATE TABLE p (a TEXT, b TEXT)", f"CREATE UNIQUE INDEX i ON p {index}") for index in (
                "(a)", "(A DESC)", "(a) WHERE a IS NOT NULL", "(a COLLATE NOCASE)", "(a COLLATE BINARY)", "(a, b)",
                "(a || '')", "(a) WHERE b > ''",
            )),
            ("CREATE TABLE p (a TEXT, b TEXT)", "CREATE INDEX i ON p (a)"),
        ) for reference in ("(x) REFERENCES p", "(x) REFERENCES p (a)", '(x) REFERENCES p ("A")')),
        *((("CREATE TABLE p (a TEXT, b TEXT, PRIMARY KEY (a, b))",), reference) for reference in (
            "(x, y) REFERENCES p", "(x, y) REFERENCES p (a, b)", "(x, y) REFERENCES p (b, a)",
            "(x, y) REFERENCES p (a, a)",
        )),
    ],
)  # fmt: skip
def test_is_parent_key_as_sqlite_accepts_it(parent: tuple[str, ...], reference: str) -> None:
    """A foreign key does not match exactly if SQLite refuses to delete from the parent."""
    connection, tables = build(*parent, f"CREATE TABLE c (x TEXT, y TEXT, FOREIGN KEY {reference})")
    try:
        connection.execute("DELETE FROM p")
        accepted = True
    except apsw.SQLError as error:
        assert "foreign key mismatch" in str(error)
        accepted = False
    assert is_parent_key(tables["p"], tables["c"].foreign_keys[0]) == accepted


@pytest.mark.parametrize(
    ("sql", "key", "alias", "without_rowid"),
    [
        ("CREATE TABLE t (a INTEGER PRIMARY KEY, b)", ("a",), "a", False),
        ("CREATE TABLE t (a INTEGER PRIMARY KEY DESC, b)", ("a",), None, False),
        ("CREATE TABLE t (a INTEGER, b, PRIMARY KEY (a DESC))", ("a",), "a", False),
        ("CREATE TABLE t (a INT PRIMARY KEY, b)", ("a",), None, False),
        ("CREATE TABLE t (a INTEGER, b INTEGER, PRIMARY KEY (b, a))", ("b", "a"), None, False),
        ("CREATE TABLE t (a INTEGER PRIMARY KEY, b) WITHOUT ROWID", ("a",), None, True),
        ("CREATE TABLE t (a, b)", (), None, False),
    ],
)
def test_primary_key(sql: str, key: tuple[str, ...], alias: str | None, *, without_rowid: bool) -> None:
    """The primary key in its order, and whether it is the rowid."""
    table = build(sql)[1]["t"]
    assert (table.primary_key, rowid_alias(table), is_without_rowid(table)) == (key, alias, without_rowid)


def test_is_unique() -> None:
    """Columns are unique if a key over all rows is among them."""
    table = build(
        "CREATE TABLE t (a TEXT PRIMARY KEY, b, c, UNIQUE (b, c))", "CREATE UNIQUE INDEX i ON t (c) WHERE b"
    )[1]["t"]
    assert [is_unique(table, columns) for columns in (["a"], ["a", "b"], ["b", "c"], ["b"], ["c"], [])] == [
        *(True, True, True),
        *(False, False, False),
    ]
    assert [is_partial(index) for index in table.indexes if index.sql] == [True]


def test_parent_columns() -> None:
    """A foreign key that names no column refers to the primary key, in the order of the key."""
    _, tables = build(
        "CREATE TABLE p (a, b, c UNIQUE, PRIMARY KEY (b, a))",
        "CREATE TABLE c (x REFERENCES p (c), y, FOREIGN KEY (x, y) REFERENCES p)",
    )
    keys = {key.columns: parent_columns(tables["p"], key) for key in tables["c"].foreign_keys}
    assert keys == {("x",): ("c",), ("x", "y"): ("b", "a")}
