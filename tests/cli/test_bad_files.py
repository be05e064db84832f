"""A file that `up` refuses, where wrangler has run it: it is a finding, and nothing else stops at it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest

from tests.cli.project import ONE, TWO

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.cli.project import Project

BAD = {
    "002_down": b"CREATE TABLE b (x);\n-- Down\nDROP TABLE b;\n",
    "002_b.down": b"CREATE TABLE IF NOT EXISTS b (x);\n",
    "002_latin": b"CREATE TABLE IF NOT EXISTS b (x DEFAULT 'caf\xe9');\n",
    "002_open": b"CREATE TABLE IF NOT EXISTS b (x);\n/* not closed",
    "002_two": b"SELECT 1;\n-- Rollback: SELECT 2;\n\nSELECT 3;\n-- Rollback: SELECT 4;\n",
    "002_prose": b"SELECT 1;\n-- Rollback:\n-- see the wiki\n",
    "002_long": b"SELECT '" + b"x" * 100_001 + b"';",
    "002_large": b"-- long\n" * (1 << 18) + b"SELECT 1;\n-- Down\nSELECT 2;\n",
    "002_trigger": b"CREATE TABLE IF NOT EXISTS b (x);\nCREATE TRIGGER IF NOT EXISTS t AFTER INSERT ON b begin SELECT 1; end;\n",
    "002_phases": b"-- d1migrate: phase=before\n-- d1migrate: phase=after\nSELECT 1;\n",
}
READERS = (
    "status",
    "list",
    "list --json",
    "history",
    "verify",
    "plan",
    "current",
    "lint",
    "status --json",
    "env",
)


@pytest.mark.parametrize("name", BAD)
def test_where_it_is_pending(project: Project, name: str) -> None:
    """`up` stops before anything runs, and every reader works."""
    _configure(project)
    project.write(f"{name}.sql", BAD[name])
    for command in READERS:
        assert project.run(*command.split(), code=None).code == _code(command, name), command
    if name != "002_phases":
        project.run("up", code=1)
        assert "002" not in project.run("history").out
    project.run("index", "--output", "i.py", code=1 if name == "002_latin" else 0)


RECORD = {
    "schema_migrations": "INSERT INTO schema_migrations (version, name, applied_at) VALUES (2, '{}', 0)",
    "d1_migrations": "INSERT INTO d1_migrations (name) VALUES ('{}.sql')",
}


@pytest.mark.parametrize("table", RECORD)
@pytest.mark.parametrize("name", BAD)
def test_where_it_is_applied(project: Project, name: str, table: str) -> None:
    """The next file is applied and rolled back, and every reader works."""
    _configure(project, table)
    project.write(f"{name}.sql", BAD[name])
    if b"b (x" in BAD[name] and b"DROP" not in BAD[name]:
        project.sql(BAD[name].decode("utf-8", "replace").replace("/*", "--"))
    project.sql(RECORD[table].format(name))
    project.write("003_c.sql", b"CREATE TABLE c (id INTEGER PRIMARY KEY);\n-- Rollback: DROP TABLE c;\n")
    for command in READERS:
        project.run(*command.split())
    project.run("up")
    project.run("status", "--check")
    assert "error" not in project.run("lint").out
    project.run("down")
    project.run("rehearse")
    project.run("up")
    project.run("verify", "--check", code=3 if name == "002_open" else 0)
    assert not project.run("up", "--json").json["steps"]


def _configure(project: Project, table: str = "schema_migrations") -> None:
    (project.folder / "d1migrate.toml").write_text(
        f'table = "{table}"\n[env.local]\ndatabase = "sqlite:app.db"\n'
    )
    project.write(
        "001_users.sql",
        ONE if table == "schema_migrations" else "CREATE TABLE users (id INTEGER PRIMARY KEY);\n",
    )
    project.run("up")


def _code(command: str, name: str) -> int:
    """The exit code while the file is pending."""
    if command == "plan":
        return 0 if name in ("002_trigger", "002_phases") else 1
    return 3 if command == "lint" and name != "002_phases" else 0


@pytest.mark.parametrize("name", BAD)
@pytest.mark.parametrize("command", ["baseline --to 2", "adopt --assume 2 --yes"])
def test_it_can_be_recorded(project: Project, name: str, command: str) -> None:
    """A database that ran it elsewhere is adopted, or the error names the file."""
    project.write("001_users.sql", ONE)
    project.write(f"{name}.sql", BAD[name])
    project.sql("CREATE TABLE users (id INTEGER PRIMARY KEY, email TEXT NOT NULL)")
    if b"b (x" in BAD[name] and b"DROP" not in BAD[name]:
        project.sql(BAD[name].decode("utf-8", "replace").replace("/*", "--"))
    found = project.run(*command.split(), code=None)
    print(name, command, found)
    assert found.code == 0


def test_a_file_that_cannot_be_read_from_disk(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether it has changed is unknown: a problem in `status`, and no obstacle to the others."""
    _configure(project)
    project.write("002_b.sql", TWO)
    project.run("up")

    def refusing(opens: Callable[..., Any]) -> Callable[..., Any]:
        def refuse(path: object, *arguments: Any, **options: Any) -> Any:
            if str(path).endswith("002_b.sql"):
                raise PermissionError(13, "Permission denied")
            return opens(path, *arguments, **options)

        return refuse

    monkeypatch.setattr("d1migrate.project.files.open", refusing(open), raising=False)
    monkeypatch.setattr("d1migrate.project.files.os.open", refusing(os.open))
    project.write("003_c.sql", "CREATE TABLE c (id INTEGER PRIMARY KEY);\n-- Rollback: DROP TABLE c;\n")
    for command in READERS:
        project.run(*command.split())
    status = project.run("status", "--json", "--check", code=3).json
    assert [entry["state"] for entry in status["migrations"]] == ["applied", "applied", "pending"]
    assert [problem["kind"] for problem in status["problems"]] == ["file"]
    assert "cannot read migrations/002_b.sql: Permission denied" in project.run("status").out
    assert project.run("list", "--json").json["migrations"][1]["checksum"] is None
    project.run("up")
    assert "cannot read migrations/002_b.sql" in project.run("verify", "--check", code=3).out
    refused = project.run("repair", "--accept", "2", "--reason", "x", code=None)
    assert refused.code, "there is nothing to record"
    project.run("down")
    assert "differ" in project.run("down", code=1).err
    project.run("down", "--rollback-from", "history")
    assert "cannot read migrations/002_b.sql: Permission denied" in project.run("up", code=1).err


def test_a_file_that_was_broken_after_it_was_applied(project: Project) -> None:
    """It has changed, and `status` says where; that stops `up`, as every edit does."""
    _configure(project)
    project.write("002_b.sql", TWO)
    project.run("up")
    project.write("002_b.sql", f"{TWO}/* not closed")
    shown = project.run("status").out
    assert "changed" in shown
    assert "migrations/002_b.sql:6:1: this comment is not closed" in shown
    assert "edited after being applied" in project.run("up", code=1).err
    project.run("repair", "--accept", "2", "--reason", "a note", "--yes")
    project.run("up")
