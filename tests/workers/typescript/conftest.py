"""A project that uses the TypeScript runtime, as its author would have it; and fresh databases for it."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from d1migrate.lint.replay.replayer import schemas_after
from d1migrate.migrate.compiled_index import compile_index
from d1migrate.migrate.table import VersionTable
from d1migrate.migrate.typescript_index import typescript_module
from d1migrate.project.files import load_migrations
from d1migrate.schema import digest, text_digest
from d1migrate.workers.typescript import runtime_module
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
    migrations = load_migrations(str(folder / "migrations"))
    schemas = digest.changes_of_each(schemas_after(migrations, VersionTable()), text_digest.changes)
    index = typescript_module(compile_index(migrations, VersionTable(), schemas))
    (folder / "migrations" / "index.ts").write_text(index, "utf-8")
    (folder / "src" / "lib").mkdir()
    (folder / "src" / "lib" / "migrations.ts").write_text(runtime_module(), "utf-8")
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
