"""From names and texts to ordered migrations, and to the names and texts of new ones."""

from __future__ import annotations

import pytest

from d1migrate.errors import UsageError
from d1migrate.migrate import source
from d1migrate.migrate.migration import NOTHING, Migration
from d1migrate.migrate.rollback_file import RollbackFile
from tests.unit.migrate.shorthand import files


def test_files_are_in_wranglers_order() -> None:
    """By their numbers, not by their text, and by the whole path with `.sql`."""
    names = ["10_c.sql", "9_b.sql", "001_a.sql", "1_a/x.sql", "schema.sql", "1_a-b.sql", "0000-init.sql"]
    found = source.load([(name, "") for name in names], folder="m")
    assert [(m.version, m.name, m.file) for m in found] == [
        (0, "0000-init", "m/0000-init.sql"),
        (1, "001_a", "m/001_a.sql"),
        (1, "1_a/x", "m/1_a/x.sql"),
        (1, "1_a-b", "m/1_a-b.sql"),
        (9, "9_b", "m/9_b.sql"),
        (10, "10_c", "m/10_c.sql"),
        (None, "schema", "m/schema.sql"),
    ]


def test_line_ends() -> None:
    """A text has LF; whether the file has CR LF is known."""
    found = source.load([("1_a.sql", "a\r\n"), ("2_b.sql", "b\n")])
    assert [(m.text, m.has_crlf) for m in found] == [("a\n", True), ("b\n", False)]


@pytest.mark.parametrize(
    ("newest", "expected"),
    [
        ("", "001_add_teams.sql"),
        ("001_a", "002_add_teams.sql"),
        ("9_a", "10_add_teams.sql"),
        ("0009_a", "0010_add_teams.sql"),
        ("999_a", "1000_add_teams.sql"),
        ("20261122101500_a", "20261130120000_add_teams.sql"),
        ("20261231235959_a", "20261231235960_add_teams.sql"),  # its clock was ahead
    ],
)
def test_a_new_name_continues_the_numbers(newest: str, expected: str) -> None:
    """As many digits, one more; or a time after a time."""
    have = [Migration(int(newest.split("_")[0]), newest, "")] if newest else []
    assert source.new_name(have, "Add  teams!", now="20261130120000") == expected


def test_a_new_name_needs_a_word_and_a_number() -> None:
    """Otherwise it would not be a migration name."""
    with pytest.raises(UsageError, match="has no ASCII letter or digit"):
        source.new_name([], "…", now="20261130120000")
    with pytest.raises(UsageError, match="highest version"):
        source.new_name([Migration(2**53 - 1, f"{2**53 - 1}_a", "")], "b", now="20261130120000")


def test_a_template_is_a_migration_that_changes_nothing() -> None:
    """It records itself under its own version, and has no rollback until one is written."""
    text = source.template("002_teams.sql", "add teams", date="2026-11-30")
    found = Migration(2, "002_teams", text)
    assert "-- Description: Add teams\n-- Created: 2026-11-30\n" in text
    assert found.check() == 1
    assert found.checksum == NOTHING
    assert found.rollback is None


def test_migrations_given_as_a_list_are_ordered() -> None:
    """As the files of a folder are."""
    listed = files("10c 1a 9b")
    assert [m.name for m in source.ordered(listed)] == ["001_a", "009_b", "010_c"]


def test_the_index_is_the_migrations() -> None:
    """Its text evaluates to them, character by character."""
    texts = ["CREATE TABLE a (x TEXT DEFAULT '\"\\');\n-- Rollback: DROP TABLE a;", "SELECT 1;\n\n"]
    have = [Migration(n, f"00{n}_m", text) for n, text in enumerate(texts, 1)]
    module = source.index_module(have, {"001_m": {"table a": "CREATE TABLE a (x)", "view v": None}})
    scope: dict[str, object] = {}
    exec(module, scope)  # noqa: S102 - what a Worker imports
    assert scope["MIGRATIONS"] == tuple((f"{m.name}.sql", m.text) for m in have)
    assert scope["SCHEMAS"] == {"001_m": {"table a": "CREATE TABLE a (x)", "view v": None}}
    assert "ROLLBACKS" not in scope
    assert source.is_index_module(module)
    assert not source.is_index_module("MIGRATIONS = ()")


def test_the_index_has_rollback_files() -> None:
    """By the name of the migration, character by character."""
    text = "-- back\nDROP TABLE a;"
    have = [
        Migration(1, "001_a", "CREATE TABLE a (x);", rollback_file=RollbackFile("rollback/001_a.sql", text)),
        Migration(2, "002_b", "SELECT 1;"),
    ]
    scope: dict[str, object] = {}
    exec(source.index_module(have, {}), scope)  # noqa: S102 - what a Worker imports
    assert scope["ROLLBACKS"] == {"001_a.sql": text}
