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


# --- the next step ---


def test_a_syntax_error_is_to_be_corrected(project: Project) -> None:
    """No override is recommended: the file cannot run."""
    project.write("002_x.sql", "CREAT TABLE x (id INTEGER);\n")
    refused = project.run("up", code=1).err
    assert 'migrations/002_x.sql:1:1: R106 D1 refuses it: near "CREAT": syntax error' in refused
    assert "  CREAT TABLE x (id INTEGER);\n  ^\n" in refused
    assert "hint: D1 cannot run this: correct the file; `d1migrate lint` explains" in refused
    assert "--no-lint" not in refused


def test_what_lint_can_fix(project: Project) -> None:
    """`lint` names the command per finding and at the end, `up` in its hint; the command works as printed."""
    project.write(
        "002_x.sql",
        "CREATE TABLE posts (id INTEGER PRIMARY KEY, user INTEGER REFERENCES users(id) ON DELETE CASCADE);\n",
    )
    project.run("up")
    project.write(
        "003_y.sql",
        "CREATE TABLE users_new (id INTEGER PRIMARY KEY, email TEXT, name TEXT);\n"
        "INSERT INTO users_new (id, email) SELECT id, email FROM users;\n"
        "DROP TABLE users;\nALTER TABLE users_new RENAME TO users",
    )
    command = "d1migrate lint --fix migrations/003_y.sql"
    linted = project.run("lint", code=3).out
    assert linted.count(f"  or run: `{command}`\n") == 2
    assert f"\nfix 2: `{command}`\nexplain one: `d1migrate explain D101`\n" in linted
    assert f"hint: `{command}` rewrites it; " in project.run("up", code=1).err
    project.run(*command.split()[1:], "--yes")
    project.run("up")


def test_no_final_semicolon(project: Project) -> None:
    """It runs, and the warning has the reason and the command."""
    project.write("002_x.sql", "CREATE TABLE x (id INTEGER PRIMARY KEY)\n-- Rollback: DROP TABLE x;\n")
    linted = project.run("lint").out
    assert "no `;` after the last statement: wrangler fails on this file" in linted
    assert "`wrangler d1 migrations apply` appends its own INSERT to the file" in linted
    assert "fix 1: `d1migrate lint --fix migrations/002_x.sql`\n" in linted
    assert "wrangler fails on this file; `lint --fix` adds it\n" in project.run("up").err
    project.run("lint", "--fix", "--yes")
