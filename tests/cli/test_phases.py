"""`up --phase` around a deploy, and `gate` in CI."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.cli.project import Project


@pytest.fixture
def shop(project: Project) -> Project:
    """A release that adds a column before the deploy, and drops the old one after it."""
    project.write("001_users.sql", "CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT);")
    project.run("up")
    project.write("002_full.sql", "ALTER TABLE users ADD COLUMN full_name TEXT;")
    project.write(
        "003_drop.sql", 'ALTER TABLE users DROP COLUMN name; -- d1migrate: allow=D104 reason="moved"'
    )
    return project


def test_around_a_deploy(shop: Project) -> None:
    """Before, deploy, after: each applies its own, and twice is nothing to do."""
    assert "003_drop" not in shop.run("plan", "--phase", "before").out
    err = shop.run("up", "--phase", "after", code=1).err
    assert "002_full runs before the deploy, and is not applied" in err
    shop.run("up", "--phase", "before")
    assert shop.versions() == [1, 2]
    assert shop.run("up", "--phase", "before").out == "nothing to do\n"
    shop.run("gate", "--code-version", "3")
    shop.run("up", "--phase", "after", "--no-lint")
    assert shop.versions() == [1, 2, 3]
    assert shop.run("up", "--phase", "after").out == "nothing to do\n"


def test_two_releases_at_once(shop: Project) -> None:
    """The next release's migrations do not overtake those the last one left; `after` stops at them."""
    shop.write("004_more.sql", "CREATE TABLE more (id INTEGER PRIMARY KEY);")
    err = shop.run("up", "--phase", "before", code=1).err
    assert (
        "004_more belongs before the deploy, but 003_drop, which comes first, belongs after the last one"
        in err
    )
    assert shop.versions() == [1]
    shop.run("up", "--phase", "before", "--to", "3")
    shop.run("up", "--phase", "after", "--no-lint")
    assert shop.versions() == [1, 2, 3]
    shop.run("up", "--phase", "before")
    assert shop.versions() == [1, 2, 3, 4]


def test_an_unclear_phase(shop: Project) -> None:
    """It must be declared; without --phase it does not matter."""
    shop.write(
        "002_full.sql", "ALTER TABLE users ADD COLUMN full_name TEXT;\nALTER TABLE users DROP COLUMN name;"
    )
    shop.write("003_drop.sql", "SELECT 1;")
    err = shop.run("up", "--phase", "before", code=1).err
    assert "002_full: its phase, before or after the deploy, is unclear:" in err
    assert "it adds column users.full_name, drops column users.name" in err
    assert "`-- d1migrate: phase=before`" in err
    shop.run("up", "--no-lint")


def test_a_contract_in_before(shop: Project) -> None:
    """A declaration does not make it harmless."""
    shop.write("003_drop.sql", "-- d1migrate: phase=before\nALTER TABLE users DROP COLUMN name;")
    err = shop.run("up", "--phase", "before", code=1).err
    assert "003_drop declares phase=before, but running code may break when it drops column users.name" in err
    assert shop.versions() == [1]


def test_the_linter_takes_the_directive(shop: Project) -> None:
    """It is no mistake; one that is misspelled is."""
    shop.write("002_full.sql", "-- d1migrate: phase=before\nALTER TABLE users ADD COLUMN full_name TEXT;")
    shop.write("003_drop.sql", "-- d1migrate: phase=sometime\nSELECT 1;")
    found = shop.run("lint", "--json").json["diagnostics"]
    assert [(d["code"], d["file"]) for d in found if d["code"] == "H111"] == [
        ("H111", "migrations/003_drop.sql")
    ]


def test_gate(shop: Project) -> None:
    """Exit 3 with the reason while the database lacks what the code needs, and once it has too much."""
    found = shop.run("gate", "--code-version", "2", code=3)
    assert "needed and not applied: 002_full" in found.out
    assert "code written for 002_full cannot run on the database, which is at 001_users" in found.out
    assert "hint: `d1migrate up --phase before` applies what the code needs" in found.err
    shop.run("gate", "--code-version", "1")
    shop.run("up", "--to", "2")
    assert (
        shop.run("gate", "--code-version", "2").out
        == "code written for 002_full can run on the database, which is at 002_full\n"
    )
    shop.run("up", "--no-lint")
    found = shop.run("gate", "--code-version", "2", code=3)
    assert "applied and breaks this code: 003_drop: drops column users.name" in found.out
    assert (
        "hint: deploy code that was written with 003_drop, or roll back: `d1migrate down --to 002_full`"
        in found.err
    )
    assert shop.run("gate", "--code-version", "3", "--json").json["ok"] is True
    broken = shop.run("gate", "--code-version", "1", "--json", code=3).json
    assert (broken["ok"], broken["written_for"]) == (False, "001_users")
    assert broken["breaking"] == [{"name": "003_drop", "reason": "drops column users.name"}]
    assert "there is no migration 9" in shop.run("gate", "--code-version", "9", code=2).err


def test_gate_from_an_older_checkout(shop: Project) -> None:
    """The effect of newer files cannot be determined without them."""
    shop.run("up", "--to", "2")
    (shop.migrations / "002_full.sql").unlink()
    assert (
        "cannot be determined: 002_full: its file is missing"
        in shop.run("gate", "--code-version", "1", code=3).out
    )


def test_the_plan_of_a_phase(shop: Project) -> None:
    """A plan written for a phase is applied for that phase."""
    shop.run("plan", "--phase", "before", "--output", "plan.json")
    shop.run("up", "--plan", "plan.json")
    assert shop.versions() == [1, 2]


def test_the_phase_is_shown(shop: Project) -> None:
    """In `plan` and `list`, and in their JSON with the reason."""
    shop.write("004_fill.sql", "UPDATE users SET full_name = '';")
    out = shop.run("plan").out
    assert "up 002_full: 1 statement, before the deploy\n" in out
    assert "up 003_drop: 1 statement, after the deploy\n" in out
    assert "up 004_fill: 1 statement, before or after the deploy is unclear\n" in out
    steps = shop.run("plan", "--json").json["steps"]
    assert [(step["phase"], step["phase_reason"]) for step in steps] == [
        ("before", "adds column users.full_name"),
        ("after", "drops column users.name"),
        (None, "updates rows of users"),
    ]
    lines = shop.run("list").out.splitlines()
    assert [line.split()[4] for line in lines[1:]] == ["before", "before", "after", "?"]
    assert [f["phase"] for f in shop.run("list", "--json").json["migrations"]] == [
        "before",
        "before",
        "after",
        None,
    ]


def test_a_wrong_phase_is_shown(shop: Project) -> None:
    """Who lists files sees it; who runs a phase is refused."""
    shop.write("003_drop.sql", "-- d1migrate: phase=before\nALTER TABLE users DROP COLUMN name;")
    found = shop.run("list", "--json").json["migrations"][2]
    assert found["phase"] is None
    assert "running code may break when it" in found["phase_reason"]
