"""A rollback in a file of its own."""

from __future__ import annotations

import pytest

from d1migrate.errors import ParseError, SourceError
from d1migrate.migrate.migration import Migration
from d1migrate.migrate.rollback_file import RollbackFile


def migration(rollback: str, text: str = "CREATE TABLE a (x);\n") -> Migration:
    """A migration with a rollback file."""
    return Migration(1, "001_a", text, rollback_file=RollbackFile("rollback/001_a.sql", rollback))


def test_its_text_is_the_rollback() -> None:
    """Not commented out; lines and names in errors are those of the rollback file."""
    found = migration("-- back\nDROP INDEX i;\nDROP TABLE a")
    assert found.check() == 1
    assert found.rollback is not None
    assert [(s.sql, s.line) for s in found.rollback.statements()] == [
        ("DROP INDEX i", 2),
        ("DROP TABLE a", 3),
    ]
    assert (found.rollback.file, found.rollback.reason) == ("rollback/001_a.sql", None)
    block = Migration(1, "001_a", "CREATE TABLE a (x);\n-- Rollback: DROP INDEX i; DROP TABLE a;\n").rollback
    assert block is not None
    assert found.rollback.digest == block.digest, "the log keeps both in the same way"


def test_it_does_not_change_the_checksum() -> None:
    """Like a block."""
    assert migration("DROP TABLE a;").checksum == Migration(1, "001_a", "CREATE TABLE a (x);").checksum


@pytest.mark.parametrize(
    "text", ["-- Rollback: none, it is gone", "\n-- Why:\n-- rollback: NONE it is gone\n"]
)
def test_it_may_declare_that_there_is_none(text: str) -> None:
    """As a block does."""
    found = migration(text).rollback
    assert found is not None
    assert found.reason == "it is gone"
    assert list(found.statements()) == []


@pytest.mark.parametrize(
    ("rollback", "text", "message"),
    [
        ("", "SELECT 1;", "rollback/001_a.sql: the rollback file has no SQL statement"),
        ("-- Rollback:\n--   DROP TABLE a;\n", "SELECT 1;", "has no SQL statement"),
        ("-- Rollback: none, x\nDROP TABLE a;", "SELECT 1;", "rollback/001_a.sql:1: it declares"),
        (
            "DROP TABLE a;",
            "SELECT 1;\n-- Rollback: DROP TABLE a;\n",
            "001_a.sql:2: it has a rollback block, and there is rollback/001_a.sql",
        ),
        ("DROP TABLE a;", "SELECT 1;\n-- Rollback: none, x\n", "there is rollback/001_a.sql"),
    ],
)
def test_what_is_refused(rollback: str, text: str, message: str) -> None:
    """While the migration is pending; then it has no rollback that could be run."""
    found = migration(rollback, text)
    with pytest.raises(SourceError, match=message):
        found.check()
    assert found.rollback is None
    assert found.unreadable is not None


@pytest.mark.parametrize("rollback", ["DROP TABLE 'a", "see the wiki;", "DROP TABLE schema_migrations;"])
def test_its_sql_is_checked(rollback: str) -> None:
    """Like that of a block, with its own file and line."""
    with pytest.raises(SourceError, match=r"rollback/001_a\.sql:1"):
        migration(rollback).check()


def test_a_file_that_cannot_be_used() -> None:
    """Its reader has the reason."""
    problem = SourceError("rollback/001_a.sql is a link")
    found = Migration(1, "001_a", "SELECT 1;", rollback_file=RollbackFile("rollback/001_a.sql", "", problem))
    assert found.unreadable is problem


def test_where_a_parse_error_is() -> None:
    """In the rollback file."""
    error = migration("SELECT 1;\nDROP TABLE 'a").unreadable
    assert isinstance(error, ParseError)
    assert (error.file, error.line) == ("rollback/001_a.sql", 2)


def test_another_reading_of_the_same_file() -> None:
    """A migration without a rollback file gets one."""
    plain = Migration(1, "001_a", "SELECT 1;", file="m/001_a.sql", has_crlf=True)
    with_file = plain.with_rollback_file(RollbackFile("rollback/001_a.sql", "SELECT 2;"))
    assert (plain.rollback, with_file.file, with_file.has_crlf) == (None, "m/001_a.sql", True)
    assert with_file.rollback is not None
