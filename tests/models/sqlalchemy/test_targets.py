"""`python:MODULE:OBJECT`: what the object can be, and where the module is imported from."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.cli.project import Project
    from tests.models.sqlalchemy.conftest import Write

MODELS = """\
from sqlalchemy import Column, Integer, MetaData, Table, case
from sqlalchemy.orm import DeclarativeBase, Mapped, declarative_base, mapped_column, registry
from sqlmodel import Field, SQLModel

class Base(DeclarativeBase):
    pass

class User(Base):
    __tablename__ = "users"
    id: Mapped[int] = mapped_column(primary_key=True)

Old = declarative_base()

class Team(Old):
    __tablename__ = "teams"
    id = Column(Integer, primary_key=True)

class Hero(SQLModel, table=True):
    id: int | None = Field(default=None, primary_key=True)

core = MetaData()
Table("plain", core, Column("id", Integer, primary_key=True))
mappers = registry(metadata=core)

class Holder:
    class inner:
        metadata = core

every = [Base, Old.metadata, core, Base.metadata]

class Proxy:
    def __getattr__(self, name):
        raise RuntimeError("outside of a request")

request = Proxy()

def make():
    return tuple(every)
"""


@pytest.mark.parametrize(
    ("path", "tables"),
    [
        ("Base", "users"),
        ("Base.metadata", "users"),
        ("User", "users"),
        ("Old", "teams"),
        ("Old.metadata", "teams"),
        ("SQLModel", "hero"),
        ("SQLModel.metadata", "hero"),
        ("core", "plain"),
        ("mappers", "plain"),
        ("Holder.inner.metadata", "plain"),
        ("every", "users teams plain"),
        ("make", "users teams plain"),
    ],
)
def test_objects(path: str, tables: str, project: Project, models: Write) -> None:
    """All that has a metadata, a list of such, and a function that returns it."""
    models(MODELS)
    models("[schema]\nsource = 'python:app.models:" + path + "'\n", "d1migrate.toml")
    project.run("diff")
    (file,) = project.migrations.iterdir()
    created = {line.split()[2] for line in file.read_text().splitlines() if line.startswith("CREATE TABLE")}
    assert created == set(tables.split())
    assert not list(project.folder.rglob("__pycache__"))


def test_the_module_is_imported_from_the_projects_folder(
    project: Project, models: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Wherever the command is given."""
    models(MODELS)
    models("", "d1migrate.toml")
    models("", "app/inner/__init__.py")
    monkeypatch.chdir(project.folder / "app" / "inner")
    assert "CREATE TABLE users" in project.run("diff", "--to", "python:app.models:Base", "--dry-run").out


def test_the_src_layout_needs_pythonpath(
    project: Project, models: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The hint has it."""
    models(MODELS, "src/shop/models.py")
    flags = ("diff", "--to", "python:shop.models:Base", "--dry-run")
    refused = project.run(*flags, code=2).err
    assert "there is no module shop" in refused
    assert "set PYTHONPATH=src" in refused
    monkeypatch.setenv("PYTHONPATH", "src")
    assert "CREATE TABLE users" in project.run(*flags).out


@pytest.mark.parametrize(
    ("target", "message", "hint"),
    [
        ("app.models", "which object of app.models?", "--to python:app.models:Base or --to python:app.models:Old or"),
        ("app.model:Base", "there is no module app.model", "did you mean app.models?"),
        ("ap.models:Base", "there is no module ap", "did you mean app?"),
        ("app/models.py:Base", "there is no module app/models", "a module is named with dots: app.models"),
        ("nothing:Base", "there is no module nothing", "Python looks for it in"),
        ("app.models.Base", "there is no module app.models.Base", "did you mean app.models:Base?"),
        ("app.models.Base.metadata", "there is no module app.models.Base", "did you mean app.models:Base.metadata?"),
        (".models:Base", "'.models' is not a module", "with dots: app.models"),
        (":Base", "'' is not a module", "with dots: app.models"),
        ("app.models:base", "the module app.models has no base", "did you mean Base?"),
        ("app.models:Bse", "the module app.models has no Bse", "did you mean Base?"),
        ("app.models:xyz", "the module app.models has no xyz", "--to python:app.models:Base or"),
        ("app.models:Base.metdata", "the class Base has no metdata", "did you mean metadata?"),
        ("app.models:Holder", "expected a MetaData or a declarative base, found the class Holder", "--to python:app.models:Base"),
        ("app.models:DeclarativeBase", "found the class DeclarativeBase", "--to python:app.models:Base"),
        ("app.other:needs", "the function is called without arguments: missing a required argument: 'url'", "name a function"),
        ("app.other:number", "found an instance of int", "for example: python:app.models:Base.metadata"),
        ("app.other:mixed", "found an instance of str", "for example: python:app.models:Base.metadata"),
        ("app.other:Empty", "its metadata has no tables", "name a module that imports them all, or import them in app.other"),
    ],
)  # fmt: skip
def test_what_is_not_an_object_with_metadata(
    target: str, message: str, hint: str, project: Project, models: Write
) -> None:
    """The message has what was found, and the hint what would do."""
    models(MODELS)
    models(
        "from sqlalchemy import MetaData as Kind\nEmpty = Kind()\nnumber, mixed = 5, ['a']\ndef needs(url): ...\n",
        "app/other.py",
    )
    if "number" in target or "mixed" in target:
        models("number, mixed = 5, ['a']\n", "app/other.py")
    refused = project.run("diff", "--to", f"python:{target}", code=2)
    assert refused.out == ""
    error, _, shown = refused.err.partition("\nhint: ")
    assert error.startswith(f"error: python:{target}: ")
    assert message in error
    assert hint in shown.replace("\n", " ")
