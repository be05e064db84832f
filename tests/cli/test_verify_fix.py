"""verify --fix: what was changed by hand is taken out of the live schema, or into the files."""

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
    """The SQL is printed, no file is written: it would fail where nothing has drifted."""
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
    """A migration does elsewhere what was done by hand here; adopt finds that it is here already."""
    path = drifted.run("verify", "--fix", "live").out.strip()
    assert path.endswith("002_what_was_changed_by_hand.sql")
    drifted.run("adopt", "--yes")
    drifted.run("verify", "--check")
    drifted.run("up", "--database", "sqlite:other.db")
    drifted.run("verify", "--check", "--database", "sqlite:other.db")


def test_what_is_pending_comes_first(drifted: Project) -> None:
    """Drift is measured against what is applied; a file after pending ones would be in the wrong place."""
    drifted.write("002_more.sql", "CREATE TABLE more (a);")
    assert (
        "002_more is pending, so drift cannot be determined"
        in drifted.run("verify", "--fix", "live", code=2).err
    )
