"""The constraints of a column, and those beside the columns, by example."""

from __future__ import annotations

import pytest

from d1migrate.sql.constraints import Constraints, names, term
from d1migrate.sql.definitions import Check, KeyDefinition, NotNull, Reference, Term
from d1migrate.sql.tokens import significant


def read(sql: str, column: str | None = None) -> Constraints:
    """The constraints in a text."""
    return Constraints(sql, significant(sql), column)


@pytest.mark.parametrize(
    ("sql", "key"),
    [
        ("PRIMARY KEY", KeyDefinition((Term('"a"', "a"),), primary=True)),
        (
            "CONSTRAINT k PRIMARY KEY DESC ON CONFLICT IGNORE AUTOINCREMENT",
            KeyDefinition((Term('"a"', "a", None, True),), True, True, "IGNORE", "k"),
        ),
        ("UNIQUE ON CONFLICT REPLACE", KeyDefinition((Term('"a"', "a"),), conflict="REPLACE")),
    ],
)
def test_keys_of_a_column(sql: str, key: KeyDefinition) -> None:
    """Of the column that they are in."""
    assert read(sql, "a").keys == [key]


@pytest.mark.parametrize(
    ("sql", "key"),
    [
        (
            "PRIMARY KEY (a, [b c] DESC)",
            KeyDefinition((Term("a", "a"), Term("[b c]", "b c", None, True)), True),
        ),
        ("PRIMARY KEY (a AUTOINCREMENT)", KeyDefinition((Term("a", "a"),), True, True)),
        (
            "UNIQUE (a COLLATE NOCASE, b) ON CONFLICT FAIL",
            KeyDefinition((Term("a", "a", "NOCASE"), Term("b", "b")), conflict="FAIL"),
        ),
    ],
)
def test_keys_beside_the_columns(sql: str, key: KeyDefinition) -> None:
    """With the columns that they name."""
    assert read(sql).keys == [key]


@pytest.mark.parametrize(
    ("sql", "column", "reference"),
    [
        ("REFERENCES p", "a", Reference(("a",), "p")),
        ('REFERENCES "P p" ([x])', "a", Reference(("a",), "P p", ("x",))),
        (
            "REFERENCES p ON DELETE SET NULL ON UPDATE CASCADE MATCH FULL NOT DEFERRABLE INITIALLY DEFERRED",
            "a",
            Reference(("a",), "p", (), "SET NULL", "CASCADE", "FULL", "NOT DEFERRABLE INITIALLY DEFERRED"),
        ),
        (
            "CONSTRAINT f FOREIGN KEY (a, b) REFERENCES p (x, y) ON DELETE NO ACTION",
            None,
            Reference(("a", "b"), "p", ("x", "y"), name="f"),
        ),
        ("REFERENCES p ON DELETE RESTRICT ON DELETE CASCADE", "a", Reference(("a",), "p", (), "CASCADE")),
    ],
)
def test_references(sql: str, column: str | None, reference: Reference) -> None:
    """The last of several actions counts, as in SQLite."""
    assert read(sql, column).references == [reference]


def test_all_of_a_column() -> None:
    """A name is for every constraint up to the next name."""
    found = read(
        "CONSTRAINT n NOT NULL ON CONFLICT ABORT CHECK (a > ')') CONSTRAINT m CHECK ((1)) DEFAULT -1.5"
        " COLLATE NOCASE GENERATED ALWAYS AS (b || 'x') STORED",
        "a",
    )
    assert found.not_null == NotNull("ABORT", "n")
    assert found.checks == [Check("a > ')'", "n"), Check("(1)", "m")]
    assert (found.default, found.collation) == ("-1.5", "NOCASE")
    assert (found.generated, found.stored) == ("b || 'x'", True)


@pytest.mark.parametrize(
    "sql", ["CHECK (a", "DEFAULT", "REFERENCES", "UNIQUE ON", "FOREIGN KEY (a", "NOT", "(("]
)
def test_what_ends_too_early(sql: str) -> None:
    """Read as far as it goes."""
    read(sql, "a")
    read(sql)


def test_terms_and_names() -> None:
    """A column, or any expression; quotes of every kind."""
    sql = "lower(a) COLLATE NOCASE DESC NULLS LAST"
    assert term(sql, significant(sql)) == Term("lower(a)", None, "NOCASE", True)
    assert names(significant("a, [b c], 'd'")) == ("a", "b c", "d")
