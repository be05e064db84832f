"""The guarded rebuild, statement by statement, on rows that it could lose."""

from __future__ import annotations

import pytest

from d1migrate.errors import LimitExceeded
from d1migrate.schema.catalog import Catalog
from d1migrate.schema.changes import RebuildTable
from d1migrate.schema.model import Schema
from d1migrate.schema.rebuild import MAX_COLUMNS, drop_guards, guard_statements, rebuild_statements
from tests.unit.schema.building import catalog, database, read, table

CHILDREN = """
CREATE TABLE posts (id INTEGER PRIMARY KEY, user_id REFERENCES users ON DELETE CASCADE);
CREATE TABLE likes (user_id REFERENCES users(id) ON DELETE SET NULL);
"""
ROWS = """
INSERT INTO users (id, name) VALUES (3, 'a'), (7, 'b'); DELETE FROM users WHERE id = 7;
INSERT INTO users (id, name) VALUES (5, 'c'); INSERT INTO posts VALUES (1, 3); INSERT INTO likes VALUES (5);
"""


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("id INTEGER PRIMARY KEY, name TEXT", "id INTEGER PRIMARY KEY, name TEXT NOT NULL"),
        ("id INTEGER PRIMARY KEY AUTOINCREMENT, name", "id INTEGER PRIMARY KEY AUTOINCREMENT, name UNIQUE"),
        ("name, id PRIMARY KEY", "id PRIMARY KEY, name"),
        (
            "id INTEGER PRIMARY KEY, name, up REFERENCES users ON DELETE CASCADE",
            "id INTEGER PRIMARY KEY, name, up REFERENCES users",
        ),
    ],
)
def test_no_row_is_lost(old: str, new: str) -> None:
    """Neither of the table, nor of its children, nor the counter of its ids."""
    connection = database(f"CREATE TABLE users ({old}); {CHILDREN} {ROWS}")
    schema = read(connection)
    columns = [column.name for column in schema.tables[0].columns]
    change = RebuildTable(
        schema.tables[0], table(f"CREATE TABLE users ({new})"), tuple((c, f'"{c}"') for c in columns)
    )
    with connection:
        connection.execute("PRAGMA defer_foreign_keys = ON")
        for statement in rebuild_statements(change, 1, Catalog.of(schema)):
            connection.execute(statement)
    assert list(connection.execute("SELECT id, name FROM users ORDER BY id")) == [(3, "a"), (5, "c")]
    assert list(connection.execute("SELECT * FROM posts")) == [(1, 3)]
    assert list(connection.execute("SELECT * FROM likes")) == [(5,)]
    connection.execute("INSERT INTO users (name) VALUES ('d')")
    if "AUTOINCREMENT" in new:
        assert list(connection.execute("SELECT max(id) FROM users")) == [(8,)]
    assert not [t for t in read(connection).tables if "d1m" in t.name]


def test_indexes_that_no_key_needs_are_created_after_the_rows() -> None:
    """One index of all rows is less work than an entry for each; unique ones and those of own keys are needed."""
    indexes = "CREATE INDEX by_name ON users (name); CREATE UNIQUE INDEX by_mail ON users (mail);"
    indexes += "CREATE INDEX by_up ON users (up, name);"
    created = "CREATE TABLE users (id INTEGER PRIMARY KEY, name, mail, up REFERENCES users)"
    schema = read(database(f"{created}; {indexes}"))
    old = schema.tables[0]
    change = RebuildTable(old, old, tuple((column.name, f'"{column.name}"') for column in old.columns))
    order = [
        statement.split()[2 if statement.startswith("CREATE INDEX") else 3]
        if " INDEX " in statement
        else "rows"
        for statement in rebuild_statements(change, 1, Catalog.of(schema))
        if statement.startswith(("CREATE INDEX", "CREATE UNIQUE", "INSERT INTO"))
    ]
    assert order == ["by_mail", "by_up", "rows", "by_name"]


def test_guards_are_for_the_other_tables() -> None:
    """One for each event, and each is dropped again."""
    on, off = drop_guards(catalog(f"CREATE TABLE users (id INTEGER PRIMARY KEY); {CHILDREN}"), "users")
    assert (on, off) == guard_statements(["likes", "posts"])
    assert len(on) == len(off) == 4
    assert all("RAISE(IGNORE)" in sql for sql in on)


def test_a_table_as_wide_as_can_be() -> None:
    """Beside its rowid a copy has no place for all columns that are needed."""
    columns = ", ".join(f"c{n} NOT NULL" for n in range(MAX_COLUMNS))
    wide = table(f"CREATE TABLE t ({columns})")
    values = tuple((column.name, column.name) for column in wide.columns)
    with pytest.raises(LimitExceeded):
        rebuild_statements(RebuildTable(wide, wide, values), 1, Catalog.of(Schema((wide,))))
