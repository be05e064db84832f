"""How many entries one batch may write: in a project, in an environment, and without a setting."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from d1migrate.errors import UsageError
from d1migrate.project.config import Config, load

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(autouse=True)
def _in_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def config(text: str) -> Config:
    """Read a d1migrate.toml."""
    with open("d1migrate.toml", "w", encoding="utf-8") as file:
        file.write(text)
    return load(".", {}, {})


DATABASES = '[env.local]\ndatabase = "sqlite:app.db"\n[env.production]\ndatabase = "d1:app"\n'


@pytest.mark.parametrize(
    ("text", "local", "production"),
    [
        (DATABASES, None, 50_000),
        (f"budget = 1000\n{DATABASES}", 1000, 1000),
        (f"budget = 1000\n{DATABASES}budget = 70000\n", 1000, 70_000),
        (f"{DATABASES}budget = 70000\n", None, 70_000),
    ],
)
def test_of_an_environment(text: str, local: int | None, production: int) -> None:
    """Its own, or the project's; else D1 has one, and a file has none."""
    found = config(text)
    assert found.environment("local", None).entries_per_batch == local
    assert found.environment("production", None).entries_per_batch == production


def test_of_a_url() -> None:
    """It is the project's."""
    assert config("budget = 1000\n").environment(None, "d1:other").entries_per_batch == 1000
    assert config("").environment(None, "d1:other").entries_per_batch == 50_000


@pytest.mark.parametrize(
    ("text", "url", "budget"),
    [
        (DATABASES, None, 50_000),
        (f"budget = 1000\n{DATABASES}", None, 1000),
        (f"{DATABASES}budget = 70000\n", None, 50_000),
        ('[env.local]\ndatabase = "sqlite:app.db"\n', None, None),
        ('budget = 7\n[env.local]\ndatabase = "sqlite:app.db"\n', None, 7),
        ('[env.local]\ndatabase = "wrangler:DB"\n', None, 50_000),
        ("", "d1:app", 50_000),
        ("", "sqlite:app.db", None),
        ("", None, None),
    ],
)
def test_of_a_draft(text: str, url: str | None, budget: int | None) -> None:
    """A file runs in all environments, so it is the project's; none if all of them are files."""
    assert config(text).draft_budget(url) == budget


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("budget = 0\n", "budget is 0, expected at least 1"),
        ('budget = "many"\n', "budget is 'many', expected a whole number"),
        (f"{DATABASES}budget = -1\n", r"\[env.production\] budget is -1, expected at least 1"),
    ],
)
def test_a_wrong_budget(text: str, message: str) -> None:
    """It is refused, with what is expected."""
    with pytest.raises(UsageError, match=message) as caught:
        config(text)
    assert caught.value.hint
