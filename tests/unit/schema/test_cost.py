"""What a batch costs, table by table."""

from __future__ import annotations

import pytest

from d1migrate.schema.cost import (
    drop_cost,
    is_over,
    long_columns,
    rebuild_costs,
    separate_indexes,
    touched_indexes,
)
from tests.unit.schema.building import catalog, table

_USERS = "CREATE TABLE users (id INTEGER PRIMARY KEY, email TEXT UNIQUE, n INT, bio TEXT AS (email))"
_CHILD = "CREATE TABLE child (id INTEGER PRIMARY KEY, user_id REFERENCES users)"


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        (_USERS, 1),
        (f"{_USERS}; CREATE INDEX users_n ON users (n)", 2),
        ("CREATE TABLE t (a TEXT PRIMARY KEY, b UNIQUE) WITHOUT ROWID", 1),
    ],
)
def test_the_key_of_a_table_without_rowids_is_no_separate_index(sql: str, expected: int) -> None:
    """It is the table."""
    assert separate_indexes(table(sql)) == expected


@pytest.mark.parametrize(
    ("columns", "expected"),
    [({"n"}, 1), ({"email"}, 3), ({"id"}, 4), ({"other"}, 0)],
    ids=lambda value: "-".join(value) if isinstance(value, set) else "",
)
def test_an_index_is_touched_if_it_uses_a_column(columns: set[str], expected: int) -> None:
    """Also in an expression, or in its WHERE; and every index holds the key."""
    users = table(
        f"{_USERS}; CREATE INDEX a ON users (n); CREATE INDEX b ON users (lower(email));"
        " CREATE INDEX c ON users (id) WHERE email IS NOT NULL"
    )
    assert touched_indexes(users, columns) == expected


def test_a_rebuild_copies_twice_and_looks_into_every_child() -> None:
    """A child whose foreign key has no index gets one meanwhile."""
    found = catalog(f"{_USERS}; {_CHILD}")
    users = found.tables["users"]
    assert drop_cost(users, found) == 3
    assert rebuild_costs(users, users, found) == {"users": 2 + 1 + 3, "child": 1}
    indexed = catalog(f"{_USERS}; {_CHILD}; CREATE INDEX child_user ON child (user_id)")
    assert rebuild_costs(users, users, indexed) == {"users": 6}


def test_generated_columns_and_numbers_are_not_long() -> None:
    """Only what is stored, and may be a text or a blob."""
    assert long_columns(table(_USERS)) == ["email"]


def test_without_a_number_or_a_limit_nothing_is_over() -> None:
    """A file has no budget, and a table may not be counted."""
    assert is_over(51, 50)
    assert not is_over(50, 50)
    assert not is_over(None, 50)
    assert not is_over(51, None)
