"""`squash`: one file in the place of many, and the databases that ran the many."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from d1migrate.backup.state import compare, read_state
from d1migrate.batch import Batch, Query
from d1migrate.files import load_migrations
from d1migrate.migrator import Migrator
from tests.runtime.workerd import WorkerdDriver

if TYPE_CHECKING:
    from tests.cli.project import Project
    from tests.runtime.workerd import Workerd

SEED = "INSERT INTO users (id, email) VALUES (1, 'a;b');\nUPDATE users SET name = 'x';\n"


def names(project: Project) -> list[str]:
    """The files there are."""
    return sorted(path.name for path in project.migrations.iterdir())


def test_an_existing_database_takes_the_one_for_the_many(project: Project) -> None:
    """`up` refuses and points to `adopt`, which records it in their place; what comes behind is applied."""
    project.standard()
    project.run("up")
    assert project.run("squash", "--to", "3").out == "migrations/003_squashed.sql\n"
    assert names(project) == ["003_squashed.sql"]
    project.write("004_more.sql", "CREATE TABLE more (x);")
    ended = project.run("up", code=1).err
    assert "stands for files that are applied one by one: 003_squashed" in ended
    assert "`d1migrate adopt` records it in their place" in ended
    out = project.run("adopt", "--yes").out
    assert "003_squashed  squashed  it stands for 001_users, 002_teams, 003_names, which are recorded" in out
    assert project.states() == {3: "applied", 4: "pending"}
    project.run("up")
    assert project.run("verify", "--check").out == "files, history and schema agree\n"
    assert project.run("adopt", "--yes").out.splitlines()[-1] == "nothing to record"
    history = [(e["version"], e["action"]) for e in project.run("history", "--json").json]
    assert history[3:] == [(1, "forget"), (2, "forget"), (3, "accept"), (4, "up")]
    assert "squashed" in project.run("down", "--to", "0", code=1).err


def test_a_new_database_comes_out_the_same(project: Project) -> None:
    """Object by object and row by row, with the files behind it."""
    project.standard()
    project.write("004_seed.sql", SEED)
    project.write("005_more.sql", "CREATE TABLE more (x);")
    with closing(Migrator("sqlite:many.db", "migrations")) as many:
        many.up(lint=False)
        project.run("squash", "--to", "4", "--keep-rows", "--name", "until launch")
        assert names(project) == ["004_until_launch.sql", "005_more.sql"]
        with closing(Migrator("sqlite:few.db", "migrations")) as few:
            few.up(lint=False)
            found = compare(read_state(many.driver), read_state(few.driver))
            assert [line for line in found if not line.startswith("schema_migrations")] == []


def test_rows_are_refused_by_default(project: Project) -> None:
    """Each statement is named, and nothing is touched."""
    project.standard()
    project.write("004_seed.sql", SEED)
    ended = project.run("squash", "--to", "4", code=1).err
    assert "migrations/004_seed.sql:1 INSERT INTO users" in ended
    assert "migrations/004_seed.sql:2 UPDATE users SET name = 'x'" in ended
    assert "--keep-rows" in ended
    assert len(names(project)) == 4


def test_rows_that_would_come_out_otherwise_are_refused(project: Project) -> None:
    """A value that a later change of the schema filled in is not what a late INSERT writes."""
    project.write("001_a.sql", "CREATE TABLE a (x);\nINSERT INTO a VALUES (1);")
    project.write("002_b.sql", "CREATE TABLE b AS SELECT x AS y FROM a;")
    assert (
        "does not come to the same as the 2" in project.run("squash", "--to", "2", "--keep-rows", code=1).err
    )
    assert names(project) == ["001_a.sql", "002_b.sql"]


def test_a_database_that_has_not_all_of_it(project: Project) -> None:
    """It is told apart from one that has: nothing is recorded, whatever is assumed."""
    project.standard()
    project.run("up", "--to", "2")
    project.run("squash", "--to", "3")
    ended = project.run("adopt", "--yes", "--assume", "3", code=1).err
    assert "003_squashed stands for 001_users, 002_teams, 003_names, and 003_names is not applied" in ended
    assert project.versions() == [1, 2]


def test_a_database_that_ran_other_content(project: Project) -> None:
    """The checksums that the file lists are those of what was squashed."""
    project.standard()
    project.run("up")
    project.write("002_teams.sql", (project.migrations / "002_teams.sql").read_text().replace("NOT NULL", ""))
    project.run("squash", "--to", "3")
    assert "002_teams was applied with other content" in project.run("adopt", "--yes", code=1).err


@pytest.mark.parametrize("to", ["1", "4", "0"])
def test_what_cannot_be_squashed(project: Project, to: str) -> None:
    """One file, or a version that no file has."""
    project.standard()
    assert "there is nothing to squash" in project.run("squash", "--to", to, code=2).err


def test_a_dry_run_and_json(project: Project) -> None:
    """The text alone; then what became one."""
    project.standard()
    text = project.run("squash", "--to", "3", "--dry-run").out
    assert "-- Squashes: 002_teams v1:" in text
    assert len(names(project)) == 3
    found = project.run("squash", "--to", "3", "--json").json
    assert found == {
        "path": "migrations/003_squashed.sql",
        "squashed": ["001_users", "002_teams", "003_names"],
    }


def test_on_real_d1_with_wranglers_table_in_step(project: Project, workerd: Workerd) -> None:
    """Ran there one by one, taken for one; wrangler's table has the one name."""
    project.standard()
    driver = WorkerdDriver(workerd, workerd.database())
    Migrator(driver, load_migrations("migrations"), mirror="d1_migrations").up()
    project.run("squash", "--to", "3")
    migrator = Migrator(driver, load_migrations("migrations"), mirror="d1_migrations")
    migrator.adopt(migrator.plan_adopt())
    assert [(e.version, e.name, e.state) for e in migrator.status()] == [(3, "003_squashed", "applied")]
    assert migrator.verify().ok
    (names,) = driver.batch(Batch([Query("SELECT name FROM d1_migrations")], reads=True))
    assert list(names.rows) == [("003_squashed.sql",)]
