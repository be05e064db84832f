"""Database urls: the forms that are read, and the forms of other tools, which are refused."""

from __future__ import annotations

import pytest

from d1migrate.drivers.url import normalize
from d1migrate.errors import UsageError


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("sqlite:app.db", "sqlite:app.db"),
        ("sqlite:/abs/app.db", "sqlite:/abs/app.db"),
        ("sqlite::memory:", "sqlite::memory:"),
        ("sqlite:a?b.db", "sqlite:a?b.db"),
        ("sqlite:$app.db", "sqlite:$app.db"),
        ("app.db", "sqlite:app.db"),
        ("APP.DB", "sqlite:APP.DB"),
        ("./app.db", "sqlite:./app.db"),
        ("../app", "sqlite:../app"),
        ("/abs/app.db", "sqlite:/abs/app.db"),
        ("data/app.sqlite", "sqlite:data/app.sqlite"),
        ("data/app", "sqlite:data/app"),
        ("sqlite:~/x.db", "sqlite:/home/me/x.db"),
        ("~/x.db", "sqlite:/home/me/x.db"),
        ("sqlite:~x.db", "sqlite:./~x.db"),
        ("sqlite:./~/x.db", "sqlite:./~/x.db"),
        ("wrangler:", "wrangler:"),
        ("wrangler:DB", "wrangler:DB"),
        ("wrangler:DB?env=dev", "wrangler:DB?env=dev"),
        ("wrangler:DB?persist-to=~/state", "wrangler:DB?persist-to=%2Fhome%2Fme%2Fstate"),
        ("d1:shop", "d1:shop"),
        ("d1:shop.db", "d1:shop.db"),
        ("d1:shop?preview=1", "d1:shop?preview=1"),
    ],
)
def test_the_normal_form(monkeypatch: pytest.MonkeyPatch, url: str, expected: str) -> None:
    """It has a scheme and no `~`, and is its own normal form."""
    monkeypatch.setenv("HOME", "/home/me")
    assert normalize(url) == expected
    assert normalize(expected) == expected


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("app.db", "sqlite:conf/app.db"),
        ("sqlite:../app.db", "sqlite:app.db"),
        ("sqlite:/abs/app.db", "sqlite:/abs/app.db"),
        ("sqlite:~/x.db", "sqlite:/home/me/x.db"),
        ("sqlite::memory:", "sqlite::memory:"),
        ("wrangler:DB?persist-to=state", "wrangler:DB?persist-to=conf%2Fstate"),
        ("d1:shop", "d1:shop"),
    ],
)
def test_relative_to_a_folder(monkeypatch: pytest.MonkeyPatch, url: str, expected: str) -> None:
    """Paths of a configuration file are relative to its folder."""
    monkeypatch.setenv("HOME", "/home/me")
    assert normalize(url, "conf") == expected


@pytest.mark.parametrize(
    ("url", "hint"),
    [
        ("sqlite:///app.db", "write sqlite:app.db or sqlite:/app.db"),
        ("sqlite:///data/app.db?mode=rw", "write sqlite:data/app.db or sqlite:/data/app.db"),
        ("sqlite+aiosqlite:///app.db", "write sqlite:app.db or sqlite:/app.db"),
        ("sqlite://app.db", "did you mean sqlite:app.db?"),
        ("sqlite:////abs/app.db", "did you mean sqlite:/abs/app.db?"),
        ("sqlite://", "did you mean sqlite::memory:?"),
        ("sqlite:///:memory:", "did you mean sqlite::memory:?"),
        ("sqlite:app.db?mode=ro", "write sqlite:app.db"),
        ("sqlite3:app.db", "did you mean sqlite:app.db?"),
        ("sqlite3:/abs/app.db", "did you mean sqlite:/abs/app.db?"),
        ("SQLite:app.db", "did you mean sqlite:app.db?"),
        ("sqllite:app.db", "did you mean sqlite:app.db?"),
        ("file:app.db", "did you mean sqlite:app.db?"),
        ("file:./dev.db?connection_limit=1", "did you mean sqlite:./dev.db?"),
        ("file:///abs/app.db", "did you mean sqlite:/abs/app.db?"),
        (":memory:", "did you mean sqlite::memory:?"),
        ("wranger:DB", "did you mean wrangler:DB?"),
        ("D1:shop", "did you mean d1:shop?"),
        ("d1://shop", "did you mean d1:shop?"),
        ("wrangler://DB", "did you mean wrangler:DB?"),
        ("shop", "write sqlite:shop for a file, wrangler:shop for a binding"),
        ("postgres://x", "use sqlite:PATH for a file"),
        ("mongo:x", "use sqlite:PATH for a file"),
        ("sqlite:", "for example: sqlite:app.db"),
        ("d1:", "for example: d1:my-database"),
        ("", "check that the flag or variable has a value"),
        (" ", "check that the flag or variable has a value"),
    ],
)
def test_another_form_is_refused(url: str, hint: str) -> None:
    """The hint has the right spelling."""
    with pytest.raises(UsageError) as caught:
        normalize(url)
    assert caught.value.hint
    assert caught.value.hint.startswith(hint)


@pytest.mark.parametrize(
    "variable", ["$DATABASE_URL", "${DATABASE_URL}", "%DATABASE_URL%", "${{ secrets.DB }}", "$(pwd)"]
)
@pytest.mark.parametrize("around", ["{}", "sqlite:{}", "sqlite:{}/app.db", "sqlite:data/{}"])
def test_a_variable_that_nothing_expanded(variable: str, around: str) -> None:
    """It is not the name of a file."""
    with pytest.raises(UsageError) as caught:
        normalize(around.format(variable))
    assert f"contains {variable}, which nothing expanded" in str(caught.value)


def test_a_password_is_not_repeated() -> None:
    """The url of a server may have one."""
    with pytest.raises(UsageError) as caught:
        normalize("postgres://me:secret@db.example.com/app")
    assert str(caught.value).startswith("postgres:// is not a database url of d1migrate")
    assert "secret" not in f"{caught.value} {caught.value.hint}"
