"""Shapes of history tables, by their columns, and what stops d1migrate from writing to a table of names."""

from __future__ import annotations

from contextlib import closing

import pytest

from d1migrate.drivers.sqlite import SqliteDriver
from d1migrate.migrate.survey import Survey, problems_of_names
from d1migrate.migrate.table import LOG_TABLE, NameTable
from d1migrate.migrate.table_choice import USUAL
from d1migrate.migrate.table_decision import queries
from d1migrate.sql.batch import Batch, Query

VERSIONS = "schema_migrations (version INTEGER PRIMARY KEY, name TEXT, applied_at INTEGER)"
NAMES = "d1_migrations (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT UNIQUE, applied_at TEXT)"


def survey(*tables: str) -> Survey:
    """What is found in a database with these tables."""
    with closing(SqliteDriver(":memory:", url="sqlite::memory:")) as driver:
        driver.batch(Batch([Query("SELECT 1"), *(Query(f"CREATE TABLE {table}") for table in tables)]))
        columns, unique = driver.batch(Batch(queries(USUAL), reads=True))
        return Survey.of(columns.rows, unique.rows)


def test_shapes() -> None:
    """By the columns, not by the name alone."""
    found = survey(VERSIONS, NAMES, f"{LOG_TABLE} (id, token)")
    assert found.is_versions("schema_migrations")
    assert found.is_names("D1_Migrations")
    assert not found.is_names("schema_migrations")
    assert not found.is_log(LOG_TABLE)
    assert not survey().is_versions("schema_migrations")
    assert not survey("schema_migrations (version TEXT, file TEXT)").is_versions("schema_migrations")


@pytest.mark.parametrize(
    ("columns", "row", "problem"),
    [
        ("id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT UNIQUE, applied_at", (1, "a.sql"), None),
        ("id INTEGER PRIMARY KEY, name TEXT, applied_at", (1, "a.sql"), "its names are not unique"),
        ("id INTEGER PRIMARY KEY, name TEXT UNIQUE, applied_at", (1, None), "1 of its rows have no name"),
        (
            "id INTEGER PRIMARY KEY, name TEXT UNIQUE, applied_at",
            (1, "a"),
            "1 of its rows do not name a file",
        ),
    ],
)
def test_problems_of_a_table_of_names(columns: str, row: tuple[object, ...], problem: str | None) -> None:
    """Each with what mends it."""
    found = list(problems_of_names(survey(f"d1_migrations ({columns})"), NameTable(), [row]))
    assert [problem] == [why[: len(problem)] for why, fix in found if fix] if problem else found == []
