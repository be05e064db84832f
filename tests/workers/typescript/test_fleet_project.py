"""A project with the Workflow of a fleet, as its author has it: its types, its bundle and wrangler's commands."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.runtime.bundle import bundle
from tests.runtime.fleet import project
from tests.workers.typescript.test_types import generated_types, tsc

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.slow
SOURCES = ("src/index.ts", "src/accepted.ts")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project."""
    return project(tmp_path_factory.mktemp("fleet") / "app")


def test_with_the_types_of_workers(folder: Path) -> None:
    """In the strictest configuration."""
    assert tsc(folder, *SOURCES, types=["@cloudflare/workers-types"]) == ""


def test_with_the_types_that_wrangler_generates(folder: Path, tmp_path: Path) -> None:
    """The file of `wrangler types`, which replaces the package; its `Env` has the Workflow's parameters."""
    assert tsc(folder, *SOURCES, generated_types(folder, tmp_path)) == ""


def test_an_older_style_of_project(folder: Path) -> None:
    """Without the strict options that a project may not have yet."""
    relaxed = {"strict": False, "exactOptionalPropertyTypes": False, "verbatimModuleSyntax": False}

    assert tsc(folder, "src/index.ts", types=["@cloudflare/workers-types"], **relaxed) == ""


def test_wrangler_bundles_it(folder: Path, tmp_path: Path) -> None:
    """As one module, which imports only what the platform has."""
    module = bundle(folder, tmp_path)

    lines = module.read_text().splitlines()
    imports = [line for line in lines if line.startswith("import ")]
    assert all('"cloudflare:' in line for line in imports), imports
    assert {path.name for path in module.parent.iterdir()} == {"index.js", "index.js.map", "README.md"}
