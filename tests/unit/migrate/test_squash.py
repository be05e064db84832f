"""One file that replaces many: which ones, and in which database."""

from __future__ import annotations

import pytest

from d1migrate.errors import SourceError
from d1migrate.migrate.migration import Migration
from d1migrate.migrate.squash import alternatives, every_replaced, lacking, lines, replaced, replaced_by
from d1migrate.migrate.table import USUAL_TABLE, MigrationsTable, NameTable
from tests.unit.migrate.shorthand import files, history

TABLES = pytest.mark.parametrize("table", [USUAL_TABLE, NameTable()], ids=["versions", "names"])


def squashed(have: list[Migration], *, last: int, name: str = "all") -> Migration:
    """A file that replaces others."""
    text = "".join(f"{line}\n" for line in lines(have))
    return Migration(last, f"{last:03}_{name}", f"{text}CREATE TABLE {name} (x);")


def names(found: object) -> str:
    """The names of squashed files."""
    return " ".join(file.name for file in found)  # type: ignore[attr-defined]


def test_lines_above_the_first_statement_count() -> None:
    """No other file replaces anything."""
    assert names(replaced_by(squashed(files("1a 2b"), last=2))) == "001_a 002_b"
    assert replaced_by(files("1a")[0]) == ()
    late = Migration(2, "002_all", f"SELECT 1;\n{squashed(files('1a 2b'), last=2).text}")
    assert replaced_by(late) == ()


@pytest.mark.parametrize("name", ["001_a b", "20240101_a/migration", "001_é", "1 v1:" + "a" * 64])
def test_any_name_is_read_again(name: str) -> None:
    """Spaces and folders too."""
    have = [Migration(1, name, "SELECT 1;"), *files("2b")]
    found = replaced_by(squashed(have, last=2))
    assert [(file.name, file.checksum) for file in found] == [(m.name, m.checksum) for m in have]


def test_a_name_that_would_end_the_comment() -> None:
    """What follows would run as SQL."""
    with pytest.raises(SourceError, match="cannot be written in a comment"):
        list(lines([Migration(1, "001_a\nDROP TABLE users; --", "SELECT 1;")]))


def test_a_squashed_file_that_was_squashed_again() -> None:
    """A database may have run the first files, or the file that was first squashed from them."""
    first = squashed(files("1a 2b"), last=2, name="first")
    second = squashed([first, *files("3d")], last=3, name="second")
    third = squashed([second, *files("4e")], last=4)
    assert third.text.splitlines()[2].endswith(" in place of the 2 lines above")
    assert names(replaced_by(third)) == "003_second 004_e"
    assert names(every_replaced(third)) == "001_a 002_b 002_first 003_d 003_second 004_e"
    assert list(map(names, alternatives(third))) == [
        "001_a 002_b 003_d 004_e",
        "002_first 003_d 004_e",
        "003_second 004_e",
    ]


def test_two_files_with_one_number_are_two_files() -> None:
    """Neither of them replaced the other."""
    one = squashed(files("1a 2b 2c"), last=2)
    assert list(map(names, alternatives(one))) == ["001_a 002_b 002_c"]


@TABLES
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
def test_what_it_replaces_in_a_database(applied: str, expected: str, table: MigrationsTable) -> None:
    """All its files as soon as the database has one of them."""
    assert names(replaced(squashed(files("1a 2b"), last=2), history(applied, table=table))) == expected


@TABLES
def test_what_a_second_squash_replaces(table: MigrationsTable) -> None:
    """The first squashed file if the database ran it, else the files that this one replaced."""
    first = squashed(files("1a 2b"), last=2)
    second = squashed([first, *files("3d")], last=3, name="second")
    found = history("1a 2b 3d", table=table)
    assert names(replaced(second, found)) == "001_a 002_b 003_d"
    row = found.applied[1]._replace(name=first.name, checksum=first.checksum)
    assert names(replaced(second, found._replace(applied=(row, found.applied[2])))) == "002_all 003_d"
    by_wrangler = row._replace(checksum=None)
    assert names(replaced(second, found._replace(applied=(by_wrangler, found.applied[2])))) == "002_all 003_d"


@TABLES
@pytest.mark.parametrize("has_checksum", [True, False])
@pytest.mark.parametrize("name", ["all", "b"])
def test_a_database_that_ran_it(name: str, has_checksum: bool, table: MigrationsTable) -> None:
    """There it replaces nothing, even if it has the name of a file that it replaces."""
    one = squashed(files("1a 2b"), last=2, name=name)
    row = history("2b").applied[0]._replace(name=one.name, checksum=one.checksum if has_checksum else None)
    assert replaced(one, history(table=table)._replace(applied=(row,))) == ()


@TABLES
@pytest.mark.parametrize(
    ("applied", "problems"),
    [
        ("1a 2b", []),
        ("1a", ["002_b is not applied"]),
        ("1x 2b", ["001_a was applied with different content"]),
        ("1x", ["002_b is not applied", "001_a was applied with different content"]),
    ],
)
def test_what_keeps_it_from_replacing_them(applied: str, problems: list[str], table: MigrationsTable) -> None:
    """A file that is missing, or had other content."""
    found = history(applied, table=table)
    rows = tuple(
        row._replace(name=f"00{row.version}_{'ab'[(row.version or 0) - 1]}") for row in found.applied
    )
    found = found._replace(applied=rows)
    assert lacking(replaced_by(squashed(files("1a 2b"), last=2)), found) == problems


def test_a_row_without_checksum_is_not_doubted() -> None:
    """Wrangler wrote it."""
    assert lacking(replaced_by(squashed(files("1a 2b"), last=2)), history("1? 2b")) == []
