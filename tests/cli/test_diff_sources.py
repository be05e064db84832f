"""diff with a desired schema from a folder, a SQLite file, a command or models, given or configured."""

from __future__ import annotations

import shlex
import sqlite3
import subprocess
import sys
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.cli.project import Project

USERS = "CREATE TABLE users (id INTEGER NOT NULL PRIMARY KEY, email VARCHAR);\n"
ROLE = "CREATE TABLE users (id INTEGER NOT NULL PRIMARY KEY, email VARCHAR, role VARCHAR);\n"
MODELS = """\
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class Base(DeclarativeBase):
    pass


class User(Base):
    __tablename__ = "users"
    id: Mapped[int] = mapped_column(primary_key=True)
    email: Mapped[str | None]
    role: Mapped[str | None]
"""
COMMAND = f"command:{shlex.quote(sys.executable)} make.py {{db}}"
MAKE = f"import sqlite3, sys\nsqlite3.connect(sys.argv[1]).executescript({ROLE!r})\n"


@pytest.fixture
def begun(project: Project) -> Project:
    """A project with a table, and sources with one column more."""
    project.write("001_users.sql", USERS)
    folder = project.folder
    (folder / "want").mkdir()
    (folder / "want" / "01_users.sql").write_text(USERS)
    (folder / "want" / "02_role.sql").write_text("ALTER TABLE users ADD COLUMN role VARCHAR;\n")
    with closing(sqlite3.connect(folder / "want.db")) as connection:
        connection.executescript(f"{ROLE}CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)")
    (folder / "make.py").write_text(MAKE)
    (folder / "app").mkdir()
    (folder / "app" / "models.py").write_text(MODELS)
    return project


SOURCES = (
    "want",
    "want.db",
    "sqlite:want.db",
    COMMAND,
    "python:app.models:Base.metadata",
    "python:app.models:Base",
)


@pytest.mark.parametrize("source", SOURCES)
def test_given(begun: Project, source: str) -> None:
    """--check reports the difference, and afterwards none; a history of another tool is not a difference."""
    assert begun.run("diff", "--to", source, "--check", code=3).err == "different: add users role\n"
    assert begun.run("diff", "--to", source).out == "migrations/002_add_users_role.sql\n"
    assert begun.run("diff", "--to", source, "--check").err == "no difference\n"


@pytest.mark.parametrize("source", SOURCES)
def test_configured(begun: Project, monkeypatch: pytest.MonkeyPatch, source: str) -> None:
    """It is relative to d1migrate.toml, and so is what it runs; `schema` writes the file."""
    (begun.folder / "d1migrate.toml").write_text(f'[schema]\nfile = "db.sql"\nsource = """{source}"""\n')
    monkeypatch.chdir(begun.folder / "app")
    assert begun.run("diff", "--check", code=3).err == "different: add users role\n"
    begun.run("schema", "--at", "latest", "--output")
    assert "role" not in (begun.folder / "db.sql").read_text()
    assert "`d1migrate diff`" not in begun.run("schema", "--at", "none", "--check", code=3).err
    assert begun.run("diff", "--check", "--to", "../db.sql").err == "no difference\n"


def test_a_folder_in_another_layout(begun: Project) -> None:
    """As of drizzle and Prisma: a folder for each migration."""
    nested = begun.folder / "drizzle" / "20260101_role"
    nested.mkdir(parents=True)
    (nested / "migration.sql").write_text(ROLE.replace(");", ");--> statement-breakpoint"))
    assert begun.run("diff", "--to", "drizzle", "--check", code=3).err == "different: add users role\n"


def test_histories_of_other_tools_in_a_folder(begun: Project) -> None:
    """What a tool creates for itself is not wanted, in any kind of source."""
    for number, table in enumerate(
        ("d1_migrations", "alembic_version", "__drizzle_migrations", "schema_migrations")
    ):
        columns = "version INTEGER PRIMARY KEY, name TEXT NOT NULL, applied_at INTEGER NOT NULL"
        (begun.folder / "want" / f"1{number}.sql").write_text(
            f"CREATE TABLE IF NOT EXISTS {table} ({columns});\n"
        )
    assert begun.run("diff", "--to", "want", "--check", code=3).err == "different: add users role\n"


def test_a_folder_with_a_wrong_file(begun: Project) -> None:
    """The error has the file and the line."""
    (begun.folder / "want" / "03_wrong.sql").write_text("\nALTER TABLE user ADD COLUMN a;\n")
    assert begun.run("diff", "--to", "want", code=1).err.startswith(
        "error: want/03_wrong.sql:2: no such table: user"
    )


def test_the_live_schema_and_the_own_folder(begun: Project) -> None:
    """This is how a database is brought back to what its migrations build."""
    begun.sql(ROLE)
    err = begun.run("diff", "--to", "migrations", "--from", "live", "--check", code=3).err
    assert "different: users.role would be dropped" in err


@pytest.mark.parametrize("source", ["want", "want.db", COMMAND])
def test_an_option_without_effect(begun: Project, source: str) -> None:
    """It is an error; --app also for SQLAlchemy."""
    err = begun.run("diff", "--to", source, "--python", "python3", code=2).err
    assert err.startswith(f"error: --python imports models, and {source} has none\n")
    assert (
        "--to django:mysite.settings" in begun.run("diff", "--to", "python:app:B", "--app", "a", code=2).err
    )


def test_a_class_has_a_source_of_its_own(begun: Project) -> None:
    """Its models are not the project's."""
    (begun.folder / "tenant").mkdir()
    (begun.folder / "tenant" / "1.sql").write_text("CREATE TABLE tenants (id INTEGER PRIMARY KEY);\n")
    (begun.folder / "d1migrate.toml").write_text(
        'migrations = "migrations"\n[schema]\nsource = "python:app.models:Base"\n'
        '[objects.Tenant]\nmigrations = "tenant"\nschema = { source = "want.db" }\n'
    )
    assert begun.run("diff", "--check", code=3).err == "different: add users role\n"
    err = begun.run("diff", "--check", "--migrations", "tenant", code=3).err
    assert err.startswith("different: tenants would be dropped")


def test_a_wrong_source_in_the_configuration(begun: Project) -> None:
    """The message names the file."""
    (begun.folder / "d1migrate.toml").write_text('[schema]\nsource = "pyhton:app:Base"\n')
    assert begun.run("diff", code=2).err == (
        "error: d1migrate.toml: `source`: 'pyhton:app:Base' is not a source of a desired schema\n"
        "hint: did you mean python:app:Base?\n"
    )


@pytest.mark.parametrize("flags", [[], ["--dry-run"], ["--check"], ["--json"]])
def test_a_project_without_migrations(begun: Project, flags: list[str]) -> None:
    """Models begin from nothing; the folder is created with the first file, if one is written."""
    (begun.migrations / "001_users.sql").unlink()
    begun.migrations.rmdir()
    ran = begun.run("diff", "--to", "python:app.models:Base", *flags, code=3 if flags == ["--check"] else 0)
    written = not flags or flags == ["--json"]
    assert begun.migrations.exists() == written
    assert ("create users" in ran.err) == (flags == ["--check"])
    if written:
        (path,) = begun.migrations.iterdir()
        assert path.name == "001_create_users.sql"
        assert begun.run("diff", "--to", "python:app.models:Base").err == "no difference\n"


def test_types_that_sqlite_treats_alike(begun: Project) -> None:
    """They are no difference, unless --types asks for them; a whole schema is compared exactly."""
    begun.write(
        "001_users.sql", "CREATE TABLE users (id INTEGER PRIMARY KEY, email TEXT, role VARCHAR(5));\n"
    )
    models = "python:app.models:Base"
    assert begun.run("diff", "--to", models, "--check").err == "no difference\n"
    assert begun.run("diff", "--to", models, "--check", "--types", code=3).err == "different: change users\n"
    assert begun.run("diff", "--to", COMMAND, "--check").err == "no difference\n"
    assert begun.run("diff", "--to", "want", "--check", code=3).err == "different: change users\n"
    err = begun.run("diff", "--to", "want", "--check", "--types", code=2).err
    assert err.startswith("error: --types is for models, and want has none\n")


def test_only_diff_runs_a_program(begun: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """No other command starts one, whatever the configuration names."""

    def refuse(*arguments: object, **_: object) -> None:
        raise AssertionError(arguments)

    (begun.folder / "d1migrate.toml").write_text(
        f'index = "index.py"\n[schema]\nsource = """{COMMAND}"""\npython = "./no-such-python"\n'
    )
    monkeypatch.setattr(subprocess, "Popen", refuse)
    for command in (
        "status", "list", "lint --all", "plan", "plan --sql", "up", "history", "current", "schema", "verify",
        "schema --at latest --output", "schema --at latest --check", "rehearse --all", "index", "index --check",
        "new more", "gate --strict", "env", "init", "down --dry-run", "rebuild users --add age", "baseline --to 1 --dry-run",
        "adopt --dry-run", "squash --to 1 --dry-run", "verify --fix --dry-run", "backup",
    ):  # fmt: skip
        begun.run(*command.split(), code=None)
    with pytest.raises(AssertionError):
        begun.run("diff", "--check")


@pytest.mark.parametrize(
    ("settings", "flags"),
    [
        (f'source = """{COMMAND}"""', []),
        ('source = "python:app.models:Base"', []),
        ('python = "./python"', ["--to", "python:app.models:Base"]),
        ('file = "schema.sql"', ["--to", "python:app.models:Base"]),
        ('file = "schema.sql"', ["--to", COMMAND]),
    ],
)
def test_a_configuration_above_the_repository(
    begun: Project, monkeypatch: pytest.MonkeyPatch, settings: str, flags: list[str]
) -> None:
    """It names no program, and no code is in its folder, unless the user names the file: others may write there."""
    (begun.folder / "d1migrate.toml").write_text(f'migrations = "migrations"\n[schema]\n{settings}\n')
    (begun.folder / "repo" / ".git").mkdir(parents=True)
    monkeypatch.chdir(begun.folder / "repo")
    ran = begun.run("diff", "--check", *flags, code=2)
    assert ran.err.startswith("error: ../d1migrate.toml is above this git repository, and ")
    assert ran.err.endswith("hint: if you trust that file, name it: `--config ../d1migrate.toml`\n")
    if not flags:
        ran = begun.run("diff", "--check", "--config", "../d1migrate.toml", code=3)
        assert ran.err == "different: add users role\n"
    (begun.folder / "d1migrate.toml").write_text('migrations = "migrations"\n[schema]\nsource = "want.db"\n')
    assert begun.run("diff", "--check", code=3).err == "different: add users role\n"
