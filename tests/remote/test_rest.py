"""A remote D1 by its name: finding it, the number of requests, and sending SQL undamaged."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from d1migrate.backup.load import verify
from d1migrate.drafting import draft, migration_text
from d1migrate.drafting import read as read_schema
from d1migrate.drivers import cloudflare as client
from d1migrate.drivers.rest import RestDriver
from d1migrate.errors import ApplyError, UsageError
from d1migrate.migrate.source import load
from d1migrate.migrator import Migrator
from d1migrate.report.progress import WatchedDriver
from d1migrate.sql.batch import Batch, Query
from tests.runtime.workerd import ROOT

if TYPE_CHECKING:
    from pathlib import Path

    from tests.remote.conftest import Remote

HUMMBL = ROOT / "workers" / "migrations"


def named(remote: Remote, name: str, **variables: str) -> RestDriver:
    """Return a driver that knows a database by its name only."""
    variables = remote.server.environment | variables
    api = client.Api(
        client.settings({k: v for k, v in variables.items() if v}), sleep=remote.wait, clock=remote.server.now
    )
    driver = RestDriver(name, url=f"d1:{name}", api=api)
    remote.opened.append(api)
    return driver


def read(driver: RestDriver, sql: str) -> list[Any]:
    """Return the rows of a query."""
    (result,) = driver.batch(Batch([Query(sql)], reads=True))
    return list(result.rows)


# --- finding it ---


def test_asking_what_it_can_do_sends_nothing(remote: Remote) -> None:
    """Not even to find the database, by a driver or by what wraps it."""
    driver = named(remote, "shop")
    watched = WatchedDriver(driver, print, None, bar=False)
    for able in (driver.capabilities, watched.capabilities):
        assert able.time_travel is driver
        assert (able.copy_to, able.file, able.lookups) == (None, None, 0)
        assert able.report_progress is not None
    assert remote.paths() == []
    assert read(driver, "SELECT 1") == [(1,)]
    assert driver.capabilities.lookups == len(remote.paths()) - 1 > 0


def test_a_name_is_compared_exactly(remote: Remote, monkeypatch: pytest.MonkeyPatch) -> None:
    """The API's filter also returns databases whose names contain the wanted one, page by page."""
    monkeypatch.setattr("d1migrate.drivers.rest._PAGE", 10)
    for n in range(12):
        remote.server.create(f"shop-{n}")
    wanted = remote.server.create("shop-1-2")

    driver = named(remote, "shop-1-2")
    driver.batch(Batch([Query("CREATE TABLE here (a)")]))

    assert driver.api_path.endswith(wanted)
    near = named(remote, "shop-1-")
    with pytest.raises(UsageError, match="no D1 database 'shop-1-'") as caught:
        near.batch(Batch([Query("SELECT 1")], reads=True))
    assert "shop-1-2" in str(caught.value.hint)


def test_an_id_is_not_looked_up(remote: Remote) -> None:
    """One request, for the batch."""
    driver = named(remote, remote.id)
    assert read(driver, "SELECT 1") == [(1,)]
    assert remote.paths() == [("POST", "raw")]


def test_the_only_account_of_a_token(remote: Remote) -> None:
    """It need not be named; of several, one must be."""
    assert read(named(remote, "shop", CLOUDFLARE_ACCOUNT_ID=""), "SELECT 1") == [(1,)]

    remote.server.grant("two", [remote.server.account, "b" * 32])
    with pytest.raises(UsageError, match="can access 2 accounts") as caught:
        read(named(remote, "shop", CLOUDFLARE_ACCOUNT_ID="", CLOUDFLARE_API_TOKEN="two"), "SELECT 1")  # noqa: S106
    assert "CLOUDFLARE_ACCOUNT_ID" in str(caught.value.hint)


def test_another_account_than_the_configured_one(remote: Remote) -> None:
    """An environment may say which account it is in."""
    api = client.Api(client.settings(remote.server.environment))
    driver = RestDriver("shop", url="d1:shop", api=api, account="b" * 32)
    remote.opened.append(api)
    with pytest.raises(UsageError, match="configured for the account bbbb"):
        read(driver, "SELECT 1")


# --- tokens ---


def test_a_token_that_may_read(remote: Remote) -> None:
    """It suffices for `status`; `up` names the missing permission, and nothing is retried."""
    migrator = Migrator(remote.open(token=remote.server.read_token), HUMMBL)
    assert [entry.state for entry in migrator.status()] == ["pending"] * 3
    with pytest.raises(UsageError, match="the token does not permit this") as caught:
        migrator.up()
    assert "D1 > Edit" in str(caught.value.hint)
    assert remote.waits == []


def test_a_token_nobody_knows(remote: Remote) -> None:
    """The error does not show it."""
    with pytest.raises(UsageError, match="does not accept this token") as caught:
        Migrator(remote.open(token="s3cr3t-token"), HUMMBL).status()  # noqa: S106
    assert "s3cr3t" not in str(caught.value) + str(caught.value.hint)


def test_a_database_that_is_gone(remote: Remote) -> None:
    """An id that does not exist is not an empty database."""
    with pytest.raises(UsageError, match="no such database"):
        read(named(remote, "0a1b2c3d-0000-4000-8000-000000000001"), "SELECT 1")


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        ({}, "no CLOUDFLARE_API_TOKEN"),
        ({"CLOUDFLARE_API_TOKEN": " "}, "no CLOUDFLARE_API_TOKEN"),
        ({"CLOUDFLARE_API_TOKEN": "tök"}, "characters that no token has"),
        ({"CLOUDFLARE_API_TOKEN": "t", "CLOUDFLARE_API_BASE_URL": "http://example.com"}, "not https"),
        ({"CLOUDFLARE_API_TOKEN": "t", "CLOUDFLARE_API_BASE_URL": "ftp://127.0.0.1"}, "not https"),
    ],
)
def test_settings_that_are_refused(variables: dict[str, str], message: str) -> None:
    """They are refused before anything is sent."""
    with pytest.raises(UsageError, match=message):
        client.settings(variables)


# --- what it costs ---


def test_requests(remote: Remote) -> None:
    """Status 1, `up` of N migrations N + 2, history and a check afterward; with the linter one more, and while a table is missing."""
    migrator, paths = Migrator(remote.open(), HUMMBL), remote.paths
    migrator.status()
    assert paths() == [("POST", "raw")] * 2
    migrator.up(lint=False)
    assert paths()[2:] == [("POST", "raw")] * 2 + [("POST", "query")] * 3 + [("POST", "raw")]
    del migrator
    again = Migrator(remote.open(), HUMMBL)
    before = len(paths())
    again.status()
    again.up()
    assert paths()[before:] == [("POST", "raw")] * 2
    plan = again.plan_down(to=0)
    before = len(paths())
    again.down(to=0)
    assert len(paths()) - before == plan.requests


def test_its_cost_is_reported(remote: Remote) -> None:
    """Rows read and written, as D1 bills them."""
    (first, *_) = Migrator(remote.open(), HUMMBL).up().steps
    assert first.rows_read
    assert first.rows_written


# --- how SQL gets there ---

TRIGGER = """CREATE TABLE t (a, b);
create trigger t_made after insert on t
begin
  update t set b = case when new.a > 1 then 'big; really' else 'small' end where rowid = new.rowid;
end;
INSERT INTO t (a) VALUES (1), (2);
"""


@pytest.mark.parametrize("fragile", [False, True])
def test_a_trigger_survives_the_servers_splitter(remote: Remote, fragile: bool) -> None:
    """It is sent in one line, and is not drift afterwards."""
    remote.server.settings(fragile_splitter=fragile)
    migrator = Migrator(remote.open(), load([("001_t.sql", TRIGGER)]))

    migrator.up(lint=False)  # which says that other tools could not carry it

    assert read(remote.open(), "SELECT b FROM t ORDER BY a") == [("small",), ("big; really",)]
    assert ("POST", "import") not in remote.paths()
    assert migrator.verify().ok


def test_a_trigger_that_no_line_holds_is_imported(remote: Remote) -> None:
    """It contains a literal with a line end; it is recorded like any other migration."""
    remote.server.settings(fragile_splitter=True)
    migrator = Migrator(remote.open(), load([("001_t.sql", TRIGGER.replace("big; really", "big;\nreally"))]))

    migrator.up(lint=False)

    assert read(remote.open(), "SELECT b FROM t ORDER BY a") == [("small",), ("big;\nreally",)]
    assert ("POST", "import") in remote.paths()
    assert migrator.verify().ok
    assert [entry.state for entry in migrator.status()] == ["applied"]


def test_a_guarded_rebuild_is_never_imported(remote: Remote) -> None:
    """An import that fails could leave a guard, and DELETE would then do nothing: it is refused."""
    parent = (
        "CREATE TABLE p (id INTEGER PRIMARY KEY, v);\nCREATE TABLE c (p REFERENCES p ON DELETE CASCADE);\n"
    )
    current = read_schema(parent, file="").schema
    drafted = draft(current, read_schema(parent.replace("v)", "v DEFAULT 1)"), file=""))
    assert drafted
    text = migration_text(drafted, "002_p.sql", "p", date="2026-11-22", records=False)
    text = TRIGGER.replace("big; really", "big;\nreally") + text
    migrator = Migrator(remote.open(), load([("001_p.sql", parent), ("002_p.sql", text)]))

    with pytest.raises(ApplyError, match="a guarded rebuild must be a single request"):
        migrator.up(lint=False)

    assert [entry.state for entry in migrator.status()] == ["applied", "pending"]
    assert ("POST", "import") not in remote.paths()


def test_cloudflares_own_tables_are_ignored(remote: Remote) -> None:
    """Production databases contain `_cf_KV`, which no query may name."""
    remote.server.settings(cf_kv=True)
    planted = remote.another("planted")
    migrator = Migrator(planted.open(), HUMMBL)
    migrator.up()
    assert migrator.verify().ok


def test_runs_at_once(remote: Remote) -> None:
    """Eight of them on an empty database: each migration once, and all succeed."""
    drivers = [remote.open() for _ in range(8)]
    with ThreadPoolExecutor(len(drivers)) as pool:
        reports = list(pool.map(lambda driver: Migrator(driver, HUMMBL).up(lint=False), drivers))

    ours = sorted(step.name for report in reports for step in report.steps)
    assert ours == [entry.name for entry in Migrator(remote.open(), HUMMBL).status()]
    assert [entry.state for entry in Migrator(remote.open(), HUMMBL).status()] == ["applied"] * 3
    assert read(remote.open(), "SELECT count(*) FROM d1migrate_log") == [(6,)]


def test_a_backup_of_a_remote_database(remote: Remote, tmp_path: Path) -> None:
    """It restores identically: full text search, 64-bit integers and blobs included."""
    sql = """CREATE TABLE v (n INTEGER, r REAL, b BLOB, t TEXT);
CREATE VIRTUAL TABLE docs USING fts5(title);
INSERT INTO v VALUES (9223372036854775807, 1e300, x'00ff', 'it''s'), (-9007199254740993, 0.1, x'', NULL);
INSERT INTO docs VALUES ('hello world');
"""
    migrator = Migrator(remote.open(), load([("001_v.sql", sql)]))
    migrator.up(lint=False)
    dump = str(tmp_path / "dump.sql")
    migrator.backup(dump)

    assert verify(dump) == []

    other = remote.another("other")
    Migrator(other.open(), load([("001_v.sql", sql)])).restore_file(dump)
    query = "SELECT CAST(n AS TEXT) AS n, r, hex(b) AS b, t FROM v"
    assert read(other.open(), query) == read(remote.open(), query)
    assert read(other.open(), "SELECT title FROM docs WHERE docs MATCH 'hello'") == [("hello world",)]


def test_the_rate_limit_is_kept(remote: Remote) -> None:
    """All requests of a process count, whichever driver sends them: the fourth waits for the next window."""
    remote.server.settings(quota=3, enforce_quota=True)
    for _ in range(3):
        assert read(remote.open(), "SELECT 1") == [(1,)]
    assert remote.waits == []
    assert read(remote.open(), "SELECT 1") == [(1,)]
    assert [round(wait / 10) for wait in remote.waits] == [30]
    assert remote.told == [("the rate limit is 3 requests in 5 minutes", *remote.waits)]
    assert {request["status"] for request in remote.server.requests()} == {200}
