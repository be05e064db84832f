"""Mistakes in naming and reaching a database: each is an error that says what to do next."""

from __future__ import annotations

import json
import os
from functools import partial
from typing import TYPE_CHECKING

import apsw
import httpx
import pytest

from d1migrate.drivers import cloudflare
from d1migrate.drivers.sqlite import SqliteDriver

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.project import Project


@pytest.fixture(autouse=True)
def nothing_is_configured(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """A migration to apply, and no database."""
    monkeypatch.delenv("D1MIGRATE_DATABASE")
    project.write("001_a.sql", "CREATE TABLE a (x);\n")


def everything(folder: Path) -> list[str]:
    """All files and folders."""
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


# --- how a database is written ---


@pytest.mark.parametrize("url", ["app.db", "./app.db", "data/app.sqlite", "{folder}/app.db"])
@pytest.mark.parametrize("source", ["flag", "variable", "file"])
def test_a_path_is_a_sqlite_file(
    project: Project, monkeypatch: pytest.MonkeyPatch, url: str, source: str
) -> None:
    """`app.db` means `sqlite:app.db`, and is shown so, wherever it is written."""
    (project.folder / "data").mkdir()
    url, flags = url.format(folder=project.folder), []
    if source == "flag":
        flags = ["--database", url]
    elif source == "variable":
        monkeypatch.setenv("D1MIGRATE_DATABASE", url)
    else:
        (project.folder / "d1migrate.toml").write_text(f'[env.local]\ndatabase = "{url}"\n')
    shown = project.run(*flags, "up").err
    assert f"sqlite:{os.path.normpath(url) if source == 'file' else url}\n" in shown
    assert os.path.exists(url)


@pytest.mark.parametrize("url", ["sqlite:~/x.db", "~/x.db"])
@pytest.mark.parametrize("source", ["flag", "variable", "file"])
def test_the_home_folder(
    project: Project, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch, url: str,
    source: str,
) -> None:  # fmt: skip
    """`~` is the home folder, where no shell expands it, and never a folder of that name."""
    home = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("HOME", str(home))
    flags = []
    if source == "flag":
        flags = ["--database", url]
    elif source == "variable":
        monkeypatch.setenv("D1MIGRATE_DATABASE", url)
    else:
        (project.folder / "d1migrate.toml").write_text(f'[env.local]\ndatabase = "{url}"\n')
    assert f"sqlite:{home}/x.db" in project.run(*flags, "--outside-project", "up").err
    assert (home / "x.db").exists()
    assert not (project.folder / "~").exists()


def test_the_home_folder_of_other_paths(
    project: Project, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`--config=~/…`, `--migrations=~/…` and the paths in a configuration file are expanded too."""
    home = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("HOME", str(home))
    (home / "sql").mkdir()
    (home / "sql" / "001_home.sql").write_text("CREATE TABLE h (x);\n")
    (home / "d.toml").write_text('migrations = "~/sql"\n[env.local]\ndatabase = "~/x.db"\n')
    assert "001_home" in project.run("--config=~/d.toml", "list").out
    assert "001_home" in project.run("--migrations=~/sql", "--database=app.db", "list").out


@pytest.mark.parametrize(
    ("url", "message", "hint"),
    [
        ("sqlite:///app.db", "is ambiguous", "write sqlite:app.db or sqlite:/app.db"),
        ("sqlite:////abs/app.db", "is not a database url", "did you mean sqlite:/abs/app.db?"),
        ("sqlite://app.db", "is not a database url", "did you mean sqlite:app.db?"),
        ("sqlite3:app.db", "is not a database url", "did you mean sqlite:app.db?"),
        ("file:app.db", "is not a database url", "did you mean sqlite:app.db?"),
        ("shop", "'shop' is not a database url", "wrangler:shop for a binding"),
        ("postgres://me:secret@host/db", "which is for SQLite and Cloudflare D1", "use sqlite:PATH"),
        ("${DATABASE_URL}", "contains ${DATABASE_URL}, which nothing expanded", "set D1MIGRATE_DATABASE"),
        ("sqlite:$DB", "contains $DB, which nothing expanded", "set D1MIGRATE_DATABASE"),
        ("sqlite:app.db?mode=ro", "has no options", "write sqlite:app.db"),
        ("sqlite:", "names no database", "for example: sqlite:app.db"),
        ("", "the database url is empty", "check that the flag or variable has a value"),
    ],
)
@pytest.mark.parametrize("command", ["up", "status"])
def test_another_form_of_url(project: Project, url: str, message: str, hint: str, command: str) -> None:
    """It is refused with the right spelling, and nothing is created: not even by a command that writes."""
    before = everything(project.folder)
    found = project.run("--database", url, command, code=2)
    assert message in found.err
    assert f"hint: {hint}" in found.err or hint in found.err
    assert "secret" not in found.err
    assert everything(project.folder) == before
    (project.folder / "d1migrate.toml").write_text(f'[env.local]\ndatabase = "{url}"\n')
    assert "d1migrate.toml: [env.local] " in project.run(command, code=2).err


# --- files ---


@pytest.mark.parametrize("command", ["up", "status"])
def test_a_missing_folder(project: Project, command: str) -> None:
    """It is not created: its name is probably wrong. The hint creates it."""
    found = project.run("--database", "sqlite:nodir/app.db", command, code=1)
    assert "nodir/app.db: the folder nodir does not exist" in found.err
    assert "hint: correct the path, or create the folder: mkdir -p nodir\n" in found.err
    assert not (project.folder / "nodir").exists()


def test_a_backup_in_a_missing_folder(project: Project) -> None:
    """It is not created either, as by cp."""
    project.run("--database", "app.db", "up")
    found = project.run("--database", "app.db", "backup", "--output", "nodir/my dump.sql", code=2)
    assert "error: cannot write nodir/my dump.sql: the folder nodir does not exist\n" in found.err
    assert "hint: correct the path, or create the folder: mkdir -p nodir\n" in found.err
    assert not (project.folder / "nodir").exists()


@pytest.mark.parametrize("command", ["up", "status"])
def test_a_folder_as_a_database(project: Project, command: str) -> None:
    """The hint is a file in it."""
    found = project.run("--database", "sqlite:migrations", command, code=1)
    assert "migrations: it is a folder, not a file" in found.err
    assert "hint: name a file in it, e.g. migrations/app.db" in found.err


@pytest.mark.parametrize("command", ["up", "status"])
def test_a_file_that_is_not_a_database(project: Project, command: str) -> None:
    """A file of another kind is named, and left as it is."""
    project.database.write_text("a letter " * 500)
    found = project.run("--database", "app.db", command, code=1)
    assert "app.db: file is not a database" in found.err
    assert "hint: check the path" in found.err
    assert project.database.read_text() == "a letter " * 500


def test_a_truncated_database(project: Project) -> None:
    """The hint is the command that lists what can be restored."""
    project.sql("CREATE TABLE t (x TEXT);\nINSERT INTO t VALUES (zeroblob(100000))")
    os.truncate(project.database, 9000)
    found = project.run("--database", "app.db", "up", code=1)
    assert "app.db: database disk image is malformed" in found.err
    assert "`d1migrate restore --database app.db` lists" in found.err


@pytest.mark.parametrize("journal", ["wal", "delete"])
def test_a_locked_database(project: Project, monkeypatch: pytest.MonkeyPatch, journal: str) -> None:
    """The wait is announced once, and the error says what to do."""
    defaults = SqliteDriver.__init__.__kwdefaults__ or {}
    monkeypatch.setattr(SqliteDriver.__init__, "__kwdefaults__", defaults | {"busy_timeout": 1.0})
    project.run("--database", "app.db", "up")
    project.write("002_b.sql", "CREATE TABLE b (x);\n")
    other = apsw.Connection(str(project.database))
    other.execute(f"PRAGMA journal_mode = {journal}; BEGIN EXCLUSIVE").fetchall()
    found = project.run("--database", "app.db", "up", code=1)
    other.close()
    assert found.err.count("another process holds a transaction\n") == 1
    assert "waiting up to " in found.err
    assert "app.db: database is locked" in found.err
    assert "let it finish, then run the command again" in found.err


# --- Cloudflare ---


def answers(status: int, code: int, message: str) -> httpx.MockTransport:
    """A server that refuses everything."""
    body = json.dumps({"success": False, "errors": [{"code": code, "message": message}], "result": None})
    return httpx.MockTransport(lambda _: httpx.Response(status, stream=httpx.ByteStream(body.encode())))


def test_no_token(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """What to create, where, and the line that sets it; people who use wrangler expect its login to do."""
    monkeypatch.delenv("CLOUDFLARE_API_TOKEN", raising=False)
    found = project.run("--database", "d1:shop", "status", code=2).err
    assert "error: no CLOUDFLARE_API_TOKEN in the environment\n" in found
    assert "the permission Account > D1 > Edit" in found
    assert "https://dash.cloudflare.com/profile/api-tokens" in found
    assert "`wrangler login` does not count" in found
    assert found.endswith("\nexport CLOUDFLARE_API_TOKEN=…\n")


@pytest.mark.parametrize(
    ("status", "code", "answer", "message", "hints"),
    [
        (401, 10000, "Authentication error", "does not accept this token here",
         ("https://dash.cloudflare.com/profile/api-tokens", "Account > D1 > Edit")),
        (403, 7403, "The token may only read, and the query writes", "the token does not permit this",
         ("Account > D1 > Edit for this account",)),
        (403, 7403, "The given account is not valid or is not authorized to access this service",
         "the token has no access to the account abc123", ("check CLOUDFLARE_ACCOUNT_ID",)),
        (404, 7404, "The database 1 could not be found", "no such database in this account", ("`wrangler d1 list`",)),
    ],
)  # fmt: skip
def test_credentials(
    project: Project, monkeypatch: pytest.MonkeyPatch, status: int, code: int, answer: str, message: str,
    hints: tuple[str, ...],
) -> None:  # fmt: skip
    """A wrong account is not a missing right."""
    settings = cloudflare.settings({"CLOUDFLARE_API_TOKEN": "s3cr3t", "CLOUDFLARE_ACCOUNT_ID": "abc123"})
    api = partial(cloudflare.Api, settings, transport=answers(status, code, answer))
    monkeypatch.setattr(cloudflare, "from_environment", lambda on_wait: api(on_wait=on_wait))
    found = project.run("--database", "d1:shop", "status", code=2).err
    assert message in found
    assert all(hint in found.partition("hint: ")[2] for hint in hints)
    assert "s3cr3t" not in found


def test_no_network(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """What can be in the way, by the variables that choose it."""

    def fail(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("Name or service not known")

    settings = cloudflare.settings({"CLOUDFLARE_API_TOKEN": "s3cr3t", "CLOUDFLARE_ACCOUNT_ID": "abc123"})
    api = partial(cloudflare.Api, settings, transport=httpx.MockTransport(fail), sleep=lambda _: None)
    monkeypatch.setattr(cloudflare, "from_environment", lambda on_wait: api(on_wait=on_wait))
    found = project.run("--database", "d1:shop", "status", code=1).err
    assert "error: Cloudflare cannot be reached: Name or service not known\n" in found
    assert found.endswith("hint: check the network, and HTTPS_PROXY if a proxy is needed\n")


def test_a_wrong_address_of_the_api(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """Few need the variable; it is not repeated, as it may contain a password."""
    monkeypatch.setenv("CLOUDFLARE_API_TOKEN", "s3cr3t")
    monkeypatch.setenv("CLOUDFLARE_API_BASE_URL", "http://me:s3cr3t@proxy")
    found = project.run("--database", "d1:shop", "status", code=2).err
    assert "error: CLOUDFLARE_API_BASE_URL is not https, or has more than a host and a path\n" in found
    assert "hint: unset it to use https://api.cloudflare.com/client/v4; " in found
    assert "s3cr3t" not in found


def test_a_backup_into_a_folder(project: Project) -> None:
    """Not only what the system calls it."""
    found = project.run("--database", "app.db", "backup", "--output", "migrations", code=2).err
    assert "error: cannot write migrations: it is a folder\n" in found
    assert "hint: name a file in it, e.g. migrations/backup.sql\n" in found
