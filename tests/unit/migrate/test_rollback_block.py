"""Where the rollback block of a file is, and SQL of a rollback that would run forward."""

from __future__ import annotations

import pytest

from d1migrate.errors import SourceError
from d1migrate.migrate.migration import Migration

UP = "CREATE TABLE a (x);\n"


@pytest.mark.parametrize(
    ("text", "sql", "line"),
    [
        ("-- Rollback:\n--   DROP TABLE a;\n", ["DROP TABLE a"], 3),
        ("-- Rollback: DROP TABLE a;\n", ["DROP TABLE a"], 2),
        ("--rollback:DROP TABLE a\n", ["DROP TABLE a"], 2),
        ("-- ROLLBACK:\n-- DROP INDEX i;\n-- DROP TABLE a;\n", ["DROP INDEX i", "DROP TABLE a"], 3),
        ("-- Rollback:\n-- -- prose\n-- DROP TABLE a;\n", ["DROP TABLE a"], 4),
    ],
)
def test_a_block(text: str, sql: list[str], line: int) -> None:
    """Its SQL without the marks, and the line of the file on which its first statement is."""
    rollback = Migration(1, "001_a", UP + text).rollback
    assert rollback
    found = list(rollback.statements())
    assert [statement.sql for statement in found] == sql
    assert found[0].line == line


@pytest.mark.parametrize(
    "text",
    [
        "",
        "-- The rollback: nothing to it\n",
        "  -- Rollback: DROP TABLE a;\n",  # indented: part of something else
        "/* Rollback: DROP TABLE a; */\n",
        "SELECT '\n-- Rollback: DROP TABLE a;\n';\n",
    ],
)
def test_no_block(text: str) -> None:
    """Only a line that begins with the marker begins one."""
    assert Migration(1, "001_a", UP + text).rollback is None


@pytest.mark.parametrize("text", ["-- Rollback: none, rows are gone\n", "-- rollback: NONE: rows are gone\n"])
def test_declared_irreversible(text: str) -> None:
    """The reason is kept."""
    rollback = Migration(1, "001_a", UP + text).rollback
    assert rollback
    assert rollback.reason == "rows are gone"


def test_one_block_a_file() -> None:
    """A second one would be read by some and not by others."""
    text = f"{UP}-- Rollback: DROP TABLE a;\n\n-- Rollback: DROP TABLE b;\n"
    with pytest.raises(SourceError, match="a second rollback block; the first is on line 2"):
        Migration(1, "001_a", text).check()


@pytest.mark.parametrize(
    "marker",
    [
        "-- migrate:down",  # dbmate
        "-- +goose Down",
        "-- +migrate Down",
        "---- create above / drop below ----",  # tern
        "-- //@UNDO",  # MyBatis
        "-- Down",
        "-- To roll back:",
        "-- Undo",
        "-- Rollback",
        "--Rollback",
        "-- Roll back:",
        "-- Rolback:",
        "/* Rollback */",
        "-- rambler down",
        "# --- !Downs",  # Play
        "-- -- down.sql --",  # Atlas
    ],
)
def test_sql_that_would_run_forward(marker: str) -> None:
    """What other tools keep for a rollback is refused, not run."""
    with pytest.raises(SourceError, match="would run as part of the migration") as refused:
        Migration(1, "001_a", f"{UP}{marker}\nDROP TABLE a;\n").check()
    assert refused.value.rule == "P110"
    assert "001_a.sql:2" in str(refused.value)


@pytest.mark.parametrize(
    "text",
    [
        "-- Down\n-- DROP TABLE a;\n",  # commented out
        "-- undo\nCREATE TABLE undo_steps (x);\n",  # the heading of a table
        "-- goes down well\nDROP TABLE b;\n",
    ],
)
def test_sql_that_is_meant(text: str) -> None:
    """A heading is not a marker if no rollback follows."""
    assert Migration(1, "001_a", UP + text).check() in (1, 2)


def test_a_statement_after_the_block() -> None:
    """It is one of the migration, and none of the rollback."""
    migration = Migration(1, "001_a", f"{UP}-- Rollback:\n-- DROP TABLE a;\nSELECT 1;\n")
    assert migration.check() == 2
    assert migration.rollback
    assert list(migration.rollback.texts()) == ["DROP TABLE a"]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("-- Roll back:\n-- DROP TABLE a;\n", "-- Roll back:"),
        ("--Rollback\n-- DROP TABLE a;\n", "--Rollback"),
        ("-- Rolback:\n-- DROP TABLE a;\n", "-- Rolback:"),
        ("-- rollbak:\n-- DROP TABLE a;\n", "-- rollbak:"),
        ("/* Rollback */\n-- DROP TABLE a;\n", "/* Rollback */"),
        ("/* Rollback\nDROP TABLE a;\n*/\n", "/* Rollback DROP TABLE a; */"),
        (
            "/*\n * Undo:\n * DROP TABLE a_name_that_is_long;\n */\n",
            "/* * Undo: * DROP TABLE a_name_that_is_…",
        ),
        ("-- +goose Down\n-- DROP TABLE a;\n", "-- +goose Down"),
        ("  -- Rollback: DROP TABLE a;\n", "-- Rollback: DROP TABLE a;"),
    ],
)
def test_what_looks_like_a_block(text: str, shown: str) -> None:
    """It is noticed, because its author thinks that the file can be rolled back."""
    migration = Migration(1, "001_a", UP + text)
    assert migration.rollback is None
    almost = migration.almost_rollback
    assert almost
    assert almost.text == shown
    assert almost.is_misplaced == text.startswith(" ")


@pytest.mark.parametrize(
    "text",
    [
        "-- The rollback: nothing to it\n",
        "-- undo\nCREATE TABLE undo_steps (x);\n",
        "-- Rollback: none, rows are gone\n",
        "-- Roll back\n-- Rollback: DROP TABLE a;\n",
    ],
)
def test_what_is_not_mistaken_for_a_block(text: str) -> None:
    """Prose, the heading of a table, and a heading above a block."""
    assert Migration(1, "001_a", UP + text).almost_rollback is None
