"""Mistakes with commands that choose migrations or correct the history: an answer, and the next step."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.cli.project import Project


@pytest.fixture
def applied(project: Project) -> Project:
    """Three migrations, applied; a fourth that is pending."""
    project.standard()
    project.run("up")
    project.write(
        "004_extra.sql", "CREATE TABLE extra (id INTEGER PRIMARY KEY);\n-- Rollback:\n-- DROP TABLE extra;\n"
    )
    return project


# --- which migration ---


@pytest.mark.parametrize(
    ("arguments", "message", "hint"),
    [
        (["up", "--to", "abc"], "there is no migration abc", "known: 001_users to 004_extra"),
        (["up", "--to", "99"], "there is no migration 99", "known: 001_users to 004_extra"),
        (["up", "--to", "001_user_s"], "there is no migration 001_user_s", "did you mean 001_users?"),
        (["up", "--to", "extras"], "there is no migration extras", "did you mean 004_extra?"),
        (["up", "--to", "migrations/004_extra.sql"], "there is no migration migrations/004_extra.sql", "did you mean 004_extra?"),
        (["down", "--to", "5"], "there is no migration 5, among those applied", "use none for all, or one of: 001_users"),
        (["down", "--to", "4"], "004_extra is not applied", "use none for all, or one of: 001_users"),
        (["down", "--to", "user"], "there is no migration user, among those applied", "did you mean 001_users?"),
        (["down", "--steps", "99"], "--steps 99: only 3 migrations are applied", "`d1migrate down --to none` rolls back all"),
        (["plan", "--down", "--steps", "4"], "--steps 4: only 3 migrations are applied", "`d1migrate down --to none`"),
        (["down", "--steps", "0"], "--steps 0: at least one is required", "`d1migrate down` rolls back the newest"),
        (["down", "--steps", "-1"], "--steps -1: at least one is required", "`d1migrate down --to none` all"),
        (["down", "--steps", "2", "--to", "1"], "--to and --steps cannot be used together", "--steps counts from the newest"),
    ],
)  # fmt: skip
def test_selectors(applied: Project, arguments: list[str], message: str, hint: str) -> None:
    """Nothing is guessed: what is not there is named, with the nearest or all that could be meant."""
    err = applied.run(*arguments, code=2).err
    assert f"error: {message}\n" in err
    assert hint in err.partition("\nhint: ")[2]
    assert applied.states() == {1: "applied", 2: "applied", 3: "applied", 4: "pending"}


def test_steps_of_nothing(project: Project) -> None:
    """Without a number it is nothing to do; with one it is a mistake."""
    project.standard()
    assert project.run("down").out == "nothing to do\n"
    err = project.run("down", "--steps", "1", code=2).err
    assert err.endswith("--steps 1: no migration is applied\nhint: `d1migrate status` shows all of them\n")
