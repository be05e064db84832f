"""schema: the live one and that of any version, as SQL for git, held against a file, and between versions."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.cli.project import Project

DOCUMENT = """\
-- The schema, written by `d1migrate schema --sql`.

CREATE TABLE teams (
    id INTEGER PRIMARY KEY,
    owner_id INTEGER NOT NULL REFERENCES users(id) ON DELETE CASCADE
);
CREATE INDEX idx_teams_owner ON teams(owner_id);

CREATE TABLE users (
    id INTEGER PRIMARY KEY,
    email TEXT NOT NULL,
    name TEXT
);
"""


def test_the_live_schema_as_sql_is_what_the_files_build(project: Project) -> None:
    """One text, from a database and from the files alone; it is the desired schema of a diff."""
    project.standard()
    project.run("up")
    assert project.run("schema", "--sql").out == DOCUMENT
    assert project.run("schema", "--sql", "--at", "latest").out == DOCUMENT
    assert project.run("schema", "--sql", "users").out.count("CREATE") == 1
    assert project.run("schema", "--output").out == "schema.sql\n"
    assert (project.folder / "schema.sql").read_text() == DOCUMENT
    assert project.run("diff").err == "no difference\n"


def test_the_file_is_written_only_when_it_differs(project: Project) -> None:
    """Its time does not change for nothing; a link stays a link; a folder is no file."""
    project.standard()
    path = project.folder / "db" / "tables.sql"
    arguments = ("schema", "--at", "2", "--output", str(path))
    file = {"file": str(path), "up_to_date": False, "written": True, "diff": None}
    assert project.run(*arguments, "--json").json == file
    os.utime(path, ns=(1, 1))
    assert project.run(*arguments, "--json").json == file | {"up_to_date": True, "written": False}
    assert path.stat().st_mtime_ns == 1
    (project.folder / "link.sql").symlink_to(path)
    project.run("schema", "--at", "latest", "--output", "link.sql")
    assert (project.folder / "link.sql").is_symlink()
    assert path.read_text() == DOCUMENT
    assert [entry.name for entry in path.parent.iterdir()] == ["tables.sql"]
    assert "cannot read db" in project.run("schema", "--at", "2", "--output", "db", code=2).err


def test_check_prints_what_differs(project: Project) -> None:
    """Exit 3 and a unified diff; no database is made or asked."""
    project.standard()
    absent = project.run("schema", "--at", "latest", "--check", code=3)
    assert absent.out.startswith("--- /dev/null\n+++ what the files build\n@@")
    assert absent.err == (
        "schema.sql does not exist\nhint: `d1migrate schema --at latest --sql --output schema.sql` writes it\n"
    )
    project.run("schema", "--at", "2", "--output")
    found = project.run("schema", "--at", "latest", "--sql", "--check", "schema.sql", code=3)
    assert found.out.startswith("--- schema.sql\n+++ what the files build\n@@")
    assert "\n-    email TEXT NOT NULL\n+    email TEXT NOT NULL,\n+    name TEXT\n" in found.out
    assert found.err.startswith("schema.sql differs from what the files build\n")
    as_json = project.run("schema", "--at", "latest", "--check", "--json", code=3).json
    assert (as_json["file"], as_json["up_to_date"]) == ("schema.sql", False)
    assert as_json["diff"] == found.out.rstrip("\n")
    project.run("schema", "--at", "latest", "--output")
    current = project.run("schema", "--at", "latest", "--check")
    assert (current.out, current.err) == ("", "schema.sql is up to date\n")
    assert project.run("schema", "--at", "latest", "--check", "--json").json["diff"] is None
    assert not project.database.exists()


def test_check_against_the_live_schema(project: Project) -> None:
    """Changes made by hand are found; the tables of other tools do not count."""
    project.standard()
    project.run("up")
    project.run("schema", "--at", "latest", "--output")
    project.sql("CREATE TABLE d1_migrations (id INTEGER PRIMARY KEY, name TEXT)")
    project.run("schema", "--check")
    assert project.run("diff", "--from", "live").err == "no difference\n"
    assert "CREATE TABLE d1_migrations" in project.run("schema", "d1_migrations", "--sql").out
    project.sql("ALTER TABLE users ADD COLUMN age")
    found = project.run("schema", "--check", code=3)
    assert "`d1migrate verify` compares the live schema with the migrations\n" in found.err
    assert "+    age\n" in found.out
    assert found.err.startswith("schema.sql differs from the live schema\n")


def test_an_empty_database_is_not_written_over_a_schema(project: Project) -> None:
    """A fresh checkout has no database yet; nothing is lost to one that was not there."""
    project.standard()
    project.run("schema", "--at", "latest", "--output")
    refused = project.run("schema", "--output", code=2).err
    assert "the database is empty and schema.sql is not" in refused
    assert "hint: `--at latest` writes what the files build" in refused
    assert (project.folder / "schema.sql").read_text() == DOCUMENT
    project.run("schema", "--at", "0", "--output")
    assert "CREATE" not in (project.folder / "schema.sql").read_text()


def test_a_file_with_other_line_ends_is_the_same(project: Project) -> None:
    """As git writes it on Windows."""
    project.standard()
    (project.folder / "schema.sql").write_bytes(DOCUMENT.replace("\n", "\r\n").encode())
    project.run("schema", "--at", "latest", "--check")


def test_the_configuration_names_the_file(project: Project) -> None:
    """`schema = …` is relative to its file; by default the schema is next to the migrations."""
    project.standard()
    inner = project.folder / "inner"
    inner.mkdir()
    (project.folder / "d1migrate.toml").write_text('schema = "db/wanted.sql"\nmigrations = "migrations"\n')
    os.chdir(inner)
    assert project.run("schema", "--at", "latest", "--output").out == "../db/wanted.sql\n"
    assert project.run("diff").err == "no difference\n"
    (project.folder / "d1migrate.toml").write_text('migrations = "migrations/"\n')
    assert "../schema.sql does not exist" in project.run("schema", "--at", "latest", "--check", code=3).err
    os.chdir(project.migrations)
    err = project.run("schema", "--at", "latest", "--check", "--migrations", ".", code=3).err
    assert err.startswith("../schema.sql does not exist\n")
    assert "cannot read ../schema.sql" in project.run("diff", code=2).err
    (project.folder / "d1migrate.toml").write_text("schema = 7\n")
    assert "schema is 7, expected a string" in project.run("schema", "--at", "latest", code=2).err


def test_a_schema_in_the_migrations_folder_is_refused(project: Project) -> None:
    """Every tool would run it as a migration."""
    project.standard()
    found = project.run("schema", "--at", "latest", "--output", "migrations/schema.sql", code=2)
    assert "is in the migrations folder" in found.err
    assert len(list(project.migrations.iterdir())) == 3


def test_any_version_needs_no_database(project: Project) -> None:
    """--at works with a table, as text and as JSON, and asks no database."""
    project.standard()
    (project.folder / "d1migrate.toml").write_text('[env.local]\ndatabase = "d1:not-here"\n')
    os.environ.pop("D1MIGRATE_DATABASE")
    assert "name" not in project.run("schema", "users", "--at", "2").out
    assert "name" in project.run("schema", "users", "--at", "3").out
    assert [t["name"] for t in project.run("schema", "--at", "1", "--json").json["tables"]] == ["users"]
    assert project.run("schema", "users", "--at", "1", "--json").json["tables"][0]["name"] == "users"
    assert project.run("schema", "--at", "0").out == "the migrations build no tables or views\n"
    assert "no such table: teams" in project.run("schema", "teams", "--at", "1", code=2).err
    assert "no migration 7" in project.run("schema", "--at", "7", code=2).err
    assert "no migration x" in project.run("schema", "--at", "x", code=2).err


def test_between_two_versions(project: Project) -> None:
    """Object by object, in either direction; of one table too; as JSON."""
    project.standard()
    project.write(
        "004_v.sql", "DROP INDEX idx_teams_owner;\nCREATE INDEX idx_teams_owner ON teams(owner_id, id);"
    )
    assert project.run("schema", "--between", "1", "latest").out == (
        "+ column users.name: added\n    latest | TEXT\n+ table teams: added\n"
        "    latest | CREATE TABLE teams (id INTEGER PRIMARY KEY,"
        " owner_id INTEGER NOT NULL REFERENCES users(id) ON DELETE CASCADE)\n"
        "+ index idx_teams_owner: added\n    latest | CREATE INDEX idx_teams_owner ON teams(owner_id, id)\n"
    )
    removed = project.run("schema", "--between", "2", "1", "teams", "--json").json["changes"]
    assert [(d["kind"], d["change"], d["after"]) for d in removed] == [
        ("table", "removed", None),
        ("index", "removed", None),
    ]
    assert removed[1]["before"] == "CREATE INDEX idx_teams_owner ON teams(owner_id)"
    assert project.run("schema", "--between", "3", "2").out == (
        "- column users.name: removed\n    3     | TEXT\n"
    )
    assert project.run("schema", "--between", "2", "4", "TEAMS").out == (
        "~ index idx_teams_owner: changed\n"
        "    2     | CREATE INDEX idx_teams_owner ON teams(owner_id)\n"
        "    4     | CREATE INDEX idx_teams_owner ON teams(owner_id, id)\n"
    )
    assert project.run("schema", "--between", "3", "latest", "--json").json["target"] == "004_v"
    found = project.run("schema", "--between", "0", "1", "--json").json
    assert (found["source"], found["target"]) == (None, "001_users")
    assert [(d["kind"], d["name"], d["change"], d["before"]) for d in found["changes"]] == [
        ("table", "users", "added", None)
    ]
    same = project.run("schema", "--between", "3", "4", "users")
    assert (same.out, same.err) == ("", "no difference\n")
    assert "no such table: x" in project.run("schema", "--between", "1", "2", "x", code=2).err
    assert "no migration 9" in project.run("schema", "--between", "1", "9", code=2).err
    assert not project.database.exists()


def test_diagrams(project: Project) -> None:
    """Of any version, or of one table; written and checked like the SQL, under a name of their own."""
    project.standard()
    text = project.run("schema", "--at", "latest", "--format", "mermaid").out
    assert '    "users" ||--o{ "teams" : "owner_id"\n' in text
    assert '"teams"' not in project.run("schema", "users", "--at", "3", "--format", "mermaid").out
    picture = project.run("schema", "--at", "latest", "--format", "svg", "--output", "docs/schema.svg")
    assert picture.out == "docs/schema.svg\n"
    assert (project.folder / "docs" / "schema.svg").read_text().startswith("<svg xmlns=")
    check = ("schema", "--format", "svg", "--check", "docs/schema.svg")
    project.run(*check, "--at", "latest")
    changed = project.run(*check, "--at", "2", code=3)
    assert "`d1migrate schema --at 2 --format svg --output docs/schema.svg` writes it" in changed.err
    err = project.run("schema", "--at", "2", "--format", "svg", "--check", code=2).err
    assert "hint: name one, e.g. name.svg" in err
    assert "hint: name one, e.g. name.mmd" in (
        project.run("schema", "--at", "2", "--format", "mermaid", "--output", code=2).err
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--sql", "--format", "svg"], "--sql and --format cannot be used together"),
        (["--between", "1", "2", "--format", "svg"], "--between and --format svg cannot be used together"),
        (["--between", "1", "2", "--sql"], "--between and --format sql cannot be used together"),
        (["--between", "1", "2", "--at", "0"], "--between and --at cannot be used together"),
        (["--between", "1", "2", "--check"], "--between and --check cannot be used together"),
        (["--check", "--output", "x"], "--check and --output cannot be used together"),
        (["users", "--at", "1", "--output"], "one table has no default file"),
        (["users", "--at", "1", "--check"], "one table has no default file"),
        (["--check", ""], "--check is empty"),
        (["--output", ""], "--output is empty"),
    ],
)
def test_what_cannot_be_meant_is_refused(project: Project, arguments: list[str], message: str) -> None:
    """No flag is silently ignored."""
    project.standard()
    assert message in project.run("schema", *arguments, code=2).err
    assert not (project.folder / "schema.sql").exists()


def test_files_that_cannot_be_replayed(project: Project) -> None:
    """The error names the file, and the existing schema file is unchanged."""
    project.standard()
    project.run("schema", "--at", "latest", "--output")
    project.write("004_broken.sql", "ALTER TABLE nobody ADD COLUMN x;")
    assert "004_broken.sql:1" in project.run("schema", "--at", "latest", "--output", code=1).err
    assert "004_broken.sql:1" in project.run("schema", "--at", "latest", "--check", code=1).err
    project.run("schema", "--at", "3", "--check")
