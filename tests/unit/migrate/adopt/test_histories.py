"""Rows of other tools' histories, read into one shape."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import pytest

from d1migrate.migrate.adopt.histories import Row, stem, tools_in, with_journal

if TYPE_CHECKING:
    from d1migrate.migrate.other_tools import Owner

TABLES = {
    "wrangler": ("d1_migrations", "id name applied_at"),
    "NuxtHub": ("_hub_migrations", "id name applied_at"),
    "Payload": ("payload_migrations", "id name batch updated_at created_at"),
    "Kysely": ("kysely_migration", "name timestamp"),
    "Knex": ("knex_migrations", "id name batch migration_time"),
    "drizzle": ("__drizzle_migrations", "id hash created_at"),
    "Prisma": (
        "_prisma_migrations",
        "id checksum finished_at migration_name logs rolled_back_at started_at applied_steps_count",
    ),
    "goose": ("goose_db_version", "id version_id is_applied tstamp"),
    "sqlx": ("_sqlx_migrations", "version description installed_on success checksum execution_time"),
    "Django": ("django_migrations", "id app name applied"),
    "Alembic": ("alembic_version", "version_num"),
}


def read(tool: str, *rows: tuple[Any, ...]) -> list[Row]:
    """What a tool's rows say, as its query returns them."""
    if tool in TABLES:
        table, columns = TABLES[tool]
        (found,) = tools_in({table: columns.split()}, None)
    else:
        table = "schema_migrations"
        (found,) = tools_in({}, cast("Owner", tool))
    assert (found.name, found.table) == (tool, table)
    return list(found.read(rows))


@pytest.mark.parametrize(
    ("tool", "rows", "expected"),
    [
        ("wrangler", [("0001_a.sql", 1_790_000_000)], [Row("0001_a.sql", "0001_a", at=1_790_000_000)]),
        ("wrangler", [("a.sql", None)], [Row("a.sql", "a")]),
        ("NuxtHub", [("0001_a", 1_790_000_000)], [Row("0001_a", "0001_a", at=1_790_000_000)]),
        (
            "Payload",
            [("20260101_120000_a", 1_790_000_000)],
            [Row("20260101_120000_a", "20260101_120000_a", at=1_790_000_000)],
        ),
        ("Kysely", [("0001_a", 1_790_000_000)], [Row("0001_a", "0001_a", at=1_790_000_000)]),
        ("Knex", [("0001_a.js", 1_790_000_000_123)], [Row("0001_a.js", "0001_a", at=1_790_000_000)]),
        ("drizzle", [("abc", 1_790_000_000_000, None, None)], [Row("1790000000000", digest="abc")]),
        (  # since 1.0
            "drizzle",
            [("abc", 1_790_000_000_000, "2026_a", 1_790_000_009)],
            [Row("2026_a", "2026_a", digest="abc", at=1_790_000_009)],
        ),
        (
            "Prisma",
            [("2026_a", "abc", 1_790_000_000_123, None), ("2027_b", "def", None, None)],
            [
                Row("2026_a", "2026_a", digest="abc", at=1_790_000_000),
                Row("2027_b", "2027_b", digest="def", state="failed"),
            ],
        ),
        # rolled back, and applied again
        (
            "Prisma",
            [("a", "x", None, 5), ("a", "y", 1_790_000_000, None)],
            [Row("a", "a", digest="y", at=1_790_000_000)],
        ),
        ("Prisma", [("a", "x", None, 5)], [Row("a", "a", digest="x", state="rolled back")]),
        (
            "goose",
            [(0, 1, 1), (1, 1, 1_790_000_000), (2, 1, 2), (2, 0, 3)],
            [
                Row("version 1", number=1, at=1_790_000_000),
                Row("version 2", number=2, at=3, state="rolled back"),
            ],
        ),
        (
            "sqlx",
            [(1, "add users", 5, 1, "AB"), (2, "b", 6, 0, "CD")],
            [
                Row("1_add_users", "1_add_users", digest="ab", at=5),
                Row("2_b", "2_b", digest="cd", at=6, state="failed"),
            ],
        ),
        (
            "Django",
            [("auth", "0001_initial", 5), ("shop", "0001_initial", 6), ("shop", "0002_b", 7)],
            [
                Row("auth.0001_initial", "auth_0001_initial", at=5),
                Row("shop.0001_initial", "shop_0001_initial", at=6),
                Row("shop.0002_b", "shop_0002_b", at=7, other_name="0002_b"),
            ],
        ),
        ("Alembic", [("f00",)], [Row("revision f00", "f00", and_before=True)]),
        ("golang-migrate", [(3, 0)], [Row("version 3", number=3, and_before=True)]),
        ("golang-migrate", [(3, 1)], [Row("version 3", number=3, state="failed", and_before=True)]),
        ("dbmate", [("20260101000000",), ("x",)], [Row("20260101000000", number=20260101000000), Row("x")]),
        ("Rails", [("20260101000000",)], [Row("20260101000000", number=20260101000000)]),
    ],
)
def test_rows(tool: str, rows: list[tuple[Any, ...]], expected: list[Row]) -> None:
    """The name, number or checksum of each migration, when it was applied, and how it ended."""
    assert read(tool, *rows) == expected


def test_tables_that_only_look_like_it() -> None:
    """A tool's table has its columns; wrangler's may have another name."""
    assert tools_in({"d1_migrations": ["id"]}, None) == ()
    (found,) = tools_in({"mine": ["id", "name", "applied_at"]}, None, wrangler=["mine"])
    assert (found.name, found.table) == ("wrangler", "mine")
    assert found.query().sql.count('"mine"') == 1


def test_a_table_is_read_once() -> None:
    """NuxtHub names its table in the configuration that it writes for wrangler; drizzle 1.0 adds columns."""
    tables = {
        "_hub_migrations": ["id", "name", "applied_at"],
        "__drizzle_migrations": ["id", "hash", "created_at", "name", "applied_at"],
    }
    found = tools_in(tables, None, wrangler=["_hub_migrations", "d1_migrations"])
    assert [tool.name for tool in found] == ["NuxtHub", "drizzle"]
    assert "applied_at" in found[1].query().sql


def test_a_table_with_the_name_of_ours() -> None:
    """The rows of an application there are not read as a history."""
    assert tools_in({"schema_migrations": ["version"]}, "application") == ()
    assert tools_in({"schema_migrations": ["version"]}, "d1migrate") == ()


def test_drizzles_journal_names_its_rows() -> None:
    """By the time at which a migration was written."""
    rows = [Row("1790", digest="x"), Row("1791", digest="y")]
    assert with_journal(rows, {"1790": "0000_a"}) == (Row("0000_a", "0000_a", digest="x"), rows[1])


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("001_a.sql", "001_a"),
        ("2026_a/migration.sql", "2026_a"),
        ("x/001_a.sql", "001_a"),
        ("migration.sql", "migration"),
        ("20260101_a.mjs", "20260101_a"),
        ("a.ts.sql", "a.ts"),
    ],
)
def test_the_part_that_names_a_migration(name: str, expected: str) -> None:
    """The file, or the folder of a `migration.sql`."""
    assert stem(name) == expected
