"""A project whose models are in `app/models.py`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.cli.conftest import project as project

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.cli.project import Project

    Write = Callable[..., None]


@pytest.fixture
def models(project: Project) -> Write:
    """Write `app/models.py`, or another file of the project."""

    def write(text: str, file: str = "app/models.py") -> None:
        path = project.folder / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    return write
