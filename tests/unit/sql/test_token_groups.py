"""Tokens in groups: parentheses, and what commas and keywords part."""

from __future__ import annotations

import pytest

from d1migrate.sql.token_groups import bare, closing, outside, parted, span, text_at
from d1migrate.sql.tokens import significant


@pytest.mark.parametrize(
    ("sql", "separator", "parts"),
    [
        ("a, b", ",", ["a", "b"]),
        ("a, (b, c)", ",", ["a", "(b, c)"]),
        ("", ",", [""]),
        ("a,", ",", ["a", ""]),
        ("a AND b", "AND", ["a", "b"]),
        ("a BETWEEN 1 AND 2 AND b", "AND", ["a BETWEEN 1 AND 2", "b"]),
        ("CASE WHEN a AND b THEN c END AND d", "AND", ["CASE WHEN a AND b THEN c END", "d"]),
        ("start < end AND a", "AND", ["start < end", "a"]),
    ],
)
def test_parted(sql: str, separator: str, parts: list[str]) -> None:
    """Outside of parentheses and CASE."""
    assert [span(sql, part) for part in parted(significant(sql), separator)] == parts


def test_parentheses() -> None:
    """Where they close; the end if they do not."""
    tokens = significant("a (b (c) d) e (")
    assert [closing(tokens, at) for at in (1, 3, 9)] == [7, 5, 10]
    assert [tokens[at].text for at in outside(tokens)][:4] == ["a", "(", "e", "("]


def test_bare() -> None:
    """Without the parentheses around all of it."""
    for sql, text in (("((a + b))", "a + b"), ("(a) + (b)", "(a) + (b)"), ("()", ""), ("(a", "(a")):
        assert span(sql, bare(significant(sql))) == text


def test_after_the_end() -> None:
    """There is no text."""
    assert [text_at(significant("a"), at) for at in (0, 1, 9)] == ["a", "", ""]
