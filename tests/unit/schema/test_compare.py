"""Two schemas, object by object."""

from __future__ import annotations

import pytest

from d1migrate.schema.compare import compare
from tests.unit.schema.building import schema


@pytest.mark.parametrize(
    ("expected", "actual", "differences"),
    [
        ("CREATE TABLE a (x)", "create table A ( x )", []),
        ("CREATE TABLE a (x)", "SELECT 1", ["table a missing"]),
        ("SELECT 1", "CREATE TABLE a (x)", ["table a extra"]),
        ("CREATE TABLE a (x)", "CREATE TABLE a (x, y)", ["column a.y extra"]),
        ("CREATE TABLE a (x, y)", "CREATE TABLE a (x)", ["column a.y missing"]),
        ("CREATE TABLE a (x INT)", "CREATE TABLE a (x TEXT)", ["column a.x different"]),
        ("CREATE TABLE a (x)", "CREATE TABLE a (x NOT NULL)", ["column a.x different"]),
        # what no column shows
        ("CREATE TABLE a (x)", "CREATE TABLE a (x CHECK (x > 0))", ["table a different"]),
        ("CREATE TABLE a (x ANY)", "CREATE TABLE a (x ANY) STRICT", ["table a different"]),
        # what no column shows, beside a column that differs
        ("CREATE TABLE a (x)", "CREATE TABLE a (x UNIQUE, y)", ["column a.y extra", "table a different"]),
        (
            "CREATE TABLE a (x)",
            "CREATE TABLE a (x UNIQUE NOT NULL)",
            ["column a.x different", "table a different"],
        ),
        (
            "CREATE TABLE a (x, z)",
            "CREATE TABLE a (x COLLATE nocase, z TEXT)",
            ["column a.z different", "table a different"],
        ),
        ("CREATE TABLE a (x)", "CREATE TABLE a (x, y CHECK (y > 0) UNIQUE)", ["column a.y extra"]),
        ("CREATE TABLE a (x, y, UNIQUE (x, y))", "CREATE TABLE a (x)", ["column a.y missing"]),
        (
            "CREATE TABLE p (id INTEGER PRIMARY KEY); CREATE TABLE a (x, y)",
            "CREATE TABLE p (id INTEGER PRIMARY KEY); CREATE TABLE a (x REFERENCES p, y TEXT)",
            ["column a.y different", "foreign key a(x) extra"],
        ),
        (
            "CREATE TABLE p (id INTEGER PRIMARY KEY); CREATE TABLE a (x REFERENCES p)",
            "CREATE TABLE p (id INTEGER PRIMARY KEY); CREATE TABLE a (x REFERENCES p ON DELETE CASCADE)",
            ["foreign key a(x) different"],
        ),
        (
            "CREATE TABLE a (x); CREATE INDEX i ON a (x)",
            "CREATE TABLE a (x); CREATE INDEX i ON a (x DESC); CREATE INDEX j ON a (x)",
            ["index i different", "index j extra"],
        ),
        (
            "CREATE TABLE a (x); CREATE TRIGGER t AFTER INSERT ON a BEGIN SELECT 1; END",
            "CREATE TABLE a (x)",
            ["trigger t missing"],
        ),
        ("CREATE VIEW v AS SELECT 1", "CREATE VIEW v AS SELECT 2", ["view v different"]),
    ],
)
def test_differences(expected: str, actual: str, differences: list[str]) -> None:
    """The smallest object that shows the difference."""
    found = compare(schema(expected), schema(actual))
    assert [f"{d.kind} {d.name} {d.problem}" for d in found] == differences
    back = {"missing": "extra", "extra": "missing", "different": "different"}
    other = compare(schema(actual), schema(expected))
    assert sorted((d.kind, back[d.problem]) for d in other) == sorted((d.kind, d.problem) for d in found)
