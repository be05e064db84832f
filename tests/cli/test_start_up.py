"""Commands import only what they use, because most of the time of a short one is import time."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.cli.project import Project

NEVER = {
    # Of the standard library, although small parts of it would be useful.
    *(
        "_hashlib",
        "argparse",
        "asyncio",
        "dataclasses",
        "datetime",
        "email",
        "gettext",
        "hashlib",
        "hmac",
        "importlib",
    ),
    *(
        "inspect",
        "locale",
        "logging",
        "pathlib",
        "shutil",
        "signal",
        "sqlite3",
        "tempfile",
        "tomllib",
        "typing",
    ),
    *("urllib.parse", "urllib.request"),
    *("argcomplete", "httpx", "json5", "rich", "tenacity", "tomli"),
    *("d1migrate.drafting", "d1migrate.fleet", "d1migrate.lint", "d1migrate.rehearse", "d1migrate.schema"),
    *("d1migrate.cli.fleet", "d1migrate.report.fleet", "d1migrate.report.fleet_progress"),
    *("d1migrate.cli.job", "d1migrate.cli.interrupts", "d1migrate.report.job_progress"),
    *("d1migrate.testing", "d1migrate.workers", "d1migrate.report.diagram", "d1migrate.report.shapes"),
    *("d1migrate.cli.argument_parser", "d1migrate.cli.mistakes", "d1migrate.drivers.rest"),
    # The SQL of files that are applied and unchanged.
    *(
        "d1migrate.migrate.contents",
        "d1migrate.migrate.rollback_block",
        "d1migrate.sql.split",
        "d1migrate.sql.tokens",
    ),
}
"""What no short command imports in a project without errors, whose migrations are applied."""
NOT_FOR_STATUS = {
    *(
        "d1migrate.cli.command_lines",
        "d1migrate.migrate.plan",
        "d1migrate.project.boundary",
        "d1migrate.project.gates",
    ),
    "d1migrate.report.values",
}
CONFIGURATION = """\
# What most projects have.
wrangler = "wrangler.jsonc"

[schema]
file = "schema.sql"
source = "command:'make schema' {db}"
python = ".venv/bin/python"

[env.local]
database = "wrangler:DB"
"""
FLEET = """
[fleet.tenants]
query = "SELECT database_id, name FROM tenants WHERE active"
env = "local"
migrations = "tenant"
waves = ["3", "2.5%", "rest"]
stop = "2%"
at_once = 16
create = true
reserve = "25%"

[fleet.tenants.schema]
source = "django:tenants.settings"
"""
WRANGLER = """\
{
  "name": "app", // the Worker
  "d1_databases": [{ "binding": "DB", "database_name": "app", "database_id": "0" },],
}
"""
PROGRAM = """
import sys
before = set(sys.modules)
from d1migrate.cli import main
assert main(sys.argv[1:]) == 0
print(*set(sys.modules) - before)
"""


@pytest.mark.parametrize("more", ["", FLEET], ids=["", "fleet"])
@pytest.mark.parametrize(
    ("command", "others"),
    [("status", NOT_FOR_STATUS), ("current", NOT_FOR_STATUS), ("history", set[str]()), ("up", set[str]())],
)
def test_imports_nothing_heavy(
    project: Project, monkeypatch: pytest.MonkeyPatch, command: str, others: set[str], more: str
) -> None:
    """Neither libraries for other commands, nor our own packages for them."""
    monkeypatch.delenv("D1MIGRATE_DATABASE")
    (project.folder / "d1migrate.toml").write_text(CONFIGURATION + more)
    (project.folder / "wrangler.jsonc").write_text(WRANGLER)
    project.standard()
    project.run("up")
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    ran = subprocess.run(
        [sys.executable, "-c", PROGRAM, command],
        cwd=project.folder,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    imported = set(ran.stdout.splitlines()[-1].split())
    assert "d1migrate.drivers.sqlite" in imported
    assert imported & (NEVER | others) == set()
