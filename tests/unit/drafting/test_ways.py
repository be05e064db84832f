"""Which way a change is made, by the number of rows."""

from __future__ import annotations

import pytest

from d1migrate.drafting import Desired, backfill_of, draft, read
from d1migrate.drafting.ways import Way, costly_changes, ways

BUDGET = 1_000
USERS = "CREATE TABLE users (id INTEGER PRIMARY KEY, email TEXT);"
LINKS = "CREATE TABLE links (id INTEGER PRIMARY KEY, user_id INTEGER REFERENCES users);"
INDEXES = "CREATE INDEX by_email ON users (email); CREATE INDEX by_both ON users (email, id);"


def chosen(current: str, desired: str, rows: int, *backfill: str) -> list[Way]:
    """The ways of the tables that are too big, if all have so many rows."""
    before, after = read(current, file="current.sql").schema, Desired(read(desired, file="schema.sql").schema)
    drafted = draft(before, after, backfill=dict(map(backfill_of, backfill)), allow_drop=["all"])
    assert drafted is not None
    return ways(drafted, before, dict.fromkeys(["users", "links"], rows), BUDGET)


@pytest.mark.parametrize(("indexes", "most"), [("", 500), (INDEXES, 250)])
def test_a_rebuild_is_online_above_its_budget(indexes: str, most: int) -> None:
    """Each index is one entry more for each row."""
    desired = USERS.replace("email TEXT", "email TEXT CHECK (email <> '')")
    assert chosen(USERS + indexes, desired + indexes, most) == []
    (way,) = chosen(USERS + indexes, desired + indexes, most + 1)
    assert (way.table, way.kind, way.swaps) == ("users", "online", True)
    assert way.reason == (
        f"users has more than {most} rows: in one batch, its rebuild would write more than 1,000 entries"
    )


def test_a_parent_is_swapped_as_long_as_the_swap_fits() -> None:
    """DROP TABLE looks into the children of each row; above the budget, only a new column is possible."""
    desired = USERS.replace("email TEXT", "email TEXT CHECK (email <> '')")
    (way,) = chosen(USERS + LINKS, desired + LINKS, 333)
    assert (way.kind, way.swaps) == ("online", True)
    (way,) = chosen(USERS + LINKS, desired + LINKS, 334)
    assert (way.kind, way.swaps, way.rows) == ("expand", False, 334)
    assert way.reason.endswith("and so would the swap of an online rebuild, because of foreign keys to it")


def test_a_filled_column_is_expanded() -> None:
    """ALTER TABLE adds it at once, and the UPDATE that fills it is too big."""
    desired = USERS.replace("email TEXT", "email TEXT, norm TEXT")
    assert chosen(USERS, desired, BUDGET, "users.norm=lower(email)") == []
    (way,) = chosen(USERS, desired, BUDGET + 1, "users.norm=lower(email)")
    assert (way.kind, way.swaps) == ("expand", True)
    assert way.reason == (
        "users has more than 1,000 rows: in one batch, filling norm would write more than 1,000 entries"
    )


def test_what_costs_nothing_per_row() -> None:
    """ALTER TABLE alone, and a table whose rows nobody counted."""
    assert chosen(USERS, USERS.replace("email TEXT", "email TEXT, norm TEXT"), 10**9) == []
    desired = LINKS.replace("INTEGER REFERENCES", "INTEGER NOT NULL REFERENCES")
    before = read(USERS + LINKS, file="current.sql").schema
    drafted = draft(before, read(USERS + desired, file="schema.sql"), backfill={("links", "user_id"): "1"})
    assert drafted is not None
    assert ways(drafted, before, {}, BUDGET) == []
    (change,) = costly_changes(drafted, before)
    assert (change.table, change.per_row, change.swap) == ("links", 2, 0)
    assert change.most_rows(BUDGET) == 501


@pytest.mark.parametrize(
    ("others", "rows", "kinds"),
    [("", BUDGET, []), ("", BUDGET + 1, ["online"]), (LINKS, BUDGET + 1, [])],
)
def test_a_dropped_column_of_a_big_table(others: str, rows: int, kinds: list[str]) -> None:
    """Online, because ALTER TABLE writes each row; by ALTER TABLE if the swap would be too much as well."""
    found = chosen(USERS.replace("email TEXT", "email TEXT, old TEXT") + others, USERS + others, rows)
    assert [way.kind for way in found] == kinds
