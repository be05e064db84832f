"""HUMMBL changes two referenced tables, on the real D1 through Cloudflare's API, and loses nothing."""

from __future__ import annotations

import re
import shutil
from typing import TYPE_CHECKING, Any

import pytest

from d1migrate.lint.replay.replayer import schema_of
from d1migrate.project.files import load_migrations
from d1migrate.schema.render import document
from tests.runtime.workerd import ROOT

if TYPE_CHECKING:
    from tests.cli.project import Project
    from tests.runtime.cloudflare import Cloudflare

CHANGES = {
    "status TEXT NOT NULL DEFAULT 'draft'": "owner_id TEXT NOT NULL,\n    status TEXT NOT NULL DEFAULT 'draft'",
    "'running', 'completed', 'failed')),\n    started_at INTEGER,\n    completed_at INTEGER,\n    error TEXT\n);\n"
    "CREATE INDEX idx_executions_status": "'running', 'completed', 'failed', 'cancelled')),\n    started_at INTEGER,\n"
    "    completed_at INTEGER,\n    error TEXT\n);\nCREATE INDEX idx_executions_status",
}
COUNT = "(WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {}) SELECT i FROM n)"
FILL = (
    f"INSERT INTO workflows SELECT 'w' || i, 'n' || i, NULL, 'active', i, i FROM {COUNT.format(20_000)}",
    (
        "INSERT INTO executions SELECT 'e' || i, 'w' || (1 + i % 20000), 'pending', i, NULL, NULL"
        f" FROM {COUNT.format(60_000)}"
    ),
    (
        "INSERT INTO task_results (id, execution_id, task_id, task_name)"
        f" SELECT 't' || i, 'e' || (1 + i % 60000), 'task', 'name' FROM {COUNT.format(60_000)}"
    ),
)
SUMS = (
    "SELECT count(*), sum(created_at), sum(rowid), group_concat(DISTINCT status) FROM workflows",
    "SELECT count(*), sum(started_at), sum(rowid), count(DISTINCT workflow_id) FROM executions",
    "SELECT count(*), count(DISTINCT execution_id), sum(rowid) FROM task_results",
    (
        "SELECT type, name, tbl_name FROM sqlite_schema WHERE tbl_name NOT LIKE 'schema_migrations%'"
        " AND tbl_name NOT LIKE '\\_cf\\_%' ESCAPE '\\' ORDER BY 1, 2"
    ),
)


@pytest.fixture
def hummbl(project: Project, cloudflare: Cloudflare, monkeypatch: pytest.MonkeyPatch) -> str:
    """Its three migrations applied to a D1 with 20,000 workflows and 120,000 children; the database's id."""
    database = cloudflare.create("hummbl-workflows")
    for name, value in cloudflare.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("D1MIGRATE_DATABASE", f"d1:{database}")
    cloudflare.settings(fragile_splitter=True, cf_kv=True)
    shutil.copytree(ROOT / "workers" / "migrations", project.migrations, dirs_exist_ok=True)
    project.run("up")
    for sql in FILL:
        cloudflare.sql(database, sql)
    return database


def test_change_any_table_and_lose_nothing(project: Project, cloudflare: Cloudflare, hummbl: str) -> None:
    """schema.sql, diff, lint, rehearse, up: every row is kept. Then down: as at the start."""

    def sums() -> list[Any]:
        return [cloudflare.sql(hummbl, sql) for sql in SUMS]

    before = sums()
    text = document(schema_of(load_migrations(str(project.migrations))))
    for old, new in CHANGES.items():
        assert old in text
        text = text.replace(old, new, 1)
    (project.folder / "schema.sql").write_text(text)
    made = ("diff", "--to", "schema.sql", "--backfill", "workflows.owner_id='nobody'", "--name", "owners")
    err = project.run(*made, code=1).err
    assert (
        "executions has more than 6,250 rows: in one batch, its rebuild would write more than 50,000" in err
    )
    (project.folder / "d1migrate.toml").write_text("budget = 2000000\n")
    project.run(*made)
    found = project.run("lint", "--strict", "--json").json
    assert {d["code"] for d in found["diagnostics"]} == {"W103"}  # a note: every row is written again
    assert "no loss" in project.run("rehearse").out
    announced = project.run("plan", "--json").json["requests"]
    asked = len(cloudflare.requests())
    project.run("up")
    assert len(cloudflare.requests()) - asked == announced
    assert sums() == before
    assert cloudflare.sql(hummbl, "SELECT DISTINCT owner_id FROM workflows") == [[["nobody"]]]
    cloudflare.sql(hummbl, "UPDATE executions SET status = 'cancelled' WHERE id = 'e1'")
    err = project.run("down", "--allow-loss", "workflows", code=1).err
    assert "CHECK constraint failed" in err
    cloudflare.sql(hummbl, "UPDATE executions SET status = 'failed' WHERE id = 'e1'")
    project.run("down", "--allow-loss", "workflows")
    assert sums() == before
    assert project.run("verify", "--check", code=None).out.startswith("004_owners: pending\n")
    assert not project.run("verify", "--json").json["differences"]


EXPANDED = (
    "rebuild",
    "users",
    "--add",
    "norm TEXT NOT NULL",
    "--backfill",
    "users.norm=lower(email)",
    "--expand",
)


def test_expand_and_contract(project: Project) -> None:
    """A column for which each row needs a value: four files, which old code survives, and their rollbacks."""
    project.write("001_users.sql", "CREATE TABLE users (id INTEGER PRIMARY KEY, email TEXT NOT NULL);\n")
    project.run("up")
    project.sql("INSERT INTO users (email) VALUES ('A'), ('B')")
    files = project.run(*EXPANDED, "--json").json["files"]
    names = ["002_add_users_norm", "003_fill_users_norm", "004_contract_users_norm", "005_rebuild_users"]
    assert [file.rpartition("/")[2] for file in files] == [f"{name}.sql" for name in names]
    assert project.run("lint", "--strict", "--json").json["errors"] == 0
    project.run("up", "--to", "2")
    project.sql("INSERT INTO users (email) VALUES ('C')")
    project.sql("UPDATE users SET email = 'AA' WHERE email = 'A'")
    assert project.sql("SELECT email, norm FROM users") == [("AA", "aa"), ("B", None), ("C", "c")]
    project.run("up", "--phase", "before")
    assert project.sql("SELECT norm FROM users") == [("aa",), ("b",), ("c",)]
    project.run("up", "--phase", "after")
    assert project.sql("SELECT name FROM sqlite_schema WHERE type = 'trigger'") == []
    assert project.run("verify", "--check").out == "files, history and schema agree\n"
    project.run("down", "--to", "1", "--allow-loss", "all")
    assert project.sql("SELECT * FROM users") == [(1, "AA"), (2, "B"), (3, "C")]


def test_expand_without_constraints(project: Project) -> None:
    """A column that may stay NULL needs no rebuild; the files are named by --name."""
    project.write("001_users.sql", "CREATE TABLE users (id INTEGER PRIMARY KEY, email TEXT NOT NULL);\n")
    out = project.run(*EXPANDED[:3], "norm TEXT", *EXPANDED[4:], "--name", "normal emails", "--dry-run").out
    assert [line for line in out.splitlines() if line.startswith("-- Description")] == [
        "-- Description: Normal emails",
        "-- Description: Fill users norm",
        "-- Description: Contract normal emails",
    ]
    assert "-- d1migrate: batch users\nUPDATE" in out


def test_expand_is_for_new_columns_of_one_table(project: Project) -> None:
    """Anything else is refused, with what to do instead."""
    project.write(
        "001_users.sql",
        "CREATE TABLE users (id INTEGER PRIMARY KEY, email TEXT);\nCREATE TABLE logs (id INTEGER PRIMARY KEY);\n",
    )
    err = project.run("rebuild", "users", "--add", "age INTEGER", "--expand", code=2).err
    assert "--expand is for new columns" in err
    schema = project.folder / "schema.sql"
    schema.write_text("CREATE TABLE users (id INTEGER PRIMARY KEY, email TEXT, norm TEXT);\n")
    err = project.run("diff", "--allow-drop", "logs", *EXPANDED[4:], code=1).err
    assert "there is more to do: drop logs" in err


def with_budget(project: Project, *tables: str) -> None:
    """A project for D1, whose batches have a budget, and tables."""
    toml = 'budget = 50_000\n[env.local]\ndatabase = "sqlite:app.db"\n'
    (project.folder / "d1migrate.toml").write_text(toml)
    project.write("001_tables.sql", "\n".join(tables))


TABLE = "CREATE TABLE users (id INTEGER PRIMARY KEY, email TEXT NOT NULL);"
STRICTER = ("rebuild", "users", "--set", "email TEXT NOT NULL CHECK (email <> '')")


def test_an_online_rebuild_is_alone_in_its_file(project: Project) -> None:
    """--online, or more rows than one batch may rebuild: by --scale, or else in the database."""
    with_budget(project, TABLE)
    assert "-- d1migrate: online" not in project.run(*STRICTER, "--dry-run").out
    assert "-- d1migrate: online users\n" in project.run(*STRICTER, "--online", "--dry-run").out
    found = project.run(*STRICTER, "--scale", "users=25000", "--dry-run")
    assert "-- d1migrate: online" not in found.out
    found = project.run(*STRICTER, "--scale", "USERS=25001", "--dry-run")
    reason = "users has more than 25,000 rows: in one batch, its rebuild would write more than 50,000 entries"
    assert reason in found.err
    assert f"-- Online: {reason}.\n-- d1migrate: online users\n" in found.out
    project.run(*STRICTER, "--online")
    project.run("up")
    assert project.run("verify", "--check").out == "files, history and schema agree\n"


def test_a_draft_needs_no_database(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither the local one, which is not migrated yet, nor production, unless it is named."""
    with_budget(project, TABLE)
    toml = project.folder / "d1migrate.toml"
    toml.write_text(toml.read_text() + '[env.production]\ndatabase = "d1:shop"\n')
    for name in ("D1MIGRATE_DATABASE", "CLOUDFLARE_API_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    assert "not counted" not in project.run(*STRICTER, "--dry-run").err
    found = project.run("--env", "production", *STRICTER, "--dry-run")
    assert "rows were not counted, --scale users=ROWS declares them: " in found.err
    assert "CHECK (email <> '')" in found.out


def test_a_big_table_gets_its_column_in_steps(project: Project) -> None:
    """Without a flag, if one UPDATE of all rows would be too big; the dry run counts the files."""
    with_budget(project, TABLE)
    add = ("rebuild", "users", "--add", "norm TEXT", "--backfill", "users.norm=lower(email)", "--dry-run")
    assert project.run(*add).out.count("-- Migration: ") == 1
    out = project.run(*add, "--scale", "users=50001").out
    names = [line.rpartition(" ")[2] for line in out.splitlines() if line.startswith("-- Migration: ")]
    assert names == ["002_add_users_norm", "003_fill_users_norm", "004_contract_users_norm"]
    assert "-- In steps: users has more than 50,000 rows" in out


def test_a_big_parent_needs_a_new_column(project: Project) -> None:
    """Neither one batch nor the swap can do it: triggers refuse what the constraint would."""
    links = "CREATE TABLE posts (id INTEGER PRIMARY KEY, user_id INTEGER REFERENCES users);"
    with_budget(project, TABLE, links)
    found = project.run(*STRICTER, "--scale", "users=20000", "--dry-run")
    assert "and so would the swap of an online rebuild" in found.err
    assert "these triggers refuse the same rows instead" in found.err
    assert found.out.count("-- Migration: ") == 1
    assert "-- d1migrate: online" not in found.out
    forced = project.run(*STRICTER, "--online", "--scale", "users=20000", "--dry-run")
    assert re.search(r"warning: users .* foreign keys to it: use --expand instead", forced.err)
    column = ("rebuild", "users", "--add", "norm TEXT NOT NULL", "--backfill", "users.norm=lower(email)")
    out = project.run(*column, "--scale", "users=20000", "--dry-run").out
    assert out.count("-- Migration: ") == 3  # no rebuild


def test_online_is_for_rebuilds(project: Project) -> None:
    """ALTER TABLE does the rest."""
    with_budget(project, TABLE)
    err = project.run("rebuild", "users", "--add", "norm TEXT", "--online", code=2).err
    assert "--online is for changes that rebuild a table" in err
    err = project.run(*STRICTER, "--online", "--expand", code=2).err
    assert "--online and --expand cannot be used together" in err
    assert "is not TABLE=ROWS" in project.run(*STRICTER, "--scale", "users", code=2).err
