"""Which lines of a dump are the user's, and what they mean."""

from __future__ import annotations

import pytest

from d1migrate.sql.dump import user_statement
from d1migrate.sql.tokens import significant

VIRTUAL = "CREATE VIRTUAL TABLE s USING fts5(a)"


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("CREATE TABLE a (x)", "CREATE TABLE a (x)"),
        ("INSERT INTO a VALUES (1)", "INSERT INTO a VALUES (1)"),
        ("CREATE INDEX i ON a (x)", "CREATE INDEX i ON a (x)"),
        # what SQLite makes by itself
        ("CREATE TABLE sqlite_sequence (name, seq)", None),
        ("DELETE FROM sqlite_sequence", None),
        ('INSERT INTO "sqlite_sequence" VALUES (1, 2)', None),
        ("ANALYZE sqlite_schema", None),
        # what frames a dump
        ("PRAGMA foreign_keys=OFF", None),
        ("BEGIN TRANSACTION", None),
        ("COMMIT", None),
        ("SAVEPOINT a", None),
        # the sqlite3 shell writes a virtual table as a row
        (
            (
                "INSERT INTO sqlite_schema (type, name, tbl_name, rootpage, sql)"
                f" VALUES ('table', 's', 's', 0, '{VIRTUAL}')"
            ),
            VIRTUAL,
        ),
        ("INSERT INTO sqlite_master VALUES ('x')", None),
        ("PRAGMA writable_schema=ON", None),
    ],
)
def test_lines(sql: str, expected: str | None) -> None:
    """The statement itself, another one, or nothing."""
    assert user_statement(sql, significant(sql)) == expected
