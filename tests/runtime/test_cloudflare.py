"""The stand-in for Cloudflare's API does what docs/reference/d1-facts.md says of the real one, and fails on request."""

from __future__ import annotations

import hashlib
import sqlite3
import ssl
import time
from contextlib import closing
from typing import TYPE_CHECKING, Any

import httpx
import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tests.runtime.cloudflare import Cloudflare

FAILED: dict[str, object] = {"result": None, "success": False, "messages": []}
TRIGGER = "CREATE TRIGGER tr AFTER INSERT ON t BEGIN UPDATE t SET a = (CASE WHEN 1 THEN 2 END); END"


NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # made once: loading certificates takes 20 ms


class Client:
    """Requests to the API, and without a token to what it gives addresses of."""

    def __init__(self, cloudflare: Cloudflare) -> None:
        self.cloudflare = cloudflare
        self.databases = f"/accounts/{cloudflare.account}/d1/database"
        token = {"authorization": f"Bearer {cloudflare.token}"}
        self.http = httpx.Client(base_url=cloudflare.base_url, headers=token, verify=NO_TLS)
        self.r2 = httpx.Client(verify=NO_TLS)

    def result(self, method: str, path: str, body: object = None) -> Any:
        """What a request that works results in."""
        response = self.http.request(method, path, json=body)
        answer = response.json()
        assert (response.status_code, answer["success"], answer["errors"]) == (200, True, []), response.text
        return answer["result"]

    def error(self, method: str, path: str, body: object = None) -> tuple[int, int, str]:
        """Status, code and message of a request that fails."""
        response = self.http.request(method, path, json=body)
        answer = response.json()
        (error,) = answer.pop("errors")
        assert answer == FAILED
        return response.status_code, error["code"], error["message"]

    def raw(self, database: str, sql: str, *params: object) -> Any:
        """The rows of the first statement."""
        body = {"sql": sql, "params": params}
        return self.result("POST", f"{self.databases}/{database}/raw", body)[0]["results"]["rows"]

    def refused(self, database: str, body: object) -> tuple[int, int, str]:
        """How a query fails."""
        return self.error("POST", f"{self.databases}/{database}/query", body)

    def upload(self, database: str, sql: str) -> dict[str, Any]:
        """Upload a file to be imported, and have the import begin."""
        etag = md5(sql)
        init = self.result("POST", f"{self.databases}/{database}/import", {"action": "init", "etag": etag})
        put = self.r2.put(init["upload_url"], content=sql)
        assert (put.status_code, put.headers["etag"]) == (200, f'"{etag}"')
        ingest = {"action": "ingest", "etag": etag, "filename": init["filename"]}
        found: dict[str, Any] = self.result("POST", f"{self.databases}/{database}/import", ingest)
        return found

    def poll(self, database: str, bookmark: str) -> dict[str, Any]:
        """Ask how the import is going."""
        question = {"action": "poll", "current_bookmark": bookmark}
        found: dict[str, Any] = self.result("POST", f"{self.databases}/{database}/import", question)
        return found

    def bookmark(self, database: str) -> str:
        """Where the database is."""
        return str(self.result("GET", f"{self.databases}/{database}/time_travel/bookmark")["bookmark"])

    def restore(self, database: str, **where: str) -> dict[str, str]:
        """Go back."""
        query = httpx.QueryParams(where)
        found: dict[str, str] = self.result(
            "POST", f"{self.databases}/{database}/time_travel/restore?{query}"
        )
        return found


def md5(text: str) -> str:
    """The etag of a file."""
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


@pytest.fixture
def client(cloudflare: Cloudflare) -> Iterator[Client]:
    """A client with the token that may do everything."""
    client = Client(cloudflare)
    with client.http, client.r2:
        yield client


@pytest.fixture
def db(cloudflare: Cloudflare) -> str:
    """A database with a table t(a), which is empty."""
    database = cloudflare.create("shop")
    cloudflare.sql(database, "CREATE TABLE t(a)")
    return database


# --- accounts and databases ---


def test_tokens(cloudflare: Cloudflare, client: Client) -> None:
    """A token is known or not, sees accounts, and may do what it may."""
    other = "b" * 32
    cloudflare.grant("two", [cloudflare.account, other], "read")
    cloudflare.grant("none", [cloudflare.account], "none")
    assert client.result("GET", "/user/tokens/verify")["status"] == "active"
    assert [found["id"] for found in client.result("GET", "/accounts")] == [cloudflare.account]
    client.http.headers["authorization"] = "Bearer two"
    assert [found["id"] for found in client.result("GET", "/accounts")] == [cloudflare.account, other]
    assert client.result("GET", f"/accounts/{other}/d1/database") == []
    assert client.error("POST", client.databases, {"name": "x"}) == (403, 10000, "Authentication error")
    assert client.error("GET", f"/accounts/{'c' * 32}/d1/database")[:2] == (403, 7403)
    client.http.headers["authorization"] = "Bearer none"
    assert client.error("GET", client.databases) == (403, 10000, "Authentication error")
    client.http.headers["authorization"] = "Bearer unknown"
    assert client.error("GET", "/user/tokens/verify") == (401, 10000, "Authentication error")
    del client.http.headers["authorization"]
    assert client.error("GET", client.databases) == (401, 10000, "Authentication error")


def test_a_read_token_runs_read_only_queries(cloudflare: Cloudflare, client: Client, db: str) -> None:
    """What a batch may do depends on its statements, whatever they would write."""
    client.http.headers["authorization"] = f"Bearer {cloudflare.read_token}"
    reads = [
        "SELECT 1",
        "WITH x AS (SELECT 1) SELECT * FROM x",
        "PRAGMA table_info(t)",
        "EXPLAIN DELETE FROM t",
    ]
    for sql in (*reads, "/* DELETE */ VALUES(1); SELECT 'DROP'"):
        client.raw(db, sql)
    writes = [
        "DELETE FROM t WHERE 0",
        "WITH x AS (SELECT 1) INSERT INTO t SELECT * FROM x",
        "PRAGMA optimize",
    ]
    for sql in (*writes, "SELECT 1; -- and\nCREATE TABLE IF NOT EXISTS t(a)"):
        assert client.refused(db, {"sql": sql})[:2] == (403, 7403)
    assert client.bookmark(db)
    assert client.error("POST", f"{client.databases}/{db}/time_travel/restore?bookmark=x")[1] == 10000
    assert client.error("POST", f"{client.databases}/{db}/import", {"action": "init"})[1] == 10000
    assert client.error("DELETE", f"{client.databases}/{db}")[1] == 10000


def test_databases(cloudflare: Cloudflare, client: Client) -> None:
    """They are made, listed in pages, filtered by a part of their names, got by id or name, and deleted."""
    made = client.result("POST", client.databases, {"name": "shop"})
    assert (made["name"], made["version"], made["num_tables"]) == ("shop", "production", 0)
    assert client.error("POST", client.databases, {"name": "shop"})[:2] == (400, 7502)
    assert client.error("POST", client.databases, {})[:2] == (400, 7400)
    for n in range(11):
        cloudflare.create(f"shop-{n}")
    cloudflare.create("other", uuid="6f1d7a52-0c3e-4b9a-9a41-5d2e8c7b1f30")
    query = "?name=shop&page=2&per_page=10"
    page = client.http.get(f"{client.databases}{query}").json()
    assert page["result_info"] == {"page": 2, "per_page": 10, "count": 2, "total_count": 12}
    assert [found["name"] for found in page["result"]] == ["shop-9", "shop-10"]
    assert client.error("GET", f"{client.databases}?page=0")[1] == 7400
    other = client.result("GET", f"{client.databases}/other")
    assert other == client.result("GET", f"{client.databases}/6f1d7a52-0c3e-4b9a-9a41-5d2e8c7b1f30")
    assert client.result("GET", f"{client.databases}/other?fields=uuid,name") == {
        "uuid": "6f1d7a52-0c3e-4b9a-9a41-5d2e8c7b1f30",
        "name": "other",
    }
    changed = client.result(
        "PUT", f"{client.databases}/{other['uuid']}", {"read_replication": {"mode": "auto"}}
    )
    assert changed["read_replication"] == {"mode": "auto"}
    for method in ("DELETE", "PUT"):  # by id only
        assert client.error(method, f"{client.databases}/other")[:2] == (404, 7404)
    assert client.refused("other", {"sql": "SELECT 1"})[:2] == (404, 7404)
    assert client.result("DELETE", f"{client.databases}/{other['uuid']}") is None
    assert client.error("DELETE", f"{client.databases}/{other['uuid']}")[:2] == (404, 7404)
    assert client.error("GET", "/accounts/x/y")[:2] == (404, 7003)


# --- query and raw ---


def test_query_and_raw(client: Client, db: str) -> None:
    """A query's rows are objects, which have every name once; raw keeps columns as they are."""
    sql = "SELECT 1 AS b, 2 AS a, 3 AS a, x'00ff', NULL, 9007199254740993"
    (query,) = client.result("POST", f"{client.databases}/{db}/query", {"sql": sql})
    expected = {"b": 1, "a": 3, "x'00ff'": [0, 255], "NULL": None, "9007199254740993": 9007199254740992}
    assert (query["success"], query["results"]) == (True, [expected])
    (raw,) = client.result("POST", f"{client.databases}/{db}/raw", {"sql": sql})
    assert raw["results"]["columns"] == ["b", "a", "a", "x'00ff'", "NULL", "9007199254740993"]
    assert raw["results"]["rows"] == [[1, 2, 3, [0, 255], None, 9007199254740992]]


def test_a_batch_is_one_transaction(client: Client, db: str) -> None:
    """Several statements, in one text or as a batch, happen all or not at all."""
    body: dict[str, Any] = {
        "sql": f"INSERT INTO t VALUES(1);\n{TRIGGER};\nINSERT INTO t VALUES(7); SELECT a FROM t"
    }
    *_, insert, select = client.result("POST", f"{client.databases}/{db}/query", body)
    assert select["results"] == [{"a": 2}, {"a": 2}]
    meta = insert["meta"]
    assert (meta["served_by"], meta["rows_written"], meta["changes"], meta["last_row_id"]) == (
        "v3-prod",
        3,
        3,
        2,
    )
    assert meta["changed_db"]
    assert {"duration", "rows_read", "size_after"} <= meta.keys()
    for item in (
        {"sql": "DELETE FROM t; DROP TRIGGER tr; SELECT * FROM nope"},
        {"batch": [{"sql": "DELETE FROM t"}, {"sql": "DROP TRIGGER tr; SELECT * FROM nope"}]},
    ):
        assert client.refused(db, item) == (400, 7500, "no such table: nope: SQLITE_ERROR")
    assert client.raw(db, "SELECT count(*), (SELECT count(*) FROM sqlite_schema) FROM t") == [[2, 2]]
    orphan = "CREATE TABLE p(a PRIMARY KEY); CREATE TABLE c(a REFERENCES p); PRAGMA defer_foreign_keys=on;"
    status, code, message = client.refused(db, {"sql": f"{orphan} INSERT INTO c VALUES(1)"})
    assert (status, code, message[:27]) == (500, 7500, "internal error; reference =")


def test_parameters(client: Client, db: str) -> None:
    """Text stays text, a number is REAL, a boolean is the text of its JSON; the rest is malformed."""
    sql = "SELECT typeof(?1), ?2, typeof(?2), ?3, typeof(?3), ?4"
    assert client.raw(db, sql, "3", 3, True, None) == [["text", 3, "real", "true", "text", None]]
    for body, message in {
        "{": "The request is malformed: the body is not JSON",
        "[]": "Invalid input: Expected object, received array",
        "{}": "Invalid property: sql => Required",
        '{"sql": "SELECT 1", "params": null}': "Invalid property: params => Expected array, received null",
        '{"sql": "SELECT ?", "params": [[1]]}': "Invalid property: params => Expected string, received array",
        '{"sql": "SELECT 1; SELECT ?", "params": ["1"]}': (
            "The request is malformed: params with multiple statements is not supported"
        ),
    }.items():
        response = client.http.post(f"{client.databases}/{db}/query", content=body)
        assert (response.status_code, response.json()["errors"]) == (
            400,
            [{"code": 7400, "message": message}],
        )
    for too_many in (["1"], ["1"] * 3):
        message = "Wrong number of parameter bindings for SQL query."
        assert client.refused(db, {"sql": "SELECT ?, ?", "params": too_many}) == (400, 7500, message)
    too_big = {"sql": "SELECT length(?)", "params": ["é" * 1_000_001]}
    assert client.refused(db, too_big) == (400, 7500, "string or blob too big: SQLITE_TOOBIG")
    too_long = {"sql": f"SELECT '{'x' * 100_000}'"}
    assert client.refused(db, too_long) == (400, 7500, "statement too long: SQLITE_TOOBIG")
    assert client.refused(db, {"sql": " "}) == (400, 7500, "No SQL statements detected.")


@pytest.mark.parametrize(
    ("trigger", "cut"),
    {
        "in brackets": (TRIGGER, False),
        "words": (TRIGGER.replace("THEN 2", "THEN 'END; begin'"), False),
        "bare": (TRIGGER.replace("(", "").replace(")", ""), True),
        "lower": (TRIGGER.replace("BEGIN", "begin"), True),
        "crlf": (TRIGGER.replace("BEGIN", "BEGIN\r\n"), True),
    }.values(),
    ids=["in brackets", "words in quotes", "bare CASE", "lower case", "CRLF"],
)
@pytest.mark.parametrize("batch", [False, True])
def test_the_fragile_splitter(
    cloudflare: Cloudflare, client: Client, db: str, trigger: str, cut: bool, batch: bool
) -> None:
    """On request, triggers are cut as production cuts them, in a batch and alone."""
    items = [{"sql": "INSERT INTO t VALUES(1)"}, {"sql": trigger}, {"sql": "DROP TRIGGER tr"}]
    body = {"batch": items} if batch else {"sql": ";".join(item["sql"] for item in items)}
    client.result("POST", f"{client.databases}/{db}/query", body)
    cloudflare.settings(fragile_splitter=True)
    if cut:
        assert client.refused(db, body) == (400, 7500, "incomplete input: SQLITE_ERROR")
    else:
        client.result("POST", f"{client.databases}/{db}/query", body)
    assert cloudflare.sql(db, "SELECT count(*) FROM t") == [[[1 if cut else 2]]]


def test_cf_kv(cloudflare: Cloudflare, client: Client) -> None:
    """On request, new databases have the table that those of production have, and that nobody may read."""
    cloudflare.settings(cf_kv=True)
    database = cloudflare.create("shop")
    assert client.raw(database, "SELECT name FROM sqlite_schema") == [["_cf_KV"]]
    denied = (400, 7500, "access to _cf_KV.key is prohibited: SQLITE_AUTH")
    assert client.refused(database, {"sql": "SELECT * FROM _cf_KV"}) == denied


# --- import and export ---


def test_import(cloudflare: Cloudflare, client: Client, db: str) -> None:
    """A file is uploaded, ingested and followed by polling; the database serves nothing else meanwhile."""
    started = client.upload(db, "INSERT INTO t VALUES(1); INSERT INTO t VALUES(2);\nINSERT INTO t VALUES(3)")
    assert (started["status"], started["success"]) == ("active", True)
    busy = (400, 7500, "Currently processing a long-running import.")
    assert client.refused(db, {"sql": "SELECT 1"}) == busy
    assert client.error("POST", f"{client.databases}/{db}/export", {"output_format": "polling"}) == busy
    done = client.poll(db, started["at_bookmark"])
    assert (done["status"], done["result"]["num_queries"]) == ("complete", 2)
    assert done["result"]["final_bookmark"] == client.bookmark(db) > started["at_bookmark"]
    assert client.raw(db, "SELECT a FROM t") == [[1], [2]]  # a statement without a `;` at its end is lost
    again = client.poll(db, done["at_bookmark"])
    assert (again["success"], again["error"]) == (False, "Not currently importing anything.")


@pytest.mark.parametrize("known", ["import", "complete"])
def test_a_file_that_is_known(cloudflare: Cloudflare, client: Client, db: str, known: str) -> None:
    """It is not uploaded again: the import begins at once, or is said to be complete."""
    cloudflare.settings(polls=0, known_etag=known)
    sql = "INSERT INTO t VALUES(1);"
    assert client.upload(db, sql)["status"] == "complete"
    again = client.result("POST", f"{client.databases}/{db}/import", {"action": "init", "etag": md5(sql)})
    assert (again["status"], "upload_url" in again) == ("complete", False)
    assert cloudflare.sql(db, "SELECT count(*) FROM t") == [[[1 if known == "complete" else 2]]]


def test_an_import_is_all_or_nothing(cloudflare: Cloudflare, client: Client, db: str) -> None:
    """A failing statement leaves nothing of those before it, and perhaps not even a reason."""
    cloudflare.settings(polls=0)
    before = client.bookmark(db)
    failed = client.upload(db, "INSERT INTO t VALUES(1); INSERT INTO nope VALUES(2);")
    assert (failed["success"], failed["status"]) == (False, "error")
    assert failed["error"] == "no such table: nope: SQLITE_ERROR"
    cloudflare.settings(import_error="reset")
    assert client.upload(db, "INSERT INTO nope VALUES(1);")["error"] == '{"D1_RESET_DO":true}'
    assert client.bookmark(db) == before
    assert client.raw(db, "SELECT * FROM t") == []


def test_foreign_keys_in_an_import(cloudflare: Cloudflare, client: Client, db: str) -> None:
    """Only there can they be switched off, first; deferred ones fail at the end, or at that of a piece."""
    cloudflare.settings(polls=0)
    client.raw(db, "CREATE TABLE p(a PRIMARY KEY); CREATE TABLE c(a REFERENCES p)")
    orphan, parent = "INSERT INTO c VALUES(1);", "INSERT INTO p VALUES(1);"
    assert client.upload(db, f"PRAGMA foreign_keys=OFF; {orphan}")["status"] == "complete"
    late = client.upload(db, f"INSERT INTO t VALUES(1); PRAGMA foreign_keys=OFF; {orphan}")
    assert late["error"].startswith("FOREIGN KEY constraint failed")
    assert client.upload(db, f"PRAGMA defer_foreign_keys=on; {orphan}")["error"] == '{"D1_RESET_DO":true}'
    client.raw(db, "DELETE FROM c")
    forward = f"PRAGMA defer_foreign_keys=on; {orphan}  {parent}"
    assert client.upload(db, forward)["status"] == "complete"
    client.raw(db, "DELETE FROM c; DELETE FROM p")
    cloudflare.settings(import_chunk=len(forward) - len(parent))
    assert client.upload(db, f"{forward} ")["error"] == '{"D1_RESET_DO":true}'


def test_an_import_nobody_polls(cloudflare: Cloudflare, client: Client, db: str) -> None:
    """It is cancelled after 15 seconds, and the database is as before."""
    cloudflare.settings(polls=2)
    bookmark = client.upload(db, "INSERT INTO t VALUES(1);")["at_bookmark"]
    cloudflare.advance(14)
    assert client.poll(db, bookmark)["status"] == "active"
    cloudflare.advance(15)
    assert client.poll(db, bookmark)["error"] == "Cancelled due to no poll() received in 15000ms."
    assert client.raw(db, "SELECT * FROM t") == []
    client.upload(db, "INSERT INTO t VALUES(2);")
    cloudflare.advance(16)
    assert client.raw(db, "SELECT * FROM t") == []
    assert client.poll(db, bookmark)["error"] == "Not currently importing anything."


def test_what_an_import_is_refused_for(cloudflare: Cloudflare, client: Client, db: str) -> None:
    """Uploads are held to what R2 demands of signed URLs, and the file to its etag."""
    sql = "INSERT INTO t VALUES(1);"
    path = f"{client.databases}/{db}/import"
    for body in ({"action": "init", "etag": "x"}, {"action": "nonsense", "etag": md5(sql)}, {}):
        assert client.error("POST", path, body)[1] == 7400
    init = client.result("POST", path, {"action": "init", "etag": md5(sql)})
    url = init["upload_url"]
    assert (client.r2.put(url[:-1], content=sql).status_code, client.r2.get(url).status_code) == (403, 403)
    twice = client.r2.put(url, content=sql, headers={"authorization": "Bearer x"})
    assert (twice.status_code, "InvalidArgument" in twice.text) == (400, True)
    chunked = client.r2.put(url, content=iter([sql.encode()]))
    assert (chunked.status_code, "MissingContentLength" in chunked.text) == (411, True)
    ingest = {"action": "ingest", "etag": md5(sql), "filename": init["filename"]}
    assert "was not uploaded" in client.result("POST", path, ingest)["error"]
    assert client.r2.put(url, content="another file").status_code == 200
    assert "another etag" in client.result("POST", path, ingest)["error"]
    cloudflare.advance(3601)
    assert client.r2.put(url, content=sql).status_code == 403


def test_export(cloudflare: Cloudflare, client: Client, db: str) -> None:
    """A dump is made, followed by polling, and downloaded for an hour; it cuts large integers."""
    cloudflare.settings(polls=1)
    client.raw(db, "INSERT INTO t VALUES(9007199254740993)")
    path = f"{client.databases}/{db}/export"
    body: dict[str, Any] = {"output_format": "polling", "dump_options": {"no_schema": True, "tables": ["t"]}}
    started = client.result("POST", path, body)
    assert started["status"] == "active"
    assert client.refused(db, {"sql": "SELECT 1"})[2] == "Currently processing a long-running export."
    done = client.result("POST", path, body | {"current_bookmark": started["at_bookmark"]})
    url = done["result"]["signed_url"]
    dump = 'PRAGMA defer_foreign_keys=TRUE;\nINSERT INTO "t" ("a") VALUES(9007199254740992);'
    assert client.r2.get(url).text == dump
    cloudflare.advance(3601)
    assert client.r2.get(url).status_code == 403
    assert client.error("POST", path, {})[1] == 7400
    cloudflare.settings(polls=0)
    client.raw(db, "CREATE VIRTUAL TABLE v USING fts5(a)")
    failed = client.result("POST", path, {"output_format": "polling"})
    assert failed["error"] == "D1 Export error: cannot export databases with Virtual Tables (fts5)"
    late = body | {"current_bookmark": started["at_bookmark"]}
    assert client.result("POST", path, late)["error"] == "Not currently exporting anything."


# --- time travel ---


def test_time_travel(client: Client, db: str) -> None:
    """Every commit is a bookmark, rising; a restore brings its state back, and returns the bookmark that undoes it."""
    marks = [client.bookmark(db)]
    for n in range(3):
        client.raw(db, f"INSERT INTO t VALUES({n}); CREATE INDEX i{n} ON t(a)")
        marks.append(client.bookmark(db))
        client.raw(db, "SELECT * FROM t; CREATE TABLE IF NOT EXISTS t(a)")
        client.refused(db, {"sql": "DELETE FROM t; SELECT * FROM nope"})
        assert client.bookmark(db) == marks[-1]
    assert len(set(marks)) == 4
    assert marks == sorted(marks)
    assert [len(part) for part in marks[0].split("-")] == [8, 8, 8, 32]
    back = client.restore(db, bookmark=marks[1])
    assert back["previous_bookmark"] == marks[3] < back["bookmark"] == client.bookmark(db)
    assert client.raw(db, "SELECT a, (SELECT count(*) FROM sqlite_schema) FROM t") == [[0, 2]]
    client.restore(db, bookmark=back["previous_bookmark"])
    assert client.raw(db, "SELECT a, (SELECT count(*) FROM sqlite_schema) FROM t")[2] == [2, 4]
    for where in ("bookmark=x", f"bookmark={'f' * 8}-{'0' * 8}-{'0' * 8}-{'0' * 32}", "timestamp=x", ""):
        assert client.error("POST", f"{client.databases}/{db}/time_travel/restore?{where}")[1] == 7400


def stamp(hours: float) -> str:
    """A time as the API takes it."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + hours * 3600))


def test_timestamps(cloudflare: Cloudflare, client: Client, db: str) -> None:
    """A timestamp stands for the last bookmark before it, from the beginning and for 30 days."""
    made = client.bookmark(db)
    cloudflare.advance(3600)
    client.raw(db, "INSERT INTO t VALUES(1)")
    path = f"{client.databases}/{db}/time_travel/bookmark?timestamp="
    assert client.result("GET", path + stamp(0.5))["bookmark"] == made
    assert client.result("GET", path + stamp(1.5))["bookmark"] == client.bookmark(db)
    assert "before" in client.error("GET", path + stamp(-1))[2]
    client.restore(db, timestamp=stamp(0.5))
    assert client.raw(db, "SELECT * FROM t") == []
    cloudflare.advance(31 * 24 * 3600)
    assert "30 days" in client.error("GET", path + stamp(0.5))[2]


def test_what_another_process_writes_is_in_the_past_too(
    cloudflare: Cloudflare, client: Client, db: str
) -> None:
    """The file is SQLite's, which tests may open; and large databases go back whole."""
    client.raw(db, "INSERT INTO t SELECT value FROM json_each(?)", str(list(range(50_000))))
    before = client.bookmark(db)
    with closing(sqlite3.connect(cloudflare.file(db))) as connection, connection:
        connection.execute("DELETE FROM t WHERE a > 9")
    assert client.bookmark(db) > before
    client.restore(db, bookmark=before)
    assert client.raw(db, "SELECT count(*), sum(a) FROM t") == [[50_000, 1249975000]]
    assert client.raw(db, "PRAGMA quick_check") == [["ok"]]


# --- what goes wrong ---

INSERT = {"sql": "INSERT INTO t VALUES(1); INSERT INTO t VALUES(2)"}


def insert(client: Client, db: str) -> httpx.Response:
    """Write two rows."""
    return client.http.post(f"{client.databases}/{db}/query", json=INSERT)


def rows(client: Client, db: str) -> int:
    """How many there are, in truth."""
    (((count,),),) = client.cloudflare.sql(db, "SELECT count(*) FROM t")
    return int(count)


@pytest.mark.parametrize(
    ("fault", "error", "written"),
    [
        ({"do": "drop"}, httpx.RemoteProtocolError, 0),
        ({"do": "lose reply"}, httpx.RemoteProtocolError, 2),
        ({"do": "cut reply"}, httpx.RemoteProtocolError, 2),
        ({"do": "hang"}, httpx.ReadTimeout, 0),
    ],
)
def test_no_answer(
    client: Client, db: str, fault: dict[str, object], error: type[Exception], written: int
) -> None:
    """The connection is closed before or after the work, or never answered."""
    client.cloudflare.faults(fault)
    client.http.timeout = httpx.Timeout(5, read=0.2 if fault["do"] == "hang" else 5)
    with pytest.raises(error):
        insert(client, db)
    assert rows(client, db) == written


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize(
    ("fault", "status", "kind", "text"),
    [
        ({"do": "429", "retry_after": 7}, 429, "json", '"code":971,'),
        ({"do": "500"}, 500, "json", '"message":"internal error; reference = e_'),
        ({"do": "503"}, 503, "json", '"code":7009,'),
        ({"do": "413"}, 413, "html", "Payload Too Large"),
        ({"do": "firewall"}, 403, "html", "you have been blocked"),
        ({"do": "bare"}, 500, "json", '{"error":"Internal error","code":7500}'),
        (
            {"do": "answer", "status": 502, "body": "x", "headers": {"content-type": "text/x"}},
            502,
            "text/x",
            "x",
        ),
    ],
    ids=lambda value: str(value["do"]) if isinstance(value, dict) else "",
)
def test_another_answer(
    client: Client, db: str, fault: Mapping[str, object], status: int, kind: str, text: str, after: bool
) -> None:
    """An error comes instead of the answer, and with `after` the work was done all the same."""
    client.cloudflare.faults({**fault, "after": after})
    response = insert(client, db)
    assert (response.status_code, response.headers.get("retry-after")) == (
        status,
        "7" if status == 429 else None,
    )
    assert kind in response.headers.get("content-type", "")
    assert text in response.text
    assert rows(client, db) == (2 if after else 0)


def test_garbage(client: Client, db: str) -> None:
    """A proxy passes on half of the answer, and calls it a whole one."""
    client.cloudflare.faults({"do": "garbage"})
    response = insert(client, db)
    assert (response.status_code, rows(client, db)) == (200, 2)
    with pytest.raises(ValueError, match=r"Unterminated|Expecting"):
        response.json()


def test_not_atomic(client: Client, db: str) -> None:
    """A failing statement leaves those before it."""
    client.cloudflare.faults({"do": "not atomic"})
    body = {"sql": "INSERT INTO t VALUES(1); SELECT * FROM nope; INSERT INTO t VALUES(2)"}
    assert client.refused(db, body) == (400, 7500, "no such table: nope: SQLITE_ERROR")
    assert rows(client, db) == 1
    assert insert(client, db).status_code == 200


def test_timeout(client: Client, db: str) -> None:
    """D1's 30 seconds are over at once: nothing happened, and the connection's settings are gone."""
    client.raw(db, "PRAGMA legacy_alter_table=on")
    assert client.raw(db, "PRAGMA legacy_alter_table") == [[1]]  # a connection keeps them (d1-facts §1.3)
    client.cloudflare.faults({"do": "timeout", "match": {"nth": 1}})
    message = "D1 DB storage operation exceeded timeout which caused object to be reset."
    assert client.refused(db, INSERT) == (500, 7500, message)
    assert rows(client, db) == 0
    assert client.raw(db, "PRAGMA legacy_alter_table") == [[0]]


def test_size_limit(client: Client, db: str) -> None:
    """A body that is too large is refused."""
    client.cloudflare.settings(max_body=50)
    assert insert(client, db).status_code == 413
    assert client.raw(db, "SELECT 1") == [[1]]


def test_rate_limit(client: Client, db: str) -> None:
    """Answers tell what is left; who takes more is refused everything until the five minutes are over."""
    first = client.http.get(client.databases)
    assert first.headers["ratelimit-policy"] == '"default";q=1200;w=300'
    assert first.headers["ratelimit"].startswith('"default";r=1199;t=')
    client.cloudflare.settings(quota=2, enforce_quota=True)
    client.raw(db, "SELECT 1")
    refused = insert(client, db)
    assert (refused.status_code, refused.json()["errors"][0]["code"]) == (429, 971)
    client.cloudflare.advance(int(refused.headers["retry-after"]))
    assert (insert(client, db).status_code, rows(client, db)) == (200, 2)


def test_each_token_has_its_quota(client: Client, db: str) -> None:
    """Others who use it count, other tokens do not; above it, a token is blocked for a whole window."""
    client.cloudflare.settings(quota=10, enforce_quota=True)
    client.cloudflare.spend(10, client.cloudflare.read_token)
    assert client.raw(db, "SELECT 1") == [[1]]
    client.cloudflare.advance(100)
    client.cloudflare.spend(9)
    refused = insert(client, db)
    assert (refused.status_code, refused.headers["retry-after"]) == (429, "300")
    assert refused.headers["ratelimit"] == '"default";r=0;t=300'
    client.cloudflare.advance(250)
    assert insert(client, db).headers["retry-after"] == "50"
    client.cloudflare.advance(50)
    assert insert(client, db).status_code == 200


def test_length_of_the_window(client: Client, db: str) -> None:
    """A quota can be scaled down: as many requests in fewer seconds."""
    client.cloudflare.settings(quota=1, window=2, enforce_quota=True)
    assert client.raw(db, "SELECT 1") == [[1]]
    refused = insert(client, db)
    assert refused.headers["ratelimit-policy"] == '"default";q=1;w=2'
    assert (refused.status_code, int(refused.headers["retry-after"]) <= 2) == (429, True)
    client.cloudflare.advance(2)
    assert insert(client, db).status_code == 200


@pytest.mark.parametrize("keep_past", [True, False])
def test_copies(client: Client, db: str, keep_past: bool) -> None:
    """Each is a database of its own, which begins with what the first one held."""
    client.cloudflare.settings(keep_past=keep_past)
    insert(client, db)
    copies = client.cloudflare.copies(db, [f"tenant-{n}" for n in range(3)])
    insert(client, db)
    start = client.bookmark(copies[0])
    insert(client, copies[0])
    assert [rows(client, each) for each in (db, *copies)] == [4, 4, 2, 2]
    listed = client.result("GET", f"{client.databases}?name=tenant-")
    assert [(one["name"], one["uuid"]) for one in listed] == [(f"tenant-{n}", copies[n]) for n in range(3)]
    client.result("POST", f"{client.databases}/{copies[0]}/time_travel/restore?bookmark={start}")
    assert [rows(client, each) for each in (db, *copies)] == [4, 2, 2, 2]
    with pytest.raises(ValueError, match="already exists"):
        client.cloudflare.copies(db, ["tenant-1"])


def test_what_a_fault_is_for(client: Client, db: str) -> None:
    """It happens to the requests that match, to all or the nth of them; of several, the first."""
    client.cloudflare.faults(
        {"do": "503", "match": {"method": "POST", "path": "/query$", "nth": 2}},
        {"do": "429", "match": {"body": "INSERT", "nth": 2}},
        {"do": "500", "match": {"path": "bookmark"}},
    )
    assert [insert(client, db).status_code for _ in range(3)] == [200, 503, 200]
    assert client.raw(db, "SELECT 1") == [[1]]
    path = f"{client.databases}/{db}/time_travel/bookmark"
    assert [client.http.get(path).status_code for _ in range(2)] == [500, 500]
    client.cloudflare.faults()
    assert client.http.get(path).status_code == 200
    for wrong in ({"do": "nonsense"}, {"do": "500", "match": {"nonsense": 1}}):
        with pytest.raises(ValueError, match="nonsense"):
            client.cloudflare.faults(wrong)
    with pytest.raises(ValueError, match="nonsense"):
        client.cloudflare.settings(nonsense=1)


def test_the_log(client: Client, db: str) -> None:
    """Requests can be counted and read, without the token, those that failed too."""
    client.cloudflare.faults({"do": "drop", "match": {"nth": 2}})
    client.http.get(client.databases, params={"name": "x"}, headers={"user-agent": "me"})
    with pytest.raises(httpx.RemoteProtocolError):
        insert(client, db)
    get, post = client.cloudflare.requests()
    assert (get["method"], get["path"], get["query"]) == (
        "GET",
        f"/client/v4{client.databases}",
        {"name": "x"},
    )
    assert (get["headers"]["user-agent"], get["size"], get["status"]) == ("me", 0, 200)
    assert (post["path"].rpartition("/")[2], "status" in post) == ("query", False)
    assert post["size"] == len(post["body"])
    assert "INSERT INTO t" in post["body"]
    assert client.cloudflare.token not in str((get, post))


def test_traffic(client: Client, db: str) -> None:
    """What thousands of requests were, in a few numbers; those of one that was cut off have no status."""
    other = client.cloudflare.database()
    client.raw(db, "SELECT 1")
    client.raw(other, "SELECT 1")
    client.refused(db, {"sql": "SELECT"})
    client.cloudflare.faults({"do": "lose reply"})
    with pytest.raises(httpx.RemoteProtocolError):
        client.raw(db, "SELECT 1")
    traffic = client.cloudflare.traffic()
    assert traffic == (4, {"200": 2, "400": 1, "none": 1}, {db: 3, other: 1}, 1)


def test_reset(client: Client, db: str) -> None:
    """All is forgotten, and the tokens are known again."""
    client.cloudflare.faults({"do": "500"})
    client.cloudflare.grant("other", [client.cloudflare.account])
    client.cloudflare.reset()
    assert client.cloudflare.requests() == []
    assert client.result("GET", client.databases) == []
    client.http.headers["authorization"] = "Bearer other"
    assert client.error("GET", client.databases)[1] == 10000


def test_the_environment(cloudflare: Cloudflare) -> None:
    """What a tool needs to know to find the server."""
    assert cloudflare.environment == {
        "CLOUDFLARE_ACCOUNT_ID": cloudflare.account,
        "CLOUDFLARE_API_BASE_URL": cloudflare.base_url,
        "CLOUDFLARE_API_TOKEN": cloudflare.token,
    }
