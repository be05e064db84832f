"""Whether a database is whole: each problem, created and found."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from d1migrate.drivers.run import run
from d1migrate.drivers.sqlite import SqliteDriver
from d1migrate.migrate.flows.integrity import (
    NO_SCHEMA,
    can_break_rows,
    inspect,
    missing_objects,
    problems_after,
)
from d1migrate.migrate.flows.leftovers import Problem
from d1migrate.migrate.migration import Migration
from d1migrate.migrate.plan import plan_up
from tests.unit.migrate.shorthand import history

if TYPE_CHECKING:
    from pathlib import Path

    from tests.unit.migrate.flows.database import Database

PARENT = "CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT);"
CHILD = "CREATE TABLE posts (id INTEGER PRIMARY KEY, user_id INTEGER REFERENCES users(id));"
SEARCH = "CREATE VIRTUAL TABLE search USING fts5(name, content=users, content_rowid=id);"


def problems(database: Database, *, rows: bool = True) -> list[tuple[str, str]]:
    """What is found, as (kind, name)."""
    seen = database.run(inspect(lambda *_: [("view", "v", "no such column: x")], rows=rows))
    return [(problem.kind, problem.name) for problem in seen.problems]


@pytest.mark.parametrize(
    ("sql", "found"),
    [
        (f"{PARENT} {CHILD} {SEARCH}", []),
        (CHILD, [("parent", "posts")]),
        (f"{PARENT} {SEARCH} INSERT INTO users VALUES (1, 'a')", [("search", "search")]),
        (
            f"{PARENT} {SEARCH} INSERT INTO users VALUES (1, 'a'); INSERT INTO search(search) VALUES ('rebuild')",
            [],
        ),
        ("CREATE TABLE _d1m_hold (x)", [("leftover", "_d1m_hold")]),
    ],
)
def test_what_is_wrong(empty: Database, sql: str, found: list[tuple[str, str]]) -> None:
    """One problem each; what does not compile is for an engine to say."""
    empty.script(f"CREATE VIEW v AS SELECT 1; {sql}")
    assert problems(empty) == [*found, ("broken", "v")]


@pytest.mark.parametrize(
    ("sql", "is_asked"),
    [
        (PARENT, False),
        (f"{PARENT} CREATE VIEW v AS SELECT 1", True),
        (f"{PARENT} CREATE TRIGGER t AFTER INSERT ON users BEGIN SELECT 1; END", True),
        (f"{PARENT} {SEARCH}", True),
    ],
)
def test_the_engine_is_asked_if_something_can_fail(empty: Database, sql: str, *, is_asked: bool) -> None:
    """A view, a trigger, or a virtual table."""
    empty.script(sql)
    assert (("broken", "v") in problems(empty)) == is_asked


def test_rows_without_their_parent(tmp_path: Path) -> None:
    """An import may leave them, and so may any tool that does not enforce foreign keys."""
    with closing(sqlite3.connect(tmp_path / "app.db")) as connection:
        connection.executescript(f"{PARENT} {CHILD} INSERT INTO posts VALUES (7, 1), (8, 2), (9, NULL);")
    driver = SqliteDriver(str(tmp_path / "app.db"), url="sqlite:app.db")
    (problem,) = run(inspect(None, rows=True), driver).problems
    driver.close()
    assert (problem.kind, problem.name) == ("orphans", "posts")
    assert "2 rows" in problem.message
    assert "rowid 7" in problem.message


def test_rows_are_looked_at_on_request_only(empty: Database) -> None:
    """It costs D1 a read of every row."""
    empty.script(f"{PARENT} {SEARCH} INSERT INTO users VALUES (1, 'a')")
    assert problems(empty, rows=False) == [("broken", "v")]


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("CREATE TABLE a (x)", False),
        ("INSERT INTO a VALUES (1)", False),
        ("DROP TABLE a", True),
        ("ALTER TABLE a DROP COLUMN x", True),
        ("PRAGMA defer_foreign_keys = ON", True),
    ],
)
def test_what_can_hurt_rows(sql: str, *, expected: bool) -> None:
    """D1 refuses the rest statement by statement."""
    plan = plan_up([Migration(1, "001_a", f"{sql};")], history())
    assert can_break_rows(plan.steps) is expected


def test_what_was_so_before_is_not_new(empty: Database) -> None:
    """But a leftover always is: nobody wants one."""
    empty.script(f"{CHILD} CREATE TABLE _d1m_hold (x)")
    before = empty.run(inspect(None, rows=True))
    empty.script(CHILD.replace("posts", "likes"))
    found = problems_after(before, empty.run(inspect(None, rows=True)), None)
    assert {problem.name: problem.is_new for problem in found} == {
        "_d1m_hold": True,
        "posts": False,
        "likes": True,
    }


def test_what_files_promise(empty: Database) -> None:
    """A missing object, with the SQL that creates it; other case is no difference."""
    empty.script(f"{PARENT} CREATE INDEX Of_Names ON users (name)")
    expected = empty.run(inspect(None, rows=False)).schema
    assert list(missing_objects(expected, expected)) == []
    assert [(p.kind, p.name, p.fix) for p in missing_objects(expected, NO_SCHEMA)] == [
        ("missing", "users", ("CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT);",)),
        ("missing", "Of_Names", ("CREATE INDEX Of_Names ON users (name);",)),
    ]
    assert isinstance(next(missing_objects(expected, NO_SCHEMA)), Problem)
