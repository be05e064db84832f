"""What one batch may write: where it is announced, for a D1 and for a file."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.cli.project import Project
    from tests.runtime.cloudflare import Cloudflare

USERS = "CREATE TABLE users (id INTEGER PRIMARY KEY, email TEXT, norm TEXT);\n"
FILL = "UPDATE users SET norm = lower(email) WHERE norm IS NULL;\n-- Rollback:\n--   SELECT 1;\n"
OVER = "about 500 entries in one batch: over the budget of 100; the line `-- d1migrate: batch users`"


def rows(count: int) -> str:
    """Return the SQL that adds so many users."""
    numbers = f"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT {count})"
    return f"{numbers} INSERT INTO users (email) SELECT i || '@example.com' FROM n"


@pytest.fixture
def production(project: Project, cloudflare: Cloudflare, monkeypatch: pytest.MonkeyPatch) -> str:
    """A D1 of 500 users, of which a batch may write 100, and a migration that fills all of them; its id."""
    monkeypatch.delenv("D1MIGRATE_DATABASE")
    for name, value in cloudflare.environment.items():
        monkeypatch.setenv(name, value)
    database = cloudflare.create("budget")
    text = f'budget = 100\n[env.local]\ndatabase = "sqlite:app.db"\n[env.production]\ndatabase = "d1:{database}"\n'
    (project.folder / "d1migrate.toml").write_text(text)
    project.write("001_users.sql", USERS)
    project.run("up", "--env", "production")
    cloudflare.sql(database, rows(500))
    project.write("002_fill.sql", FILL)
    return database


def test_plan_and_lint_count_the_rows_of_a_d1(
    project: Project, cloudflare: Cloudflare, production: str
) -> None:
    """They warn, and say what to do; a dry run is a plan; the number of rows read is bounded."""
    for command in (("plan",), ("up", "--dry-run")):
        assert OVER.replace("about 500", "at least 400") in project.run(*command, "--env", "production").err
    found = project.run("lint", "--env", "production", "--json").json["diagnostics"]
    assert [(d["code"], d["severity"]) for d in found if d["code"] == "P114"] == [("P114", "warning")]
    assert "LIMIT 400" in str(cloudflare.requests())
    assert "applied 1 migration" in project.run("up", "--env", "production").out


def test_a_batch_within_the_budget_is_not_reported(project: Project, production: str) -> None:
    """The budget of the environment is the one that counts."""
    toml = project.folder / "d1migrate.toml"
    toml.write_text(toml.read_text() + "budget = 500\n")
    assert "over the budget" not in project.run("plan", "--env", "production").err
    toml.write_text(toml.read_text().replace("budget = 500", "budget = 499"))
    assert "over the budget of 499" in project.run("plan", "--env", "production").err


def test_a_directive_settles_it(project: Project, production: str) -> None:
    """The file runs in chunks then."""
    project.write("002_fill.sql", f"-- d1migrate: batch users\n{FILL}")
    assert "over the budget" not in project.run("plan", "--env", "production").err


def test_rows_that_are_declared(project: Project, production: str) -> None:
    """For `lint` and `rehearse`, without a request to the database."""
    scale = ("--scale", "users=500")
    assert OVER in project.run("lint", "--all", *scale).out
    assert OVER in project.run("rehearse", "--all", *scale).out
    assert "P114" not in project.run("lint", "--all", "--scale", "users=100").out
    assert (
        "cannot scale people: no such table"
        in project.run("lint", "--scale", "people=5", "--all", code=2).err
    )
    assert "is not TABLE=ROWS" in project.run("lint", "--scale", "users", "--all", code=2).err


def test_rows_of_a_table_when_nothing_is_pending(project: Project, production: str) -> None:
    """The table exists in the database; one that does not exist is refused with those that do."""
    project.run("up")
    assert "checked 0 migrations" in project.run("lint", "--scale", "users=500").err
    err = project.run("lint", "--scale", "people=5", code=2).err
    assert "hint: tables: users\n" in err


def test_a_file_has_no_limit(project: Project) -> None:
    """Nothing stops a batch there, so nothing is announced."""
    project.write("001_users.sql", USERS)
    project.run("up")
    project.sql(rows(60_000))
    project.write("002_fill.sql", FILL)
    assert "over the budget" not in project.run("plan").err
    err = project.run("lint", "--all", "--scale", "users=60000", code=2).err
    assert "nothing limits a batch in a SQLite file" in err
