"""What tells how d1migrate is called: the bare command, `help`, `version`, `explain`."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from d1migrate import __version__
from d1migrate.cli.commands import COMMANDS, GROUPS, NAMES, command_of, with_actions
from d1migrate.lint.check import RULES
from tests.cli.test_terminal import on_terminal

if TYPE_CHECKING:
    from tests.cli.project import Project

TYPED = [name for name in COMMANDS if name != "start"]
WITH_ACTIONS = [name for command in TYPED for name in with_actions(command)]


def test_the_bare_command_is_one_screen(project: Project) -> None:
    """The state of the project and the usual commands, in 24 lines of 80 columns; and the exit code of usage."""
    project.standard()
    project.run("up", "--to", "2")
    out = project.run(code=2).out
    assert (
        "sqlite:app.db\n3 migrations in migrations\n2 applied, 1 pending: `d1migrate up` applies them" in out
    )
    assert all(f"  d1migrate {name}" in out for name in ("status", "new", "lint", "up", "down", "verify"))
    lines = out.split("\n")
    assert len(lines) <= 24
    assert max(map(len, lines)) <= 80


def test_the_bare_command_without_a_project(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """It leads to `init`."""
    monkeypatch.delenv("D1MIGRATE_DATABASE")
    assert "there is no project here yet: `d1migrate init` starts one" in project.run(code=2).out
    assert not project.database.exists()


def test_the_bare_command_shows_what_is_wrong(project: Project) -> None:
    """An error is part of the state; the commands are listed all the same."""
    project.database.write_text("this is no database, however long the text of it becomes" * 10)
    out = project.run(code=2).out
    assert "error: " in out
    assert "d1migrate help" in out


def test_the_bare_command_does_not_ask_a_remote_database(project: Project) -> None:
    """Not even for a token."""
    project.standard()
    out = project.run("--database", "d1:shop", code=2).out
    assert "`d1migrate status --database d1:shop` asks the database" in out


def test_every_command_is_in_one_group() -> None:
    """And `help` lists it there."""
    listed = [name for names in GROUPS.values() for name in names]
    assert sorted(listed) == sorted(TYPED)


def test_help_lists_every_command(project: Project) -> None:
    """With its other name, at 80 columns; `--help` is the same."""
    out = project.run("help").out
    assert all(re.search(rf"^  {name}\b", out, re.MULTILINE) for name in TYPED)
    assert "  up, apply " in out
    assert max(map(len, out.split("\n"))) <= 80
    assert project.run("--help").out == project.run("-h").out == out


@pytest.mark.parametrize("name", WITH_ACTIONS)
def test_help_of_a_command(project: Project, name: str) -> None:
    """It has an example that begins with the command itself, and is what its --help prints."""
    out = project.run("help", *name.split()).out
    assert f"example: d1migrate {name}" in out
    assert project.run(*name.split(), "--help").out.rstrip() == out.rstrip()


def test_help_of_a_command_with_actions_lists_them(project: Project) -> None:
    """A line for each, with its purpose; also for a command that is one of them without an action."""
    for command in ("fleet", "job"):
        lines = project.run(command, "-h").out.split("\n")
        for name in with_actions(command)[1:]:
            assert f"  {name.removeprefix(f'{command} '):6}  {command_of(name).help}" in lines


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        ("help fleet statsu", "did you mean `d1migrate fleet status`?"),
        ("help up down", "`d1migrate help up` explains up"),
        ("help fleet up x", "`d1migrate help fleet` explains fleet"),
    ],
)
def test_help_of_an_action_that_does_not_exist(project: Project, words: str, hint: str) -> None:
    """The nearest is named; of a command without actions, how it is explained."""
    assert hint in project.run(*words.split(), code=2).err


def test_help_of_an_alias(project: Project) -> None:
    """Is that of the command."""
    assert project.run("help", "apply").out == project.run("help", "up").out


def test_help_of_what_does_not_exist(project: Project) -> None:
    """The nearest is named."""
    assert "did you mean status?" in project.run("help", "statsu", code=2).err


def test_version(project: Project) -> None:
    """By each name that people try; as JSON for programs."""
    outs = {project.run(word).out for word in ("version", "--version", "-V")}
    (out,) = outs
    assert re.fullmatch(r"d1migrate \S+ \(SQLite 3\.\d+\.\d+, Python 3\.\d+\.\d+\S*\)\n", out)
    assert project.run("version", "--json").json["d1migrate"] == __version__


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.code)
def test_explain_prints_the_page_of_a_rule(project: Project, rule: object) -> None:
    """Its title, reason, examples, and how it is allowed."""
    out = project.run("explain", rule.code).out  # type: ignore[attr-defined]
    page = rule.page  # type: ignore[attr-defined]
    assert " ".join(page.title.split()) in " ".join(out.split())
    assert f"allow={rule.code}" in out  # type: ignore[attr-defined]
    assert all(line in out for line in page.bad.split("\n"))


def test_explain_finds_a_rule_by_code_or_name(project: Project) -> None:
    """In any case; a typo is recognized."""
    out = project.run("explain", "D101").out
    assert out == project.run("explain", "d101").out == project.run("explain", "drop-deletes-children").out
    assert "did you mean drop-deletes-children?" in project.run("explain", "drop-deletes-childs", code=2).err
    assert project.run("explain", "D101", "--json").json["rule"] == "drop-deletes-children"


def test_long_errors_are_wrapped_at_words_on_a_terminal(project: Project) -> None:
    """At its width, and not within code; a pipe gets the whole line."""
    project.standard()
    arguments = ("--migrations", "a-folder", "up")
    seen = on_terminal(*arguments, code=2, columns=60, variables={"NO_COLOR": "1"})
    assert max(len(line) for line in seen.split("\r\n")) <= 60
    assert " ".join(seen.split()) == " ".join(project.run(*arguments, code=2).err.split())


def test_words_that_are_commands_are_not_taken_twice() -> None:
    """Every name that can be typed leads to one command."""
    assert set(NAMES.values()) == set(TYPED)
