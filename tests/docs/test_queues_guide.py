"""The guide to task queues: its modules are correct uses of d1migrate.

tests/runtime/test_dramatiq.py runs the module for Dramatiq. The other engines are not installed: their modules are checked
for syntax, names and types, in which everything of an engine is Any.
"""

from __future__ import annotations

import re
import subprocess
import sys
from typing import TYPE_CHECKING

from tests.runtime.workerd import ROOT

if TYPE_CHECKING:
    from pathlib import Path

GUIDE = ROOT / "docs" / "guides" / "task-queues.md"
IMPORTS = {
    "dramatiq": "",
    "celery": "from celery import Celery\n",
    "temporal": "from temporalio import activity\nfrom temporalio.exceptions import ApplicationError\n",
    "prefect": "from prefect import task\nfrom prefect.tasks import exponential_backoff\n",
    "cloudflare": "import migrations_index\nfrom workers import WorkerEntrypoint\n"
    "from d1migrate.fleet import migrate_one_async\nfrom d1migrate.migrate.source import load\n",
}
_PYTHON = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)
SAME = "import os\nfrom d1migrate.errors import Error\nfrom dramatiq_tasks import TEMPORARY, migrate_one, plan, FleetPlan\n"


def modules() -> dict[str, str]:
    """The Python of each section, by the name of the engine."""
    _, *sections = GUIDE.read_text().split("\n## ")
    found = {text.split()[0].lower(): _PYTHON.search(text) for text in sections}
    return {name: match[1] for name, match in found.items() if match}


def test_the_modules_of_all_engines(tmp_path: Path) -> None:
    """They have no name and no argument that does not exist."""
    assert modules().keys() == IMPORTS.keys()
    for name, code in modules().items():
        head = "" if name == "dramatiq" else SAME
        (tmp_path / f"{name}_tasks.py").write_text(head + IMPORTS[name] + code)
    options = ["--check-untyped-defs", "--ignore-missing-imports", "--disable-error-code", "misc"]
    cache = ["--cache-dir", str(ROOT / ".mypy_cache"), "--config-file", "/dev/null"]
    command = [sys.executable, "-m", "mypy", *options, *cache, *map(str, sorted(tmp_path.glob("*.py")))]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
