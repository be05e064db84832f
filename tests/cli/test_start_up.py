"""`status` imports only what it uses, because most of its time is import time."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.cli.project import Project

HEAVY = {
    *(
        "asyncio",
        "dataclasses",
        "email",
        "httpx",
        "inspect",
        "logging",
        "rich",
        "sqlite3",
        "tenacity",
        "urllib.request",
    ),
    *(
        "d1migrate.drafting",
        "d1migrate.drivers.rest",
        "d1migrate.lint",
        "d1migrate.rehearse",
        "d1migrate.schema",
    ),
    *("d1migrate.testing", "d1migrate.workers", "d1migrate.report.diagram", "d1migrate.report.shapes"),
}
PROGRAM = """
import sys
from d1migrate.cli import main
assert main(["status"]) == 0
print(*sys.modules)
"""


def test_status_imports_nothing_heavy(project: Project) -> None:
    """Neither libraries for other commands, nor our own packages for them."""
    project.standard()
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    ran = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        cwd=project.folder,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert HEAVY & set(ran.stdout.split()) == set()
