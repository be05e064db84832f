"""HUMMBL's Worker in TypeScript: its types, what is deployed, and what it leaves in the database."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

from tests.runtime.bundle import Bundle, bundle
from tests.runtime.hummbl import NAMES, copy_of_hummbl
from tests.runtime.workerd import MODULES, ROOT, node
from tests.runtime.wrangler import Dev, Wrangler, command, environment
from tests.workers.hummbl_workers import TOKEN, TYPESCRIPT, InPython, InTypeScript, Worker

if TYPE_CHECKING:
    from pathlib import Path

    from tests.workers.conftest import Runtimes

SEED = """\
import { runMigrations, getCurrentVersion } from './lib/migrations';
import migrations from '../migrations/index';
"""
MORE = 60


def d1migrate(folder: Path, *arguments: str) -> str:
    """Run a command: what it printed."""
    done = subprocess.run(
        [sys.executable, "-m", "d1migrate", *arguments],
        cwd=folder, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_lines_of_the_seed() -> None:
    """As HUMMBL's Workers always had them."""
    assert SEED in (ROOT / "workers" / "src" / "index.ts").read_text("utf-8")


def test_its_types() -> None:
    """As an editor shows them."""
    tsc = MODULES / "typescript" / "bin" / "tsc"
    done = subprocess.run([node(), tsc, "-p", ROOT / "workers"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_what_is_generated_is_up_to_date() -> None:
    """The indexes in both languages, and the runtime."""
    generated = ["src/migrations_index.py", "migrations/index.ts", "src/lib/migrations.ts"]
    found = json.loads(d1migrate(ROOT, "index", "--check", "--json"))["files"]
    assert [one["file"] for one in found] == [f"workers/{name}" for name in generated]


def rows(file: Path) -> dict[str, Any]:
    """All that a database has, without tokens and times."""
    with closing(sqlite3.connect(file)) as connection:

        def read(sql: str) -> list[Any]:
            return connection.execute(sql).fetchall()

        schema = read("SELECT type, name, tbl_name, sql FROM sqlite_schema ORDER BY type, name")
        tables = [
            name for kind, name, *_ in schema if kind == "table" and not name.startswith(("sqlite_", "_cf_"))
        ]
        found = {}
        for table in tables:
            columns = [name for (name,) in read(f"SELECT name FROM pragma_table_info('{table}')")]
            shown = [name for name in columns if name not in ("token", "at", "applied_at")]
            found[table] = read(f"SELECT {', '.join(shown)} FROM {table} ORDER BY 1")
    return {"schema": schema, **found}


@pytest.fixture(scope="module")
def typescript_bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What wrangler would upload."""
    folder = tmp_path_factory.mktemp("bundled")
    return bundle(copy_of_hummbl(folder), folder, *TYPESCRIPT)


def test_both_workers_leave_the_same(runtimes: Runtimes, typescript_bundle: Path) -> None:
    """Schema, history, log and rows."""
    files = []
    with Bundle(typescript_bundle) as server:
        for host, server_of in (
            (InPython(runtimes["3.14"], "sdk"), runtimes["3.14"]),
            (InTypeScript(server), server),
        ):
            worker = Worker(host)
            assert worker.migrate().status == 200
            files.append(rows(server_of.file(worker.database)))

    by_python, by_typescript = files
    assert [name for _, name in by_python["schema_migrations"]] == NAMES
    assert len(by_python["d1migrate_log"]) == 2 * len(NAMES)
    assert by_typescript == by_python


def test_the_free_plan(tmp_path: Path) -> None:
    """Fifty queries a request: a long way takes several requests, and says so."""
    folder = copy_of_hummbl(tmp_path)
    for number in range(100, 100 + MORE):
        (folder / "migrations" / f"{number}_more.sql").write_text(f"CREATE TABLE more_{number} (a);")
    d1migrate(tmp_path, "index")
    with Bundle(bundle(folder, tmp_path, *TYPESCRIPT)) as server:
        worker = Worker(InTypeScript(server))
        first = worker.migrate()
        closed = worker.ask("GET", "/workflows")
        second = worker.migrate()

    assert (first.status, first.json["message"]) == (202, "not all is done: send the same request again")
    assert first.calls["batch"] <= 50
    assert len(first.json["applied"]) > 40
    assert len(first.json["applied"] + first.json["pending"]) == len(NAMES) + MORE
    assert closed.status == 503
    assert (second.status, second.json["version"]) == (200, 99 + MORE)
    assert [step["name"] for step in second.json["applied"]] == first.json["pending"]


def test_wrangler_and_d1migrate_agree(tmp_path: Path) -> None:
    """`wrangler dev` serves the Worker; then wrangler's own commands and the command line read its database."""
    folder = copy_of_hummbl(tmp_path)
    (folder / ".dev.vars").write_text(f"ADMIN_TOKEN={TOKEN}\n")
    with Dev(command("dev", *TYPESCRIPT), folder, environment(tmp_path)) as dev:
        answer = dev.post("admin/migrate", {"Authorization": f"Bearer {TOKEN}"})
        health = dev.get("health")

    assert [step["name"] for step in answer["applied"]] == NAMES
    assert health == {"version": 3, "expected": 3, "agrees": True}
    query = "SELECT version, name FROM schema_migrations ORDER BY version"
    database = ["hummbl-workflows", "--local", *TYPESCRIPT]
    with Wrangler() as wrangler:
        selected = wrangler.run(folder, "d1", "execute", *database, "--json", "--command", query)
        listed = wrangler.run(folder, "d1", "migrations", "list", *database)
    (found,) = json.loads(selected.output[selected.output.index("[") :])
    assert found["results"] == [{"version": n, "name": name} for n, name in enumerate(NAMES, 1)]
    assert [name.removesuffix(".sql") for name in listed.names] == NAMES  # it has no table of wrangler's
    assert d1migrate(tmp_path, "status", "--check")
    assert d1migrate(tmp_path, "verify", "--check") == "files, history and schema agree\n"
