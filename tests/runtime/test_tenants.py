"""The check of a fleet finds what it is there to find."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from d1migrate import connect
from tests.runtime import tenants

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    """Three tenants at the second of three migrations."""
    original = tenants.template(tmp_path / "original.db", tenants.write(tmp_path / "two", 2))
    return tenants.copies(original, tmp_path / "tenants", 3)


def test_tenants_that_are_migrated(tmp_path: Path, files: list[Path]) -> None:
    """All at the same migration, whichever they started from; but not if one was left out."""
    migrations = tenants.write(tmp_path / "three", 3)
    tenants.check(files, 2)
    for file in files[1:]:
        tenants.apply(connect(f"sqlite:{file}"), migrations)
    with pytest.raises(AssertionError, match=r"(?s)1 tenants:.*t00000.db: the migrations ran as"):
        tenants.check(files, 3)
    tenants.apply(connect(f"sqlite:{files[0]}"), migrations)
    tenants.check(files, 3)


@pytest.mark.parametrize(
    ("sql", "complaint"),
    [
        ("INSERT INTO ran VALUES ('t2')", "the migrations ran as"),
        ("DELETE FROM schema_migrations WHERE version = 2", "the table records"),
        ("DELETE FROM d1migrate_log WHERE version = 2 AND event = 'done'", "the log has"),
        ("UPDATE d1migrate_log SET token = event WHERE version = 2", "what began did not end"),
        ("CREATE TABLE left_over (a)", "the tables are"),
        ("DROP INDEX t2_a", "2 schemas: .*t2_a"),
    ],
)
def test_what_is_wrong_with_one(files: list[Path], sql: str, complaint: str) -> None:
    """Twice, not recorded, cut in half, something left over, another schema."""
    with closing(sqlite3.connect(files[1])) as connection:
        connection.execute(sql)
        connection.commit()
    with pytest.raises(AssertionError, match=complaint):
        tenants.check(files, 2)


def test_a_log_that_was_not_written_back(files: list[Path]) -> None:
    """What another process committed is read, though it has the file open."""
    with closing(sqlite3.connect(files[0])) as connection:
        connection.execute("INSERT INTO ran VALUES ('t2')")
        connection.commit()
        assert tenants.look(files[0]).ran == ("t1", "t2", "t2")
