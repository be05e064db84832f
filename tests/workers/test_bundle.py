"""What is deployed: the bundle that the real wrangler makes of HUMMBL's project, and that it runs."""

from __future__ import annotations

import os
import runpy
import shutil
import subprocess
import sys
from importlib.metadata import PathDistribution
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from tests.runtime.hummbl import copy_of_hummbl
from tests.runtime.pyodide import PyodideWorkerd
from tests.runtime.workerd import ROOT, node

INSIDE = Path(__file__).with_name("inside")
MIGRATIONS = ROOT / "workers" / "migrations"


@pytest.fixture(scope="module")
def project(vendored: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """HUMMBL's project as `pywrangler sync` leaves it, which needs a network that tests do not have."""
    folder = copy_of_hummbl(tmp_path_factory.mktemp("project"))
    shutil.copytree(vendored, folder / "python_modules")
    return folder


@pytest.fixture(scope="module")
def bundle(project: Path) -> Path:
    """What `wrangler deploy` would upload."""
    own = {"CI": "1", "CLOUDFLARE_CF_FETCH_ENABLED": "false", "WRANGLER_SEND_METRICS": "false"}
    homes = dict.fromkeys(["HOME", "XDG_CONFIG_HOME"], str(project.parent / "home"))
    wrangler = ROOT / "node_modules" / "wrangler" / "bin" / "wrangler.js"
    done = subprocess.run(
        [node(), str(wrangler), "deploy", "--dry-run", "--outdir", "dist"],
        cwd=project,
        env={name: value for name, value in os.environ.items() if not name.startswith("CLOUDFLARE_")}
        | own
        | homes,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "WARNING" not in done.stdout + done.stderr
    return project / "dist"


def contents(folder: Path) -> dict[str, bytes]:
    """Every file below a folder."""
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_the_bundle_holds_every_file(bundle: Path, vendored: Path) -> None:
    """The package and the Worker's modules, byte for byte."""
    package = contents(vendored / "d1migrate")
    assert {"__init__.py", "workers/__init__.py", "py.typed"} <= package.keys()

    assert contents(bundle / "python_modules" / "d1migrate") == package
    for name in ("entry.py", "migrations_index.py"):
        assert (bundle / name).read_bytes() == (ROOT / "workers" / "src" / name).read_bytes()
    others = {name for name in contents(bundle) if not name.startswith("python_modules/")}
    assert others == {"README.md", "entry.py", "migrations_index.py"}  # nothing of the Worker in TypeScript


def test_the_package_is_this_one(vendored: Path) -> None:
    """What is vendored is the source, and nothing is missing in the wheel."""
    source = {
        name: data for name, data in contents(ROOT / "src" / "d1migrate").items() if not name.endswith(".pyc")
    }
    assert contents(vendored / "d1migrate") == source


def test_the_index_holds_the_files(bundle: Path) -> None:
    """The SQL that is deployed is the SQL of the files."""
    found = runpy.run_path(str(bundle / "migrations_index.py"))["MIGRATIONS"]

    assert {name: sql.encode() for name, sql in found} == {
        path.name: path.read_bytes() for path in MIGRATIONS.glob("*.sql")
    }


def test_the_index_is_up_to_date() -> None:
    """The committed one is what `d1migrate index` would write now."""
    done = subprocess.run(
        [sys.executable, "-m", "d1migrate", "index", "--check"], cwd=ROOT, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_worker_needs_nothing_else(vendored: Path) -> None:
    """The wheel is pure, and in a Worker it requires no other package."""
    (info,) = vendored.glob("d1migrate-*.dist-info")
    assert "Tag: py3-none-any\n" in (info / "WHEEL").read_text()
    requirements = [Requirement(text) for text in PathDistribution(info).requires or []]
    assert requirements
    for requirement in requirements:
        there = {"sys_platform": "emscripten", "extra": ""}
        assert requirement.marker, requirement
        assert not requirement.marker.evaluate(there), requirement


def test_the_bundle_runs(bundle: Path) -> None:
    """Laid out as in a Worker, it migrates a database."""
    token = "0123456789abcdefghijklmnopqrstuv"  # noqa: S105 - a database for a moment
    with PyodideWorkerd("3.14", [bundle / "python_modules", bundle, INSIDE]) as workerd:
        answer = workerd.call(
            "hummbl:fetch",
            database=workerd.database(),
            shape="sdk",
            env=True,
            vars={"ADMIN_TOKEN": token},
            method="POST",
            url="https://hummbl.example/admin/migrate",
            headers=[["Authorization", f"Bearer {token}"]],
        )
    assert (answer.result["status"], answer.result["json"]["version"]) == (200, 3)
