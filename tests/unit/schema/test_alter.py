"""Changes as SQL: run on rows, it builds the desired schema and keeps every row."""

from __future__ import annotations

import pytest

from d1migrate.errors import PlanError
from d1migrate.schema.alter import statement_groups
from d1migrate.schema.compare import compare
from d1migrate.schema.diff import diff
from tests.unit.schema.building import database, read, schema

USERS = "CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT);"
POSTS = "CREATE TABLE posts (id INTEGER PRIMARY KEY, user_id REFERENCES users ON DELETE CASCADE);"
ROWS = "INSERT INTO users VALUES (1, 'a'), (2, 'b'); INSERT INTO posts VALUES (5, 1), (6, 2);"


@pytest.mark.parametrize(
    "desired",
    [
        USERS + POSTS,
        USERS + POSTS + "CREATE TABLE tags (x)",
        USERS.replace("TEXT", "TEXT, age INTEGER") + POSTS,
        USERS.replace(", name TEXT", "") + POSTS,
        USERS.replace("TEXT", "TEXT NOT NULL CHECK (name <> '')") + POSTS,  # a rebuild of the parent
        USERS + POSTS.replace("CASCADE", "SET NULL") + "CREATE INDEX i ON posts (user_id)",
        USERS + POSTS + "CREATE VIEW v AS SELECT * FROM users",
        USERS + POSTS + "CREATE TRIGGER t AFTER INSERT ON users BEGIN SELECT CASE WHEN 1 THEN 2 END; END",
        POSTS.replace("user_id REFERENCES users ON DELETE CASCADE", "user_id"),  # a parent goes
    ],
)
def test_there_with_all_rows(desired: str) -> None:
    """In one transaction, with foreign keys enforced."""
    connection = database(USERS + POSTS + ROWS)
    before, wanted = read(connection), schema(desired)
    groups = statement_groups(diff(before, wanted).changes, before, wanted)
    with connection:
        for group in groups:
            for statement in group.statements:
                connection.execute(statement)
    assert compare(wanted, read(connection)) == ()
    assert list(connection.execute("SELECT id, user_id FROM posts")) == [(5, 1), (6, 2)]
    if "users" in {table.name for table in wanted.tables}:
        assert list(connection.execute("SELECT id FROM users")) == [(1,), (2,)]
    assert list(connection.execute("PRAGMA foreign_key_check")) == []


def test_a_table_that_another_refers_to() -> None:
    """Dropping it would delete rows of a table that stays."""
    before, wanted = schema(USERS + POSTS), schema(POSTS)
    with pytest.raises(PlanError, match="users would be dropped, but posts still references it"):
        statement_groups(diff(before, wanted).changes, before, wanted)


def test_the_copy_of_the_only_rebuilt_table_is_created_first() -> None:
    """After the budget, which creates nothing: it fails while an online rebuild has its name."""
    before, after = schema(USERS + POSTS), schema(USERS.replace("TEXT", "TEXT CHECK (name)") + POSTS)
    groups = statement_groups(diff(before, after).changes, before, after)
    created = [
        sql for group in groups for sql in group.statements if not sql.startswith(("SELECT", "PRAGMA"))
    ]
    assert created[0] == 'CREATE TABLE "_d1m_hold_1" AS SELECT "id", "name" FROM "users"'
