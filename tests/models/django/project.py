"""A Django project that a test makes, with d1migrate beside it."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from tests.cli.project import Outcome
    from tests.runtime.conftest import Run

SOURCE = "django:mysite.settings"
DATABASE = "db.sqlite3"
SETTINGS = f"""
SECRET_KEY = "secret"
INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sites",
    "shop",
]
DATABASES = {{"default": {{"ENGINE": "django.db.backends.sqlite3", "NAME": "{DATABASE}"}}}}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
USE_TZ = True
"""
CONFIGURATION = f"""
migrations = "migrations"
[schema]
source = "{SOURCE}"
[env.local]
database = "sqlite:{DATABASE}"
"""
MANAGE = """
import os, sys
os.environ["DJANGO_SETTINGS_MODULE"] = "mysite.settings"
from django.core.management import execute_from_command_line
execute_from_command_line(sys.argv)
"""
HEADER = "import uuid\nfrom django.db import models\nfrom django.utils import timezone\n\n"


class DjangoProject:
    """The project: `mysite` with one app, `shop`, and both tools in its folder.

    Attributes:
        path: the folder.
        python: the interpreter that runs `manage.py`.
    """

    def __init__(self, path: Path, run: Run) -> None:
        self.path, self._run, self.python = path, run, sys.executable
        self.write(
            {
                "manage.py": MANAGE,
                "mysite/settings.py": SETTINGS,
                "shop/__init__.py": "",
                "shop/migrations/__init__.py": "",
                "d1migrate.toml": CONFIGURATION,
            }
        )
        (path / "migrations").mkdir()

    def write(self, files: Mapping[str, str]) -> None:
        """Write files, with their folders."""
        for name, text in files.items():
            file = self.path / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)

    def models(self, text: str) -> None:
        """Write the models of `shop`."""
        self.write({"shop/models.py": HEADER + text})

    def d1migrate(self, *arguments: str, code: int | None = 0) -> Outcome:
        """Run a command of d1migrate, and check its exit code."""
        return self._run(self.path, *arguments, code=code)

    def manage(self, *arguments: str, code: int = 0) -> str:
        """Run `manage.py`, check its exit code, and return what it prints."""
        words = [self.python, "-B", "manage.py", *arguments]
        environment = {key: value for key, value in os.environ.items() if key != "DJANGO_SETTINGS_MODULE"}
        ended = subprocess.run(
            words, cwd=self.path, env=environment, capture_output=True, text=True, check=False
        )
        assert ended.returncode == code, f"{arguments}: {ended.returncode}\n{ended.stdout}\n{ended.stderr}"
        return ended.stdout + ended.stderr

    def sql(self) -> str:
        """Return the text of the last migration."""
        return max((self.path / "migrations").iterdir()).read_text()
