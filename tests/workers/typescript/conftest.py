"""A project that uses the TypeScript runtime, as its author would have it; and fresh databases for it."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.runtime.workerd import MODULES, ROOT

if TYPE_CHECKING:
    from d1migrate.migrate.table import Shape
    from tests.runtime.typescript import TypeScriptWorkerd

CONSUMER = Path(__file__).with_name("consumer")


@pytest.fixture(scope="session")
def consumer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder `consumer` with HUMMBL's migrations, their index and the runtime."""
    folder = tmp_path_factory.mktemp("consumer") / "app"
    shutil.copytree(CONSUMER, folder)
    shutil.copytree(ROOT / "workers" / "migrations", folder / "migrations")
    (folder / "node_modules").symlink_to(MODULES, target_is_directory=True)
    written = ["--output", "migrations/index.ts", "--runtime", "src/lib/migrations.ts"]
    subprocess.run([sys.executable, "-m", "d1migrate", "index", *written], cwd=folder, check=True)
    return folder


@pytest.fixture(params=["versions", "names"])
def shape(request: pytest.FixtureRequest) -> Shape:
    """Each shape of the migrations table."""
    name: Shape = request.param
    return name


@pytest.fixture(params=["D1", "object"])
def place(request: pytest.FixtureRequest, typescript: TypeScriptWorkerd) -> str:
    """A fresh D1 database, and a fresh object."""
    return typescript.database() if request.param == "D1" else typescript.new_object()
