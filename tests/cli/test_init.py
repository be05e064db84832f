"""`init`: what it finds in each kind of project, what it writes, and that it overwrites nothing."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from d1migrate.project import disk

if TYPE_CHECKING:
    from tests.cli.project import Outcome, Project

GENERATED = Path(__file__).parents[1] / "runtime" / "generated"
TOML = '[env.local]\ndatabase = "sqlite:app.db"\n'
BINDING = {"binding": "DB", "database_name": "shop", "database_id": "0a1b"}
DRIZZLE = 'export default defineConfig({ dialect: "sqlite", schema: "./schema.ts", out: "./drizzle", %s });\n'
PRISMA = 'generator client {\n  provider = "prisma-client-js"\n}\ndatasource db {\n  provider = "sqlite"\n  %s\n}\n'


@pytest.fixture
def empty(project: Project, monkeypatch: pytest.MonkeyPatch) -> Project:
    """An empty folder, the top of a git repository."""
    monkeypatch.delenv("D1MIGRATE_DATABASE")
    project.migrations.rmdir()
    (project.folder / ".git").mkdir()
    return project


def add(project: Project, path: str, text: str = "CREATE TABLE t (x);\n") -> Path:
    """Write a file."""
    file = project.folder / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    return file


def bind(project: Project, *databases: dict[str, str], name: str = "wrangler.jsonc") -> None:
    """Write a wrangler configuration."""
    add(project, name, json.dumps({"d1_databases": databases}))


def files(project: Project) -> set[str]:
    """The paths of all files, except for git's and wrangler's."""
    found = (p.relative_to(project.folder) for p in project.folder.rglob("*") if not p.is_dir())
    return {str(path) for path in found if path.parts[0] not in (".git", ".wrangler")}


def settings(project: Project) -> str:
    """The text of d1migrate.toml."""
    return (project.folder / "d1migrate.toml").read_text()


def writes_nothing(project: Project, *arguments: str, code: int = 0) -> Outcome:
    """Run `init`, and check that no file changes."""
    before = {path: (project.folder / path).read_bytes() for path in files(project)}
    ended = project.run("init", *arguments, code=code)
    assert {path: (project.folder / path).read_bytes() for path in files(project)} == before
    return ended


# --- from nothing ---


def test_an_empty_folder(empty: Project) -> None:
    """Two lines of settings, and a first file that can be applied and rolled back, without a finding."""
    ended = empty.run("init")
    assert ended.out.splitlines() == [
        "created d1migrate.toml",
        "created migrations/001_initial_schema.sql",
        "configuration  d1migrate.toml",
        "database       local: sqlite:app.db",
        "migrations     migrations/*.sql: 1 file",
        "history        schema_migrations: 1 pending",
    ]
    assert ended.err.splitlines() == [
        "next: d1migrate up               apply the example",
        "      d1migrate down             roll it back",
        '      d1migrate new "add users"  create the next file',
    ]
    assert settings(empty) == TOML
    assert empty.run("lint", "--all", "--strict").out == "no findings\n"
    empty.run("up")
    assert empty.tables() == {"notes"}
    empty.run("down")
    assert empty.tables() == set()
    (empty.migrations / "001_initial_schema.sql").write_text("CREATE TABLE users (id INTEGER PRIMARY KEY);\n")
    empty.run("up")
    assert empty.tables() == {"users"}


def test_the_first_file_is_one_that_new_continues(empty: Project) -> None:
    """It records itself where `new` would write that, and numbers go on."""
    empty.run("init")
    assert empty.run("new", "add users").out == "migrations/002_add_users.sql\n"
    one, two = (empty.migrations / name for name in ("001_initial_schema.sql", "002_add_users.sql"))
    assert ("-- Record migration" in one.read_text()) == ("-- Record migration" in two.read_text())


def test_twice(empty: Project) -> None:
    """The second time there is nothing to write."""
    empty.run("init")
    ended = writes_nothing(empty)
    assert "already set up: nothing to write\n" in ended.err
    assert "next: d1migrate status" in ended.err
    assert "d1migrate up      apply 1 migration\n" in ended.err
    empty.run("up")
    assert 'd1migrate new "add users"' in writes_nothing(empty).err


def test_a_dry_run(empty: Project) -> None:
    """It prints the text of each file, and writes none."""
    ended = writes_nothing(empty, "--dry-run")
    assert 'would create d1migrate.toml\n  [env.local]\n  database = "sqlite:app.db"\n' in ended.out
    assert "would create migrations/001_initial_schema.sql\n  -- Migration: 001_initial_schema\n" in ended.out
    assert files(empty) == set()


def test_json(empty: Project) -> None:
    """Everything that the text has."""
    shown = empty.run("init", "--json").json
    assert shown == {
        "created": ["d1migrate.toml", "migrations/001_initial_schema.sql"],
        "done": True,
        "configurations": ["d1migrate.toml"],
        "generator": None,
        "environment": "local",
        "database": "sqlite:app.db",
        "folder": "migrations",
        "pattern": "*.sql",
        "file_count": 1,
        "table": "schema_migrations",
        "applied": 0,
        "pending": 1,
        "next": ["d1migrate up", "d1migrate down", 'd1migrate new "add users"'],
    }


def test_names_of_the_user(empty: Project) -> None:
    """A database and a folder, relative to where the settings are."""
    empty.run("init", "--database", "sqlite:data.db", "--migrations", "db/migrations")
    assert settings(empty) == ('migrations = "db/migrations"\n\n[env.local]\ndatabase = "sqlite:data.db"\n')
    assert "db/migrations/001_initial_schema.sql" in files(empty)
    empty.run("up")
    assert (empty.folder / "data.db").exists()


def test_a_remote_database(empty: Project) -> None:
    """It is not asked, so no token is needed, and nothing is assumed to be empty."""
    ended = empty.run("init", "--database", "d1:shop")
    assert settings(empty) == '[env.local]\ndatabase = "d1:shop"\n'
    assert "history        schema_migrations: not read\n" in ended.out
    assert files(empty) == {"d1migrate.toml"}
    assert 'next: d1migrate new "add users"' in ended.err
    add(empty, "migrations/001_t.sql")
    assert writes_nothing(empty).err.endswith("show what is applied and what is pending\n")


def test_a_url_that_is_none(empty: Project) -> None:
    """Nothing is written."""
    error = writes_nothing(empty, "--database", "postgres://x", code=2).err
    assert "postgres:// is not a database url" in error
    assert files(empty) == set()


def test_a_database_in_memory(empty: Project) -> None:
    """It would be another one in each command."""
    assert (
        "empty database in every command"
        in writes_nothing(empty, "--database", "sqlite::memory:", code=2).err
    )


def test_a_database_in_no_folder(empty: Project) -> None:
    """The folder is not made, and nothing is written."""
    error = writes_nothing(empty, "--database", "sqlite:data/app.db", code=1).err
    assert "the folder data does not exist" in error
    assert files(empty) == set()


def test_variables(empty: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """They name what a new project lacks, and win over the settings that exist, as for every command."""
    monkeypatch.setenv("D1MIGRATE_DATABASE", "sqlite:one.db")
    monkeypatch.setenv("D1MIGRATE_MIGRATIONS", "sql")
    empty.run("init")
    assert settings(empty) == 'migrations = "sql"\n\n[env.local]\ndatabase = "sqlite:one.db"\n'
    monkeypatch.setenv("D1MIGRATE_DATABASE", "sqlite:two.db")
    monkeypatch.delenv("D1MIGRATE_MIGRATIONS")
    assert "database       sqlite:two.db\n" in writes_nothing(empty).out


def test_files_that_exist(empty: Project) -> None:
    """They are the migrations; only the settings are missing."""
    add(empty, "migrations/2024-01-13-users.sql")
    ended = empty.run("init")
    assert files(empty) == {"d1migrate.toml", "migrations/2024-01-13-users.sql"}
    assert "d1migrate up      apply 1 migration" in ended.err


def test_a_folder_for_each_file(empty: Project) -> None:
    """The pattern is written."""
    add(empty, "migrations/20260101000000_init/migration.sql")
    empty.run("init")
    assert settings(empty) == f'pattern = "*/migration.sql"\n\n{TOML}'


def test_a_database_that_exists(empty: Project) -> None:
    """It is the database, and the next step is to write its schema down."""
    connection = sqlite3.connect(empty.folder / "shop.sqlite3")
    connection.execute("CREATE TABLE products (id INTEGER PRIMARY KEY)")
    connection.close()
    add(empty, "thumbs.db", "not a database")
    ended = empty.run("init")
    assert settings(empty) == '[env.local]\ndatabase = "sqlite:shop.sqlite3"\n'
    assert ended.err == 'next: d1migrate baseline "as found"  write its schema into the first file\n'
    empty.run("baseline", "as found")
    assert "CREATE TABLE products" in (empty.migrations / "001_as_found.sql").read_text()


def test_several_databases_that_exist(empty: Project) -> None:
    """None is chosen."""
    for name in ("a.db", "b.db"):
        connection = sqlite3.connect(empty.folder / name)
        connection.execute("CREATE TABLE t (x)")
        connection.close()
    error = writes_nothing(empty, code=2).err
    assert "several SQLite files are here: a.db, b.db\n" in error
    assert "`d1migrate init --database sqlite:a.db`" in error


def test_a_database_with_files(empty: Project) -> None:
    """What it has is to be found out."""
    add(empty, "migrations/001_t.sql")
    empty.sql("CREATE TABLE t (x)")
    assert "next: d1migrate adopt  find out which files the database has" in empty.run("init").err


def test_files_and_history_that_disagree(empty: Project) -> None:
    """`status` shows what to do; `up` would refuse."""
    empty.run("init")
    empty.run("up")
    (empty.migrations / "001_initial_schema.sql").write_text("CREATE TABLE other (x);\n")
    ended = writes_nothing(empty)
    assert "history        schema_migrations: 1 changed\n" in ended.out
    assert ended.err.endswith("next: d1migrate status  show what is applied and what is pending\n")


def test_a_damaged_database(empty: Project) -> None:
    """It does not keep the settings from being written."""
    empty.database.write_bytes(b"SQLite format 3\0" + b"x" * 5000)
    ended = empty.run("init")
    assert "warning: cannot read the database: " in ended.err
    assert files(empty) == {"d1migrate.toml", "app.db"}


# --- half set up, or in the way ---


def test_settings_without_files(empty: Project) -> None:
    """The first file is written."""
    add(empty, "d1migrate.toml", TOML)
    assert "created migrations/001_initial_schema.sql\n" in empty.run("init").out
    assert files(empty) == {"d1migrate.toml", "migrations/001_initial_schema.sql"}


@pytest.mark.parametrize(
    ("name", "text", "lines"),
    [
        ("d1migrate.toml", '[lint]\nD104 = "error"\n', TOML),
        ("pyproject.toml", "[tool.d1migrate]\n", TOML.replace("[", "[tool.d1migrate.")),
    ],
)
def test_settings_without_a_database(empty: Project, name: str, text: str, lines: str) -> None:
    """The lines to add are in the hint; the file is the user's."""
    add(empty, name, text)
    error = writes_nothing(empty, code=2).err
    assert f"{name} names no database\nhint: add to it:\n{lines}" in error
    (empty.folder / name).write_text(text + lines)
    empty.run("init")


def test_settings_that_say_something_else(empty: Project) -> None:
    """They are not overwritten, and not ignored."""
    empty.run("init")
    error = writes_nothing(empty, "--database", "sqlite:other.db", code=2).err
    assert "d1migrate.toml has other databases: local is sqlite:app.db" in error
    error = writes_nothing(empty, "--migrations", "sql", code=2).err
    assert "has another migrations folder: migrations\n" in error
    assert 'set `migrations = "sql"` in that file' in error
    writes_nothing(empty, "--database", "sqlite:app.db", "--migrations", "migrations")


def test_a_file_in_place_of_the_folder(empty: Project) -> None:
    """Nothing is written beside it."""
    add(empty, "migrations", "a file")
    assert "the migrations folder migrations is not a folder" in writes_nothing(empty, code=2).err
    assert files(empty) == {"migrations"}


def test_a_link_in_place_of_a_file(empty: Project) -> None:
    """A link that leads nowhere is not written through."""
    link = empty.folder / "d1migrate.toml"
    link.symlink_to("missing.toml")
    assert "d1migrate.toml is not a file\nhint: move it" in empty.run("init", code=2).err
    link.unlink()
    empty.migrations.mkdir()
    (empty.migrations / "001_initial_schema.sql").symlink_to("missing.sql")
    assert "cannot create migrations/001_initial_schema.sql: File exists" in empty.run("init", code=2).err
    assert files(empty) == {"migrations/001_initial_schema.sql"}


def test_a_folder_that_is_a_link(empty: Project, tmp_path_factory: pytest.TempPathFactory) -> None:
    """It is followed inside the project, and refused if it leads out of it."""
    (empty.folder / "sql").mkdir()
    empty.migrations.symlink_to("sql")
    empty.run("init")
    assert "sql/001_initial_schema.sql" in files(empty)
    empty.migrations.unlink()
    empty.migrations.symlink_to(tmp_path_factory.mktemp("elsewhere"))
    assert "is outside the project" in empty.run("init", code=2).err


def test_a_folder_that_cannot_be_written(empty: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error names the file, and the next run writes what is missing."""

    def refuse(path: str, text: str) -> None:
        if path.endswith(".toml"):
            raise PermissionError(13, "Permission denied", path)
        create(path, text)

    create = disk.create
    with monkeypatch.context() as patch:
        patch.setattr(disk, "create", refuse)
        assert "cannot create d1migrate.toml: Permission denied" in empty.run("init", code=2).err
    assert empty.run("init").out.startswith("created d1migrate.toml\nconfiguration")
    assert files(empty) == {"d1migrate.toml", "migrations/001_initial_schema.sql"}


def test_a_subfolder(empty: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the project has is found from below; a new project begins where `init` is typed."""
    empty.run("init")
    (empty.folder / "src").mkdir()
    monkeypatch.chdir(empty.folder / "src")
    ended = writes_nothing(empty)
    assert "configuration  ../d1migrate.toml\n" in ended.out
    assert "../migrations/*.sql: 1 file" in ended.out
    (empty.folder / "d1migrate.toml").unlink()
    empty.run("init")
    assert "src/d1migrate.toml" in files(empty)


# --- wrangler ---


@pytest.mark.parametrize("name", ["wrangler.jsonc", "wrangler.json"])
def test_a_project_of_wrangler(empty: Project, name: str) -> None:
    """It has everything."""
    bind(empty, BINDING, name=name)
    add(empty, "migrations/0001_t.sql")
    ended = writes_nothing(empty)
    assert ended.out.splitlines() == [
        f"configuration  {name}",
        "database       local: wrangler:DB (shop)",
        "migrations     migrations/*.sql: 1 file",
        "history        d1_migrations: 1 pending",
    ]
    assert "already set up: nothing to write\n" in ended.err


def test_a_project_of_wrangler_in_toml_from_below(empty: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its settings count from every folder below, and there may be no file yet."""
    add(empty, "wrangler.toml", '[[d1_databases]]\nbinding = "DB"\nmigrations_dir = "sql"\n')
    (empty.folder / "src").mkdir()
    monkeypatch.chdir(empty.folder / "src")
    ended = writes_nothing(empty)
    assert "migrations     ../sql/*.sql: no files yet\n" in ended.out
    assert 'next: d1migrate new "add users"  create the next file\n' in ended.err
    assert empty.run("new", "add users").out == "../sql/0001_add_users.sql\n"


def test_what_wrangler_applied(empty: Project) -> None:
    """Its names are the history; checksums are the next step."""
    bind(empty, BINDING)
    add(empty, "migrations/0001_t.sql")
    empty.run("up")
    local = next(empty.folder.rglob("*.sqlite"))
    connection = sqlite3.connect(local)
    connection.execute("DROP TABLE d1migrate_log")
    connection.close()
    ended = writes_nothing(empty)
    assert "history        d1_migrations: 1 applied\n" in ended.out
    assert "d1migrate adopt            record the checksums of what is applied\n" in ended.err
    empty.run("adopt", "--yes")
    assert "adopt" not in writes_nothing(empty).err


def test_several_databases_of_wrangler(empty: Project) -> None:
    """They are listed, and the line that chooses one is named."""
    bind(
        empty,
        BINDING,
        {"binding": "LOG", "database_name": "log", "database_id": "2c3d", "migrations_dir": "log"},
    )
    error = writes_nothing(empty, code=2).err
    assert "2 D1 databases to choose from" in error
    assert "DB (shop), LOG (log)" in error
    assert "`d1migrate init --database wrangler:DB`" in error
    ended = empty.run("init", "--database", "wrangler:LOG")
    assert settings(empty) == '[env.local]\ndatabase = "wrangler:LOG"\n'
    assert "migrations     log/*.sql: no files yet\n" in ended.out


@pytest.mark.parametrize(
    ("name", "text", "lines"),
    [
        ("wrangler.jsonc", '{"name": "w"} // a comment', '"d1_databases": [{ "binding": "DB", '),
        ("wrangler.toml", 'name = "w"\n', "[[d1_databases]] with binding ="),
    ],
)
def test_a_worker_without_a_database(empty: Project, name: str, text: str, lines: str) -> None:
    """The hint has what to add; a SQLite file can be used instead."""
    add(empty, name, text)
    error = writes_nothing(empty, code=2).err
    assert f"{name}: no D1 databases to choose from\nhint: add {lines}" in error
    empty.run("init", "--database", "sqlite:app.db")
    assert settings(empty) == TOML


def test_databases_of_an_environment(empty: Project) -> None:
    """The environment has to be named, as for every command."""
    add(empty, "wrangler.jsonc", json.dumps({"env": {"dev": {"d1_databases": [BINDING]}}}))
    add(empty, "migrations/0001_t.sql")
    assert "only in the environment dev: use `--env dev`" in writes_nothing(empty, code=2).err
    ended = writes_nothing(empty, "--env", "dev")
    assert "database       dev: wrangler:DB?env=dev (shop)\n" in ended.out
    assert "d1migrate up --env dev" in ended.err


def test_a_configuration_that_a_build_generated(empty: Project) -> None:
    """As NuxtHub's: nothing names the file where wrangler looks, so it is written down."""
    add(
        empty,
        ".output/server/wrangler.json",
        json.dumps({"d1_databases": [BINDING | {"migrations_dir": "db"}]}),
    )
    add(empty, ".output/server/db/0001_t.sql")
    add(empty, ".wrangler/deploy/config.json", '{"configPath": "../../.output/server/wrangler.json"}')
    ended = empty.run("init")
    assert settings(empty) == 'wrangler = ".output/server/wrangler.json"\n'
    assert "migrations     .output/server/db/*.sql: 1 file\n" in ended.out
    empty.run("up")


# --- drizzle-kit and Prisma ---


def test_drizzle_in_wranglers_folder(empty: Project) -> None:
    """There is nothing to write."""
    bind(empty, BINDING | {"migrations_dir": "drizzle"})
    add(empty, "drizzle.config.ts", DRIZZLE % 'driver: "d1-http"')
    add(empty, "drizzle/0000_ready_hulk.sql")
    ended = writes_nothing(empty)
    assert "generator      drizzle-kit, drizzle.config.ts\n" in ended.out
    assert "migrations     drizzle/*.sql: 1 file\n" in ended.out
    empty.run("up")
    assert "npx drizzle-kit generate  generate the next file\n" in writes_nothing(empty).err


@pytest.mark.parametrize("path", ["0000_ready_hulk.sql", "20261112090000_shop/migration.sql", None])
def test_drizzle_in_a_folder_of_its_own(empty: Project, path: str | None) -> None:
    """The folder is written, with the pattern of its layout; wrangler's settings for it are named."""
    bind(empty, BINDING)
    add(empty, "drizzle.config.ts", DRIZZLE % "")
    pattern = both = ""
    if path:
        add(empty, f"drizzle/{path}")
    if path and "/" in path:
        pattern, both = 'pattern = "*/migration.sql"\n', ', "migrations_pattern": "drizzle/*/migration.sql"'
    ended = empty.run("init")
    assert settings(empty) == f'migrations = "drizzle"\n{pattern}wrangler = "wrangler.jsonc"\n'
    assert f'add "migrations_dir": "drizzle"{both} to the binding DB in wrangler.jsonc\n' in ended.err
    assert empty.run("env", "--json").json["environments"][0]["database"] == "wrangler:DB"


def test_prisma_beside_a_wrangler_toml(empty: Project) -> None:
    """What wrangler's configuration lacks is printed in its own language."""
    add(empty, "wrangler.toml", '[[d1_databases]]\nbinding = "DB"\n')
    add(empty, "prisma/schema.prisma", 'datasource db {\n  provider = "sqlite"\n}\n')
    add(empty, "prisma/migrations/20261112090000_shop/migration.sql")
    lines = (
        'migrations_dir = "prisma/migrations" and migrations_pattern = "prisma/migrations/*/migration.sql"'
    )
    assert f"add {lines} to the binding DB in wrangler.toml\n" in empty.run("init").err


def test_drizzle_on_a_file(empty: Project) -> None:
    """Its configuration names folder and database."""
    add(empty, "drizzle.config.ts", DRIZZLE % 'dbCredentials: { url: "file:./local.db" }')
    ended = empty.run("init")
    assert settings(empty) == 'migrations = "drizzle"\n\n[env.local]\ndatabase = "sqlite:local.db"\n'
    assert ended.err == "next: npx drizzle-kit generate  generate the next file\n"
    assert files(empty) == {"drizzle.config.ts", "d1migrate.toml"}


def test_drizzle_whose_database_is_computed(empty: Project) -> None:
    """The user names it."""
    add(empty, "drizzle.config.ts", DRIZZLE % "dbCredentials: { url: process.env.DB_FILE! }")
    error = writes_nothing(empty, code=2).err
    assert "drizzle.config.ts does not name the file of the database as plain text" in error
    assert "`d1migrate init --database sqlite:app.db`" in error
    empty.run("init", "--database", "sqlite:app.db")
    assert settings(empty) == f'migrations = "drizzle"\n\n{TOML}'


def test_drizzle_that_only_generates(empty: Project) -> None:
    """Its configuration is about no database: a new file is the database, as without drizzle."""
    add(empty, "drizzle.config.ts", DRIZZLE % "")
    add(empty, "drizzle/0000_ready_hulk.sql")
    empty.run("init")
    assert settings(empty) == f'migrations = "drizzle"\n\n{TOML}'


def test_drizzle_whose_folder_is_computed(empty: Project) -> None:
    """The user names it."""
    add(empty, "drizzle.config.ts", 'export default { dialect: "sqlite", out: process.env.OUT };')
    given = ("--database", "sqlite:app.db")
    assert "`d1migrate init --migrations DIR`" in writes_nothing(empty, *given, code=2).err
    empty.run("init", *given, "--migrations", "out")
    assert settings(empty) == f'migrations = "out"\n\n{TOML}'


def test_drizzle_for_another_database(empty: Project) -> None:
    """It is not ours, unless wrangler binds a D1 beside it."""
    add(empty, "drizzle.config.ts", DRIZZLE.replace("sqlite", "postgresql") % "")
    assert "drizzle.config.ts is for postgresql" in writes_nothing(empty, code=2).err
    bind(empty, BINDING)
    ended = writes_nothing(empty)
    assert "migrations     migrations/*.sql: no files yet\n" in ended.out


def test_prisma_on_a_file(empty: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file is relative to the schema, the pattern is Prisma's."""
    add(empty, "prisma/schema.prisma", PRISMA % 'url = "file:./dev.db"')
    monkeypatch.chdir(empty.folder / "prisma")
    ended = empty.run("init")
    assert settings(empty) == (
        'migrations = "prisma/migrations"\npattern = "*/migration.sql"\n\n'
        '[env.local]\ndatabase = "sqlite:prisma/dev.db"\n'
    )
    assert ended.err == "next: npx prisma migrate dev --create-only  generate the next file\n"
    add(empty, "prisma/migrations/20261112090000_shop/migration.sql")
    empty.run("up")
    assert (empty.folder / "prisma/dev.db").exists()


def test_prisma_on_d1(empty: Project) -> None:
    """Its folder is written if it has files; else they are in wrangler's."""
    bind(empty, BINDING)
    add(empty, "prisma/schema.prisma", PRISMA % 'url = env("DATABASE_URL")')
    assert "migrations     migrations/*.sql: no files yet\n" in writes_nothing(empty).out
    add(empty, "prisma/migrations/20261112090000_shop/migration.sql")
    ended = empty.run("init")
    assert settings(empty) == (
        'migrations = "prisma/migrations"\npattern = "*/migration.sql"\nwrangler = "wrangler.jsonc"\n'
    )
    assert "migrations     prisma/migrations/*/migration.sql: 1 file\n" in ended.out


@pytest.mark.parametrize("layout", ["prisma", "drizzle_1.0"])
def test_what_generators_wrote(empty: Project, layout: str) -> None:
    """Folders as the tools wrote them, with a pattern for wrangler, need nothing."""
    for path in (GENERATED / layout).rglob("*"):
        if path.is_file():
            add(empty, str(path.relative_to(GENERATED / layout)), path.read_text())
    assert "/*/migration.sql: 2 files\n" in writes_nothing(empty).out


@pytest.mark.parametrize("folder", ["db/migrations", "database/migrations"])
def test_files_where_another_tool_has_them(empty: Project, folder: str) -> None:
    """Init finds them, instead of beginning a second folder."""
    add(empty, f"{folder}/20240101120000_teams.sql")
    found = empty.run("init").out
    assert "created d1migrate.toml\n" in found
    assert f"migrations     {folder}/*.sql: 1 file\n" in found
    assert files(empty) == {"d1migrate.toml", f"{folder}/20240101120000_teams.sql"}
    empty.run("up", "--no-lint")
    assert empty.run("current").out.strip().endswith("20240101120000_teams")


# --- models ---

MANAGE = 'import os\nos.environ.setdefault("DJANGO_SETTINGS_MODULE", "mysite.settings")\n'
ENV = "from app.models import Base\n\ntarget_metadata = Base.metadata\n"


def alembic(project: Project, env: str = ENV) -> None:
    """Write what Alembic has."""
    add(project, "alembic.ini", "[alembic]\nscript_location = alembic\n")
    add(project, "alembic/env.py", env)
    add(project, "app/models.py", "raise SystemExit('this is not run')\nBase = None\n")


def test_django(empty: Project) -> None:
    """Its models are the source, and the next step is `diff`."""
    add(empty, "manage.py", MANAGE)
    add(empty, "mysite/settings.py", "raise SystemExit('this is not run')\n")
    ended = empty.run("init")
    assert settings(empty) == '[schema]\nsource = "django:mysite.settings"\n\n' + TOML
    assert ended.out.splitlines()[:3] == [
        "created d1migrate.toml",
        "configuration  d1migrate.toml",
        "models         Django, manage.py",
    ]
    assert ended.err == "next: d1migrate diff  write the migration that leads to the models\n"
    assert writes_nothing(empty).err.startswith("already set up: nothing to write\nnext: d1migrate diff ")


def test_the_file_of_a_django_project(empty: Project) -> None:
    """The application and d1migrate use the same file, if it has the name that `startproject` gives."""
    add(empty, "manage.py", MANAGE)
    add(empty, "mysite/settings.py", 'NAME = BASE_DIR / "db.sqlite3"\n')
    empty.run("init")
    assert settings(empty).endswith('[env.local]\ndatabase = "sqlite:db.sqlite3"\n')


def test_alembic_beside_wrangler(empty: Project) -> None:
    """A d1migrate.toml is written for the models."""
    alembic(empty)
    bind(empty, BINDING)
    empty.run("init")
    assert (
        settings(empty)
        == 'wrangler = "wrangler.jsonc"\n\n[schema]\nsource = "python:app.models:Base.metadata"\n'
    )


def test_models_and_settings_that_exist(empty: Project) -> None:
    """Nothing is overwritten: the lines to add are shown."""
    alembic(empty)
    add(empty, "d1migrate.toml", TOML)
    assert writes_nothing(empty).err.startswith(
        "already set up: nothing to write\nfor migrations from the models of Alembic, add to d1migrate.toml:\n"
        '[schema]\nsource = "python:app.models:Base.metadata"\n'
    )


def test_models_that_are_computed(empty: Project) -> None:
    """They are not guessed."""
    alembic(empty, "target_metadata = load()\n")
    ended = empty.run("init")
    assert settings(empty) == TOML
    assert 'add to d1migrate.toml:\n[schema]\nsource = "python:MODULE:OBJECT"\n' in ended.err


def test_a_database_of_alembic(empty: Project) -> None:
    """Without files it begins from its tables; its own history needs files."""
    alembic(empty)
    empty.sql("CREATE TABLE users (id INTEGER);\nCREATE TABLE alembic_version (version_num VARCHAR(32))")
    err = empty.run("init").err
    assert (
        "`adopt` takes over the history in alembic_version instead, if the folder has the migrations of"
        in err
    )
    assert 'next: d1migrate baseline "as found"' in err
