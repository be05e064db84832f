"""The affinity of declared types, against what SQLite stores in a column of that type."""

from __future__ import annotations

import apsw
import pytest

from d1migrate.sql.affinity import affinity, is_same_type

# What becomes of the text '1', the text '1.5' and a blob says which affinity a column has.
STORED = {
    "INTEGER": ("integer", "real", "integer"),
    "NUMERIC": ("integer", "real", "integer"),
    "REAL": ("real", "real", "real"),
    "TEXT": ("text", "text", "text"),
    "BLOB": ("text", "text", "integer"),
}


@pytest.mark.parametrize(
    "declared",
    [
        *(
            "",
            "INT",
            "integer",
            "UNSIGNED BIG INT",
            "POINT",
            "CHARINT",
            "TEXT",
            "VARCHAR(20)",
            "clob",
            "BLOB",
        ),
        *(
            "REAL",
            "DOUBLE PRECISION",
            "FLOAT",
            "FLOATING POINT",
            "NUMERIC",
            "DECIMAL(10, 2)",
            "BOOLEAN",
            "DATE",
        ),
        *("STRING", "BLOB TEXT", "TEXT BLOB", "REAL BLOB", "any thing", "XBLOBX"),
    ],
)
def test_affinity(declared: str) -> None:
    """The rules apply in their order: a CHARINT is an integer."""
    connection = apsw.Connection(":memory:")
    connection.execute(f"CREATE TABLE t (a {declared}); INSERT INTO t VALUES ('1'), ('1.5'), (1)")
    stored = tuple(kind for (kind,) in connection.execute("SELECT typeof(a) FROM t ORDER BY rowid"))
    assert stored == STORED[affinity(declared)]
    connection.execute("CREATE TABLE c AS SELECT a FROM t")
    ((made,),) = connection.execute("SELECT type FROM pragma_table_info('c')")
    assert affinity(made) == affinity(declared)


ALIKE = [
    ("VARCHAR(50)", "VARCHAR(100)"),
    ("TEXT", "varchar"),
    ('"VARCHAR(8)"', "CHAR(32)"),
    ("BIGINT", "INTEGER"),
    ("integer unsigned", "INT"),
    ("FLOAT", "DOUBLE PRECISION"),
    ("", "BLOB"),
    ("NUMERIC(10, 2)", "numeric"),
    ('"DATE"', "DATE"),
    ("DECIMAL(10,\n2)", "decimal (12, 4)"),
]
UNLIKE = [
    ("TEXT", "BLOB"),
    ("INTEGER", "REAL"),
    ("INTEGER", "NUMERIC"),
    ("BOOLEAN", "NUMERIC"),
    ("DATE", "DATETIME"),
    ("JSON", "DATE"),
    ("", "NUMERIC"),
    ("DECIMAL(10, 2)", "NUMERIC(10, 2)"),
]


@pytest.mark.parametrize(("one", "other"), ALIKE)
def test_types_that_are_alike(one: str, other: str) -> None:
    """Their affinity is the same; for NUMERIC, which every other name has, their name too."""
    assert is_same_type(one, other)
    assert is_same_type(other, one)


@pytest.mark.parametrize(("one", "other"), UNLIKE)
def test_types_that_are_not(one: str, other: str) -> None:
    """SQLite stores other values, or applications read them differently."""
    assert not is_same_type(one, other)
    assert not is_same_type(other, one)
