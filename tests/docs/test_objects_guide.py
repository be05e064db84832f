"""The guides to Durable Objects: their commands run, and their Workers pass the type checker."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.docs.pages import check_commands
from tests.docs.test_docs import begin
from tests.runtime.workerd import MODULES, ROOT, node

if TYPE_CHECKING:
    from pathlib import Path

GUIDES = ("docs/guides/durable-objects.md", "docs/guides/fleet-of-objects.md")
STRICT = ["--noEmit", "--strict", "--module", "esnext", "--moduleResolution", "bundler"]


@pytest.mark.parametrize("guide", GUIDES)
def test_the_guide(guide: str, tmp_path: Path) -> None:
    """Its output is what it shows; tests/docs/test_worker_guide.py runs the class in Python."""
    folder, variables = begin(guide, tmp_path)

    check_commands(ROOT / guide, folder, variables)

    tsc = str(MODULES / "typescript" / "bin" / "tsc")
    files = ["src/index.ts", "worker-configuration.d.ts"]  # `wrangler types` wrote the second one
    command = [node(), tsc, *STRICT, "--target", "es2022", "--lib", "es2022", *files]
    subprocess.run(command, cwd=folder / "tenants", check=True)
