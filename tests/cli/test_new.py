"""`new` and `index`: their files and output."""

from __future__ import annotations

import json
import os
import re
import runpy

import pytest

from tests.cli.project import ONE, Project


def test_new_continues_the_numbers(project: Project) -> None:
    """The next number with the same digits, the template of the format, the path alone on stdout."""
    project.write("007_users.sql", ONE.replace("001_users", "007_users").replace("VALUES (1", "VALUES (7"))
    assert project.run("new", "Add teams, table!").out == "migrations/008_add_teams_table.sql\n"
    text = (project.migrations / "008_add_teams_table.sql").read_text()
    assert text.startswith(
        "-- Migration: 008_add_teams_table\n-- Description: Add teams, table!\n-- Created: 20"
    )
    assert "VALUES (8, '008_add_teams_table', strftime('%s', 'now'))" in text
    assert "-- Rollback:" in text
    assert "H115 the change is not written yet" in project.run("up", code=1).err
    project.run("up", "--no-lint")
    assert project.versions() == [7, 8]
    assert "error: 008_add_teams_table has no rollback block" in project.run("down", code=1).err


def test_new_in_an_empty_project(project: Project) -> None:
    """Without a folder it is made, and numbers begin at 001."""
    project.migrations.rmdir()
    assert project.run("create", "first").out == "migrations/001_first.sql\n"


def test_new_for_files_that_do_not_record_themselves(project: Project) -> None:
    """The new file does not either: the database may have only wrangler's table."""
    project.write("0000-users.sql", "CREATE TABLE users (id INTEGER PRIMARY KEY);")
    assert project.run("new", "Add teams").out == "migrations/0001-add-teams.sql\n"
    assert "schema_migrations" not in (project.migrations / "0001-add-teams.sql").read_text()


def wrangler(project: Project, **database: str) -> None:
    """Write a configuration of wrangler with one database."""
    found = {"binding": "DB", "database_name": "shop", "database_id": "0a1b", **database}
    (project.folder / "wrangler.json").write_text(json.dumps({"name": "w", "d1_databases": [found]}))
    os.environ.pop("D1MIGRATE_DATABASE")


def test_new_in_a_project_of_wrangler(project: Project) -> None:
    """Its first file is numbered as `wrangler d1 migrations create` does it, and records nothing."""
    wrangler(project)
    assert project.run("new", "first").out == "migrations/0001_first.sql\n"
    assert "schema_migrations" not in (project.migrations / "0001_first.sql").read_text()
    assert project.run("new", "second").out == "migrations/0002_second.sql\n"


def test_new_in_a_folder_for_each_file(project: Project) -> None:
    """The pattern decides about the first file, the first file about the others."""
    wrangler(project, migrations_dir="migrations", migrations_pattern="migrations/*/migration.sql")
    first = project.run("new", "first").out.strip()
    assert re.fullmatch(r"migrations/20\d{12}_first/migration\.sql", first)
    second = project.run("new", "second").out.strip()
    assert re.fullmatch(r"migrations/20\d{12}_second/migration\.sql", second)
    assert [m["name"] for m in project.run("list", "--json").json["migrations"]] == [
        path.removeprefix("migrations/").removesuffix(".sql") for path in (first, second)
    ]
    text = (project.folder / first).read_text()
    assert text.startswith(f"-- Migration: {first.removeprefix('migrations/').removesuffix('.sql')}\n")


def test_new_beside_a_file_without_a_number(project: Project) -> None:
    """That one stays last in wrangler's order, which is noted; the new file can be applied after it."""
    project.write("0001_users.sql", "SELECT 1;")
    project.write("schema.sql", "SELECT 1;")
    made = project.run("new", "teams")
    assert made.out == "migrations/0002_teams.sql\n"
    assert "schema.sql stays last, without a number" in made.err
    project.run("up", "--no-lint")
    assert project.run("new", "more").out == "migrations/0003_more.sql\n"
    project.write("0003_more.sql", "SELECT 1;")
    assert project.run("renumber", "--yes").out == "nothing to do\n"
    project.run("up", "--no-lint")


def test_new_beside_drizzles_journal(project: Project) -> None:
    """Drizzle-kit numbers by its journal, so its next file would get the same number; that is noted."""
    project.write("0000_a.sql", "SELECT 1;")
    (project.migrations / "meta").mkdir()
    (project.migrations / "meta/_journal.json").write_text('{"entries": []}')
    made = project.run("new", "b")
    assert made.out == "migrations/0001_b.sql\n"
    assert "`drizzle-kit generate --custom` writes one that it counts" in made.err


def test_new_that_would_not_be_last(project: Project) -> None:
    """No file is written."""
    project.write("users.sql", "SELECT 1;")
    ended = project.run("new", "teams", code=2).err
    assert "teams.sql would be before users.sql in wrangler's order" in ended
    assert os.listdir(project.migrations) == ["users.sql"]


def test_new_after_timestamps(project: Project) -> None:
    """A folder numbered by time continues by time."""
    project.write("20200101000000_a.sql", "SELECT 1;")
    name = project.run("new", "b").out.strip()
    assert int(name.removeprefix("migrations/").split("_")[0]) > 20260000000000


def test_new_needs_words(project: Project) -> None:
    """A description without a letter or digit is a usage error."""
    project.run("new", "—!", code=2)


def test_index_embeds_the_files(project: Project) -> None:
    """The module gives names and texts byte for byte, the same every time, and --check sees a change."""
    odd = "SELECT '\"quoted\" \\ back\\slash \u2028 \U0001f600 ''x''';\n-- no newline at the end"
    project.write("001_users.sql", ONE)
    project.write("002_odd.sql", odd)
    assert project.run("index", "--output", "lib/index.py").out == "lib/index.py\n"
    found = runpy.run_path("lib/index.py")["MIGRATIONS"]
    assert found == (("001_users.sql", ONE), ("002_odd.sql", odd))
    first = (project.folder / "lib/index.py").read_bytes()
    project.run("index", "--output", "lib/index.py")
    assert (project.folder / "lib/index.py").read_bytes() == first
    project.run("index", "--output", "lib/index.py", "--check")
    project.write("003_b.sql", "SELECT 1;")
    project.run("index", "--output", "lib/index.py", "--check", code=3)
    project.run("index", code=2)


def test_new_keeps_the_configured_index(project: Project) -> None:
    """With `index = …` in the configuration `new` writes the module too."""
    (project.folder / "d1migrate.toml").write_text('migrations = "migrations"\nindex = "src/index.py"\n')
    project.run("new", "a")
    assert [name for name, _ in runpy.run_path("src/index.py")["MIGRATIONS"]] == ["001_a.sql"]


D1 = '{"d1_databases": [{"binding": "DB", "database_name": "shop", "database_id": "0a1b"}]}'


@pytest.mark.parametrize(
    ("wrangler", "config", "files", "shape"),
    [
        (None, "", {"001_users": ONE}, "versions"),
        (None, "", {"001_users": "SELECT 1;", "001_teams": "SELECT 2;"}, "names"),
        (None, 'table = "schema_migrations"', {"users": "SELECT 1;"}, "versions"),
        (D1, "", {"001_users": "CREATE TABLE users (id);"}, "names"),
        (D1, "", {"001_users": ONE}, "versions"),
        (D1, 'table = "schema_migrations"', {"001_users": "CREATE TABLE users (id);"}, "versions"),
        (D1, 'table = "d1_migrations"', {"001_users": ONE}, "names"),
    ],
)
def test_the_index_has_the_shape_of_the_table(
    project: Project, wrangler: str | None, config: str, files: dict[str, str], shape: str
) -> None:
    """It is what `up` uses on a database without a history: by the files and the configurations."""
    (project.folder / "d1migrate.toml").write_text(f'migrations = "migrations"\n{config}')
    if wrangler:
        (project.folder / "wrangler.json").write_text(wrangler)
    for name, text in files.items():
        project.write(f"{name}.sql", text)
    for database in ((), ("--database", "wrangler:DB")) if wrangler else ((), ("--database", "sqlite:a.db")):
        project.run("index", "--output", "i.py", *database)
        assert runpy.run_path("i.py")["TABLE"] == shape


def test_index_of_an_empty_file(project: Project) -> None:
    """It becomes a module that can be imported."""
    project.write("001_a.sql", "")
    project.run("index", "--output", "i.py")
    assert runpy.run_path("i.py")["MIGRATIONS"] == (("001_a.sql", ""),)


def test_an_option_may_have_the_name_of_a_command(project: Project) -> None:
    """`--migrations schema` names a folder."""
    (project.folder / "schema").mkdir()
    assert project.run("--migrations", "schema", "status").out == "no migrations in schema\n"


def test_plan_sql_runs_on_a_fresh_database(project: Project) -> None:
    """It brings the migrations table along."""
    project.write("001_a.sql", "CREATE TABLE a (x);")
    project.sql(project.run("plan", "--sql").out.rstrip().removesuffix(";"))
    assert project.states() == {1: "applied"}


def test_the_first_file_of_a_project_is_plain(project: Project) -> None:
    """It records itself only if the project has chosen the table that files record themselves in."""
    project.run("new", "one")
    assert "INSERT INTO" not in (project.migrations / "001_one.sql").read_text()
    (project.migrations / "001_one.sql").unlink()
    project.use_versions()
    project.run("new", "one")
    assert "INSERT INTO schema_migrations" in (project.migrations / "001_one.sql").read_text()
