"""The next Django, in an interpreter of its own: it needs a newer Python than the oldest one we run on."""

from __future__ import annotations

import os
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.models.django.test_tables import FIELDS, IMPORTS, RELATIONS

if TYPE_CHECKING:
    from pathlib import Path

    from tests.models.django.project import DjangoProject


@pytest.fixture(scope="module")
def django_6(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An interpreter that has Django 6."""
    folder = tmp_path_factory.mktemp("django-6")
    for version in ("3.12", "3.13", "3.14"):
        python = shutil.which(f"python{version}")
        if python and _succeeds(python, "-m", "venv", str(folder), PYENV_VERSION=version):
            pip = str(folder / "bin" / "pip")
            if _succeeds(pip, "install", "-q", "--disable-pip-version-check", "django>=6,<7"):
                return folder / "bin" / "python"
            pytest.skip("Django 6 cannot be installed: no package index can be reached")
    pytest.skip("no Python 3.12 or later, which Django 6 needs, is on the PATH")


def _succeeds(*words: str, **variables: str) -> bool:
    environment = os.environ | variables  # pyenv runs only the version that is chosen
    return subprocess.run(words, env=environment, capture_output=True, check=False).returncode == 0


@pytest.mark.slow
def test_django_6(django: DjangoProject, django_6: Path) -> None:
    """From models to a database that Django itself agrees on."""
    django.python = str(django_6)
    django.models(IMPORTS + FIELDS + RELATIONS)
    django.manage("makemigrations", "shop")
    django.d1migrate("diff", "--python", django.python)
    assert django.d1migrate("diff", "--check", "--python", django.python).err.endswith("no difference\n")
    django.d1migrate("up")
    django.manage("migrate", "--check")
    assert "[ ]" not in django.manage("showmigrations")
    assert "No changes detected" in django.manage("makemigrations", "--check", "--dry-run")
