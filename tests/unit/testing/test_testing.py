"""d1migrate.testing and the pytest plugin, as a project uses them."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from d1migrate import Migrator, load_migrations
from d1migrate.errors import UsageError
from d1migrate.testing import Template, assert_migrations_safe

pytest_plugins = ["pytester"]

ROOT = Path(__file__).parents[3]
SAFE = ROOT / "workers" / "migrations"
FAMILY = """\
CREATE TABLE IF NOT EXISTS parents (id INTEGER PRIMARY KEY);
CREATE TABLE IF NOT EXISTS children (id INTEGER PRIMARY KEY, parent INTEGER REFERENCES parents(id) ON DELETE CASCADE);
CREATE INDEX IF NOT EXISTS children_parent ON children(parent);
-- Rollback:
-- DROP TABLE children;
-- DROP TABLE parents;
"""
REBUILD = """\
CREATE TABLE parents_new (id INTEGER PRIMARY KEY, name TEXT);
INSERT INTO parents_new (id) SELECT id FROM parents;
DROP TABLE parents;
ALTER TABLE parents_new RENAME TO parents;
"""
# The linter does not look at what triggers delete.
TRIGGER = """\
CREATE TRIGGER parents_gone AFTER DELETE ON parents BEGIN DELETE FROM children WHERE parent IS NULL; END;
-- Rollback:
-- DROP TRIGGER parents_gone;
"""


def folder(path: Path, *migrations: str) -> Path:
    """Write migrations."""
    path.mkdir(exist_ok=True)
    for number, sql in enumerate(migrations, 1):
        (path / f"{number:03}_m.sql").write_text(sql)
    return path


# --- assert_migrations_safe ---


def test_safe_migrations_pass() -> None:
    """Named in any way, and with warnings counted."""
    assert_migrations_safe(SAFE, strict=True)
    assert_migrations_safe(str(SAFE), rows=3)
    assert_migrations_safe(load_migrations(str(SAFE)))


def test_what_the_linter_finds_is_said_as_it_says_it(tmp_path: Path) -> None:
    """The rule, the names, the place in the file, why, and what to do."""
    with pytest.raises(AssertionError) as error:
        assert_migrations_safe(folder(tmp_path, FAMILY, REBUILD))
    lines = str(error.value).splitlines()
    assert "error[D101] drop-deletes-children: DROP TABLE parents deletes the rows of children" in lines
    assert f" --> {tmp_path}/002_m.sql:3:1" in lines
    assert "3 | DROP TABLE parents;" in lines
    assert any(line.startswith("  why: ") for line in lines)
    assert "\x1b" not in str(error.value)


def test_what_only_rows_show_is_said_with_the_table_of_verdicts(tmp_path: Path) -> None:
    """All migrations, what each does to rows, and which are lost."""
    path = folder(
        tmp_path, FAMILY, TRIGGER, "DELETE FROM parents WHERE id < 10;\n-- Rollback: none, they are gone\n"
    )
    with pytest.raises(AssertionError) as error:
        assert_migrations_safe(path, rows=40)
    lines = str(error.value).splitlines()
    assert [line.split()[:3] for line in lines[1:4]] == [
        ["001_m", "no", "loss"],
        ["002_m", "no", "loss"],
        ["003_m", "loses", "rows"],
    ]
    assert any(
        line.startswith("error[X101] rows-lost: children lost ") and " of 40 rows (" in line for line in lines
    )


def test_what_a_file_or_the_caller_allows(tmp_path: Path) -> None:
    """A reason in the file, or another severity, lets it pass; warnings count with `strict`."""
    allowed = f'-- d1migrate: allow=D101 reason="no children yet"\n{REBUILD}'
    assert_migrations_safe(folder(tmp_path, FAMILY, allowed))
    folder(tmp_path, FAMILY, REBUILD)
    assert_migrations_safe(tmp_path, severities={"D101": "warning", "X101": "warning"})
    with pytest.raises(AssertionError, match="X101"):
        assert_migrations_safe(tmp_path, severities={"D101": "off"})
    folder(tmp_path, FAMILY, "DROP TABLE children;\n-- Rollback: none, gone\n")
    assert_migrations_safe(tmp_path)
    with pytest.raises(AssertionError, match="D104"):
        assert_migrations_safe(tmp_path, strict=True)


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    """Is no assertion that failed."""
    with pytest.raises(UsageError, match="nosuch"):
        assert_migrations_safe(tmp_path / "nosuch")


# --- Template ---


def test_a_template_is_migrated_once_and_copied(tmp_path: Path) -> None:
    """A copy has the schema and the history, is nobody else's, and needs no file beside it."""
    template = Template(SAFE, tmp_path / "template.sqlite")
    before = Path(template.path).read_bytes()
    first, second = (template.copy(tmp_path / name) for name in ("1.sqlite", "2.sqlite"))
    assert isinstance(first, str)
    with closing(sqlite3.connect(first)) as connection, connection:
        connection.execute("DROP TABLE sessions")
    migrator = Migrator(f"sqlite:{second}", SAFE)
    assert {entry.state for entry in migrator.status()} == {"applied"}
    assert migrator.verify().ok
    migrator.close()
    assert Path(template.path).read_bytes() == before
    assert [name for name in os.listdir(tmp_path) if name.startswith("template")] == ["template.sqlite"]


def test_a_template_that_cannot_be_made(tmp_path: Path) -> None:
    """Its migrations fail as they do elsewhere."""
    with pytest.raises(Exception, match="no such table: nowhere"):
        Template(folder(tmp_path / "m", "INSERT INTO nowhere VALUES (1);"), tmp_path / "template.sqlite")


# --- the pytest plugin ---

TESTS = """
import sqlite3
from contextlib import closing

def use(path, sql):
    with closing(sqlite3.connect(path)) as connection, connection:
        return connection.execute(sql).fetchall()

def test_one(migrated_database, migrated_template):
    use(migrated_database, "INSERT INTO parents VALUES (1)")
    print("template", migrated_template.path)

def test_two(migrated_database, migrated_template, tmp_path):
    assert use(migrated_database, "SELECT * FROM parents") == []
    assert migrated_database.parent == tmp_path
    print("template", migrated_template.path)
"""


@pytest.fixture
def outer(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """A project with tests, and nothing that says where its migrations are."""
    for name in list(os.environ):
        if name.startswith("D1MIGRATE_"):
            monkeypatch.delenv(name)
    pytester.makepyfile(test_it=TESTS)
    return pytester


@pytest.mark.parametrize("place", ["ini", "toml", "wrangler", "default"])
def test_the_fixture_finds_the_migrations(outer: pytest.Pytester, place: str) -> None:
    """By pytest's setting, by the project's own configuration, by wrangler's, or where they usually are."""
    name = {"default": "migrations"}.get(place, f"sql_{place}")
    folder(outer.path / name, FAMILY)
    outer.makeini(f"[pytest]\nd1migrate_migrations = {name}\n" if place == "ini" else "[pytest]\n")
    if place == "toml":
        (outer.path / "d1migrate.toml").write_text(f'migrations = "{name}"\n')
    if place == "wrangler":
        bindings = (
            f'{{"binding": "DB", "database_name": "db", "database_id": "x", "migrations_dir": "{name}"}}'
        )
        (outer.path / "wrangler.jsonc").write_text(f'{{"d1_databases": [{bindings}]}}')
    outer.runpytest_inprocess("-q").assert_outcomes(passed=2)


def test_the_fixture_finds_nested_migrations(outer: pytest.Pytester) -> None:
    """By the pattern of the project's configuration."""
    (outer.path / "sql").mkdir()
    folder(outer.path / "sql" / "20260101000000_family", FAMILY)
    (outer.path / "d1migrate.toml").write_text("migrations = 'sql'\npattern = '*/*.sql'\n")
    outer.runpytest_inprocess("-q").assert_outcomes(passed=2)


def test_every_test_has_its_own_copy_of_one_template(outer: pytest.Pytester) -> None:
    """Also in a folder below, and in any order."""
    folder(outer.path / "migrations", FAMILY)
    outer.makeini("[pytest]\nd1migrate_migrations = migrations\n")
    outer.mkpydir("below").joinpath("test_below.py").write_text(TESTS)
    ran = outer.runpytest_inprocess("-q", "-s")
    ran.assert_outcomes(passed=4)
    templates = [line.split()[-1] for line in ran.outlines if "template " in line]
    assert len(templates) == 4
    assert len(set(templates)) == 1


def test_migrations_that_are_not_there(outer: pytest.Pytester) -> None:
    """The tests end in an error that names the folder; others run."""
    outer.makepyfile(test_other="def test_other(): pass")
    ran = outer.runpytest_inprocess("-q")
    ran.assert_outcomes(passed=1, errors=2)
    ran.stdout.fnmatch_lines(["*UsageError: *migrations*"])
