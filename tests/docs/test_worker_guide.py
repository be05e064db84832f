"""The guide to Python Workers: its project is built as it says, and runs inside workerd."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import pytest

from tests.docs.pages import ROOT, check_commands, environment, required
from tests.runtime.answers import InsideError
from tests.runtime.pyodide import SDK, SHAPES, PyodideWorkerd, Shape

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.runtime.answers import Answer

GUIDE = ROOT / "docs" / "guides" / "python-worker.md"
OBJECTS = ROOT / "docs" / "guides" / "durable-objects.md"
DETAILS = ROOT / "docs" / "concepts" / "workers.md"
ORDER = ROOT / "docs" / "guides" / "deploy-order.md"
BIG = ROOT / "docs" / "guides" / "big-tables-in-a-worker.md"
INSIDE = ROOT / "tests" / "workers" / "inside"  # hummbl.py there asks any entry.py
TOKEN = "0123456789abcdefghijklmnopqrstuv"  # noqa: S105 - a database for a moment
TWO = [("001_a.sql", "CREATE TABLE a (a);"), ("002_b.sql", "CREATE TABLE b (b);")]
COUNTED = """
from d1migrate.workers import get_history, run_migrations

async def history(database):
    return len(await get_history(database))

async def run(database, migrations):
    return len((await run_migrations(database, [tuple(pair) for pair in migrations])).results)
"""
SCHEDULED = """
from types import SimpleNamespace

async def run(database):
    import snippet_5
    worker = snippet_5.Default.__new__(snippet_5.Default)
    worker.env = SimpleNamespace(DB=database)
    await worker.scheduled(None, worker.env, None)
"""


def snippets() -> list[str]:
    """The Python of the page with the details, and of the guides to the deploy order and to big tables."""
    text = DETAILS.read_text() + ORDER.read_text() + BIG.read_text()
    return re.findall(r"^```python\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def class_in_an_object() -> str:
    """The Python of the guide to Durable Objects."""
    _, _, rest = OBJECTS.read_text().partition("src/entry.py <<'END'\n")
    return rest.partition("END\n")[0]


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What pip installs without a network: this project, and the Workers SDK."""
    folder = tmp_path_factory.mktemp("wheels")
    pip = [sys.executable, "-m", "pip"]
    options = ["--quiet", "--no-deps"]
    subprocess.run([*pip, "wheel", *options, "--wheel-dir", folder, ROOT], check=True)
    subprocess.run([*pip, "download", *options, "--dest", folder, SDK], check=True)
    return folder


@pytest.fixture(scope="module")
def project(wheels: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project after all commands of the guide, whose output is what it says."""
    home = tmp_path_factory.mktemp("home")
    own = {"PIP_FIND_LINKS": str(wheels), "PIP_NO_INDEX": "1"}
    check_commands(GUIDE, home, environment(home, required(GUIDE.read_text())) | own)
    return home / "notes"


@pytest.fixture(scope="module")
def worker(project: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[PyodideWorkerd]:
    """The bundle that wrangler made, inside workerd, and the Python of the other page beside it."""
    extra = tmp_path_factory.mktemp("extra")
    for number, code in enumerate(snippets()):
        (extra / f"snippet_{number}.py").write_text(code)
    (extra / "counted.py").write_text(COUNTED)
    (extra / "cron.py").write_text(SCHEDULED)
    (extra / "tenant.py").write_text(class_in_an_object())
    (extra / "migrations").mkdir()
    for name, sql in TWO:
        (extra / "migrations" / name).write_bytes(b"\xef\xbb\xbf" + sql.encode())
    dist = project / "dist"
    with ExitStack() as stack:
        workerd = PyodideWorkerd("3.14", [dist / "python_modules", dist, INSIDE, extra])
        yield stack.enter_context(workerd)


@pytest.fixture(params=SHAPES)
def shape(request: pytest.FixtureRequest) -> Shape:
    """Each shape of `env.DB`."""
    name: Shape = request.param
    return name


def ask(
    worker: PyodideWorkerd,
    database: str,
    method: str,
    path: str,
    *authorization: str,
    shape: Shape = "sdk",
    secret: str | None = TOKEN,
) -> tuple[int, Any, int]:
    """Send a request: status, JSON, queries."""
    answer = worker.call(
        "hummbl:fetch",
        database=database,
        shape=shape,
        env=True,
        vars={"ADMIN_TOKEN": secret} if secret else {},
        method=method,
        url=f"https://notes.example{path}",
        headers=[["Authorization", value] for value in authorization],
    )
    return answer.result["status"], answer.result["json"], answer.calls["batch"]


def migrate(worker: PyodideWorkerd, database: str, shape: Shape = "sdk") -> tuple[int, Any, int]:
    """Send the right request."""
    return ask(worker, database, "POST", "/admin/migrate", f"Bearer {TOKEN}", shape=shape)


def test_the_project_is_whole(project: Path) -> None:
    """The commands of the guide wrote the index, and what is uploaded."""
    assert (project / "src" / "migrations_index.py").is_file()
    assert (project / "dist" / "python_modules" / "d1migrate" / "workers" / "__init__.py").is_file()


def test_from_empty_to_migrated(worker: PyodideWorkerd, shape: Shape) -> None:
    """The requests of the guide, with the answers and the queries that it tells."""
    database = worker.database()

    assert ask(worker, database, "GET", "/", shape=shape)[:2] == (200, {"current": None})
    assert migrate(worker, database, shape) == (200, {"applied": ["0001_notes"]}, 2 + 1)
    assert migrate(worker, database, shape) == (200, {"applied": []}, 1)
    assert ask(worker, database, "GET", "/", shape=shape) == (200, {"current": "0001_notes"}, 3)


@pytest.mark.parametrize("header", [[], ["Bearer"], ["Bearer "], ["Bearer None"], ["Bearer x"], [TOKEN]])
@pytest.mark.parametrize("secret", [TOKEN, None])
def test_without_the_token(worker: PyodideWorkerd, header: list[str], secret: str | None) -> None:
    """It is refused, the database is not asked, and without a secret nobody gets in."""
    database = worker.database()

    found = ask(worker, database, "POST", "/admin/migrate", *header, secret=secret)

    assert found == (401, {"error": "not authorized"}, 0)


def test_another_method(worker: PyodideWorkerd) -> None:
    """A link that somebody follows migrates nothing."""
    found = ask(worker, worker.database(), "GET", "/admin/migrate", f"Bearer {TOKEN}")

    assert found == (401, {"error": "not authorized"}, 0)


def test_an_error_is_answered(worker: PyodideWorkerd) -> None:
    """A database that began elsewhere."""
    database = worker.database()
    worker.call("hummbl:execute", database=database, sql="CREATE TABLE old (a)")

    status, body, _ = migrate(worker, database)

    assert status == 500
    assert "was not created by d1migrate" in body["error"]
    assert body["hint"]


def test_without_a_log_table(worker: PyodideWorkerd) -> None:
    """As the guide says: two queries tell, one creates it, and from then on one tells."""
    database = worker.database()
    migrate(worker, database)
    worker.call("hummbl:execute", database=database, sql="DROP TABLE d1migrate_log")

    assert migrate(worker, database) == (200, {"applied": []}, 3)
    assert migrate(worker, database) == (200, {"applied": []}, 1)


def test_what_the_other_calls_cost(worker: PyodideWorkerd) -> None:
    """The rows of the guide's table that its own Worker does not show: more migrations, and the history."""
    database = worker.database()
    three = [*TWO, ("003_c.sql", "CREATE TABLE c (c);")]
    assert worker.call("counted:run", database=database, migrations=TWO[:1]).calls["batch"] == 2 + 1

    assert worker.call("counted:run", database=database, migrations=three).calls["batch"] == 2 + 2
    answer = worker.call("counted:history", database=database)
    assert (answer.result, answer.calls["batch"]) == (3, 2)


# The blocks of Python, by their order.
TOP, FOLDER, HEALTH = "snippet_0:migrated", "snippet_1:migrate", "snippet_2:health"
REFUSING = "snippet_4:unknown"  # snippet_3 is a class of objects
TENANT = "snippet_3:Tenant"
CRON = "cron:run"  # snippet_5 is a class of the Workers SDK


def applied(answer: Answer) -> list[str]:
    """The names of the steps of a report."""
    return [name for _, name, *_ in answer.result[0]]


def test_there_are_no_other_blocks() -> None:
    """Each is run below."""
    assert len(snippets()) == 6


def test_at_the_top_of_a_request(worker: PyodideWorkerd) -> None:
    """It migrates, and bears a database that is newer, but not one whose own files are lost."""
    database = worker.database()
    assert applied(worker.call(TOP, database=database)) == ["0001_notes"]
    assert applied(worker.call(TOP, database=database)) == []

    newer = "INSERT INTO d1_migrations (name) VALUES ('0002_later.sql')"
    worker.call("hummbl:execute", database=database, sql=newer)

    assert migrate(worker, database) == (200, {"applied": []}, 1)
    health = worker.call(HEALTH, database=database).result
    assert (health["agrees"], health["not compared"]) == (False, "the file of 0002_later is missing")
    assert ask(worker, database, "GET", "/")[1] == {"current": "0002_later"}
    answer = worker.call(TOP, database=database)
    assert (applied(answer), answer.calls["batch"]) == ([], 1)
    assert worker.call(REFUSING, database=database).result == ["0002_later"]
    lost = "UPDATE d1_migrations SET name = '0000_x.sql' WHERE id = 1"
    worker.call("hummbl:execute", database=database, sql=lost)
    with pytest.raises(InsideError, match="MissingMigration"):
        worker.call(TOP, database=database)


def test_a_cron(worker: PyodideWorkerd) -> None:
    """The handler of the guide to big tables: it applies what is pending, and nothing waits."""
    database = worker.database()
    worker.call(CRON, database=database)
    assert ask(worker, database, "GET", "/")[1] == {"current": "0001_notes"}


def test_a_folder(worker: PyodideWorkerd) -> None:
    """Files of the bundle, with a byte order mark; the command line's checksum is the same."""
    database = worker.database()

    assert applied(worker.call(FOLDER, database=database)) == ["001_a", "002_b"]
    assert worker.call(FOLDER, database=database).calls["batch"] == 1


def test_health(worker: PyodideWorkerd) -> None:
    """Before, after, and when somebody changed the schema by hand; two queries."""
    database = worker.database()
    fine = {"agrees": True, "current": "0001_notes", "pending": [], "differences": [], "not compared": None}

    assert worker.call(HEALTH, database=database).result["pending"] == ["0001_notes"]
    migrate(worker, database)
    answer = worker.call(HEALTH, database=database)
    assert (answer.result, answer.calls["batch"]) == (fine, 2)
    worker.call("hummbl:execute", database=database, sql="ALTER TABLE notes ADD COLUMN done")
    changed = fine | {"agrees": False, "differences": ["table notes is different"]}
    assert worker.call(HEALTH, database=database).result == changed


def test_what_wrangler_uploads(project: Path) -> None:
    """Of `src`, the endings that the guide names, and nothing beside it."""
    (project / "src" / "migrations").mkdir()
    for name in ("a.sql", "a.txt", "a.html", "a.bin", "a.json", "a.md", "a.toml"):
        (project / "src" / "migrations" / name).write_text("SELECT 1;")
    subprocess.run(
        ["npx", "wrangler", "deploy", "--dry-run", "--outdir", "dist2"],
        cwd=project, env=environment(project.parent), check=True, capture_output=True,
    )  # fmt: skip

    uploaded = project / "dist2" / "migrations"
    assert {path.name for path in uploaded.iterdir()} == {"a.sql", "a.txt", "a.html", "a.bin"}
    assert not list((project / "dist2").rglob("0001_notes.sql"))


def test_the_log_says_that_nobody_linted(worker: PyodideWorkerd) -> None:
    """As the guide says, in the detail."""
    database = worker.database()
    migrate(worker, database)

    found = worker.call(
        "probe:rows", database=database, sql="SELECT detail FROM d1migrate_log WHERE event = 'done'"
    ).result

    assert [json.loads(detail) for (detail,) in found] == [{"lint": False}]


def test_in_an_object(worker: PyodideWorkerd, shape: Shape) -> None:
    """The class of the page migrates when its instance is made, the next one too."""
    name = f"tenant {shape}"
    for _ in range(2):
        assert worker.call("version", object=name, kind=TENANT, shape=shape).result == 1
        worker.reset(name)


def test_in_an_object_of_the_other_guide(worker: PyodideWorkerd, shape: Shape) -> None:
    """Its class migrates, too, and writes to the migrated table."""
    name = f"other {shape}"
    for _ in range(2):
        worker.call("add", object=name, kind="tenant:Tenant", shape=shape, text="call Ann")
        worker.reset(name)
    assert worker.call("version", object=name, kind=TENANT, shape=shape).result == 1
