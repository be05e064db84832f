"""Characters that are part of a name to SQLite, and something else to a reader."""

from __future__ import annotations

import pytest

from d1migrate.sql.unusual_characters import spelled_out, unusual


@pytest.mark.parametrize(
    ("sql", "token"),
    [
        ("SELECT body\u00a0FROM a", "body<U+00A0>FROM"),
        ("SELECT \u200bx", "<U+200B>x"),
        ("SELECT \u201cx\u201d", "<U+201C>x<U+201D>"),
        ("SELECT a \u2212 1", "<U+2212>"),
        ('SELECT "a\u00a0b"', '"a<U+00A0>b"'),
    ],
)
def test_what_misleads(sql: str, token: str) -> None:
    """It is spelled out, and its place is known."""
    (found,) = unusual(sql)
    assert found.token == token
    assert sql[found.offset] == found.character
    assert str(found).startswith("U+")


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT 'a\u00a0b'",
        "SELECT 1 -- a\u00a0b",
        "SELECT größe, 名前 FROM Ωmega",
        'SELECT "größe", "\N{MAN}\N{ZERO WIDTH JOINER}\N{ROCKET}"',
        "SELECT 1",
    ],
)
def test_what_does_not(sql: str) -> None:
    """Strings and comments may hold anything, and names any letters."""
    assert list(unusual(sql)) == []


def test_a_joiner_at_the_end_misleads() -> None:
    """It joins nothing."""
    assert spelled_out("a\N{ZERO WIDTH JOINER}") == "a<U+200D>"
