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
    out, err = drifted.run("verify", "--fix", "files", "--allow-drop", "all")[1:]
    assert "hint: run this SQL on this database alone" in err
    assert out == (
        'ALTER TABLE "users" DROP COLUMN "note";\nCREATE INDEX posts_by ON posts (by);\nDROP TABLE "extra";\n'
    )
    drifted.sql(out.strip().rstrip(";"))
    drifted.run("verify", "--check")
    assert drifted.run("verify", "--fix", "files").err == "no difference\n"
    assert drifted.sql("SELECT * FROM posts") == [(7, 1)]


def test_into_the_files(drifted: Project) -> None:
    """A migration repeats elsewhere what was done by hand; here it is recorded, and nothing is left to do."""
    outcome = drifted.run("verify", "--fix", "live")
    assert outcome.out.strip().endswith("002_what_was_changed_by_hand.sql")
    assert "recorded 002_what_was_changed_by_hand as applied; ran nothing" in outcome.err
    drifted.run("verify", "--check")
    assert drifted.run("up").out == "nothing to do\n"
    assert drifted.run("history", "--json").json["entries"][-1]["action"] == "baseline"
    drifted.run("up", "--database", "sqlite:other.db")
    drifted.run("verify", "--check", "--database", "sqlite:other.db")


@pytest.mark.parametrize(
    ("by_hand", "flags"),
    [
        ("DROP INDEX posts_by", ()),
        ("DROP TABLE posts", ("--allow-drop", "all")),
        ("ALTER TABLE users RENAME COLUMN email TO mail", ("--rename", "users.email=mail")),
        ("ALTER TABLE posts RENAME TO articles", ("--rename", "posts=articles")),
        ("ALTER TABLE users ADD COLUMN age INTEGER NOT NULL DEFAULT 3", ()),
        ("CREATE VIEW v AS SELECT id FROM users", ()),
    ],
)
def test_up_has_nothing_to_do_after_any_change(
    project: Project, by_hand: str, flags: tuple[str, ...]
) -> None:
    """Also if the file only drops what is gone, so that no object shows that it ran."""
    project.write("001_first.sql", FIRST)
    project.run("up")
    project.sql(by_hand)
    project.run("verify", "--fix", "live", *flags)
    assert project.run("up").out == "nothing to do\n"
    project.run("verify", "--check")


def test_a_protected_database_is_not_recorded_without_its_name(drifted: Project) -> None:
    """The file is written all the same, and the next command is named; `up` in that state fails clearly."""
    (drifted.folder / "d1migrate.toml").write_text(
        '[env.production]\ndatabase = "sqlite:app.db"\nprotected = true\n'
    )
    production = ("--env", "production")
    outcome = drifted.run("verify", "--fix", "live", *production)
    assert outcome.out.strip().endswith("002_what_was_changed_by_hand.sql")
    assert (
        "warning: 002_what_was_changed_by_hand is not recorded as applied: production refuses" in outcome.err
    )
    baseline = "d1migrate baseline --to 002_what_was_changed_by_hand --confirm production --env production"
    assert f"hint: `{baseline}` records it" in outcome.err
    assert drifted.run("status", "--json", *production).json["pending"] == 1
    refused = drifted.run("up", *production, "--confirm", "production", code=1).err
    assert "if the file was applied by other means, `d1migrate adopt --env production` proves that" in refused
    drifted.run(*baseline.split()[1:])
    assert drifted.run("up", *production, "--confirm", "production").out == "nothing to do\n"


def test_a_changed_file_is_settled_first(drifted: Project) -> None:
    """Drift cannot be determined, and the error says what to do about the file."""
    drifted.write("001_first.sql", FIRST.replace("NOT NULL", ""))
    err = drifted.run("verify", "--fix", "live", code=1).err
    assert "001_first: edited after being applied" in err
    assert "restore the file" in err


def test_pending_files_that_exist_are_adopted_first(drifted: Project) -> None:
    """The hint names `adopt`, not `up`, which would fail."""
    drifted.write("002_extra.sql", "CREATE TABLE extra (a);\n")
    err = drifted.run("verify", "--fix", "files", code=2).err
    assert "hint: `d1migrate adopt` records which of the pending files this database already has" in err


def test_pending_files_come_first(drifted: Project) -> None:
    """Drift is measured against applied files; a new file after pending ones would be in the wrong place."""
    drifted.write("002_more.sql", "CREATE TABLE more (a);")
    assert (
        "002_more is pending, so drift cannot be determined"
        in drifted.run("verify", "--fix", "live", code=2).err
    )
