"""`do:CLASS/NAME` on the objects of a real `wrangler dev`, while it runs and after it ended."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlencode

import pytest

from tests.runtime.wrangler import Dev, command, environment

if TYPE_CHECKING:
    from pathlib import Path

    from tests.runtime.conftest import Run

WORKER = """\
import { DurableObject } from "cloudflare:workers";

export class Tenant extends DurableObject {
  run(sql) {
    return this.ctx.storage.sql.exec(sql).toArray();
  }
  async plant() {
    await this.ctx.storage.put("key", "value");
    await this.ctx.storage.setAlarm(Date.now() + 3_600_000);
    return [];
  }
  alarm() {}
}

export default {
  async fetch(request, env) {
    const { pathname, searchParams } = new URL(request.url);
    const id = pathname === "/unique" ? env.TENANT.newUniqueId() : env.TENANT.idFromName(pathname.slice(1));
    const object = env.TENANT.get(id);
    const sql = searchParams.get("sql");
    return Response.json({ id: id.toString(), rows: await (sql ? object.run(sql) : object.plant()) });
  },
};
"""
BINDINGS = {"bindings": [{"name": "TENANT", "class_name": "Tenant"}]}
CONFIG = {
    "name": "app",
    "main": "worker.js",
    "compatibility_date": "2026-01-01",
    "durable_objects": BINDINGS,
    "migrations": [{"tag": "v1", "new_sqlite_classes": ["Tenant"]}],
    "env": {
        "staging": {"durable_objects": BINDINGS},
        "live": {"name": "another", "durable_objects": BINDINGS},
    },
}
RECORD = "\nINSERT INTO schema_migrations (version, name, applied_at) VALUES (%d, '%s', 0)"
FIRST = (
    "CREATE TABLE IF NOT EXISTS schema_migrations"
    " (version INTEGER PRIMARY KEY, name TEXT NOT NULL, applied_at INTEGER NOT NULL);\n"
    "CREATE TABLE users (id INTEGER PRIMARY KEY);" + RECORD % (1, "001_users") + ";\n"
)
SECOND = "ALTER TABLE users ADD COLUMN name TEXT;" + RECORD % (2, "002_names") + ";\n"


class Place(NamedTuple):
    """A Worker with two migrations, and how to run commands in its folder."""

    folder: Path
    run: Run

    def dev(self, *options: str) -> Dev:
        """Start `wrangler dev`."""
        return Dev(command("dev", *options), self.folder, environment(self.folder.parent / "home"))

    def states(self, url: str) -> list[str]:
        """The state of each migration in an object."""
        found = self.run(self.folder, "status", "--json", "--database", url).json["migrations"]
        return [entry["state"] for entry in found]

    def files(self) -> dict[str, bytes]:
        """The content of each file of an object; SQLite's shared memory has only locks, and an index."""
        found = self.folder.rglob("v3/do/*/*")
        return {path.name: b"" if path.suffix == ".sqlite-shm" else path.read_bytes() for path in found}


@pytest.fixture
def place(tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> Place:
    """A Worker without objects."""
    monkeypatch.delenv("CLOUDFLARE_ENV", raising=False)
    folder = tmp_path / "app"
    (folder / "migrations").mkdir(parents=True)
    (folder / "migrations" / "001_users.sql").write_text(FIRST)
    (folder / "migrations" / "002_names.sql").write_text(SECOND)
    (folder / "worker.js").write_text(WORKER)
    (folder / "wrangler.json").write_text(json.dumps(CONFIG))
    return Place(folder, run)


def execute(dev: Dev, name: str, sql: str) -> Any:
    """Run SQL in an object; its answer."""
    return dev.get(f"{name}?{urlencode({'sql': sql})}")


def test_objects_of_a_running_and_of_an_ended_wrangler(place: Place) -> None:
    """By name and by id. Reading changes no file, and the Worker goes on writing what is then read."""
    with place.dev() as dev:
        named = execute(dev, "acme", FIRST)["id"]
        dev.get("acme")  # a key and an alarm: Cloudflare's own tables
        unique = execute(dev, "unique", FIRST)["id"]
        before = place.files()
        for url in ("do:Tenant/acme", f"do:Tenant/{named}", f"do:Tenant/{unique}"):
            assert place.states(url) == ["applied", "pending"]
        assert place.files() == before
        execute(dev, "acme", SECOND)
        assert place.states("do:Tenant/acme") == ["applied", "applied"]
        assert place.run(place.folder, "verify", "--check", "--database", "do:Tenant/acme").out
        tables = place.run(place.folder, "schema", "--database", "do:Tenant/acme").out
        assert "users" in tables
        assert "_cf_" not in tables
        assert place.states(f"do:Tenant/{unique}") == ["applied", "pending"]
        place.run(place.folder, "up", "--database", f"do:Tenant/{unique}", code=2)
        assert execute(dev, "acme", "INSERT INTO users VALUES (1, 'x') RETURNING name")["rows"] == [
            {"name": "x"}
        ]
    before = place.files()
    assert place.states("do:Tenant/acme") == ["applied", "applied"]
    place.run(place.folder, "backup", "--output", "dump.sql", "--database", "do:Tenant/acme")
    dump = (place.folder / "dump.sql").read_text()
    assert "INSERT INTO" in dump
    assert "__miniflare" not in dump
    assert place.files() == before
    err = place.run(place.folder, "status", "--database", "do:Tenant/Acme", code=2).err
    assert "did you mean do:Tenant/acme?" in err


@pytest.mark.parametrize("env", ["staging", "live"])
def test_objects_of_an_environment(place: Place, env: str) -> None:
    """The name of the Worker in an environment, which is in the key of its objects, is wrangler's."""
    with place.dev("--env", env, "--persist-to", "elsewhere") as dev:
        execute(dev, "acme", FIRST)
    assert place.states(f"do:Tenant/acme?env={env}&persist-to=elsewhere") == ["applied", "pending"]
    place.run(place.folder, "status", "--database", "do:Tenant/acme?persist-to=elsewhere", code=2)
