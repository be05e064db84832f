"""`baseline DESCRIPTION`: the first file of a database that began without any."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from d1migrate.drivers.sqlite import SqliteDriver
from d1migrate.errors import HistoryError
from d1migrate.migrator import Migrator
from d1migrate.project.files import load_migrations
from d1migrate.schema.compare import compare
from d1migrate.sql.batch import Batch, Query
from tests.runtime.workerd import ROOT, WorkerdDriver

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.project import Project
    from tests.runtime.workerd import Workerd

SCHEMA = """\
CREATE TABLE "order items" (id INTEGER PRIMARY KEY AUTOINCREMENT, -- note; with a semicolon
  sku TEXT NOT NULL COLLATE NOCASE, price REAL CHECK (price > 0), twice AS (price * 2) STORED,
  shop_id INTEGER REFERENCES shops(id) ON DELETE SET NULL DEFERRABLE INITIALLY DEFERRED);
CREATE TABLE shops (id INTEGER PRIMARY KEY, name TEXT UNIQUE, note TEXT DEFAULT 'it''s') STRICT;
CREATE TABLE pairs (a, b, PRIMARY KEY (a, b)) WITHOUT ROWID;
CREATE VIRTUAL TABLE words USING fts5(text, content='shops', content_rowid='id');
CREATE UNIQUE INDEX idx_sku ON "order items"(sku, lower(sku)) WHERE price > 1;
CREATE VIEW cheap AS SELECT * FROM "order items" WHERE price < 10;
CREATE VIEW a_view_of_a_view AS SELECT sku FROM cheap;
CREATE TRIGGER shops_ai AFTER INSERT ON shops BEGIN
  INSERT INTO words(rowid, text) VALUES (new.id, CASE WHEN new.name IS NULL THEN '' ELSE new.name END);
END;
CREATE TRIGGER cheap_del INSTEAD OF DELETE ON cheap BEGIN DELETE FROM "order items" WHERE id = old.id; END;
CREATE TABLE d1_migrations (id INTEGER PRIMARY KEY, name TEXT, applied_at TIMESTAMP);
"""


def live(project: Project) -> None:
    """A database that has a bit of everything, and no history."""
    with closing(SqliteDriver(str(project.database), url="sqlite:app.db")) as driver:
        driver.batch(Batch([Query(part) for part in SCHEMA.split(";\nCREATE ")[:1]]))
        rest = SCHEMA.split(";\nCREATE ")[1:]
        driver.batch(Batch([Query("CREATE " + part.rstrip().removesuffix(";")) for part in rest]))


def test_one_file_builds_the_same_again(project: Project) -> None:
    """It is recorded as applied, `verify` agrees, and a new database built from it compares equal."""
    project.migrations.rmdir()
    live(project)
    assert project.run("baseline", "As found").out == "migrations/001_as_found.sql\n"
    text = (project.migrations / "001_as_found.sql").read_text()
    assert text.startswith("-- Migration: 001_as_found\n-- Description: As found\n-- Created: 20")
    assert "d1_migrations" not in text
    assert text.endswith(
        "ON CONFLICT(version) DO NOTHING;\n\n-- Rollback: none, the database existed before\n"
    )
    assert project.states() == {1: "applied"}
    assert project.run("verify", "--check").out == "files, history and schema agree\n"
    with (
        Migrator("sqlite:app.db", "migrations") as old,
        Migrator("sqlite:new.db", "migrations") as new,
    ):
        new.up()
        found = compare(old.schema(), new.schema())
        assert found == ()
    project.run("new", "next")
    assert (project.migrations / "002_next.sql").exists()


def test_djangos_history_is_in_the_file(project: Project) -> None:
    """Migrations for Django's models write to it, on databases that are built from the files, too."""
    live(project)
    with closing(sqlite3.connect(project.database)) as database, database:
        database.execute("CREATE TABLE django_migrations (id INTEGER PRIMARY KEY, app, name, applied)")
        database.execute("CREATE TABLE alembic_version (version_num)")
    text = project.run("baseline", "As found", "--dry-run").out
    assert "CREATE TABLE django_migrations (" in text
    assert "alembic_version" not in text
    project.run("baseline", "As found")
    assert project.run("verify", "--check").out == "files, history and schema agree\n"


def test_a_dry_run_prints_it(project: Project) -> None:
    """Neither a file nor a record."""
    live(project)
    before = project.database.read_bytes()
    assert "CREATE VIRTUAL TABLE words" in project.run("baseline", "as found", "--dry-run").out
    assert list(project.migrations.iterdir()) == []
    assert project.database.read_bytes() == before


def test_where_it_is_not_the_thing_to_do(project: Project) -> None:
    """With files, with a history, with nothing to write down; and one of two forms is to be chosen."""
    assert "has no tables and no views" in project.run("baseline", "as found", code=1).err
    live(project)
    assert "either DESCRIPTION or --to MIGRATION" in project.run("baseline", code=2).err
    project.run("baseline", "x", "--to", "1", code=2)
    project.run("baseline", "as found")
    assert "already has files" in project.run("baseline", "again", code=2).err
    (project.migrations / "001_as_found.sql").unlink()
    assert (
        "1 migrations are already recorded, up to 001_as_found"
        in project.run("baseline", "again", code=1).err
    )


def test_a_changed_database_leaves_no_file(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """If recording fails, the file is removed again."""
    live(project)

    def change(self: Migrator, *arguments: object) -> None:
        raise HistoryError("changed")

    monkeypatch.setattr(Migrator, "record_baseline", change)
    project.run("baseline", "as found", code=1)
    assert list(project.migrations.iterdir()) == []


def test_the_index_is_kept(project: Project) -> None:
    """With `index = …` the module holds the file."""
    live(project)
    (project.folder / "d1migrate.toml").write_text('index = "index.py"\n')
    project.run("baseline", "as found")
    assert "001_as_found.sql" in (project.folder / "index.py").read_text()


def test_hummbls_live_schema_on_real_d1(workerd: Workerd, tmp_path: Path) -> None:
    """Written down from one D1 and applied to another, it compares equal; the race is lost, not won."""
    migrations = load_migrations(str(ROOT / "workers" / "migrations"))
    driver = WorkerdDriver(workerd, workerd.database())
    sql = [s.sql for m in migrations for s in m.statements() if "schema_migrations" not in s.sql]
    driver.batch(Batch(list(map(Query, sql))))
    old = Migrator(driver, ())
    found, first = old.plan_baseline("001_found.sql", "found", date="2026-11-22")
    driver.batch(Batch([Query("CREATE TABLE meanwhile (x)")]))
    with pytest.raises(HistoryError, match="schema changed meanwhile"):
        old.record_baseline(found, first)
    driver.batch(Batch([Query("DROP TABLE meanwhile")]))
    found, first = old.plan_baseline("001_found.sql", "found", date="2026-11-22")
    old.record_baseline(found, first)
    assert [entry.version for entry in Migrator(driver, [first]).status()] == [1]
    new = Migrator(WorkerdDriver(workerd, workerd.database()), [first])
    new.up()
    assert compare(old.schema(), new.schema()) == ()
