"""The guide to TypeScript Workers: its project is built and asked as it says; then its types are checked."""

from __future__ import annotations

import json
import re
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from tests.docs.pages import ROOT, check_commands, environment, required
from tests.runtime.bundle import Bundle, bundle
from tests.runtime.workerd import MODULES, node

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

GUIDE = ROOT / "docs" / "guides" / "typescript-worker.md"
DETAILS = ROOT / "docs" / "concepts" / "workers.md"
TOKEN = "0123456789abcdefghijklmnopqrstuv"  # noqa: S105 - a database for a moment
DOWN = [{"batch": number, "do": "throw before"} for number in range(9)]


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project after all commands of the guide, whose output is what it says."""
    home = tmp_path_factory.mktemp("home")
    check_commands(GUIDE, home, environment(home, required(GUIDE.read_text())))
    return home / "notes"


@pytest.fixture(scope="module")
def worker(project: Path) -> Iterator[Bundle]:
    """Its Worker."""
    with Bundle(bundle(project, project.parent)) as server:
        yield server


def ask(
    worker: Bundle, database: str, header: str = f"Bearer {TOKEN}", *, method: str = "POST", **options: Any
) -> tuple[int, Any, int]:
    """Send the request of the guide: status, JSON, queries."""
    options = {"variables": {"ADMIN_TOKEN": TOKEN}, **options}
    headers = [["Authorization", header]]
    answer = worker.send(database, method, "https://notes.example/admin/migrate", headers=headers, **options)
    return answer["status"], json.loads(answer["text"] or "null"), answer["calls"]["batch"]


def test_its_types(project: Path) -> None:
    """`tsc --strict`, with the types that wrangler wrote."""
    options = {"strict": True, "module": "esnext", "moduleResolution": "bundler", "noEmit": True, "types": []}
    config = {"compilerOptions": options | {"target": "es2024", "lib": ["es2024"]}, "include": ["**/*.ts"]}
    (project / "tsconfig.json").write_text(json.dumps(config))
    tsc = [node(), str(MODULES / "typescript" / "bin" / "tsc")]
    done = subprocess.run(tsc, cwd=project, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_its_length() -> None:
    """It is read in five minutes."""
    assert len(GUIDE.read_text().splitlines()) <= 150


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer undefined", "Bearer x", TOKEN, f"Bearer {TOKEN}x"])
@pytest.mark.parametrize("secrets", [{"ADMIN_TOKEN": TOKEN}, {"ADMIN_TOKEN": ""}, {}])
def test_without_the_token(worker: Bundle, header: str, secrets: dict[str, str]) -> None:
    """It is refused, and without a secret nobody gets in."""
    assert ask(worker, worker.database(), header, variables=secrets) == (401, None, 0)


def test_another_method(worker: Bundle) -> None:
    """A link that somebody follows migrates nothing."""
    assert ask(worker, worker.database(), method="GET") == (401, None, 0)


def test_a_database_that_fails(worker: Bundle) -> None:
    """The answer has the class of the error."""
    status, body, _ = ask(worker, worker.database(), faults=DOWN)
    assert (status, body["name"]) == (500, "UnavailableError")


def test_what_it_costs(worker: Bundle) -> None:
    """As the guide says: one query when there is nothing to do."""
    database = worker.database()
    assert ask(worker, database) == (200, {"applied": ["0001_notes"]}, 3)
    assert ask(worker, database) == (200, {"applied": []}, 1)


def test_at_the_top_of_a_request(project: Path) -> None:
    """The Worker of the page with the details: it migrates at the first request, and accepts what is newer."""
    (code,) = (
        block for block in re.findall(r"```ts\n(.*?)```", DETAILS.read_text(), re.DOTALL) if "fetch(" in block
    )
    (project / "src" / "index.ts").write_text(code)
    with Bundle(bundle(project, project.parent)) as server:
        assert server.fetch("/") == {"version": 1}
        server.execute("d1-0", "INSERT INTO d1_migrations (name) VALUES ('0002_later.sql')")
        assert server.fetch("/") == {"version": 2}
