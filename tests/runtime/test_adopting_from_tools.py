"""Histories that the real tools wrote, and what `adopt` makes of them.

wrangler, drizzle-orm, Kysely, Knex, dbmate, sqlx, Alembic and Django are the real ones. goose, golang-migrate and
Prisma's engine are in no registry that a test run may use; Payload, NuxtHub and Rails are whole frameworks: their
tables are written as their sources have them.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.cli.project import Project
from tests.runtime.workerd import ROOT, node

if TYPE_CHECKING:
    from collections.abc import Sequence

BIN = Path(sys.executable).parent
FILES = {
    "20240101000000_users.sql": "CREATE TABLE users (id INTEGER PRIMARY KEY, email TEXT NOT NULL);\n",
    "20240102000000_seed.sql": "INSERT INTO users VALUES (1, 'a');\n",
    "20240103000000_teams.sql": "CREATE TABLE teams (id INTEGER PRIMARY KEY);\nCREATE INDEX it ON teams(id);\n",
}
LATER = {"20240104000000_fill.sql": "INSERT INTO users VALUES (2, 'b');\n"}


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Project:
    """A project with the files, and one more that no tool has applied."""
    monkeypatch.setenv("D1MIGRATE_DATABASE", "sqlite:app.db")
    monkeypatch.chdir(tmp_path)
    project = Project(tmp_path, capsys)
    for name, sql in (FILES | LATER).items():
        project.write(name, sql)
    return project


def run(*command: str | Path, **variables: str) -> None:
    """Run a tool, which must succeed."""
    done = subprocess.run(
        command,
        env=os.environ | variables,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def folder(project: Project, name: str, before: str = "", after: str = "") -> Path:
    """A folder of the tool's own, with the files that it applies."""
    path = project.folder / name
    path.mkdir()
    for file, sql in FILES.items():
        (path / file).write_text(before + sql + after)
    return path


def look(project: Project, *arguments: str) -> list[tuple[str, str]]:
    """The state and the reason of every file."""
    found = project.run("adopt", "--dry-run", "--json", *arguments).json
    assert found["unmanaged_objects"] == []
    return [(entry["state"], entry["reason"]) for entry in found["migrations"]]


def states(project: Project) -> list[str]:
    """The states alone."""
    return [state for state, _ in look(project)]


APPLIED = ["applied", "applied", "applied", "pending"]


def carry_on(project: Project) -> None:
    """Record what was found, apply the last file, once; the rows of the second are there once."""
    project.run("adopt", "--yes")
    assert [step["name"] for step in project.run("up", "--json").json["steps"]] == ["20240104000000_fill"]
    assert project.sql("SELECT id FROM users ORDER BY id") == [(1,), (2,)]
    assert project.run("verify", "--check").out == "files, history and schema agree\n"


def test_wrangler(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its table is a history, also under a name of the user's own: only checksums are left to adopt."""
    monkeypatch.delenv("D1MIGRATE_DATABASE")
    config = {
        "d1_databases": [
            {"binding": "DB", "database_name": "shop", "database_id": "x", "migrations_table": "done"}
        ]
    }
    (project.folder / "wrangler.json").write_text(json.dumps(config))
    (project.migrations / "20240104000000_fill.sql").rename("later.sql")
    run(
        *(node(), ROOT / "node_modules/wrangler/bin/wrangler.js", "d1", "migrations", "apply", "shop", "--local"),
        CI="1", WRANGLER_SEND_METRICS="false", CLOUDFLARE_CF_FETCH_ENABLED="false", HOME=str(project.folder),
    )  # fmt: skip
    Path("later.sql").rename(project.migrations / "20240104000000_fill.sql")
    assert look(project) == [
        *[("recorded", "it is in the history, without a checksum")] * 3,
        ("pending", "it is newer than all that the history has"),
    ]
    assert [step["name"] for step in project.run("up", "--json").json["steps"]] == ["20240104000000_fill"]
    assert len(project.run("history", "--json").json["entries"]) == 4
    assert len(project.run("adopt", "--yes", "--json").json["checksums_recorded"]) == 3
    assert project.run("status", "--check").out.count("applied") >= 4


def drizzle(project: Project, tags: Sequence[str]) -> Path:
    """Apply the files with drizzle, under its own names, as its journal has them."""
    path = project.folder / "drizzle"
    (path / "meta").mkdir(parents=True)
    entries = []
    for index, (tag, sql) in enumerate(zip(tags, FILES.values(), strict=True)):
        (path / f"{tag}.sql").write_text(
            sql.replace(";\nCREATE INDEX", ";\n--> statement-breakpoint\nCREATE INDEX")
        )
        entries.append(
            {"idx": index, "version": "6", "when": 1700000000000 + index, "tag": tag, "breakpoints": True}
        )
    journal = {"version": "7", "dialect": "sqlite", "entries": entries}
    (path / "meta" / "_journal.json").write_text(json.dumps(journal))
    run(node(), ROOT / "tests/runtime/drizzle_migrate.mjs", project.database, path)
    return path


def test_drizzle_by_checksum(project: Project) -> None:
    """Its table has nothing but checksums: files that were renamed and not edited are found by these."""
    path = drizzle(project, ["0000_ready_hulk", "0001_brave_thor", "0002_lazy_loki"])
    for file in project.migrations.iterdir():
        file.unlink()
    for name in ("0000_ready_hulk", "0001_brave_thor", "0002_lazy_loki"):
        number = int(name[:4]) + 1
        project.write(f"{number:04}_x.sql", (path / f"{name}.sql").read_text())
    project.write("0004_fill.sql", LATER["20240104000000_fill.sql"])
    assert states(project) == APPLIED
    assert look(project)[1][1] == "drizzle recorded it as 1700000000001"


def test_drizzle_by_its_journal(project: Project) -> None:
    """Where files were edited since, say for a rollback block, the journal has their names."""
    path = drizzle(project, [name.removesuffix(".sql") for name in FILES])
    (path / "meta").rename(project.migrations / "meta")
    project.write(
        "20240102000000_seed.sql",
        FILES["20240102000000_seed.sql"] + "\n-- Rollback:\n-- DELETE FROM users;\n",
    )
    found = look(project)
    assert [state for state, _ in found] == APPLIED
    assert (
        found[1][1]
        == "drizzle recorded it as 20240102000000_seed (its checksum there is that of another text)"
    )
    carry_on(project)


def test_drizzle_1(project: Project) -> None:
    """It has folders, and records their names and when it applied them."""
    path = project.folder / "drizzle"
    for name, sql in FILES.items():
        (path / name.removesuffix(".sql")).mkdir(parents=True)
        broken = sql.replace(";\nCREATE INDEX", ";\n--> statement-breakpoint\nCREATE INDEX")
        (path / name.removesuffix(".sql") / "migration.sql").write_text(broken)
    run(node(), ROOT / "tests/runtime/drizzle_migrate.mjs", project.database, path, "drizzle-orm-1")
    found = look(project)
    assert [state for state, _ in found] == APPLIED
    assert found[1][1] == "drizzle recorded it as 20240102000000_seed"
    ((at,),) = project.sql("SELECT unixepoch(min(applied_at)) FROM __drizzle_migrations")
    carry_on(project)
    assert project.sql("SELECT applied_at FROM schema_migrations LIMIT 1") == [(at,)]


@pytest.mark.parametrize(
    ("tool", "recorded"),
    [
        ("kysely", "Kysely recorded it as 20240102000000_seed"),
        ("knex", "Knex recorded it as 20240102000000_seed.js"),
    ],
)
def test_kysely_and_knex(project: Project, tool: str, recorded: str) -> None:
    """Names and times; their locks are not the application's tables."""
    path = folder(project, "migrations_of_the_tool")
    run(node(), ROOT / "tests/runtime/javascript_migrators.mjs", tool, project.database, path)
    found = look(project)
    assert [state for state, _ in found] == APPLIED
    assert found[1] == ("applied", recorded)
    carry_on(project)
    ((at,),) = project.sql("SELECT min(applied_at) FROM schema_migrations")
    assert abs(at - time.time()) < 3600


NUXTHUB = """\
CREATE TABLE _hub_migrations (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT UNIQUE,
 applied_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP NOT NULL);
INSERT INTO _hub_migrations (name) VALUES ('20240101000000_users'), ('20240102000000_seed'), ('20240103000000_teams');
"""
PAYLOAD = """\
CREATE TABLE `payload_migrations` (`id` integer PRIMARY KEY NOT NULL, `name` text, `batch` numeric,
 `updated_at` text DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')) NOT NULL,
 `created_at` text DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')) NOT NULL);
CREATE INDEX `payload_migrations_created_at_idx` ON `payload_migrations` (`created_at`);
INSERT INTO payload_migrations (name, batch) VALUES ('dev', -1), ('20240101000000_users', 1),
 ('20240102000000_seed', 1), ('20240103000000_teams', 2);
"""
RAILS = """\
CREATE TABLE "schema_migrations" ("version" varchar NOT NULL PRIMARY KEY);
CREATE TABLE "ar_internal_metadata" ("key" varchar NOT NULL PRIMARY KEY, "value" varchar,
 "created_at" datetime(6) NOT NULL, "updated_at" datetime(6) NOT NULL);
INSERT INTO schema_migrations VALUES ('20240101000000'), ('20240102000000'), ('20240103000000');
INSERT INTO ar_internal_metadata VALUES ('environment', 'production', '', '');
"""


@pytest.mark.parametrize(
    ("table", "recorded"),
    [
        (NUXTHUB, "NuxtHub recorded it as 20240102000000_seed"),
        (PAYLOAD, "Payload recorded it as 20240102000000_seed"),
        (RAILS, "Rails recorded it as 20240102000000"),
    ],
    ids=["NuxtHub", "Payload", "Rails"],
)
def test_frameworks(project: Project, table: str, recorded: str) -> None:
    """Every row of theirs is a migration, but for what Payload's dev mode pushed."""
    applied_by_hand(project, table)
    found = project.run("adopt", "--dry-run", "--json").json
    assert [entry["state"] for entry in found["migrations"]] == APPLIED
    assert found["migrations"][1]["reason"] == recorded
    assert (found["unmanaged_objects"], found["unknown_records"]) == ([], [])
    carry_on(project)


def test_a_journal_that_is_none(project: Project) -> None:
    """It is an error, and no trace."""
    (project.migrations / "meta").mkdir()
    (project.migrations / "meta" / "_journal.json").write_text("[1]")
    assert "is not a journal of drizzle" in project.run("adopt", code=2).err


def test_dbmate(project: Project) -> None:
    """Its table has the name of ours: it is kept under another one, in the transaction that records."""
    path = folder(project, "db", before="-- migrate:up\n", after="-- migrate:down\nDROP TABLE x;\n")
    run(BIN / "dbmate", "--url", "sqlite:app.db", "-d", path, "--no-dump-schema", "up")
    assert "`d1migrate adopt` takes over from dbmate" in project.run("status", code=1).err
    found = look(project)
    assert [state for state, _ in found] == APPLIED
    assert found[1][1] == "dbmate recorded it as 20240102000000"
    assert (
        "schema_migrations belongs to dbmate: it will be renamed old_schema_migrations"
        in project.run("adopt", "--dry-run").out
    )
    carry_on(project)
    assert len(project.sql("SELECT version FROM old_schema_migrations")) == 3


def test_dbmate_with_nothing_applied(project: Project) -> None:
    """An empty table of its own is no hindrance."""
    (project.folder / "db").mkdir()
    run(BIN / "dbmate", "--url", "sqlite:app.db", "-d", project.folder / "db", "--no-dump-schema", "create")
    project.sql("CREATE TABLE schema_migrations (version varchar(128) primary key);\n")
    assert states(project) == ["pending"] * 4
    project.run("adopt", "--yes")
    assert len(project.run("up", "--json").json["steps"]) == 4


def test_the_kept_table_is_never_overwritten(project: Project) -> None:
    """A table that has the name already stays what it is."""
    project.sql(
        "CREATE TABLE schema_migrations (version varchar(128) primary key);\nCREATE TABLE old_schema_migrations (x);\n"
    )
    assert "a table old_schema_migrations already exists" in project.run("adopt", "--yes", code=1).err


def test_sqlx(project: Project) -> None:
    """Number, words and SHA-384 of the file."""
    path = folder(project, "sq")
    run(BIN / "sqlx", "database", "create", DATABASE_URL="sqlite:app.db")
    run(BIN / "sqlx", "migrate", "run", "--source", path, DATABASE_URL="sqlite:app.db")
    found = look(project)
    assert [state for state, _ in found] == APPLIED
    assert found[1][1] == "sqlx recorded it as 20240102000000_seed"
    project.write("20240102000000_seed.sql", "INSERT INTO users VALUES (1, 'edited');\n")
    assert look(project)[1][1].endswith("(its checksum there is that of another text)")
    carry_on(project)


ALEMBIC_ENV = """\
from alembic import context
from sqlalchemy import create_engine
if context.is_offline_mode():
    context.configure(url="sqlite://", literal_binds=True)
    with context.begin_transaction():
        context.run_migrations()
else:
    with create_engine("sqlite:///app.db").connect() as connection:
        context.configure(connection=connection)
        with context.begin_transaction():
            context.run_migrations()
"""


def test_alembic(project: Project) -> None:
    """It keeps the newest revision alone; the files that its offline mode wrote name theirs."""
    (project.folder / "versions").mkdir()
    (project.folder / "env.py").write_text(ALEMBIC_ENV)
    (project.folder / "alembic.ini").write_text("[alembic]\nscript_location = %(here)s\n")
    before = None
    for number, sql in enumerate(FILES.values(), 1):
        revision = f"{number}a{number}b{number}c"
        statements = "".join(f"    op.execute({part!r})\n" for part in sql.split(";\n") if part)
        text = f"revision = {revision!r}\ndown_revision = {before!r}\nfrom alembic import op\ndef upgrade():\n{statements}"
        (project.folder / "versions" / f"{revision}_x.py").write_text(text)
        before = revision
    run(sys.executable, "-m", "alembic", "upgrade", "head")
    offline = subprocess.run(
        [sys.executable, "-m", "alembic", "upgrade", "head", "--sql"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    parts = offline.split("-- Running upgrade ")[1:]
    for file, part in zip(FILES, parts, strict=True):
        lines = [line for line in ("-- Running upgrade " + part).split("\n") if "alembic_version" not in line]
        project.write(file, "\n".join(line for line in lines if line not in ("BEGIN;", "COMMIT;")))
    found = look(project)
    assert [state for state, _ in found] == APPLIED
    assert found[1][1] == "Alembic recorded it as revision 3a3b3c"
    carry_on(project)


def test_django(project: Project) -> None:
    """App and name, also of migrations that only run SQL."""
    (project.folder / "shop" / "migrations").mkdir(parents=True)
    for package in ("shop", "shop/migrations"):
        (project.folder / package / "__init__.py").touch()
    (project.folder / "settings.py").write_text(
        "INSTALLED_APPS = ['shop']\n"
        "DATABASES = {'default': {'ENGINE': 'django.db.backends.sqlite3', 'NAME': 'app.db'}}\n"
    )
    before: list[tuple[str, str]] = []
    for file, sql in FILES.items():
        name = file.removesuffix(".sql")
        (project.folder / "shop" / "migrations" / f"{name}.py").write_text(
            "from django.db import migrations\nclass Migration(migrations.Migration):\n"
            f"    dependencies = {before!r}\n    operations = [migrations.RunSQL({sql!r})]\n"
        )
        before = [("shop", name)]
    run(sys.executable, "-m", "django", "migrate", "--settings", "settings", PYTHONPATH=str(project.folder))
    found = look(project)
    assert [state for state, _ in found] == APPLIED
    assert found[1][1] == "Django recorded it as shop.20240102000000_seed"
    carry_on(project)


def applied_by_hand(project: Project, table: str) -> None:
    """The files, applied, and a tool's table."""
    project.sql("".join(sql for sql in FILES.values()))
    project.sql(table)


GOOSE = """\
CREATE TABLE goose_db_version (id INTEGER PRIMARY KEY AUTOINCREMENT, version_id INTEGER NOT NULL,
 is_applied INTEGER NOT NULL, tstamp TIMESTAMP DEFAULT (datetime('now')));
INSERT INTO goose_db_version (version_id, is_applied) VALUES (0, 1), (20240101000000, 1), (20240102000000, 1),
 (20240104000000, 1), (20240104000000, 0), (20240103000000, 1);
"""


def test_goose(project: Project) -> None:
    """The newest row of a version counts: what was rolled back is not applied."""
    applied_by_hand(project, GOOSE)
    assert states(project) == ["applied", "applied", "applied", "pending"]
    carry_on(project)


GOLANG_MIGRATE = """\
CREATE TABLE schema_migrations (version uint64, dirty bool);
CREATE UNIQUE INDEX version_unique ON schema_migrations (version);
INSERT INTO schema_migrations VALUES (20240103000000, {});
"""


def test_golang_migrate(project: Project) -> None:
    """One row: how far it came."""
    applied_by_hand(project, GOLANG_MIGRATE.format("false"))
    found = look(project)
    assert [state for state, _ in found] == APPLIED
    assert found[1][1] == "golang-migrate recorded it as version 20240103000000"
    carry_on(project)


def test_golang_migrate_dirty(project: Project) -> None:
    """What it says failed, and is there, is nobody's guess."""
    applied_by_hand(project, GOLANG_MIGRATE.format("true"))
    assert states(project) == ["applied", "applied", "contradicted", "unknown"]


PRISMA = """\
CREATE TABLE "_prisma_migrations" ("id" TEXT PRIMARY KEY NOT NULL, "checksum" TEXT NOT NULL, "finished_at" DATETIME,
 "migration_name" TEXT NOT NULL, "logs" TEXT, "rolled_back_at" DATETIME,
 "started_at" DATETIME NOT NULL DEFAULT current_timestamp, "applied_steps_count" INTEGER UNSIGNED NOT NULL DEFAULT 0);
"""


def prisma(project: Project, *rows: tuple[Any, ...]) -> None:
    """Write Prisma's table: name, finished_at, rolled_back_at, started_at in milliseconds."""
    applied_by_hand(project, PRISMA)
    for number, (name, finished, rolled_back, started) in enumerate(rows):
        values = ", ".join(
            "NULL" if value is None else str(value) for value in (finished, rolled_back, started)
        )
        project.sql(
            "INSERT INTO _prisma_migrations (id, checksum, migration_name, finished_at, rolled_back_at, started_at)"
            f" VALUES ('{number}', 'c', '{name}', {values})"
        )


def test_prisma(project: Project) -> None:
    """Folders' names; a failed row that was resolved does not count, the one after it does."""
    prisma(
        project,
        ("20240101000000_users", 1704067200000, None, 1),
        ("20240102000000_seed", None, 5, 2),
        ("20240102000000_seed", 1704067201000, None, 3),
        ("20240103000000_teams", 1704067202000, None, 4),
        ("20250101000000_elsewhere", 1704067202000, None, 5),
    )
    found = project.run("adopt", "--dry-run", "--json").json
    assert [entry["state"] for entry in found["migrations"]] == APPLIED
    assert [record["name"] for record in found["unknown_records"]] == ["20250101000000_elsewhere"]
    assert (
        "no file for 20250101000000_elsewhere, which Prisma recorded as applied"
        in project.run("adopt", "--dry-run").out
    )
    project.run("adopt", "--yes")
    assert project.sql("SELECT applied_at FROM schema_migrations") == [
        (1704067200,),
        (1704067201,),
        (1704067202,),
    ]


def test_prisma_failed_and_rolled_back(project: Project) -> None:
    """A failed seed is unknown still; a failed table that is there is contradicted."""
    prisma(
        project,
        ("20240101000000_users", 1704067200000, None, 1),
        ("20240102000000_seed", None, 5, 2),
        ("20240103000000_teams", None, None, 3),
    )
    found = look(project)
    assert [state for state, _ in found] == ["applied", "unknown", "contradicted", "unknown"]
    assert found[2][1] == "Prisma recorded that it failed, yet table teams and index it are present"


@pytest.mark.parametrize("name", ["20240101000000_users/migration.sql", "old/20240101000000_users.sql"])
def test_nested_folders(project: Project, name: str) -> None:
    """A tool may keep a folder for each migration, whose name is the migration's, or one for all."""
    applied_by_hand(
        project,
        "CREATE TABLE _hub_migrations (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT UNIQUE,"
        " applied_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP NOT NULL);\n"
        f"INSERT INTO _hub_migrations (name) VALUES ('{name}'), ('2_unknown.sql');\n",
    )
    found = look(project)
    assert found[0][1].endswith(f"NuxtHub recorded it as {name}")
    assert "no file for 2_unknown.sql" in project.run("adopt", "--dry-run").out


def test_the_guides_way_to_copy_files(project: Project) -> None:
    """A down section becomes a rollback block that runs."""
    for file in project.migrations.iterdir():
        file.unlink()
    for name, text in {
        "db/migrations/20250101000000_b.sql": "-- migrate:up\nCREATE TABLE b (x);\n\n-- migrate:down\nDROP TABLE b;\n",
        "db/migrations/20250102000000_g.sql": (
            "-- +goose Up\n-- +goose StatementBegin\nCREATE TABLE g (x);\n-- +goose StatementEnd\n"
            "-- +goose Down\nDROP TABLE g;\n"
        ),
    }.items():
        path = project.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    page = (ROOT / "docs/guides/adopting.md").read_text()
    (script,) = re.findall(r"^for f in .*?^done$", page, re.DOTALL | re.MULTILINE)
    run("bash", "-euc", script)
    assert sorted(p.name for p in project.migrations.iterdir()) == [
        *("20250101000000_b.sql", "20250102000000_g.sql"),
    ]
    project.run("up", "--no-lint")
    assert project.tables() == {"b", "g"}
    project.run("down", "--steps", "2")
    assert project.tables() == set()
