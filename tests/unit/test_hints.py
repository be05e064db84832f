"""The wording that errors share."""

from __future__ import annotations

import pytest

from d1migrate.hints import did_you_mean, nearest

COMMANDS = ("up", "down", "status", "history", "rebuild", "rehearse", "renumber", "repair", "restore")


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("statsu", "status"),
        ("UP", "up"),
        ("stat", "status"),
        ("histroy", "history"),
        ("reheares", "rehearse"),
        ("restor", "restore"),
        ("re", None),  # the beginning of five
        ("", None),
        ("frobnicate", None),
    ],
)
def test_a_mistyped_name_is_recognized(typed: str, meant: str | None) -> None:
    """Whatever its case, by its beginning, or with a letter or two wrong; never one of several."""
    assert nearest(typed, COMMANDS) == meant


def test_the_beginning_of_a_long_name_is_recognized() -> None:
    """`prod` has too few letters of `production` to be like it."""
    assert nearest("prod", ["local", "staging", "production"]) == "production"


def test_the_hint_falls_back_to_what_the_caller_has() -> None:
    """A name that is like none of the known ones."""
    assert did_you_mean("user", ["users", "teams"], otherwise="it has: users, teams") == "did you mean users?"
    assert did_you_mean("xyz", ["users", "teams"], otherwise="it has: users, teams") == "it has: users, teams"
    assert did_you_mean("xyz", []) is None
