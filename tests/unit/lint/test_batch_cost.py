"""What a file costs in one batch, by the rows that tables are known to have, and what to do instead."""

from __future__ import annotations

import re

import pytest

from d1migrate.errors import UsageError
from d1migrate.lint.batch_cost import entries_by_statement
from d1migrate.lint.platform import Target
from d1migrate.lint.replay.replayer import replay, schema_of
from d1migrate.lint.runner import lint
from d1migrate.migrate.migration import Migration
from d1migrate.schema.alter import statement_groups
from d1migrate.schema.diff import diff

SCHEMA = """
CREATE TABLE users (id INTEGER PRIMARY KEY, email TEXT, norm TEXT);
CREATE INDEX users_email ON users (email);
CREATE TABLE posts (id INTEGER PRIMARY KEY, user_id INTEGER REFERENCES users (id), text TEXT);
CREATE TABLE logs (at INTEGER, text TEXT);
CREATE TABLE pairs (a, b, PRIMARY KEY (a, b)) WITHOUT ROWID;
"""
FIRST = Migration(1, "001_first", SCHEMA)
ROWS = {"users": 1000, "posts": 100, "logs": 10}


def entries(sql: str) -> int:
    """Return what a file costs after that schema."""
    *_, found = replay([FIRST, Migration(2, "002_next", sql)])
    return sum(entries_by_statement(found, ROWS).values())


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("UPDATE users SET norm = lower(email);", 1000),
        ("UPDATE users SET email = lower(email);", 2000),
        ("UPDATE users SET norm = lower(email) WHERE norm IS NULL;", 1000),
        ("UPDATE users SET norm = (SELECT text FROM posts WHERE user_id = users.id);", 1000),
        ("UPDATE users SET norm = lower(email) WHERE id < 5;", 0),
        ("UPDATE users SET norm = lower(email) WHERE email IS NULL;", 0),
        ("UPDATE users SET norm = text FROM posts WHERE user_id = users.id;", 0),
        ("DELETE FROM users;", 4000),
        ("DELETE FROM logs;", 0),  # its pages are cleared
        ("DELETE FROM users WHERE id < 5;", 0),
        ("INSERT INTO logs SELECT id, text FROM posts;", 100),
        ("INSERT INTO users SELECT at, text, NULL FROM logs;", 20),
        ("INSERT INTO pairs SELECT at, text FROM logs;", 10),
        ("INSERT INTO logs SELECT id, text FROM posts WHERE id < 5;", 0),
        ("INSERT INTO logs VALUES (1, 'a');", 0),
        ("INSERT INTO logs VALUES ((SELECT count(*) FROM users), 'a');", 0),
        ("INSERT INTO logs SELECT count(*), NULL FROM users;", 0),
        ("INSERT INTO logs SELECT id, text FROM posts LIMIT 5;", 0),
        ("INSERT INTO logs SELECT p.id, p.text FROM posts AS p JOIN users ON user_id = users.id;", 0),
        ("INSERT INTO logs SELECT id, text FROM posts UNION ALL SELECT id, email FROM users;", 1100),
        ("CREATE TABLE copy AS SELECT * FROM users;", 1000),
        ("CREATE TABLE copy AS SELECT * FROM users; UPDATE copy SET norm = 1;", 2000),
        ("CREATE INDEX i ON users (norm);", 1000),
        ("CREATE INDEX i ON users (norm) WHERE norm IS NOT NULL;", 0),
        ("ALTER TABLE users DROP COLUMN norm;", 1000),
        ("ALTER TABLE users ADD COLUMN a;", 0),
        ("ALTER TABLE users RENAME TO people; UPDATE people SET norm = 1;", 1000),
        ("DROP TABLE posts;", 0),
        ("DROP TABLE posts; DROP TABLE users;", 0),
        ("PRAGMA defer_foreign_keys = ON; DROP TABLE users;", 3000),
    ],
)
def test_the_entries_of_a_file(sql: str, expected: int) -> None:
    """Rows, and the entries of the indexes that are touched; nothing for an unknown number of rows."""
    assert entries(sql) == expected


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        (SCHEMA.replace("norm TEXT", "norm TEXT DEFAULT ''"), 1000 * (2 + 1 + 3) + 100),
        (SCHEMA.replace("user_id INTEGER REFERENCES", "user_id TEXT REFERENCES"), 100 * 2),
        (SCHEMA.replace("at INTEGER", "at INTEGER NOT NULL DEFAULT 1"), 10 * 2),
    ],
)
def test_a_drafted_rebuild_costs_what_its_assertion_says(changed: str, expected: int) -> None:
    """The statements add up to what the first of them computes, the index of a child without one included."""
    before, after = (schema_of([Migration(1, "001_x", sql)]) for sql in (SCHEMA, changed))
    groups = statement_groups(diff(before, after).changes, before, after)
    statements = [sql for group in groups for sql in group.statements]
    asserted = re.findall(
        r'(?:SELECT |\+ )\(?(\d+) .*?\* \(SELECT count.*?SELECT 1 FROM "(\w+)"', statements[0]
    )
    assert sum(int(cost) * ROWS[table] for cost, table in asserted) == expected
    assert entries(";\n".join(statements) + ";\n") == expected


def findings(sql: str, rows: dict[str, int], budget: int = 50_000) -> list[str]:
    """Return what the rule finds."""
    found = lint([FIRST, Migration(2, "002_next", sql)], only={"002_next"}, target=Target(rows, budget))
    return [diagnostic.message for diagnostic in found if diagnostic.code == "P114"]


DEFAULTED = SCHEMA.replace("norm TEXT", "norm TEXT DEFAULT ''")
MANY = {"users": 1_000_000, "posts": 1_000_000}
REBUILD = """CREATE TABLE new (id INTEGER PRIMARY KEY, email TEXT);
INSERT INTO new SELECT id, email FROM users;
DROP TABLE users;
ALTER TABLE new RENAME TO users;
"""


@pytest.mark.parametrize(
    ("sql", "instead"),
    [
        (
            "UPDATE users SET norm = lower(email);\n",
            "the line `-- d1migrate: batch users` makes it run in chunks",
        ),
        (
            "UPDATE users SET norm = lower(email);\nUPDATE logs SET at = 1;\n",
            "the line `-- d1migrate: batch users`, in a file of its own, makes it run in chunks",
        ),
        (
            "INSERT INTO logs SELECT id, email FROM users;\n",
            "the line `-- d1migrate: batch users` makes it run in",
        ),
        ("CREATE INDEX i ON users (norm);\n", "an index cannot be created in chunks"),
        ("ALTER TABLE users DROP COLUMN norm;\n", "leave the column: foreign keys reference users"),
        ("ALTER TABLE posts DROP COLUMN text;\n", "`d1migrate rebuild posts --drop COLUMN --online`"),
        (
            REBUILD,
            "foreign keys reference users, so replacing it is too much: `d1migrate rebuild users --expand`",
        ),
    ],
)
def test_what_to_do_instead(sql: str, instead: str) -> None:
    """The message has the number, the budget, and the next step."""
    (message,) = findings(sql, MANY)
    assert " entries in one batch: over the budget of 50,000; " in message
    assert instead in message


def test_a_file_within_the_budget() -> None:
    """Exactly the budget is allowed; and without known rows, nothing is."""
    sql = "UPDATE users SET norm = lower(email);\n"
    assert findings(sql, {"users": 50_000}) == []
    assert findings(sql, {"users": 50_001}) != []
    assert findings(sql, {"users": 50_001}, 50_001) == []
    assert findings(sql, {}) == []


def test_a_file_that_runs_as_a_job() -> None:
    """It is split where it is too large."""
    assert (
        findings(
            "-- d1migrate: batch users\nUPDATE users SET norm = lower(email) WHERE norm IS NULL;\n", MANY
        )
        == []
    )


def test_a_rebuild_over_the_budget() -> None:
    """The directive is enough for a drafted one; an online rebuild still has to drop the table."""
    before, after = (schema_of([Migration(1, "001_x", sql)]) for sql in (SCHEMA, DEFAULTED))
    groups = statement_groups(diff(before, after).changes, before, after)
    drafted = "".join(f"{sql};\n" for group in groups for sql in group.statements)
    online = f"-- d1migrate: online users\n{drafted}"
    rows = {"users": 15_000}
    (message,) = findings(drafted, rows)
    assert message.endswith("the line `-- d1migrate: online users` makes it run in chunks")
    (message,) = findings(REBUILD, rows)
    assert message.endswith("rebuild it in chunks: `d1migrate rebuild users --online`")
    assert findings(online, rows) == []
    (message,) = findings(online, MANY)
    assert "about 3,000,000 entries in one batch" in message
    assert message.endswith("`d1migrate rebuild users --expand`")


def test_rows_of_no_table() -> None:
    """A name that is not known is refused."""
    with pytest.raises(UsageError, match="cannot scale user: no such table") as caught:
        lint([FIRST], target=Target({"user": 5}, 50_000))
    assert "users" in str(caught.value.hint)
