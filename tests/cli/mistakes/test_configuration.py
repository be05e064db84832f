"""Mistakes in the configuration: each is an error that says what to do next."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.cli.project import Project

LOCAL = '[env.local]\ndatabase = "sqlite:app.db"\n'


@pytest.fixture(autouse=True)
def nothing_is_configured(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """A migration to apply, and no database."""
    monkeypatch.delenv("D1MIGRATE_DATABASE")
    project.write("001_a.sql", "CREATE TABLE a (x);\n")


def configure(project: Project, text: str, name: str = "d1migrate.toml") -> None:
    """Write a configuration file."""
    (project.folder / name).write_text(text)


# --- nothing is configured ---


@pytest.mark.parametrize(
    "command", ["up", "status", "down", "plan", "history", "verify", "backup", "schema", "env"]
)
def test_no_configuration(project: Project, command: str) -> None:
    """The hint sets the project up, or names a database for one command."""
    found = project.run(command, code=2).err
    assert (
        "error: no database is configured: no d1migrate.toml or wrangler configuration here or above\n"
        in found
    )
    assert (
        "hint: `d1migrate init` sets up this folder; or name a database, e.g. `--database sqlite:app.db`\n"
        in found
    )


@pytest.mark.parametrize(
    ("name", "text", "added"),
    [
        ("d1migrate.toml", 'migrations = "migrations"\n', '[env.local]\ndatabase = "sqlite:app.db"\n'),
        (
            "pyproject.toml",
            '[tool.d1migrate]\nmigrations = "migrations"\n',
            '[tool.d1migrate.env.local]\ndatabase = "sqlite:app.db"\n',
        ),
    ],
)  # fmt: skip
def test_a_configuration_without_a_database(project: Project, name: str, text: str, added: str) -> None:
    """The hint can be pasted into the file, and works."""
    configure(project, text, name)
    found = project.run("up", code=2).err
    assert f"error: no database is configured: {name} names none\n" in found
    assert f"hint: add to {name}:\n{added}" in found
    configure(project, f"{text}{added}", name)
    project.run("up")


@pytest.mark.parametrize("command", ["lint", "rehearse"])
def test_checks_without_a_database(project: Project, command: str) -> None:
    """They say that they check what the files build."""
    found = project.run(command)
    assert found.err.startswith("no database configured: checked against what the files build\n")
    configure(project, LOCAL)
    assert "no database configured" not in project.run(command).err


@pytest.mark.parametrize("arguments", [("--at", "latest"), ("--at", "none")])
def test_the_schema_of_no_files(project: Project, arguments: tuple[str, ...]) -> None:
    """No database was asked, so the message is about the files."""
    (project.migrations / "001_a.sql").unlink()
    assert project.run("schema", *arguments).out == "the migrations build no tables or views\n"
    configure(project, LOCAL)
    assert project.run("schema").out == "the database is empty\n"


# --- environments ---


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("prod", "did you mean production?"),
        ("LOCAL", "did you mean local?"),
        ("stagin", "did you mean staging?"),
        ("qa", "it has: local, staging, production"),
    ],
)
@pytest.mark.parametrize("command", ["up", "lint"])
def test_a_mistyped_environment(project: Project, name: str, hint: str, command: str) -> None:
    """The nearest one is named, else all of them."""
    others = "".join(f'[env.{each}]\ndatabase = "sqlite:{each}.db"\n' for each in ("staging", "production"))
    configure(project, LOCAL + others)
    found = project.run(command, "--env", name, code=2).err
    assert f"error: no environment '{name}' in d1migrate.toml\nhint: {hint}\n" in found


def test_an_environment_without_a_configuration(project: Project) -> None:
    """It is said that nothing configures it."""
    found = project.run("up", "--env", "staging", code=2).err
    assert "error: no environment 'staging' is configured: no d1migrate.toml or wrangler" in found
    assert "hint: `d1migrate init` sets up" in found


def test_an_environment_of_wrangler(project: Project) -> None:
    """Those of wrangler's configuration are known too."""
    configure(
        project,
        '[[d1_databases]]\nbinding = "DB"\n[[env.production.d1_databases]]\nbinding = "DB"\n',
        "wrangler.toml",
    )
    assert "hint: did you mean production?\n" in project.run("up", "--env", "prod", code=2).err
    assert (
        "hint: did you mean production?\n"
        in project.run("up", "--database", "wrangler:DB?env=prod", code=2).err
    )


def test_no_default_environment(project: Project) -> None:
    """The hint is the flag."""
    configure(project, '[env.staging]\ndatabase = "a.db"\n[env.production]\ndatabase = "b.db"\n')
    found = project.run("up", code=2).err
    assert "error: d1migrate.toml has no default environment, [env.local]\n" in found
    assert "hint: choose one: --env staging or --env production\n" in found


@pytest.mark.parametrize("command", ["status", "up", "env"])
def test_two_environments_with_one_database(project: Project, command: str) -> None:
    """A command that writes refuses; `status` warns."""
    configure(project, LOCAL + '[env.staging]\ndatabase = "sqlite:app.db"\n')
    found = project.run(command, code=0 if command == "status" else 2).err
    assert "d1migrate.toml: [env.local] and [env.staging] are one database: sqlite:app.db" in found
    assert "give each its own database" in found


# --- files ---


def test_a_configuration_file_that_does_not_exist(project: Project) -> None:
    """The nearest name, else what happens without the flag."""
    found = project.run("--config", "nope.toml", "up", code=2).err
    assert "error: the configuration file nope.toml does not exist\n" in found
    assert (
        "hint: without --config, the nearest d1migrate.toml is used; `d1migrate init` writes one\n" in found
    )
    configure(project, LOCAL)
    assert (
        "hint: did you mean d1migrate.toml?\n" in project.run("--config", "d1migrat.toml", "up", code=2).err
    )


def test_wranglers_file_as_the_configuration(project: Project) -> None:
    """It is found without the flag."""
    configure(project, '{"d1_databases": [{"binding": "DB"}]}', "wrangler.jsonc")
    found = project.run("--config", "wrangler.jsonc", "status", code=2).err
    assert "wrangler.jsonc is a wrangler configuration, and --config takes a d1migrate.toml" in found
    assert "hint: the nearest wrangler configuration is used without --config" in found
    project.run("status")


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("migration = 'x'\n", "d1migrate.toml: unknown key 'migration'", "did you mean migrations?"),
        ("[env.local]\ndatabse = 'a.db'\n", "[env.local] unknown key 'databse'", "did you mean database?"),
        ("[local]\ndatabase = 'a.db'\n", "unknown key 'local'", "did you mean [env.local]?"),
        ("[envs.local]\ndatabase = 'a.db'\n", "unknown key 'envs'", "did you mean env?"),
        ("database = 'a.db'\n", "unknown key 'database'", "write it in a section such as [env.local]"),
        (
            f"{LOCAL}migrations = 'sql'\n",
            "[env.local] unknown key 'migrations'",
            "write it before all sections",
        ),
        (f"{LOCAL}protect = true\n", "[env.local] unknown key 'protect'", "did you mean protected?"),
        (f"{LOCAL}color = 1\n", "[env.local] unknown key 'color'", "known: account, after, budget, database"),
        ("[env.local]\n", "[env.local] has no `database`", 'for example: database = "sqlite:app.db"'),
        ("[env]\nlocal = 'app.db'\n", "[env.local] has no `database`", 'for example: database = "sqlite:app.db"'),
        (f"{LOCAL}after = 'loca'\n", "no environment 'loca'", "did you mean local?"),
        (f"{LOCAL}protected = 'yes'\n", "protected is 'yes', expected true or false", "protected = true"),
        (f"{LOCAL}window = 'Sunday at 2'\n", "window 'Sunday at 2' is malformed", 'write "Sun 02:00-04:00 UTC"'),
        (f"{LOCAL}[lint]\nd104 = 'error'\n", "lint: no rule 'd104'", "did you mean D104?"),
        (f"{LOCAL}[lint]\nD999 = 'error'\n", "lint: no rule 'D999'", "known: D, D101, D102"),
        (f"{LOCAL}[lint]\nD104 = 'fatal'\n", "lint: D104 is 'fatal'", "expected one of error, warning"),
        ("[env.local]\ndatabase = a.db\n", "toml:2:12: invalid value\n  database = a.db\n             ^", 'write database = "a.db"'),
    ],
)  # fmt: skip
def test_a_wrong_setting(project: Project, text: str, message: str, hint: str) -> None:
    """The key, and what is probably meant."""
    configure(project, text)
    found = project.run("status", code=2).err
    assert message in found
    assert f"\nhint: {hint}" in found or hint in found


def test_a_broken_wrangler_configuration(project: Project) -> None:
    """The place is shown, with the line and a caret."""
    configure(
        project,
        '{\n  "d1_databases": [\n    { "binding": "DB" "database_name": "shop" }\n  ]\n}\n',
        "wrangler.jsonc",
    )
    found = project.run("status", code=2).err
    assert 'error: cannot read wrangler.jsonc:3:23: unexpected "\n' in found
    assert '  { "binding": "DB" "database_name": "shop" }\n' in found
    assert "hint: a comma is missing before it\n" in found


def test_a_mistyped_binding(project: Project) -> None:
    """The nearest one is named, else all of them."""
    configure(project, '{"d1_databases": [{"binding": "DB", "database_name": "shop"}]}', "wrangler.jsonc")
    assert (
        "hint: did you mean wrangler:shop?\n" in project.run("--database", "wrangler:shp", "up", code=2).err
    )
    assert "hint: it binds: DB (shop)\n" in project.run("--database", "wrangler:OTHER", "up", code=2).err


# --- files and variables that are something else ---


@pytest.mark.parametrize(
    ("arguments", "message", "hint"),
    [
        (["--config", ".", "status"], "the configuration file . is a folder", "--config ./d1migrate.toml"),
        (["--config", "migrations/001_a.sql", "status"], "migrations/001_a.sql is not TOML", "without --config"),
        (["--migrations", "migrations/001_a.sql", "list"], "is not a folder", "--migrations migrations"),
        (["lint", "1"], "1 does not exist", "did you mean migrations/001_a.sql?"),
        (["lint", "001_a"], "001_a does not exist", "did you mean migrations/001_a.sql?"),
        (["lint", "migrations/001_b.sql"], "001_b.sql does not exist", "did you mean migrations/001_a.sql?"),
        (["lint", "zzz"], "zzz does not exist", "`d1migrate list` shows the migrations"),
        (["restore", "--file", "migrations/001_.sql"], "cannot read migrations/001_.sql", "did you mean migrations/001_a.sql?"),
        (["restore", "--file", "zzz.sql"], "cannot read zzz.sql: No such file or directory", "`d1migrate backup --output FILE` writes a backup"),
    ],
)  # fmt: skip
def test_a_path_of_something_else(project: Project, arguments: list[str], message: str, hint: str) -> None:
    """The path that was meant."""
    configure(project, LOCAL)
    found = project.run(*arguments, code=2).err
    assert message in found.partition("\nhint: ")[0]
    assert hint in found.partition("\nhint: ")[2]


@pytest.mark.parametrize(
    ("variables", "message", "hint"),
    [
        ({"D1MIGRATE_ENV": "lcal"}, "D1MIGRATE_ENV: no environment 'lcal'", "did you mean local?"),
        (
            {"D1MIGRATE_DATABASE": "nonsense"},
            "D1MIGRATE_DATABASE: 'nonsense' is not",
            "write sqlite:nonsense",
        ),
        (
            {"D1MIGRATE_ENV": "local", "D1MIGRATE_DATABASE": "sqlite:a.db"},
            "D1MIGRATE_ENV and D1MIGRATE_DATABASE cannot be used together",
            "unset one of them, or pass --env or --database",
        ),
    ],
)
def test_a_variable(
    project: Project, monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], message: str, hint: str
) -> None:
    """Its name is in the error: nobody typed it."""
    configure(project, LOCAL)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    found = project.run("status", code=2).err
    assert found.startswith(f"error: {message}")
    assert hint in found.partition("\nhint: ")[2]


def test_a_variable_that_does_not_exist(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """The command would use the default, without a word."""
    configure(project, LOCAL)
    monkeypatch.setenv("D1MIGRATE_ENVIRONMENT", "staging")
    monkeypatch.setenv("D1MIGRATE_YES", "1")
    found = project.run("status").err
    assert (
        "warning: D1MIGRATE_ENVIRONMENT is no variable of d1migrate; did you mean D1MIGRATE_ENV?\n" in found
    )
    assert "warning: D1MIGRATE_YES is no variable of d1migrate; it reads D1MIGRATE_ENV, " in found


def test_a_database_that_does_not_exist_yet(project: Project) -> None:
    """A mistyped path would look like a database without migrations."""
    assert "sqlite:ap.db\nap.db does not exist yet\n" in project.run("--database", "ap.db", "status").err
    assert "sqlite:ap.db\nap.db does not exist yet\n" in project.run("--database", "ap.db", "up").err
    assert "does not exist" not in project.run("--database", "ap.db", "status").err


def test_wrangler_names_a_file_that_is_gone(project: Project) -> None:
    """The setting that names it is named."""
    (project.folder / "d1migrate.toml").write_text('wrangler = "api/wrangler.toml"\n')
    error = project.run("status", "--database", "wrangler:DB", code=2).err
    assert error == (
        "error: the configuration file api/wrangler.toml does not exist\n"
        "hint: correct `wrangler = …` in d1migrate.toml\n"
    )
