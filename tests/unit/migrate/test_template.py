"""The text around the SQL of a new file."""

from __future__ import annotations

from d1migrate.migrate.migration import NOTHING, Migration
from d1migrate.migrate.template import template


def test_a_template_is_a_migration_that_changes_nothing() -> None:
    """It records itself under its own version, and has no rollback until one is written."""
    text = template("002_teams.sql", "add teams", date="2026-11-30", records=True)
    found = Migration(2, "002_teams", text)
    assert text.startswith("-- Migration: 002_teams\n-- Description: Add teams\n-- Created: 2026-11-30\n")
    assert "VALUES (2, '002_teams', strftime('%s', 'now'))\nON CONFLICT(version) DO NOTHING;\n" in text
    assert found.check() == 1
    assert found.checksum == NOTHING
    assert found.rollback is None


def test_a_folder_whose_name_would_end_the_comment() -> None:
    """Nothing of it becomes SQL."""
    text = template("a\nDROP TABLE b;/0001_c.sql", "c", date="2026-11-30", records=False)
    assert text.startswith("-- Migration: a?DROP TABLE b;/0001_c\n")
    assert Migration(None, "a", text).check() == 0


def test_a_template_for_wranglers_table() -> None:
    """Wrangler records the file, so it has no statement of its own."""
    name = "20261130101500_teams/migration"
    text = template(f"{name}.sql", "add teams", date="2026-11-30", records=False)
    assert text.startswith(f"-- Migration: {name}\n")
    assert "schema_migrations" not in text
    assert Migration(20261130101500, name, text).check() == 0
