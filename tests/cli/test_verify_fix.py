"""`verify --fix`: changes made by hand are removed from the live schema, or added to the files."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.cli.project import Project

FIRST = """\
CREATE TABLE users (id INTEGER PRIMARY KEY, email TEXT NOT NULL);
CREATE TABLE posts (id INTEGER PRIMARY KEY, by INTEGER REFERENCES users (id) ON DELETE CASCADE);
CREATE INDEX posts_by ON posts (by);
"""


@pytest.fixture
def drifted(project: Project) -> Project:
    """A database with rows, in which somebody dropped an index and added a column and a table."""
    project.write("001_first.sql", FIRST)
    project.run("up")
    project.sql("INSERT INTO users VALUES (1, 'a');\nINSERT INTO posts VALUES (7, 1)")
    project.sql("DROP INDEX posts_by;\nALTER TABLE users ADD COLUMN note TEXT;\nCREATE TABLE extra (a)")
    project.run("verify", "--check", code=3)
    return project


def test_back_to_the_files(drifted: Project) -> None:
    """The SQL is printed, and no file is written: it would fail on databases without drift."""
    err = drifted.run("verify", "--fix", "files", code=1).err
    assert "users.note, extra would be dropped, with all values" in err
    out = drifted.run("verify", "--fix", "files", "--allow-drop", "all").out
    assert out == (
        'ALTER TABLE "users" DROP COLUMN "note";\nCREATE INDEX posts_by ON posts (by);\nDROP TABLE "extra";\n'
    )
    drifted.sql(out.strip().rstrip(";"))
    drifted.run("verify", "--check")
    assert drifted.run("verify", "--fix", "files").err == "no difference\n"
    assert drifted.sql("SELECT * FROM posts") == [(7, 1)]


def test_into_the_files(drifted: Project) -> None:
    """A migration repeats elsewhere what was done by hand; `adopt` finds that this database has it."""
    path = drifted.run("verify", "--fix", "live").out.strip()
    assert path.endswith("002_what_was_changed_by_hand.sql")
    drifted.run("adopt", "--yes")
    drifted.run("verify", "--check")
    drifted.run("up", "--database", "sqlite:other.db")
    drifted.run("verify", "--check", "--database", "sqlite:other.db")


def test_pending_files_come_first(drifted: Project) -> None:
    """Drift is measured against applied files; a new file after pending ones would be in the wrong place."""
    drifted.write("002_more.sql", "CREATE TABLE more (a);")
    assert (
        "002_more is pending, so drift cannot be determined"
        in drifted.run("verify", "--fix", "live", code=2).err
    )
