"""A schema read from a real database, and rows that SQLite never writes."""

from __future__ import annotations

from typing import Any

import pytest

from d1migrate.errors import DamagedError
from d1migrate.schema import introspect
from d1migrate.schema.model import Column, ForeignKey, Index, Trigger, View
from d1migrate.sql.batch import Result
from tests.unit.schema.building import database, read, schema

SQL = """
CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT NOT NULL DEFAULT 'x', shout AS (upper(name)));
CREATE TABLE "my posts" (a, b, user_id INTEGER REFERENCES users ON DELETE CASCADE, PRIMARY KEY (b, a),
  FOREIGN KEY (a, b) REFERENCES pairs (x, y) ON UPDATE SET NULL) WITHOUT ROWID;
CREATE UNIQUE INDEX by_name ON users (name, lower(name)) WHERE name <> '';
CREATE TRIGGER t AFTER INSERT ON USERS BEGIN SELECT 1; END;
CREATE VIEW v AS SELECT 1 AS one;
CREATE TRIGGER on_v INSTEAD OF INSERT ON V BEGIN SELECT 1; END;
"""


def test_all_of_a_schema() -> None:
    """Columns with generated ones, indexes with expressions, composite keys, triggers beside what they are on."""
    found = schema(SQL)
    users, posts = found.tables
    assert users.columns == (
        Column("id", "INTEGER", primary_key=1),
        Column("name", "TEXT", True, "'x'"),
        Column("shout", "", generated=True),
    )
    (index,) = users.indexes
    assert (index.name, index.unique, index.columns) == ("by_name", True, ("name", None))
    assert posts.primary_key == ("b", "a")
    assert set(posts.foreign_keys) == {
        ForeignKey(("user_id",), "users", (None,), "CASCADE", "NO ACTION"),
        ForeignKey(("a", "b"), "pairs", ("x", "y"), "NO ACTION", "SET NULL"),
    }
    assert posts.indexes == (Index("sqlite_autoindex_my posts_1", True, ("b", "a"), None),)
    assert [trigger.name for trigger in users.triggers] == ["t"]
    assert found.views == (View("v", "CREATE VIEW v AS SELECT 1 AS one"),)
    assert [(t.name, t.table) for t in found.triggers] == [("on_v", "v")]
    assert isinstance(found.triggers[0], Trigger)


def test_what_is_not_the_users() -> None:
    """The history, Cloudflare's tables, SQLite's own, and the tables in which virtual ones keep their rows."""
    found = schema(
        "CREATE TABLE Schema_Migrations (version INTEGER PRIMARY KEY, name, applied_at);"
        " CREATE TABLE schema_migrations_log (id); CREATE TABLE D1migrate_Log (id);"
        " CREATE TABLE _cf_KV (key); CREATE TABLE a (id INTEGER PRIMARY KEY AUTOINCREMENT);"
        " CREATE INDEX of_kv ON _cf_KV (key); CREATE VIRTUAL TABLE s USING fts5(x); ANALYZE"
    )
    assert [table.name for table in found.tables] == ["a", "s"]
    assert found.tables[1].is_virtual
    assert [column.name for column in found.tables[1].columns] == ["x"]


@pytest.mark.parametrize(
    "row",
    [
        ("table", "a", "a", None),
        ("table", "a", "a", 5),
        ("table", b"a", "a", "CREATE TABLE a (x)"),
        (None, "a", "a", "CREATE TABLE a (x)"),
        ("view", "a", None, "CREATE VIEW a AS SELECT 1"),
    ],
)
def test_a_damaged_schema(row: tuple[Any, ...]) -> None:
    """It is refused with the row."""
    with pytest.raises(DamagedError, match="it has the row"):
        introspect.read([Result([row]), Result(), Result(), Result()])


def test_one_table_is_read_as_all_are() -> None:
    """A table and an index that are read alone equal those that are read with all others."""
    connection = database(SQL)

    def ask(query: str) -> list[tuple[Any, ...]]:
        return connection.execute(query).fetchall()

    for table in schema(SQL).tables:
        index_sql = {index.name: index.sql for index in table.indexes}
        alone = introspect.one_table(ask, table.name, table.sql, index_sql=index_sql, triggers=table.triggers)
        assert alone == table
        for index in table.indexes:
            assert index.sql is None or introspect.one_index(ask, index.name, index.sql) == index


@pytest.mark.parametrize(
    ("change", "again"),
    [
        ("", []),
        ("INSERT INTO users (name) VALUES ('a'); CREATE VIEW w AS SELECT 2 AS two; DROP TRIGGER on_v", []),
        ("CREATE INDEX by_id ON users (id)", ["users"]),
        ("DROP INDEX by_name; CREATE INDEX by_name ON users (name)", ["users"]),
        ("CREATE TRIGGER u AFTER DELETE ON users BEGIN SELECT 1; END", ["users"]),
        ("ALTER TABLE users ADD COLUMN age", ["users"]),
        ("ALTER TABLE users RENAME TO people", ["people", "my posts"]),
        ('DROP TABLE "my posts"; CREATE TABLE c (x); CREATE VIRTUAL TABLE s USING fts5(x)', ["c", "s"]),
    ],
)
def test_only_tables_that_changed_are_read_again(change: str, again: list[str]) -> None:
    """The schema is the one that a reading from the start gives."""
    connection = database(SQL)
    earlier = read(connection)
    connection.execute(change)
    found = introspect.read_changes(connection.execute(introspect.OBJECTS.sql), earlier, connection.execute)
    assert found == read(connection)
    known = list(map(id, earlier.tables))
    assert [table.name for table in found.tables if id(table) not in known] == again


def test_virtual_tables_are_always_read_again() -> None:
    """The columns of a virtual table may depend on another table."""
    connection = database("CREATE VIRTUAL TABLE s USING fts5(x)")
    earlier = read(connection)
    found = introspect.read_changes(connection.execute(introspect.OBJECTS.sql), earlier, connection.execute)
    assert found == earlier
    assert found.tables[0] is not earlier.tables[0]
