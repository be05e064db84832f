"""Mistakes in migration files: none is silent, and each says what to do next."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.cli.project import Project

USERS = (
    "CREATE TABLE IF NOT EXISTS users (id INTEGER PRIMARY KEY, email TEXT);\n-- Rollback: DROP TABLE users;\n"
)
ADD = "ALTER TABLE users ADD COLUMN role TEXT NOT NULL;\n-- Rollback: ALTER TABLE users DROP COLUMN role;\n"
F101 = (
    "warning[F101] migrations/002_x.sql:1:1: users.role is NOT NULL without a default:"
    " D1 refuses this if users has rows\n"
)


@pytest.fixture(autouse=True)
def users(project: Project) -> None:
    """A database with an empty table."""
    project.write("001_users.sql", USERS)
    project.run("up")


# --- a rollback that is not one ---


@pytest.mark.parametrize(
    "marker",
    [
        *("-- Rollback:", "-- rollback:", "--Rollback", "-- Roll back:", "-- Rolback:", "/* Rollback */"),
        *(
            "-- migrate:down",
            "-- +migrate Down",
            "-- +goose Down",
            "-- Down",
            "-- //@UNDO",
            "-- rambler down",
        ),
        *(
            "---- create above / drop below ----",
            "-- -- down.sql --",
            "-- Undo",
            "-- To revert this migration:",
        ),
    ],
)
@pytest.mark.parametrize("command", ["up", "up --no-lint", "plan", "lint", "rehearse"])
def test_rollback_sql_that_is_not_commented_out(project: Project, marker: str, command: str) -> None:
    """It would run with the rest: refused, whichever tool's marker is above it."""
    project.write("002_x.sql", f"CREATE TABLE IF NOT EXISTS x (id INTEGER);\n{marker}\nDROP TABLE users;\n")
    found = project.run(*command.split(), code=3 if command == "lint" else 1)
    said = found.out + found.err
    assert f"the SQL after `{marker}` would run as part of the migration" in said
    assert "comment it out as a `-- Rollback:` block, with `--` before each line" in said
    assert project.tables() == {"users"}


@pytest.mark.parametrize(
    "heading", ["-- Roll back:", "--Rollback", "/* Rollback */", "-- Rolback:", "-- Down"]
)
def test_a_rollback_block_with_another_heading(project: Project, heading: str) -> None:
    """It is no rollback block, and `up`, `plan` and `lint` ask whether one is meant."""
    project.write("002_x.sql", f"CREATE TABLE x (id INTEGER PRIMARY KEY);\n{heading}\n-- DROP TABLE x;\n")
    asked = f"`{heading}` does not start a rollback block: did you mean `-- Rollback:`?"
    assert f"warning[H114] misspelled-rollback: {asked}" in project.run("lint").out
    for command in ("plan", "up"):
        assert f"warning[H114] migrations/002_x.sql:2:1: {asked}\n" in project.run(command).err


# --- warnings are shown where they matter ---


def test_not_null_without_a_default_on_an_empty_table(project: Project) -> None:
    """It passes here and fails in production, which has rows: `plan` and `up` say so."""
    project.write("002_x.sql", ADD)
    assert F101 in project.run("plan").err
    applied = project.run("up")
    assert applied.err.index(F101) < applied.err.index("  002_x  ")
    assert F101 not in project.run("up").err


def test_warnings_of_a_new_database(project: Project) -> None:
    """All files are pending there, and a table that another file creates may have rows in production."""
    project.write("002_x.sql", ADD)
    assert F101 in project.run("--database", "sqlite:new.db", "up").err


def test_a_warning_that_is_allowed_or_not_wanted(project: Project) -> None:
    """A reason in the file, --quiet and --no-lint silence it."""
    project.write("002_x.sql", ADD)
    assert not project.run("up", "--quiet", "--to", "2").err
    allow = '-- d1migrate: allow=F101 reason="no rows yet"\n'
    project.write("003_y.sql", allow + ADD.replace("role", "rank"))
    assert "F101" not in project.run("up").err
    project.write("004_z.sql", ADD.replace("role", "team"))
    assert "F101" not in project.run("up", "--no-lint").err


def test_many_warnings(project: Project) -> None:
    """The newest are shown, and the way to see all."""
    for number in range(2, 12):
        project.write(f"{number:03}_x.sql", ADD.replace("role", f"c{number}"))
    said = project.run("plan").err.splitlines()
    shown = [line.split(":")[0].removeprefix("warning[F101] migrations/") for line in said]
    assert shown[-6:-1] == [f"{number:03}_x.sql" for number in range(7, 12)]
    assert said[-1] == "5 more warnings; `d1migrate lint --all` shows all"
    assert project.run("up", "--verbose").err.count("warning[F101]") == 10


def test_the_gate_counts_warnings(project: Project) -> None:
    """No errors is not the whole result."""
    project.write("002_x.sql", ADD)
    (project.folder / "d1migrate.toml").write_text(
        '[env.production]\ndatabase = "sqlite:app.db"\nlint = "error"\n'
    )
    planned = project.run("plan", "--env", "production")
    assert "passed      lint  no errors, 1 warning\n" in planned.out
    assert F101 in planned.err


def test_a_plan_of_what_up_refuses(project: Project) -> None:
    """The plan is printed, and so is what stands in the way of it."""
    project.write("002_x.sql", "CREATE TABLE x (id INTEGER PRIMARY KEY);\nVACUUM;\n")
    assert "error[R105] migrations/002_x.sql:2:1: D1 refuses VACUUM: remove it\n" in project.run("plan").err
