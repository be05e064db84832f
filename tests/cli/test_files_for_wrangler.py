"""Every file that a command writes for wrangler's table also runs as wrangler runs it: all of the text, then its row."""

from __future__ import annotations

import json
import os
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from d1migrate.drivers.sqlite import SqliteDriver
from d1migrate.migrate.table import NameTable
from d1migrate.project.files import load_migrations
from d1migrate.sql.batch import Batch, Query

if TYPE_CHECKING:
    from tests.cli.project import Project

SCHEMA = """\
CREATE TABLE people (id INTEGER PRIMARY KEY, name TEXT NOT NULL DEFAULT '', age INTEGER);
CREATE TABLE notes (id INTEGER PRIMARY KEY, person INTEGER NOT NULL REFERENCES people(id) ON DELETE CASCADE);
"""
UNSAFE = """\
CREATE TABLE people_new (id INTEGER PRIMARY KEY, name TEXT NOT NULL DEFAULT '', age INTEGER DEFAULT 0);
INSERT INTO people_new SELECT * FROM people;
DROP TABLE people;
ALTER TABLE people_new RENAME TO people
"""


@pytest.fixture
def folder(project: Project) -> Project:
    """A file by each command that writes one, all applied by `up`."""
    database = {"binding": "DB", "database_name": "shop", "database_id": "0a1b"}
    (project.folder / "wrangler.json").write_text(json.dumps({"name": "w", "d1_databases": [database]}))
    os.environ["D1MIGRATE_DATABASE"] = "wrangler:DB"
    (project.folder / "schema.sql").write_text(SCHEMA)
    new(project, "people", "CREATE TABLE people (id INTEGER PRIMARY KEY, name TEXT);\n")
    new(project, "notes", SCHEMA.splitlines()[1] + "\nINSERT INTO people VALUES (1, 'a');\n")
    backfill = ("--backfill", "people.name=''")
    project.run("rebuild", "people", "--set", "name TEXT NOT NULL DEFAULT ''", *backfill)
    project.run("diff", "--to", "schema.sql")
    project.run("up")
    project.write("0005_age.sql", UNSAFE)
    project.run("lint", "--fix", "--yes")
    project.run("up")
    assert sorted(os.listdir(project.migrations))[::4] == ["0001_people.sql", "0005_age.sql"]
    return project


def new(project: Project, words: str, sql: str) -> None:
    """Create a file, and write its statements."""
    path = project.folder / project.run("new", words).out.strip()
    path.write_text(path.read_text().replace("-- Rollback:\n", f"{sql}\n-- Rollback:\n", 1))


def as_wrangler(project: Project) -> None:
    """Run every file in another database, each in one batch with its row."""
    table = NameTable()
    with closing(SqliteDriver(str(project.database), url="sqlite:app.db")) as driver:
        driver.batch(Batch([Query(table.create)]))
        for migration in load_migrations("migrations"):
            queries = [Query(sql) for sql in migration.texts()]
            driver.batch(Batch([*queries, Query(table.insert_sql(migration))]))
    os.environ["D1MIGRATE_DATABASE"] = "sqlite:app.db"


def test_new_rebuild_diff_and_fix(folder: Project) -> None:
    """The result is what `up` would have built, and nothing is left to do."""
    as_wrangler(folder)
    assert folder.run("up").out == "nothing to do\n"
    assert folder.run("verify", "--check").out == "files, history and schema agree\n"


def test_squash(folder: Project) -> None:
    """The one file that replaces the others, on an empty database."""
    assert folder.run("squash", "--to", "5", "--yes").out == "migrations/0005_squashed.sql\n"
    as_wrangler(folder)
    assert folder.run("up").out == "nothing to do\n"
    assert folder.run("verify", "--check").out == "files, history and schema agree\n"


def test_baseline(folder: Project) -> None:
    """The file that writes down a database without a history."""
    for path in folder.migrations.iterdir():
        path.unlink()
    os.environ["D1MIGRATE_DATABASE"] = "sqlite:found.db"
    with closing(SqliteDriver("found.db", url="sqlite:found.db")) as driver:
        driver.batch(Batch([Query(sql) for sql in SCHEMA.split(";\n") if sql]))
    (folder.folder / "d1migrate.toml").write_text('table = "d1_migrations"\n')
    assert folder.run("baseline", "as found").out == "migrations/0001_as_found.sql\n"
    as_wrangler(folder)
    assert folder.run("up").out == "nothing to do\n"
