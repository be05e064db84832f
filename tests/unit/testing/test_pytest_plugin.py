"""What projects use in their own tests."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from d1migrate.testing import Template, assert_migrations_safe

ROOT = Path(__file__).parents[3]
HUMMBL = ROOT / "workers" / "migrations"
TESTS = """
import sqlite3

def test_one(migrated_database):
    connection = sqlite3.connect(migrated_database)
    connection.execute("INSERT INTO users (id, email, name, password_hash, created_at, updated_at)"
                       " VALUES ('u', 'e', 'n', 'p', 1, 1)")
    connection.commit()

def test_two(migrated_database):
    assert sqlite3.connect(migrated_database).execute("SELECT count(*) FROM users").fetchone() == (0,)
"""


def test_hummbls_migrations_are_safe() -> None:
    """No finding at all, warnings included."""
    assert_migrations_safe(HUMMBL, strict=True)


def test_unsafe_ones_say_why(tmp_path: Path) -> None:
    """An error of the linter, and a loss that only rows show."""
    (tmp_path / "001_a.sql").write_text("CREATE TABLE a (id INTEGER PRIMARY KEY, n);\nVACUUM;\n")
    with pytest.raises(AssertionError, match="R105"):
        assert_migrations_safe(tmp_path)
    (tmp_path / "001_a.sql").write_text(
        "CREATE TABLE a (id INTEGER PRIMARY KEY);\nCREATE TABLE b (id INTEGER PRIMARY KEY);\n"
        "CREATE TRIGGER t AFTER DELETE ON a BEGIN DELETE FROM b; END;\n"
    )
    (tmp_path / "002_b.sql").write_text("DELETE FROM a WHERE id > 0;\n")
    with pytest.raises(AssertionError, match="b lost 50 of 50 rows"):
        assert_migrations_safe(tmp_path)


def test_copies_are_independent(tmp_path: Path) -> None:
    """What one test writes the next does not see."""
    template = Template(HUMMBL, tmp_path / "template.sqlite")
    first, second = (sqlite3.connect(template.copy(tmp_path / name)) for name in ("1.sqlite", "2.sqlite"))
    first.execute("DROP TABLE sessions")
    first.commit()
    assert second.execute("SELECT count(*) FROM sessions").fetchone() == (0,)
    first.close()
    second.close()


@pytest.mark.slow
@pytest.mark.parametrize("names", ["ini", "d1migrate.toml"])
def test_the_fixture(tmp_path: Path, names: str) -> None:
    """Pytest finds it by itself; the folder is named in its configuration or in the project's."""
    (tmp_path / "test_it.py").write_text(TESTS)
    ini = f"[pytest]\nd1migrate_migrations = {HUMMBL}\n" if names == "ini" else "[pytest]\n"
    (tmp_path / "pytest.ini").write_text(ini)
    if names != "ini":
        (tmp_path / "d1migrate.toml").write_text(f'migrations = "{HUMMBL}"\n')
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "."]
    ran = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert "2 passed" in ran.stdout, ran.stdout


def test_pytest_starts_without_the_engine() -> None:
    """The plugin is imported in every project that has d1migrate installed; it imports nothing else of it."""
    code = "import sys, d1migrate.testing.pytest_plugin; print(*(m for m in sys.modules if 'd1m' in m or m == 'apsw'))"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert shown.split() == ["d1migrate", "d1migrate.testing", "d1migrate.testing.pytest_plugin"]
