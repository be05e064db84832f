"""diff with models: what is outside them stays, and what they cannot say is asked."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.cli.test_diff import END, on_terminal

if TYPE_CHECKING:
    from tests.cli.project import Project

USERS = """\
CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT, mail TEXT);
CREATE VIEW names AS SELECT name FROM users;
CREATE TABLE other (id INTEGER PRIMARY KEY, "user" INTEGER REFERENCES users(id) ON DELETE CASCADE);
CREATE INDEX other_user ON other ("user");
CREATE VIRTUAL TABLE search USING fts5(name, content='users', content_rowid='id');
CREATE TRIGGER found AFTER INSERT ON users BEGIN INSERT INTO search (rowid, name) VALUES (new.id, new.name); END;
"""
ROWS = "INSERT INTO users VALUES (1, 'Ada', 'a'), (2, 'Bo', 'b');\nINSERT INTO other VALUES (1, 1), (2, 2), (3, 2)"
MODELS = """\
import secrets

from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class Base(DeclarativeBase):
    pass


class User(Base):
    __tablename__ = "users"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str | None]
    mail: Mapped[str | None]
"""
VALUES = (
    '    role: Mapped[str] = mapped_column(default="viewer")\n'
    "    token: Mapped[str] = mapped_column(default=secrets.token_hex)\n"
)
DIFF = ("diff", "--to", "python:models:Base", "--name", "next")


@pytest.fixture
def users(project: Project) -> Project:
    """A database with rows, and models that have one of its tables."""
    project.write("001_users.sql", USERS)
    (project.folder / "models.py").write_text(MODELS)
    project.run("up")
    project.sql(ROWS)
    return project


def change(project: Project, old: str, new: str) -> None:
    """Change the models."""
    text = (project.folder / "models.py").read_text()
    assert old in text
    (project.folder / "models.py").write_text(text.replace(old, new))


def up(project: Project) -> None:
    """Apply the migration, which the linter and a rehearsal find nothing in; then nothing differs."""
    assert project.run("lint", "migrations/002_next.sql").err == "checked 1 migration\n"
    project.run("rehearse", "--rows", "5")
    project.run("up")
    assert project.run(*DIFF, "--check").err == "no difference\n"
    assert project.run(*DIFF, "--check", "--from", "live").err == "no difference\n"
    assert project.sql('SELECT id, "user" FROM other') == [(1, 1), (2, 2), (3, 2)]


def test_a_renamed_class(users: Project) -> None:
    """It is refused; on a terminal, one question is enough, and what reads the table follows."""
    change(users, '"users"', '"people"')
    err = users.run(*DIFF, code=1).err
    assert err == (
        "error: people would be new and empty, beside users, outside the models\n"
        "hint: to rename: --rename users=people; to keep both: --keep users; to drop: --allow-drop users\n"
    )
    assert "different: people would be new" in users.run(*DIFF, "--check", code=3).err
    error = users.run(*DIFF, "--json", code=1).json["error"]
    assert (error["rows"], error["renames"], error["stays"]) == ({"users": None}, ["users=people"], True)
    assert on_terminal(*DIFF, answers=("y",)) == 0
    up(users)
    assert users.sql("SELECT * FROM names") == [("Ada",), ("Bo",)]
    users.sql("INSERT INTO people (name) VALUES ('Cy')")
    assert users.sql("SELECT name FROM search WHERE search MATCH 'ada OR cy'") == [("Ada",), ("Cy",)]
    users.run("down")
    assert users.sql("SELECT name FROM search WHERE search MATCH 'cy'") == [("Cy",)]


def test_a_renamed_class_and_column(users: Project) -> None:
    """Two questions; a new column causes no third one."""
    change(users, '"users"', '"people"')
    change(users, "mail: Mapped[str | None]", "address: Mapped[str | None]\n    age: Mapped[int | None]")
    assert on_terminal(*DIFF, answers=("y", "y")) == 0
    up(users)
    assert users.sql("SELECT id, name, address, age FROM people") == [
        (1, "Ada", "a", None),
        (2, "Bo", "b", None),
    ]


def test_a_class_that_only_looks_like_another(users: Project) -> None:
    """The second question keeps the table."""
    change(users, '"users"', '"people"')
    assert on_terminal(*DIFF, answers=("n", "n", "n")) == 1
    assert on_terminal(*DIFF, answers=("n", "y")) == 0
    up(users)
    assert users.sql("SELECT count(*) FROM users") == [(2,)]
    err = users.run(*DIFF, "--keep", "nobody", code=2).err
    assert err.startswith("error: --keep nobody: no such table: nobody\n")


def test_what_is_for_models(users: Project) -> None:
    """A whole schema leaves nothing outside."""
    (users.folder / "schema.sql").write_text(USERS)
    err = users.run("diff", "--keep", "users", code=2).err
    assert err.startswith("error: --keep is for models, and schema.sql has none\n")


def test_values_that_the_models_have(users: Project) -> None:
    """A default is offered, and Enter takes it; a function is named, and the value is asked for."""
    change(users, "mail: Mapped[str | None]\n", f"mail: Mapped[str | None]\n{VALUES}")
    err = users.run(*DIFF, code=1).err
    assert err == (
        "error: users.role is new and NOT NULL; users.token is new and NOT NULL: existing rows need a value\n"
        "    users.token: the models call secrets.token_hex for each new row\n"
        "hint: add --backfill \"users.role='viewer'\" --backfill \"users.token='…'\"; the models give new rows"
        " the value of users.role\n"
    )
    assert users.run(*DIFF, "--check", code=3).err == (
        "different: users.role is new and NOT NULL; users.token is new and NOT NULL: existing rows need a value\n"
    )
    error = users.run(*DIFF, "--json", code=1).json["error"]
    assert error["defaults"] == {"users.role": "'viewer'"}
    assert on_terminal(*DIFF, answers=(END,)) == 1
    assert on_terminal(*DIFF, answers=("", "")) == 1
    assert on_terminal(*DIFF, answers=("", "hex(randomblob(8))")) == 0
    up(users)
    rows = users.sql("SELECT role, length(token) FROM users")
    assert rows == [("viewer", 16), ("viewer", 16)]


@pytest.mark.parametrize(
    "flags", [("--dry-run",), ("--from", "live"), ("--order",), ("--json",), ("--scale", "users=10")]
)
def test_with_other_options(users: Project, flags: tuple[str, ...]) -> None:
    """The whole schema is compared, whatever they choose."""
    change(users, "name: Mapped[str | None]", "name: Mapped[str | None] = mapped_column(unique=True)")
    found = users.run(*DIFF, *flags)
    text = (users.migrations / "002_next.sql").read_text() if "--dry-run" not in flags else found.out
    assert "DROP TABLE users" in text.replace('"', "")
    assert not any(f"DROP {kind}" in text for kind in ("VIEW", "TABLE other", "TABLE search", 'TABLE "other'))
    assert "CREATE TRIGGER found" in text


@pytest.mark.parametrize("flag", ["--online", "--expand"])
def test_in_several_migrations(users: Project, flag: str) -> None:
    """Their steps know what stays."""
    change(users, "mail: Mapped[str | None]", "mail: Mapped[bytes | None]")
    users.run(*DIFF, flag)
    users.run("up", "--no-lint")
    assert users.run(*DIFF, "--check").err == "no difference\n"
    assert users.run("verify", "--check").code == 0
    assert users.sql('SELECT id, "user" FROM other') == [(1, 1), (2, 2), (3, 2)]
    users.sql("INSERT INTO users (name) VALUES ('Cy')")
    assert users.sql("SELECT name FROM search WHERE search MATCH 'cy'") == [("Cy",)]


def test_what_is_said_of_what_stays(users: Project) -> None:
    """A line, also if nothing differs; none in CI."""
    change(users, "mail: Mapped[str | None]", "mail: Mapped[str | None] = mapped_column(String(50))")
    change(users, "import secrets", "import secrets\nfrom sqlalchemy import String")
    assert users.run(*DIFF).err == (
        "types that SQLite treats alike are kept: users.name TEXT (models: VARCHAR), users.mail TEXT (models:"
        " VARCHAR(50)); --types changes them\n"
        "outside the models, and kept: other (--allow-drop other drops it)\n"
        "no difference\n"
    )
    assert users.run(*DIFF, "--check").err == "no difference\n"
    assert users.run(*DIFF, "--types", "--check", code=3).err == "different: change users\n"
    assert users.run(*DIFF, "--allow-drop", "other").out == "migrations/002_next.sql\n"
    users.run("up", "--no-lint")
    assert "other" not in users.tables()
