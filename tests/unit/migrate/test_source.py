"""From names and texts to ordered migrations, and to the names and texts of new ones."""

from __future__ import annotations

import pytest

from d1migrate.errors import SourceError, UsageError
from d1migrate.migrate import source
from d1migrate.migrate.migration import NOTHING, Migration
from d1migrate.migrate.rollback_file import RollbackFile
from tests.unit.migrate.shorthand import files


@pytest.mark.parametrize(
    ("name", "version"),
    [
        ("001_a.sql", 1),
        ("1_a.sql", 1),
        ("0010_Add.users-2.sql", 10),
        ("20261122101500_a.sql", 20261122101500),
        (f"{2**53 - 1}_a.sql", 2**53 - 1),
    ],
)
def test_names(name: str, version: int) -> None:
    """The leading digits are the version."""
    assert source.version_of(name, name) == version


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("a.sql", "not a valid migration name"),
        ("001.sql", "not a valid migration name"),
        ("001-a.sql", "not a valid migration name"),
        ("001_a b.sql", "not a valid migration name"),
        ("001_a.SQL", "not a valid migration name"),
        ("\u0660\u0661_a.sql", "not a valid migration name"),
        ("001_a.sql\n", "not a valid migration name"),
        ("000_a.sql", "version 0 is outside"),
        (f"{2**53}_a.sql", "is outside"),
    ],
)
def test_other_names(name: str, why: str) -> None:
    """The error has the path, so that it is found."""
    with pytest.raises(SourceError, match=why) as refused:
        source.version_of(name, f"migrations/{name}")
    assert "migrations/" in str(refused.value)


def test_files_are_ordered_by_version_not_by_name() -> None:
    """As numbers, whatever their digits."""
    found = source.load([("10_c.sql", "c"), ("9_b.sql", "b"), ("001_a.sql", "a\r\n")], folder="m")
    assert [(m.version, m.file, m.text) for m in found] == [
        (1, "m/001_a.sql", "a\n"),
        (9, "m/9_b.sql", "b"),
        (10, "m/10_c.sql", "c"),
    ]
    assert [m.has_crlf for m in found] == [True, False, False]


def test_a_version_is_there_once() -> None:
    """Both files are named; `load_all` leaves it to its caller."""
    pairs = [("001_a.sql", "a"), ("1_b.sql", "b")]
    with pytest.raises(SourceError, match=r"two files have version 1: 001_a\.sql and 1_b\.sql"):
        source.load(pairs)
    assert [m.name for m in source.load_all(pairs)] == ["001_a", "1_b"]


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


def test_migrations_given_as_a_list_ascend() -> None:
    """Each version once, from 1."""
    ascending = files("1a 5b")
    assert source.ordered(ascending) == tuple(ascending)
    for wrong in ("2a 1b", "1a 1b"):
        with pytest.raises(SourceError, match="after"):
            source.ordered(files(wrong))
    with pytest.raises(SourceError, match="version 0"):
        source.ordered([Migration(0, "000_a", "")])


def test_the_index_is_the_migrations() -> None:
    """Its text evaluates to them, character by character."""
    texts = ["CREATE TABLE a (x TEXT DEFAULT '\"\\');\n-- Rollback: DROP TABLE a;", "SELECT 1;\n\n"]
    have = [Migration(n, f"00{n}_m", text) for n, text in enumerate(texts, 1)]
    module = source.index_module(have, {1: {"table a": "CREATE TABLE a (x)", "view v": None}})
    scope: dict[str, object] = {}
    exec(module, scope)  # noqa: S102 - what a Worker imports
    assert scope["MIGRATIONS"] == tuple((f"{m.name}.sql", m.text) for m in have)
    assert scope["SCHEMAS"] == {1: {"table a": "CREATE TABLE a (x)", "view v": None}}
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
