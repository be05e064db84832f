"""INSERTs of one form, by example; tests/laws/test_split.py has the law of their series."""

from __future__ import annotations

import pytest

from d1migrate.sql.insert_form import LONGEST_SERIES, InsertForm, SeriesFinder

ONE = "INSERT INTO t (a, b) VALUES (1, 'x')"


def form(sql: str = ONE) -> InsertForm:
    """The form of an INSERT."""
    found = InsertForm.of(sql)
    assert found
    return found


@pytest.mark.parametrize(
    ("sql", "other", "alike"),
    [
        (ONE, "INSERT INTO t (a, b) VALUES (-2.5e3, 'it''s; --')", True),
        (ONE, "INSERT INTO t (a, b) VALUES (NULL, x'0aF0')", True),
        (ONE, "INSERT INTO t (a, b) VALUES (1, 'x'), (2, 'y')", False),
        (ONE, "INSERT INTO t (a, c) VALUES (1, 'x')", False),
        (ONE, "INSERT INTO t (a, b) VALUES (1, x)", False),
        (ONE, "INSERT INTO t (a, b) VALUES (1, x'0')", False),
        (ONE, "INSERT INTO t (a, b) VALUES (1, 'x') -- y", False),
        (ONE, "insert into t (a, b) values (1, 'x')", False),
        ("INSERT INTO 't' VALUES (abs(-1), 2 - 3)", "INSERT INTO 't' VALUES (abs(5), 'x' - 1.5)", True),
        ("INSERT INTO 't' VALUES (1)", "INSERT INTO 'u' VALUES (1)", False),
        ("INSERT INTO t VALUES ('a') RETURNING 1", "INSERT INTO t VALUES (2) RETURNING 'a'", True),
    ],
)
def test_what_is_alike(sql: str, other: str, alike: bool) -> None:
    """Only literals after VALUES may differ."""
    assert form(sql).matches(sql)
    assert form(sql).matches(other) == alike


@pytest.mark.parametrize(
    "sql", ["UPDATE t SET a = 1", "INSERT INTO t /* ; */ VALUES (1)", "INSERT INTO t -- a\nVALUES (1)", "", "REPLACE INTO t VALUES (1)",
            "INSERT INTO t VALUES (1 IN 'u')", "INSERT INTO t VALUES ((SELECT max(a) FROM 'u'))", "INSERT INTO t SELECT 1 FROM u"]
)  # fmt: skip
def test_what_has_no_form(sql: str) -> None:
    """What is not an INSERT; what has a comment in it, which may be a marker or a directive; what reads a table.

    The name of a table may be a string, which is no literal then.
    """
    assert InsertForm.of(sql) is None


@pytest.mark.parametrize(
    ("text", "length", "count"),
    [
        (f"{ONE};\n{ONE};\n", 2 * len(ONE) + 3, 2),
        (f"\r\n\t{ONE};{ONE};", 2 * len(ONE) + 5, 2),
        (f"{ONE};\n-- a\n{ONE};\n", len(ONE) + 1, 1),
        (f"{ONE};\n{ONE}", len(ONE) + 1, 1),
        (f"{ONE};\nINSERT INTO t (a, b) VALUES (1, 'x;\n", len(ONE) + 1, 1),
        (f"SELECT 1;\n{ONE};\n", 0, 0),
        ("", 0, 0),
    ],
)
def test_a_series(text: str, length: int, count: int) -> None:
    """It ends before the first statement that differs, and before one that is not complete."""
    assert form().series(text, 0) == (length, count)
    assert form().series(f"; {text}", 1) == (length + (2 if length else 1), count)


def test_a_series_is_shorter_than_a_statement_may_be() -> None:
    """So its statements need not be measured."""
    end, count = form().series(f"{ONE};\n" * 10_000, 0)
    assert count == LONGEST_SERIES // len(f"{ONE};\n")
    assert end <= LONGEST_SERIES
    assert form().series("INSERT INTO t (a, b) VALUES (1, '" + "x" * LONGEST_SERIES + "');\n", 0) == (0, 0)


def test_a_series_of_any_length_follows_any_other() -> None:
    """After a long one, too, a short one ends where it ends."""
    known, line = form(), f"{ONE};\n"
    for number in (1, 700, 5, 690, 0, 680, 1):
        text = line * number + f"-- a\n{line}" * 2 + line * 700
        expected = min(number, 24_999 // len(line))
        assert known.series(text, 0) == (max(expected * len(line) - 1, 0), expected)
        assert known.series(line * 1000, 0)[1] > 600


def read(finder: SeriesFinder, text: str, statements: int) -> list[int]:
    """Read a text as the splitter does; the lengths of the pieces."""
    found, position, wait = list[int](), 0, finder.wait
    while sum(found) < statements:
        if not wait:
            end, count = finder.series(text, position)
            if count:
                found.append(count)
                position = end
                continue
            wait = finder.wait
        end = text.index(";", position) + 1
        wait -= 1
        if not wait:
            finder.learn(text[position : end - 1].strip())
        found.append(1)
        position = end
    return found


def test_when_a_series_is_looked_for() -> None:
    """After twenty statements; again after each odd one; and ever less often while there is none."""
    line, odd = f"{ONE};\n", "SELECT 1;\n"
    assert read(SeriesFinder(), line * 100, 100) == [1] * 20 + [80]
    assert read(SeriesFinder(), (line * 50 + odd) * 2, 102) == [1] * 20 + [30, 1, 1, 49, 1]
    assert read(SeriesFinder(), odd * 59 + line * 50, 109) == [1] * 60 + [49]
    assert read(SeriesFinder(), line * 50 + line.replace("t (", "u (") * 100, 150) == [1] * 20 + [30] + [
        1
    ] * 62 + [38]
    finder = SeriesFinder()
    read(finder, odd * 20_000, 20_000)
    assert finder.wait == 5000


@pytest.mark.parametrize("sql", ["UPDATE t SET a = abs(1)", f"INSERT INTO t (a) VALUES ('{'x' * 2000}')", ""])
def test_what_is_not_learned(sql: str) -> None:
    """Other statements, and long ones."""
    finder = SeriesFinder()
    finder.learn(sql)
    assert finder.series(f"{sql};\n{sql};\n", 0) == (0, 0)
