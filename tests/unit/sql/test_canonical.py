"""Texts that SQLite reads alike have one normal form, and others have not."""

from __future__ import annotations

import pytest

from d1migrate.sql.canonical import canonical_expression, canonical_name, canonical_text


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("a  +\n b -- c", "A + B"),
        ("a /* c */ = 1", "a==1"),
        ("a <> 1", "a != 1"),
        ("select `a` from [t]", 'SELECT a FROM "T"'),
        ("x'ab'", "X'AB'"),
        ("1E5", "1e5"),
        ("UPDATE 't' SET a = 1", "update t set A = 1"),
        ("INSERT INTO t ('a', [b]) VALUES (1, 2)", "insert into t (a, b) values (1, 2)"),
        ("'t'.a", "t.a"),
    ],
)
def test_the_same(one: str, other: str) -> None:
    """Comments, white space, case and quotes make no difference."""
    assert canonical_text(one) == canonical_text(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("'a'", "'A'"),
        ("'a b'", "'a  b'"),
        ("'--'", "''"),
        ("'a'", "a"),
        ("[a b]", "a b"),
        ("É", "é"),  # SQLite folds ASCII only
        ("1", "1.0"),
        ("a - -1", "a - 1"),
    ],
)
def test_not_the_same(one: str, other: str) -> None:
    """What a string holds, and which name it is, does."""
    assert canonical_text(one) != canonical_text(other)


def test_double_quotes_are_a_name_if_there_is_one() -> None:
    """SQLite takes any other for a string."""
    assert canonical_text('"A" = 1', {"a"}) == canonical_text("a = 1")
    assert canonical_text('"A" = 1', {"b"}) == canonical_text("'A' = 1")
    assert canonical_text('max("A")', {"b"}) == canonical_text("max('A')")
    assert canonical_text('"max"(1)') == canonical_text("max(1)")


def test_parentheses_around_all_of_an_expression() -> None:
    """Those only."""
    assert canonical_expression("((a + 1))") == "a + 1"
    assert canonical_expression("(a) + (1)") == "(a) + (1)"
    assert canonical_text("((a + 1))") == "((a + 1))"


@pytest.mark.parametrize(("name", "form"), [("A", "a"), ("a b", '"a b"'), ("1a", '"1a"'), ("É", "É")])
def test_names(name: str, form: str) -> None:
    """Quotes only if a name needs them."""
    assert canonical_name(name) == form
