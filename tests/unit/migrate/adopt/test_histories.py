"""Rows of other tools' histories, read into one shape."""

from __future__ import annotations

from typing import Any

import pytest

from d1migrate.migrate.adopt.histories import Row, stem, tools_in, with_journal

TABLES = {
    "wrangler": ("d1_migrations", "id name applied_at"),
    "drizzle": ("__drizzle_migrations", "id hash created_at"),
    "Prisma": (
        "_prisma_migrations",
        "id checksum finished_at migration_name logs rolled_back_at started_at applied_steps_count",
    ),
    "goose": ("goose_db_version", "id version_id is_applied tstamp"),
    "sqlx": ("_sqlx_migrations", "version description installed_on success checksum execution_time"),
    "Alembic": ("alembic_version", "version_num"),
}


def read(tool: str, *rows: tuple[Any, ...]) -> list[Row]:
    """What a tool's rows say, as its query returns them."""
    table, columns = TABLES.get(tool, ("schema_migrations", {"dbmate": "version"}.get(tool, "version dirty")))
    namesake = () if tool in TABLES else columns.split()
    (found,) = tools_in({table: columns.split()} if tool in TABLES else {}, namesake)
    assert (found.name, found.table) == (tool, table)
    return list(found.read(rows))


@pytest.mark.parametrize(
    ("tool", "rows", "expected"),
    [
        ("wrangler", [("0001_a.sql", 1_790_000_000)], [Row("0001_a.sql", "0001_a", at=1_790_000_000)]),
        ("wrangler", [("a.sql", None)], [Row("a.sql", "a")]),
        ("drizzle", [("abc", 1_790_000_000_000)], [Row("1790000000000", digest="abc")]),
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
        ("Alembic", [("f00",)], [Row("revision f00", "f00", and_before=True)]),
        ("golang-migrate", [(3, 0)], [Row("version 3", number=3, and_before=True)]),
        ("golang-migrate", [(3, 1)], [Row("version 3", number=3, state="failed", and_before=True)]),
        ("dbmate", [("20260101000000",), ("x",)], [Row("20260101000000", number=20260101000000), Row("x")]),
    ],
)
def test_rows(tool: str, rows: list[tuple[Any, ...]], expected: list[Row]) -> None:
    """The name, number or checksum of each migration, when it was applied, and how it ended."""
    assert read(tool, *rows) == expected


def test_tables_that_only_look_like_it() -> None:
    """A tool's table has its columns; wrangler's may have another name."""
    assert tools_in({"d1_migrations": ["id"]}, ()) == ()
    (found,) = tools_in({"mine": ["id", "name", "applied_at"]}, (), wrangler=["mine"])
    assert (found.name, found.table) == ("wrangler", "mine")
    assert found.query().sql.count('"mine"') == 1


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
    ],
)
def test_the_part_that_names_a_migration(name: str, expected: str) -> None:
    """The file, or the folder of a `migration.sql`."""
    assert stem(name) == expected
