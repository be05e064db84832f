"""What is read from the files of Alembic and Django: literals and imports, and nothing is run."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from d1migrate.project.model_tools import find

if TYPE_CHECKING:
    from pathlib import Path

INI = "[alembic]\nscript_location = %(here)s/alembic\nprepend_sys_path = .\n"
BASE = "class Base(DeclarativeBase):\n    pass\n"
FILES = {
    "app/__init__.py": "",
    "app/models.py": f"from sqlalchemy.orm import DeclarativeBase\n{BASE}",
    "app/db.py": f"from sqlalchemy.orm import DeclarativeBase\n{BASE}",
    "app/tables.py": "from app.db import Base\n",
    "app/config.py": "settings = None\n",
    "app/rooms.py": "from sqlmodel import Field, SQLModel\n",
}
MANAGE = """\
import os, sys
raise SystemExit("this is not run")


def main():
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", {})
"""


def write(folder: Path, files: dict[str, str]) -> None:
    """Write files, with their folders."""
    for path, text in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(
    ("env", "source"),
    [
        ("from app.models import Base\ntarget_metadata = Base.metadata", "app.models:Base.metadata"),
        ("from app.models import Base as B\ntarget_metadata: MetaData = B.metadata", "app.models:Base.metadata"),
        ("import app.models\ntarget_metadata = app.models.Base.metadata", "app.models:Base.metadata"),
        ("import app.models as m\ntarget_metadata = m.Base.metadata", "app.models:Base.metadata"),
        ("from app import models\ntarget_metadata = models.Base.metadata", "app.models:Base.metadata"),
        ("from app.models import metadata\ntarget_metadata = metadata", "app.models:metadata"),
        ("from installed.models import Base\ntarget_metadata = Base.metadata", "installed.models:Base.metadata"),
        ("target_metadata = None\nfrom app.db import Base\ntarget_metadata = Base.metadata", "app.db:Base.metadata"),
        # What is imported only to register models leads to the module that has them.
        ("from app.db import Base\nfrom app import tables\ntarget_metadata = Base.metadata", "app.tables:Base.metadata"),
        ("from app.db import Base\nimport app.tables\ntarget_metadata = Base.metadata", "app.tables:Base.metadata"),
        ("from app.tables import *\ntarget_metadata = Base.metadata", "app.tables:Base.metadata"),
        ("from sqlmodel import SQLModel\nfrom app import rooms\ntarget_metadata = SQLModel.metadata",
         "app.rooms:SQLModel.metadata"),
        ("from app.config import settings\nfrom app.db import Base\ntarget_metadata = Base.metadata\nprint(settings)",
         "app.db:Base.metadata"),
        # What cannot be known.
        ("target_metadata = None", None),
        ("target_metadata = load()", None),
        ("target_metadata = unknown.metadata", None),
        ("from app.models import Base\ntarget_metadata = [Base.metadata]", None),
        ("from sqlmodel import SQLModel\ntarget_metadata = SQLModel.metadata", None),
        ("from app.db import Base\nfrom app import config\ntarget_metadata = Base.metadata", None),
        ("from app.db import Base\nfrom app import tables, rooms\ntarget_metadata = Base.metadata", None),
        ("import app.models\ntarget_metadata = app.models", None),
        ("this is not Python", None),
        ("(" * 5000, None),
        ("\0", None),
        ("", None),
    ],
)  # fmt: skip
def test_alembic(tmp_path: Path, env: str, source: str | None) -> None:
    """The models are those that env.py compares."""
    write(tmp_path, FILES | {"alembic.ini": INI, "alembic/env.py": env})
    found = find(".")
    assert found
    assert (found.tool, found.config) == ("Alembic", "alembic.ini")
    assert found.source == (source and f"python:{source}")


def test_a_package_in_src(tmp_path: Path) -> None:
    """It is found there, too."""
    env = "from app.db import Base\nfrom app import tables\ntarget_metadata = Base.metadata\n"
    files = {f"src/{path}": text for path, text in FILES.items()}
    write(tmp_path, files | {"alembic.ini": INI, "alembic/env.py": env})
    found = find(".")
    assert found
    assert found.source == "python:app.tables:Base.metadata"


@pytest.mark.parametrize(
    ("name", "text", "folder"),
    [
        ("alembic.ini", "[alembic]\nscript_location: db/alembic\n", "db/alembic"),
        ("alembic.ini", "[alembic]\nscript_location = app:alembic\n", "app/alembic"),
        ("pyproject.toml", '[tool.alembic]\nscript_location = "%(here)s/alembic"\n', "alembic"),
    ],
)
def test_places_of_alembic(tmp_path: Path, name: str, text: str, folder: str) -> None:
    """An alembic.ini or a pyproject.toml names the folder of env.py."""
    env = "from app.models import Base\ntarget_metadata = Base.metadata\n"
    write(tmp_path, FILES | {name: text, f"{folder}/env.py": env})
    found = find(".")
    assert found
    assert (found.config, found.source) == (name, "python:app.models:Base.metadata")


@pytest.mark.parametrize(
    ("settings", "source"),
    [
        ('"mysite.settings"', "django:mysite.settings"),
        ('"mysite.settings.local"', "django:mysite.settings.local"),
        ("NAME", None),
        ('f"{name}.settings"', None),
        ('"my-site.settings"', None),
    ],
)
def test_django(tmp_path: Path, settings: str, source: str | None) -> None:
    """A manage.py names the settings."""
    write(tmp_path, {"manage.py": MANAGE.format(settings)})
    found = find(".")
    assert (found and found.source) == source
    if found:
        assert (found.tool, found.config, found.history) == ("Django", "manage.py", "django_migrations")


@pytest.mark.parametrize(
    ("text", "database"),
    [
        ('NAME = BASE_DIR / "db.sqlite3"', "db.sqlite3"),
        ('NAME = "shop.db"', None),
        ("# db.sqlite3", None),
        ("NAME = (", None),
    ],
)
def test_the_file_of_django(tmp_path: Path, text: str, database: str | None) -> None:
    """It is known if the settings have the name that `startproject` writes."""
    write(tmp_path, {"manage.py": MANAGE.format('"mysite.settings"'), "mysite/settings.py": text})
    found = find(".")
    assert found
    assert found.database == database


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("alembic.ini", "[alembic]\n"),
        ("alembic.ini", ""),
        ("pyproject.toml", "[tool.alembic\n"),
        ("pyproject.toml", "[tool]\nalembic = 1\n"),
        ("pyproject.toml", "tool = 1\n"),
        ("pyproject.toml", "[tool.alembic]\nscript_location = 1\n"),
        ("manage.py", "print()\n"),
        ("manage.py", 'os.environ.setdefault("DJANGO_SETTINGS_MODULE")\n'),
        ("manage.py/file", ""),
    ],
)
def test_neither(tmp_path: Path, name: str, text: str) -> None:
    """A file that declares nothing is not an error."""
    write(tmp_path, {name: text})
    assert find(".") is None
