"""A schema taken apart, finely enough that two files may each have made half of a table."""

from __future__ import annotations

import pytest

from d1migrate.migrate.adopt.facts import FactKey, changes, facts
from tests.unit.schema.building import catalog, schema

SQL = """
CREATE TABLE Users (Id INTEGER PRIMARY KEY, name TEXT CHECK (name <> ''), UNIQUE (name)) STRICT;
CREATE INDEX By_Name ON users (name); CREATE VIEW v AS SELECT 1;
CREATE TRIGGER t AFTER INSERT ON users BEGIN SELECT 1; END;
CREATE VIRTUAL TABLE s USING fts5(body);
"""


def test_every_part_is_a_fact() -> None:
    """The table itself has only its options."""
    found = facts(schema(SQL))
    kinds = sorted((key.kind, key.name if key.kind != "constraint" else "…", key.table) for key in found)
    assert kinds == [
        ("column", "id", "users"),
        ("column", "name", "users"),
        *[("constraint", "…", "users")] * sum(key.kind == "constraint" for key in found),
        ("index", "by_name", ""),
        ("table", "s", ""),
        ("table", "users", ""),
        ("trigger", "t", ""),
        ("view", "v", ""),
    ]
    assert found[FactKey("table", "users")] == "STRICT"


@pytest.mark.parametrize(
    "sql",
    [
        SQL.replace("Id INTEGER PRIMARY KEY, name TEXT", "name TEXT").replace(
            ", UNIQUE", ", Id INTEGER PRIMARY KEY, UNIQUE"
        ),
        SQL.replace("Users", '"users"').replace("  ", " "),
    ],
)
def test_order_and_spelling_are_no_facts(sql: str) -> None:
    """A column that was added later is the last one, and means the same."""
    assert facts(schema(sql)) == facts(schema(SQL))


def test_what_a_migration_changes() -> None:
    """New facts, and None for dropped ones; tables that reference a changed key are among them."""
    before = catalog(
        "CREATE TABLE p (a PRIMARY KEY, b); CREATE TABLE c (x REFERENCES p); CREATE VIEW v AS SELECT 1"
    )
    after = catalog("CREATE TABLE p (a, b PRIMARY KEY); CREATE TABLE c (x REFERENCES p); CREATE TABLE d (y)")
    found = changes(before, after)
    assert found[FactKey("view", "v")] is None
    assert found[FactKey("column", "y", "d")] is not None
    assert {key.table or key.name for key in found} == {"p", "c", "d", "v"}
    assert changes(before, before) == {}


def test_names_for_a_reader() -> None:
    """A column with its table, a constraint after it."""
    assert FactKey("column", "x", "a").shown == "a.x"
    assert FactKey("constraint", "CHECK (x)", "a").shown == "a: CHECK (x)"
    assert FactKey("view", "v").shown == "v"
