"""A column keeps its declared type if the other one means the same to SQLite."""

from __future__ import annotations

import pytest

from d1migrate.schema.diff import diff
from d1migrate.schema.kept_types import with_kept_types
from tests.unit.schema.building import schema

# (what exists, what is wanted, what becomes of it)
KEPT = [
    ("a TEXT, b INT", "a VARCHAR(9) NOT NULL, b BIGINT DEFAULT 1", "a TEXT NOT NULL, b INT DEFAULT 1"),
    ("a BLOB, b", "a, b BLOB UNIQUE", "a BLOB, b UNIQUE"),
    ("a, b", "a BLOB GENERATED ALWAYS AS (b), b BLOB", "a GENERATED ALWAYS AS (b), b"),
    ('a "VARCHAR(2)", b DECIMAL ( 5 )', "a TEXT, b DECIMAL(6,1) CHECK (b > 0)", 'a "VARCHAR(2)", b DECIMAL ( 5 ) CHECK (b > 0)'),
    ("id INTEGER PRIMARY KEY, p INT REFERENCES t", "id INTEGER PRIMARY KEY, p BIGINT REFERENCES t", "id INTEGER PRIMARY KEY, p INT REFERENCES t"),
    ("id INT PRIMARY KEY, a INT", "id BIGINT, a BIGINT, PRIMARY KEY (id)", "id INT, a INT, PRIMARY KEY (id)"),
    ("a INT, b INT, PRIMARY KEY (a, b)", "a INTEGER, b INTEGER, PRIMARY KEY (a, b)", "a INT, b INT, PRIMARY KEY (a, b)"),
]  # fmt: skip
CHANGED = [
    ("id INTEGER PRIMARY KEY", "id BIGINT PRIMARY KEY"),
    ("id INT PRIMARY KEY", "id INTEGER PRIMARY KEY"),
    ("id INT UNIQUE", "id INTEGER, PRIMARY KEY (id)"),
    ("a TEXT", "a JSON"),
    ("a BOOLEAN", "a NUMERIC"),
]


@pytest.mark.parametrize(("before", "wanted", "found"), KEPT)
def test_kept(before: str, wanted: str, found: str) -> None:
    """Only the type is another one, in the text and in the columns; nothing of it is a difference then."""
    (old,), (new,), (same,) = (schema(f"CREATE TABLE t ({sql})").tables for sql in (before, wanted, found))
    assert with_kept_types(new, old) == same


@pytest.mark.parametrize(("before", "wanted"), CHANGED)
def test_changed(before: str, wanted: str) -> None:
    """The rowid is another key, and a name of no affinity has a meaning."""
    (old,), (new,) = (schema(f"CREATE TABLE t ({sql})").tables for sql in (before, wanted))
    assert with_kept_types(new, old) == new


@pytest.mark.parametrize(("before", "after"), [(" STRICT", " STRICT"), ("", " STRICT"), (" STRICT", "")])
def test_strict(before: str, after: str) -> None:
    """SQLite checks its types."""
    (old,), (new,) = (
        schema(f"CREATE TABLE t (a INT){before}").tables,
        schema(f"CREATE TABLE t (a INTEGER){after}").tables,
    )
    assert with_kept_types(new, old) == new


def test_the_same_in_another_spelling() -> None:
    """It is no difference anyway, and the text stays as the models have it."""
    old, new = schema("CREATE TABLE t (a VARCHAR (5))"), schema("CREATE TABLE t (a varchar(5))")
    assert not diff(old, new).changes
    assert with_kept_types(new.tables[0], old.tables[0]) == new.tables[0]
