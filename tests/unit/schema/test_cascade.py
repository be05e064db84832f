"""What foreign keys and triggers do to rows, against what SQLite does to them."""

from __future__ import annotations

import pytest

from d1migrate.schema.cascade import cascades, followers, is_guard, unlinked
from tests.unit.schema.building import catalog, table

SQL = """
CREATE TABLE a (id INTEGER PRIMARY KEY, code UNIQUE);
CREATE TABLE b (id INTEGER PRIMARY KEY, a_id REFERENCES a ON DELETE CASCADE);
CREATE TABLE c (b_id REFERENCES b(id) ON DELETE CASCADE);
CREATE TABLE d (a_id REFERENCES A(ID) ON DELETE SET NULL);
CREATE TABLE e (a_code PRIMARY KEY REFERENCES a(code) ON UPDATE CASCADE);
CREATE TABLE f (e_code REFERENCES e ON UPDATE CASCADE);
CREATE TABLE g (id INTEGER PRIMARY KEY, up REFERENCES g ON DELETE CASCADE);
CREATE TABLE h (a_id REFERENCES a);
"""


def test_foreign_keys() -> None:
    """Rows that go with those of another table, and values that go or follow."""
    found = catalog(SQL)
    assert sorted(cascades(found, "a")) == ["b", "c"]
    assert cascades(found, "c") == []
    assert cascades(found, "g") == ["g"]
    assert unlinked(found, ["a"]) == {"d": {"a_id"}}
    assert followers(found, "a", {"code"}) == {"e": {"a_code"}, "f": {"e_code"}}
    assert followers(found, "a", {"id"}) == {}


@pytest.mark.parametrize(
    ("trigger", "expected"),
    [
        ("BEFORE DELETE ON a BEGIN SELECT RAISE(IGNORE); END", True),
        ("BEFORE UPDATE ON a BEGIN SELECT raise ( ignore ) ; END", True),
        ("AFTER DELETE ON a BEGIN SELECT RAISE(IGNORE); END", False),
        ("BEFORE DELETE ON a WHEN OLD.x BEGIN SELECT RAISE(IGNORE); END", False),
        ("BEFORE DELETE ON a BEGIN SELECT RAISE(ABORT, 'no'); END", False),
        ("BEFORE DELETE ON a BEGIN SELECT 1; SELECT RAISE(IGNORE); END", False),
    ],
)
def test_guards(trigger: str, *, expected: bool) -> None:
    """Only what makes SQLite leave every row alone."""
    found = table(f"CREATE TABLE a (x); CREATE TRIGGER t {trigger}")
    assert is_guard(found.triggers[0]) is expected
