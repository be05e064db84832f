"""From argv to typed options: every argument is a field of them, and every field an argument."""

from __future__ import annotations

from importlib import import_module

import pytest

from d1migrate.cli.argument_parser import build
from d1migrate.cli.commands import COMMANDS
from d1migrate.cli.options import GROUPS, ApplyOptions, GateOptions, GlobalOptions
from d1migrate.cli.parser import parse


def arguments(name: str) -> set[str]:
    """The arguments of a command, by the names that argparse gives them."""
    found = {action.dest for action in build(name)._actions} - {"help", *GlobalOptions._fields}
    return found - ({"dry_run"} if name == "down" else set())  # the parser runs `plan` then


def fields(name: str) -> set[str]:
    """The fields of a command's Options, with those of the shared groups that it takes part of."""
    own = import_module(f"d1migrate.cli.{name}").Options._fields
    shared = {field for group in set(own) & set(GROUPS) for field in GROUPS[group]._fields}
    return {field for field in own if field not in GROUPS} - {"format"} | shared


@pytest.mark.parametrize("name", COMMANDS)
def test_arguments_are_fields(name: str) -> None:
    """No argument is lost on the way to a command, and no field of its own stays at its default."""
    known = arguments(name)
    assert known <= fields(name)
    own = import_module(f"d1migrate.cli.{name}").Options._fields
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
