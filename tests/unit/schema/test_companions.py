"""Companion triggers, on rows that old and new code write."""

from __future__ import annotations

import pytest

from d1migrate.schema.companions import companion_triggers, companions_of, missing_companions, sources_of
from tests.unit.schema.building import database, read, table

USERS = "CREATE TABLE users (id INTEGER PRIMARY KEY, email TEXT, norm TEXT);"


def created(sql: str, column: str = "norm", value: str = "lower(email)") -> list[str]:
    """The SQL of the triggers of a column."""
    return [one.trigger.sql for one in companion_triggers(table(sql), column, value)]


def test_the_sql() -> None:
    """Two triggers, which a reader understands."""
    assert (
        ";\n".join(created(USERS))
        == """\
CREATE TRIGGER "fill_users_norm_on_insert" AFTER INSERT ON "users"
WHEN new."norm" IS NULL BEGIN
  UPDATE "users" SET "norm" = lower(email)
  WHERE "id" = new."id";
END;
CREATE TRIGGER "fill_users_norm_on_update" AFTER UPDATE OF "email" ON "users"
WHEN new."norm" IS old."norm" BEGIN
  UPDATE "users" SET "norm" = lower(email)
  WHERE "id" = new."id";
END"""
    )


@pytest.mark.parametrize(
    "sql",
    [
        USERS,
        "CREATE TABLE users (id TEXT PRIMARY KEY, email TEXT, norm TEXT);",
        "CREATE TABLE users (id TEXT UNIQUE, rowid TEXT, email TEXT, norm TEXT);",
        "CREATE TABLE users (id TEXT, email TEXT, norm TEXT, PRIMARY KEY (id, email)) WITHOUT ROWID;",
    ],
)
def test_rows_of_old_and_new_code(sql: str) -> None:
    """Old code gets the column filled, also by an upsert and REPLACE; what new code writes stays."""
    connection = database(sql)
    for trigger in created(sql):
        connection.execute(trigger)
    connection.execute("INSERT INTO users (id, email) VALUES (1, 'A'), (2, 'B'), (3, 'C')")
    connection.execute("INSERT INTO users (id, email, norm) VALUES (4, 'D', 'new')")
    connection.execute("UPDATE users SET email = 'AA' WHERE id = 1")
    connection.execute("UPDATE users SET email = 'BB', norm = 'own' WHERE id = 2")
    connection.execute("REPLACE INTO users (id, email) VALUES (3, 'C')")
    rows = connection.execute("SELECT norm FROM users WHERE id IN (1, 2, 3, 4) ORDER BY id").fetchall()
    assert rows == [("aa",), ("own",), ("c",), ("new",)]


def test_a_value_with_a_case_or_a_comment() -> None:
    """D1's REST server splits a trigger with a bare CASE; a comment would hide the WHERE."""
    for value in ("CASE WHEN email = '' THEN NULL ELSE email END", "lower(email) -- as it is searched"):
        connection = database(USERS)
        for trigger in created(USERS, value=value):
            connection.execute(trigger)
        connection.execute("INSERT INTO users (email) VALUES ('a'), ('b')")
        assert connection.execute("SELECT norm FROM users").fetchall() == [("a",), ("b",)]
    assert "\n" not in created(USERS, value="CASE WHEN email = '' THEN 1 ELSE 2 END")[0]


def test_a_value_that_reads_no_column_of_the_row() -> None:
    """Only new rows need it."""
    assert sources_of(table(USERS), "norm", "coalesce(norm, 'x')") == []
    assert len(created(USERS, value="'x'")) == 1


@pytest.mark.parametrize(
    ("triggers", "missing"),
    [
        ("", ["INSERT", "UPDATE"]),
        (
            "CREATE TRIGGER t AFTER INSERT ON users BEGIN UPDATE users SET norm = 1 WHERE id = new.id; END",
            ["UPDATE"],
        ),
        (
            "CREATE TRIGGER t AFTER UPDATE ON users BEGIN UPDATE users SET norm = 1 WHERE id = new.id; END",
            ["INSERT"],
        ),
        (
            "CREATE TRIGGER t AFTER UPDATE OF id ON users BEGIN UPDATE users SET norm = 1 WHERE id = new.id; END",
            ["INSERT", "UPDATE"],
        ),
        (
            "CREATE TRIGGER t BEFORE INSERT ON users BEGIN UPDATE users SET norm = 1 WHERE id = new.id; END",
            ["INSERT", "UPDATE"],
        ),
        (
            "CREATE TRIGGER t AFTER INSERT ON users BEGIN UPDATE users SET email = 1 WHERE id = new.id; END",
            ["INSERT", "UPDATE"],
        ),
    ],
)
def test_which_are_missing(triggers: str, missing: list[str]) -> None:
    """Triggers that somebody wrote count, whatever their names, if they fire at the right writes."""
    found = missing_companions(table(USERS + triggers), "norm", "lower(email)")
    assert [one.event for one in found] == missing


def test_own_triggers_are_recognized() -> None:
    """What `companion_triggers` writes is complete."""
    connection = database(USERS)
    wanted = companion_triggers(table(USERS), "norm", "lower(email)")
    for one in wanted:
        connection.execute(one.trigger.sql)
    (users,) = read(connection).tables
    assert [one._replace(trigger=wanted[0].trigger) for one in companions_of(users)] == [
        one._replace(trigger=wanted[0].trigger) for one in wanted
    ]
    assert missing_companions(users, "norm", "lower(email)") == []
