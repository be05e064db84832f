"""Fixtures of the command-line tests."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.cli.project import Project

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Project:
    """An empty project as working directory, on the database app.db."""
    for name in ("D1MIGRATE_ENV", "D1MIGRATE_CONFIG", "D1MIGRATE_MIGRATIONS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("D1MIGRATE_DATABASE", "sqlite:app.db")
    monkeypatch.setenv("D1MIGRATE_BY", "tester")
    monkeypatch.chdir(tmp_path)
    return Project(tmp_path, capsys)
