"""Wrangler's order of names, and where it surprises; tests/runtime/test_wrangler_order.py asks wrangler itself."""

from __future__ import annotations

import pytest

from d1migrate.migrate.order import number_of, order_key, surprises, warning


@pytest.mark.parametrize(
    ("name", "number"),
    [
        ("0001_a.sql", 1),
        ("0001-init.sql", 1),
        ("0000_a.sql", 0),
        ("-0_a.sql", 0),
        ("-5_a.sql", -5),
        ("+7a.sql", 7),
        ("\ufeff\u2003 12_a.sql", 12),
        ("0x10_a.sql", 0),
        ("1e3_a.sql", 1),
        ("2024-01-13-patch.sql", 2024),
        ("20260101000000_init/migration.sql", 20260101000000),
        (f"{2**53 + 1}_a.sql", 2**53 + 1),
        ("0" * 400 + "3_a.sql", 3),
        ("1" + "0" * 308 + "_a.sql", 10**308),
    ],
)
def test_numbers(name: str, number: int) -> None:
    """The digits that the first segment begins with, after white space and a sign."""
    assert number_of(name) == number


@pytest.mark.parametrize(
    "name",
    [
        "schema.sql",
        "a/1_b.sql",
        "_1.sql",
        "--1.sql",
        "- 1.sql",
        "\x1c1.sql",
        "\u0661_a.sql",
        "9" * 309,
        "1" * 5000,
        "",
    ],
)
def test_names_without_a_number(name: str) -> None:
    """Letters, other digits than ASCII's, other spaces than JavaScript's, and what is infinite as a double."""
    assert number_of(name) is None


@pytest.mark.parametrize(
    "ordered",
    [
        ["9_a.sql", "10_a.sql", "schema.sql"],
        ["-5_a.sql", "-0_a.sql", "0_a.sql", "0x10.sql", "1e3.sql", "2_a.sql"],
        ["0002-b.sql", "0002_b.sql", "002_a.sql", "2_a.sql"],
        ["1_a-b.sql", "1_a.sql"],  # `.sql` is compared too
        ["1_a/a.sql", "1_a/b.sql", "1_b/a.sql", "1_b.sql"],
        ["a", "a/b"],
        ["1/10.sql", "2/9.sql", "2/x.sql"],
        ["9007199254740992_b.sql", "9007199254740993_a.sql", "9007199254740994_a.sql"],
        ["\U0001f600.sql", "\uff5e.sql"],  # by UTF-16 code units, not by code points
        ["1.sql", "1" + "0" * 308 + "_a.sql", "9" * 309 + "_a.sql", "a.sql"],
        ["caf\udce9.sql", "\ue000.sql"],  # not UTF-8 on disk
    ],
)
def test_order(ordered: list[str]) -> None:
    """By number, then by text, and what has no number last."""
    names = ordered[::-1]
    assert sorted(names, key=order_key) == ordered


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
