"""What can be given as the desired schema."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

import pytest

from d1migrate.drafting.sources import Source
from d1migrate.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory, with a folder, a database and a file."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "sub").mkdir()
    (tmp_path / "want.sql").write_text("CREATE TABLE a (b);")
    with sqlite3.connect(tmp_path / "want.db") as connection:
        connection.execute("CREATE TABLE a (b)")
    connection.close()
    return tmp_path


@pytest.mark.parametrize(
    ("text", "kind", "target"),
    [
        ("want.sql", "file", "want.sql"),
        ("missing.sql", "file", "missing.sql"),
        ("sub", "folder", "sub"),
        ("want.db", "sqlite", "want.db"),
        ("sqlite:want.db", "sqlite", "want.db"),
        ("sqlite:missing.db", "sqlite", "missing.db"),
        ("python:app.models:Base.metadata", "python", "app.models:Base.metadata"),
        ("django:mysite.settings", "django", "mysite.settings"),
        ("command:make {db}", "command", "make {db}"),
    ],
)
def test_the_kinds(text: str, kind: str, target: str) -> None:
    """A scheme, or what is at the path."""
    assert Source.of(text) == (kind, target)


@pytest.mark.parametrize(
    ("text", "kind", "target"),
    [
        ("../want.db", "sqlite", "want.db"),
        ("sqlite:../want.db", "sqlite", "want.db"),
        ("want.sql", "file", "sub/want.sql"),
        (".", "folder", "sub"),
        ("python:a:b", "python", "a:b"),
    ],
)
def test_a_path_is_relative_to_a_configuration(text: str, kind: str, target: str) -> None:
    """Its folder is not the working directory."""
    assert Source.of(text, "sub") == (kind, target)


def test_a_file_with_a_colon_in_its_name(folder: Path) -> None:
    """It is no scheme if the file exists."""
    (folder / "v1:want.sql").write_text("")
    assert Source.of("v1:want.sql").kind == "file"


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("", "source of the desired schema is empty", "python:MODULE:OBJECT"),
        (
            "python:",
            "'python:' names nothing after `python:`",
            "for example: python:app.models:Base.metadata",
        ),
        ("command: ", "names nothing after `command:`", "'command:make-schema {db}'"),
        ("sqlite:", "names no database", "sqlite:app.db"),
        ("sqlite::memory:", "is an empty database", "name a SQLite file"),
        ("sqlite:///want.db", "is ambiguous", "write sqlite:want.db or sqlite:/want.db"),
        ("sqlite+aiosqlite:///want.db", "is not a source of a desired schema", "want.db"),
        ("sqllite:want.db", "is not a source", "did you mean sqlite:want.db?"),
        ("pyton:app:Base", "is not a source", "did you mean python:app:Base?"),
        ("app.models:Base.metadata", "is not a source", "did you mean python:app.models:Base.metadata?"),
        ("app/models.py", "is not a source", "did you mean python:app.models:Base?"),
        ("./models.py:metadata", "is not a source", "did you mean python:models:metadata?"),
        ("d1:staging", "is not a source", "`d1migrate schema --database d1:staging --output want.sql`"),
        ("postgresql://localhost/app", "is not a source", "the sources are a file of CREATE statements"),
    ],
)
def test_what_is_not_a_source(text: str, message: str, hint: str) -> None:
    """The hint has the right form."""
    with pytest.raises(UsageError) as caught:
        Source.of(text)
    assert message in str(caught.value)
    assert hint in str(caught.value.hint)


def test_the_name_in_errors() -> None:
    """A path alone, or scheme and target."""
    assert [Source.of(text).text for text in ("sqlite:want.db", "sub", "command:make {db}")] == [
        "want.db",
        "sub",
        "command:make {db}",
    ]
