"""Which pending files get which numbers, in either table, and what of their text changes with it."""

from __future__ import annotations

import pytest

from d1migrate.errors import HistoryError, SourceError
from d1migrate.migrate.file_name import Now
from d1migrate.migrate.migration import Migration
from d1migrate.migrate.order import number_of
from d1migrate.migrate.renumber import Move, moves
from d1migrate.migrate.source import ordered
from d1migrate.migrate.status import compare
from d1migrate.migrate.table import USUAL_TABLE, MigrationsTable, NameTable
from d1migrate.migrate.template import record
from tests.unit.migrate.shorthand import files, history

NOW = Now(1795953600, "20261130120000")
NAMES = NameTable()


def moved(have: str, applied: str, table: MigrationsTable) -> str:
    """What is moved, as `2b 4`."""
    found = _moves(files(have), applied, table)
    assert all(m.new.name == f"{m.new.version:03}_{m.old.name[4:]}" for m in found)
    return ", ".join(f"{m.old.version}{m.old.name[-1]} {m.new.version}" for m in found)


def _moves(have: list[Migration], applied: str, table: MigrationsTable) -> tuple[Move, ...]:
    return moves(compare(ordered(have), history(applied, table=table)), table, now=NOW)


@pytest.mark.parametrize(
    ("have", "applied", "versions", "names"),
    [
        ("1a 2b", "", "", ""),
        ("1a 2b", "1a 2b", "", ""),
        # two files with one number: the applied one stays; wrangler's table can hold both
        ("1a 2b 2c", "1a", "2c 3", ""),
        ("1a 2b 2c", "1a 2b", "2c 3", ""),
        ("1a 2b 2c", "1a 2c", "2b 3", "2b 3"),
        ("1a 2b 2c 3d", "1a 2b", "2c 3, 3d 4", ""),
        ("1a 2b 2c 9d", "1a 2b", "2c 3", ""),
        # too late
        ("1a 2b 3c", "1a 3c", "2b 4", "2b 4"),
        ("1a 2b 3c 4d", "1a 3c", "2b 4, 4d 5", "2b 4"),
        # the order among them stays: 4z is after 4d, so 4d has to move, too
        ("1a 2z 3c 4d", "1a 3c", "2z 4, 4d 5", "2z 4, 4d 5"),
        # an applied version without a file
        ("1a 2b", "1a 5e", "2b 6", "2b 6"),
    ],
)
def test_moves(have: str, applied: str, versions: str, names: str) -> None:
    """Applied files stay; the others keep their order, and their numbers if they can."""
    assert moved(have, applied, USUAL_TABLE) == versions
    assert moved(have, applied, NAMES) == names


def test_doubles_that_are_all_applied() -> None:
    """Wrangler has run them: nothing is to be done, however many files follow."""
    have = " ".join(f"{n}{letter}" for n in range(1, 60) for letter in ("ab" if n in (3, 9, 27) else "a"))
    assert moved(have, have, NAMES) == ""
    assert moved(have, have.rpartition(" ")[0], NAMES) == ""


@pytest.mark.parametrize(
    ("names", "applied", "expected"),
    [
        ("20240101000000_a 20240102000000_b", 1, "20261130120000_a"),
        ("20240101000000_a/migration 20240102000000_b/migration", 1, "20261130120000_a/migration"),
        ("2024-01-01-a 2024-01-02-b", 1, "2026-11-30-a"),
        ("0001-a 0002-b", 1, "0003-a"),
    ],
)
def test_the_style_is_kept(names: str, applied: int, expected: str) -> None:
    """Digits, separator and layout."""
    have = [
        Migration(number_of(name), name, f"-- Migration: {name}\nSELECT {n};")
        for n, name in enumerate(names.split())
    ]
    found = history(table=NAMES)
    row = (
        history("1a")
        .applied[0]
        ._replace(name=have[applied].name, version=have[applied].version, checksum=None)
    )
    (move,) = moves(compare(have, found._replace(applied=(row,))), NAMES, now=NOW)
    assert move.new.name == expected
    assert move.new.text == f"-- Migration: {expected}\nSELECT 0;"


def test_which_file_is_applied_cannot_be_told() -> None:
    """Without a checksum and under another name it may be any of them."""
    with pytest.raises(HistoryError, match="it is unclear which file that is") as refused:
        _moves(files("1a 1b"), "1?", USUAL_TABLE)
    assert refused.value.names == ("001_a", "001_b")


def test_what_names_the_old_number_names_the_new_one() -> None:
    """The header and the record of itself; the meaning is the same."""
    text = f"-- Migration: 002_c\n-- 002_c was first\nCREATE TABLE c (x);\n{record('002_c.sql')}"
    old = Migration(2, "002_c", text, has_crlf=True)
    (move,) = _moves([*files("1a 2b"), old], "1a 2b", USUAL_TABLE)
    assert move.new.text == (
        f"-- Migration: 003_c\n-- 002_c was first\nCREATE TABLE c (x);\n{record('003_c.sql')}"
    )
    assert move.new.checksum == old.checksum
    assert move.new.has_crlf


@pytest.mark.parametrize(
    ("migration", "why"),
    [
        (Migration(2, "002_c", "SELECT 1;\n-- Rollback: DELETE FROM schema_migrations;"), "names schema_mig"),
        (Migration(2**53 - 1, f"{2**53 - 1}_c", "SELECT 1;"), "no number above"),
    ],
)
def test_what_cannot_be_renumbered(migration: Migration, why: str) -> None:
    """An error, and nothing is moved."""
    twin = Migration(migration.version, f"{migration.name[:-1]}b", "SELECT 2;")
    row = history("1a").applied[0]._replace(version=twin.version, name=twin.name, checksum=twin.checksum)
    found = history()._replace(applied=(row,))
    with pytest.raises(SourceError, match=why):
        moves(compare([twin, migration], found), USUAL_TABLE, now=NOW)


def test_a_file_without_a_number_makes_none_late() -> None:
    """It is last in every folder, so it does not make others late."""
    have = [Migration(1, "0001_a", "SELECT 1;"), Migration(None, "schema", "SELECT 2;")]
    row = history("1a").applied[0]._replace(version=None, name="schema", checksum=None)
    assert moves(compare(have, history(table=NAMES)._replace(applied=(row,))), NAMES, now=NOW) == ()


def test_no_number_is_late_enough() -> None:
    """Neither file has one."""
    have = [Migration(None, name, f"SELECT {n};") for n, name in enumerate("ab")]
    row = history("1a").applied[0]._replace(version=None, name="b", checksum=None)
    found = history(table=NAMES)._replace(applied=(row,))
    with pytest.raises(SourceError, match=r"no number would put it after b\.sql") as refused:
        moves(compare(have, found), NAMES, now=NOW)
    assert "--allow-out-of-order" in str(refused.value.hint)
