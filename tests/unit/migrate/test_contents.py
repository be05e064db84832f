"""What the SQL of a file says: what would run forward, and what there is nothing to run of."""

from __future__ import annotations

import pytest

from d1migrate.errors import SourceError
from d1migrate.migrate.migration import NOTHING, Migration


def migration(text: str) -> Migration:
    """Version 1 with this text."""
    return Migration(1, "001_a", text)


BASE = "CREATE TABLE a (id INTEGER PRIMARY KEY, name TEXT DEFAULT 'x');\nINSERT INTO a VALUES (1, 'y');\n"


MARKERS = [
    *("-- Rollback:", "--rollback:", "--   ROLLBACK:   ", "-- Rollback:\n-- -- how to undo it"),  # ours
    *(
        "  -- Rollback:",
        "-- Rollback :",
        "-- Rollback",
        "--Rollback",
        "-- Roll back:",
        "-- roll-back",
    ),  # nearly
    *(
        "/* Rollback */",
        "/*\n * ROLLBACK\n */",
        "--- Rollback ---",
        "-- Rollback SQL:",
        "-- Undo",
        "-- revert:",
    ),
    *("-- migrate:down", "--migrate:down transaction:false", "-- migrate: down"),  # dbmate
    *("-- +goose Down", "-- +goose down -- note", "-- +migrate Down", "-- +migrate Down notransaction"),
    *("-- +micrate Down", "-- rambler down", "--rambler down"),
    *("---- create above / drop below ----", "-- //@UNDO", "--//@UNDO"),  # tern, MyBatis
    *("# --- !Downs", "-- !Downs", "# !Downs", "-- --- !Downs"),  # Play
    *("-- Down", "--------\n-- Down\n--------", "-- DOWN:", "-- Down Migration", "-- ==== DOWN ===="),
    "-- down.sql --",  # Atlas
    *("-- To roll back:", "-- How to undo", "-- To revert this migration:", "-- Down (rollback)"),
    "-- INSERT INTO b VALUES (1);\n\n-- Down",
    "-- +goose Down\n-- DROP TABLE b;",  # to the tool, all that follows is the rollback
    "-- Rollback\n-- drops the table again",
]


@pytest.mark.parametrize("marker", MARKERS)
def test_sql_of_a_rollback_that_would_run_forward_is_refused(marker: str) -> None:
    """It is SQL of the file like any other: run forward, it undoes what was just made."""
    found = migration(f"CREATE TABLE a (x);\n\n{marker}\n\nDROP TABLE a;\n")
    with pytest.raises(SourceError, match=r"001_a.sql:\d+: the SQL after .* as part of the migration") as e:
        found.check()
    assert e.value.rule == "P110"
    assert found.rollback is None, "an applied file loads as before"
    assert len(list(found.statements())) == 2
    marker = marker.replace("# ", "-- ")
    assert migration(f"CREATE TABLE a (x);\n{marker}\n-- DROP TABLE a;\n").check() == 1, "commented out"
    other = migration(f"CREATE TABLE a (x);\n/*\n-- {marker.replace('*/', '')}\n*/\nSELECT '\n{marker}\n';\n")
    assert other.check() == 2, "in a comment or a string"


@pytest.mark.parametrize(
    "sql",
    [
        "{}-- Rollback:\n--   DROP TABLE a;\nCREATE TABLE b (y);",  # the block ends, the file goes on
        "{}-- Rollback: DROP TABLE a;\nCREATE TABLE b (y);",
        "{}-- Rollback: none, it stays\nCREATE TABLE b (y);",
        "{}-- Down\n-- Rollback:\n--   DROP TABLE a;\nCREATE TABLE b (y);",
        "{}-- Rollback:\nINSERT INTO schema_migrations (version, name, applied_at) VALUES (1, '001_a', 0);",
        "{}-- Down the line, names are unique\nCREATE TABLE b (y);",
        "{}-- Rollback is not possible after this:\nDROP TABLE b;",
        "{}-- revert the flag of 003\nUPDATE a SET x = 0;",
        "{}CREATE TABLE down (y); -- Down\nCREATE TABLE undo (y);",  # about the statement before it
        "-- Revert\n{}DROP TABLE b;",  # a heading of the whole file
        "{}-- Rollback\n-- DROP TABLE a;\n\n-- Seeds\nINSERT INTO a VALUES (1);",  # commented out, to a blank line
        "{}-- ===== DOWN =====\n-- 1. drop table a;\n--    (by hand)\n\nINSERT INTO a VALUES (1);",
        "{}-- Undo\n/*\nDROP TABLE a;\n*/\nINSERT INTO a VALUES (1);",
        "{}-- Rollback:\n/* DROP TABLE a; */\nINSERT INTO a VALUES (1);",
        "{}-- Undo steps\nCREATE TABLE IF NOT EXISTS undo_steps (y);",  # a heading of what it creates
        "{}-- ---- Rollbacks ----\nCREATE INDEX rollbacks_x ON a (x);",
        "-- +migrate Up\n{}-- +migrate Down\n",
    ],
)
def test_sql_that_is_meant_to_run_forward_is_not(sql: str) -> None:
    """After a block that is commented out, and after comments that only speak of a rollback."""
    assert migration(sql.format("CREATE TABLE a (x);\n")).check() >= 1


def test_a_rollback_that_is_half_commented_out() -> None:
    """Without a blank line, the SQL after the commented line belongs to it."""
    with pytest.raises(SourceError, match="would run"):
        migration("CREATE TABLE a (x);\n-- Down\n-- DROP INDEX i;\nDROP TABLE a;\n").check()


@pytest.mark.parametrize("text", ["", "\n", ";;\n", "-- later", "-- later\n/* perhaps */\n;\n"])
def test_a_file_without_a_statement(text: str) -> None:
    """It is recorded like any other, as wrangler records it; its rollback does nothing."""
    found = migration(text)
    assert found.check() == 0
    assert found.checksum == NOTHING
    assert found.rollback is not None
    assert list(found.rollback.statements()) == []


def test_a_file_that_only_records_itself_has_no_rollback() -> None:
    """It looks like a template that was forgotten."""
    found = migration("INSERT INTO schema_migrations VALUES (1, '001_a', 0);")
    assert (found.check(), found.checksum, found.rollback) == (1, NOTHING, None)


@pytest.mark.parametrize(
    "text",
    [
        "CREATE TABLE a (x); /* never closed",
        "CREATE TABLE a (x);\0",
        "SELECT 1;\n-- Rollback:\n-- SELECT 2;\nSELECT 3;\n-- rollback: SELECT 4;\n",
    ],
)
def test_a_file_that_cannot_be_read_to_its_end(text: str) -> None:
    """It is refused while it is pending; where wrangler has run it, everything about it but its SQL is known."""
    found = migration(text)
    with pytest.raises(SourceError) as error:
        found.check()
    assert found.unreadable is error.value
    assert (found.rollback, found.almost_rollback, found.runs_forward) == (None, None, None)
    assert found.matches(found.checksum or "")
    assert not migration(BASE).matches(found.checksum or "")
    assert not found.matches(migration(BASE).checksum or "")
