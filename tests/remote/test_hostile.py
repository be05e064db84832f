"""Responses that are not Cloudflare's, silence, and invalid settings."""

from __future__ import annotations

import os
import signal
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from d1migrate.cli import main
from d1migrate.drivers import cloudflare as client
from d1migrate.drivers.rest import RestDriver
from d1migrate.errors import ApplyError, Error, QueryError, UnavailableError, UsageError
from d1migrate.sql.batch import Batch, Query
from tests.remote.test_faults import THREE, check_end, fault, migrator, number, untroubled
from tests.remote.test_rest import named, read

if TYPE_CHECKING:
    from pathlib import Path

    from tests.remote.conftest import Remote

__all__ = ["untroubled"]
JSON = {"content-type": "application/json"}
ONE = '{"success": true, "results": [], "meta": {}}'
GARBAGE = {
    "one result of many": f'{{"success": true, "result": [{ONE}]}}',
    "a failure among the results": f'{{"success": true, "result": [{", ".join([ONE] * 11)}, {{"success": false}}]}}',
    "success as text": '{"success": "true", "result": []}',
    "errors as an object": '{"success": false, "errors": {"code": 7500}}',
    "errors of null": '{"success": false, "errors": [null, [], 7]}',
    "errors with odd codes": '{"success": false, "errors": [{"code": "seven", "message": {"a": 1}}]}',
    "an unknown code of D1": '{"success": false, "errors": [{"code": 7555, "message": "new"}]}',
    "no UTF-8": "\udcff",
    "no result": '{"success": true}',
    "null": '{"success": true, "result": null}',
    "object": '{"success": true, "result": {}}',
    "no results": '{"success": true, "result": []}',
    "empty results": '{"success": true, "result": [{}]}',
    "numbers": '{"success": true, "result": [1, 2]}',
    "texts": '{"success": true, "result": "yes"}',
    "without success": '{"success": true, "result": [{"success": false, "results": {"rows": []}, "meta": {}}]}',
    "a word": '"yes"',
    "nothing": "",
    "deep": "[" * 100_000,
    "no reason": '{"success": false, "errors": [], "result": null}',
    "strange errors": '{"success": false, "errors": ["no"]}',
}


def answer(body: str, status: int = 200, **more: Any) -> dict[str, Any]:
    """A response from something between here and Cloudflare."""
    return {"do": "answer", "status": status, "headers": JSON, "body": body, **more}


# --- answers ---


@pytest.mark.parametrize("body", GARBAGE.values(), ids=GARBAGE)
def test_a_read_with_a_garbage_response(remote: Remote, body: str) -> None:
    """It is sent again; without a better response the database is unavailable, and never empty."""
    migrator(remote.open()).up()
    remote.server.faults({"match": {"path": "/raw$", "nth": 1}, **answer(body)})
    assert number(migrator(remote.open())) == 3
    remote.server.faults({"match": {"path": "/raw$"}, **answer(body)})
    with pytest.raises(UnavailableError):
        migrator(remote.open()).current()


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("body", GARBAGE.values(), ids=GARBAGE)
def test_a_write_with_a_garbage_response(
    remote: Remote, untroubled: dict[str, Any], body: str, after: bool
) -> None:
    """The history shows whether it happened, and nothing is sent twice."""
    remote.server.faults(fault(2, answer(body, after=after)))
    if after:
        assert len(migrator(remote.open()).up().steps) == 3
        assert remote.paths().count(("POST", "query")) == 3
    else:
        with pytest.raises(ApplyError) as caught:
            migrator(remote.open()).up()
        assert (caught.value.applied, caught.value.unknown) == ((THREE[0].name,), False)
    check_end(remote, untroubled)


@pytest.mark.parametrize(
    "results",
    [
        '{"columns": ["a"], "rows": [{"a": 1}]}',
        '{"columns": ["a"], "rows": [[1, 2]]}',
        '{"columns": ["a"], "rows": [[{}]]}',
        '{"columns": ["a"], "rows": [[[300]]]}',
        '{"columns": ["a"], "rows": {}}',
        '{"rows": [[1]]}',
        "[[1]]",
        "null",
    ],
)
def test_a_read_with_a_response_of_another_shape(remote: Remote, results: str) -> None:
    """Rows are lists of SQLite's values, one per column."""
    body = f'{{"success": true, "result": [{{"success": true, "results": {results}, "meta": {{}}}}]}}'
    remote.server.faults({"match": {"path": "/raw$"}, **answer(body)})
    with pytest.raises(UnavailableError):
        read(remote.open(), "SELECT 1 AS a")


RESETS = {
    "429": ('{"success": false, "errors": [{"code": 7429, "message": "D1 DB exceeded its CPU time limit and was reset."}]}', 429),
    "text": ('{"success": false, "errors": [{"code": "7429", "message": "limit"}]}', 429),
    "second": ('{"success": false, "errors": [{"code": 1, "message": "a"}, {"code": 7429, "message": "b"}]}', 429),
    "bare": ('{"error": "D1 DB exceeded its CPU time limit and was reset.", "code": 7429}', 500),
    "400": ('{"success": false, "errors": [{"code": 7429, "message": "b"}]}', 400),
    "200": ('{"success": false, "errors": [{"code": 7500, "message": "D1 DB exceeded its CPU time limit and was reset."}]}', 200),
}  # fmt: skip


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize(("body", "status"), RESETS.values(), ids=RESETS)
def test_a_reset_for_cpu_time(
    remote: Remote, untroubled: dict[str, Any], body: str, status: int, after: bool
) -> None:
    """Whether HTTP 429 or not, it is not a rate limit: the log shows whether it took effect, and it is not sent again."""
    remote.server.faults(fault(2, answer(body, status, after=after)))
    if after:
        assert len(migrator(remote.open()).up().steps) == 3
    else:
        with pytest.raises(ApplyError, match="7429") as caught:
            migrator(remote.open()).up()
        assert (caught.value.applied, caught.value.unknown) == ((THREE[0].name,), False)
        assert "split them into several migrations" in str(caught.value.hint)
    assert remote.paths().count(("POST", "query")) == (3 if after else 2)
    assert remote.waits == []
    check_end(remote, untroubled)


@pytest.mark.parametrize(
    ("what", "message"), [("7429", "exceeded its CPU time limit"), ("timeout", "operation exceeded timeout")]
)
def test_a_read_that_is_reset(remote: Remote, what: str, message: str) -> None:
    """It is not sent again, as it would take as long."""
    remote.server.faults({"match": {"path": "/raw$"}, "do": what})
    with pytest.raises(UnavailableError, match=message):
        migrator(remote.open()).current()
    assert remote.paths() == [("POST", "raw")]


@pytest.mark.parametrize("path", ["/accounts$", "/database$", "/bookmark$"])
@pytest.mark.parametrize("body", GARBAGE.values(), ids=GARBAGE)
def test_garbage_while_the_database_is_looked_up(remote: Remote, path: str, body: str) -> None:
    """Account, name and bookmark are read from responses too."""
    remote.server.faults({"match": {"path": path}, **answer(body)})
    driver = named(remote, "shop", CLOUDFLARE_ACCOUNT_ID="")
    with pytest.raises(Error):
        driver.bookmark()


def test_pages_that_never_end(remote: Remote, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that returns the same full page each time is not queried forever."""
    monkeypatch.setattr("d1migrate.drivers.rest._PAGE", 1)
    page = f'{{"success": true, "result": [{{"name": "shop-2", "uuid": "{remote.id}"}}]}}'
    remote.server.faults({"match": {"path": "/database$"}, **answer(page)})
    with pytest.raises(UsageError, match="no D1 database 'shop'") as caught:
        read(named(remote, "shop"), "SELECT 1")
    assert caught.value.hint == "similar: shop-2"


@pytest.mark.parametrize("retry_after", ["3", "", "nan", "-5", "Sun, 22 Nov 2026 22:00:00 GMT", "9" * 400])
def test_a_rate_limit_of_the_edge(remote: Remote, untroubled: dict[str, Any], retry_after: str) -> None:
    """Its response is an HTML page, and means that a write did not happen."""
    page = {"do": "answer", "status": 429, "body": "<h1>error code: 1015</h1>"}
    remote.server.faults(fault(2, page | {"headers": {"retry-after": retry_after}}))
    assert len(migrator(remote.open()).up().steps) == 3
    (waited,) = remote.waits
    assert waited >= {"3": 3, "9" * 400: 300}.get(retry_after, 0.5)
    check_end(remote, untroubled)


def test_a_request_that_is_too_large(remote: Remote, untroubled: dict[str, Any]) -> None:
    """The error names the size, and that nothing was done; it is not mistaken for a refused token."""
    remote.server.settings(max_body=4_500)
    with pytest.raises(ApplyError, match="larger than Cloudflare accepts") as caught:
        migrator(remote.open()).up(single_transaction=True)
    assert not caught.value.unknown
    remote.server.settings(max_body=100_000_000)
    check_end(remote, untroubled)


@pytest.mark.parametrize(("code", "status"), [(6003, 400), (7003, 404), (10001, 405), (7001, 415)])
def test_a_request_that_is_not_accepted(remote: Remote, code: int, status: int) -> None:
    """It did not happen, and is not sent again."""
    body = f'{{"success": false, "errors": [{{"code": {code}, "message": "Invalid request headers"}}]}}'
    remote.server.faults({"match": {"path": "/raw$"}, **answer(body, status)})
    with pytest.raises(UsageError, match="Invalid request headers"):
        migrator(remote.open()).current()
    assert remote.waits == []


def test_a_proxy_that_repeats_what_it_was_sent(remote: Remote) -> None:
    """The token is not in any message."""
    for body in (
        '{"error": "Bearer edit-token is not welcome"}',
        '{"success": false, "errors": [{"code": 10000, "message": "edit-token"}]}',
        '{"success": false, "errors": [{"code": 1, "message": "edit-token: SQLITE_ERROR"}]}',
    ):
        for status in (400, 429, 500):
            remote.server.faults({"match": {"path": "/raw$"}, **answer(body, status)})
            with pytest.raises(Error) as caught:
                migrator(remote.open()).current()
            assert "edit-token" not in f"{caught.value!r}{caught.value.hint}{caught.value.__cause__!r}"


def test_a_token_that_is_revoked_during_a_run(remote: Remote, untroubled: dict[str, Any]) -> None:
    """The response is lost and the history cannot be read: the outcome is reported as unknown."""
    refused = '{"success": false, "errors": [{"code": 10000, "message": "Authentication error"}]}'
    lost = fault(2, {"do": "lose reply"})
    remote.server.faults(lost, {"match": {"path": "/raw$", "nth": 4}, **answer(refused, 401)})
    with pytest.raises(ApplyError) as caught:
        migrator(remote.open()).up()
    assert caught.value.unknown
    check_end(remote, untroubled)


# --- silence ---


def test_the_usual_patience() -> None:
    """The timeouts exceed D1's limits, and are shorter than people wait."""
    assert (client.TIMEOUT.read, client.TIMEOUT.connect) == (60, 15)


def test_a_read_without_a_response(remote: Remote) -> None:
    """It is sent again."""
    migrator(remote.open()).up()
    remote.server.faults({"match": {"path": "/raw$", "nth": 1}, "do": "hang"})
    assert number(migrator(remote.open(timeout=0.3))) == 3
    assert len(remote.waits) == 1


@pytest.mark.parametrize("after", [False, True])
def test_a_write_without_a_response(remote: Remote, untroubled: dict[str, Any], after: bool) -> None:
    """After the read timeout the history is read; the write is not sent again."""
    remote.server.faults(fault(2, {"do": "hang", "after": after}))
    run = migrator(remote.open(timeout=1))
    if after:
        assert len(run.up().steps) == 3
    else:
        with pytest.raises(ApplyError, match=r"no response from Cloudflare: .*timed out") as caught:
            run.up()
        assert (caught.value.applied, caught.value.unknown) == ((THREE[0].name,), False)
    check_end(remote, untroubled)


@pytest.mark.usefixtures("ctrl_c")
@pytest.mark.parametrize("after", [False, True])
def test_an_interrupt_in_the_middle_of_a_request(
    remote: Remote,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    after: bool,
) -> None:
    """Ctrl-C while D1 is silent: the message about the current migration matches the database."""
    for migration in THREE:
        (tmp_path / f"{migration.name}.sql").write_text(migration.text)
    for name, value in remote.server.environment.items():
        monkeypatch.setenv(name, value)
    remote.server.faults(fault(2, {"do": "hang", "after": after}))

    def interrupt() -> None:
        while not any(
            r["path"].endswith("/query") and "002_first" in r["body"] and (not after or "status" in r)
            for r in remote.server.requests()
        ):
            pass
        os.kill(os.getpid(), signal.SIGINT)

    other = threading.Thread(target=interrupt)
    other.start()
    code = main(["--database", f"d1:{remote.id}", "--migrations", str(tmp_path), "--verbose", "up"])
    other.join()

    said = capsys.readouterr()
    assert code == 130
    outcome = "was applied" if after else "had not been applied when the log was checked"
    assert f"002_first {outcome}\n" in said.err
    assert "done before: 001_notes" in said.err
    assert remote.server.token not in said.out + said.err
    remote.server.faults()
    assert number(migrator(remote.open())) == (2 if after else 1)


ENDLESS = ["body that drips", "head that drips", "interim without end", "gzip bomb"]


@pytest.mark.parametrize("how", ENDLESS)
def test_an_endless_response(remote: Remote, untroubled: dict[str, Any], how: str) -> None:
    """It has limits, in seconds and bytes: a read is not sent again, and for a write the log is read."""
    # The bomb has to reach its limit in bytes on a slow machine, too.
    seconds = 60.0 if how == "gzip bomb" else 0.5
    migrator(remote.open()).up(to=1)
    remote.server.faults({"match": {"path": "/raw$"}, "do": "wire", "how": how})
    with pytest.raises(UnavailableError, match="no readable response from Cloudflare") as refused:
        migrator(remote.open(seconds=seconds)).current()
    assert "MiB" in str(refused.value) if how == "gzip bomb" else "0.5 seconds" in str(refused.value)
    assert remote.waits == []
    remote.server.faults(fault(2, {"do": "wire", "how": how}))
    assert len(migrator(remote.open(seconds=seconds)).up().steps) == 2
    remote.server.faults()
    check_end(remote, untroubled)


def test_an_endless_response_to_an_upload(remote: Remote) -> None:
    """Its time limit grows with its size."""
    api = client.Api(
        client.settings(remote.server.environment), sleep=remote.wait, clock=remote.server.now, seconds=0.3
    )
    remote.server.faults({"match": {"path": "/r2/"}, "do": "wire", "how": "head that drips", "after": False})
    with pytest.raises(UnavailableError, match=r"not complete after 0\.3"):
        api.upload(f"{remote.server.origin}/r2/x", lambda: [b"x"], 1, "etag")
    api.close()


@pytest.mark.parametrize("how", ["gzip", "interim first"])
def test_responses_in_other_forms(remote: Remote, how: str) -> None:
    """Every form that HTTP allows is read."""
    remote.server.faults({"match": {"path": "/client/"}, "do": "wire", "how": how})
    run = migrator(remote.open())
    assert len(run.up().steps) == 3
    assert number(run) == 3


# --- what is sent ---


def test_text_that_is_not_unicode(remote: Remote) -> None:
    """Text from an environment in another encoding is refused as by every driver, before it is sent."""
    driver = remote.open()
    driver.batch(Batch([Query("CREATE TABLE t (a)")]))
    sent = len(remote.paths())
    for batch in (
        Batch([Query("INSERT INTO t VALUES (?)", ("\udcff",))]),
        Batch([Query("INSERT INTO t VALUES (?)", ("\udcff",))], size=1),
    ):
        with pytest.raises(QueryError, match="not Unicode"):
            driver.batch(batch)
    assert len(remote.paths()) == sent


def test_threads_share_the_rate(remote: Remote) -> None:
    """Eight connections send what the token permits: no request is refused, and none of the quota is lost."""
    remote.server.settings(quota=100, enforce_quota=True)
    began = remote.server.now()
    with ThreadPoolExecutor(8) as pool:
        done = list(pool.map(lambda _: read(remote.open(), "SELECT 1"), range(500)))
    assert done == [[(1,)]] * 500
    assert {request["status"] for request in remote.server.requests()} == {200}
    assert remote.server.now() - began < 4.5 * 300


# --- the environment ---


@pytest.mark.parametrize(
    "variables",
    [
        {"CLOUDFLARE_API_BASE_URL": "https://[::1"},
        {"CLOUDFLARE_API_BASE_URL": "https://"},
        {"CLOUDFLARE_API_BASE_URL": "https://user:secret@example.com"},
        {"CLOUDFLARE_API_BASE_URL": "https://example.com/?x"},
        {"CLOUDFLARE_API_BASE_URL": "https://exa\nmple.com/"},
        {"CLOUDFLARE_API_BASE_URL": "http://127.0.0.1@example.com"},
        {"CLOUDFLARE_API_BASE_URL": "http://localhost.example.com"},
        {"CLOUDFLARE_API_BASE_URL": "example.com"},
        {"CLOUDFLARE_ACCOUNT_ID": "../../user"},
        {"CLOUDFLARE_ACCOUNT_ID": "a b"},
        {"CLOUDFLARE_API_TOKEN": "two\nlines"},
    ],
)
def test_settings_that_cannot_be(variables: dict[str, str]) -> None:
    """The error shows neither token nor password, and nothing is sent."""
    with pytest.raises(UsageError) as caught:
        client.settings({"CLOUDFLARE_API_TOKEN": "s3cr3t", **variables})
    assert "s3cr3t" not in f"{caught.value}{caught.value.hint}"
    assert "secret" not in f"{caught.value}{caught.value.hint}"


def test_settings_that_can_be(remote: Remote) -> None:
    """White space around them and a slash after the URL are removed; the token is not in their repr."""
    found = client.settings(
        {
            "CLOUDFLARE_API_TOKEN": " s3cr3t\n",
            "CLOUDFLARE_ACCOUNT_ID": "",
            "CLOUDFLARE_API_BASE_URL": f" {remote.server.base_url}/ ",
        }
    )
    assert (found.token, found.account, found.base_url) == ("s3cr3t", None, remote.server.base_url)
    assert "s3cr3t" not in f"{found!r} {found} {[found]}"
    assert client.settings({"CLOUDFLARE_API_TOKEN": "t"}).base_url == client.BASE_URL


@pytest.mark.parametrize(
    ("name", "value"), [("ALL_PROXY", "socks5://127.0.0.1:1"), ("SSL_CERT_FILE", "/no/such/file")]
)
def test_a_connection_that_cannot_be_set_up(name: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Errors of httpx about proxies and certificates have a hint, and no traceback."""
    monkeypatch.setenv(name, value)
    with pytest.raises(UsageError, match="cannot set up a connection to Cloudflare") as caught:
        client.Api(client.settings({"CLOUDFLARE_API_TOKEN": "t"}))
    assert name in str(caught.value.hint)


def test_a_proxy_that_refuses(remote: Remote, monkeypatch: pytest.MonkeyPatch) -> None:
    """There was no tunnel, so nothing was sent: a write is tried again, and then reported as not done."""

    def refuse(_: httpx.Request) -> httpx.Response:
        raise httpx.ProxyError("407 Proxy Authentication Required")

    api = client.Api(
        client.settings(remote.server.environment),
        transport=httpx.MockTransport(refuse),
        sleep=remote.wait,
        clock=remote.server.now,
    )
    driver = RestDriver(remote.id, url=remote.url, api=api)
    with pytest.raises(UnavailableError, match="cannot be reached: 407"):
        driver.batch(Batch([Query("CREATE TABLE t (a)")]))
    assert len(remote.waits) == client.ATTEMPTS - 1
