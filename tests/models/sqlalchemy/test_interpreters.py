"""Models that live in another environment: `--python`, and `python` in the configuration."""

from __future__ import annotations

import venv
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import sqlalchemy

if TYPE_CHECKING:
    from tests.cli.project import Project
    from tests.models.sqlalchemy.conftest import Write

MODELS = """\
from sqlalchemy import Column, Integer, MetaData, Table

metadata = MetaData()
Table("elsewhere", metadata, Column("id", Integer, primary_key=True))
"""
TO = ("--to", "python:shop.models:metadata")


@pytest.fixture
def environment(project: Project) -> Path:
    """An environment in the project, `.venv`, which alone has the models; it borrows this one's packages."""
    folder = project.folder / ".venv"
    venv.create(folder, with_pip=False, symlinks=True)
    (packages,) = folder.glob("lib/python*/site-packages")
    (packages / "borrowed.pth").write_text(f"{Path(sqlalchemy.__file__).parents[1]}\n")
    (packages / "shop").mkdir()
    (packages / "shop" / "models.py").write_text(MODELS)
    return folder


@pytest.mark.slow
def test_the_interpreter_of_another_environment(
    environment: Path, project: Project, models: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By flag, relative to the working directory; by configuration, relative to that."""
    refused = project.run("diff", *TO, code=2)
    assert "there is no module shop" in refused.err
    assert "--python" in refused.err
    assert "CREATE TABLE elsewhere" in project.run("diff", *TO, "--python", ".venv/bin/python", "-n").out
    (project.folder / "inner").mkdir()
    models("", "d1migrate.toml")
    monkeypatch.chdir(project.folder / "inner")
    assert "CREATE TABLE elsewhere" in project.run("diff", *TO, "--python", "../.venv/bin/python", "-n").out
    models(f'[schema]\nsource = "{TO[1]}"\npython = ".venv/bin/python"\n', "d1migrate.toml")
    assert "CREATE TABLE elsewhere" in project.run("diff", "-n").out
    assert not list(project.folder.rglob("__pycache__"))


@pytest.mark.slow
def test_an_environment_without_sqlalchemy(environment: Path, project: Project) -> None:
    """The error says which, and how to name another."""
    (packages,) = environment.glob("lib/python*/site-packages")
    (packages / "borrowed.pth").unlink()
    refused = project.run("diff", *TO, "--python", ".venv/bin/python", code=2)
    assert f"{environment}/bin/python has no SQLAlchemy" in refused.err
    assert "--python" in refused.err.partition("hint: ")[2]


@pytest.mark.parametrize("python", [".venv", "no/such/python", "no-such-python"])
def test_what_is_no_interpreter(python: str, project: Project, models: Write) -> None:
    """A folder, nothing, a word that is not on the PATH."""
    (project.folder / ".venv").mkdir()
    models(MODELS)
    refused = project.run("diff", "--to", "python:app.models:metadata", "--python", python, code=2)
    assert "there is no interpreter " in refused.err
    assert python in refused.err
    assert "such as .venv/bin/python" in refused.err
