"""The affinity of declared types, against what SQLite stores in a column of that type."""

from __future__ import annotations

import apsw
import pytest

from d1migrate.sql.affinity import affinity

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
