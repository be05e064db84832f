"""The guide to models in a Python Worker: its project is built as it says, and its FastAPI runs inside workerd."""

from __future__ import annotations

import gzip
import json
import re
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from tests.docs.pages import ROOT, check_commands, environment, required
from tests.runtime.answers import InsideError
from tests.runtime.pyodide import PYTHONS, SDK, SHAPES, PyodideWorkerd, Python, Shape, vendor

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.slow

GUIDE = ROOT / "docs" / "guides" / "models-in-a-python-worker.md"
INSIDE = ROOT / "tests" / "workers" / "inside"
PIP = (sys.executable, "-m", "pip")
FOR_WORKERS = (
    "--only-binary",
    ":all:",
    "--python-version",
    "3.14",
    "--platform",
    "pyemscripten_2026_0_wasm32",
)
DRIVER = "sqlalchemy-cloudflare-d1==0.4.1"  # the guide names what this version does
NOTE = {"author": "Ada", "text": "call Bob"}


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project after all commands of the guide, which install from a folder instead of PyPI."""
    wheels, home = tmp_path_factory.mktemp("wheels"), tmp_path_factory.mktemp("home")
    subprocess.run([*PIP, "wheel", "--quiet", "--no-deps", "--wheel-dir", wheels, ROOT], check=True)
    packages = ["fastapi", "sqlalchemy==2.1.*", DRIVER, SDK]
    subprocess.run([*PIP, "download", "--quiet", *FOR_WORKERS, "--dest", wheels, *packages], check=True)
    own = {"PIP_FIND_LINKS": str(wheels), "PIP_NO_INDEX": "1"}
    check_commands(GUIDE, home, environment(home, required(GUIDE.read_text())) | own)
    return home / "notes"


@pytest.fixture(scope="module")
def worker(project: Path) -> Iterator[PyodideWorkerd]:
    """The bundle that wrangler made, inside workerd."""
    dist = project / "dist"
    with PyodideWorkerd("3.14", [dist / "python_modules", dist, INSIDE]) as workerd:
        yield workerd


def ask(worker: PyodideWorkerd, database: str, shape: Shape, note: object = None) -> tuple[int, Any, int]:
    """Send a note, or read all of them: status, JSON, and the queries of d1migrate."""
    answer = worker.call(
        "hummbl:fetch",
        database=database,
        shape=shape,
        env=True,
        method="GET" if note is None else "POST",
        url="https://notes.example/notes",
        headers=[["Content-Type", "application/json"]],
        body=None if note is None else json.dumps(note),
    )
    return answer.result["status"], answer.result["json"], answer.calls["batch"]


@pytest.mark.parametrize("shape", SHAPES)
def test_requests_read_and_write(worker: PyodideWorkerd, shape: Shape) -> None:
    """The first one migrates; all of them use the models, with the column that was added later."""
    database = worker.database()

    assert ask(worker, database, shape, NOTE) == (201, {"id": 1}, 2 + 2)
    assert ask(worker, database, shape, NOTE) == (201, {"id": 2}, 1)
    assert ask(worker, database, shape) == (200, [NOTE | {"done": False}] * 2, 1)
    assert ask(worker, database, shape, {"author": "Ada"})[0] == 422


def test_the_upload_is_as_large_as_the_guide_says(project: Path) -> None:
    """Compressed, as wrangler prints it."""
    files = sorted(path for path in (project / "dist").rglob("*") if path.is_file())
    size = len(gzip.compress(b"".join(path.read_bytes() for path in files)))

    assert 5 < size / 2**20 < 10


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """SQLAlchemy and its driver for every Python; no FastAPI, of which Pydantic is compiled for each."""
    folder = vendor(tmp_path_factory.mktemp("python_modules"))
    target = ["--quiet", "--no-compile", "--no-deps", "--only-binary", ":all:", "--platform", "any"]
    packages = ["sqlalchemy==2.1.*", "typing-extensions", DRIVER]
    subprocess.run([*PIP, "install", *target, "--target", folder, "--upgrade", *packages], check=True)
    return folder


@pytest.fixture(scope="module", params=PYTHONS)
def python(request: pytest.FixtureRequest) -> Python:
    """Each Python of Workers."""
    version: Python = request.param
    return version


@pytest.fixture(scope="module")
def orm(python: Python, packages: Path) -> Iterator[PyodideWorkerd]:
    """SQLAlchemy inside workerd."""
    with PyodideWorkerd(python, [packages, INSIDE]) as workerd:
        yield workerd


@pytest.mark.parametrize("shape", SHAPES)
def test_what_the_driver_does(orm: PyodideWorkerd, python: Python, shape: Shape) -> None:
    """The list at the end of the guide; whoever fixes the driver makes this fail."""

    def ask(function: str) -> Any:
        return orm.call(f"orm:{function}", database=orm.database(), shape=shape).result

    assert ask("crud") == [1, "call Bob"]
    assert ask("rolled_back") == 1
    assert ask("violated") == "OperationalError"
    stored = ask("stored")
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", stored.pop("made"))
    assert stored == {"status": "done", "due": "2026-01-02T03:04:05"}
    assert "'done' is not among the defined enum values" in ask("named")
    if python == "3.12":
        with pytest.raises(InsideError, match="D1_TYPE_ERROR"):
            ask("without_name")
    else:
        assert ask("without_name")
    assert "greenlet" in ask("asynchronous")
