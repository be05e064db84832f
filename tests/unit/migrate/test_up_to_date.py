"""What one row shows: that all is applied, or that a closer look is needed."""

from __future__ import annotations

import hashlib

import pytest

from d1migrate.migrate.table import USUAL_TABLE, NameTable
from d1migrate.migrate.up_to_date import index_digest, is_up_to_date
from tests.unit.migrate.shorthand import files


@pytest.mark.parametrize(
    ("have", "recorded", "partial", "expected"),
    [
        ("", None, 0, True),
        ("1a", None, 0, False),
        ("", "1 {a} ", 0, False),
        ("1a 2b", "1 {a} \n2 {b} ", 0, True),
        ("1a 2b", "1 {a} \n2 {b} ", 1, False),
        ("1a 2b", "1 {a} ", 0, False),
        ("1a", "1 {a} \n2 {b} ", 0, False),
        ("1a 2b", "1 {a} \n2 {a} ", 0, False),
        ("1a 2b", "1 {a} \n2  ", 0, True),  # applied by wrangler alone
        ("1a 2b", "1 {a} \n3  ", 0, False),
        ("1a", "1 v1:of-another-layout {digest}", 0, True),
        ("1a", "1 v1:of-another-file 0123", 0, False),
        ("1a", "1 {a} 0123", 0, True),  # another layout
        ("1a", "1", 0, False),  # half of a name with a line break
    ],
)
def test_one_row_says_that_all_is_applied(
    have: str, recorded: str | None, partial: int, *, expected: bool
) -> None:
    """It says so only where every file is applied as it is, and nothing else is."""
    a, b = files("1a 1b")
    row = recorded and recorded.format(a=a.checksum, b=b.checksum, digest=a.digest)
    assert is_up_to_date(files(have), USUAL_TABLE, row, partial) is expected


def test_one_row_of_names_says_it_too() -> None:
    """The names are in the order of their bytes there, whatever wrangler's order is."""
    have = files("2b 10a")
    row = f"002_b.sql {have[0].checksum} \n010_a.sql  "
    assert is_up_to_date(have, NameTable(), row, 0)
    assert not is_up_to_date(have[:1], NameTable(), row, 0)


@pytest.mark.parametrize(
    ("have", "recorded", "expected"),
    [
        ("1a", "1 {a} \n2 {b} ", True),
        ("1a", "1 {a} \n2 {b} \n10 {b} ", True),
        ("1a 2b", "1 {a} \n2 {b} ", True),  # no newer ones
        ("1a 2b", "1 {a} \n3 {b} ", False),  # one is pending
        ("2b", "1 {a} \n2 {b} ", False),  # one is older
        ("1a 9b", "1 {a} \n5 {a} \n9 {b} \n10 {a} ", False),  # one is between
        ("1a", "1 {b} \n2 {b} ", False),  # edited
        ("1a", "1 v1:of-another-file 0123\n2 {b} ", False),
        ("", "1 {a} ", False),  # a bundle that lost its files
        ("1a", "1 {a} \n-2 {b} ", False),
        ("1a", "1 {a} \nx {b} ", False),  # damaged
        ("1a", "1 {a} \n9007199254740992 {b} ", False),
        ("1a", "1 {a} \n2 {b} \n2 {b} ", False),
    ],
)
def test_one_row_says_that_the_database_is_newer(have: str, recorded: str, *, expected: bool) -> None:
    """Only if the files are the unedited beginning of what is applied."""
    a, b = files("1a 1b")
    row = recorded.format(a=a.checksum, b=b.checksum)
    assert is_up_to_date(files(have), USUAL_TABLE, row, 0, accept_newer=True) is expected
    assert not is_up_to_date(files(have), USUAL_TABLE, row, 1, accept_newer=True)


@pytest.mark.parametrize(
    ("newer", "expected"),
    [
        ("010_d.sql", True),
        ("10_d.sql", True),  # its bytes are between those of the files
        ("009_e.sql", True),  # one number, but the name is after that of the file
        ("009_a.sql", False),
        ("007_d.sql", False),
        ("seed.sql", True),  # without a number: after all that have one
        ("", False),  # half of a name with a line break
        ("010_d", False),  # not a file
    ],
)
def test_a_row_of_names_is_newer_in_wranglers_order(newer: str, *, expected: bool) -> None:
    """The order of the bytes does not decide."""
    have = files("2b 9d")
    row = "\n".join(sorted([f"002_b.sql {have[0].checksum} ", "009_d.sql  ", f"{newer}  "]))
    assert is_up_to_date(have, NameTable(), row, 0, accept_newer=True) is expected


def test_the_digest_of_an_index() -> None:
    """It is the same in every language, and any change of a name, a text, the order or the set changes it."""
    a, b = files("1a 2b")
    lines = f"001_a {a.digest}\n002_b {b.digest}"
    assert index_digest((a, b)) == hashlib.sha256(lines.encode()).hexdigest()
    others = [(b, a), (a,), (), files("1a 2c"), files("1a 3b"), (a, b, files("3c")[0])]
    assert len({index_digest((a, b)), *map(index_digest, others)}) == 7
