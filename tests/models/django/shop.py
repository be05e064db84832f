"""The sample project in a folder, and its database: the local D1, or the real D1 behind Cloudflare's API."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from tests.models.django.sample import ADMIN, ON_D1, PEOPLE, SETTINGS, SHOP

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tests.cli.project import Outcome
    from tests.models.django.sample import Change
    from tests.runtime.cloudflare import Cloudflare
    from tests.runtime.conftest import Run
    from tests.runtime.local import Project

USE = Path(__file__).with_name("use.py")
CONFIGURATION = '[schema]\nsource = "django:mysite.settings"\n'
DATABASE = {"binding": "DB", "database_name": "shop", "database_id": "0a1b"}


class Place(Protocol):
    """A database, past d1migrate.

    Attributes:
        url: what d1migrate is given.
        settings: the module of Django's settings that uses it.
    """

    url: str
    settings: str

    @property
    def uses(self) -> Sequence[str]:
        """What the application does with it, see use.py: all that the backend can."""

    def variables(self) -> Mapping[str, str]:
        """What the settings read from the environment."""

    def read(self, query: str) -> Sequence[Sequence[Any]]:
        """The rows of a query."""

    def change(self, script: str) -> None:
        """Change the database as an application does."""


class Local:
    """The file of wrangler's local D1, with Django's own backend."""

    url, settings = "wrangler:DB", "mysite.settings"
    uses = ("read", "edit", "write", "admin")

    def __init__(self, project: Project) -> None:
        self._project = project

    def variables(self) -> Mapping[str, str]:
        """The file, if there is one."""
        found = self._project.databases()
        return {"SHOP_DATABASE": str(found[0])} if found else {}

    def read(self, query: str) -> Sequence[Sequence[Any]]:
        """The rows of a query."""
        return [list(row) for row in self._project.read(query)]

    def change(self, script: str) -> None:
        """Change the file."""
        self._project.change(script)


class Remote:
    """The real D1, behind what stands in for Cloudflare's API, with the backend from PyPI."""

    settings = "mysite.on_d1"
    uses = ("read", "edit")

    def __init__(self, server: Cloudflare, database: str | None = None) -> None:
        self._server = server
        self.id = database or server.create("shop")
        self.url = "d1:shop"

    def variables(self) -> Mapping[str, str]:
        """The account, the database, and where the API is."""
        address = self._server.origin.removeprefix("http://")
        return {**self._server.environment, "SHOP_DATABASE": self.id, "SHOP_API": address}

    def read(self, query: str) -> Sequence[Sequence[Any]]:
        """The rows of a query."""
        return self._server.sql(self.id, query)[0]

    def change(self, script: str) -> None:
        """Change the database past the API."""
        self._server.sql(self.id, script)


class Shop:
    """The project: its models as they are now, and its database."""

    def __init__(self, project: Project, place: Place, run: Run) -> None:
        self.project, self.place, self._run = project, place, run
        project.configure({"d1_databases": [DATABASE]})
        self._python("-m", "django", "startproject", "mysite", ".")
        for app in ("people", "shop"):
            self.manage("startapp", app, settings="mysite.settings")
        settings = project.path / "mysite" / "settings.py"
        text = settings.read_text()
        project.write(
            {
                "mysite/settings.py": f"import os\n{text}{SETTINGS}",
                "mysite/on_d1.py": ON_D1,
                "shop/admin.py": ADMIN,
                "d1migrate.toml": CONFIGURATION,
            }
        )
        self.edit({"people": PEOPLE, "shop": SHOP})

    def edit(self, models: dict[str, str]) -> None:
        """Change the models of the apps."""
        self.models = models
        self.project.write({f"{app}/models.py": text for app, text in models.items()})

    def change(self, change: Change) -> str:
        """Change the models, and let Django write its migrations; what it says."""
        self.edit(change.edit(self.models))
        return self.manage("makemigrations", answers=change.answers, settings="mysite.settings")

    def d1migrate(self, *arguments: str, code: int = 0) -> Outcome:
        """Run a command of d1migrate."""
        return self._run(self.project.path, *arguments, "--database", self.place.url, code=code)

    def manage(self, *arguments: str, answers: str = "", settings: str = "", code: int = 0) -> str:
        """Run `manage.py` on the database, check its exit code, and return what it prints."""
        return self._python("manage.py", *arguments, answers=answers, settings=settings, code=code)

    def use(self, *what: str) -> str:
        """Do what an application does; see use.py."""
        return self._python(str(USE), *what)

    def _python(self, *words: str, answers: str = "", settings: str = "", code: int = 0) -> str:
        own = {"DJANGO_SETTINGS_MODULE": settings or self.place.settings, **self.place.variables()}
        ended = subprocess.run(
            [sys.executable, "-B", *words],
            cwd=self.project.path,
            env=os.environ | own,
            input=answers,
            capture_output=True,
            text=True,
            check=False,
        )
        assert ended.returncode == code, f"{words}: {ended.returncode}\n{ended.stdout}\n{ended.stderr}"
        return ended.stdout + ended.stderr
