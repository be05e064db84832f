"""Local, staging, production: D1 behind Cloudflare's API, from the command line."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from d1migrate.cli import gates, restore_preview
from d1migrate.drivers import cloudflare as client
from d1migrate.drivers import rate_limit
from tests.cli.project import TWO

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
TEAMS = '-- d1migrate: allow=P101,P102 reason="not run by wrangler"\n' + TWO.replace(
    "CREATE INDEX",
    """create trigger teams_named after insert on teams begin
  update teams set owner_id = case when new.owner_id < 0 then -new.owner_id else new.owner_id end where id = new.id;
end;
CREATE INDEX""",
)  # which D1's splitter would cut in two
PRUNE = """-- d1migrate: allow=D106 reason="nobody has confirmed them"
DELETE FROM users;
-- Rollback:
--   SELECT 1;
"""


class Remote:
    """A database, seen past the API."""

    def __init__(self, server: Cloudflare, shop: Project, name: str) -> None:
        databases = json.loads((shop.folder / "wrangler.json").read_text())["d1_databases"]
        self._server = server
        self.id = next(db["database_id"] for db in databases if db["database_name"] == name)

    def sql(self, sql: str) -> list[list[list[Any]]]:
        """Run SQL; the rows of each statement."""
        return self._server.sql(self.id, sql)

    def users(self) -> list[Any]:
        """The addresses of all users."""
        return [row[0] for row in self.sql("SELECT email FROM users ORDER BY id")[0]]


@pytest.fixture
def shop(project: Project, cloudflare: Cloudflare, monkeypatch: pytest.MonkeyPatch) -> Project:
    """Two unused databases, and a configuration that has their ids."""
    monkeypatch.delenv("D1MIGRATE_DATABASE")
    for name, value in cloudflare.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(gates, "now", lambda: SUNDAY)
    settings = client.settings(cloudflare.environment)  # time goes by on the server, where it would be slept
    api = partial(client.Api, settings, sleep=cloudflare.sleep, clock=cloudflare.now)
    monkeypatch.setattr(client, "from_environment", lambda on_wait: api(on_wait=on_wait))
    forget_the_process()
    cloudflare.settings(fragile_splitter=True, cf_kv=True)  # as production is
    names = {"STAGING": "shop-staging", "PRODUCTION": "shop"}
    databases = [
        {"binding": binding, "database_name": name, "database_id": cloudflare.create(name)}
        for binding, name in names.items()
    ]
    (project.folder / "wrangler.json").write_text(json.dumps({"d1_databases": databases}))
    (project.folder / "d1migrate.toml").write_text(TOML)
    project.standard()
    project.write("002_teams.sql", TEAMS)
    project.write("004_prune.sql", PRUNE)
    return project


def forget_the_process() -> None:
    """Reset the state of the process, so that the next command starts as a new process would."""
    rate_limit.forget()
    client.Api._accounts.clear()


def test_a_release_from_plan_to_restore(
    shop: Project, cloudflare: Cloudflare, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Refused if it must be, run as announced, rolled back; run with a fault, and rolled back again."""
    production, ids = Remote(cloudflare, shop, "shop"), ("staging", "production")
    shop.run("up", "--env", "staging", "--to", "1")  # the last release
    shop.run("up", *PRODUCTION, "--to", "1")
    production.sql("INSERT INTO users (email) VALUES ('ada@example.com'), ('bob@example.com')")

    # Staging cannot be skipped; outside the window, and without its name, production refuses.
    assert "002_teams is not applied in staging" in shop.run("up", *PRODUCTION, code=1).err
    shop.run("up", "--env", "staging")
    monkeypatch.setattr(gates, "now", lambda: MONDAY)
    refused = shop.run("up", *PRODUCTION, code=1).err
    assert "the window Sun 02:00-04:00 UTC is closed; it opens Sun 2026-12-06 02:00 UTC" in refused
    monkeypatch.setattr(gates, "now", lambda: SUNDAY)
    assert "it is protected" in shop.run("up", "--env", "production", code=1).err
    assert production.users() == ["ada@example.com", "bob@example.com"]

    # Three migrations, in the requests that the reviewed plan announced.
    plan = shop.run("plan", *PRODUCTION, "--json", "--output", "plan.json").json
    assert {gate["name"]: gate["state"] for gate in plan["gates"]} == dict.fromkeys(
        ("after", "window", "require_rollback", "lint", "restore_point", "protected"), "passed"
    )
    before = len(cloudflare.requests())
    shop.run("up", *PRODUCTION, "--plan", "plan.json")
    assert len(cloudflare.requests()) - before == plan["requests"]
    assert [step["name"] for step in plan["steps"]] == ["002_teams", "003_names", "004_prune"]
    assert production.users() == []
    found = shop.run("env", "--json").json["environments"]
    assert [(e["environment"], e["current_version"], e["pending"]) for e in found] == [(i, 4, 0) for i in ids]

    # The rollback restores the rows.
    shop.run("restore", *PRODUCTION, "--to", "1")
    assert production.users() == ["ada@example.com", "bob@example.com"]
    assert shop.run("current", "--env", "production").out == "001_users\n"

    # The second reply is lost, and then nobody answers: what is known is said, and nothing else.
    lost = [{"match": {"path": f"{production.id}/query$", "nth": 2}, "do": "lose reply"}]
    outage = [{"match": {"path": f"{production.id}/raw$", "nth": n}, "do": "503"} for n in range(3, 8)]
    cloudflare.faults(*lost, *outage)
    err = shop.run("up", *PRODUCTION, code=1).err
    assert "it is unknown whether 003_names was applied" in err
    assert "applied: 002_teams\npending: 003_names, 004_prune\n" in err
    assert "hint: check `d1migrate status --env production` when the database can be reached" in err
    cloudflare.faults()
    states = shop.run("status", "--env", "production", "--json").json["migrations"]
    assert [entry["state"] for entry in states] == ["applied", "applied", "applied", "pending"]

    # The next run ends it, each migration having run once; and the rows come back again.
    assert "applied 1 migration" in shop.run("up", *PRODUCTION).out
    assert production.users() == []
    log = shop.run("history", "--env", "production", "--json").json["entries"]
    assert all(entry["done"] for entry in log)
    assert [e["name"] for e in log if e["action"] == "up"][-3:] == ["002_teams", "003_names", "004_prune"]
    shop.run("restore", *PRODUCTION, "--to", "1")
    assert production.users() == ["ada@example.com", "bob@example.com"]
    assert shop.run("verify", "--env", "production", "--check", "--json").json["ok"]


def test_databases_that_have_to_be_found(
    shop: Project, cloudflare: Cloudflare, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without ids and without an account the plan announces the requests that find them, too."""
    (shop.folder / "wrangler.json").unlink()
    settings = client.settings(cloudflare.environment)._replace(account=None)
    api = partial(client.Api, settings, sleep=cloudflare.sleep, clock=cloudflare.now)
    monkeypatch.setattr(client, "from_environment", lambda on_wait: api(on_wait=on_wait))
    shop.run("up", "--env", "staging")
    shop.run("up", *PRODUCTION, "--to", "1")
    for command in (["up"], ["down", "--allow-loss", "all"]):
        forget_the_process()
        announced = shop.run(*command, "--dry-run", *PRODUCTION, "--json").json["requests"]
        forget_the_process()
        before = len(cloudflare.requests())
        shop.run(*command, *PRODUCTION)
        assert len(cloudflare.requests()) - before == announced


def test_the_account_is_asked_for_once(
    shop: Project, cloudflare: Cloudflare, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All environments of a token are in its account; without one, each of them reports it."""
    settings = client.settings(cloudflare.environment)._replace(account=None)
    monkeypatch.setattr(client, "from_environment", lambda on_wait: client.Api(settings, on_wait=on_wait))
    before = len(cloudflare.requests())
    assert [e["reachable"] for e in shop.run("env", "--json").json["environments"]] == [True, True]
    assert [r["path"].partition("?")[0][-8:] for r in cloudflare.requests()[before:]].count("accounts") == 1


def test_a_wait_is_reported(shop: Project, cloudflare: Cloudflare) -> None:
    """The reason and the time, on stderr, unless --quiet."""
    cloudflare.faults({"match": {"path": "/raw$", "every": 2}, "do": "429", "retry_after": 200})
    told = shop.run("status", "--env", "staging", "--json")
    assert "waiting up to 3 min 20 s: Cloudflare's rate limit: Please wait" in told.err
    assert told.err.endswith("; attempt 2 of 5 follows\n")
    assert told.json["pending"] == 4
    assert shop.run("status", "--env", "staging", "--quiet").err == ""


def test_a_lost_response_is_reported(shop: Project, cloudflare: Cloudflare) -> None:
    """A migration that was applied all the same counts, and its line says how that is known."""
    cloudflare.faults({"match": {"path": "/query$", "nth": 2}, "do": "lose reply"})
    told = shop.run("up", "--env", "staging", "--to", "3")
    assert told.out.startswith("applied 3 migrations")
    _, one, two, three = told.err.splitlines()
    assert "; asking the history" not in one + three
    assert two.startswith("  002_teams  ")
    assert "no response from Cloudflare" in two
    assert two.endswith("; asking the history")


def test_a_point_that_d1_does_not_have(shop: Project) -> None:
    """The error lists the points with their migrations; D1 has one for every minute, of unknown size."""
    shop.run("up", "--env", "staging", "--to", "1")
    err = shop.run("restore", "--env", "staging", "--to", "1", code=2).err
    assert "no restore point has 1 as its last migration" in err
    assert (
        "(at no migration); or any time, such as 2026-11-22T10:15Z: D1 keeps a point for every minute" in err
    )
    assert " 0 B" not in shop.run("restore", "--env", "staging").out


def test_back_to_a_time(shop: Project, cloudflare: Cloudflare) -> None:
    """Any time is a point of D1's, though the log keeps no bookmark of it."""
    shop.run("up", "--env", "staging", "--to", "1")
    cloudflare.advance(3600)
    moment = datetime.now(UTC).timestamp() + 1800
    stamp = datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    shop.run(
        "up", "--env", "staging", "--to", "2", "--no-restore-point", "its bookmark would be that of the time"
    )
    shop.run("up", "--env", "staging", "--to", "3")
    shop.run("restore", "--env", "staging", "--to", stamp, "--yes")
    assert shop.run("current", "--env", "staging").out == "001_users\n"


def test_the_time_of_a_listed_point_is_that_point(shop: Project) -> None:
    """D1 has a bookmark for every minute only, and migrations of the next minute are in a later one."""
    shop.run("up", "--env", "staging", "--to", "1")
    *_, line = shop.run("restore", "--env", "staging").out.splitlines()
    (shown,) = re.findall(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d [+-]\d{4}", line)
    seen = shop.run("restore", "--env", "staging", "--to", shown, code=2)
    assert f"to {line.split()[0]}, taken {shown}" in seen.err
    assert "no longer applied: 001_users" in seen.err


def test_one_database_by_name_and_by_id(shop: Project) -> None:
    """Two environments on it are refused, and its id is no way past the gates."""
    databases = json.loads((shop.folder / "wrangler.json").read_text())["d1_databases"]
    uuid = databases[1]["database_id"]
    err = shop.run("up", "--database", f"d1:{uuid}", code=1).err
    assert "production refuses (after)" in err
    (shop.folder / "d1migrate.toml").write_text(TOML.replace("d1:shop-staging", f"d1:{uuid}"))
    assert "[env.staging] and [env.production] are one database" in shop.run("env", code=2).err


def test_restore_points_of_a_remote_database(
    shop: Project, cloudflare: Cloudflare, monkeypatch: pytest.MonkeyPatch
) -> None:
    """D1 cannot list the rows; how long it keeps a bookmark depends on the plan, so the age decides."""
    shop.write("900_names.sql", "ALTER TABLE users ADD COLUMN nick TEXT;\n-- Rollback: none, additive\n")
    shop.run("up", "--env", "staging", "--to", "4")
    shop.run("up", "--env", "staging")
    point = shop.run("restore", "--env", "staging", "--json").json["restore_points"][-1]
    err = shop.run("down", "--env", "staging", code=1).err
    assert f"hint: `d1migrate restore --to {point['name']} --env staging` goes back to 004_prune" in err
    assert "rows written since then cannot be listed: D1 shows a past state only by restoring it" in err
    assert "D1 keeps it for 7 days, or 30 on a paid plan" in err
    for days, says in (
        (8, "it is 8 days old: D1 keeps 30 days on a paid plan, 7 on the free plan"),
        (31, "it is 31 days old, and D1 keeps 30 days: it is gone; restore a backup instead"),
    ):
        monkeypatch.setattr(restore_preview, "now", lambda days=days: point["taken_at"] + days * 86400 + 60)
        assert says in shop.run("plan", "--down", "--env", "staging", code=1).err
    error = shop.run("down", "--env", "staging", "--json", code=1).json["error"]
    (before,) = error["restore_points"]
    assert (before["name"], before["preview"]["tables"]) == ("900_names", None)
    assert error["hint"] == "write a `-- Rollback:` block into its file, or restore a backup"  # as it is gone


def test_a_remote_database_without_a_restore_point(shop: Project, cloudflare: Cloudflare) -> None:
    """D1 has a bookmark for every minute; the one used must be younger than the database."""
    shop.write("002_teams.sql", "CREATE TABLE teams (id INTEGER PRIMARY KEY);\n-- Rollback: none, additive\n")
    shop.run("up", "--env", "staging", "--to", "1", "--no-restore-point", "a test")
    shop.run("up", "--env", "staging", "--to", "2", "--no-restore-point", "a test")
    err = shop.run("down", "--env", "staging", code=1).err
    assert "there is no restore point from before 002_teams" in err
    database = json.loads((shop.folder / "wrangler.json").read_text())["d1_databases"][0]["database_id"]
    cloudflare.sql(database, "UPDATE schema_migrations SET applied_at = unixepoch() + 90 WHERE version = 2")
    err = shop.run("down", "--env", "staging", code=1).err
    assert "002_teams can be undone with a restore point:\nto 0000" in err
    assert "002_teams → 001_users" in err


def test_recovery_is_checked_on_a_copy(shop: Project) -> None:
    """With the schema and the applied versions of the remote database, and generated rows; it is only read."""
    shop.run("up", "--env", "staging", "--to", "2")
    ways = shop.run("rehearse", "--recovery", "--env", "staging", "--json", code=None).json["recovery"]
    assert [(way["version"], way["after_restore"], way["ok"]) for way in ways] == [
        (3, [], True),
        (4, [], True),
    ]
    assert shop.run("current", "--env", "staging").out == "002_teams\n"
