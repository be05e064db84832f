"""The guide to a fleet of Durable Objects: its commands run, and its Worker passes the type checker."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

from tests.docs.pages import check_commands
from tests.docs.test_docs import begin
from tests.docs.test_objects_guide import STRICT
from tests.runtime.workerd import MODULES, ROOT, node

if TYPE_CHECKING:
    from pathlib import Path

GUIDE = "docs/guides/fleet-of-objects.md"


def test_the_guide(tmp_path: Path) -> None:
    """Its output is what it shows."""
    folder, variables = begin(GUIDE, tmp_path)

    check_commands(ROOT / GUIDE, folder, variables)

    tsc = str(MODULES / "typescript" / "bin" / "tsc")
    files = ["src/index.ts", "worker-configuration.d.ts"]  # `wrangler types` wrote the second one
    command = [node(), tsc, *STRICT, "--target", "es2022", "--lib", "es2022", *files]
    subprocess.run(command, cwd=folder / "tenants", check=True)
