"""Where the condition for a page is put, and which statements and files cannot be cut."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest

from d1migrate.errors import ParseError
from d1migrate.migrate.jobs.cut import Cut, cut_of, cut_of_file, cut_of_statements
from d1migrate.migrate.jobs.cut_parts import Uncuttable
from d1migrate.migrate.jobs.pages import Pages
from d1migrate.migrate.migration import Migration
from d1migrate.sql.split import split

RECORD = "INSERT INTO schema_migrations (version, name, applied_at) VALUES (7, '007_fill', unixepoch());"

CUT = [
    (
        "UPDATE users SET norm = lower(email)",
        "UPDATE users NOT INDEXED SET norm = lower(email) WHERE {users}",
    ),
    (
        "UPDATE users SET norm = lower(email) WHERE norm IS NULL OR norm = ''",
        "UPDATE users NOT INDEXED SET norm = lower(email) WHERE (norm IS NULL OR norm = '') AND {users}",
    ),
    (
        "UPDATE OR IGNORE main.Users AS u SET norm = lower(u.email) -- why\n WHERE norm IS NULL -- that\n",
        ("UPDATE OR IGNORE main.Users AS u NOT INDEXED SET norm = lower(u.email) -- why\n WHERE (norm IS NULL)"
        " AND {u} -- that\n"),
    ),
    (
        'UPDATE "users" NOT INDEXED SET norm = 1',
        'UPDATE "users" NOT INDEXED SET norm = 1 WHERE {users}',
    ),
    (
        "UPDATE users SET org = o.name FROM orgs o WHERE o.id = users.org_id",
        "UPDATE users NOT INDEXED SET org = o.name FROM orgs o WHERE (o.id = users.org_id) AND {users}",
    ),
    (
        "UPDATE users SET n = (SELECT count(*) FROM orders WHERE user_id = users.id GROUP BY user_id LIMIT 1)",
        ("UPDATE users NOT INDEXED SET n = (SELECT count(*) FROM orders WHERE user_id = users.id GROUP BY user_id"
        " LIMIT 1) WHERE {users}"),
    ),
    (
        "WITH o AS (SELECT * FROM orgs) UPDATE users SET org = (SELECT name FROM o WHERE o.id = org_id)",
        ("WITH o AS (SELECT * FROM orgs) UPDATE users NOT INDEXED SET org = (SELECT name FROM o"
        " WHERE o.id = org_id) WHERE {users}"),
    ),
    ("DELETE FROM users", "DELETE FROM users NOT INDEXED WHERE {users}"),
    (
        "DELETE FROM users AS u WHERE NOT EXISTS (SELECT 1 FROM orders o WHERE o.user_id = u.id)",
        ("DELETE FROM users AS u NOT INDEXED WHERE"
        " (NOT EXISTS (SELECT 1 FROM orders o WHERE o.user_id = u.id)) AND {u}"),
    ),
    (
        "INSERT OR IGNORE INTO emails (user, email) SELECT id, email FROM users",
        "INSERT OR IGNORE INTO emails (user, email) SELECT id, email FROM users NOT INDEXED WHERE {users}",
    ),
    (
        ("INSERT INTO emails SELECT u.id, email FROM orgs JOIN users u ON orgs.id = u.org_id LEFT JOIN plans"
        " USING (plan) WHERE true ON CONFLICT DO NOTHING"),
        ("INSERT INTO emails SELECT u.id, email FROM orgs JOIN users u NOT INDEXED ON orgs.id = u.org_id LEFT"
        " JOIN plans USING (plan) WHERE (true) AND {u} ON CONFLICT DO NOTHING"),
    ),
    (
        ("INSERT INTO emails (user) SELECT id FROM users WHERE NOT EXISTS (SELECT 1 FROM emails e"
        " WHERE e.user = users.id)"),
        ("INSERT INTO emails (user) SELECT id FROM users NOT INDEXED WHERE (NOT EXISTS (SELECT 1 FROM emails e"
        " WHERE e.user = users.id)) AND {users}"),
    ),
    (
        ("WITH o AS (SELECT 1) INSERT INTO emails AS e SELECT id, (SELECT max(n) FROM users) FROM users WHERE 1"
        " ON CONFLICT (user) DO UPDATE SET email = excluded.email WHERE e.email IS NULL"),
        ("WITH o AS (SELECT 1) INSERT INTO emails AS e SELECT id, (SELECT max(n) FROM users) FROM users"
        " NOT INDEXED WHERE (1) AND {users}"
        " ON CONFLICT (user) DO UPDATE SET email = excluded.email WHERE e.email IS NULL"),
    ),
    ("DELETE FROM users WHERE a IS DISTINCT FROM b", ("DELETE FROM users NOT INDEXED WHERE"
     " (a IS DISTINCT FROM b) AND {users}")),
]  # fmt: skip


def condition(cut: Cut) -> str:
    """The SQL with a mark for the condition."""
    return cut.where("{" + cut.prefix.strip('".') + "}")


@pytest.mark.parametrize(("sql", "expected"), CUT)
def test_a_statement_is_cut(sql: str, expected: str) -> None:
    """The condition is put into WHERE, after the one that the statement has."""
    found = cut_of(sql, "users")
    assert isinstance(found, Cut), found
    assert condition(found) == expected


SCHEMA = """CREATE TABLE users (id INTEGER PRIMARY KEY, email, norm, org, org_id, n, a, b, plan);
CREATE TABLE orgs (id INTEGER PRIMARY KEY, name);
CREATE TABLE orders (id INTEGER PRIMARY KEY, user_id);
CREATE TABLE emails (user PRIMARY KEY, email);
CREATE TABLE plans (plan);
CREATE TABLE _d1m_job (lo_1, hi_1);
"""


@pytest.mark.parametrize("sql", [sql for sql, _ in CUT])
def test_sqlite_accepts_what_is_cut(sql: str) -> None:
    """And it finds the rows by their key."""
    found = cut_of(sql, "users")
    assert isinstance(found, Cut)
    with closing(sqlite3.connect(":memory:")) as database:
        database.executescript(SCHEMA)
        plan = database.execute(
            f"EXPLAIN QUERY PLAN {found.where(Pages('users').within(found.prefix))}"
        ).fetchall()
    assert any("USING INTEGER PRIMARY KEY (rowid>? AND rowid<?)" in step[3] for step in plan), plan


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        (
            "UPDATE users SET norm = lower(email) WHERE norm IS NULL",
            "UPDATE users SET norm = lower(email) WHERE (norm IS NULL) IS TRUE AND {users}",
        ),
        (
            "UPDATE users SET org = o.name FROM orgs o WHERE o.id = org_id",
            "UPDATE users SET org = o.name FROM orgs o WHERE (o.id = org_id) AND {users}",
        ),
        ("DELETE FROM users", "DELETE FROM users WHERE {users}"),
    ],
)
def test_a_statement_is_cut_by_a_key(sql: str, expected: str) -> None:
    """NOT INDEXED has no effect on a table without rowids."""
    found = cut_of(sql, "Users", ("tenant", "id"))
    assert isinstance(found, Cut)
    assert condition(found) == expected


def test_the_key() -> None:
    """It is not changed, and has at most four columns."""
    sql = "UPDATE users SET b = 1"
    assert isinstance(cut_of(sql, "users", ("a", "B")), Uncuttable)
    assert isinstance(cut_of(sql, "users", ("a", "c")), Cut)
    found = cut_of(sql, "users", tuple("vwxyz"))
    assert isinstance(found, Uncuttable)
    assert found.reason == "a key may have 4 columns, and this one has 5"


def test_what_is_changed() -> None:
    """The table, for its indexes; the columns, which may be the rowid under another name."""
    found = cut_of("UPDATE users AS u SET Norm = 1, (a, b) = (2, 3)", "users")
    assert isinstance(found, Cut)
    assert (found.changes, found.sets) == ("users", frozenset(("norm", "a", "b")))
    found = cut_of("INSERT INTO a SELECT 1 FROM users WHERE 1 ON CONFLICT (x) DO UPDATE SET y = 1", "users")
    assert isinstance(found, Cut)
    assert (found.changes, found.sets) == ("a", frozenset())


def test_a_file() -> None:
    """The statement that records it does not count."""
    file = Migration(7, "007_fill", f"-- d1migrate: batch users\nDELETE FROM users;\n{RECORD}")
    assert cut_of_file(file, "users").changes == "users"


def test_the_place_in_a_file() -> None:
    """The error has the line, a caret, the reason and the hint."""
    text = "-- d1migrate: batch users\nUPDATE users\n  SET n = n + 1;\n"
    with pytest.raises(ParseError) as error:
        cut_of_file(Migration(7, "007_fill", text + RECORD), "users")
    assert str(error.value) == (
        "007_fill.sql:3:11: a second run would change n again: it is computed from its own value\n"
        "    SET n = n + 1;\n"
        "            ^"
    )
    assert error.value.hint
    assert error.value.hint.startswith("write the value to a new column")


def test_other_statements() -> None:
    """A file has one, and its error is at the second."""
    found = cut_of_statements(split(f"DELETE FROM users;\n PRAGMA optimize;{RECORD}"), "users")
    assert isinstance(found, Uncuttable)
    assert found.reason == "a batch migration has one statement, and this is a second one"
    assert found.statement
    assert found.statement.sql == "PRAGMA optimize"
    found = cut_of_statements(split(RECORD), "users")
    assert isinstance(found, Uncuttable)
    assert found.reason == "a batch migration needs a statement"
