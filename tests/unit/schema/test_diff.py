"""Two schemas → changes: the fewest, and the cheapest with rows."""

from __future__ import annotations

import pytest

from d1migrate.schema.changes import AddColumn, RebuildTable
from d1migrate.schema.diff import diff
from d1migrate.sql.create import parse_table
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
        (A, A.replace("TEXT", "TEXT, y, FOREIGN KEY (y) REFERENCES a (id)"), ["AddColumn"]),
        (A, A.replace("TEXT", "TEXT, y, CHECK (y > 1)"), ["AddColumn"]),
        (A, A.replace("TEXT", "TEXT, y, CHECK (y > id)"), ["RebuildTable"]),
        (A, A.replace("TEXT", "TEXT, y, FOREIGN KEY (x) REFERENCES a (id)"), ["RebuildTable"]),
        (f"{A} CREATE INDEX i ON a (x)", A, ["Drop"]),
        (f"{A} CREATE INDEX i ON a (x)", f"{A} CREATE INDEX i ON a (x DESC)", ["Drop", "Create"]),
        (A, f"{A} CREATE VIEW v AS SELECT 1", ["Create"]),
        (A, "CREATE TABLE a (x TEXT, id INTEGER PRIMARY KEY)", []),  # another order is no difference
    ],
)
def test_the_cheapest_change(current: str, desired: str, expected: list[str]) -> None:
    """A rebuild only if no ALTER does it."""
    assert changes(current, desired) == expected


@pytest.mark.parametrize(
    ("same", "expected"),
    [
        ("CREATE TABLE c (a REFERENCES a)", ["RebuildTable", "RebuildTable"]),
        ("CREATE TABLE c (a REFERENCES a (id))", ["RebuildTable"]),
        ('CREATE VIEW v AS SELECT "y" FROM a', ["Drop", "RebuildTable", "Create"]),
        ('CREATE VIEW v AS SELECT "x" FROM a', ["RebuildTable"]),
    ],
)
def test_the_same_sql_may_mean_something_else(same: str, expected: list[str]) -> None:
    """If the primary key that REFERENCES implies changes, or what `"…"` refers to."""
    desired = "CREATE TABLE a (id INTEGER UNIQUE, x TEXT, y TEXT PRIMARY KEY);"
    assert changes(f"{A} {same}", f"{desired} {same}") == expected


def test_a_table_with_the_same_sql_is_not_parsed() -> None:
    """So a diff of hundreds of tables costs what differs."""
    many = [f"CREATE TABLE t{i} (id INTEGER PRIMARY KEY, p REFERENCES t{i} (id));" for i in range(50)]
    current, desired = (
        schema(f"{A} {' '.join(many)}"),
        schema(f"{A.replace('TEXT', 'TEXT, y')} {' '.join(many)}"),
    )
    parse_table.cache_clear()
    assert len(diff(current, desired).changes) == 1
    assert parse_table.cache_info().misses == 2


def test_tables_are_dropped_after_those_that_reference_them() -> None:
    """Whatever their order in the schema; in a circle the first one is first."""
    line = "CREATE TABLE p (id INTEGER PRIMARY KEY, p REFERENCES p); CREATE TABLE c (p REFERENCES p);"
    circle = "CREATE TABLE x (y REFERENCES y); CREATE TABLE y (x REFERENCES x);"
    dropped = diff(schema(f"{line} {circle}"), schema(A)).lost
    assert [table for table, _ in dropped] == ["c", "p", "x", "y"]


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


@pytest.mark.parametrize("key", ["INTEGER NOT NULL PRIMARY KEY", "INTEGER PRIMARY KEY NOT NULL"])
def test_the_rowid_is_never_null(key: str) -> None:
    """NOT NULL says nothing of it, in the column or beside a key after the columns; of another key it does."""
    bare = schema("CREATE TABLE t (id INTEGER PRIMARY KEY, a)")
    for said in (f"id {key}, a", "id INTEGER NOT NULL, a, PRIMARY KEY (id)"):
        other = schema(f"CREATE TABLE t ({said})")
        assert not diff(bare, other).changes
        assert not diff(other, bare).changes
    texts = (
        schema("CREATE TABLE t (id TEXT PRIMARY KEY)"),
        schema("CREATE TABLE t (id TEXT PRIMARY KEY NOT NULL)"),
    )
    assert diff(*texts).changes
