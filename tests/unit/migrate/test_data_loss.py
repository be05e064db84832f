"""What a rollback may delete, rows or values: by its words, foreign keys, triggers, and names that change."""

from __future__ import annotations

import pytest

from d1migrate.drivers.sqlite import SqliteDriver
from d1migrate.migrate import data_loss
from d1migrate.schema.rebuild_checks import count_statements, recount_statements
from d1migrate.sql.batch import Batch, Query
from d1migrate.sql.split import split

SCHEMA = """
CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT UNIQUE, Boss INTEGER, twice AS (boss * 2));
CREATE TABLE posts (id INTEGER PRIMARY KEY, user_id INTEGER REFERENCES users(id) ON DELETE CASCADE);
CREATE TABLE likes (post_id INTEGER REFERENCES posts(id) ON DELETE SET NULL);
CREATE TABLE tags (name TEXT);
CREATE TABLE log (line TEXT);
CREATE TABLE django_migrations (id INTEGER PRIMARY KEY, app TEXT, name TEXT);
CREATE TRIGGER forget AFTER DELETE ON tags BEGIN DELETE FROM log; END;
CREATE VIEW names AS SELECT name FROM users;
CREATE VIRTUAL TABLE Search USING fts5(name, content='tags');
CREATE VIRTUAL TABLE own USING fts5(name);
"""


FILL = """INSERT INTO "Search" ("Search") VALUES ('rebuild')"""


def at_risk(*steps: str) -> list[list[str]]:
    """What each step may delete."""
    return [[loss.name for loss in found] for found in losses(*steps)]


def losses(*steps: str) -> list[list[data_loss.PossibleLoss]]:
    """What each step may delete."""
    driver = SqliteDriver(":memory:", url="sqlite::memory:")
    try:
        driver.batch(Batch([Query(piece.sql) for piece in split(SCHEMA) if piece.sql]))
        tables = data_loss.LiveTables(driver.batch(Batch(data_loss.QUERIES, reads=True)))
    finally:
        driver.close()
    texts = [[piece.sql for piece in split(step) if piece.sql] for step in steps]
    return data_loss.possible_losses(texts, tables)


@pytest.mark.parametrize(
    ("sql", "tables"),
    [
        ("DROP TABLE likes", ["likes"]),
        ("DELETE FROM likes WHERE post_id = 1", ["likes"]),
        ("DELETE FROM likes; ALTER TABLE likes DROP COLUMN post_id", ["likes"]),
        # values only
        ("ALTER TABLE users DROP COLUMN boss", ["users.Boss"]),
        ("ALTER TABLE users DROP name; alter table USERS drop column BOSS", ["users.Boss", "users.name"]),
        ("ALTER TABLE users DROP COLUMN twice", []),  # SQLite computes them again
        ("ALTER TABLE users ADD COLUMN x; ALTER TABLE users DROP COLUMN x", []),
        ("ALTER TABLE users RENAME boss TO x; ALTER TABLE users DROP COLUMN x", ["users.Boss"]),
        (
            "ALTER TABLE users RENAME boss TO x; ALTER TABLE users ADD boss; ALTER TABLE users DROP COLUMN boss",
            [],
        ),
        # foreign keys: rows go with their parent, values with theirs
        ("DROP TABLE posts", ["likes.post_id", "posts"]),
        ("DELETE FROM users", ["likes.post_id", "posts", "users"]),
        # triggers
        ("DELETE FROM tags", ["log", "tags"]),
        ("DROP TRIGGER forget; DELETE FROM tags", ["tags"]),
        ("DROP TABLE tags", ["tags"]),  # a DROP fires none
        # full-text tables, of another table's text or their own
        ("DROP TABLE search", ["Search"]),
        (f"DROP TABLE search; CREATE VIRTUAL TABLE search USING fts5(name, content='tags'); {FILL}", []),
        (f"DROP TABLE search; {FILL}; DROP TABLE Search", ["Search"]),
        (f"DROP TABLE own; {FILL.replace('Search', 'own')}", ["own"]),
        # the history of another tool
        ("DELETE FROM django_migrations WHERE app = 'shop' AND name = '0002_x'", []),
        ("DROP TABLE django_migrations", ["django_migrations"]),
        # nothing
        ("DROP INDEX i", []),
        ("DROP VIEW names", []),
        ("ALTER TABLE users ADD COLUMN x", []),
        ("INSERT INTO users (name) VALUES ('a')", []),
        ("SELECT 1", []),
        ("DROP TABLE IF EXISTS no_such_table", []),
        # names
        ("ALTER TABLE likes RENAME TO old; DROP TABLE old", ["likes"]),
        ("CREATE TABLE new (x); DROP TABLE new", []),
        ("drop table [LIKES]", ["likes"]),
    ],
)
def test_tables_at_risk(sql: str, tables: list[str]) -> None:
    """Rather too many than too few."""
    assert at_risk(sql) == [tables]


def test_steps_in_a_row() -> None:
    """A later step knows what an earlier one renamed, made and dropped."""
    assert at_risk(
        "ALTER TABLE likes RENAME TO old; CREATE TABLE likes (x)", "DROP TABLE likes", "DROP TABLE old"
    ) == [[], [], ["likes"]]


def rebuilt(columns: str, *, into: str = "users") -> str:
    """A rebuild of users that proves that no row is lost."""
    aside = f"; ALTER TABLE {into} RENAME TO users" if into != "users" else ""
    made = f"DROP TABLE users; CREATE TABLE {into} ({columns}){aside}"
    return "; ".join(
        [
            *count_statements(["users", "posts", "likes"]),
            made,
            *recount_statements(["users", "posts", "likes"]),
        ]
    )


ALL = "id INTEGER PRIMARY KEY, name TEXT, boss INTEGER"


@pytest.mark.parametrize(
    ("columns", "lost"),
    [
        (ALL, []),
        ("id INTEGER PRIMARY KEY, BOSS", ["users.name"]),
        ("id INTEGER PRIMARY KEY, name, boss AS (id + 1)", ["users.Boss"]),
        (f"{ALL}); ALTER TABLE users DROP COLUMN name; SELECT (1", ["users.name"]),
    ],
)
@pytest.mark.parametrize("into", ["users", "users_new"])
def test_a_rebuild_keeps_the_rows(columns: str, lost: list[str], into: str) -> None:
    """Only the columns that the new table lacks are lost; what is dropped later is lost then."""
    if into != "users" and "ALTER" in columns:
        columns = columns.replace("TABLE users", f"TABLE {into}")
    step = rebuilt(columns, into=into)
    assert at_risk(step) == [lost]
    assert at_risk(step, "DROP TABLE users") == [lost, ["likes.post_id", "posts", "users"]]
    assert at_risk(step, step, "ALTER TABLE users DROP COLUMN boss")[2] == ["users.Boss"]


def test_a_rebuild_keeps_a_column_that_was_renamed() -> None:
    """By the name that it has then; a guard asks for the values by the name that the step finds."""
    rename = "ALTER TABLE users RENAME COLUMN boss TO chief"
    kept, lost = (rebuilt(f"id INTEGER PRIMARY KEY, name TEXT{more}") for more in (", chief INTEGER", ""))
    assert at_risk(rename, kept) == [[], []]
    assert at_risk(f"{rename}; {kept}") == [[]]
    assert at_risk(rename, lost) == [[], ["users.Boss"]]
    *_, (loss,) = losses(rename, lost)
    assert loss.column_then == "chief"


def test_a_rebuild_does_not_lose_what_is_gone() -> None:
    """A column that an earlier step drops or leaves out is not lost by a later rebuild again."""
    step = rebuilt("id INTEGER PRIMARY KEY, name TEXT")
    assert at_risk("ALTER TABLE users DROP COLUMN boss", step) == [["users.Boss"], []]
    assert at_risk(step, step) == [["users.Boss"], []]
