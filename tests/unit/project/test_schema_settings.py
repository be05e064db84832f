"""`schema = "FILE"`, and the section `[schema]`: for the project, a class and a fleet."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from d1migrate.errors import UsageError
from d1migrate.project.config import Config, load
from d1migrate.project.schema_settings import SchemaSettings, interpreter

if TYPE_CHECKING:
    from pathlib import Path

MODELS = 'source = "python:app:Base"\n'


def config(folder: Path, text: str) -> Config:
    """The settings of a d1migrate.toml in a folder below the working directory."""
    (folder / "app").mkdir(exist_ok=True)
    (folder / "app" / "d1migrate.toml").write_text(text)
    return load(".", {"config": "app/d1migrate.toml"}, {})


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_a_file_or_a_section(tmp_path: Path) -> None:
    """The file is relative to the configuration; the source is as it was given."""
    assert config(tmp_path, 'schema = "want.sql"').schema == SchemaSettings("app/want.sql")
    found = config(tmp_path, f'[schema]\nfile = "want.sql"\n{MODELS}python = ".venv/bin/python"').schema
    python = os.path.join(os.getcwd(), "app/.venv/bin/python")
    assert found == SchemaSettings("app/want.sql", "python:app:Base", python)
    assert config(tmp_path, "").schema == SchemaSettings()


def test_a_class(tmp_path: Path) -> None:
    """Its schema is its own; the interpreter is the project's, unless it names one."""
    head = f'[schema]\n{MODELS}python = "python3.12"\n[objects.Tenant]\nmigrations = "t"\n'
    (found,) = config(tmp_path, head).others
    assert found.schema == SchemaSettings("app/schema.Tenant.sql", None, "python3.12")
    (found,) = config(tmp_path, f'{head}[objects.Tenant.schema]\nsource = "django:t"\npython = "p"').others
    assert found.schema == SchemaSettings("app/schema.Tenant.sql", "django:t", "p")
    (found,) = config(tmp_path, f'{head}schema = "t.sql"').others
    assert found.schema.file == "app/t.sql"


def test_a_fleet(tmp_path: Path) -> None:
    """With a migrations folder of its own it has its own schema; else what it leaves out is the project's."""
    head = f'[schema]\n{MODELS}[fleet.all]\ndatabases = "sqlite:data/*.db"\n'
    read = config(tmp_path, f'{head}[fleet.all.schema]\nfile = "t.sql"')
    assert read.of_fleet(read.fleets[0]).schema == SchemaSettings("app/t.sql", "python:app:Base")
    read = config(tmp_path, f'{head}migrations = "t"')
    assert read.of_fleet(read.fleets[0]).schema == SchemaSettings("app/schema.all.sql")


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ('[schema]\nsoruce = "x"', "[schema] unknown key 'soruce'", "did you mean source?"),
        ("[schema]\nsource = 1", "[schema] source is 1, expected a string", "for example: source ="),
        ('[schema]\npython = ""', "[schema] python is empty", 'python = ".venv/bin/python"'),
        ("schema = 1", "schema is 1, expected a string or a table", 'schema = "db/schema.sql"'),
        ('[objects.T]\nmigrations = "t"\n[objects.T.schema]\nfil = "x"', "[objects.T.schema] unknown key 'fil'", "file?"),
        (
            '[fleet.f]\ndatabases = "d1:t-*"\n[fleet.f.schema]\nfil = "x"',
            "[fleet.f.schema] unknown key 'fil'",
            "did you mean file?",
        ),
    ],
)  # fmt: skip
def test_wrong_settings(tmp_path: Path, text: str, message: str, hint: str) -> None:
    """The message names the section."""
    with pytest.raises(UsageError) as caught:
        config(tmp_path, text)
    assert message in str(caught.value)
    assert hint in str(caught.value.hint)


def test_interpreters() -> None:
    """A bare name is looked up in PATH; a path is absolute, because the program runs elsewhere."""
    assert interpreter("python3.12") == "python3.12"
    assert interpreter("./python") == os.path.join(os.getcwd(), "python")
    assert interpreter("bin/python", "app") == os.path.join(os.getcwd(), "app/bin/python")
    assert interpreter("~/bin/python", "app") == os.path.expanduser("~/bin/python")


@pytest.mark.parametrize(
    ("text", "message", "section"),
    [
        ('schema = "python:app:Base"', "schema is 'python:app:Base', expected a file", "[schema]"),
        (
            '[schema]\nfile = "python:app:Base"',
            "[schema] file is 'python:app:Base', expected a file",
            "[schema]",
        ),
        (
            '[objects.Tenant]\nmigrations = "t"\nschema = "python:app:Base"',
            "objects.Tenant.schema is 'python:app:Base', expected a file",
            "[objects.Tenant.schema]",
        ),
    ],
)
def test_a_source_in_the_place_of_a_file(text: str, message: str, section: str, tmp_path: Path) -> None:
    """`schema` would write a file of that name."""
    with pytest.raises(UsageError) as caught:
        config(tmp_path, text)
    assert message in str(caught.value)
    assert caught.value.hint == f'write a section {section} with `source = "python:app:Base"`'
