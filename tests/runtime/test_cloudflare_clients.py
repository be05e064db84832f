"""Clients that are not ours work against the stand-in for Cloudflare's API: the official SDK and wrangler."""

from __future__ import annotations

import hashlib
import re
import subprocess
from typing import TYPE_CHECKING

import cloudflare as sdk
import pytest

from tests.runtime.hummbl import NAMES
from tests.runtime.test_wrangler_local import DATABASE, PATIENCE, WRANGLER, Project
from tests.runtime.workerd import ROOT, node

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.runtime.cloudflare import Cloudflare

# --- the SDK ---


@pytest.fixture
def client(cloudflare: Cloudflare) -> Iterator[sdk.Cloudflare]:
    """The SDK, which repeats nothing."""
    with sdk.Cloudflare(api_token=cloudflare.token, base_url=cloudflare.base_url, max_retries=0) as client:
        yield client


def test_the_sdk_finds_databases(cloudflare: Cloudflare, client: sdk.Cloudflare) -> None:
    """It verifies the token, lists accounts, and makes, pages through, changes and deletes databases."""
    account = cloudflare.account
    verified = client.user.tokens.verify()
    assert verified
    assert verified.status == "active"
    assert [found.id for found in client.accounts.list()] == [account]
    made = client.d1.database.create(account_id=account, name="shop")
    assert made.uuid
    for n in range(3):
        cloudflare.create(f"shop-{n}")
    listed = client.d1.database.list(account_id=account, name="shop", per_page=2)
    assert [found.name for found in listed] == ["shop", "shop-0", "shop-1", "shop-2"]
    got = client.d1.database.get(made.uuid, account_id=account)
    assert (got.name, got.num_tables, got.file_size) == ("shop", 0, 4096)
    changed = client.d1.database.update(made.uuid, account_id=account, read_replication={"mode": "auto"})
    assert changed.read_replication
    assert changed.read_replication.mode == "auto"
    client.d1.database.delete(made.uuid, account_id=account)
    with pytest.raises(sdk.NotFoundError, match="7404"):
        client.d1.database.get(made.uuid, account_id=account)


def test_the_sdk_runs_sql(cloudflare: Cloudflare, client: sdk.Cloudflare) -> None:
    """It queries, gets rows, sends batches, and raises what D1 refuses."""
    database, account = cloudflare.create("shop"), cloudflare.account
    made, inserted = client.d1.database.query(
        database, account_id=account, sql="CREATE TABLE t(a, b); INSERT INTO t VALUES(1, 'x'), (2, NULL)"
    )
    assert made.success
    assert inserted.meta
    assert (inserted.meta.changes, inserted.meta.rows_written) == (2, 2)
    (query,) = client.d1.database.query(
        database, account_id=account, sql="SELECT * FROM t WHERE a = ?", params=["1"]
    )
    assert query.results == []  # the parameter is a text, and the column has no affinity
    first, second = client.d1.database.query(
        database,
        account_id=account,
        batch=[{"sql": "DELETE FROM t WHERE b = ?", "params": ["x"]}, {"sql": "SELECT * FROM t"}],
    )
    assert first.meta
    assert (first.meta.changes, second.results) == (1, [{"a": 2, "b": None}])
    (raw,) = client.d1.database.raw(database, account_id=account, sql="SELECT a, a FROM t")
    assert raw.results
    assert (raw.results.columns, raw.results.rows) == (["a", "a"], [[2, 2]])
    with pytest.raises(sdk.BadRequestError, match="no such table: nope: SQLITE_ERROR"):
        client.d1.database.query(database, account_id=account, sql="DELETE FROM t; SELECT * FROM nope")
    assert cloudflare.sql(database, "SELECT a FROM t") == [[[2]]]


def test_the_sdk_travels_in_time(cloudflare: Cloudflare, client: sdk.Cloudflare) -> None:
    """It gets a bookmark and goes back to it."""
    database, account = cloudflare.create("shop"), cloudflare.account
    cloudflare.sql(database, "CREATE TABLE t(a)")
    travel = client.d1.database.time_travel
    before = travel.get_bookmark(database, account_id=account).bookmark
    assert before
    cloudflare.sql(database, "DROP TABLE t")
    restored = travel.restore(database, account_id=account, bookmark=before)
    assert cloudflare.sql(database, "SELECT * FROM t") == [[]]
    assert restored.bookmark == travel.get_bookmark(database, account_id=account).bookmark
    assert restored.previous_bookmark
    travel.restore(database, account_id=account, bookmark=restored.previous_bookmark)
    with pytest.raises(ValueError, match="no such table: t"):
        cloudflare.sql(database, "SELECT * FROM t")


def test_the_sdk_imports_and_exports(cloudflare: Cloudflare, client: sdk.Cloudflare) -> None:
    """Its models take the answers of both."""
    database, account = cloudflare.create("shop"), cloudflare.account
    init = client.d1.database.import_(database, account_id=account, action="init", etag="0" * 32)
    assert init.upload_url
    assert init.filename
    ingest = client.d1.database.import_(
        database, account_id=account, action="ingest", etag="0" * 32, filename=init.filename
    )
    assert ingest.status == "error"
    poll = client.d1.database.import_(database, account_id=account, action="poll", current_bookmark="x")
    assert (poll.success, poll.error) == (False, "Not currently importing anything.")
    started = client.d1.database.export(database, account_id=account, output_format="polling")
    assert started.at_bookmark
    done = client.d1.database.export(
        database, account_id=account, output_format="polling", current_bookmark=started.at_bookmark
    )
    assert done.status == "complete"
    assert done.result
    assert done.result.signed_url


# --- wrangler ---

ID = "6f1d7a52-0c3e-4b9a-9a41-5d2e8c7b1f30"  # of HUMMBL's database, in workers/wrangler.jsonc
MIGRATION = ROOT / "workers" / "migrations" / "001_initial_schema.sql"


class Wrangler:
    """HUMMBL's project with the real wrangler in it, which takes the stand-in for Cloudflare."""

    def __init__(self, folder: Path, cloudflare: Cloudflare) -> None:
        self.project, self.cloudflare = Project.hummbl(folder), cloudflare

    def __call__(self, *arguments: str, code: int = 0) -> str:
        """Run `wrangler d1 …` about the remote database; what it printed."""
        done = subprocess.run(
            [node(), str(WRANGLER), "d1", *arguments, "-c", "workers/wrangler.jsonc"],
            cwd=self.project.folder,
            env={**self.project.environment, **self.cloudflare.environment},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout + done.stderr


@pytest.fixture
def wrangler(cloudflare: Cloudflare, tmp_path: Path) -> Wrangler:
    """Wrangler, and a remote database that is empty."""
    cloudflare.create(DATABASE, uuid=ID)
    return Wrangler(tmp_path, cloudflare)


def test_wrangler_executes_files(wrangler: Wrangler) -> None:
    """The command of HUMMBL's project imports its migration; a file that fails leaves nothing."""
    command = "execute hummbl-workflows --remote --file=workers/migrations/001_initial_schema.sql".split()
    assert "Executed 10 queries" in wrangler(*command)
    asked = [
        (request["method"], request["path"].rpartition("/")[2]) for request in wrangler.cloudflare.requests()
    ]
    file = f"{ID}.{hashlib.md5(MIGRATION.read_bytes(), usedforsecurity=False).hexdigest()}.sql"
    assert asked == [("POST", "import"), ("PUT", file), ("POST", "import"), ("POST", "import")]
    assert wrangler.cloudflare.sql(ID, "SELECT version, name FROM schema_migrations") == [
        [[1, MIGRATION.stem]]
    ]
    wrangler.cloudflare.settings(polls=0)
    assert "File already uploaded. Processing." in wrangler(*command)
    (wrangler.project.folder / "bad.sql").write_text("DROP TABLE executions; DROP TABLE nope;")
    bad = wrangler("execute", DATABASE, "--remote", "--file=bad.sql", code=1)
    assert "no such table: nope: SQLITE_ERROR" in bad
    assert wrangler.cloudflare.sql(ID, "SELECT * FROM executions") == [[]]


def test_wrangler_applies_migrations(wrangler: Wrangler) -> None:
    """It lists them, which writes, applies them, and shows what is refused."""
    assert "001_initial_schema.sql" in wrangler("migrations", "list", DATABASE, "--remote")
    assert wrangler.cloudflare.sql(ID, "SELECT * FROM d1_migrations") == [[]]
    wrangler("migrations", "apply", DATABASE, "--remote")
    assert wrangler.cloudflare.sql(ID, "SELECT id, name FROM d1_migrations") == [
        [[n, f"{name}.sql"] for n, name in enumerate(NAMES, 1)]
    ]
    refused = wrangler("execute", DATABASE, "--remote", "--command", "SELECT * FROM nope", code=1)
    assert "no such table: nope: SQLITE_ERROR [code: 7500]" in refused


def test_wrangler_exports_and_travels_in_time(wrangler: Wrangler) -> None:
    """It downloads a dump, tells the bookmark, and goes back to one."""
    (before,) = re.findall(r"current bookmark is '(.+)'", wrangler("time-travel", "info", DATABASE))
    wrangler.cloudflare.sql(ID, "CREATE TABLE t(a); INSERT INTO t VALUES('it''s')")
    wrangler("export", DATABASE, "--remote", "--output=dump.sql")
    dump = (wrangler.project.folder / "dump.sql").read_text()
    assert dump.splitlines()[1:] == ["CREATE TABLE t(a);", """INSERT INTO "t" ("a") VALUES('it''s');"""]
    wrangler("time-travel", "restore", DATABASE, f"--bookmark={before}")
    assert wrangler.cloudflare.sql(ID, "SELECT count(*) FROM sqlite_schema") == [[[0]]]


def test_wrangler_repeats_nothing(wrangler: Wrangler) -> None:
    """It fails at the first 503, and at an answer that is no JSON, without asking again (d1-facts §3.3)."""
    for fault in ("503", "firewall"):
        wrangler.cloudflare.faults({"do": fault})
        wrangler("execute", DATABASE, "--remote", "--command", "SELECT 1", code=1)
    assert len(wrangler.cloudflare.requests()) == 2


def test_wrangler_runs_a_guarded_rebuild(wrangler: Wrangler) -> None:
    """What `rebuild` writes keeps the children, by each of wrangler's three ways; the splitter is the fragile one."""
    wrangler.cloudflare.settings(fragile_splitter=True, cf_kv=True)
    wrangler("migrations", "apply", DATABASE, "--remote")
    wrangler.cloudflare.sql(ID, CHILD)
    column = "description TEXT DEFAULT 'none'"
    wrangler.project.d1migrate("rebuild", "workflows", "--set", column, "--name", "descriptions")
    file = "workers/migrations/004_descriptions.sql"
    wrangler("migrations", "apply", DATABASE, "--remote")
    assert wrangler.cloudflare.sql(ID, SEEN) == [[[1, 1, 0]]]
    wrangler.cloudflare.sql(ID, "DELETE FROM schema_migrations WHERE version = 4")
    wrangler("execute", DATABASE, "--remote", f"--file={file}")
    assert wrangler.cloudflare.sql(ID, SEEN) == [[[1, 1, 0]]]
    assert "d1m" not in str(wrangler.cloudflare.sql(ID, "SELECT name FROM sqlite_schema"))
    for name in (*NAMES, "004_descriptions"):
        wrangler.project.hummbl_sql(f"--file=workers/migrations/{name}.sql")
        if name == NAMES[-1]:
            wrangler.project.hummbl_sql("--command", CHILD)
    (rows,) = wrangler.project.hummbl_sql("--command", SEEN)
    assert [tuple(row.values()) for row in rows] == [(1, 1, 0)]


CHILD = (
    "INSERT INTO workflows (id, name, created_at, updated_at) VALUES ('w', 'n', 1, 1);"
    "INSERT INTO executions (id, workflow_id) VALUES ('e', 'w')"
)
SEEN = (
    "SELECT (SELECT count(*) FROM workflows) AS w, (SELECT count(*) FROM executions) AS e,"
    " (SELECT count(*) FROM sqlite_schema WHERE type = 'trigger') AS t"
)
