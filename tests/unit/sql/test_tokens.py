"""SQLite's tokens, by example."""

from __future__ import annotations

from d1migrate.sql.tokens import significant


def test_tokens_of_every_kind() -> None:
    """Kinds are told apart as SQLite tells them."""
    sql = "x'ab' X 1.5e+10 0x1F .5 a->>b 'it''s' [a b] \"d\" `e` ?1 :a @b $c -- q"
    assert [(t.kind, t.text) for t in significant(sql)] == [
        ("blob", "x'ab'"), ("word", "X"), ("number", "1.5e+10"), ("number", "0x1F"), ("number", ".5"),
        ("word", "a"), ("operator", "->>"), ("word", "b"), ("string", "'it''s'"), ("quoted", "[a b]"),
        ("quoted", '"d"'), ("quoted", "`e`"), ("variable", "?1"), ("variable", ":a"), ("variable", "@b"),
        ("variable", "$c"),
    ]  # fmt: skip
