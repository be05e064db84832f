"""Mistakes with commands that choose migrations or correct the history: an answer, and the next step."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from d1migrate.cli.output import Output
from tests.cli.project import ONE

if TYPE_CHECKING:
    from collections.abc import Callable

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
        (["up", "--to", "head"], "there is no migration head", "did you mean the last one, 004_extra?"),
        (["down", "--to", "latest"], "there is no migration latest, among those applied", "the last one, 003_names?"),
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
    assert err.endswith("--steps 1: no migration is applied\nhint: `d1migrate status` shows the migrations\n")


# --- what is recorded or renamed is shown, and confirmed ---

ASKED = "without confirmation, and there is no terminal to ask on"


def answer(monkeypatch: pytest.MonkeyPatch, typed: str) -> list[str]:
    """Answer every question; return the questions."""
    asked: list[str] = []

    def ask(_: Output, question: str) -> str:
        asked.append(question)
        return typed

    monkeypatch.setattr(Output, "ask", ask)
    return asked


def edited(project: Project) -> tuple[str, ...]:
    """Edit an applied file; the arguments that accept it."""
    project.write("001_users.sql", ONE.replace("email TEXT", "mail TEXT"))
    return ("repair", "--accept", "1", "--reason", "a typo")


def renamed(project: Project) -> tuple[str, ...]:
    """Rename an applied file; the arguments that record it."""
    (project.migrations / "003_names.sql").rename(project.migrations / "005_names.sql")
    return ("repair", "--rename", "003_names", "005_names", "--reason", "a typo")


def removed(project: Project) -> tuple[str, ...]:
    """Remove an applied file; the arguments that forget it."""
    (project.migrations / "002_teams.sql").unlink()
    return ("repair", "--forget", "2", "--reason", "a typo")


def late(project: Project) -> tuple[str, ...]:
    """Add a late file; the arguments that renumber it."""
    project.write("002_a.sql", "CREATE TABLE a (id INTEGER PRIMARY KEY);\n")
    return ("renumber",)


def many(_: Project) -> tuple[str, ...]:
    """The arguments that replace two files."""
    return ("squash", "--to", "2")


def state(project: Project) -> tuple[list[tuple[str, str]], list[Any]]:
    """The files, and the history."""
    files = sorted((path.name, path.read_text()) for path in project.migrations.iterdir())
    return files, project.run("history", "--json").json["entries"]


@pytest.mark.parametrize(
    ("prepare", "shown", "question"),
    [
        (edited, "001_users: edited after being applied\n", "accept 001_users as it is now (runs nothing)"),
        (renamed, "005_names: recorded as 003_names\n", "record 005_names in place of 003_names (runs nothing)"),
        (removed, "002_teams: applied, but the file is missing\n", "forget 002_teams (runs nothing)"),
        (late, "002_a → 004_a\n", "rename 2 files"),
        (many, "migrations/002_squashed.sql replaces 2 files: 001_users, 002_teams\n", "replace 2 files with migrations/002_squashed.sql"),
    ],
)  # fmt: skip
def test_nothing_is_changed_before_a_yes(
    applied: Project,
    monkeypatch: pytest.MonkeyPatch,
    prepare: Callable[[Project], tuple[str, ...]],
    shown: str,
    question: str,
) -> None:
    """What would be done is shown; without a terminal, --yes is the hint; a no changes nothing, a yes does it."""
    arguments = prepare(applied)
    before = state(applied)
    refused = applied.run(*arguments, code=2)
    assert shown in refused.out + refused.err
    assert f"error: cannot {question} {ASKED}\n" in refused.err
    assert refused.err.endswith("hint: add --yes to confirm, or --dry-run to see what would be done\n")
    applied.run(*arguments, "--dry-run")
    assert (
        "--dry-run and --yes cannot be used together"
        in applied.run(*arguments, "--dry-run", "--yes", code=2).err
    )
    asked = answer(monkeypatch, "n")
    assert f"not confirmed: did not {question}" in applied.run(*arguments, code=2).err
    assert asked == [f"{question}? [y/N] "]
    assert state(applied) == before
    answer(monkeypatch, "y")
    applied.run(*arguments)
    assert state(applied) != before


def test_baseline_of_what_is_missing(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the database lacks is shown; recording it takes a yes, recording what it has does not."""
    project.standard()
    project.sql("CREATE TABLE users (id INTEGER PRIMARY KEY, email TEXT NOT NULL)")
    err = project.run("baseline", "--to", "2", code=2).err
    assert "\n002_teams: table teams and index idx_teams_owner are missing\n" in err
    assert (
        f"error: cannot record 2 migrations as applied (the database lacks the objects of 1 of them) {ASKED}\n"
        in err
    )
    assert (
        "hint: `d1migrate adopt` records what the database has, `d1migrate up` applies the rest; --yes" in err
    )
    assert "schema_migrations" not in {name for (name,) in project.sql("SELECT name FROM sqlite_master")}
    dry = project.run("baseline", "--to", "2", "--dry-run")
    assert dry.out == "  001_users\n  002_teams\nwould record 2 migrations as applied\n"
    as_json = project.run("baseline", "--to", "2", "--dry-run", "--json").json
    assert [one["name"] for one in as_json["unproved"]] == ["002_teams"]
    assert (
        project.run("baseline", "--to", "1").out
        == "  001_users\nrecorded 1 migration as applied; ran nothing\n"
    )
    answer(monkeypatch, "y")
    project.run("baseline", "--to", "2")
    assert project.states() == {1: "applied", 2: "applied", 3: "pending"}


# --- repair ---


def test_repair_alone_lists_what_it_can_correct(applied: Project) -> None:
    """Each problem that `status` shows, with its command; the flags that name the database are kept."""
    assert applied.run("repair").out == "nothing to repair: files and history agree\n"
    edited(applied)
    renamed(applied)
    removed(applied)
    out = applied.run("repair", "--database", "sqlite:app.db").out
    same = "--reason … --database sqlite:app.db`"
    assert "005_names (applied as 003_names): renamed after being applied\n" in out
    assert f"`d1migrate repair --rename 003_names 005_names {same}" in out
    assert "001_users: edited after being applied\nhint: restore the file and write a new migration;" in out
    assert f"`d1migrate repair --accept 001_users {same}" in out
    assert "002_teams: applied, but the file is missing\nhint: restore the file" in out
    assert f"`d1migrate repair --forget 002_teams {same}" in out
    errors = applied.run("repair", "--json").json["to_repair"]
    assert [one["names"] for one in errors] == [["005_names"], ["001_users"], ["002_teams"]]


@pytest.mark.parametrize(
    ("arguments", "message", "hint"),
    [
        (["--accept", "1"], "repair needs a reason", '`d1migrate repair --accept 1 --reason "…"`'),
        (["--forget", "2"], "repair needs a reason", '`d1migrate repair --forget 2 --reason "…"`'),
        (["--rename", "1", "5"], "repair needs a reason", '`d1migrate repair --rename 1 5 --reason "…"`'),
        (["--sync-tables"], "repair needs a reason", '`d1migrate repair --sync-tables --reason "…"`'),
        (["--reason", "x"], "repair takes one of --accept, --rename", "`d1migrate repair` lists what there is to repair"),
        (["--yes"], "repair takes one of --accept, --rename", "`d1migrate repair` lists what there is to repair"),
        (["--accept", "2", "--reason", "x"], "nothing to accept: 002_teams is applied", "`d1migrate repair` lists"),
        (["--forget", "2", "--reason", "x"], "nothing to forget: 002_teams is applied", "`d1migrate down` rolls back"),
        (["--accept", "teems", "--reason", "x"], "there is no migration teems", "did you mean 002_teams?"),
    ],
)  # fmt: skip
def test_repair_that_is_not_one(applied: Project, arguments: list[str], message: str, hint: str) -> None:
    """A reason is needed, and exactly one thing to do that has a use."""
    err = applied.run("repair", *arguments, code=2).err
    assert f"error: {message}" in err
    assert hint in err.partition("\nhint: ")[2]


# --- what stops `up` ---


@pytest.mark.parametrize(
    ("prepare", "message", "hint"),
    [
        (late, "002_a is pending, but 003_names, which comes later, is already applied", "`d1migrate renumber` gives it"),
        (edited, "001_users: edited after being applied", "restore the file and write a new migration; if the edit is"),
        (removed, "002_teams: applied, but the file is missing", "restore the file, update an old checkout, or deploy newer"),
        (renamed, "005_names (applied as 003_names): renamed after being applied", "rename the file back; if"),
    ],
)  # fmt: skip
def test_files_that_disagree(
    applied: Project, prepare: Callable[[Project], tuple[str, ...]], message: str, hint: str
) -> None:
    """Nothing runs; the right next step comes first, what overrides it last."""
    prepare(applied)
    err = applied.run("up", code=1).err
    assert f"error: {message}" in err
    assert err.partition("\nhint: ")[2].startswith(hint)


@pytest.mark.parametrize(
    ("arguments", "message", "hint"),
    [
        (["adopt"], "cannot record 1 migration as applied (runs nothing) without confirmation", "add --yes to confirm, or --dry-run"),
        (["restore", "--to", "3"], "cannot restore without confirmation", "add --yes to confirm, or --dry-run"),
        (["restore", "--to", "3", "--dry-run", "--yes"], "--dry-run and --yes cannot be used together", "") ,
        (["restore", "--dry-run"], "--dry-run is for --to", "`d1migrate restore` lists the restore points"),
        (["lint", "--fix"], "cannot rewrite 1 file without confirmation", "add --yes to confirm, or --dry-run"),
        (["baseline"], "baseline takes either DESCRIPTION or --to MIGRATION", "DESCRIPTION writes the first file"),
        (["squash", "--to", "1"], "nothing to squash: 001_users is the first file", "try --to 002_teams"),
    ],
)  # fmt: skip
def test_commands_that_ask(applied: Project, arguments: list[str], message: str, hint: str) -> None:
    """Without a terminal to ask on, the hint is the flag."""
    if arguments[0] == "restore":
        applied.run("up")  # a restore point is taken first
    applied.sql("CREATE TABLE IF NOT EXISTS extra (id INTEGER PRIMARY KEY)")
    if arguments[0] == "lint":
        applied.write("005_last.sql", "CREATE TABLE last (id INTEGER PRIMARY KEY)\n")
    err = applied.run(*arguments, code=2).err
    assert f"error: {message}" in err
    assert hint in err.partition("\nhint: ")[2]


def test_a_restore_is_shown_first(applied: Project) -> None:
    """A dry run shows what the question is about, as text or JSON, and changes nothing."""
    applied.run("up")
    shown = applied.run("restore", "--to", "3", "--dry-run")
    assert "  no longer applied: 004_extra\n" in shown.err
    assert applied.run("restore", "--to", "3", "--dry-run", "--json").json["no_longer_applied"] == [
        "004_extra"
    ]
    assert applied.states()[4] == "applied"
