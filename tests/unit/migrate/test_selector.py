"""Which migration a person means."""

from __future__ import annotations

import pytest

from d1migrate.errors import UsageError
from d1migrate.migrate.selector import find, is_none, meant, up_to
from d1migrate.migrate.source import load

NAMES = ["0000_a", "0001_teams", "0001_users", "0002_users_more", "20260101_x/migration", "schema"]
FILES = load([(f"{name}.sql", "") for name in NAMES])


@pytest.mark.parametrize(
    ("wanted", "name"),
    [
        (0, "0000_a"),
        ("0", "0000_a"),
        ("0000", "0000_a"),
        ("2", "0002_users_more"),
        ("0001_users", "0001_users"),
        ("0001_users.sql", "0001_users"),
        ("0001_u", "0001_users"),
        ("20260101", "20260101_x/migration"),
        ("2026", "20260101_x/migration"),
        ("20260101_x/migration", "20260101_x/migration"),
        ("sch", "schema"),
    ],
)
def test_a_migration(wanted: int | str, name: str) -> None:
    """A whole name first, then a number, then the beginning of a name."""
    assert find(FILES, wanted).name == name


@pytest.mark.parametrize(
    ("wanted", "error"),
    [
        (1, "1 can be 0001_teams, 0001_users"),
        ("0001_", "0001_ can be 0001_teams, 0001_users"),
        ("7", "there is no migration 7"),
        ("202", "there is no migration 202"),
        ("", "there is no migration"),
        ("teams", "there is no migration teams"),
        ("²", "there is no migration"),
    ],
)
def test_none_or_several(wanted: int | str, error: str) -> None:
    """The error names those that could be meant; the hint, the first and the last."""
    with pytest.raises(UsageError, match=error) as refused:
        find(FILES, wanted)
    assert refused.value.hint


@pytest.mark.parametrize(
    ("files", "hint"), [((), "known: none"), (FILES[:1], "0000_a"), (FILES, "to schema")]
)
def test_what_there_is(files: tuple[object, ...], hint: str) -> None:
    """For the hint."""
    with pytest.raises(UsageError) as refused:
        find(files, "z")  # type: ignore[type-var]
    assert hint in (refused.value.hint or "")


def test_up_to_a_migration() -> None:
    """In order, the one included; all without one."""
    assert [one.name for one in up_to(FILES, "0001_users")] == NAMES[:3]
    assert up_to(FILES, None) == FILES


def test_names_that_can_be_meant() -> None:
    """All of the best kind of match."""
    assert meant(NAMES, "1") == {"0001_teams", "0001_users"}
    assert meant(NAMES, "0001_teams") == {"0001_teams"}
    assert meant(NAMES, "x") == set()


def test_no_migration() -> None:
    """`none`, and 0 unless a migration has that number."""
    assert is_none(FILES, "none")
    assert is_none(FILES[1:], "0")
    assert is_none(FILES[1:], 0)
    assert not is_none(FILES, "0")
    assert not is_none(FILES, "1")
