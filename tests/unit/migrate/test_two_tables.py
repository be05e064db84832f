"""Under which name or version the other migrations table records a migration. Whole moves: `flows/test_tables.py`."""

from __future__ import annotations

import pytest

from d1migrate.errors import HistoryError, PartiallyApplied
from d1migrate.migrate.history import AppliedMigration
from d1migrate.migrate.source import load
from d1migrate.migrate.status import compare
from d1migrate.migrate.table import VersionTable
from d1migrate.migrate.two_tables import as_names, as_versions
from tests.unit.migrate.shorthand import files, history


@pytest.mark.parametrize(
    ("have", "applied", "names"),
    [
        ("1a 2b", "1a 2b", "001_a 002_b"),
        ("1a 2b", "1?", "001_a"),
        ("1a 2b 2c", "2c", "002_c"),
        ("1a 2c", "1a 2b", "001_a 002_b"),
        ("1a 3b", "1a 2b", "001_a 002_b"),
        ("", "1a 2?", "001_a 002_by_wrangler"),
    ],
)
def test_names(have: str, applied: str, names: str) -> None:
    """Of the file with its version, unless the content shows another."""
    found = history(applied)
    records = as_names(compare(files(have), found), files(have), found)
    assert [record.name for record in records] == names.split()
    assert [record.row for record in records] == list(found.applied)


def test_in_the_order_of_application() -> None:
    """The ids of wrangler's table are."""
    found = history("1a 2b 3c")
    one, two, three = found.applied
    found = found._replace(applied=(one._replace(order=1), two._replace(order=9), three._replace(order=3)))
    records = as_names((), files("1a 2b 3c"), found)
    assert [record.name for record in records] == ["001_a", "003_c", "002_b"]


def test_a_partial_migration() -> None:
    """Somebody has to look first."""
    found = history("1a", "2b")
    with pytest.raises(PartiallyApplied):
        as_names(compare(files("1a 2b"), found), files("1a 2b"), found)


def test_versions() -> None:
    """The number of each name, if it is that of no other."""
    rows = [AppliedMigration(n, name, 5) for n, name in ((0, "0000_a"), (2, "2_b"))]
    records = as_versions(rows, load([("0000_a.sql", ""), ("3_c.sql", "")]), VersionTable(), {1: "1_x"})
    assert [(record.version, record.name) for record in records] == [(0, "0000_a"), (2, "2_b")]


def test_every_reason_is_named() -> None:
    """In one error."""
    rows = [AppliedMigration(1, "1_a", 5), AppliedMigration(-5, "-5_x", 5)]
    with pytest.raises(HistoryError) as refused:
        as_versions(
            rows, load([("1_a.sql", ""), ("3_c.sql", ""), ("03_d.sql", "")]), VersionTable(), {1: "1_x"}
        )
    assert str(refused.value).split("; ") == [
        "1_x and 1_a have the same number",
        "-5_x has no number from 0 to 9007199254740991",
        "03_d and 3_c have the same number",
    ]
