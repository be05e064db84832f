"""HUMMBL's Workers: what their routes answer, and what they refuse.

In every Python with both shapes of env.DB, and in TypeScript.
"""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING

import pytest

from tests.runtime.bundle import Bundle, bundle
from tests.runtime.hummbl import NAMES, copy_of_hummbl
from tests.runtime.pyodide import PYTHONS, SHAPES, Python, Shape
from tests.workers.hummbl_workers import (
    ALWAYS,
    TOKEN,
    TYPESCRIPT,
    Host,
    InPython,
    InTypeScript,
    Worker,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.runtime.pyodide import PyodideWorkerd
    from tests.workers.conftest import Runtimes

BROKEN = "secret name of a host"  # what a broken database says
NOTHING = {"batch": 0, "prepare": 0, "exec": 0, "dump": 0, "statement": 0}


@pytest.fixture(scope="session")
def bundled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bundle]:
    """The TypeScript Worker."""
    folder = tmp_path_factory.mktemp("bundled")
    with Bundle(bundle(copy_of_hummbl(folder), folder, *TYPESCRIPT)) as server:
        yield server


# A session's parameter, so that the tests of one version run after each other.
@pytest.fixture(
    scope="session", params=[*product(PYTHONS, SHAPES), None], ids=lambda one: "-".join(one or ["typescript"])
)
def host(request: pytest.FixtureRequest) -> Host:
    """Each of the Workers."""
    if request.param is None:
        return InTypeScript(request.getfixturevalue("bundled"))
    python: Python
    shape: Shape
    runtimes: Runtimes = request.getfixturevalue("runtimes")
    python, shape = request.param
    return InPython(runtimes[python], shape)


@pytest.fixture
def worker(host: Host) -> Worker:
    """A Worker before its first migration."""
    return Worker(host)


@pytest.fixture
def in_python(inside: PyodideWorkerd, shape: Shape) -> Worker:
    """The Python Worker, whose limit of queries and whose migrations a test may change."""
    return Worker(InPython(inside, shape))


# --- from an empty database on ---


def test_from_empty_to_migrated(worker: Worker) -> None:
    """Nothing is served before the migration, everything after it, and a second one does nothing."""
    before = worker.ask("GET", "/health")
    assert (before.status, before.json) == (503, {"version": 0, "expected": 3, "agrees": False})
    closed = worker.ask("GET", "/workflows")
    assert (closed.status, closed.headers["retry-after"]) == (503, "10")
    assert closed.json == {"error": "the database is not migrated yet, try again later"}

    first = worker.migrate()

    assert (first.status, first.json["version"]) == (200, 3)
    steps = first.json["applied"]
    assert [(step["version"], step["name"], step["action"]) for step in steps] == [
        (version, name, "up") for version, name in enumerate(NAMES, 1)
    ]
    assert all(tuple(step) == worker.fields for step in steps)
    statements, rows_read, rows_written, *deleted = worker.fields[3:]
    assert all(step[name] > 0 for step in steps for name in (statements, rows_read, rows_written))
    assert all(step[name] == {} for step in steps for name in deleted)
    assert (worker.migrate().status, worker.migrate().json) == (200, {"version": 3, "applied": []})
    after = worker.ask("GET", "/health")
    assert (after.status, after.json) == (200, {"version": 3, "expected": 3, "agrees": True})
    opened = worker.ask("GET", "/workflows")
    assert (opened.status, opened.json) == (404, {"error": "there is no /workflows"})


def test_what_it_costs(worker: Worker) -> None:
    """Queries of D1: one for a page, two where nothing is to be done, two for the health."""
    worker.migrate()

    assert worker.ask("GET", "/").calls["batch"] == 1
    assert worker.migrate().calls["batch"] == 2
    assert worker.ask("GET", "/health").calls["batch"] == 2


def test_unfinished(in_python: Worker) -> None:
    """Where the limit of queries ends a run, the answer says what is left; the next request does it."""
    cut = in_python.migrate(max_queries=5)

    assert cut.status == 202
    assert cut.json == {
        "message": "not all is done: send the same request again",
        "applied": NAMES[:2],
        "pending": NAMES[2:],
    }
    assert in_python.ask("GET", "/workflows").status == 503
    assert in_python.ask("GET", "/health").json == {"version": 2, "expected": 3, "agrees": False}
    assert [step["name"] for step in in_python.migrate().json["applied"]] == NAMES[2:]
    assert in_python.ask("GET", "/health").status == 200


def test_the_free_plan(in_python: Worker) -> None:
    """Fifty queries a request, with the one that asks for the version: a long way takes several requests."""
    counts: list[int] = []
    statuses: list[int] = []
    while not statuses or statuses[-1] == 202:
        found = in_python.migrate(more=60)
        counts.append(found.calls["batch"])
        statuses.append(found.status)

    assert statuses == [202, 200]
    assert 40 < max(counts) <= 50
    assert found.json["version"] == 159


def test_an_older_code_runs_on_a_newer_schema(worker: Worker) -> None:
    """After a deployment was rolled back, pages are served, although code and database do not agree."""
    worker.migrate()
    worker.execute("INSERT INTO schema_migrations VALUES (4, '004_add_teams_table', 0)")

    assert worker.ask("GET", "/workflows").status == 404
    assert worker.ask("GET", "/health").json == {"version": 4, "expected": 3, "agrees": False}


def test_a_table_dropped_by_hand(worker: Worker) -> None:
    """The health says that something is wrong, the log what it is."""
    worker.migrate()
    worker.execute("DROP TABLE sessions")

    found = worker.ask("GET", "/health")

    assert (found.status, found.json) == (503, {"version": 3, "expected": 3, "agrees": False})
    assert "sessions" in found.log
    assert "missing" in found.log


# --- routes and methods ---


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND"])
def test_other_methods_do_not_migrate(worker: Worker, method: str) -> None:
    """Not even with the token."""
    found = worker.ask(method, "/admin/migrate", f"Bearer {TOKEN}")

    assert (found.status, found.headers["allow"], found.calls) == (405, "POST", NOTHING)


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "PROPFIND"])
def test_other_methods_do_not_ask_for_the_health(worker: Worker, method: str) -> None:
    """It is read with GET and HEAD."""
    found = worker.ask(method, "/health")

    assert (found.status, found.headers["allow"], found.calls) == (405, "GET, HEAD", NOTHING)
    assert worker.ask("HEAD", "/health").status == 503


@pytest.mark.parametrize("path", ["/", "/admin/migrate/", "//admin/migrate", "/admin", "/health/", "/Health"])
def test_other_routes_are_the_applications(worker: Worker, path: str) -> None:
    """A path is one of the two, or it is not."""
    assert worker.ask("POST", path, f"Bearer {TOKEN}").status == 503
    worker.migrate()
    assert worker.ask("POST", path, f"Bearer {TOKEN}").json == {"error": f"there is no {path}"}


def test_nothing_is_read_from_the_request(worker: Worker) -> None:
    """Neither SQL nor a version: body and query string change nothing."""
    body = '{"to": 1, "sql": "DROP TABLE users", "migrations": []}'

    found = worker.ask("POST", "/admin/migrate?to=1&sql=DROP", f"Bearer {TOKEN}", body=body)

    assert (found.status, found.json["version"], found.body_used) == (200, 3, False)
    assert worker.ask("GET", "/health?version=9").status == 200


# --- who may migrate ---


@pytest.mark.parametrize(
    "secret", [None, "", " " * 64, TOKEN[:-1], "é" * 15, 10**40, {"get": TOKEN}, [TOKEN]]
)
def test_without_a_good_secret_it_is_closed(worker: Worker, secret: object) -> None:
    """Whatever is sent, that very secret included."""
    worker.variables = {} if secret is None else {"ADMIN_TOKEN": secret}
    for header in ("", "Bearer", "Bearer ", "Bearer undefined", "Bearer None", f"Bearer {secret}"):
        found = worker.ask("POST", "/admin/migrate", header)
        assert found.status in ((401,) if secret == " " * 64 else (503,)), header
        assert found.calls == NOTHING
        assert TOKEN[:-1] not in found.text


WRONG = {
    "none": [],
    "empty": [""],
    "scheme only": ["Bearer"],
    "no token": ["Bearer "],
    "token only": [TOKEN],
    "no space": [f"Bearer{TOKEN}"],
    "tab": [f"Bearer\t{TOKEN}"],
    "space and tab": [f"Bearer \t{TOKEN}"],
    "other scheme": [f"Basic {TOKEN}"],
    "prefix": [f"Bearer {TOKEN[:-1]}"],
    "longer": [f"Bearer {TOKEN}x"],
    "other case": [f"Bearer {TOKEN.upper()}"],
    "twice": [f"Bearer {TOKEN} {TOKEN}"],
    "two headers": [f"Bearer {TOKEN}", f"Bearer {TOKEN}"],
    "quoted": [f'Bearer "{TOKEN}"'],
    "spaces": ["Bearer " + " " * 5000 + "x"],
    "long": ["Bearer " + "x" * 50000],
    "latin-1": ["Bearer " + "\xe9" * 32],
    "not ASCII": ["Bearer ☃𝄞"],
    "half a character": ["Bearer \ud800"],
    "scheme not ASCII": [f"Bearer\u0130 {TOKEN}"],
    "no-break space": [f"Bearer\xa0{TOKEN}"],
    "full width": ["Bearer " + "".join(chr(ord(c) + 0xFEE0) for c in TOKEN)],
}


@pytest.mark.parametrize("headers", WRONG.values(), ids=WRONG.keys())
def test_without_the_token_nothing_is_done_or_told(worker: Worker, headers: list[str]) -> None:
    """The same answer to each, and the database is not asked."""
    found = worker.ask("POST", "/admin/migrate", *headers, body="x")

    assert (found.status, found.json) == (401, {"error": "not authorized"})
    assert found.headers == ALWAYS | {"www-authenticate": "Bearer"}
    assert (found.calls, found.body_used, found.log) == (NOTHING, False, "")


@pytest.mark.parametrize("header", [f"bearer {TOKEN}", f"BEARER    {TOKEN}", f"  Bearer {TOKEN}  "])
def test_the_token_in_other_spellings(worker: Worker, header: str) -> None:
    """The scheme has no case, and HTTP allows more than one space after it."""
    assert worker.ask("POST", "/admin/migrate", header).status == 200


def test_tokens_are_compared_as_bytes(worker: Worker) -> None:
    """A token need not be ASCII, and what counts of its length are bytes."""
    secret = worker.variables["ADMIN_TOKEN"] = "é" * 16

    for near in ("e" * 16, "e\u0301" * 16, "\xc3\xa9" * 16):
        assert worker.ask("POST", "/admin/migrate", f"Bearer {near}").status == 401
    assert worker.ask("POST", "/admin/migrate", f"Bearer {secret}").status == 200
    worker.variables["ADMIN_TOKEN"] = "\ud800" * 16
    assert worker.ask("POST", "/admin/migrate", f"Bearer {secret}").status == 401


# --- a database that fails ---

DOWN = [{"batch": number, "do": "throw before", "message": BROKEN} for number in range(20)]


def test_a_broken_database_is_for_the_log(worker: Worker) -> None:
    """Who has no token learns that it does not work; the log says why."""
    worker.migrate()

    health, page = worker.ask("GET", "/health", faults=DOWN), worker.ask("GET", "/", faults=DOWN)

    assert (health.status, health.json) == (503, {"version": None, "expected": 3, "agrees": False})
    assert (page.status, page.headers["retry-after"]) == (503, "10")
    assert page.json == {"error": "the database cannot be read, try again later"}
    assert BROKEN in health.log
    assert BROKEN in page.log
    assert worker.ask("POST", "/admin/migrate", "Bearer x", faults=DOWN).status == 401


def test_a_broken_database_with_the_token(worker: Worker) -> None:
    """Whoever has it gets the answer."""
    found = worker.migrate(faults=DOWN)

    assert found.status == 500
    assert found.json == {"error": BROKEN, "hint": None}
    assert BROKEN in found.log


def test_a_migration_that_fails(worker: Worker) -> None:
    """What failed, what is done and what is pending."""
    worker.migrate(faults=DOWN[3:])  # two that read, and the first migration
    worker.execute("CREATE TABLE api_keys (id)")

    found = worker.migrate()

    assert found.status == 500
    assert (found.json["applied"], found.json["pending"]) == ([], NAMES[1:])
    assert found.json["unknown"] is False
    assert "no such column: provider" in found.json["error"]
    worker.execute("DROP TABLE api_keys")
    assert worker.migrate().json["version"] == 3


def test_an_answer_that_is_lost(worker: Worker) -> None:
    """A migration of which nobody knows whether it happened is called unknown; the next request finds out."""
    worker.migrate(faults=DOWN[3:])  # two that read, and the first migration
    lost = [{"batch": 2, "do": "lose answer", "message": BROKEN}, *DOWN[3:]]  # reads, then the migration

    found = worker.migrate(faults=lost)

    assert (found.status, found.json["unknown"]) == (500, True)
    assert (found.json["applied"], found.json["pending"]) == ([], NAMES[1:])
    assert [step["name"] for step in worker.migrate().json["applied"]] == NAMES[2:]


def test_a_history_that_cannot_be_continued(worker: Worker) -> None:
    """Any other error comes with what to do about it."""
    worker.execute("CREATE TABLE schema_migrations (id INTEGER PRIMARY KEY, filename TEXT)")

    found = worker.migrate()

    assert found.status == 500
    assert found.json.keys() == {"error", "hint"}
    assert "schema_migrations" in found.json["error"]
    health = worker.ask("GET", "/health")
    assert (health.status, health.json["agrees"]) == (503, False)
    assert worker.ask("GET", "/").json == {"error": "the database cannot be read, try again later"}
