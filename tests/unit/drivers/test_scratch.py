"""The private engine: it is used again only if nothing of what ran can be noticed."""

from __future__ import annotations

import pytest

from d1migrate.drivers.scratch import ScratchEngine

MANY = f"SELECT max({', '.join(map(str, range(130)))})"


@pytest.mark.parametrize(
    ("sql", "again"),
    [
        ("CREATE TABLE a (id INTEGER PRIMARY KEY AUTOINCREMENT)", True),
        ("CREATE TABLE a AS SELECT 1; SELECT", True),  # refused
        ("PRAGMA case_sensitive_like = ON", False),
        ("CREATE VIRTUAL TABLE a USING fts5(x)", False),
    ],
)
def test_what_is_used_again(sql: str, *, again: bool) -> None:
    """A table goes with the transaction; a setting of the connection does not."""
    engine = ScratchEngine.take()
    engine.run(sql)
    engine.give_back()
    following = ScratchEngine.take()
    assert (following is engine) == again
    assert following.rows("SELECT name FROM sqlite_schema") == []
    following.close()


def test_a_virtual_table_of_the_database() -> None:
    """It counts like one that a file creates."""
    engine = ScratchEngine.take()
    assert engine.build("CREATE VIRTUAL TABLE a USING fts5(x)")
    engine.give_back()
    assert ScratchEngine.take() is not engine


def test_a_transaction_that_ended_early() -> None:
    """What ran after it is committed, so the engine is not empty."""
    engine = ScratchEngine.take()
    engine.control("ROLLBACK")
    engine.give_back()
    assert ScratchEngine.take() is not engine


def test_the_place_of_an_error() -> None:
    """It does not depend on what ran before, here or for another user."""
    engine = ScratchEngine.take()
    first = engine.run(MANY).refusal
    engine.run("CREATE TABLE a (x)")
    engine.give_back()
    engine = ScratchEngine.take()
    assert engine.run(MANY, prepare_only=True).refusal == first
    assert "at offset 7" in str(first)
    engine.close()
