"""`adopt`: a database that d1migrate did not create, from the command line."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from contextlib import closing
from typing import TYPE_CHECKING

import apsw
import pytest

from d1migrate.errors import HistoryError
from d1migrate.migrate.other_tools import COMPANIONS, OTHER_TOOLS
from d1migrate.migrate.source import load
from d1migrate.migrator import Migrator
from d1migrate.project.files import load_migrations
from d1migrate.sql.batch import Batch, Query
from tests.runtime.workerd import ROOT, WorkerdDriver

if TYPE_CHECKING:
    from tests.cli.project import Project
    from tests.runtime.workerd import Workerd

LIVE = """\
CREATE TABLE users (id INTEGER PRIMARY KEY, email TEXT NOT NULL);
CREATE TABLE teams (id INTEGER PRIMARY KEY, owner_id INTEGER NOT NULL REFERENCES users(id) ON DELETE CASCADE);
CREATE INDEX idx_teams_owner ON teams(owner_id);
"""


def start(project: Project, sql: str = LIVE) -> None:
    """Three files, and a database in which the first two ran, by whatever means."""
    project.standard()
    project.sql(sql)


def test_existing_objects_are_recorded_and_the_rest_applied(project: Project) -> None:
    """A dry run prints and writes nothing; --yes records; `up` continues from there."""
    start(project)
    before = project.database.read_bytes()
    out = project.run("adopt", "--dry-run").out
    assert out.splitlines() == [
        "number  name       state    because",
        "     1  001_users  applied  table users is present",
        "     2  002_teams  applied  table teams and index idx_teams_owner are present",
        "     3  003_names  pending  column users.name is missing",
    ]
    assert project.database.read_bytes() == before
    assert "`d1migrate adopt` finds out" in project.run("up", code=1).err
    assert (
        project.run("adopt", "--yes").out.splitlines()[-1] == "recorded 2 migrations as applied; ran nothing"
    )
    assert project.states() == {1: "applied", 2: "applied", 3: "pending"}
    assert project.run("adopt", "--yes").out.splitlines()[-1] == "nothing to record"
    project.run("up")
    assert project.run("verify", "--check").out == "files, history and schema agree\n"
    project.run("down", "--to", "0", "--allow-loss", "all")  # the rollback was recorded, too
    assert project.tables() == set()


def test_the_log_keeps_the_evidence(project: Project) -> None:
    """The log keeps the evidence for each record."""
    start(project)
    project.run("adopt", "--yes")
    found = project.run("history", "--json").json["entries"]
    assert [(entry["version"], entry["action"], entry["by"]) for entry in found] == [
        (1, "baseline", "tester"),
        (2, "baseline", "tester"),
    ]
    assert found[0]["detail"] == {"adopted": "table users is present"}
    assert found[0]["checksum"].startswith("v1:")


def test_json_has_the_objects(project: Project) -> None:
    """All objects that were compared, and what was recorded."""
    start(project, LIVE + "CREATE TABLE notes (x);\n")
    found = project.run("adopt", "--dry-run", "--json").json
    assert [entry["state"] for entry in found["migrations"]] == ["applied", "applied", "pending"]
    assert found["migrations"][0]["objects"] == [
        {
            "kind": "table",
            "name": "users",
            "state": "present",
            "changed_by": None,
            "expected": "",
            "actual": "",
        }
    ]
    assert found["unmanaged_objects"] == [{"kind": "table", "name": "notes"}]
    recorded = [{"version": 1, "name": "001_users"}, {"version": 2, "name": "002_teams"}]
    assert (found["recorded"], found["done"]) == (recorded, False)
    found = project.run("adopt", "--yes", "--json").json
    assert (found["recorded"], found["done"]) == (recorded, True)


def test_nothing_is_recorded_without_confirmation(project: Project) -> None:
    """Without a terminal, --yes is required; the error names what would be recorded."""
    start(project)
    ended = project.run("adopt", code=2)
    assert "cannot record 2 migrations as applied (runs nothing) without confirmation" in ended.err
    assert "applied" in ended.out
    assert project.tables() == {"users", "teams"}
    project.run("adopt", "--yes", "--dry-run", code=2)


@pytest.mark.parametrize(("answer", "code"), [("y\n", 0), ("n\n", 2), ("\n", 2)])
def test_a_terminal_is_asked(project: Project, answer: str, code: int) -> None:
    """Only a yes records."""
    start(project)
    controller, terminal = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "d1migrate", "adopt"], stdin=terminal, stdout=terminal, stderr=terminal
    )
    os.close(terminal)
    seen = b""
    while b"[y/N] " not in seen:
        seen += os.read(controller, 65536)
    os.write(controller, answer.encode())
    assert process.wait() == code
    os.close(controller)
    assert ("schema_migrations",) in project.sql("SELECT name FROM sqlite_master") or code


def test_tables_of_other_tools_are_in_no_schema(project: Project) -> None:
    """Neither histories nor what tools keep beside them: no comparison has them, and no draft drops them."""
    project.standard()
    project.run("up")
    for table in [*OTHER_TOOLS, *COMPANIONS]:
        project.sql(f"CREATE TABLE {table} (id INTEGER PRIMARY KEY, name TEXT)")
        project.sql(f"CREATE INDEX {table}_name ON {table} (name)")
    assert project.run("verify", "--check").out == "files, history and schema agree\n"
    project.run("schema", "--at", "latest", "--output")
    project.run("schema", "--check")
    assert project.run("diff", "--from", "live").err == "no difference\n"
    assert project.run("adopt", "--dry-run", "--json").json["unmanaged_objects"] == []


TEAMS = "CREATE TABLE teams (id INTEGER PRIMARY KEY);\n"
WRANGLER = (
    "CREATE TABLE d1_migrations (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT UNIQUE,"
    " applied_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP NOT NULL);\n"
    "INSERT INTO d1_migrations (name) VALUES ('002_teams.sql'), ('003_names.sql');\n"
)


def wranglers(project: Project, live: str) -> None:
    """A database that wrangler applied two files to."""
    project.write("002_teams.sql", TEAMS)
    project.write("003_names.sql", "ALTER TABLE teams ADD COLUMN name TEXT;\n")
    project.sql(live + WRANGLER)


def test_what_wrangler_applied_gets_checksums(project: Project) -> None:
    """If the schema is what the files build; then an edit is noticed."""
    wranglers(project, TEAMS + "ALTER TABLE teams ADD COLUMN name TEXT;\n")
    assert project.run("adopt", "--dry-run").out.splitlines() == [
        "number  name       state     because",
        "     2  002_teams  recorded  it is in the history, without a checksum",
        "     3  003_names  recorded  it is in the history, without a checksum",
    ]
    ended = project.run("adopt", "--yes")
    assert ended.out.endswith("recorded the checksums of 2 applied migrations; ran nothing\n")
    assert project.run("adopt", "--yes").out.endswith("nothing to record\n")
    project.write("003_names.sql", "ALTER TABLE teams ADD COLUMN label TEXT;\n")
    assert "003_names: edited after being applied" in project.run("up", code=1).err


def test_an_edited_file_gets_no_checksum(project: Project) -> None:
    """The differences are shown, as `verify` shows them."""
    wranglers(project, TEAMS + "ALTER TABLE teams ADD COLUMN title TEXT;\n")
    out = project.run("adopt", "--dry-run").out
    assert "no checksum for 2 applied migrations: the schema is not what the applied files build\n" in out
    ended = project.run("adopt", "--yes", code=1)
    assert "no checksum was recorded for 002_teams, 003_names: the schema is not what" in ended.err
    assert "`d1migrate repair --accept 002_teams --reason …`" in ended.err
    found = project.run("adopt", "--dry-run", "--json").json
    assert [one["name"] for one in found["without_checksum"]] == ["002_teams", "003_names"]
    assert [(one["kind"], one["name"]) for one in found["differences"]] == [
        ("column", "teams.name"),
        ("column", "teams.title"),
    ]
    assert (found["not_compared"], found["checksums_recorded"]) == (None, [])


def test_partly_applied(project: Project) -> None:
    """The output shows what exists and what is missing; nothing is recorded until someone decides."""
    start(project, LIVE.replace("CREATE INDEX", "-- CREATE INDEX"))
    ended = project.run("adopt", "--yes", code=1)
    assert (
        "002_teams  partly applied  table teams is present, yet index idx_teams_owner is missing" in ended.out
    )
    assert "    table teams: present\n    index idx_teams_owner: missing\n" in ended.out
    assert "or decide by hand: `--assume 002_teams`" in ended.err
    assert project.tables() == {"users", "teams"}
    recorded = project.run("adopt", "--yes", "--json", "--assume", "2").json["recorded"]
    assert [one["name"] for one in recorded] == ["001_users", "002_teams"]
    assert "- index idx_teams_owner: missing" in project.run("verify").out


def test_contradicted(project: Project) -> None:
    """Both texts are shown."""
    start(project, LIVE.replace("email TEXT NOT NULL", "email VARCHAR(10)"))
    out = project.run("adopt", "--dry-run").out
    assert "001_users  contradicted  column users.email is different: no file makes it so" in out
    assert "        file  email text NOT NULL\n        live  email varchar(10)\n" in out


def test_what_leaves_no_trace_needs_a_word(project: Project) -> None:
    """Rows that were written may have been: --assume and --pending say, each of several."""
    start(project)
    project.write("004_seed.sql", "INSERT INTO users VALUES (1, 'a', 'b');")
    project.sql("ALTER TABLE users ADD COLUMN name TEXT;\n")
    project.write("005_more.sql", "INSERT INTO users VALUES (2, 'a', 'b');")
    ended = project.run("adopt", "--yes", code=1)
    shown = (
        "004_seed is unknown: it changes rows of users, which the schema does not show\n005_more is unknown"
    )
    assert shown in ended.err
    project.run("adopt", "--yes", "--assume", "4", "--pending", "5")
    project.run("up")
    assert project.sql("SELECT id FROM users") == [(2,)]


def test_no_database_and_no_files(project: Project) -> None:
    """A database that does not exist has nothing, and is not made by looking."""
    assert project.run("adopt").out.splitlines() == [
        f"no migrations in {project.migrations.name}",
        "nothing to record",
    ]
    project.standard()
    assert project.run("adopt").out.splitlines()[-1] == "nothing to record"
    assert not project.database.exists()


def test_a_history_may_begin_beside_other_objects(project: Project) -> None:
    """If no file is applied, `adopt` confirms once that this is the right database."""
    project.standard()
    project.sql("CREATE TABLE notes (x);\n")
    project.run("up", code=1)
    out = project.run("adopt", "--yes").out.splitlines()
    assert out[-2:] == [
        "not created by any file: table notes",
        "recorded that the history begins here, with no migration applied; ran nothing",
    ]
    assert project.run("adopt", "--yes").out.splitlines()[-1] == "nothing to record"
    assert [e["action"] for e in project.run("history", "--json").json["entries"]] == ["adopt"]
    assert project.states() == {1: "pending", 2: "pending", 3: "pending"}
    project.run("up")


def test_a_protected_environment_is_named(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """A look is free; a record takes the environment's name."""
    monkeypatch.delenv("D1MIGRATE_DATABASE")
    start(project)
    (project.folder / "d1migrate.toml").write_text(
        '[env.local]\ndatabase = "sqlite:app.db"\nprotected = true\n'
    )
    project.run("adopt", "--dry-run")
    project.run("adopt", "--yes", code=1)
    project.run("adopt", "--yes", "--confirm", "local")
    assert project.versions() == [1, 2]


def test_a_change_between_look_and_record_stops_it(project: Project) -> None:
    """The proof must still hold in the transaction that records it."""
    start(project)
    migrator = Migrator("sqlite:app.db", "migrations")
    found = migrator.plan_adopt()
    project.sql("DROP TABLE teams;\n")
    with pytest.raises(HistoryError, match="schema changed meanwhile"):
        migrator.adopt(found)
    migrator.close()
    assert project.tables() == {"users"}


def plant(workerd: Workerd, driver: WorkerdDriver) -> None:
    """Put Cloudflare's own table into a database, which no query may name, as production has it."""
    driver.batch(Batch([Query("SELECT 1")], reads=True))
    with closing(apsw.Connection(str(workerd.file(driver.database)))) as raw:
        raw.execute("CREATE TABLE _cf_KV (key TEXT PRIMARY KEY, value BLOB) WITHOUT ROWID")


def test_another_tools_table_on_real_d1(workerd: Workerd) -> None:
    """Its histories are read there, and the one with the name of ours is kept under another one."""
    driver = WorkerdDriver(workerd, workerd.database())
    plant(workerd, driver)
    tables = (
        "CREATE TABLE goose_db_version (id INTEGER PRIMARY KEY, version_id INTEGER, is_applied INTEGER, tstamp TIMESTAMP)",
        "INSERT INTO goose_db_version VALUES (1, 2, 1, '2024-01-01 00:00:00')",
        (
            "CREATE TABLE _sqlx_migrations (version BIGINT PRIMARY KEY, description TEXT, installed_on TIMESTAMP,"
            " success BOOLEAN, checksum BLOB, execution_time BIGINT)"
        ),
        "INSERT INTO _sqlx_migrations VALUES (1, 'a', '2024-01-01 00:00:00', 1, x'00ff', 1)",
        "CREATE TABLE schema_migrations (version varchar(128) primary key)",
        "INSERT INTO schema_migrations VALUES ('3')",
    )
    driver.batch(Batch(list(map(Query, tables))))
    migrations = load((f"{n}_a.sql", "SELECT 1;") for n in range(1, 5))
    migrator = Migrator(driver, migrations)
    found = migrator.plan_adopt()
    assert [[r.tool for r in j.records] for j in found.assessments] == [["sqlx"], ["goose"], ["dbmate"], []]
    assert [m.version for m in migrator.adopt(found)] == [1, 2, 3]
    assert [(e.version, e.state) for e in migrator.status()] == [
        (1, "applied"), (2, "applied"), (3, "applied"), (4, "pending"),
    ]  # fmt: skip
    assert migrator.verify().ok


def test_hummbl_on_real_d1(workerd: Workerd) -> None:
    """However many of its files ran, exactly those are found, with Cloudflare's own tables beside them."""
    migrations = load_migrations(str(ROOT / "workers" / "migrations"))
    for count in range(len(migrations) + 1):
        driver = WorkerdDriver(workerd, workerd.database())
        plant(workerd, driver)
        statements = [
            s.sql for m in migrations[:count] for s in m.statements() if "schema_migrations" not in s.sql
        ]
        driver.batch(Batch([Query("CREATE TABLE IF NOT EXISTS notes (x)"), *map(Query, statements)]))
        migrator = Migrator(driver, migrations)
        recorded = migrator.adopt(migrator.plan_adopt())
        assert [m.version for m in recorded] == [m.version for m in migrations[:count]]
        assert len(migrator.up().steps) == len(migrations) - count
        assert [d.name for d in migrator.verify().differences] == ["notes"]
