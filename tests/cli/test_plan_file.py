"""`plan --output` and `up --plan`: the reviewed plan runs, or nothing runs."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from d1migrate.migrate import plan_file
from tests.cli.project import THREE

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.project import Project


@pytest.fixture
def shop(project: Project) -> Project:
    """Three migrations, the first of them applied, and a plan for the others."""
    project.standard()
    project.run("up", "--to", "1")
    project.run("plan", "--output", "plan.json")
    return project


def path(project: Project) -> Path:
    """The plan's file."""
    return project.folder / "plan.json"


def forge(project: Project, change: Any) -> None:
    """Change a plan as someone would who knows how its digest is made."""
    content = json.loads(path(project).read_text())
    change(content)
    path(project).write_text(plan_file.dump(content))


def refused(project: Project, *arguments: str) -> str:
    """The error of an `up --plan` that is refused; nothing may have been written."""
    before = project.versions()
    err = project.run("up", "--plan", "plan.json", *arguments, code=1).err
    assert project.versions() == before
    assert "hint: review a new plan" in err
    return err


def test_it_runs_what_was_planned(shop: Project) -> None:
    """Once; then history is another one, and it is refused."""
    assert "applied 2 migrations" in shop.run("up", "--plan", "plan.json").out
    assert shop.versions() == [1, 2, 3]
    assert "history has changed: 1 applied up to 001_users then, 3 applied up to 003_names now" in refused(
        shop
    )


def test_the_same_plan_is_the_same_file(shop: Project) -> None:
    """Byte for byte; it names files, checksums and SQL, and holds no time, user or place of this machine."""
    first = path(shop).read_text()
    printed = shop.run("plan").out
    assert shop.run("plan", "--output", "plan.json").out == printed
    assert path(shop).read_text() == first
    content = json.loads(first)
    assert [step["name"] for step in content["steps"]] == ["002_teams", "003_names"]
    assert content["steps"][1]["sql"] == ["ALTER TABLE users ADD COLUMN name TEXT"]
    assert str(shop.folder) not in first
    assert "tester" not in first


def test_the_file_keeps_the_options(shop: Project) -> None:
    """`up --plan` applies what the plan did, in one transaction if it says so; other flags are refused."""
    shop.run("plan", "--to", "2", "--single-transaction", "--output", "plan.json")
    err = shop.run("up", "--plan", "plan.json", "--to", "3", code=2).err
    assert "--plan already determines what to apply" in err
    error = shop.run("up", "--plan", "plan.json", "--dry-run", "--json", code=2).json["error"]
    assert error["message"] == "--dry-run and --plan cannot be used together"
    shop.run("up", "--plan", "plan.json")
    assert shop.versions() == [1, 2]


def test_an_edited_plan(shop: Project) -> None:
    """A digest that is not that of the content is refused."""
    text = path(shop).read_text()
    path(shop).write_text(text.replace("ADD COLUMN name TEXT", "DROP COLUMN email"))
    assert "plan.json was edited: its digest does not match its content" in refused(shop)


def test_sql_of_the_file_is_never_run(shop: Project) -> None:
    """Even if its digest is right: the plan of the migration files differs."""
    forge(shop, lambda plan: plan["steps"][1].update(sql=["DROP TABLE users"]))
    assert "plan.json is out of date: the plan has changed (steps)" in refused(shop)
    assert "users" in shop.tables()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "is not a plan"),
        ("[]", "its format is None"),
        ('{"format": "d1migrate plan 9"}', "its format is 'd1migrate plan 9', not 'd1migrate plan 1'"),
        ("[" * 100_000, "is not a plan"),
        ('{"format": ' + "9" * 10_000 + "}", "is not a plan"),
        ("", "is not a plan"),
    ],
)
def test_what_is_no_plan(shop: Project, text: str, message: str) -> None:
    """It is a usage error."""
    path(shop).write_text(text)
    assert message in shop.run("up", "--plan", "plan.json", code=2).err
    assert "the plan file nowhere.json does not exist" in shop.run("up", "--plan", "nowhere.json", code=2).err


def test_a_plan_cut_off(shop: Project) -> None:
    """Wherever it ends too early, it is refused."""
    text = path(shop).read_text()
    for end in range(0, len(text) - 2, 97):
        path(shop).write_text(text[:end])
        assert "plan.json is not a plan" in shop.run("up", "--plan", "plan.json", code=2).err
    assert shop.versions() == [1]


def test_a_folder_is_not_a_plan(shop: Project) -> None:
    """Neither is an unreadable file."""
    assert "cannot read migrations" in shop.run("up", "--plan", "migrations", code=2).err


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"steps": [', '"steps": [], "steps": ['),  # the last one counts; who reads sees the first
        ('"sql": [', '"sql": ["SELECT 1"], "sql": ['),
        ('"direction": "up"', '"direction":   "up"'),
    ],
)
def test_a_plan_with_other_text(shop: Project, old: str, new: str) -> None:
    """The text was reviewed; an equivalent for a machine is not enough."""
    path(shop).write_text(path(shop).read_text().replace(old, new, 1))
    assert "plan.json was edited: `plan --output` writes it differently" in refused(shop)


@pytest.mark.parametrize("key", ["environment", "database", "database_id"])
def test_a_forged_plan_harms_no_terminal(shop: Project, key: str) -> None:
    """Nor does it break the JSON of the refusal."""
    forge(shop, lambda plan: plan.update({key: "\x1b[31mHERE"}))
    assert "\x1b" not in refused(shop)
    path(shop).write_text(path(shop).read_text().replace("HERE", r"\udfff\ud800"))
    error = shop.run("up", "--plan", "plan.json", "--json", code=1).json["error"]
    assert error["type"] == "PlanError"


@pytest.mark.parametrize(
    "change",
    [
        lambda plan: plan.update(more=1),
        lambda plan: plan["steps"].reverse(),
        lambda plan: plan["steps"].append(plan["steps"][0]),
        lambda plan: plan["steps"][0].update(statements=9),
        lambda plan: plan["steps"][0].update(version=[1]),
        lambda plan: plan["steps"][0].update(version=2.0),
        lambda plan: plan["steps"][0].update(file="elsewhere.sql"),
        lambda plan: plan["steps"].clear(),
        lambda plan: plan["options"].update(more=True),
        lambda plan: plan["history"].update(applied="none"),
        lambda plan: plan["history"].update(digest=None),
    ],
)
def test_whatever_is_forged_is_refused(shop: Project, change: Any) -> None:
    """With a digest that fits, too: the plan made from the files has another one."""
    forge(shop, change)
    refused(shop)


def test_options_are_checked(shop: Project) -> None:
    """A forged plan cannot smuggle anything in by them."""
    forge(shop, lambda plan: plan["options"].update(to="1; DROP TABLE users"))
    assert "no migration 1; DROP TABLE users" in shop.run("up", "--plan", "plan.json", code=2).err
    forge(shop, lambda plan: plan["options"].update(to=1))
    assert "plan.json: option to is 1" in shop.run("up", "--plan", "plan.json", code=2).err
    forge(shop, lambda plan: plan.update(options={}))
    assert "plan.json: option to is missing" in shop.run("up", "--plan", "plan.json", code=2).err


def test_a_forged_plan_without_its_parts(shop: Project) -> None:
    """It is refused, in words."""
    forge(shop, lambda plan: plan.pop("history"))
    assert "plan.json is incomplete: 'history'" in refused(shop)
    forge(shop, lambda plan: plan.update(history={}, steps=3))
    assert "plan.json is incomplete" in refused(shop)


def test_another_sql(shop: Project) -> None:
    """The checksum is another one."""
    shop.write("003_names.sql", THREE.replace("name TEXT", "name BLOB"))
    assert "the SQL of 003_names has changed" in refused(shop)


def test_other_bytes(shop: Project) -> None:
    """A comment is not part of the checksum, but it was not reviewed either."""
    shop.write("003_names.sql", "-- added\n" + THREE)
    assert (
        "the file migrations/003_names.sql has changed in comments, white space or its rollback"
        in refused(shop)
    )


def test_another_file(shop: Project) -> None:
    """One more, one less, and one that has another name."""
    shop.write("004_more.sql", "SELECT 1;")
    assert "004_more is pending, too" in refused(shop)
    (shop.migrations / "004_more.sql").unlink()
    (shop.migrations / "003_names.sql").rename(shop.migrations / "003_titles.sql")
    assert "003_names is now called 003_titles" in refused(shop)
    (shop.migrations / "003_titles.sql").unlink()
    assert "003_names is no longer pending" in refused(shop)


def test_another_history(shop: Project) -> None:
    """Even if only a checksum in it differs."""
    shop.sql("UPDATE d1migrate_log SET checksum = NULL")
    assert "history has changed: 1 applied up to 001_users then, other checksums now" in refused(shop)


def test_another_database(shop: Project) -> None:
    """A plan for one database is refused on any other."""
    err = shop.run("up", "--plan", "plan.json", "--database", "sqlite:other.db", code=1).err
    assert "it is for the database sqlite:app.db, not sqlite:other.db" in err
    assert not (shop.folder / "other.db").exists()


def test_another_environment(shop: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """So is one for another environment; the gates are looked at again, and come after it."""
    monkeypatch.delenv("D1MIGRATE_DATABASE")
    toml = '[env.staging]\ndatabase = "sqlite:staging.db"\n[env.production]\ndatabase = "sqlite:app.db"\nprotected = true\n'
    (shop.folder / "d1migrate.toml").write_text(toml)
    shop.run("plan", "--env", "staging", "--output", "plan.json")
    err = refused(shop, "--env", "production", "--confirm", "production")
    assert "it is for the environment staging, not production" in err
    shop.run("plan", "--env", "production", "--output", "plan.json", "--confirm", "production")
    assert "it is protected" in shop.run("up", "--env", "production", "--plan", "plan.json", code=1).err
    shop.run("up", "--env", "production", "--plan", "plan.json", "--confirm", "production")
    assert shop.versions() == [1, 2, 3]


def test_large_files_too(shop: Project) -> None:
    """The plan has a file over 1 MiB as the digest of its bytes, without its SQL."""
    rows = "\n".join(f"INSERT INTO users (email) VALUES ('{'x' * 1000}{i}');" for i in range(1100))
    shop.write("004_many.sql", rows)
    shop.run("plan", "--output", "plan.json")
    step = json.loads(path(shop).read_text())["steps"][-1]
    assert (step["checksum"][:3], "sql" in step) == ("b1:", False)
    shop.write("004_many.sql", rows.replace("xx1'", "xy1'"))
    assert "the SQL of 004_many has changed" in refused(shop)
    shop.write("004_many.sql", rows)
    shop.run("up", "--plan", "plan.json")


def test_output_is_for_an_up(shop: Project) -> None:
    """The plan of a rollback counts rows, which come and go."""
    assert "--output is for `up`" in shop.run("plan", "--down", "--output", "x.json", code=2).err
