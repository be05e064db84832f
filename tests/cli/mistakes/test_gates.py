"""Gates that refuse: the hint has the next step first, and the override last."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from d1migrate.cli import gates

if TYPE_CHECKING:
    from tests.cli.project import Project

MONDAY = datetime(2026, 11, 30, 3, tzinfo=UTC).timestamp()
PRODUCTION = ("--env", "production")


@pytest.fixture(autouse=True)
def on_a_monday(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """Three migrations."""
    monkeypatch.delenv("D1MIGRATE_DATABASE")
    monkeypatch.setattr(gates, "now", lambda: MONDAY)
    project.standard()


def demand(project: Project, *lines: str) -> None:
    """Let production, which follows staging, demand something."""
    staging = '[env.staging]\ndatabase = "sqlite:staging.db"\n'
    text = "\n".join([f'{staging}[env.production]\ndatabase = "sqlite:app.db"', *lines])
    (project.folder / "d1migrate.toml").write_text(text)


def pasted(project: Project, hint: str) -> None:
    """Run the first command line of a hint."""
    command = hint.split("`")[1].replace("…", "reviewed")
    program, *arguments = command.split()
    assert program == "d1migrate"
    project.run(*arguments, *(["--yes"] if arguments[0] == "repair" else []))


def test_an_environment_that_comes_first(project: Project) -> None:
    """The command line of the hint can be pasted, and then the gate passes."""
    demand(project, 'after = "staging"')
    found = project.run("up", *PRODUCTION, code=1).err
    assert "production refuses (after): 001_users is not applied in staging" in found
    hint = found.partition("hint: ")[2]
    assert hint == "first run `d1migrate up --env staging`; to override, add --skip-after REASON\n"
    assert "first run `d1migrate up --env staging`" in project.run("plan", *PRODUCTION).out
    pasted(project, hint)
    project.run("up", *PRODUCTION)


def test_an_edit_since_staging(project: Project) -> None:
    """It is accepted there, if it is harmless."""
    demand(project, 'after = "staging"')
    project.run("up", "--env", "staging")
    project.write(
        "003_names.sql", "ALTER TABLE users ADD COLUMN name TEXT DEFAULT NULL;\n-- Rollback: none, x\n"
    )
    found = project.run("up", *PRODUCTION, code=1).err
    assert "003_names was applied in staging with different content" in found
    pasted(project, found.partition("hint: ")[2])
    project.run("up", *PRODUCTION)


def test_staging_that_cannot_be_read(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """The hint is that of the error."""
    monkeypatch.delenv("CLOUDFLARE_API_TOKEN", raising=False)
    demand(project, 'after = "remote"', "[env.remote]", 'database = "d1:app"')
    found = project.run("up", *PRODUCTION, code=1).err
    assert "remote cannot be read: no CLOUDFLARE_API_TOKEN" in found
    assert "export CLOUDFLARE_API_TOKEN=…; to override, add --skip-after REASON" in found


@pytest.mark.parametrize("command", ["up", "down"])
def test_a_closed_window(project: Project, command: str) -> None:
    """When it opens, and the override."""
    demand(project)
    project.run("up", *PRODUCTION)
    project.write("004_x.sql", "CREATE TABLE x (id INTEGER PRIMARY KEY);\n-- Rollback:\n-- DROP TABLE x;\n")
    demand(project, 'window = "Sun 02:00-04:00 UTC"')
    found = project.run(command, *PRODUCTION, code=1).err
    assert "the window Sun 02:00-04:00 UTC is closed; it opens Sun 2026-12-06 02:00 UTC" in found
    assert (
        "hint: run the command again when the window opens; to override, add --outside-window REASON\n"
        in found
    )


def test_no_rollback(project: Project) -> None:
    """The file that lacks one."""
    demand(project, "require_rollback = true")
    project.write("004_x.sql", "CREATE TABLE x (id INTEGER PRIMARY KEY);\n")
    found = project.run("up", *PRODUCTION, code=1).err
    assert "004_x has no rollback block" in found
    assert (
        "hint: write a `-- Rollback:` block in 004_x; to override, add --allow-irreversible REASON\n" in found
    )


def test_a_rehearsal_that_finds_something(project: Project) -> None:
    """The command that shows it."""
    demand(project, 'rehearse = "error"', 'lint = { D = "off" }')
    again = "CREATE TABLE users (id INTEGER PRIMARY KEY, email TEXT NOT NULL, name TEXT);\n"
    project.write("004_x.sql", f"DROP TABLE users;\n{again}")
    found = project.run("up", *PRODUCTION, code=1).err
    assert "production refuses (rehearse): migrations/004_x.sql:1: X" in found
    assert (
        "hint: `d1migrate rehearse --env production` shows what happens to the rows; to override, add"
        in found
    )


def test_findings_in_a_plan(project: Project) -> None:
    """The command that shows each, with a fix."""
    demand(project, 'lint = "warning"')
    project.write("004_x.sql", "DROP TABLE users;\n")
    assert "`d1migrate lint --env production` shows each finding" in project.run("plan", *PRODUCTION).out


@pytest.mark.parametrize("command", [("up",), ("baseline", "--to", "3"), ("restore", "--file", "x.sql")])
def test_a_protected_environment(project: Project, command: tuple[str, ...]) -> None:
    """The flag that confirms it."""
    demand(project, "protected = true")
    found = project.run(*command, *PRODUCTION, code=1).err
    assert "production refuses (protected): it is protected, and its name was not given" in found
    assert "hint: to confirm, add --confirm production\n" in found


def test_the_name_of_another_environment(project: Project) -> None:
    """Of a protected one, and of one that is not."""
    demand(project, "protected = true")
    found = project.run("up", *PRODUCTION, "--confirm", "staging", code=1).err
    assert "'staging' is not its name" in found
    assert "hint: to confirm, add --confirm production\n" in found
    found = project.run("up", "--env", "staging", "--confirm", "production", code=2).err
    assert "error: --confirm production, but this is staging\nhint: use --env production\n" in found


def test_the_override_comes_last(project: Project) -> None:
    """Of several gates, first what to do about each."""
    demand(project, 'after = "staging"', 'window = "Sun 02:00-04:00 UTC"', "protected = true")
    assert project.run("up", *PRODUCTION, code=1).err.partition("hint: ")[2] == (
        "first run `d1migrate up --env staging`; run the command again when the window opens;"
        " to confirm, add --confirm production; to override, add --skip-after REASON --outside-window REASON\n"
    )


@pytest.mark.parametrize(
    "flag",
    ["--skip-after", "--outside-window", "--allow-irreversible", "--no-rehearse", "--no-restore-point"],
)
def test_an_override_without_a_reason(project: Project, flag: str) -> None:
    """The hint has an example."""
    demand(project)
    for reason in ([" "], []):
        found = project.run("up", *PRODUCTION, flag, *reason, code=2).err
        assert f"error: {flag} without a reason\n" in found
        assert f'hint: add the reason, which is logged: {flag} "' in found
