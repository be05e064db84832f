"""Which tables a rollback takes rows from: by its words, foreign keys, triggers, and names that change."""

from __future__ import annotations

import pytest

from d1migrate.drivers.sqlite import SqliteDriver
from d1migrate.migrate import data_loss
from d1migrate.sql.batch import Batch, Query
from d1migrate.sql.split import split

SCHEMA = """
CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT UNIQUE, boss INTEGER);
CREATE TABLE posts (id INTEGER PRIMARY KEY, user_id INTEGER REFERENCES users(id) ON DELETE CASCADE);
CREATE TABLE likes (post_id INTEGER REFERENCES posts(id) ON DELETE SET NULL);
CREATE TABLE tags (name TEXT);
CREATE TABLE log (line TEXT);
CREATE TRIGGER forget AFTER DELETE ON tags BEGIN DELETE FROM log; END;
CREATE VIEW names AS SELECT name FROM users;
"""


def at_risk(*steps: str) -> list[list[str]]:
    """The tables that each step takes rows from."""
    driver = SqliteDriver(":memory:", url="sqlite::memory:")
    try:
        driver.batch(Batch([Query(piece.sql) for piece in split(SCHEMA) if piece.sql]))
        tables = data_loss.LiveTables(driver.batch(Batch(data_loss.QUERIES, reads=True)))
    finally:
        driver.close()
    texts = [[piece.sql for piece in split(step) if piece.sql] for step in steps]
    return [[risk.table for risk in found] for found in data_loss.risks(texts, tables)]


@pytest.mark.parametrize(
    ("sql", "tables"),
    [
        ("DROP TABLE likes", ["likes"]),
        ("DELETE FROM likes WHERE post_id = 1", ["likes"]),
        ("ALTER TABLE users DROP COLUMN boss", ["users"]),
        # foreign keys: rows go with their parent, values with theirs
        ("DROP TABLE posts", ["likes", "posts"]),
        ("DELETE FROM users", ["likes", "posts", "users"]),
        # triggers
        ("DELETE FROM tags", ["log", "tags"]),
        ("DROP TRIGGER forget; DELETE FROM tags", ["tags"]),
        ("DROP TABLE tags", ["tags"]),  # a DROP fires none
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
