"""A Django project in the test's folder."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.models.django.project import DjangoProject

if TYPE_CHECKING:
    from pathlib import Path

    from tests.runtime.conftest import Run


@pytest.fixture
def django(tmp_path: Path, run: Run) -> DjangoProject:
    """The project."""
    return DjangoProject(tmp_path, run)
