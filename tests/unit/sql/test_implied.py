"""What conditions say of each other: held against SQLite, value by value."""

from __future__ import annotations

from itertools import product

import apsw
import pytest

from d1migrate.sql.checks import allowed_values
from d1migrate.sql.definitions import Check
from d1migrate.sql.implied import Domain, can_be_false, is_implied
from d1migrate.sql.tokens import KEYWORDS, RESERVED, significant

COLUMNS = {"n": Domain(numeric=True), "s": Domain(), "k": Domain()}
TABLE = "CREATE TABLE t (n INTEGER, s TEXT, k TEXT)"
NUMBERS = (None, -1, 0, 1, 2.5, 10, 11, "a")
TEXTS = (None, "", "a", "A", "b", "c", "1", "1.0", "10")

CONDITIONS = """\
n >= 0
n > 0
0 <= n
n < 10
n <= 10
n <> 10
n != 0
n BETWEEN 0 AND 10
n NOT BETWEEN 0 AND 10
n IN (0, 1)
n IN (0, 1, 10)
n = 1
n == 1.0
n IS NULL OR n > 0
n IS NOT NULL
NOT n < 0
n > -1 AND n < 11
n
length(s) > 0
s = 'a'
s <> 'A'
s <> 'b'
s IN ('a', 'b')
s IN ('a', 'b', 'c')
s IN ('A', 'b', 'c')
s NOT IN ('c')
s IS NULL OR s IN ('a')
s IN ('1', '10')
s IN (1, 10)
s >= 1
s <= 10
s IS NOT NULL
s NOTNULL
s IS 'a'
s = k
(s IS NULL) = (k IS NULL)
(s = 'a') = (k = 'b')
s IS NOT NULL OR k IS NULL
s IS NULL OR k IS NOT NULL
(s = 'a' AND n > 0) OR (s = 'b' AND n IS NOT NULL)
(s = 'a' AND n > 0) OR (s = 'b' AND n IS NOT NULL) OR s = 'c'
s <> 'a' OR n > 0
NOT (s = 'a' AND k = 'b')
s LIKE 'a%'
s = 'a' COLLATE NOCASE
CASE WHEN s = 'a' THEN n > 0 ELSE 1 END
s IN ('a') AND k IN ('b') AND n > 0
s IN (SELECT 'a')
s || k = 'ab'
n + 1 > 0""".split("\n")

IMPLIED = [
    ("n BETWEEN 0 AND 1000", "n >= 0"),
    ("n BETWEEN 0 AND 10", "n BETWEEN -5 AND 10"),
    ("n > 0", "n >= 0"),
    ("n > 0 AND n < 5", "n >= 0 AND n <= 5"),
    ("n IN (1, 2)", "n > 0"),
    ("n = 1", "n IN (1, 2)"),
    ("s IN ('a', 'b')", "s IN ('free', 'a', 'b')"),
    ("s IN ('a', 'b')", "s IS NULL OR s IN ('b', 'a', 'c')"),
    ("s = 'a' OR s = 'b'", "s <> 'x'"),
    ("s IS NOT NULL AND k IS NOT NULL", "(s IS NULL) = (k IS NULL)"),
    ("s IS NOT NULL", "s IS NOT NULL OR k IS NULL"),
    ("(s = 'a' AND n > 0) OR s = 'b'", "s = 'b' OR (s = 'a' AND n > 0) OR s = 'c'"),
    ("(s = 'a' AND n > 0) OR s = 'b'", "s IN ('a', 'b', 'c')"),
    ("s IN ('a', 'b')", "s = 'a' OR s = 'b' OR n > 0"),
    ("length(s) > 0", "length(s) > 0 OR n = 1"),
    ("LENGTH ( s )>0", 'length("s") > 0'),
    ("json_valid(s)", "s IS NULL OR json_valid(s)"),
]


@pytest.fixture(scope="module")
def values() -> apsw.Connection:
    """A table with every combination of some values."""
    connection = apsw.Connection(":memory:")
    connection.execute(TABLE)
    connection.executemany("INSERT INTO t VALUES (?, ?, ?)", product(NUMBERS, TEXTS, (None, "a", "b")))
    return connection


def count(values: apsw.Connection, where: str) -> int:
    """The rows that meet a condition."""
    return len(values.execute(f"SELECT 1 FROM t WHERE {where}").fetchall())


@pytest.mark.parametrize("known", CONDITIONS)
def test_what_is_said_never_to_fail_never_fails(values: apsw.Connection, known: str) -> None:
    """No row that passes one CHECK fails another which is said to follow; nor of WHERE, which NULL fails."""
    before = significant(known)
    for text in CONDITIONS:
        after = significant(text)
        if not can_be_false(after, COLUMNS, [before]):
            assert not count(values, f"(({known}) OR ({known}) IS NULL) AND NOT ({text})"), text
        if is_implied(after, before, COLUMNS):
            assert not count(values, f"({known}) AND (({text}) IS NULL OR NOT ({text}))"), text


@pytest.mark.parametrize(("known", "text"), IMPLIED)
def test_what_follows(known: str, text: str) -> None:
    """What people widen in practice is seen to follow, and not without the first."""
    assert not can_be_false(significant(text), COLUMNS, [significant(known)])
    assert can_be_false(significant(text), COLUMNS)


def test_keywords_that_name_columns() -> None:
    """SQLite's parser decides which keywords do, without quotes."""
    for word in sorted(KEYWORDS):
        try:
            apsw.Connection(":memory:").execute(f"CREATE TABLE t ({word} TEXT CHECK ({word} IN ('a')))")
            is_name = True
        except apsw.SQLError:
            is_name = False
        assert (word in RESERVED) == (not is_name or word.startswith("CURRENT_")), word
        found = allowed_values(Check(f"{word} IN ('a')"))
        assert found == (None if word in RESERVED else (word.lower(), ("'a'",)))
