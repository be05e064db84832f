"""Mistakes in arguments: each is named, with the usage of the command and what was probably meant."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.cli.project import Project

COMMANDS = [
    ("statsu", "d1migrate status"),
    ("migrate", "d1migrate up"),
    ("rollback", "d1migrate down"),
    ("upgrade", "d1migrate up"),
    ("UP", "d1migrate up"),
    ("Status", "d1migrate status"),
    ("generate", "d1migrate new"),
    ("makemigrations", "d1migrate new"),
    ("dump", "d1migrate backup"),
    ("info", "d1migrate status"),
    ("stamp", "d1migrate baseline"),
    ("db:migrate", "d1migrate up"),
    ("migrate:rollback", "d1migrate down"),
    ("migrate:latest", "d1migrate up"),
    ("reverse", None),
]
LINES = [
    ("migrate status", "did you mean `d1migrate status`?"),
    ("migrate dev", "did you mean `d1migrate up`?"),
    ("db push", "did you mean `d1migrate up`?"),
    ("migrations apply DB --remote", "did you mean `d1migrate up`?"),
    ("d1 migrations list DB", "did you mean `d1migrate list`?"),
    ("clean", "`d1migrate down --to none` rolls back all migrations"),
    ("drop", "`d1migrate down --to none` rolls back all migrations"),
    ("seed", 'rows are written by a migration, too: `d1migrate new "add plans"`'),
]
ARGUMENTS = [
    ("fleet", "fleet needs an action: up, jobs, plan, status", "`d1migrate help fleet` explains them"),
    (
        "fleet --check",
        "fleet needs an action: up, jobs, plan, status",
        "`d1migrate help fleet` explains them",
    ),
    ("fleet tenants", "fleet has no action 'tenants'", "did you mean `d1migrate fleet list`?"),
    ("fleet statsu", "fleet has no action 'statsu'", "did you mean `d1migrate fleet status`?"),
    (
        "fleet shop",
        "fleet has no action 'shop'",
        "did you mean `d1migrate fleet stop`? the actions are up, jobs, plan",
    ),
    ("fleet xyzzy", "fleet has no action 'xyzzy'", "the actions are up, jobs, plan, status, list"),
    ("fleet migrate", "fleet has no action 'migrate'", "did you mean `d1migrate fleet up`?"),
    ("fleet cancel", "fleet has no action 'cancel'", "did you mean `d1migrate fleet stop`?"),
    (
        "fleet down",
        "fleet has no action 'down'",
        "write a migration that undoes the change, and apply it with",
    ),
    (
        "fleet rollback",
        "fleet has no action 'rollback'",
        "`d1migrate down --database URL` rolls back a single",
    ),
    ("fleet --only x up", "--only comes before the action", "d1migrate fleet up --only x"),
    (
        "fleet up a b",
        "fleet up does not take 'b'",
        "one fleet at a time; --only NAME chooses databases of it",
    ),
    ("fleet up --dryrun", "fleet up has no option --dryrun", "did you mean --dry-run?"),
    ("fleet up --check", "fleet up has no option --check", "--check is an option of status, "),
    ("fleet up --wave x", "--wave takes a number, not 'x'", "for example: --wave 1"),
    ("fleet up --only", "--only needs a value: --only TENANT", "`d1migrate help fleet up` explains it"),
    ("up --dryrun", "up has no option --dryrun", "did you mean --dry-run?"),
    ("up --dry", "up has no option --dry", "did you mean --dry-run?"),
    ("up --force", "up has no option --force", "`d1migrate plan` shows what refuses"),
    ("up --yes", "up has no option --yes", "up asks nothing, except the name of a protected environment"),
    ("up --remote", "up has no option --remote", "--env production"),
    ("up --fix", "up has no option --fix", "--fix is an option of "),
    ("up --schema", "up has no option --schema", "`d1migrate help up` lists its options"),
    ("up --url x", "up has no option --url", "did you mean --database?"),
    ("up 1", "up does not take '1'", "did you mean `d1migrate up --to 1`?"),
    ("up migrations/001_users.sql", "up does not take", "did you mean `d1migrate up --to 001_users`?"),
    ("down 001", "down does not take '001'", "`--to MIGRATION` rolls back all after that one, `--steps 1`"),
    ("up down", "up does not take 'down'", "one command at a time: d1migrate up && d1migrate down"),
    ("status users", "status does not take 'users'", "`d1migrate help status` shows what it takes"),
    ("up --env", "--env needs a value: --env NAME", "`d1migrate help up` explains it"),
    ("status --env", "--env needs a value: --env NAME", "`d1migrate help status` explains it"),
    ("repair --rename a", "--rename needs a value: --rename OLD NEW", "`d1migrate help repair`"),
    ("up --env local --env staging", "--env is given twice: local and staging", "leave one of them out"),
    ("--env local up --env=staging", "--env is given twice: local and staging", "leave one of them out"),
    ("up --to 1 --to 2", "--to is given twice: 1 and 2", "leave one of them out"),
    ("new add teams table", "new does not take 'teams table'", 'd1migrate new "…"'),
    ("new", "new needs DESCRIPTION", 'for example: d1migrate new "add teams table"'),
    ("down --steps x", "--steps takes a number, not 'x'", "for example: --steps 1"),
    ("up --phase befor", "--phase befor is not one of: before, after", "did you mean --phase before?"),
    ("lint --format githup", "--format githup is not one of: text, json, github, sarif", "--format github?"),
    ("status --check=3", "--check takes no value", "write --check alone"),
    ("--to 3 up", "--to is not a global option", "put it after the command: d1migrate up --to 3"),
    ("completion powershell", "is not one of: bash, zsh, fish", ""),
    ("up head", "up does not take 'head'", "`d1migrate up` applies all pending migrations"),
    ("up migrations", "up does not take 'migrations'", "--to MIGRATION names a migration, --env NAME an env"),
    (
        "up staging",
        "up does not take 'staging'",
        "--to MIGRATION names a migration, --env NAME an environment",
    ),
    ("status staging", "status does not take 'staging'", "--env NAME chooses an environment"),
    ("env staging", "env does not take 'staging'", "`d1migrate env` shows all environments"),
    ("down all", "down does not take 'all'", "`d1migrate down --to none` rolls back all"),
    ("down -1", "down has no option -1", "did you mean --steps 1?"),
    (
        "up \N{EN DASH}-dry-run",
        "up has no option \N{EN DASH}-dry-run",
        "did you mean --dry-run? its dash is not a hyphen",
    ),
    ("up \N{EM DASH}to 1", "up has no option \N{EM DASH}to", "did you mean --to? its dash is not a hyphen"),
    ("plan -n", "plan has no option -n", "`d1migrate plan` changes nothing"),
    ("restore b.sql", "restore does not take 'b.sql'", "did you mean `d1migrate restore --file b.sql`?"),
    (
        "restore dumps/b",
        "restore does not take 'dumps/b'",
        "did you mean `d1migrate restore --file dumps/b`?",
    ),
    ("restore 2", "restore does not take '2'", "did you mean `d1migrate restore --to 2`?"),
    ("restore --from b.sql", "restore has no option --from", "did you mean --file?"),
    ("backup b.sql", "backup does not take 'b.sql'", "did you mean `d1migrate backup --output b.sql`?"),
    ("diff schema.sql", "diff does not take 'schema.sql'", "did you mean `d1migrate diff --to schema.sql`?"),
    ("gate 2", "gate needs --code-version", "for example: d1migrate gate --code-version 7"),
    ("renumber 2", "renumber does not take '2'", "`d1migrate renumber` alone renumbers all that need it"),
    ("new -m teams", "new has no option -m", 'for example: d1migrate new "add teams table"'),
    ("new --name teams", "new has no option --name", 'for example: d1migrate new "add teams table"'),
    ("init shop", "init does not take 'shop'", "init sets up the current folder: `d1migrate init`"),
    ("init --force", "init has no option --force", "`d1migrate help init` lists its options"),
    ("init --yes", "init has no option --yes", "init asks nothing"),
    ("rebuild --table users", "rebuild has no option --table", "for example: d1migrate rebuild tasks"),
    ("verify --fix", "--fix needs a value: --fix {files,live}", "`d1migrate help verify` explains it"),
    ("status -q -v", "--quiet and --verbose cannot be used together", "leave one of them out"),
]


@pytest.mark.parametrize(("word", "meant"), COMMANDS)
def test_no_such_command(project: Project, word: str, meant: str | None) -> None:
    """A typo, or the word of another tool."""
    err = project.run(word, code=2).err
    assert err.startswith(f"error: there is no command '{word}'\n")
    assert "`d1migrate help` lists the commands" in err
    assert meant is None or f"did you mean `{meant}`?" in err


@pytest.mark.parametrize(("line", "hint"), LINES)
def test_a_command_line_of_another_tool(project: Project, line: str, hint: str) -> None:
    """Its first word may only be what its commands begin with."""
    assert hint in project.run(*line.split(), code=2).err


def test_an_option_without_a_command(project: Project) -> None:
    """The screen that `d1migrate` alone prints has no other form."""
    err = project.run("--json", code=2).err
    assert err.startswith("error: no command: --json is an option of a command\n")
    assert "hint: for example: d1migrate status --json\n" in err
    err = project.run("--env", code=2).err
    assert err == "error: --env needs a value: --env NAME\nhint: `d1migrate help` explains it\n"


@pytest.mark.parametrize(("line", "message", "hint"), ARGUMENTS)
def test_wrong_arguments(project: Project, line: str, message: str, hint: str) -> None:
    """What is wrong, at most three lines of usage, and the next step."""
    project.standard()
    err = project.run(*line.split(), code=2).err
    error, *rest = err.rstrip().split("\n")
    assert error.startswith(f"error: {message}" if not message.startswith("is") else "error: ")
    assert message in error
    assert hint in err
    assert sum(not line.startswith("hint: ") for line in rest) <= 3
    assert project.tables() == set()


def test_the_usage_is_that_of_the_command(project: Project) -> None:
    """Not of d1migrate as a whole."""
    assert "\nusage: d1migrate status [--check]\n" in project.run("status", "--chek", code=2).err


def test_the_same_value_twice_is_no_mistake(project: Project) -> None:
    """An alias of a shell may add what a person types, too."""
    project.standard()
    project.run("up", "--to", "1", "--to", "1")
    assert project.versions() == [1]


def test_short_forms(project: Project) -> None:
    """What other tools call a dry run."""
    project.standard()
    assert project.run("up", "-n").out == project.run("up", "--dry-run").out
    assert not project.database.exists()


@pytest.mark.parametrize("flags", [["--json"], ["--format", "json"], ["--format=json"]])
def test_usage_errors_are_json_where_that_is_asked_for(project: Project, flags: list[str]) -> None:
    """Message, hint and usage apart; also if the command does not exist."""
    error = project.run(*flags, "up", "--dryrun", code=2).json["error"]
    assert (error["type"], error["message"]) == ("UsageError", "up has no option --dryrun")
    assert error["hint"] == "did you mean --dry-run?"
    assert error["usage"].startswith("usage: d1migrate up [--to MIGRATION]")
    assert project.run("statsu", *flags, code=2).json["error"]["usage"] is None


def test_format_json_is_the_long_form_of_json(project: Project) -> None:
    """Everywhere; two forms at once are refused."""
    project.standard()
    for line in ("status", "plan", "list", "lint", "schema --at latest", "history"):
        words = line.split()
        assert project.run(*words, "--format", "json").out == project.run(*words, "--json").out
    assert "cannot be used together" in project.run("plan", "--sql", "--json", code=2).err
    assert (
        "--format github is not one of: text, json" in project.run("status", "--format", "github", code=2).err
    )


def test_the_beginning_of_a_rule(project: Project) -> None:
    """All that begin so are listed."""
    assert "hint: these begin so: D110, D111, D112" in project.run("explain", "d11", code=2).err
