"""Local, staging, production: D1 behind Cloudflare's API, from the command line."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from d1migrate.cli import gates

if TYPE_CHECKING:
    from tests.cli.project import Project
    from tests.runtime.cloudflare import Cloudflare

SUNDAY = datetime(2026, 11, 29, 3, tzinfo=UTC).timestamp()
MONDAY = datetime(2026, 11, 30, 3, tzinfo=UTC).timestamp()
TOML = """
[env.staging]
database = "d1:shop-staging"
[env.production]
database = "d1:shop"
after = "staging"
window = "Sun 02:00-04:00 UTC"
protected = true
require_rollback = true
"""
PRODUCTION = ("--env", "production", "--confirm", "production")


@pytest.fixture
def shop(project: Project, cloudflare: Cloudflare, monkeypatch: pytest.MonkeyPatch) -> Project:
    """Two databases that nobody has used, and a configuration that knows their ids."""
    monkeypatch.delenv("D1MIGRATE_DATABASE")
    for name, value in cloudflare.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(gates, "now", lambda: SUNDAY)
    names = {"STAGING": "shop-staging", "PRODUCTION": "shop"}
    databases = [
        {"binding": binding, "database_name": name, "database_id": cloudflare.create(name)}
        for binding, name in names.items()
    ]
    (project.folder / "wrangler.json").write_text(json.dumps({"d1_databases": databases}))
    (project.folder / "d1migrate.toml").write_text(TOML)
    project.standard()
    return project


def test_a_release(shop: Project, cloudflare: Cloudflare, monkeypatch: pytest.MonkeyPatch) -> None:
    """Refused without staging, outside the window, and without its name; then exactly what was announced."""
    shop.run("up", "--env", "staging", "--to", "1")  # the last release
    shop.run("up", *PRODUCTION, "--to", "1")
    assert "002_teams is not applied in staging" in shop.run("up", *PRODUCTION, code=1).err
    shop.run("up", "--env", "staging")
    monkeypatch.setattr(gates, "now", lambda: MONDAY)
    assert "the window Sun 02:00-04:00 UTC is closed" in shop.run("up", *PRODUCTION, code=1).err
    monkeypatch.setattr(gates, "now", lambda: SUNDAY)
    assert "it is protected" in shop.run("up", "--env", "production", code=1).err
    plan = shop.run("plan", *PRODUCTION, "--json").json
    assert {gate["name"]: gate["state"] for gate in plan["gates"]} == dict.fromkeys(
        ("after", "window", "require_rollback", "lint", "restore_point", "protected"), "passed"
    )
    assert shop.run("env", "--json").json[1]["current_version"] == 1  # nothing happened yet
    before = len(cloudflare.requests())
    shop.run("up", *PRODUCTION)
    assert len(cloudflare.requests()) - before == plan["requests"]
    log = shop.run("history", "--env", "production", "--json").json
    assert [(entry["version"], bool(entry["restore_point"])) for entry in log] == [
        (1, True),
        (2, True),
        (3, True),
    ]
    found = shop.run("env", "--json").json
    assert [(e["current_version"], e["pending"], e["reachable"]) for e in found] == [(3, 0, True)] * 2


def test_one_database_by_name_and_by_id(shop: Project) -> None:
    """Two environments on it are refused, and its id is no way past the gates."""
    databases = json.loads((shop.folder / "wrangler.json").read_text())["d1_databases"]
    uuid = databases[1]["database_id"]
    err = shop.run("up", "--database", f"d1:{uuid}", code=1).err
    assert "production refuses (after)" in err
    (shop.folder / "d1migrate.toml").write_text(TOML.replace("d1:shop-staging", f"d1:{uuid}"))
    assert "[env.staging] and [env.production] are one database" in shop.run("env", code=2).err
