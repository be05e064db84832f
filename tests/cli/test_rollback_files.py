"""Rollbacks in files of their own, for generated migrations: every command treats them as the block."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pytest

    from tests.cli.project import Project

ONE = "CREATE TABLE `users` (\n\t`id` integer PRIMARY KEY NOT NULL\n);\n--> statement-breakpoint\nCREATE INDEX i ON users (id);"


def write(project: Project, name: str, text: str) -> None:
    """Write a rollback file."""
    path = project.folder / "rollback" / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)


def test_it_is_the_rollback(project: Project) -> None:
    """Planned, rehearsed, kept in the log, and run; the generated file is not edited."""
    project.write("001_users.sql", ONE)
    write(project, "001_users.sql", "DROP TABLE users;\n")
    assert "H102" not in project.run("lint").out
    assert project.run("list", "--json").json["migrations"][0]["reversible"] is True
    assert "restores" in project.run("rehearse", "--recovery", code=None).out + project.run("rehearse").out
    project.run("up")
    assert project.sql("SELECT rollback_sql FROM d1migrate_log WHERE event = 'done'") == [
        ("DROP TABLE users;\n",)
    ]
    assert "DROP TABLE users" in project.run("plan", "--down", "--sql").out
    project.run("down")
    assert "users" not in project.tables()


def test_the_log_and_the_file_may_differ(project: Project) -> None:
    """As with a block."""
    project.write("001_users.sql", ONE)
    write(project, "001_users.sql", "DROP TABLE users;\n")
    project.run("up")
    write(project, "001_users.sql", "DROP INDEX i; DROP TABLE users;\n")
    assert "--rollback-from file" in project.run("down", code=1).err
    (project.folder / "rollback/001_users.sql").unlink()
    assert "--rollback-from file" in project.run("down", code=1).err
    project.run("down", "--rollback-from", "history")


def test_it_may_declare_that_there_is_none(project: Project) -> None:
    """With its reason."""
    project.write("001_users.sql", ONE)
    write(project, "001_users.sql", "-- Rollback: none, users are forever\n")
    project.run("up")
    assert "users are forever" in project.run("down", code=1).err


def test_a_block_and_a_file(project: Project) -> None:
    """Both are named, nothing runs, and the others are not affected."""
    project.write("001_users.sql", ONE + "\n-- Rollback: DROP TABLE users;\n")
    write(project, "001_users.sql", "DROP TABLE users;\n")
    error = project.run("up", code=1).err
    assert "migrations/001_users.sql:6: it has a rollback block, and there is rollback/001_users.sql" in error
    for command in ("status", "list", "history", "verify", "lint"):
        assert project.run(command, code=3 if command == "lint" else None).code in (0, 3), command


def test_renumber_moves_it_along(project: Project) -> None:
    """Also to a name that another one gives up."""
    project.write("001_users.sql", ONE)
    project.run("up")
    for old, table in (("001_x", "a"), ("002_x", "b")):
        project.write(f"{old}.sql", f"CREATE TABLE {table} (id INTEGER PRIMARY KEY);\n")
        write(project, f"{old}.sql", f"DROP TABLE {table};\r\n")
    project.run("renumber", "--yes")
    assert sorted(path.name for path in (project.folder / "rollback").iterdir()) == ["002_x.sql", "003_x.sql"]
    assert (project.folder / "rollback/003_x.sql").read_text() == "DROP TABLE b;\n"
    project.run("up")
    project.run("down", "--steps", "2")
    assert project.tables() == {"users"}


def test_squash_removes_it(project: Project) -> None:
    """The squashed file cannot be rolled back."""
    project.write("001_users.sql", ONE)
    project.write("002_squashed.sql", "CREATE TABLE b (id INTEGER PRIMARY KEY);\n")
    write(project, "001_users.sql", "DROP TABLE users;\n")
    write(project, "002_squashed.sql", "DROP TABLE b;\n")
    project.run("squash", "--to", "2", "--yes")
    assert not list((project.folder / "rollback").iterdir())
    project.run("up")


def test_a_rollback_file_without_its_migration(project: Project) -> None:
    """A warning, once, in every command: it may be misspelled."""
    project.write("001_users.sql", ONE)
    write(project, "01_users.sql", "DROP TABLE users;\n")
    for command in ("status", "up", "list"):
        warning = "warning: rollback/01_users.sql belongs to no migration in migrations\n"
        assert project.run(command).err.count(warning) == 1


def test_nested_names(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two databases, each with a folder in the layout of Prisma; the same names need folders of their own."""
    monkeypatch.delenv("D1MIGRATE_DATABASE")
    databases = [
        {"binding": name, "migrations_dir": f"db/{name}", "migrations_pattern": f"db/{name}/*/migration.sql"}
        for name in ("shop", "blog")
    ]
    (project.folder / "wrangler.json").write_text(json.dumps({"d1_databases": databases}))
    for name in ("shop", "blog"):
        path = project.folder / f"db/{name}/20260101000000_init/migration.sql"
        path.parent.mkdir(parents=True)
        path.write_text(f"CREATE TABLE {name} (id INTEGER PRIMARY KEY);\n")
    shop = ("--database", "wrangler:shop")
    rollback = project.folder / "db/rollback/20260101000000_init/migration.sql"
    rollback.parent.mkdir(parents=True)
    rollback.write_text("DROP TABLE shop;\n")
    assert "both have 20260101000000_init/migration.sql" in project.run("up", *shop, code=1).err
    rollback.parent.rename(project.folder / "db/moved")
    (project.folder / "db/rollback/shop").mkdir()
    (project.folder / "db/moved").rename(project.folder / "db/rollback/shop/20260101000000_init")
    project.run("up", *shop)
    project.run("down", *shop)
    assert project.run("status", *shop, "--json").json["pending"] == 1


def test_a_rollback_file_in_the_migrations_folder(project: Project) -> None:
    """If the pattern matches it, wrangler would run it forward."""
    (project.folder / "wrangler.json").write_text(
        json.dumps(
            {"d1_databases": [{"binding": "DB", "migrations_dir": "m", "migrations_pattern": "m/**/*.sql"}]}
        )
    )
    for name in ("m/0001_init.sql", "m/rollback/0001_init.sql"):
        (project.folder / name).parent.mkdir(exist_ok=True)
        (project.folder / name).write_text("CREATE TABLE IF NOT EXISTS a (id INTEGER PRIMARY KEY);\n")
    error = project.run("up", "--database", "wrangler:DB", code=1).err
    assert "m/rollback/0001_init.sql: wrangler would run this down file as a forward migration" in error
