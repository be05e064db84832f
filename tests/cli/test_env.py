"""`env`: all environments at once, their protection, and whether they can be reached."""

from __future__ import annotations

import json
import threading
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from d1migrate.cli import gates
from d1migrate.drivers.sqlite import SqliteDriver

if TYPE_CHECKING:
    from collections.abc import Sequence

    from d1migrate.sql.batch import Batch, Result
    from tests.cli.project import Project

SUNDAY = datetime(2026, 11, 29, 3, tzinfo=UTC).timestamp()
THREE = """
[env.local]
database = "sqlite:local.db"
[env.staging]
database = "sqlite:staging.db"
[env.production]
database = "d1:app"
after = "staging"
window = "Sun 02:00-04:00 UTC"
protected = true
require_rollback = true
"""
WRANGLER: dict[str, Any] = {
    "d1_databases": [{"binding": "DB", "database_name": "app", "database_id": "one"}],
    "env": {
        "staging": {
            "d1_databases": [{"binding": "DB", "database_name": "app-staging", "database_id": "two"}]
        },
        "production": {
            "d1_databases": [
                {"binding": "DB", "database_name": "app", "database_id": "one"},
                {"binding": "LOGS", "database_name": "logs", "database_id": "three"},
            ]
        },
        "nothing": {},
    },
}


@pytest.fixture
def shop(project: Project, monkeypatch: pytest.MonkeyPatch) -> Project:
    """Three migrations, no database, no token."""
    monkeypatch.delenv("D1MIGRATE_DATABASE")
    monkeypatch.delenv("CLOUDFLARE_API_TOKEN", raising=False)
    monkeypatch.setattr(gates, "now", lambda: SUNDAY)
    project.standard()
    return project


def test_side_by_side(shop: Project) -> None:
    """Version, pending, protection and reachability; an error is in the row of its environment."""
    (shop.folder / "d1migrate.toml").write_text(THREE)
    shop.run("up", "--to", "2")
    local, staging, production = shop.run("env", "--json").json["environments"]
    assert (local["current_version"], local["pending"], local["reachable"]) == (2, 1, True)
    assert (staging["current"], staging["current_version"], staging["pending"]) == (None, None, 3)
    assert (staging["latest"], staging["latest_version"]) == ("003_names", 3)
    assert (production["pending"], production["reachable"]) == (None, False)
    assert production["error"]["message"] == "no CLOUDFLARE_API_TOKEN in the environment"
    protection = production["protection"]
    assert (protection["protected"], protection["after"], protection["restore_point"]) == (
        True,
        "staging",
        True,
    )
    assert protection["window"]["open"] is True
    assert protection["window"]["changes_at"] == SUNDAY + 3600
    lines = shop.run("env").out.splitlines()
    assert lines[1].split() == ["local", "sqlite:local.db", "002_teams", "1", "none", "yes"]
    assert lines[2].split()[:4] == ["staging", "sqlite:staging.db", "none", "3"]
    words = "protected, after staging, window open until Sun 2026-11-29 04:00 UTC, rollbacks required, restore point"
    assert words in lines[3]
    assert "no: no CLOUDFLARE_API_TOKEN" in lines[3]


def test_one_request_each_all_at_once(shop: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """No environment waits for another: each reads when all others have begun to."""
    names = [f"e{i}" for i in range(5)]
    toml = "\n".join(f'[env.{name}]\ndatabase = "sqlite:{name}.db"' for name in names)
    (shop.folder / "d1migrate.toml").write_text(toml)
    for name in names:
        shop.run("up", "--env", name)
    together, read = threading.Barrier(len(names), timeout=30), SqliteDriver.batch

    def batch(self: SqliteDriver, batch: Batch) -> Sequence[Result]:
        together.wait()
        return read(self, batch)

    monkeypatch.setattr(SqliteDriver, "batch", batch)
    assert [e["current_version"] for e in shop.run("env", "--json").json["environments"]] == [3] * 5
    assert together.n_waiting == 0


@pytest.mark.parametrize(
    ("one", "two"),
    [
        ("sqlite:app.db", "sqlite:./migrations/../app.db"),
        ("wrangler:DB", "wrangler:DB?env=production"),
        ("d1:app", "d1:0A1B2C3D-0000-4000-8000-000000000001"),
        ("d1:app", "d1:app"),
    ],
)
def test_two_environments_on_one_database(shop: Project, one: str, two: str) -> None:
    """Files by their real path, wrangler's by the file it would open, D1 by its id."""
    config = json.dumps(WRANGLER).replace('"one"', '"0a1b2c3d-0000-4000-8000-000000000001"')
    (shop.folder / "wrangler.json").write_text(config)
    toml = f'[env.local]\ndatabase = "{one}"\n[env.production]\ndatabase = "{two}"\n'
    (shop.folder / "d1migrate.toml").write_text(toml)
    assert "[env.local] and [env.production] are one database" in shop.run("env", code=2).err


def test_a_link_to_a_database_is_that_database(shop: Project) -> None:
    """Symbolic links are followed."""
    (shop.folder / "app.db").touch()
    (shop.folder / "link.db").symlink_to(shop.folder / "app.db")
    toml = '[env.a]\ndatabase = "sqlite:app.db"\n[env.b]\ndatabase = "sqlite:link.db"\n'
    (shop.folder / "d1migrate.toml").write_text(toml)
    assert "one database" in shop.run("env", code=2).err


def test_wranglers_own_environments(shop: Project) -> None:
    """Without environments of ours, those of wrangler's configuration are listed, and can be named."""
    (shop.folder / "wrangler.json").write_text(json.dumps(WRANGLER))
    found = [(e["environment"], e["database"]) for e in shop.run("env", "--json").json["environments"]]
    assert found == [
        ("local", "wrangler:DB"),
        ("staging", "wrangler:DB?env=staging"),
        ("production", "wrangler:DB?env=production"),
        ("production", "wrangler:LOGS?env=production"),
    ]
    shop.run("up", "--env", "staging")
    assert [e["current_version"] for e in shop.run("env", "--json").json["environments"]] == [
        None,
        3,
        None,
        None,
    ]
    err = shop.run("up", "--env", "nobody", code=2).err
    assert "no environment 'nobody'" in err
    err = shop.run("up", "--env", "production", code=2).err
    assert "several databases" in err
    assert "wrangler:LOGS?env=production" in err


def test_several_databases_in_wranglers_configuration(shop: Project) -> None:
    """Each has a row; other commands ask which one is meant."""
    config = {"d1_databases": [{"binding": "A", "database_id": "a"}, {"binding": "B", "database_id": "b"}]}
    (shop.folder / "wrangler.json").write_text(json.dumps(config))
    found = [(e["environment"], e["database"]) for e in shop.run("env", "--json").json["environments"]]
    assert found == [("local", "wrangler:A"), ("local", "wrangler:B")]
    (shop.folder / "wrangler.json").write_text("{}")
    assert "no D1 databases to choose from" in shop.run("env", code=2).err


def test_ours_replace_wranglers(shop: Project) -> None:
    """If d1migrate.toml names environments, wrangler's are not listed."""
    (shop.folder / "wrangler.json").write_text(json.dumps(WRANGLER))
    (shop.folder / "d1migrate.toml").write_text('[env.local]\ndatabase = "wrangler:DB"\n')
    assert [e["environment"] for e in shop.run("env", "--json").json["environments"]] == ["local"]


def test_a_missing_folder_is_said(shop: Project) -> None:
    """It is a reason of its own, not that of a database."""
    (shop.folder / "d1migrate.toml").write_text(
        'migrations = "gone"\n[env.local]\ndatabase = "sqlite:l.db"\n'
    )
    (found,) = shop.run("env", "--json").json["environments"]
    assert found["reachable"] is None
    assert found["error"]["message"] == "the migrations folder gone does not exist"
    assert "the migrations folder gone does not exist" in shop.run("env").out


def test_another_account_than_the_configured_one(shop: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is refused before any request, and said in its row."""
    monkeypatch.setenv("CLOUDFLARE_API_TOKEN", "secret")
    monkeypatch.setenv("CLOUDFLARE_ACCOUNT_ID", "theirs")
    monkeypatch.setenv("CLOUDFLARE_API_BASE_URL", "http://127.0.0.1:9")  # where nobody answers
    toml = '[env.production]\ndatabase = "d1:0a1b2c3d-0000-4000-8000-000000000001"\naccount = "ours"\n'
    (shop.folder / "d1migrate.toml").write_text(toml)
    (found,) = shop.run("env", "--json").json["environments"]
    assert "is configured for the account ours, but the account is theirs" in found["error"]["message"]
    assert found["reachable"] is False
    for command in (("status",), ("up",), ("plan",), ("baseline", "--to", "1")):
        assert "configured for the account ours" in shop.run("--env", "production", *command, code=2).err
