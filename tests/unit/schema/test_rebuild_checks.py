"""Statements that abort a rebuild which lost something, on real rows."""

from __future__ import annotations

import apsw
import pytest

from d1migrate.schema.rebuild_checks import (
    OVER_BUDGET,
    budget_statement,
    count_statements,
    is_budget_statement,
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


def refused(costs: dict[str, int], budget: int, rows: int = 1000) -> str:
    """What a batch is refused with; "" if it is within the budget."""
    many = f"WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT {rows}) SELECT i FROM n"
    connection = database(f"""CREATE TABLE p (id INTEGER PRIMARY KEY); CREATE TABLE "it's" (x);
        INSERT INTO p {many}; INSERT INTO "it's" SELECT 1;""")
    try:
        assert list(connection.execute(budget_statement(costs, budget, dict.fromkeys(costs, ())))) == []
    except apsw.SQLError as error:
        return str(error).partition("'")[2].rstrip("'").replace("''", "'")
    return ""


@pytest.mark.parametrize(
    ("costs", "budget", "message"),
    [
        ({"p": 2}, 2000, ""),
        ({"p": 2}, 1999, "about 2,000 entries in one batch: over the budget of 1,999 "),
        ({"p": 2, "it's": 3}, 2003, ""),
        ({"p": 2, "it's": 3}, 2002, "about 2,003 entries in one batch: over the budget of 2,002 "),
        ({"p": 7}, 100, "more than 1,000 entries in one batch: over the budget of 100 "),
    ],
)
def test_the_budget_of_a_batch(costs: dict[str, int], budget: int, message: str) -> None:
    """What is written for each row of each table, up to the budget exactly."""
    found = refused(costs, budget)
    assert found.startswith(message)
    assert bool(found) == bool(message)
    assert (OVER_BUDGET in found) == bool(message)


def test_the_advice_of_a_batch_over_its_budget() -> None:
    """An online rebuild is of one table."""
    assert refused({"p": 2}, 1).endswith("(the directive `d1migrate: online p` rebuilds it in chunks)")
    assert refused({"p": 2, "it's": 2}, 1).endswith("(rebuild each table in a migration of its own)")
    assert is_budget_statement(budget_statement({"it's": 2}, 1, {"it's": ()}))
    assert not is_budget_statement(count_statements(["p"])[0])


@pytest.mark.parametrize(
    ("length", "message"),
    [
        (599, ""),
        (600, "about 30 entries"),
        (6000, "about 120 entries"),
    ],
)
def test_long_rows_count_for_more(length: int, message: str) -> None:
    """Each 600 bytes of a copied row are an entry, by the average of the first rows."""
    connection = database("CREATE TABLE p (id INTEGER PRIMARY KEY, a TEXT, b BLOB);")
    for _ in range(10):
        connection.execute("INSERT INTO p (a, b) VALUES (?, NULL)", ("x" * length,))
    statement = budget_statement({"p": 2}, 20, {"p": ["a", "b"]})
    if not message:
        assert list(connection.execute(statement)) == []
        return
    with pytest.raises(apsw.SQLError, match=message):
        list(connection.execute(statement))


def test_no_table_is_counted_to_its_end() -> None:
    """Production has stopped a count of a large one."""
    assert '(SELECT 1 FROM "p" LIMIT 71429)' in budget_statement({"p": 7}, 50_000, {"p": ()})
