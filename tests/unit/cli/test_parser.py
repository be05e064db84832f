"""From argv to typed options: every argument is a field of them, and every field an argument."""

from __future__ import annotations

from argparse import SUPPRESS
from importlib import import_module
from typing import Any

import pytest

from d1migrate.cli.argument_parser import build
from d1migrate.cli.commands import COMMANDS, command_of, with_actions
from d1migrate.cli.options import GROUPS, ApplyOptions, GateOptions, GlobalOptions
from d1migrate.cli.parser import parse
from d1migrate.errors import UsageError

EVERY = [
    name for command in COMMANDS for name in with_actions(command) if not command_of(name).default_action
]
"""Every command, and every action of one; without a command that is always one of its actions."""
RUN_PLAN = ("down", "fleet up")
"""The commands of which a dry run is another command, whatever else is given."""


def arguments(name: str) -> set[str]:
    """The arguments of a command, by the names that argparse gives them."""
    found = {action.dest for action in build(name)._actions} - {"help", SUPPRESS, *GlobalOptions._fields}
    return found - ({"dry_run"} if name in RUN_PLAN else set())


def module(name: str) -> Any:
    """The module of a command."""
    return import_module(f"d1migrate.cli.{name.replace(' ', '.')}")


def fields(name: str) -> set[str]:
    """The fields of a command's Options, with those of the shared groups that it takes part of."""
    own = module(name).Options._fields
    shared = {field for group in set(own) & set(GROUPS) for field in GROUPS[group]._fields}
    return {field for field in own if field not in GROUPS} - {"format"} | shared


@pytest.mark.parametrize("name", EVERY)
def test_arguments_are_fields(name: str) -> None:
    """No argument is lost on the way to a command, and no field of its own stays at its default."""
    known = arguments(name)
    assert known <= fields(name)
    own = module(name).Options._fields
    assert {field for field in own if field not in GROUPS} - {"format"} <= known


def test_values() -> None:
    """Repeated flags are a tuple; options before the command and after it are the same."""
    found = parse(["--json", "down", "--allow-loss", "a", "--allow-loss", "b", "--env", "staging"])
    assert found.options.allow_loss == ("a", "b")
    assert (found.given.format, found.given.env) == ("json", "staging")
    assert parse(["down"]).options.allow_loss == ()


def test_a_dry_run_is_a_plan() -> None:
    """It has the options that the plan knows."""
    plan = import_module("d1migrate.cli.plan")
    up = parse(["up", "--dry-run", "--to", "3", "--no-lint", "why"])
    assert (up.run, up.options.down) == (plan.run, False)
    assert up.options.apply == ApplyOptions(to="3")
    assert up.options.gates == GateOptions(no_lint="why")
    down = parse(["down", "--dry-run", "--steps", "2"])
    assert (down.run, down.options.down, down.options.steps) == (plan.run, True, 2)


def test_a_dry_run_of_a_plan_file() -> None:
    """`up` refuses it, in JSON too if that is asked for: it would say nothing that the file does not."""
    up = import_module("d1migrate.cli.up")
    found = parse(["up", "--dry-run", "--plan", "a.json"])
    assert (found.run, found.options.dry_run) == (up.run, True)


def test_a_dry_run_of_a_fleet_is_its_plan() -> None:
    """With the databases that were chosen, and the reasons for overriding gates."""
    found = parse(["fleet", "up", "shop", "-n", "--only", "a*", "--wave", "2", "--skip-after", "why"])
    assert found.run is module("fleet plan").run
    assert (found.options.name, found.options.only, found.options.wave) == ("shop", ("a*",), 2)
    assert found.options.gates == GateOptions(skip_after="why")


@pytest.mark.parametrize(
    "words",
    [
        ["fleet", "status", "shop", "--env", "up"],
        ["--env", "up", "fleet", "status", "shop"],
        ["fleet", "--env", "up", "status", "shop"],
    ],
)
def test_an_action_follows_its_command(words: list[str]) -> None:
    """Options of every command can be anywhere; what follows the action is not an action."""
    found = parse(words)
    assert found.run is module("fleet status").run
    assert (found.options.name, found.given.env) == ("shop", "up")


@pytest.mark.parametrize("words", [["fleet", "shop"], ["fleet", "--only", "x", "up"], ["fleet", "UP"]])
def test_what_is_not_an_action_is_refused(words: list[str]) -> None:
    """Also the name of a fleet, and an option of the action before it."""
    with pytest.raises(UsageError):
        parse(words)


def test_a_command_alone_is_its_default_action() -> None:
    """Wherever the options are; but its help is that of the command."""
    for words in (["job"], ["--json", "job"], ["job", "--env", "run"]):
        assert parse(words).run is parse(["job", "status"]).run
