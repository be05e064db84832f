"""Wrangler's order of names; tests/runtime/test_wrangler_files.py asks wrangler itself."""

from __future__ import annotations

import pytest

from d1migrate.migrate.order import is_plain, number_of, order_key


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
    ("names", "plain"),
    [
        (["0000_a.sql", "0001-init.sql"], False),  # `0001-init` has more than digits before `_`
        (["0000_a.sql", "0001_b/migration.sql", "10_c.sql"], True),
        (["1_a.sql", "1_b.sql"], False),
        (["1_a.sql", "b.sql"], False),
        ([f"{2**53 + 1}_a.sql"], False),
        ([], True),
    ],
)
def test_plain_numbers(names: list[str], plain: bool) -> None:
    """Ascending digits before `_`: nothing about their order has to be explained."""
    assert is_plain(names) is plain
