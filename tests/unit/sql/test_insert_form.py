"""INSERTs of one form, by example; tests/laws/test_split.py has the law of their series."""

from __future__ import annotations

import pytest

from d1migrate.sql.insert_form import LONGEST_SERIES, FormLearner, InsertForm

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


def test_what_is_learned() -> None:
    """The form of twenty INSERTs with one beginning; another beginning, and `forget`, end it."""
    learner = FormLearner()
    for _ in range(19):
        learner.learn(ONE)
        assert learner.form is None
    learner.learn(ONE.replace("1", "abs(1)"))
    assert learner.form
    assert learner.form.matches(ONE.replace("1", "abs(2)"))
    learner.learn(ONE.replace("t (", "u ("))
    assert learner.form is None
    for _ in range(40):
        learner.learn("INSERT INTO t (a) VALUES (1)")
    learner.forget()
    assert learner.form is None
    for sql in ["UPDATE t SET a = abs(1)", f"INSERT INTO t (a) VALUES ('{'x' * 2000}')"]:
        for _ in range(40):
            learner.learn(sql)
        assert learner.form is None
