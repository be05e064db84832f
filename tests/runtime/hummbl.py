"""HUMMBL's project, for the tests that run tools in it."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from tests.runtime.workerd import ROOT

if TYPE_CHECKING:
    from pathlib import Path

NAMES = ["001_initial_schema", "002_add_api_keys_table", "003_add_users_table"]
_LEFT_OUT = (".wrangler", ".dev.vars", ".venv*", "python_modules", "dist", "__pycache__")


def copy_of_hummbl(folder: Path) -> Path:
    """Put the project into a folder, without a database: the folder of its Workers."""
    shutil.copytree(ROOT / "workers", folder / "workers", ignore=shutil.ignore_patterns(*_LEFT_OUT))
    shutil.copy(ROOT / "d1migrate.toml", folder)
    return folder / "workers"
