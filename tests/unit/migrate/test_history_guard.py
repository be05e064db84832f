"""What a file may do to the history tables, and what it says that it records."""

from __future__ import annotations

import pytest

from d1migrate.errors import SourceError
from d1migrate.migrate.history_guard import check_history_use, is_record, recorded_version
from d1migrate.migrate.migration import Migration
from d1migrate.migrate.table import USUAL_TABLE, NameTable
from d1migrate.sql.split import split

RECORD = "INSERT INTO schema_migrations (version, name, applied_at) VALUES (1, 'a', 0)"


@pytest.mark.parametrize(
    ("sql", "up", "down"),
    [
        (RECORD, True, False),
        (f"{RECORD} ON CONFLICT (version) DO NOTHING", True, False),
        (RECORD.replace("INSERT", "INSERT OR REPLACE"), True, False),
        (RECORD.replace("VALUES (1", "VALUES (2"), False, False),
        ("CREATE TABLE IF NOT EXISTS schema_migrations (version INTEGER PRIMARY KEY)", True, False),
        ("DELETE FROM schema_migrations WHERE version = 1", False, True),
        ("UPDATE schema_migrations SET name = 'b'", False, False),
        ("DROP TABLE schema_migrations", False, False),
        ('drop table "SCHEMA_MIGRATIONS"', False, False),
        ("ALTER TABLE schema_migrations ADD COLUMN x", False, False),
        ("ALTER TABLE schema_migrations RENAME TO old", False, False),
        ("DELETE FROM d1migrate_log", False, False),
        ("INSERT INTO d1migrate_log VALUES (1)", False, False),
        ("CREATE TRIGGER t AFTER INSERT ON schema_migrations BEGIN SELECT 1; END", False, False),
        ("CREATE TRIGGER t AFTER INSERT ON a BEGIN DELETE FROM schema_migrations; END", False, False),
        ("SELECT * FROM schema_migrations", True, True),
        ("INSERT INTO a SELECT 'schema_migrations'", True, True),
        ("DROP TABLE schema_migrations_old", True, True),
    ],
)
def test_use_of_the_history(sql: str, *, up: bool, down: bool) -> None:
    """A migration may record itself, a rollback may delete rows; nothing else."""
    (statement,) = (piece for piece in split(sql) if piece.sql)
    for migration, allowed in ((Migration(1, "001_a", sql), up), (None, down)):
        if allowed:
            check_history_use([statement], "001_a.sql", USUAL_TABLE, migration)
        else:
            with pytest.raises(SourceError, match=r"001_a\.sql:1: "):
                check_history_use([statement], "001_a.sql", USUAL_TABLE, migration)


@pytest.mark.parametrize(
    ("sql", "up", "down"),
    [
        ("INSERT INTO d1_migrations (name) VALUES ('0001_a.sql')", False, False),
        (NameTable().create, True, False),
        ("DELETE FROM d1_migrations WHERE name = '0001_a.sql'", False, True),
        ("DROP TABLE d1_migrations", False, False),
        ("DELETE FROM d1migrate_log", False, False),
        (RECORD, True, True),  # it is the application's table then
        ("SELECT * FROM d1_migrations", True, True),
    ],
)
def test_use_of_wranglers_table(sql: str, *, up: bool, down: bool) -> None:
    """Wrangler records each file itself, and so does d1migrate."""
    (statement,) = (piece for piece in split(sql) if piece.sql)
    for migration, allowed in ((Migration(1, "0001_a", sql), up), (None, down)):
        if allowed:
            check_history_use([statement], "0001_a.sql", NameTable(), migration)
        else:
            with pytest.raises(SourceError, match=r"0001_a\.sql:1: "):
                check_history_use([statement], "0001_a.sql", NameTable(), migration)


@pytest.mark.parametrize(
    ("sql", "version"),
    [
        (RECORD, 1),
        ("INSERT INTO schema_migrations VALUES (12, 'a', 0)", 12),
        ("INSERT INTO main.schema_migrations (name, version) VALUES ('a', 3)", 3),
        ('INSERT INTO "schema_migrations" ("name", "version") VALUES (\'a\', 3)', 3),
        ("INSERT INTO schema_migrations SELECT 1, 'a', 0", None),
        ("INSERT INTO schema_migrations VALUES (1 + 1, 'a', 0)", None),
        ("INSERT INTO schema_migrations VALUES (-1, 'a', 0)", None),
        ("INSERT INTO schema_migrations DEFAULT VALUES", None),
        ("SELECT 1", None),
    ],
)
def test_the_version_that_is_recorded(sql: str, version: int | None) -> None:
    """Only if it is written as a number."""
    assert recorded_version(sql) == version


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        (RECORD, True),
        ("insert or ignore into Main . [Schema_Migrations] values (1, 'a', 0)", True),
        ("REPLACE INTO schema_migrations VALUES (1, 'a', 0)", True),
        ("INSERT INTO schema_migrations SELECT 1, 'a', 0", True),
        ('INSERT INTO schema_migrations ("Name", applied_at, [version]) SELECT 1, 2, 3', True),
        (f"INSERT INTO schema_migrations (version, name, applied_at) VALUES (1, '{'x' * 255}', 0)", True),
        ("INSERT INTO schema_migrations VALUES ('1', 'a', 0)", True),
        ("INSERT INTO schema_migrations (name, version, applied_at) VALUES ('a', '1.0', 0)", False),
        ("INSERT INTO schema_migrations (version) VALUES (1)", False),
        (
            "INSERT INTO schema_migrations (version, name, checksum, applied_at) VALUES (1, 'a', 'b', 0)",
            False,
        ),
        ("INSERT INTO schema_migrations VALUES ('1', 'b')", False),
        ("WITH x AS (SELECT 1) INSERT INTO schema_migrations SELECT * FROM x", False),
        ("REPLACE INTO a VALUES (1)", False),
        ("INSERT", False),
        ("INSERT INTO d1migrate_log VALUES (1)", False),
        ("UPDATE schema_migrations SET name = 'b'", False),
    ],
)
def test_statements_that_record(sql: str, *, expected: bool) -> None:
    """An INSERT of what our table has, into the migrations table; the checksum `v1:` leaves out no more."""
    assert is_record(sql) is expected
