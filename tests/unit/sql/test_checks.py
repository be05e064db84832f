"""What a CHECK allows, by example."""

from __future__ import annotations

import pytest

from d1migrate.sql.checks import allowed_values, parts_of
from d1migrate.sql.definitions import Check


@pytest.mark.parametrize(
    ("expression", "values"),
    [
        ("a IN ('x', 'y')", ("a", ("'x'", "'y'"))),
        ("A in ('it''s')", ("a", ("'it''s'",))),
        ('((("A b" IN (1,-2, + 3.5))))', ("a b", ("1", "-2", "+3.5"))),
        ("t.a IN ('x')", ("a", ("'x'",))),
        ("[a] = 'x' OR a = 'y' OR a IN ('z')", ("a", ("'x'", "'y'", "'z'"))),
        ("(a = 'x') or ('y' == a)", ("a", ("'x'", "'y'"))),
        ("-1 = a OR a IS 1", ("a", ("-1", "1"))),
        ("a IS NULL OR a IN (x'00', TRUE)", ("a", ("x'00'", "TRUE"))),
        ("a IN (0, 1) OR a ISNULL", ("a", ("0", "1"))),
        ("(a IS NULL OR (a = 'x' OR a = 'y'))", ("a", ("'x'", "'y'"))),
        ("a IN ('x', NULL)", None),
        ("a IN ()", None),
        ("a IS NULL", None),
        ("a = NULL", None),
        ("a = b", None),
        ("a NOT IN ('x')", None),
        ("NOT a IN ('x')", None),
        ("a IN ('x') AND b", None),
        ("a IN ('x') OR b IN ('y')", None),
        ("a IN ('x') OR a > 3", None),
        ("a COLLATE NOCASE IN ('x')", None),
        ("lower(a) IN ('x')", None),
        ("a IN ('x') COLLATE NOCASE", None),
        ("a IN (1 + 1)", None),
        ("a IN (b, 'x')", None),
        ("TRUE IN (1)", None),
        ("'a' IN ('x')", None),
        ("a <> 'x'", None),
        ("a", None),
        ("", None),
        ("a OR", None),
        ("(a IN ('x')", None),
    ],
)
def test_allowed_values(expression: str, values: tuple[str, tuple[str, ...]] | None) -> None:
    """A list of literals is read in all the ways it is written; anything else is not a list."""
    assert allowed_values(Check(expression)) == values


@pytest.mark.parametrize(
    ("expression", "parts"),
    [
        ("a", ["a"]),
        ("a > 1 AND b", ["a > 1", "b"]),
        ("(a and (b AND c)) AND d", ["a", "b", "c", "d"]),
        ("a BETWEEN 1 AND 2 AND b", ["a BETWEEN 1 AND 2", "b"]),
        ("a BETWEEN 1 AND 2", ["a BETWEEN 1 AND 2"]),
        ("a AND b OR c", ["a AND b OR c"]),
        ("a AND (b OR c AND d)", ["a", "(b OR c AND d)"]),
        ("CASE WHEN a AND b THEN c END AND d", ["CASE WHEN a AND b THEN c END", "d"]),
        ("start < end AND a", ["start < end", "a"]),
        ("a AND ' AND '", ["a", "' AND '"]),
        ("a AND", ["a AND"]),
    ],
)
def test_parts_of(expression: str, parts: list[str]) -> None:
    """AND is cut where it joins all of the CHECK, and only there."""
    assert [part.expression for part in parts_of(Check(expression, "n"))] == parts
    assert {part.name for part in parts_of(Check(expression, "n"))} == {"n"}
