"""Names of which wrangler's order is not what people expect."""

from __future__ import annotations

import pytest

from d1migrate.migrate.order import order_key
from d1migrate.migrate.surprises import surprises, warning


@pytest.mark.parametrize(
    "names",
    [
        ["0000_a.sql", "0001-init.sql", "0002-2fa-login.sql", "0003-2-factor.sql", "10_a.sql"],
        ["b.sql", "a.sql"],
        ["2024-01-13-a.sql", "2024-02-01-b.sql", "20240301_c.sql", "20240401120000_d.sql"],
        ["001_a/migration.sql", "002_b/migration.sql"],
        ["1.9_a.sql", "2_b.sql"],
        ["1_a/x.sql", "1_a/y.sql"],
    ],
)
def test_no_surprise(names: list[str]) -> None:
    """Plain numbers, no numbers at all, and dates that come out in order."""
    assert surprises(sorted(names, key=order_key)) == ()


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["2_c.sql", "2_b.sql", "1_a.sql"], "2_b, 2_c in this order, as each has number 2"),
        (["1_a.sql", "-5_b.sql"], "-5_b first, as the number is negative"),
        (["1_a.sql", "schema.sql"], "schema last, without a number"),
        (["0x10.sql", "5_a.sql"], "0x10 by the first digits alone"),
        (["1e3.sql", "5_a.sql"], "1e3 by the first digits alone"),
        (["2024-9-1.sql", "2024-10-1.sql"], "2024-10-1, 2024-9-1 by the first digits alone"),
        (["2024-01-13-a.sql", "20230101_b.sql"], "2024-01-13-a by the first digits alone"),
        ([f"{2**53 + 1}.sql"], "9007199254740993 by a rounded number, as it is above 2^53"),
        (["a/2_x.sql", "a/2_y.sql"], "a/2_x, a/2_y in this order, as each has number 2"),
        (["1/m.sql", "01/m.sql"], "01, 1 in this order, as each has number 1"),
        ([f"2_{c}.sql" for c in "abcde"], "2_a, 2_b, 2_c and 2 more in this order, as each has number 2"),
    ],
)
def test_surprises(names: list[str], expected: str) -> None:
    """The names, and what wrangler does with them."""
    assert [str(found) for found in surprises(sorted(names, key=order_key))] == [expected]


def test_warning_is_one_line() -> None:
    """However many surprises a folder has."""
    names = ["2_a.sql", "2_b.sql", "3_a.sql", "3_b.sql", "-1_a.sql", "schema.sql"]
    assert warning(surprises(sorted(names, key=order_key))) == (
        "wrangler's order may surprise: 2_a, 2_b in this order, as each has number 2;"
        " 3_a, 3_b in this order, as each has number 3; -1_a first, as the number is negative; and 1 more"
    )
