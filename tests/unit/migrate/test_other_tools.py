"""The history tables of other tools."""

from __future__ import annotations

import apsw
import pytest

from d1migrate.migrate.other_tools import is_of_another_tool, owner_of, without_histories
from d1migrate.schema.model import Schema, Table
from tests.unit.schema.building import read, schema

SHAPE = "SELECT name, type, pk, \"notnull\", dflt_value FROM pragma_table_info('schema_migrations')"
SQL = "CREATE TABLE users (id INTEGER PRIMARY KEY); CREATE VIEW v AS SELECT id FROM users;"


def test_history_tables_are_left_out() -> None:
    """The usual ones, and those that are named, in any letter case; tables asked for by name stay."""
    whole = schema(f"{SQL} CREATE TABLE d1_migrations (id); CREATE TABLE Mine (id)")
    found = without_histories(whole, "mINE", None)
    assert [table.name for table in found.tables] == ["users"]
    kept = without_histories(whole, "mine", keep=["D1_migrations"])
    assert sorted(table.name for table in kept.tables) == ["d1_migrations", "users"]


@pytest.mark.parametrize(
    ("columns", "stays"),
    [("version varchar(128) PRIMARY KEY", False), ("version TEXT PRIMARY KEY, checksum TEXT", True)],
)
def test_a_history_with_the_name_of_ours_is_left_out(columns: str, *, stays: bool) -> None:
    """Not so an application's own table: a file creates it."""
    table = Table("Schema_Migrations", "", schema(f"CREATE TABLE x ({columns})").tables[0].columns)
    assert bool(without_histories(Schema((table,))).tables) is stays


@pytest.mark.parametrize(
    ("columns", "owner"),
    [
        ("version INTEGER PRIMARY KEY, name TEXT NOT NULL, applied_at INTEGER NOT NULL", "d1migrate"),
        ("Version integer primary key, NAME, applied_at", "d1migrate"),
        (
            "version INTEGER PRIMARY KEY, name TEXT, applied_at INTEGER, extra NOT NULL DEFAULT ''",
            "d1migrate",
        ),
        ("version varchar(128) primary key", "dbmate"),
        ("version varchar(255) primary key", "dbmate"),
        ("version uint64, dirty bool", "golang-migrate"),
        ("version varchar NOT NULL PRIMARY KEY", "Rails"),
        ("version varchar(255) NOT NULL", "Rails"),  # before 5.0, with a unique index
        ("version TEXT PRIMARY KEY", "application"),
        ("version varchar(9)", "application"),
        ("version INTEGER PRIMARY KEY", "application"),
        ("filename varchar(255) PRIMARY KEY", "application"),
        ("id INTEGER PRIMARY KEY, version INTEGER, name TEXT, applied_at INTEGER", "application"),
        (  # an INSERT of ours would fail
            "version INTEGER PRIMARY KEY, name TEXT NOT NULL, applied_at INTEGER NOT NULL, checksum TEXT NOT NULL",
            "application",
        ),
        (
            "version TEXT PRIMARY KEY, checksum TEXT, execution_time_ms INTEGER, applied_at TEXT",
            "application",
        ),
    ],
)
def test_whose_a_table_with_the_name_of_ours_is(columns: str, owner: str) -> None:
    """Four tools use the name, and applications do: the columns differ, and only ours is hidden."""
    connection = apsw.Connection(":memory:")
    connection.execute(f"CREATE TABLE schema_migrations ({columns})")
    assert owner_of(list(connection.execute(SHAPE))) == owner
    assert bool(read(connection).tables) is (owner != "d1migrate")


@pytest.mark.parametrize(
    ("table", "expected"),
    [("kysely_migration", True), ("KYSELY_migration_lock", True), ("migrations", False), ("users", False)],
)
def test_what_a_tool_keeps_beside_its_history(table: str, *, expected: bool) -> None:
    """A lock is not an application's table, either."""
    assert is_of_another_tool(table) is expected
