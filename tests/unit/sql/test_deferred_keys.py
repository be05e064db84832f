"""What is asked about deferred keys, on SQLite, which answers these queries as an object does."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest

from d1migrate.sql.deferred_keys import DEFERRABLE, ORPHANS, defers, drops, may_orphan


@pytest.mark.parametrize(
    ("sql", "found"),
    [
        ("CREATE TABLE c (p REFERENCES p)", 0),
        ("CREATE TABLE c (p REFERENCES p Deferrable INITIALLY DEFERRED)", 1),
    ],
)
def test_tables_whose_keys_may_be_deferred(sql: str, found: int) -> None:
    """Also after a pragma of other code that makes LIKE case-sensitive."""
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.executescript(f"PRAGMA case_sensitive_like = ON; {sql}; INSERT INTO c VALUES (1), (NULL);")
        assert connection.execute(DEFERRABLE.sql).fetchone() == (found,)


def test_rows_that_refer_to_none() -> None:
    """A NULL refers to nothing."""
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.executescript("CREATE TABLE p (id INTEGER PRIMARY KEY); CREATE TABLE c (p REFERENCES p);")
        assert connection.execute(ORPHANS.sql).fetchone() == (0,)
        connection.execute("INSERT INTO c VALUES (1), (2), (NULL)")
        assert connection.execute(ORPHANS.sql).fetchone() == (2,)


@pytest.mark.parametrize(
    ("sql", "does_defer", "does_drop"),
    [
        ("PRAGMA defer_foreign_keys = ON", True, False),
        ("CREATE TABLE c (p REFERENCES p Deferrable)", True, False),
        ("Drop TABLE p", False, True),
        ("SELECT 1", False, False),
    ],
)
def test_what_a_statement_may_do(sql: str, does_defer: bool, does_drop: bool) -> None:
    """In any case of the letters."""
    assert (defers(sql), drops(sql)) == (does_defer, does_drop)


@pytest.mark.parametrize(
    ("sql", "found"),
    [
        ("CREATE TABLE t (a)", False),
        ("create unique index i ON t (a)", False),
        ("CREATE TABLE t AS\n SELECT 1", True),
        ("INSERT INTO t VALUES (1)", True),
        ("DROP TABLE t", True),
        ("ALTER TABLE t RENAME TO u", True),
    ],
)
def test_what_may_leave_a_row_that_refers_to_none(sql: str, *, found: bool) -> None:
    """Whatever does more than create an object."""
    assert may_orphan(sql) == found
