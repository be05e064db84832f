"""One file that replaces many: which ones, and in which database."""

from __future__ import annotations

import pytest

from d1migrate.migrate.migration import Migration
from d1migrate.migrate.squash import alternatives, lacking, replaced, replaced_by
from tests.unit.migrate.shorthand import files, history


def squashed(have: str, *, last: int, others: str = "") -> Migration:
    """A file that replaces others."""
    lines = "".join(f"-- Squashes: {m.name} {m.checksum}\n" for m in files(have))
    return Migration(last, f"{last:03}_all", f"{lines}{others}CREATE TABLE all_of_them (x);")


def names(found: object) -> str:
    """The names of squashed files."""
    return " ".join(file.name for file in found)  # type: ignore[attr-defined]


def test_lines_above_the_first_statement_count() -> None:
    """No other file replaces anything."""
    assert names(replaced_by(squashed("1a 2b", last=2))) == "001_a 002_b"
    assert replaced_by(files("1a")[0]) == ()
    late = Migration(2, "002_all", f"SELECT 1;\n{squashed('1a 2b', last=2).text}")
    assert replaced_by(late) == ()


def test_a_squashed_file_that_was_squashed_again() -> None:
    """A database may have run the first files, or the file that was first squashed from them."""
    again = squashed("1a 2b 2c 3d", last=3)
    assert [names(found) for found in alternatives(again)] == ["001_a 002_b 003_d", "002_c 003_d"]


@pytest.mark.parametrize(
    ("applied", "expected"),
    [
        ("", ""),
        ("9z", ""),
        ("1a 2b", "001_a 002_b"),
        ("1a", "001_a 002_b"),
        ("1a 2?", "001_a 002_b"),
    ],
)
def test_what_it_replaces_in_a_database(applied: str, expected: str) -> None:
    """All its files as soon as the database has one of them."""
    assert names(replaced(squashed("1a 2b", last=2), history(applied).applied)) == expected


def test_a_database_that_ran_it() -> None:
    """There it replaces nothing."""
    one = squashed("1a 2b", last=2)
    row = history("2b").applied[0]._replace(name=one.name, checksum=one.checksum)
    assert replaced(one, [row]) == ()


@pytest.mark.parametrize(
    ("applied", "problems"),
    [
        ("1a 2b", []),
        ("1? 2b", []),
        ("1a", ["002_b is not applied"]),
        ("1c 2b", ["001_a was applied with different content"]),
        ("1c", ["002_b is not applied", "001_a was applied with different content"]),
    ],
)
def test_what_keeps_it_from_standing_for_them(applied: str, problems: list[str]) -> None:
    """A file that is missing, or had other content."""
    assert lacking(replaced_by(squashed("1a 2b", last=2)), history(applied).applied) == problems
