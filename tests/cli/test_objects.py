"""`do:CLASS/NAME`: reading the local file of a Durable Object. Nothing can change it."""

from __future__ import annotations

import json
import sqlite3
from typing import TYPE_CHECKING, Any

import pytest

from d1migrate.drivers.wrangler import object_id

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.project import Project

OBJECT = "do:Tenant/acme"
WRANGLER: dict[str, Any] = {
    "name": "app",
    "durable_objects": {
        "bindings": [
            {"name": "TENANT", "class_name": "Tenant"},
            {"name": "CACHE", "class_name": "Cache"},
            {"name": "NEW", "class_name": "Undeclared"},
            {"name": "OTHER", "class_name": "Remote", "script_name": "other"},
        ]
    },
    "migrations": [
        {"tag": "1", "new_sqlite_classes": ["Renter", "Gone"], "new_classes": ["Cache"]},
        {"tag": "2", "renamed_classes": [{"from": "Renter", "to": "Tenant"}], "deleted_classes": ["Gone"]},
    ],
    "exports": {"Room": {"type": "durable-object", "storage": "sqlite"}},
    "env": {
        "staging": {"durable_objects": {"bindings": [{"name": "TENANT", "class_name": "Tenant"}]}},
        "live": {"name": "app-of-all"},
    },
}


def object_path(folder: Path, key: str, name: str, state: str = ".wrangler/state") -> Path:
    """Where an object of a class is kept, by the key of the class."""
    return folder / state / "v3" / "do" / key / f"{object_id(key, name)}.sqlite"


def create(project: Project, key: str, name: str, state: str = ".wrangler/state") -> Path:
    """Make an object with the first migration of the folder."""
    path = object_path(project.folder, key, name, state)
    path.parent.mkdir(parents=True, exist_ok=True)
    project.run("up", "--to", "1", "--database", f"sqlite:{path}", "--no-restore-point", "test")
    return path


@pytest.fixture
def worker(project: Project, monkeypatch: pytest.MonkeyPatch) -> Project:
    """A Worker with one object of the class Tenant, which has one of two migrations."""
    monkeypatch.delenv("CLOUDFLARE_ENV", raising=False)
    (project.folder / "wrangler.json").write_text(json.dumps(WRANGLER))
    project.write("001_a.sql", "CREATE TABLE a (n INTEGER);\n-- Rollback:\n-- DROP TABLE a;")
    project.write("002_b.sql", "CREATE TABLE b (n INTEGER);")
    connection = sqlite3.connect(create(project, "app-Tenant", "acme"))
    connection.execute("CREATE TABLE __miniflare_do_name (id INTEGER PRIMARY KEY, name TEXT)")
    connection.execute("INSERT INTO __miniflare_do_name VALUES (1, 'acme')")
    connection.commit()
    connection.close()
    create(project, "app-Tenant", "unnamed")
    monkeypatch.setenv("D1MIGRATE_DATABASE", OBJECT)
    return project


def content(folder: Path) -> dict[str, bytes]:
    """Every file below a folder."""
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_what_reads(worker: Project) -> None:
    """Each command that reads works, and leaves every file as it was."""
    before = content(worker.folder)
    found = worker.run("status", "--json").json
    assert [entry["state"] for entry in found["migrations"]] == ["applied", "pending"]
    assert found["database"] == OBJECT
    assert worker.run("current").out == "001_a\n"
    assert "001_a" in worker.run("history").out
    assert "CREATE TABLE" in worker.run("schema", "--sql").out
    assert "schema agrees" in worker.run("verify", "--check").out
    worker.run("list")
    worker.run("lint")
    worker.run("repair")
    for command in ("plan", "plan --down", "up --dry-run", "down --dry-run", "adopt --dry-run"):
        worker.run(*command.split())
    worker.run("rehearse")
    assert worker.run("backup", "--output", "/dev/stdout", "-q")
    assert "b" in worker.run("up", "--dry-run").out
    assert content(worker.folder) == before


def test_a_damaged_object(worker: Project) -> None:
    """It has no restore points; the Worker creates it again."""
    path = object_path(worker.folder, "app-Tenant", "acme")
    path.write_bytes(b"not a database" * 100)
    err = worker.run("status", code=1).err
    assert "file is not a database" in err
    assert "hint: stop `wrangler dev` and move the file away" in err


@pytest.mark.parametrize(
    "command",
    [
        "up",
        "up --to 2",
        "down",
        "adopt",
        "adopt --yes",
        "baseline begin",
        "baseline --to 2 --yes",
        "repair --forget 1 --reason x --yes",
        "repair --sync-tables --reason x",
        "repair --move-history --reason x",
        "restore",
        "restore --to 1 --dry-run",
        "restore --file dump.sql",
        "verify --fix live",
    ],
)
def test_what_writes_is_refused(worker: Project, command: str) -> None:
    """Before anything happens, with what to do."""
    worker.run("backup", "--output", "dump.sql")
    before = content(worker.folder)
    err = worker.run(*command.split(), code=2).err
    assert "error: do:Tenant/acme can only be read: only its own Worker can change a Durable Object" in err
    assert "`d1migrate up --dry-run" in err
    assert content(worker.folder) == before


def test_the_table_of_wrangler_dev(worker: Project) -> None:
    """An object has it before its first migration, which finds no stranger in it."""
    connection = sqlite3.connect(worker.database)
    connection.execute("CREATE TABLE __miniflare_do_name (id INTEGER PRIMARY KEY, name TEXT)")
    connection.close()
    worker.run("up", "--database", "sqlite:app.db")
    assert "schema agree" in worker.run("verify", "--check", "--database", "sqlite:app.db").out


def test_an_object_by_its_id(worker: Project) -> None:
    """64 hexadecimal digits are the id itself, in any case."""
    found = object_id("app-Tenant", "acme")
    for name in (found, found.upper()):
        assert worker.run("current", "--database", f"do:Tenant/{name}").out == "001_a\n"


def test_the_name_of_the_worker(worker: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """An environment has a name of its own, or a suffix; a binding can name the Worker of its class."""
    for key, url in {
        "app-staging-Tenant": "do:Tenant/x?env=staging",
        "app-of-all-Tenant": "do:Tenant/x?env=live",
        "other-Remote": "do:Remote/x",
        "app-Room": "do:Room/x",
    }.items():
        monkeypatch.setenv("D1MIGRATE_DATABASE", "sqlite:unused.db")
        create(worker, key, "x")
        assert worker.run("current", "--database", url).out == "001_a\n"
    monkeypatch.setenv("CLOUDFLARE_ENV", "staging")
    assert worker.run("current", "--database", "do:Tenant/x").out == "001_a\n"
    create(worker, "app-Tenant", "y", "elsewhere")
    monkeypatch.delenv("CLOUDFLARE_ENV")
    assert worker.run("current", "--database", "do:Tenant/y?persist-to=elsewhere").out == "001_a\n"


def test_an_environment_of_d1migrate(worker: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """An object can be the database of an environment; the class has its own folder."""
    monkeypatch.delenv("D1MIGRATE_DATABASE")
    (worker.folder / "sub").mkdir()
    (worker.folder / "sub" / "001_a.sql").write_text("CREATE TABLE a (n INTEGER);")
    (worker.folder / "d1migrate.toml").write_text(
        'migrations = "migrations"\n[objects.Tenant]\nmigrations = "sub"\n[env.tenant]\ndatabase = "do:Tenant/acme"\n'
    )
    assert worker.run("status", "--env", "tenant", "--json").json["pending"] == 0
    (found,) = worker.run("env", "--json").json["environments"]
    assert (found["environment"], found["current"], found["pending"]) == ("tenant", "001_a", 0)


@pytest.mark.parametrize(
    ("url", "message", "hint"),
    [
        ("do:Tenant/Acme", "no such object in", "did you mean do:Tenant/acme?"),
        ("do:Tenant/zebra", "no such object in", "known: do:Tenant/"),
        ("do:Tenant", "do:Tenant names no object", "known: do:Tenant/"),
        ("do:Tenant/", "do:Tenant/ names no object", "known: do:Tenant/"),
        ("do:", "names no database", "do:Tenant/acme"),
        ("do://Tenant/acme", "is not a database url", "did you mean do:Tenant/acme?"),
        ("do:Room/x", "no such object in", "`wrangler dev` creates an object"),
        ("do:Tenants/acme", "no Durable Object class 'Tenants'", "did you mean do:Tenant/…?"),
        ("do:TENANT/acme", "no Durable Object class 'TENANT'", "did you mean do:Tenant/…?"),
        (
            "do:Zebra/acme",
            "no Durable Object class 'Zebra'",
            "it has: Tenant, Cache, Undeclared, Remote, Room",
        ),
        ("do:Gone/acme", "no Durable Object class 'Gone'", "it has: Tenant"),
        ("do:Cache/acme", "the class Cache is KV-backed", "new_sqlite_classes"),
        ("do:Undeclared/acme", "not declared as SQLite-backed", '"new_sqlite_classes": ["Undeclared"]'),
        ("do:Tenant/acme?evn=x", "unknown option 'evn'", "env and persist-to"),
        ("do:Tenant/acme?env=stagin", "no environment 'stagin'", "did you mean staging?"),
        ("do:Remote/x?env=staging", "class 'Remote' in the environment staging", "it has: Tenant"),
    ],
)
def test_mistakes(worker: Project, url: str, message: str, hint: str) -> None:
    """Each has a clear error, and creates nothing."""
    before = content(worker.folder)
    err = worker.run("status", "--database", url, code=2).err
    assert message in err
    assert hint in err
    assert content(worker.folder) == before


def test_no_wrangler_configuration(worker: Project) -> None:
    """The class and the Worker are unknown then."""
    (worker.folder / "wrangler.json").unlink()
    assert "no wrangler configuration in this folder" in worker.run("status", code=2).err


@pytest.mark.parametrize(
    "config",
    [
        {"durable_objects": []},
        {"durable_objects": {"bindings": [3, {"class_name": []}]}},
        {"migrations": [3, {"new_classes": 3, "renamed_classes": [{"from": [], "to": 1}]}]},
        {"migrations": {}, "exports": ["Tenant"]},
        {"name": 3, "migrations": [{"new_sqlite_classes": ["Tenant"]}]},
        {"name": "a\u001b[31m", "migrations": [{"new_sqlite_classes": ["Tenant"]}]},
    ],
)
def test_a_malformed_configuration(worker: Project, config: object) -> None:
    """It is a usage error, without control characters."""
    (worker.folder / "wrangler.json").write_text(json.dumps(config))
    err = worker.run("status", code=2).err
    assert err.startswith("error: wrangler.json")
    assert "\x1b" not in err


def test_init_mentions_the_classes(worker: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """How a class gets migrations; also if there is no D1, which is otherwise the first thing to add."""
    monkeypatch.delenv("D1MIGRATE_DATABASE")
    ended = worker.run("init", code=2).err
    assert "no D1 databases, only classes of Durable Objects: Tenant, Room" in ended
    assert 'write [objects.Tenant] with migrations = "migrations/tenant" to d1migrate.toml' in ended
    (worker.folder / "wrangler.json").write_text(
        json.dumps({**WRANGLER, "d1_databases": [{"binding": "DB"}]})
    )
    assert "for migrations of Durable Objects (Tenant, Room), add [objects.Tenant]" in worker.run("init").err
