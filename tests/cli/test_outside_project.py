"""Configured paths are written only inside the project, links resolved; the user's own anywhere."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.project import Project

KEY = "ssh-rsa MYKEY me\n"
REBUILD = "CREATE TABLE p (id INTEGER PRIMARY KEY, v TEXT);\n"
FLAG = "--outside-project"


@pytest.fixture
def cloned(project: Project, monkeypatch: pytest.MonkeyPatch) -> Project:
    """A repository in a folder `repo`, the working directory, next to files outside the project."""
    monkeypatch.delenv("D1MIGRATE_DATABASE")
    outside = project.folder / "outside"
    outside.mkdir()
    (outside / "key").write_text(KEY)
    repository = project.folder / "repo"
    (repository / "migrations").mkdir(parents=True)
    project.migrations = repository / "migrations"
    project.write("001_a.sql", REBUILD)
    project.write("002_b.sql", "CREATE TABLE q (id INTEGER PRIMARY KEY);\n")
    monkeypatch.chdir(repository)
    return project


def configure(project: Project, text: str) -> None:
    """Write d1migrate.toml."""
    database = "" if "[env" in text else '[env.local]\ndatabase = "sqlite:app.db"\n'
    (project.folder / "repo" / "d1migrate.toml").write_text(f"{text}\n{database}")


def everything(folder: Path) -> dict[str, bytes]:
    """All that is outside of the project."""
    return {str(path): path.read_bytes() for path in (folder / "outside").rglob("*") if path.is_file()}


DATABASE = '[env.local]\ndatabase = "sqlite:{}"\nrestore_point = true\n'
REFUSED = [
    ('index = "../outside/index.py"', ("new", "more")),
    ('index = "../outside/key"', ("new", "more")),
    ('index = "../outside/key"', ("index",)),
    ('index = "../outside/index.py"', ("rebuild", "p", "--set", "v TEXT NOT NULL", "--backfill", "p.v='x'")),
    ('index = "../outside/index.py"', ("squash", "--to", "2", "--yes")),
    ('index = "../outside/index.py"', ("renumber", "--yes")),
    ('index = ".git/hooks/pre-commit"', ("new", "more")),
    ('schema = "../outside/schema.sql"', ("schema", "--at", "latest", "--sql", "--output")),
    ('schema = "../outside/key"', ("schema", "--at", "latest", "--sql", "--output")),
    ('migrations = "../outside/migrations"', ("new", "more")),
    (DATABASE.format("../outside/app.db"), ("up",)),
    (DATABASE.format("../outside/app.db"), ("baseline", "--to", "1", "--yes")),
    (DATABASE.format("../outside/deep/app.db"), ("up",)),
    (DATABASE.format("link/app.db"), ("up",)),
    (DATABASE.format("link.db"), ("up",)),
    ('index = "link/index.py"', ("new", "more")),
    ('index = "link.py"', ("new", "more")),
    ('schema = "link/schema.sql"', ("schema", "--at", "latest", "--sql", "--output")),
]


@pytest.mark.parametrize(("text", "arguments"), REFUSED)
def test_nothing_is_written_elsewhere(cloned: Project, text: str, arguments: tuple[str, ...]) -> None:
    """It is refused before anything is done; the flag permits it."""
    outside = cloned.folder / "outside"
    (outside / "migrations").mkdir()
    (outside / "deep").mkdir()
    os.symlink(outside, "link")
    os.symlink(outside / "other.db", "link.db")
    os.symlink(outside / "other.py", "link.py")
    os.mkdir(".git")
    os.mkdir(".git/hooks")
    configure(cloned, text)
    before, own = everything(cloned.folder), sorted(os.listdir("migrations"))
    ended = cloned.run(*arguments, code=2).err
    assert "is outside the project" in ended
    assert f"permit this one with {FLAG}" in ended
    assert everything(cloned.folder) == before
    assert sorted(os.listdir("migrations")) == own
    assert not os.path.exists("app.db")
    assert not os.path.exists(".git/hooks/pre-commit")
    if "key" not in text:
        cloned.run(*arguments, FLAG)


def test_restore_points_do_not_lead_elsewhere(cloned: Project) -> None:
    """Their folder may be a link that the repository has."""
    configure(cloned, DATABASE.format("app.db"))
    cloned.run("up", "--to", "1")
    os.symlink(cloned.folder / "outside", ".d1migrate")
    before = everything(cloned.folder)
    assert "error: the folder of restore points " in (ended := cloned.run("up", code=2).err)
    assert "is outside the project" in ended
    assert everything(cloned.folder) == before
    assert "001_a" in cloned.run("status").out


def test_reading_leads_anywhere(cloned: Project) -> None:
    """Migrations of a monorepo, a schema, a database that is only looked at."""
    elsewhere = cloned.folder / "outside"
    os.rename("migrations", elsewhere / "migrations")
    configure(cloned, 'migrations = "../outside/migrations"\n' + DATABASE.format("app.db"))
    cloned.run("up")
    os.rename("app.db", elsewhere / "app.db")
    configure(cloned, 'migrations = "../outside/migrations"\n' + DATABASE.format("../outside/app.db"))
    before = everything(cloned.folder)
    for command in (("status",), ("plan",), ("verify",), ("lint", "--all"), ("backup", "--output", "b.sql")):
        cloned.run(*command)
    assert everything(cloned.folder) == before


def test_gits_top_level_is_the_project(cloned: Project) -> None:
    """A package of a monorepo writes to another one of it."""
    os.mkdir(cloned.folder / ".git")
    configure(cloned, 'index = "../outside/index.py"\nschema = "../outside/schema.sql"\n')
    cloned.run("new", "more")
    cloned.run("schema", "--at", "latest", "--sql", "--output")
    assert {path.name for path in (cloned.folder / "outside").iterdir()} == {"key", "index.py", "schema.sql"}


def test_what_the_user_names_is_written(cloned: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """By a flag or a variable."""
    configure(cloned, "")
    cloned.run("--database", "sqlite:../outside/a.db", "up")
    monkeypatch.setenv("D1MIGRATE_DATABASE", "sqlite:../outside/b.db")
    cloned.run("up")
    (cloned.folder / "outside" / "more").mkdir()
    cloned.run("--migrations", "../outside/more", "new", "first")
    cloned.run("index", "--output", "../outside/index.py")
    cloned.run("schema", "--sql", "--output", "../outside/schema.sql")
    assert len(list((cloned.folder / "outside").rglob("*.*"))) >= 5


@pytest.mark.parametrize("text", [KEY, "x = 1\n", '"""Migrations."""\n'])
@pytest.mark.parametrize(
    "arguments",
    [("new", "more"), ("index",), ("index", "--output", "kept.py"), ("squash", "--to", "2", "--yes")],
)
def test_what_is_no_index_is_never_overwritten(
    cloned: Project, text: str, arguments: tuple[str, ...]
) -> None:
    """Not in the project either; and no migration is written whose index could not be."""
    configure(cloned, 'index = "kept.py"')
    kept = cloned.folder / "repo" / "kept.py"
    kept.write_text(text)
    own = sorted(os.listdir("migrations"))
    ended = cloned.run(*arguments, code=2).err
    assert "kept.py exists and was not written by `d1migrate index`" in ended
    assert kept.read_text() == text
    assert sorted(os.listdir("migrations")) == own
    kept.write_text("")
    cloned.run(*arguments)
    cloned.run("index", "--check")


@pytest.mark.parametrize("way", ["below", "beside", "given"])
def test_the_default_folder_is_beside_the_configuration(
    cloned: Project, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    """Like the database, wherever the command is run; no second folder is created."""
    configure(cloned, "")
    given = ["--config", "../../repo/d1migrate.toml"] if way == "given" else []
    start = cloned.folder / {"below": "repo/src/deep", "beside": "repo", "given": "outside/cwd"}[way]
    start.mkdir(parents=True, exist_ok=True)
    monkeypatch.chdir(start)
    cloned.run(*given, "up")
    out = cloned.run(*given, "new", "more").out
    assert os.path.samefile(out.strip(), cloned.migrations / "003_more.sql")
    assert sorted(os.listdir(start)) == (
        ["app.db", "d1migrate.toml", "migrations"] if way == "beside" else []
    )
