"""The rollback block of a file: what is one, what is in it, and what it may not do."""

from __future__ import annotations

import pytest

from d1migrate.errors import ParseError, SourceError
from d1migrate.migrate.migration import Migration


def migration(text: str) -> Migration:
    """Version 1 with this text."""
    return Migration(1, "001_a", text)


def test_the_rollback_block() -> None:
    """It loses one `--` and the common indent, and keeps blank lines and the line numbers of the file."""
    found = migration(
        "SELECT 1;\n\n-- Rollback:\n--   DROP TABLE a;\n\n--     -- a note\n--   DROP TABLE b;\n"
    ).rollback
    assert found is not None
    assert found.sql == "\nDROP TABLE a;\n\n  -- a note\nDROP TABLE b;"
    assert [(s.sql, s.line) for s in found.statements()] == [("DROP TABLE a", 4), ("DROP TABLE b", 7)]


@pytest.mark.parametrize(
    ("text", "sql"),
    [
        ("SELECT 1;\n--rollback:\n--DROP TABLE a;", "\nDROP TABLE a;"),
        ("SELECT 1;\n-- ROLLBACK: DROP TABLE a;", "DROP TABLE a;"),
        ("-- Rollback:\n-- DROP TABLE a;\nSELECT 1;", "\nDROP TABLE a;"),
        ("SELECT 1;\n-- Rollback:\n-- DROP TABLE a;\n/* not this */\n-- nor this", "\nDROP TABLE a;"),
        ("SELECT 1\n\n-- Rollback:\n-- DROP TABLE a;\n", "\nDROP TABLE a;"),
        (
            "SELECT 1;\n-- Rollback:\n-- CREATE TRIGGER t AFTER INSERT ON a BEGIN\n--   SELECT 1;\n-- END;\n",
            "\nCREATE TRIGGER t AFTER INSERT ON a BEGIN\n  SELECT 1;\nEND;",
        ),
    ],
)
def test_spellings_of_a_rollback_block(text: str, sql: str) -> None:
    """Any case, on one line, anywhere between statements, with several lines a statement."""
    found = migration(text).rollback
    assert found is not None
    assert found.sql == sql


@pytest.mark.parametrize(
    "text",
    [
        "SELECT 1;",
        "SELECT '\n-- Rollback:\n-- DROP TABLE a;\n';",
        "SELECT 1; -- Rollback: DROP TABLE a;",
        "SELECT 1;\n-- Rollback:\n-- -- nothing yet\n",
        "SELECT 1;\n-- How to roll back: ask\n",
        "SELECT 1\n-- Rollback: SELECT 2\n, 3;",
        "SELECT 1;\n/*\n-- Rollback:\n-- DROP TABLE a;\n*/",
    ],
)
def test_what_is_no_rollback_block(text: str) -> None:
    """Inside a string or statement, after a statement on its line, or without SQL, there is none."""
    assert migration(text).rollback is None


@pytest.mark.parametrize(
    "text", ["-- Rollback: none, gone", "-- rollback: NONE: gone", "-- Rollback: none - gone"]
)
def test_declared_irreversible(text: str) -> None:
    """`none` and a reason declare that there is no rollback."""
    found = migration(f"SELECT 1;\n{text}\n").rollback
    assert found is not None
    assert found.reason == "gone"


def test_rollback_errors_name_the_line_of_the_file() -> None:
    """An unclosed string in the block is shown where it stands in the file."""
    found = migration("SELECT 1;\n\n-- Rollback:\n-- DROP TABLE a;\n-- SELECT 'x;\n").rollback
    assert found is not None
    with pytest.raises(ParseError, match=r"001_a\.sql:5:8"):
        list(found.statements())


@pytest.mark.parametrize(
    "sql",
    [
        "DROP TABLE schema_migrations",
        'drop table if exists main."D1migrate_Log"',
        "ALTER TABLE schema_migrations RENAME TO x",
        "DELETE FROM d1migrate_log",
        "UPDATE schema_migrations SET name = 1",
    ],
)
def test_a_rollback_may_not_drop_the_history(sql: str) -> None:
    """It would drop the history of all other migrations."""
    with pytest.raises(SourceError, match="changes the history of all migrations"):
        migration(f"SELECT 1;\n-- Rollback: {sql};\n").check()


@pytest.mark.parametrize(
    ("line", "hint"),
    [
        ("restore from the backup", "`-- Rollback: none, restore from the backup`"),
        ("", "`-- Rollback: none, see the wiki`"),
    ],
)
def test_prose_in_a_rollback_block(line: str, hint: str) -> None:
    """It is refused, and the hint has the form that is right."""
    found = migration(f"CREATE TABLE a (x);\n-- Rollback: {line}\n-- see the wiki\n")
    with pytest.raises(ParseError, match="is not SQL") as e:
        found.check()
    assert hint in str(e.value.hint)
