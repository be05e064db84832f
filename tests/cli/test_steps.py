"""A change of a table that neither one batch nor a swap can rebuild: in steps, while old code writes."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING, NamedTuple

import pytest

if TYPE_CHECKING:
    from tests.cli.project import Project

TABLES = """\
CREATE TABLE teams (id INTEGER PRIMARY KEY);
CREATE TABLE users (
  id INTEGER PRIMARY KEY,
  email TEXT NOT NULL CHECK (email <> ''),
  age TEXT,
  role TEXT NOT NULL DEFAULT 'user',
  team_id INTEGER REFERENCES teams ON DELETE CASCADE
);
CREATE TABLE posts (id INTEGER PRIMARY KEY, user_id INTEGER NOT NULL REFERENCES users ON DELETE CASCADE);
CREATE UNIQUE INDEX users_email ON users (email);
CREATE INDEX users_age ON users (age, id);
CREATE VIEW ages AS SELECT id, age FROM users;
CREATE VIEW old_ages AS SELECT * FROM ages WHERE age > '50';
CREATE TABLE changes (user_id INTEGER, age TEXT);
CREATE TRIGGER users_aged AFTER UPDATE OF age ON users BEGIN
  INSERT INTO changes VALUES (new.id, new.age);
END;
INSERT INTO teams (id) VALUES (1), (2);
INSERT INTO users (email, age, team_id)
  WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {rows})
  SELECT 'U' || i || '@x.org', i % 90, 1 + i % 2 FROM n;
INSERT INTO posts (user_id) SELECT id FROM users;
"""
BIG = {"d1migrate.toml": 'budget = 1000\n[env.local]\ndatabase = "sqlite:app.db"\n'}


def big(project: Project, rows: int) -> None:
    """A parent with so many rows, each with a child, and a budget of 1,000 entries."""
    (project.folder / "d1migrate.toml").write_text(BIG["d1migrate.toml"])
    project.write("001_tables.sql", TABLES.format(rows=rows))
    project.run("up", "--no-lint")


class Change(NamedTuple):
    """A definition that a column gets, and what shows that it has it: a write, and whether it is accepted."""

    column: str
    definition: str
    shown_by: str
    accepted: bool = True


CHANGES = {
    "type": Change("age", "age INTEGER", "INSERT INTO users (email, age) VALUES ('x', '7')"),
    "default": Change("role", "role TEXT NOT NULL DEFAULT 'guest'", "INSERT INTO users (email) VALUES ('x')"),
    "null": Change("role", "role TEXT", "INSERT INTO users (email, role) VALUES ('x', NULL)"),
    "collation": Change("age", "age TEXT COLLATE NOCASE", "INSERT INTO users (email) VALUES ('x')"),
    "action": Change(
        "team_id", "team_id INTEGER REFERENCES teams ON DELETE SET NULL", "DELETE FROM teams WHERE id = 1"
    ),
}


def old_code_writes(project: Project, number: int) -> None:
    """Write as code does that knows neither the new column nor the job."""
    connection = sqlite3.connect(project.database)
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute(f"INSERT INTO users (email, age, team_id) VALUES ('new{number}', '{number}', 2)")
    connection.execute(f"INSERT INTO posts (user_id) SELECT id FROM users WHERE email = 'new{number}'")
    connection.execute(
        f"UPDATE users SET age = '9{number}', role = 'r{number}', team_id = 2 WHERE id IN (2, 300)"
    )
    connection.execute(
        f"INSERT INTO users (email) VALUES ('U7@x.org') ON CONFLICT DO UPDATE SET age = '8{number}'"
    )
    connection.execute(f"DELETE FROM users WHERE id = {100 + number}")
    connection.execute(f"UPDATE users SET id = {90000 + number}, age = '1' WHERE email = 'new{number}' AND 0")
    connection.commit()
    connection.close()


ROWS = "SELECT id, email, CAST(age AS TEXT), role, team_id FROM users ORDER BY id"


@pytest.mark.parametrize("rows", [400, 3_000])
@pytest.mark.parametrize("kind", CHANGES)
def test_a_column_gets_another_definition(project: Project, kind: str, rows: int) -> None:
    """No row, value or link is lost, whatever old code writes between the steps."""
    change = CHANGES[kind]
    big(project, rows)
    if rows == 3_000 and kind == "action":
        err = project.run("rebuild", "users", "--set", change.definition, code=1).err
        assert "and it cannot remain: its foreign key would still act" in err
        assert len(list(project.migrations.iterdir())) == 1
        return
    found = project.run("rebuild", "users", "--set", change.definition)
    assert "and so would the swap of an online rebuild" in found.err
    assert ("remains as" in found.err) == (rows == 3_000)
    linted = project.run("lint", "--json", "--scale", f"users={rows}").json["diagnostics"]
    warned = {each["code"] for each in linted if each["severity"] != "info" and not each["allow_reason"]}
    assert warned <= {"P114"}, linted  # the index of a big table
    project.run("up", "--to", "2")
    old_code_writes(project, 1)
    project.run("up", "--phase", "before", "--no-wait")
    project.run("job", "run", "--max-chunks", "1", code=None)
    old_code_writes(project, 2)
    project.run("up", "--phase", "before")
    old_code_writes(project, 3)
    before, links = project.sql(ROWS), project.sql("SELECT * FROM posts")
    project.run("up")
    assert project.sql(ROWS) == before
    assert project.sql("SELECT * FROM posts") == links
    assert project.run("verify", "--check").out == "files, history and schema agree\n"
    assert project.sql("PRAGMA foreign_key_check") == []
    project.run("schema", "--at", "latest", "--output", "schema.sql")
    schema = (project.folder / "schema.sql").read_text()
    assert schema.count("users_age ON users") == schema.count("VIEW old_ages") == 1
    assert "_new" not in schema
    project.sql(f"PRAGMA foreign_keys = ON;\n{change.shown_by}")


def test_a_constraint_becomes_triggers(project: Project) -> None:
    """They refuse what the constraint would, with its message; the rows without a value are filled."""
    big(project, 3_000)
    project.sql("UPDATE users SET age = NULL WHERE id % 3 = 0")
    check = "age TEXT CHECK (age <> 'old' AND users.age <> 'x') CONSTRAINT short CHECK (length(age) < 4)"
    found = project.run("rebuild", "users", "--set", check, "--name", "check ages")
    assert """SELECT * FROM "users" WHERE NOT (length(age) < 4)""" in found.err
    project.run("rebuild", "users", "--set", "age TEXT NOT NULL", "--backfill", "users.age='0'")
    assert project.run("lint", "--strict", "--json").json["warnings"] == 0
    project.run("up", "--to", "3")
    for write, error in (
        ("INSERT INTO users (email, age) VALUES ('a', 'old')", "CHECK constraint failed: age <> 'old'"),
        ("UPDATE users SET age = '1234' WHERE id = 1", "CHECK constraint failed: short"),
        ("INSERT INTO users (email) VALUES ('a')", "NOT NULL constraint failed: users.age"),
        ("UPDATE users SET age = NULL WHERE id = 1", "NOT NULL constraint failed: users.age"),
    ):
        with pytest.raises(sqlite3.IntegrityError, match=error):
            project.sql(write)
    project.sql("UPDATE users SET role = 'x' WHERE id = 3")  # it has no age yet
    project.run("up")
    assert project.sql("SELECT count(*), count(age), sum(age = '0') FROM users WHERE id % 3 = 0") == [
        (1_000, 1_000, 1_000)
    ]
    assert project.run("verify", "--check").out == "files, history and schema agree\n"


@pytest.mark.parametrize(
    ("definition", "reason", "hint"),
    [
        ("id INTEGER PRIMARY KEY AUTOINCREMENT", "PRIMARY KEY (id) is a key", "an online rebuild can"),
        ("age TEXT UNIQUE", "UNIQUE (age) is a key", "CREATE UNIQUE INDEX"),
        ("age INTEGER CHECK (age > 0)", "change at once", "one of them at a time"),
        ("age TEXT CHECK (id > 3)", "id has no value yet", "in the application"),
        ("age TEXT REFERENCES teams", "references something else", "--backfill"),
        ("age TEXT DEFAULT (random())", "can neither add the new column", "a constant default"),
    ],
)
def test_what_only_a_rebuild_can_change(project: Project, definition: str, reason: str, hint: str) -> None:
    """It is refused, and nothing is written: the file of one batch could not run."""
    big(project, 400)
    err = project.run("rebuild", "users", "--set", definition, code=1).err
    assert reason in err
    assert hint in err
    assert len(list(project.migrations.iterdir())) == 1


@pytest.mark.parametrize(
    ("before", "after", "reason"),
    [
        ("n TEXT)", "n TEXT) STRICT", "STRICT and WITHOUT ROWID are properties of the whole table"),
        ("n TEXT, FOREIGN KEY (n) REFERENCES b)", "n TEXT)", "is a constraint of the table"),
        ("n TEXT, CHECK (n <> ''))", "n INTEGER, CHECK (n <> ''))", "uses n, so it cannot be dropped"),
        ("n TEXT, m TEXT)", "n INTEGER)", "columns are added or dropped, too"),
        ("n TEXT, g AS (n))", "n TEXT, g AS (n || 'x'))", "g is a generated column"),
        ("n TEXT, g AS (n))", "n INTEGER, g AS (n))", "the generated column g reads n"),
    ],
)
def test_what_diff_refuses(project: Project, before: str, after: str, reason: str) -> None:
    """A schema file may ask for more than a flag."""
    others = "CREATE TABLE b (id INTEGER PRIMARY KEY, a INTEGER REFERENCES a);\n"
    tables = "CREATE TABLE a (id INTEGER PRIMARY KEY, {};\n" + others
    (project.folder / "d1migrate.toml").write_text(BIG["d1migrate.toml"])
    project.write("001_tables.sql", tables.format(before))
    (project.folder / "schema.sql").write_text(tables.format(after))
    arguments = ("diff", "--scale", "a=900", "--allow-drop", "all")
    assert reason in project.run(*arguments, code=1).err
    assert len(list(project.migrations.iterdir())) == 1


def test_back_on_a_small_database(project: Project) -> None:
    """The contract migration is rolled back by a rebuild, which a large table refuses."""
    big(project, 10)
    before = project.sql("SELECT * FROM users")
    project.run("rebuild", "users", "--set", "age INTEGER", "--expand")
    schema = project.run("schema", "--at", "1").out
    project.run("up")
    assert project.sql("SELECT DISTINCT typeof(age) FROM users") == [("integer",)]
    project.run("down", "--to", "1")
    assert project.run("schema").out == schema
    assert project.sql("SELECT * FROM users") == before


def test_the_schema_file_is_reached(project: Project) -> None:
    """After the steps, `diff` finds no difference to the schema that was asked for."""
    big(project, 400)
    project.run("schema", "--at", "latest", "--output", "schema.sql")
    file = project.folder / "schema.sql"
    file.write_text(file.read_text().replace("age TEXT", "age TEXT COLLATE NOCASE DEFAULT 'none'", 1))
    project.run("diff")
    project.run("up")
    assert "no difference" in project.run("diff").err
