"""Rebuilds in files of their own."""

from __future__ import annotations

from typing import Any

import pytest

from d1migrate.drafting import Desired, Rename, Stage, backfill_of, draft, online_stages, read
from d1migrate.errors import PlanError, UsageError
from d1migrate.schema.changes import RebuildTable

USERS = "CREATE TABLE users (id INTEGER PRIMARY KEY, email TEXT);"
STRICTER = "CREATE TABLE users (id INTEGER PRIMARY KEY, email TEXT NOT NULL);"
POSTS = "CREATE TABLE posts (id INTEGER PRIMARY KEY, title TEXT);"


def staged(
    current: str, desired: str, *backfill: str, renames: tuple[str, ...] = (), **options: Any
) -> list[Stage]:
    """The migrations from one script to another."""
    before, after = read(current, file="current.sql").schema, Desired(read(desired, file="schema.sql").schema)
    values = dict(map(backfill_of, backfill))
    renamed = [Rename.of(text) for text in renames]
    whole = draft(before, after, backfill=values, allow_drop=["all"], renames=renamed)
    assert whole is not None
    return online_stages(before, after, whole, values, **options)


def test_a_rebuild_alone() -> None:
    """One file, which may have a name."""
    (stage,) = staged(USERS, STRICTER, "users.email=''", description="emails")
    assert (stage.description, stage.lines) == ("emails", ("d1migrate: online users",))
    assert [type(change) for change in stage.draft.changes] == [RebuildTable]


def test_other_changes_come_first() -> None:
    """In a file without a directive; then each rebuild, with the values that are its own."""
    desired = (
        STRICTER + POSTS.replace("TEXT", "TEXT NOT NULL") + "CREATE TABLE logs (id INTEGER PRIMARY KEY);"
    )
    found = staged(USERS + POSTS, desired, "users.email=''", "posts.title='none'", description="ignored")
    assert [(stage.description, stage.lines) for stage in found] == [
        ("create logs", ()),
        ("change users", ("d1migrate: online users",)),
        ("change posts", ("d1migrate: online posts",)),
    ]
    assert "coalesce" in str(found[1].draft.up)


def test_a_column_that_is_dropped() -> None:
    """By a rebuild, because ALTER TABLE would write each row in one statement; ALTER adds it again."""
    before = USERS.replace("email TEXT", "email TEXT, old TEXT")
    (stage,) = staged(before, USERS)
    assert stage.lines == ("d1migrate: online users",)
    assert [type(change) for change in stage.draft.changes] == [RebuildTable]
    assert "ADD COLUMN" in str(stage.draft.down)


def test_only_some_tables() -> None:
    """A small table is rebuilt with the other changes; the reason is a comment."""
    desired = STRICTER + POSTS.replace("TEXT", "TEXT NOT NULL")
    found = staged(
        USERS + POSTS,
        desired,
        "users.email=''",
        "posts.title=''",
        tables=["users"],
        why={"users": "it is big"},
    )
    assert [(stage.description, stage.lines) for stage in found] == [
        ("change posts", ()),
        ("change users", ("Online: it is big.", "d1migrate: online users")),
    ]


@pytest.mark.parametrize(
    ("desired", "renames", "error"),
    [
        (USERS.replace("email TEXT", "email TEXT, role TEXT"), (), UsageError),
        (STRICTER.replace("email", "mail"), ("users.email=mail",), PlanError),
        (STRICTER.replace("users", "people"), ("users=people",), PlanError),
    ],
)
def test_what_is_refused(desired: str, renames: tuple[str, ...], error: type[Exception]) -> None:
    """Nothing is rebuilt, or what is rebuilt is renamed."""
    backfill = ["people.email=''"] if "people" in desired else ["users.mail=''"] if renames else []
    with pytest.raises(error, match="online"):
        staged(USERS, desired, *backfill, renames=renames)
