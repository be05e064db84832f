"""Two schemas → changes: the fewest, and the cheapest with rows."""

from __future__ import annotations

import pytest

from d1migrate.schema.changes import AddColumn, RebuildTable
from d1migrate.schema.diff import diff
from tests.unit.schema.building import schema

A = "CREATE TABLE a (id INTEGER PRIMARY KEY, x TEXT);"


def changes(current: str, desired: str) -> list[str]:
    """The names of what is done."""
    return [type(change).__name__ for change in diff(schema(current), schema(desired)).changes]


@pytest.mark.parametrize(
    ("current", "desired", "expected"),
    [
        (A, A.lower(), []),
        ("SELECT 1", A, ["Create"]),
        (A, "SELECT 1", ["DropTable"]),
        (A, A.replace("TEXT", "TEXT, y"), ["AddColumn"]),
        (A, A.replace(", x TEXT", ""), ["DropColumn"]),
        (A, A.replace("TEXT", "INTEGER"), ["RebuildTable"]),
        (A, A.replace("TEXT", "TEXT, y AS (x) STORED"), ["RebuildTable"]),  # ALTER cannot add one
        (A, A.replace("TEXT", "TEXT, y DEFAULT (random())"), ["RebuildTable"]),
        (f"{A} CREATE INDEX i ON a (x)", A, ["Drop"]),
        (f"{A} CREATE INDEX i ON a (x)", f"{A} CREATE INDEX i ON a (x DESC)", ["Drop", "Create"]),
        (A, f"{A} CREATE VIEW v AS SELECT 1", ["Create"]),
        (A, "CREATE TABLE a (x TEXT, id INTEGER PRIMARY KEY)", []),  # another order is no difference
    ],
)
def test_the_cheapest_change(current: str, desired: str, expected: list[str]) -> None:
    """A rebuild only if no ALTER does it."""
    assert changes(current, desired) == expected


def test_values_that_rows_need() -> None:
    """They are asked for, and taken from a backfill."""
    current, desired = schema(A), schema(A.replace("TEXT", "TEXT, y NOT NULL"))
    found = diff(current, desired)
    assert [(m.table, m.column, m.is_new) for m in found.missing] == [("a", "y", True)]
    (change,) = diff(current, desired, {("a", "y"): "upper(x)"}).changes
    assert isinstance(change, RebuildTable)
    assert ("y", "upper(x)") in [(column.strip('"'), value) for column, value in change.values]


def test_what_is_lost() -> None:
    """Tables and columns whose values go."""
    lost = diff(schema(f"{A} CREATE TABLE b (x)"), schema(A.replace(", x TEXT", ""))).lost
    assert set(lost) == {("a", "x"), ("b", None)}
    (added,) = diff(schema(A), schema(A.replace("TEXT", "TEXT, y DEFAULT 5"))).changes
    assert isinstance(added, AddColumn)
    assert added.definition == "y DEFAULT 5"
