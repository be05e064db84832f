"""A table keeps the clauses that its models cannot declare."""

from __future__ import annotations

import pytest

from d1migrate.schema.diff import diff
from d1migrate.schema.kept_clauses import ACTIONS, ROWIDS, kept_clauses, with_kept_clauses
from tests.unit.schema.building import schema

DEFERRED = "DEFERRABLE INITIALLY DEFERRED"
# (what exists, what is wanted, what becomes of it)
KEPT = [
    (
        "(a REFERENCES p ON DELETE CASCADE, b REFERENCES q)",
        f'(b INT REFERENCES "q" ("id") {DEFERRED}, "a" NOT NULL REFERENCES "p" ("id") {DEFERRED} UNIQUE)',
        '(b INT REFERENCES "q" ("id"), "a" NOT NULL REFERENCES "p" ("id") ON DELETE CASCADE UNIQUE)',
    ),
    (
        f"(a REFERENCES p (id) ON UPDATE SET NULL ON DELETE NO ACTION MATCH FULL {DEFERRED})",
        "(A, FOREIGN KEY (A) REFERENCES P (ID) ON DELETE SET DEFAULT)",
        f"(A, FOREIGN KEY (A) REFERENCES P (ID) ON UPDATE SET NULL {DEFERRED})",
    ),
    ("(a, b)", f"(a REFERENCES p ON DELETE CASCADE {DEFERRED} NOT NULL)", None),
    ("(a REFERENCES p ON DELETE CASCADE)", f"(a REFERENCES q {DEFERRED})", None),
    (
        f"(a REFERENCES p NOT DEFERRABLE INITIALLY IMMEDIATE, b REFERENCES p {DEFERRED})",
        "(a REFERENCES p NOT NULL, b REFERENCES p NOT DEFERRABLE)",
        f"(a REFERENCES p NOT DEFERRABLE INITIALLY IMMEDIATE NOT NULL, b REFERENCES p {DEFERRED})",
    ),
    ("(id INTEGER PRIMARY KEY)", "(id INTEGER PRIMARY KEY AUTOINCREMENT, a)", "(id INTEGER PRIMARY KEY, a)"),
    ("(id INTEGER PRIMARY KEY)", "(id INTEGER, PRIMARY KEY (id AUTOINCREMENT))", "(id INTEGER, PRIMARY KEY (id))"),
    ("(id INT PRIMARY KEY)", "(id INTEGER PRIMARY KEY AUTOINCREMENT)", None),
    ("(id INTEGER PRIMARY KEY, a)", "(a INTEGER PRIMARY KEY AUTOINCREMENT)", None),
    ("(id INTEGER PRIMARY KEY AUTOINCREMENT)", "(id INTEGER PRIMARY KEY)", None),
    ("(a, b, PRIMARY KEY (a, b)) WITHOUT ROWID", "(a, b, c, PRIMARY KEY (a, b))", "(a, b, c, PRIMARY KEY (a, b)) WITHOUT ROWID"),
    ("(a TEXT PRIMARY KEY) WITHOUT ROWID", "(a INTEGER PRIMARY KEY AUTOINCREMENT)", None),
    ("(a TEXT PRIMARY KEY) WITHOUT ROWID", "(a TEXT)", None),
]  # fmt: skip


@pytest.mark.parametrize(("before", "wanted", "found"), KEPT)
def test_kept(before: str, wanted: str, found: str | None) -> None:
    """Only these clauses are others, and nothing of them is a difference then."""
    (old,), (new,), (same,) = (
        schema(f"CREATE TABLE t {sql}").tables for sql in (before, wanted, found or wanted)
    )
    kept = with_kept_clauses(new, old, (ACTIONS, ROWIDS))
    assert kept.sql == same.sql
    assert kept.foreign_keys == same.foreign_keys
    assert not diff(schema(kept.sql), schema(same.sql)).changes


@pytest.mark.parametrize(
    ("kind", "found"),
    [(ACTIONS, "(a INTEGER PRIMARY KEY AUTOINCREMENT REFERENCES p ON DELETE CASCADE)"), (ROWIDS, "(a INTEGER PRIMARY KEY REFERENCES p)")],
)  # fmt: skip
def test_one_kind(kind: str, found: str) -> None:
    """The models of other tools may declare the other kind."""
    old, new = (
        schema(f"CREATE TABLE t {sql}").tables[0]
        for sql in (
            "(a INTEGER PRIMARY KEY REFERENCES p ON DELETE CASCADE)",
            "(a INTEGER PRIMARY KEY AUTOINCREMENT REFERENCES p)",
        )
    )
    assert with_kept_clauses(new, old, (kind,)).sql == f"CREATE TABLE t {found}"


def test_in_words() -> None:
    """When a key is checked makes no difference to people."""
    old, new = (
        schema(f"CREATE TABLE t ({sql}").tables[0]
        for sql in (
            f"id INTEGER PRIMARY KEY, a REFERENCES p ON DELETE CASCADE {DEFERRED}, b REFERENCES q, c REFERENCES r)",
            f"id INTEGER PRIMARY KEY AUTOINCREMENT, a REFERENCES p, b REFERENCES q ON DELETE SET NULL, c REFERENCES r {DEFERRED})",
        )
    )
    kept = with_kept_clauses(new, old, (ACTIONS, ROWIDS))
    assert [*kept_clauses(new, kept)] == ["t without AUTOINCREMENT", "t.a ON DELETE CASCADE", "t.b NO ACTION"]
    old, new = (schema(f"CREATE TABLE t (a PRIMARY KEY){sql}").tables[0] for sql in (" WITHOUT ROWID", ""))
    assert [*kept_clauses(new, with_kept_clauses(new, old, (ROWIDS,)))] == ["t WITHOUT ROWID"]


def test_a_virtual_table() -> None:
    """It has no such clause."""
    old, new = (schema(f"CREATE VIRTUAL TABLE t USING fts5({column})").tables[0] for column in "ab")
    assert with_kept_clauses(new, old, (ACTIONS, ROWIDS)) == new
