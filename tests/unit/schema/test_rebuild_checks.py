"""Statements that abort a rebuild which lost something, on real rows."""

from __future__ import annotations

import apsw
import pytest

from d1migrate.schema.rebuild_checks import (
    MAX_ROWS,
    count_statements,
    is_recount,
    no_orphan_statements,
    orphan_statements,
    recount_statements,
)
from tests.unit.schema.building import database

SQL = """
CREATE TABLE p (id INTEGER PRIMARY KEY); CREATE TABLE "it's" (x REFERENCES p);
INSERT INTO p VALUES (1), (2); INSERT INTO "it's" VALUES (1), (2), (NULL);
"""
TABLES = ["p", "it's"]


def checked(work: str) -> str:
    """What a rebuild that does this is aborted with; nothing if it passes, and then no helper is left."""
    connection = database(SQL)
    statements = [
        "BEGIN", "PRAGMA defer_foreign_keys = ON", *count_statements(TABLES), *orphan_statements(["it's"]),
        work, *no_orphan_statements(["it's"]), *recount_statements(TABLES),
    ]  # fmt: skip
    try:
        for statement in statements:
            connection.execute(statement)
    except apsw.SQLError as error:
        return str(error).replace("''", "'")
    left = connection.execute("SELECT name FROM sqlite_schema WHERE name LIKE '%d1m%'")
    assert list(left) == []
    return ""


@pytest.mark.parametrize(
    ("work", "message"),
    [
        ("SELECT 1", ""),
        ("DELETE FROM p; INSERT INTO p VALUES (2), (1)", ""),
        ("""DELETE FROM "it's" WHERE x = 1""", "it's had 3 rows, and has 2"),
        ("INSERT INTO p VALUES (3)", "p had 2 rows, and has 3"),
        ("UPDATE p SET id = 9 WHERE id = 1", "it's row 1 references a missing row of p"),
    ],
)
def test_what_a_rebuild_did(work: str, message: str) -> None:
    """A row is gone, or has come, or refers to nothing that did not before."""
    assert message in checked(work)
    assert bool(checked(work)) == bool(message)


def test_a_recount_is_known_again() -> None:
    """So that a rollback that has one is known to lose no rows."""
    *checks, drop = recount_statements(["a", "b"])
    assert [is_recount(sql) for sql in checks] == [True, True]
    assert not is_recount(drop)
    assert MAX_ROWS
