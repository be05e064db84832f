"""`renumber`: two branches took the same number."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

import pytest

from d1migrate.migrate.table import NameTable
from tests.cli.project import ONE, THREE, TWO

if TYPE_CHECKING:
    from tests.cli.project import Project

MINE = ONE.replace("001_users", "002_mine").replace("VALUES (1", "VALUES (2").replace("users", "mine")


def names(project: Project) -> list[str]:
    """The files there are."""
    return sorted(path.name for path in project.migrations.iterdir())


def merged(project: Project) -> None:
    """Version 2 exists twice, and a third file builds on each of them."""
    project.standard()
    project.write("002_mine.sql", MINE)
    project.write("003_more_mine.sql", "ALTER TABLE mine ADD COLUMN note TEXT;")


def test_the_applied_file_stays(project: Project) -> None:
    """The others move after it in their order; header and record have the new number, the meaning is the same."""
    project.standard()
    project.run("up", "--to", "2")
    merged(project)
    assert "`d1migrate renumber` gives it a newer number" in project.run("up", code=1).err
    out = project.run("renumber", "--dry-run").out
    assert out == "002_mine → 003_mine\n003_more_mine → 004_more_mine\n003_names → 005_names\n"
    assert len(names(project)) == 5
    assert project.run("renumber", "--yes").out == out
    assert names(project) == [
        *("001_users.sql", "002_teams.sql", "003_mine.sql", "004_more_mine.sql", "005_names.sql"),
    ]
    text = (project.migrations / "003_mine.sql").read_text()
    assert text == MINE.replace("002_mine", "003_mine").replace("VALUES (2", "VALUES (3")
    project.run("up")
    assert project.versions() == [1, 2, 3, 4, 5]
    assert project.run("verify", "--check").out == "files, history and schema agree\n"
    assert project.run("renumber", "--yes").out == "nothing to do\n"


def test_the_name_decides_if_wrangler_applied_it(project: Project) -> None:
    """Its rows have no checksum; with a name that is neither's, nothing moves."""
    project.standard()
    project.sql(
        "CREATE TABLE schema_migrations (version INTEGER PRIMARY KEY, name TEXT NOT NULL, applied_at INTEGER NOT NULL);\n"
        "INSERT INTO schema_migrations VALUES (1, '001_users', 0), (2, '002_teams', 0)"
    )
    merged(project)
    assert project.run("renumber", "--dry-run", "--json").json["renamed"][0] == {
        "version": 3,
        "name": "003_mine",
        "was": "002_mine",
    }
    project.sql("UPDATE schema_migrations SET name = '2' WHERE version = 2")
    ended = project.run("renumber", code=1).err
    assert "version 2 is applied as 2, but it is unclear which file that is" in ended
    assert "002_teams.sql" in names(project)


def test_without_a_database_the_first_by_name_stays(project: Project) -> None:
    """Nothing is applied anywhere that is known."""
    merged(project)
    project.run("renumber", "--yes")
    assert names(project) == [
        *("001_users.sql", "002_mine.sql", "003_teams.sql", "004_more_mine.sql", "005_names.sql"),
    ]
    assert not project.database.exists()
    project.run("up", "--no-lint")


def test_a_late_file(project: Project) -> None:
    """A file below the newest applied one is moved after it, and a plain `up` applies it."""
    project.write("001_users.sql", ONE)
    project.write("005_names.sql", THREE)
    project.run("up")
    project.write("003_teams.sql", TWO)
    assert "`d1migrate renumber` gives it a newer number" in project.run("up", code=1).err
    assert project.run("renumber", "--yes").out == "003_teams → 006_teams\n"
    project.run("up")


def test_line_ends_and_the_index_are_kept(project: Project) -> None:
    """CR LF stays CR LF; the module embeds the new names."""
    (project.folder / "d1migrate.toml").write_text('index = "index.py"\ntable = "schema_migrations"\n')
    project.write("001_a.sql", "CREATE TABLE a (x);")
    project.write("001_b.sql", b"-- Migration: 001_b\r\nCREATE TABLE b (x);\r\n")
    project.run("renumber", "--yes")
    assert (
        project.migrations / "002_b.sql"
    ).read_bytes() == b"-- Migration: 002_b\r\nCREATE TABLE b (x);\r\n"
    assert "002_b.sql" in (project.folder / "index.py").read_text()


@pytest.mark.parametrize(
    ("sql", "message"),
    [
        ("CREATE TABLE b (x);\n-- Rollback:\n-- DROP TABLE b;\n-- DELETE FROM schema_migrations WHERE version = 1;\n",
         "its rollback block names schema_migrations"),
        ("CREATE TABLE b (x, y DEFAULT '" + "x" * (1 << 20) + "');\n", "bytes is not edited"),
    ],
)  # fmt: skip
def test_what_cannot_be_given_another_number(project: Project, sql: str, message: str) -> None:
    """The error says why, and nothing is changed."""
    project.use_versions()
    project.write("001_a.sql", "CREATE TABLE a (x);")
    project.write("001_b.sql", sql)
    assert message in project.run("renumber", code=1).err
    assert names(project) == ["001_a.sql", "001_b.sql"]


def names_history(project: Project, *names: str) -> None:
    """Record files in wrangler's table, as wrangler does."""
    rows = ", ".join(f"('{name}')" for name in names)
    project.sql(f"{NameTable().create};\nINSERT INTO d1_migrations (name) VALUES {rows}")


def test_doubles_that_wrangler_has_run(project: Project) -> None:
    """Nothing is to be done, also with a pending file of the same number as the newest."""
    for name in ("0000_a", "0001_a", "0001_b", "0002_c"):
        project.write(f"{name}.sql", f"CREATE TABLE t{name} (x);")
    names_history(project, "0000_a.sql", "0001_a.sql", "0001_b.sql", "0002_c.sql")
    project.write("0002_d.sql", "CREATE TABLE d (x);")
    assert project.run("renumber", "--yes").out == "nothing to do\n"
    project.run("up")


def test_a_late_file_in_a_folder_of_its_own(project: Project) -> None:
    """It moves after what wrangler applied, with its folder; what else is in the old folder stays."""
    layout = 'pattern = "*/migration.sql"\nindex = "index.py"\n'
    (project.folder / "d1migrate.toml").write_text(layout)
    applied = "20240201000000_b/migration.sql"
    for name in ("20240101000000_a", "20240102000000_late", "20240201000000_b"):
        (project.migrations / name).mkdir()
        project.write(
            f"{name}/migration.sql", f"-- Migration: {name}/migration\nCREATE TABLE {name[15:]} (x);"
        )
    project.write("20240102000000_late/snapshot.json", "{}")
    names_history(project, "20240101000000_a/migration.sql", applied)
    project.sql("CREATE TABLE a (x);\nCREATE TABLE b (x)")
    assert "`d1migrate renumber` gives it a newer number" in project.run("up", code=1).err
    done = project.run("renumber", "--yes")
    found = re.fullmatch(r"20240102000000_late/migration → (20\d{12}_late/migration)\n", done.out)
    assert found
    left = f"20240102000000_late still has snapshot.json: move it to {found[1].removesuffix('/migration')}"
    assert left in done.err
    text = (project.migrations / f"{found[1]}.sql").read_text()
    assert text == f"-- Migration: {found[1]}\nCREATE TABLE late (x);"
    assert os.listdir(project.migrations / "20240102000000_late") == ["snapshot.json"]
    project.run("up")
    assert project.sql("SELECT name FROM d1_migrations ORDER BY id DESC LIMIT 1") == [(f"{found[1]}.sql",)]
    assert project.run("verify", "--check").out == "files, history and schema agree\n"


def test_drizzles_journal(project: Project) -> None:
    """It has the old names, which is noted."""
    for name in ("0000_a", "0001_b"):
        project.write(f"{name}.sql", f"CREATE TABLE t{name} (x);")
    (project.migrations / "meta").mkdir()
    (project.migrations / "meta/_journal.json").write_text('{"entries": []}')
    names_history(project, "0001_b.sql")
    done = project.run("renumber", "--yes")
    assert done.out == "0000_a → 0002_a\n"
    assert "migrations/meta/_journal.json has the old names: change the `tag` of each there" in done.err


def test_an_empty_folder_is_removed(project: Project) -> None:
    """Git would not keep it, either."""
    (project.folder / "d1migrate.toml").write_text('pattern = "*/migration.sql"\n')
    for name in ("1-a", "2-b"):
        (project.migrations / name).mkdir()
        project.write(f"{name}/migration.sql", f"CREATE TABLE t{name[2:]} (x);")
    names_history(project, "2-b/migration.sql")
    assert project.run("renumber", "--yes").out == "1-a/migration → 3-a/migration\n"
    assert names(project) == ["2-b", "3-a"]
