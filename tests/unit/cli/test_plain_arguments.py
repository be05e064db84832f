"""Plain arguments: argparse would give the same values, and what it refuses is not read."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from d1migrate.cli import argument_parser, plain_arguments
from d1migrate.cli.argument_parser import build
from d1migrate.cli.commands import COMMANDS, command_of, with_actions
from d1migrate.errors import UsageError

EVERY = [name for command in COMMANDS for name in with_actions(command)]
_VALUES = ("", "3", "a b", "json", "after", "-1", "--", "users", "--to=3", "-nq")


@pytest.mark.parametrize("name", EVERY)
@given(data=st.data())
def test_agree_with_argparse(name: str, data: st.DataObject) -> None:
    """Whatever the words are."""
    flags = sorted(flag for flag in build(name)._option_string_actions if flag not in ("-h", "--help"))
    words = data.draw(st.lists(st.sampled_from([*flags, *_VALUES]), max_size=5))
    read = plain_arguments.read(words, command_of(name))
    if read is not None:
        assert read == argument_parser.read(name, words)


@pytest.mark.parametrize("name", EVERY)
def test_each_option_is_plain(name: str) -> None:
    """A flag alone, and an option with a value, need no argparse, except where the value may be left out."""
    for flag, action in build(name)._option_string_actions.items():
        if flag in ("-h", "--help") or action.type or action.nargs not in (None, 0):
            continue
        words = [flag] if action.nargs == 0 else [flag, next(iter(action.choices or ["x"]))]
        try:
            argument_parser.read(name, words)
        except UsageError:  # it is not enough
            continue
        is_repeatable = type(action).__name__ == "_AppendAction"
        assert (plain_arguments.read(words, command_of(name)) is None) == is_repeatable, flag


@pytest.mark.parametrize(
    "words",
    [
        ["--check", "--check"],
        ["--env", "a", "--env", "a"],
        ["--quiet", "--verbose"],
        ["--json", "--format", "text"],
        ["--format", "sql"],
        ["--env"],
        ["--env", "--check"],
        ["--chec"],
        ["--env=a"],
        ["--help"],
        ["x"],
    ],
)
def test_others_are_left_to_argparse(words: list[str]) -> None:
    """Whether they are wrong or only unusual."""
    assert plain_arguments.read(words, COMMANDS["status"]) is None
