"""Every file that d1migrate writes also runs, after its predecessors, with the real wrangler, in both of its ways."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from tests.runtime.local import Project

if TYPE_CHECKING:
    from pathlib import Path

    from tests.runtime.conftest import Run
    from tests.runtime.wrangler import Wrangler

DATABASE = {"binding": "DB", "database_name": "shop", "database_id": "0a1b"}
STYLES = {
    "flat": ("0000_init.sql", {}),
    "nested": (
        "20260101000000_init/migration.sql",
        {"migrations_dir": "migrations", "migrations_pattern": "migrations/*/migration.sql"},
    ),
}
SCHEMA = """\
CREATE TABLE people (id INTEGER PRIMARY KEY, name TEXT NOT NULL DEFAULT '', age INTEGER);
CREATE TABLE notes (id INTEGER PRIMARY KEY, person INTEGER NOT NULL REFERENCES people(id) ON DELETE CASCADE);
CREATE TABLE tags (name TEXT PRIMARY KEY);
"""
UNSAFE = """\
CREATE TABLE people_new (id INTEGER PRIMARY KEY, name TEXT NOT NULL DEFAULT '', age INTEGER DEFAULT 0);
INSERT INTO people_new SELECT * FROM people;
DROP TABLE people;
ALTER TABLE people_new RENAME TO people
"""


@pytest.fixture(params=STYLES)
def project(request: pytest.FixtureRequest, tmp_path: Path, wrangler: Wrangler, run: Run) -> Project:
    """A folder with a file by each command that writes one, all applied by `up`."""
    first, settings = STYLES[request.param]
    made = Project(tmp_path / "project", wrangler, run)
    made.configure({"d1_databases": [DATABASE | settings]})
    made.write({f"migrations/{first}": "SELECT 1;\n", "schema.sql": SCHEMA})
    new(made, "people", "CREATE TABLE people (id INTEGER PRIMARY KEY, name TEXT);\n")
    new(
        made,
        "notes",
        SCHEMA.splitlines()[1] + "\nINSERT INTO people VALUES (1, 'a');\nINSERT INTO notes VALUES (1, 1);\n",
    )
    made.d1migrate(
        "rebuild", "people", "--set", "name TEXT NOT NULL DEFAULT ''", "--backfill", "people.name=''"
    )
    made.d1migrate("diff", "--to", "schema.sql")
    made.d1migrate("up")
    new(made, "ages", UNSAFE)
    made.d1migrate("lint", "--fix", "--yes")
    made.d1migrate("up")
    return made


def new(made: Project, words: str, sql: str) -> None:
    """Create a file, and write its statements."""
    name = made.d1migrate("new", words).out.strip()
    with (made.path / name).open("a") as file:
        file.write(f"\n{sql}")


def copies(made: Project, wrangler: Wrangler, run: Run) -> tuple[Project, Project]:
    """Two copies of the folder, without a database."""
    paths = [made.path.with_name(f"{made.path.name}-{n}") for n in (1, 2)]
    for path in paths:
        shutil.copytree(made.path, path, ignore=shutil.ignore_patterns(".wrangler"))
    first, second = (Project(path, wrangler, run) for path in paths)
    return first, second


def check_both_ways(made: Project, wrangler: Wrangler, run: Run) -> None:
    """Wrangler builds the database that `up` built, and d1migrate takes it as its own."""
    one, two = copies(made, wrangler, run)
    names = one.wrangler("apply")
    assert one.state() == made.state()
    assert one.d1migrate("up").out == "nothing to do\n"
    one.d1migrate("verify", "--check")
    for name in names:
        two.execute(f"migrations/{name}")
    schema, rows, _ = made.state()
    history = {"d1_migrations", "sqlite_sequence"}  # the second belongs to the first
    assert two.state()[:2] == ([o for o in schema if o[2] not in history], rows)


def test_new_rebuild_diff_and_fix(project: Project, wrangler: Wrangler, run: Run) -> None:
    """Each of them continues the style of the folder."""
    assert len(project.rows()) == 6
    check_both_ways(project, wrangler, run)


def test_squash(project: Project, wrangler: Wrangler, run: Run) -> None:
    """One file replaces the others, on an empty database."""
    project.d1migrate("squash", "--to", project.rows()[-1].name.removesuffix(".sql"), "--yes")
    fresh, _ = copies(project, wrangler, run)
    fresh.d1migrate("up")
    assert len(fresh.rows()) == 1
    check_both_ways(fresh, wrangler, run)
