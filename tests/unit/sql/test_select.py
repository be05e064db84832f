"""A SELECT, read as far as a copy of rows needs."""

from __future__ import annotations

import pytest

from d1migrate.sql.select import (
    is_always_true,
    is_never_true,
    selects,
    value_of,
    with_names,
    without_subqueries,
)
from d1migrate.sql.tokens import significant


def text(tokens: object) -> str:
    """Tokens as text."""
    return " ".join(token.text for token in tokens)  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("sql", "sources", "picks"),
    [
        ("SELECT * FROM a", ["a"], ""),
        ("SELECT x FROM main.[A] AS b WHERE x", ["a b"], ""),
        ("SELECT 1", [], ""),
        ("SELECT * FROM a, b", ["a -", "b -"], ""),
        ("SELECT * FROM a JOIN b ON a.x = b.x", ["a -", "b -"], ""),
        ("SELECT * FROM a LEFT JOIN b USING (x)", ["a", "b -"], ""),
        ("SELECT * FROM a RIGHT OUTER JOIN b ON 1", ["a -", "b"], ""),
        ("SELECT * FROM a FULL JOIN b ON 1", ["a", "b"], ""),
        ("SELECT * FROM (SELECT * FROM a) s", [" s"], ""),
        ("SELECT * FROM json_each('[]') j", [" j"], ""),
        ("WITH c AS (SELECT * FROM a) SELECT * FROM c", [" c"], ""),
        ("SELECT DISTINCT x FROM a", ["a"], "DISTINCT"),
        ("SELECT x FROM a GROUP BY x", ["a"], "GROUP BY"),
        ("SELECT x FROM a LIMIT 1", ["a"], "LIMIT"),
        ("SELECT count(*) FROM a", ["a"], "an aggregate"),
        ("SELECT max(x) FROM a", ["a"], "an aggregate"),
        ("SELECT json_group_array(x) FROM a", ["a"], "an aggregate"),
        ("SELECT max(x, 1) FROM a", ["a"], ""),
        ("SELECT count(*) OVER () FROM a", ["a"], ""),
        ("SELECT (SELECT count(*) FROM b) FROM a", ["a"], ""),
        ("SELECT x FROM a ORDER BY x", ["a"], ""),
    ],
)
def test_a_select(sql: str, sources: list[str], picks: str) -> None:
    """Its tables, with `-` where joins omit rows, and the word that omits or merges rows."""
    (found,) = selects(significant(sql))
    shown = [
        s.table + (f" {s.alias}" if s.alias != s.table else "") + ("" if s.whole else " -")
        for s in found.sources
    ]
    assert (shown, found.picks) == (sources, picks)


@pytest.mark.parametrize(
    ("sql", "optional"),
    [
        ("SELECT * FROM a, b", []),
        ("SELECT * FROM a JOIN b ON 1 LEFT JOIN c ON 1", ["c"]),
        ("SELECT * FROM a RIGHT JOIN b ON 1", ["a"]),
        ("SELECT * FROM a FULL JOIN b ON 1 JOIN c ON 1", ["a", "b"]),
    ],
)
def test_optional_tables(sql: str, optional: list[str]) -> None:
    """Those of which a row of the query may have none."""
    (found,) = selects(significant(sql))
    assert [source.table for source in found.sources if source.optional] == optional


def test_the_last_token_of_a_table() -> None:
    """That of its alias, or of its name."""
    (found,) = selects(significant("SELECT * FROM a INDEXED BY i, main.b AS \"B 2\", json_each('[]') j"))
    assert [source.last and source.last.text for source in found.sources] == ["a", '"B 2"', None]


@pytest.mark.parametrize(
    ("sql", "picks"),
    [("SELECT 1 UNION ALL SELECT 2 FROM a", ""), ("SELECT 1 UNION SELECT 2 FROM a", "UNION")],
)
def test_a_compound(sql: str, picks: str) -> None:
    """Each part by itself."""
    assert [found.picks for found in selects(significant(sql))] == [picks, picks]


@pytest.mark.parametrize(
    ("sql", "value", "alias"),
    [
        ("x AS y", "x", "y"),
        ("x y", "x", "y"),
        ("1 'Y'", "1", "y"),
        ("x", "x", ""),
        ("x IS NULL", "x IS NULL", ""),
    ],
)
def test_values_and_their_names(sql: str, value: str, alias: str) -> None:
    """With AS or without."""
    found = value_of(significant(sql))
    assert (text(found.tokens), found.alias) == (value, alias)


@pytest.mark.parametrize(
    ("where", "always", "never"),
    [("", True, False), ("1", True, False), ("(TRUE)", True, False), ("1 = 1", True, False),
     ("0", False, True), ("1 = 0", False, True), ("x", False, False), ("x = x", False, False)],
)  # fmt: skip
def test_conditions(where: str, *, always: bool, never: bool) -> None:
    """Only those that can be seen to be one or the other."""
    tokens = significant(where)
    assert (is_always_true(tokens), is_never_true(tokens)) == (always, never)


def test_with_and_subqueries() -> None:
    """The names, where the statement begins, and what is left without what is in parentheses."""
    tokens = significant("WITH RECURSIVE a (x) AS (SELECT 1), [B] AS NOT MATERIALIZED (SELECT 2) SELECT 3")
    found, at = with_names(tokens)
    assert (found, tokens[at].keyword) == (["a", "b"], "SELECT")
    assert text(without_subqueries(significant("a + (SELECT b) + (c)"))) == "a + ( ) + ( c )"
