"""Which files get which numbers where two have one, or one came too late."""

from __future__ import annotations

import pytest

from d1migrate.errors import HistoryError, SourceError
from d1migrate.migrate.migration import Migration
from d1migrate.migrate.renumber import moves
from d1migrate.migrate.source import record
from tests.unit.migrate.shorthand import files, history


@pytest.mark.parametrize(
    ("have", "applied", "expected"),
    [
        ("1a 2b", "", ""),
        ("1a 2b", "1a 2b", ""),
        # two files with one number: the applied one stays
        ("1a 2b 2c", "1a", "2c 3"),
        ("1a 2b 2c", "1a 2b", "2c 3"),
        ("1a 2b 2c", "1a 2c", "2b 3"),
        ("1a 2b 2c 3d", "1a 2b", "2c 3, 3d 4"),
        ("1a 2b 2c 9d", "1a 2b", "2c 3"),
        # too late
        ("1a 2b 3c", "1a 3c", "2b 4"),
        ("1a 2b 3c 4d", "1a 3c", "2b 4, 4d 5"),
    ],
)
def test_moves(have: str, applied: str, expected: str) -> None:
    """Applied files stay; the others keep their order, and their numbers if they can."""
    found = moves(files(have), history(applied).applied)
    shown = [f"{m.old.version}{m.old.name[-1]} {m.new.version}" for m in found]
    assert ", ".join(shown) == expected
    assert all(m.new.name == f"{m.new.version:03}_{m.old.name[4:]}" for m in found)


def test_which_file_is_applied_cannot_be_told() -> None:
    """Without a checksum and under another name it may be any of them."""
    with pytest.raises(HistoryError, match="it is unclear which file that is") as refused:
        moves(files("1a 1b"), history("1?").applied)
    assert refused.value.versions == (1,)


def test_what_names_the_old_number_names_the_new_one() -> None:
    """The header and the record of itself; the meaning is the same."""
    text = f"-- Migration: 002_c\n-- 002_c was first\nCREATE TABLE c (x);\n{record('002_c.sql')}"
    old = Migration(2, "002_c", text, has_crlf=True)
    (move,) = moves([*files("1a 2b"), old], history("1a 2b").applied)
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
    with pytest.raises(SourceError, match=why):
        moves([twin, migration], [row])
