"""The history tables of other tools."""

from __future__ import annotations

from d1migrate.migrate.other_tools import without_histories
from tests.unit.schema.building import schema

SQL = "CREATE TABLE users (id INTEGER PRIMARY KEY); CREATE VIEW v AS SELECT id FROM users;"


def test_history_tables_are_left_out() -> None:
    """The usual ones, and those that are named, in any letter case; tables asked for by name stay."""
    whole = schema(f"{SQL} CREATE TABLE d1_migrations (id); CREATE TABLE Mine (id)")
    found = without_histories(whole, "mINE", None)
    assert [table.name for table in found.tables] == ["users"]
    kept = without_histories(whole, "mine", keep=["D1_migrations"])
    assert sorted(table.name for table in kept.tables) == ["d1_migrations", "users"]
