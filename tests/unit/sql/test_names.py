"""Names and literals in SQL text, by example."""

from __future__ import annotations

import pytest

from d1migrate.sql.names import fold, quote_identifier, quote_literal, unquote


@pytest.mark.parametrize("name", ["a", 'a"b', "a b", "sélect", "", "a'b", "[a]"])
def test_names_survive_quoting(name: str) -> None:
    """Quoting and unquoting is the identity."""
    assert unquote(quote_identifier(name)) == name
    assert unquote(quote_literal(name)) == name


def test_unquote_knows_all_four_quotes() -> None:
    """And leaves a bare word alone."""
    assert [unquote(t) for t in ('"a""b"', "`a``b`", "[a]]"[:3], "'a''b'", "a")] == [
        'a"b',
        "a`b",
        "a",
        "a'b",
        "a",
    ]


def test_fold_is_ascii_only() -> None:
    """SQLite folds ASCII letters and no others."""
    assert fold("ÄbC") == "Äbc"
