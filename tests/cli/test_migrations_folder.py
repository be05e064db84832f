"""Which folder and which of its files a command uses: wrangler's settings for each database, and our own."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from d1migrate.drivers.wrangler import local_path
from d1migrate.project.environment import Environment
from d1migrate.project.identity import DatabaseIdentity, identify

if TYPE_CHECKING:
    from tests.cli.project import Project

ID, PREVIEW = "11111111-2222-3333-4444-555555555555", "66666666-2222-3333-4444-555555555555"


def configure(project: Project, *databases: dict[str, str], **environments: list[dict[str, str]]) -> None:
    """Write a wrangler configuration."""
    env = {name: {"d1_databases": found} for name, found in environments.items()}
    content: dict[str, Any] = {"d1_databases": databases, "env": env}
    (project.folder / "wrangler.json").write_text(json.dumps(content))


def write(project: Project, *paths: str) -> None:
    """Write migrations, each with a table of its own."""
    for place, path in enumerate(paths):
        (project.folder / path).parent.mkdir(parents=True, exist_ok=True)
        (project.folder / path).write_text(f"CREATE TABLE t{place} (x);\n")


def listed(project: Project, *arguments: str) -> list[str]:
    """The names that `list` shows."""
    return [file["name"] for file in project.run("list", *arguments, "--json").json["migrations"]]


def test_each_database_has_its_own_files(project: Project) -> None:
    """By binding, by database name and by environment."""
    write(project, "a/1.sql", "b/1_x/migration.sql", "b/2_y.sql", "c/3.sql", "db/d/4.sql", "db/5.sql")
    configure(
        project,
        {"binding": "A", "database_name": "one", "migrations_dir": "./a/"},
        {"binding": "B", "migrations_dir": "b", "migrations_pattern": "./b/*/migration.sql"},
        {"binding": "D", "migrations_dir": "db", "migrations_pattern": "db\\d\\*.sql"},
        staging=[{"binding": "A", "database_name": "one-staging", "database_id": ID, "migrations_dir": "c"}],
    )
    assert listed(project, "--database", "wrangler:A") == ["1"]
    assert listed(project, "--database", "wrangler:one") == ["1"]
    assert listed(project, "--database", "wrangler:B") == ["1_x/migration"]
    assert listed(project, "--database", "wrangler:D") == ["d/4"]
    assert listed(project, "--database", "wrangler:A?env=staging") == ["3"]
    assert listed(project, "--env", "staging") == ["3"]
    assert listed(project, "--database", "d1:one-staging") == ["3"]
    assert listed(project, "--database", f"d1:{ID}") == ["3"]


def test_an_unnamed_database_of_a_project_with_one_folder(project: Project) -> None:
    """It has the same files; with several folders, none is chosen."""
    write(project, "sql/1_a/migration.sql")
    one = {"binding": "DB", "migrations_dir": "sql", "migrations_pattern": "sql/*/migration.sql"}
    configure(project, one, prod=[one | {"binding": "DB", "database_id": ID}])
    assert listed(project, "--database", "sqlite:app.db") == ["1_a/migration"]
    assert listed(project, "--database", "d1:another") == ["1_a/migration"]
    configure(project, one, {"binding": "C", "migrations_dir": "c"})
    assert listed(project, "--database", "sqlite:app.db") == []


def test_the_folder_of_a_flag(project: Project) -> None:
    """It has wrangler's pattern only if it is wrangler's folder."""
    write(project, "sql/1_a/migration.sql", "copy/2.sql")
    configure(
        project, {"binding": "DB", "migrations_dir": "sql", "migrations_pattern": "sql/*/migration.sql"}
    )
    assert listed(project, "--migrations", "sql") == ["1_a/migration"]
    assert listed(project, "--migrations", "copy") == ["2"]


def test_our_own_pattern(project: Project) -> None:
    """It is relative to the folder, whichever that is, and overrides wrangler's."""
    write(project, "sql/1_a/migration.sql", "sql/2.sql")
    own = project.folder / "d1migrate.toml"
    own.write_text(
        "pattern = '*/migration.sql'\nmigrations = 'sql'\n[env.local]\ndatabase = 'sqlite:app.db'\n"
    )
    assert listed(project) == ["1_a/migration"]
    configure(project, {"binding": "DB", "migrations_dir": "sql"})
    own.write_text("pattern = '*/migration.sql'\n[env.local]\ndatabase = 'wrangler:DB'\n")
    assert listed(project) == ["1_a/migration"]
    own.write_text("pattern = 3\n[env.local]\ndatabase = 'wrangler:DB'\n")
    assert "pattern is 3, expected a string" in project.run("list", code=2).err


@pytest.mark.parametrize("command", ["up", "status", "list", "lint", "rehearse", "plan"])
def test_files_that_nothing_matches(project: Project, command: str) -> None:
    """They are an error with what to set, never `nothing to do`."""
    write(project, "drizzle/20260101000000_init/migration.sql")
    configure(project, {"binding": "DB", "migrations_dir": "drizzle"})
    error = project.run(command, code=2).err
    assert "no file matches '*.sql', but there are SQL files: 20260101000000_init/migration.sql" in error
    assert 'hint: set "migrations_pattern": "drizzle/*/migration.sql" in wrangler.json' in error


def test_what_to_set_without_a_folder_in_the_configuration(project: Project) -> None:
    """Wrangler needs both settings."""
    write(project, "migrations/1_a/migration.sql")
    configure(project, {"binding": "DB"})
    both = 'set "migrations_dir": "migrations", "migrations_pattern": "migrations/*/migration.sql"'
    assert both in project.run("up", code=2).err


@pytest.mark.parametrize(
    ("settings", "error", "hint"),
    [
        ({"migrations_pattern": "sql/*.sql"}, "is set without migrations_dir", '"migrations_dir": "sql"'),
        (
            {"migrations_pattern": "sql/*.sql", "migrations_dir": "sq"},
            "'sql/*.sql' must be below migrations_dir 'sq/'",
            '"migrations_pattern": "sq/*.sql"',
        ),
        ({"migrations_pattern": "sql/[.sql", "migrations_dir": "sql"}, "cannot read the pattern '[.sql'", ""),
    ],
)
def test_a_wrong_pattern(project: Project, settings: dict[str, str], error: str, hint: str) -> None:
    """It is an error, as it is for wrangler."""
    write(project, "sql/1.sql", "sq/1.sql")
    configure(project, {"binding": "DB"} | settings)
    shown = project.run("status", code=2).err
    assert error in shown
    assert hint in shown


@pytest.mark.parametrize(
    ("ids", "local"),
    [
        ({"database_id": "a", "preview_database_id": "p"}, "p"),
        ({"database_id": "a"}, "a"),
        ({"database_name": "n"}, "DB"),
        ({"database_id": ""}, ""),
        ({"database_id": "a", "preview_database_id": ""}, ""),
    ],
)
def test_the_local_file(project: Project, ids: dict[str, str], local: str) -> None:
    """Is named by the first id that is set, even to nothing: measured on wrangler 4.164."""
    project.write("001_a.sql", "CREATE TABLE a (x);")
    configure(project, {"binding": "DB"} | ids)
    project.run("up", "--database", "wrangler:DB")
    assert (project.folder / local_path(".wrangler/state", local)).is_file()


def test_a_preview_database(project: Project) -> None:
    """Is meant only by `?preview=1`, and is another database than production."""
    named = {"binding": "DB", "database_name": "app", "database_id": ID}
    configure(project, named | {"preview_database_id": PREVIEW})

    def identity(url: str) -> DatabaseIdentity:
        return identify(Environment(None, url), str(project.folder / "wrangler.json"))

    assert identity("d1:app") == DatabaseIdentity(id=ID, name="app")
    assert identity("d1:app?preview=1") == identity(f"d1:{ID}?preview=1") == DatabaseIdentity(id=PREVIEW)
    for options in ("preview=0", "preview", "x=1", ""):
        assert "unknown option" in project.run("current", "--database", f"d1:app?{options}", code=2).err
    for preview in ({}, {"preview_database_id": "a placeholder"}):
        configure(project, named | preview)
        error = project.run("current", "--database", "d1:app?preview=1", code=2).err
        assert "wrangler.json has no preview_database_id of app" in error


SKIPPED = "warning: not run: .9_x.sql, 2_b/migration.sql, 8_Y.SQL; wrangler skips links, hidden files, "
TIE = "warning: wrangler's order may surprise: 2_b, 2_c in this order, as each has number 2\n"


@pytest.mark.parametrize("command", ["status", "list", "lint", "up", "plan"])
def test_files_that_wrangler_skips(project: Project, command: str) -> None:
    """They are named in a warning, and stop nothing."""
    write(
        project, *(f"migrations/{name}" for name in ("1_a.sql", "8_Y.SQL", ".9_x.sql", "2_b/migration.sql"))
    )
    assert SKIPPED in project.run(command).err
    assert SKIPPED in project.run(command).err
    assert project.run(command, "--quiet").err == ""


@pytest.mark.parametrize("command", ["status", "list", "lint", "plan", "up"])
def test_an_order_that_surprises(project: Project, command: str) -> None:
    """It is one line of warning, and stops nothing."""
    write(project, "migrations/1_a.sql", "migrations/2_b.sql", "migrations/2_c.sql")
    assert project.run(command).err.count(TIE) == 1


def test_an_order_that_no_longer_matters(project: Project) -> None:
    """`up` and `status` are silent about the order of what is applied; `list` and `lint` note it."""
    write(project, "migrations/1_a.sql", "migrations/2_b.sql", "migrations/2_c.sql")
    project.run("up")
    write(project, "migrations/3_d.sql")
    (project.migrations / "3_d.sql").write_text("CREATE TABLE d (x);\n")
    assert "warning" not in project.run("plan").err
    assert "warning" not in project.run("up").err
    assert "warning" not in project.run("status").err
    assert TIE in project.run("list").err
    assert TIE in project.run("lint").err


def test_names_cannot_write_to_the_terminal(project: Project) -> None:
    """Whatever characters they have, they are shown in one line; they are migrations as any."""
    write(project, "migrations/1_\x1b[31mred.sql", "migrations/1_it's\nnew.sql", "migrations/2_\u202e.SQL")
    for command in ("status", "up", "list"):
        error = project.run(command).err
        assert error.replace("\n", "").isprintable()
        assert "as each has number 1" in error
    assert ("1_it's\nnew",) in project.sql("SELECT name FROM d1migrate_log")


def test_files_that_read_the_history(project: Project) -> None:
    """In every command, wrangler's table exists where it holds the history, and schema_migrations does not."""
    configure(project, {"binding": "DB", "database_name": "shop", "migrations_table": "past"})
    shop = ("--database", "wrangler:DB")
    project.write("0000_view.sql", "CREATE VIEW names AS SELECT name FROM past;")
    project.write("0001_index.sql", "CREATE INDEX by_time ON past(applied_at);")
    for command in ("lint", "rehearse", "up"):
        outcome = project.run(command, *shop)
        assert "no such table" not in outcome.out + outcome.err, command
    outcome = project.run("verify", "--check", *shop)
    assert "files, history and schema agree" in outcome.out
    assert "view names" in project.run("schema", "--at", "latest", *shop).out
    squashed = project.run("squash", "--to", "0001", "--dry-run", *shop).out
    assert "CREATE VIEW names" in squashed
    assert "CREATE TABLE" not in squashed
    project.write("0002_view.sql", "CREATE VIEW versions AS SELECT version FROM schema_migrations;")
    assert "no such table: main.schema_migrations" in project.run("up", *shop, code=1).err
