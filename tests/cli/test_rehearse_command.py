"""`rehearse` as a command: output, exit codes, sources of rows, and what it does not change."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

import pytest

from tests.cli.project import ONE, TWO

if TYPE_CHECKING:
    from tests.cli.project import Project

DROP = "DROP TABLE users;\nCREATE TABLE users (id INTEGER PRIMARY KEY, email TEXT);\n"


@pytest.fixture
def applied(project: Project) -> Project:
    """Two migrations applied, a third one pending."""
    project.write("001_users.sql", ONE)
    project.write("002_teams.sql", TWO)
    project.run("up")
    project.write(
        "003_name.sql",
        "ALTER TABLE users ADD COLUMN name TEXT;\n-- Rollback:\n-- ALTER TABLE users DROP COLUMN name;\n",
    )
    return project


def test_pending_ones_are_rehearsed(applied: Project) -> None:
    """A line for each migration, progress on stderr, exit 0; the database does not change by a byte."""
    before = applied.database.read_bytes()
    ran = applied.run("rehearse")
    assert "003_name" in ran.out
    assert "no loss" in ran.out
    assert "restores" in ran.out
    assert "003_name" in ran.err
    assert applied.database.read_bytes() == before
    assert {path.name for path in applied.folder.iterdir()} == {"migrations", "app.db"}


def test_a_loss_is_exit_3_and_json_names_the_rows(applied: Project) -> None:
    """With the keys of the lost rows."""
    applied.write("004_drop.sql", DROP)
    found = applied.run("rehearse", "--json", code=3).json
    assert [m["verdict"] for m in found["migrations"]] == ["no loss", "loses rows"]
    teams = next(t for t in found["migrations"][1]["tables"] if t["table"] == "teams")
    assert (teams["rows_before"], teams["rows_lost"], teams["rows_lost_by"]) == (50, 50, None)
    assert len(teams["lost_keys"]) == 50
    assert found["ok"] is False


def test_all_begins_with_an_empty_database(project: Project) -> None:
    """It needs no database; `--to` sets the last version, `--rows` the number of rows."""
    project.write("001_users.sql", ONE)
    project.write("002_teams.sql", TWO)
    project.write("003_drop.sql", DROP)
    assert project.run("rehearse", "--all", "--to", "2", "--json").json["ok"]
    found = project.run("rehearse", "--all", "--rows", "7", "--json", code=3).json
    assert found["rows"]["teams"] == 7
    assert not project.database.exists()


def test_own_rows(applied: Project) -> None:
    """`--data` uses the target's own rows, even during writes; no file is left over."""
    applied.sql("INSERT INTO users (id, email) VALUES (1, 'a'), (2, 'b');\nINSERT INTO teams VALUES (1, 2)")
    writer = sqlite3.connect(applied.database, isolation_level=None)
    writer.execute("BEGIN IMMEDIATE")
    try:
        applied.write("004_drop.sql", DROP)
        found = applied.run("rehearse", "--data", "--json", code=3).json
    finally:
        writer.execute("ROLLBACK")
        writer.close()
    teams = next(t for t in found["migrations"][1]["tables"] if t["table"] == "teams")
    assert (teams["rows_before"], teams["rows_lost"], teams["lost_keys"]) == (1, 1, [{"id": 1}])


def test_an_export_needs_no_database(applied: Project) -> None:
    """Schema, history and rows come from the file: a D1 export, or a SQLite database."""
    rows = "\n".join(sqlite3.connect(applied.database).iterdump())
    export = applied.folder / "export.sql"
    export.write_text(
        f"PRAGMA defer_foreign_keys=TRUE;\n{rows.replace('BEGIN TRANSACTION;', '').replace('COMMIT;', '')}\n"
    )
    found = applied.run("rehearse", "--data", "export.sql", "--json").json
    assert [m["name"] for m in found["migrations"]] == ["003_name"]
    assert applied.run("rehearse", "--data", "app.db", "--json").json["migrations"][0]["name"] == "003_name"


@pytest.mark.parametrize(
    "arguments",
    [
        ("--data", "nosuch.sql"),
        ("--data", "broken.sql"),
        ("--scale", "users"),
        ("--scale", "users=many"),
        ("--scale", "nosuch=5"),
        ("--rows", "0"),
        ("--all", "--data"),
    ],
)
def test_usage(applied: Project, arguments: tuple[str, ...]) -> None:
    """Arguments that make no sense are exit 2."""
    (applied.folder / "broken.sql").write_text("CREATE TABLE (\n")
    applied.run("rehearse", *arguments, code=2)


def test_scale_estimates_the_cost_there(applied: Project) -> None:
    """Rows written and time for the target's rows, marked as estimates."""
    applied.write("004_upper.sql", "UPDATE users SET email = upper(email);\n")
    here, there = (
        applied.run("rehearse", "--json", *scale).json["migrations"][1]["cost"]
        for scale in ((), ("--scale", "users=5000"))
    )
    assert here["scaled_rows_written"] is None
    assert there["scaled_rows_written"] == 100 * here["rows_written"]
    assert "~" in applied.run("rehearse", "--scale", "users=5000").out


def test_a_loss_that_the_file_allows(applied: Project) -> None:
    """A suppressed loss is shown, and exit is 0."""
    applied.write(
        "004_drop.sql", '-- d1migrate: allow=D101,D104,X101,X104,X105 reason="starting over"\n' + DROP
    )
    found = applied.run("rehearse", "--json").json["migrations"][1]
    assert found["verdict"] == "loses rows"
    assert {d["allow_reason"] for d in found["diagnostics"] if d["severity"] == "error"} == {"starting over"}


def test_nothing_pending(project: Project) -> None:
    """The output says that there is nothing to rehearse."""
    project.write("001_users.sql", ONE)
    project.run("up")
    assert project.run("rehearse").out == "nothing to rehearse\n"
