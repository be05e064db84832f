"""diff and rebuild on the command line: a migration and its rollback, which keep every row."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.cli.project import Project

WANTED = "CREATE TABLE users (id INTEGER PRIMARY KEY, email TEXT NOT NULL);\n"
FIRST = """\
CREATE TABLE users (id INTEGER PRIMARY KEY, email TEXT);
CREATE TABLE posts (id INTEGER PRIMARY KEY, by INTEGER REFERENCES users (id) ON DELETE CASCADE);
CREATE INDEX posts_by ON posts (by);
"""
REST = "".join(FIRST.split("\n", 1)[1:])


def begun(project: Project, wanted: str) -> None:
    """A database with rows, and a schema.sql."""
    project.write("001_first.sql", FIRST)
    project.run("up")
    project.sql("INSERT INTO users VALUES (1, 'a'), (2, NULL);\nINSERT INTO posts VALUES (7, 1)")
    (project.folder / "schema.sql").write_text(wanted)


def test_there_and_back(project: Project) -> None:
    """diff, lint, rehearse, up, down: no row is lost, and diff finds no difference afterwards."""
    begun(project, WANTED + REST)
    err = project.run("diff", "--to", "schema.sql", code=1).err
    assert "users.email becomes NOT NULL: existing rows need a value" in err
    assert "hint: add --backfill \"users.email='…'\"" in err
    found = project.run("diff", "--to", "schema.sql", "--backfill", "users.email='?'", "--json")
    assert found.json["files"][0].endswith("migrations/002_change_users.sql")
    assert project.run("diff", "--to", "schema.sql").err == "no difference\n"
    findings = project.run("lint", "--strict", "--json").json["diagnostics"]
    assert [finding["code"] for finding in findings] == ["W103"]
    assert "no loss" in project.run("rehearse").out
    project.run("up")
    assert project.sql("SELECT * FROM users") == [(1, "a"), (2, "?")]
    assert project.sql("SELECT * FROM posts") == [(7, 1)]
    assert project.run("verify", "--check").out == "files, history and schema agree\n"
    project.run("down")
    assert project.sql("SELECT * FROM posts") == [(7, 1)]
    assert (
        project.run("verify", "--check").out
        == "002_change_users: pending\n1 migration agrees, 1 pending; schema agrees\n"
    )


def test_check_and_dry_run_write_nothing(project: Project) -> None:
    """--check reports by its exit code, --dry-run prints the file."""
    begun(project, FIRST)
    assert project.run("diff", "--to", "schema.sql", "--check").err == "no difference\n"
    (project.folder / "schema.sql").write_text(FIRST.replace("email TEXT", "email TEXT, role TEXT"))
    assert project.run("diff", "--to", "schema.sql", "--check", code=3).err == "different: add users role\n"
    (project.folder / "schema.sql").write_text(WANTED)
    assert (
        "different: posts would be dropped"
        in project.run("diff", "--to", "schema.sql", "--check", code=3).err
    )
    (project.folder / "schema.sql").write_text(FIRST.replace("email TEXT", "email TEXT, role TEXT"))
    out = project.run("diff", "--to", "schema.sql", "--dry-run", "--name", "Roles for all").out
    assert out.startswith("-- Migration: 002_roles_for_all\n-- Description: Roles for all\n")
    assert 'ALTER TABLE "users" ADD COLUMN role TEXT;\n' in out
    assert '--   ALTER TABLE "users" DROP COLUMN "role";\n' in out
    assert [path.name for path in project.migrations.iterdir()] == ["001_first.sql"]


def test_from_the_live_schema(project: Project) -> None:
    """The live schema, changed by hand, can be the start."""
    begun(project, FIRST)
    project.sql("ALTER TABLE users ADD COLUMN role TEXT")
    assert project.run("diff", "--to", "schema.sql").err == "no difference\n"
    found = project.run("diff", "--to", "schema.sql", "--from", "live", code=1)
    assert "users.role would be dropped" in found.err
    assert (
        "warning: the live schema is not what the migrations build, so this migration may fail on other"
        " databases: `d1migrate verify` shows the difference" in found.err
    )
    arguments = ("--from", "live", "--allow-drop", "users.role", "--dry-run")
    assert 'DROP COLUMN "role"' in project.run("diff", "--to", "schema.sql", *arguments).out


def test_one_table(project: Project) -> None:
    """`rebuild` makes a change without a schema.sql."""
    begun(project, "")
    column = "email TEXT UNIQUE"
    path = project.run("rebuild", "users", "--set", column, "--name", "unique emails").out.strip()
    assert path.endswith("002_unique_emails.sql")
    project.run("up")
    assert project.sql("SELECT * FROM posts") == [(7, 1)]
    assert "no such table: nobody" in project.run("rebuild", "nobody", "--set", "a", code=2).err
    assert (
        "is not a column definition" in project.run("rebuild", "users", "--set", "a) STRICT --", code=2).err
    )


def test_a_schema_that_cannot_be_read(project: Project) -> None:
    """The error names it, with the line; nothing is written."""
    begun(project, "CREATE TABLE users (id INTEGER);\n\nCREATE TABLE users (id);\n")
    assert (
        "schema.sql:3:14: table users already exists" in project.run("diff", "--to", "schema.sql", code=1).err
    )
    assert "cannot read nothing.sql" in project.run("diff", "--to", "nothing.sql", code=2).err
    (project.folder / "schema.sql").write_bytes(b"CREATE TABLE \xff")
    assert "schema.sql is not UTF-8" in project.run("diff", "--to", "schema.sql", code=2).err


END = "\x04"
"""Ctrl-D: no answer follows."""


def on_terminal(*arguments: str, answers: tuple[str, ...]) -> int:
    """Run a command on a terminal, and answer its questions."""
    controller, terminal = pty.openpty()
    command = [sys.executable, "-m", "d1migrate", *arguments]
    process = subprocess.Popen(command, stdin=terminal, stdout=terminal, stderr=terminal)
    os.close(terminal)
    seen = b""
    for answer in answers:
        while not seen.endswith((b"[y/N] ", b"as SQL: ")):
            seen += os.read(controller, 65536)
        os.write(controller, answer.encode() + (b"" if answer == END else b"\n"))
        seen = b""
    code = process.wait()
    os.close(controller)
    return code


def test_a_terminal_is_asked_what_is_not_known(project: Project) -> None:
    """A rename, a drop, a value; without an answer nothing is written."""
    begun(project, "CREATE TABLE users (id INTEGER PRIMARY KEY, mail TEXT, role TEXT NOT NULL);\n" + REST)
    diff = ("diff", "--to", "schema.sql", "--name", "mail")
    assert on_terminal(*diff, answers=("y", "")) == 1
    assert on_terminal(*diff, answers=("n", "n", "n")) == 1
    assert [path.name for path in project.migrations.iterdir()] == ["001_first.sql"]
    assert on_terminal(*diff, answers=("y", "'viewer'")) == 0
    project.run("up")
    assert project.sql("SELECT * FROM users") == [(1, "a", "viewer"), (2, None, "viewer")]
    project.run("down", "--allow-loss", "users")
    (project.migrations / "002_mail.sql").unlink()
    assert on_terminal(*diff, answers=("n", "n", "y", "'viewer'")) == 0
    project.run("up", "--no-lint")
    assert project.sql("SELECT * FROM users") == [(1, None, "viewer"), (2, None, "viewer")]


def test_the_rollback_of_a_column_in_the_middle(project: Project) -> None:
    """ADD COLUMN adds it at the end: lint and `verify` ignore the order of columns."""
    project.write("001_t.sql", "CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT, b TEXT);")
    project.run("up")
    (project.folder / "schema.sql").write_text("CREATE TABLE t (id INTEGER PRIMARY KEY, b TEXT);")
    project.run("diff", "--allow-drop", "t.a")
    findings = project.run("lint", "--strict", "--json", code=3).json["diagnostics"]
    assert [finding["code"] for finding in findings] == ["D105"]
    project.run("up")
    project.run("down", "--allow-loss", "all")
    assert project.run("verify", "--check").out.endswith("1 pending; schema agrees\n")
