"""Attempts to bypass the gates, each of which is refused."""

from __future__ import annotations

import json
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from d1migrate.cli import gates

if TYPE_CHECKING:
    from tests.cli.project import Project

SUNDAY = datetime(2026, 11, 29, 3, tzinfo=UTC).timestamp()
PRODUCTION = ("--env", "production")
ID = "0a1b2c3d-0000-4000-8000-000000000001"


@pytest.fixture
def shop(project: Project, monkeypatch: pytest.MonkeyPatch) -> Project:
    """Three migrations, and a clock that is fixed on a Sunday."""
    monkeypatch.delenv("D1MIGRATE_DATABASE")
    monkeypatch.setattr(gates, "now", lambda: SUNDAY)
    project.standard()
    configure(project)
    return project


def configure(project: Project, *lines: str) -> None:
    """Let production, on app.db, demand something; local and staging demand nothing."""
    text = '[env.local]\ndatabase = "sqlite:local.db"\n[env.staging]\ndatabase = "sqlite:staging.db"\n'
    text += '[env.production]\ndatabase = "sqlite:app.db"\n'
    (project.folder / "d1migrate.toml").write_text(text + "\n".join(lines))


def details(project: Project) -> list[Any]:
    """The details that the log holds."""
    rows = project.sql("SELECT detail FROM d1migrate_log WHERE event = 'done' ORDER BY id")
    return [json.loads(row[0]) if row[0] else None for row in rows]


# --- time ---


@pytest.mark.parametrize("command", ["up", "down"])
def test_a_name_typed_after_the_window_closed(
    shop: Project, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    """The question waits as long as it is not answered; the window does not."""
    shop.run("up", "--to", "1", *PRODUCTION)
    configure(shop, "protected = true", 'window = "Sun 02:00-04:00 UTC"')

    def ask(*_: object) -> str:
        monkeypatch.setattr(gates, "now", lambda: SUNDAY + 7200)
        return "production"

    monkeypatch.setattr("d1migrate.cli.output.Output.ask", ask)
    assert (
        "production refuses (window): the window Sun 02:00-04:00 UTC is closed"
        in shop.run(command, *PRODUCTION, code=1).err
    )
    assert shop.versions() == [1]


def test_a_window_that_closes_during_the_question_with_a_reason(
    shop: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The reason given counts, and is in the log."""
    configure(shop, "protected = true", 'window = "Sun 02:00-04:00 UTC"')

    def ask(*_: object) -> str:
        monkeypatch.setattr(gates, "now", lambda: SUNDAY + 7200)
        return "production"

    monkeypatch.setattr("d1migrate.cli.output.Output.ask", ask)
    shop.run("up", *PRODUCTION, "--to", "1", "--outside-window", "hotfix 812")
    assert details(shop) == [{"overridden": {"window": "hotfix 812"}}]


def test_one_transaction_has_one_limit(shop: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """Three migrations as one are given 30 seconds, not 90."""
    configure(shop, 'window = "Sun 02:00-04:00 UTC"')
    monkeypatch.setattr(gates, "now", lambda: SUNDAY + 3600 - 60)
    assert "warning" in shop.run("plan", *PRODUCTION).out
    assert "warning" not in shop.run("plan", *PRODUCTION, "--single-transaction").out


# --- names ---


@pytest.mark.parametrize("command", [("up",), ("plan",), ("down",), ("baseline", "--to", "1")])
def test_the_name_of_another_environment(shop: Project, command: tuple[str, ...]) -> None:
    """Confirming production is an error elsewhere, whether production is protected here or not."""
    shop.run("up", "--to", "1")
    err = shop.run(*command, "--confirm", "production", code=2).err
    assert "--confirm production, but this is local" in err
    assert "hint: use --env production" in err
    assert shop.run("current").out == "001_users\n"


def test_an_empty_name_is_no_name(shop: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """A variable that a job forgot to set does not mean the default environment."""
    assert "the name of the environment is empty" in shop.run("up", "--env", "", code=2).err
    monkeypatch.setenv("D1MIGRATE_ENV", "")
    assert "the name of the environment is empty" in shop.run("up", code=2).err
    assert not (shop.folder / "local.db").exists()


def test_an_unnamed_database_is_called_by_its_url(shop: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is called None: a `d1:` url has gates of its own."""
    monkeypatch.setattr("d1migrate.drivers.connect.connect", lambda *_, **__: _nothing_there())
    assert "gates of d1:shop:" in shop.run("plan", "--database", "d1:shop").out


def _nothing_there() -> Any:
    from d1migrate.drivers.sqlite import SqliteDriver

    return SqliteDriver("nothing.db", url="d1:shop")


# --- flags ---


def test_a_flag_is_written_out(shop: Project) -> None:
    """An abbreviation could come to mean another flag in the next version."""
    configure(shop, 'window = "Mon 02:00-04:00 UTC"')
    assert "up has no option --outside\n" in shop.run("up", *PRODUCTION, "--outside", "x", code=2).err


def test_the_linter_is_not_switched_off_without_a_reason(shop: Project) -> None:
    """If the environment has gates, the linter is one of them, even without a level of its own."""
    configure(shop, "require_rollback = true")
    assert "--no-lint without a reason" in shop.run("up", *PRODUCTION, "--no-lint", code=2).err
    shop.run("up", "--no-lint")


def test_a_point_that_is_not_taken_is_in_the_log(shop: Project) -> None:
    """Even if none is required, and one would have been taken."""
    shop.run("up", *PRODUCTION, "--to", "1", "--no-restore-point", "the disk is full")
    assert details(shop) == [{"overridden": {"restore_point": "the disk is full"}}]


# --- one database by two names ---


def test_a_hard_link_is_the_same_file(shop: Project) -> None:
    """As is a symbolic one."""
    configure(shop, "protected = true")
    shop.run("up", "--confirm", "production", *PRODUCTION)
    (shop.folder / "other.db").hardlink_to(shop.database)
    assert "it is protected" in shop.run("down", "--database", "sqlite:other.db", code=1).err


def test_an_id_that_may_be_production(shop: Project) -> None:
    """If nothing gives the id of a protected name, an id that may be its own is refused."""
    (shop.folder / "d1migrate.toml").write_text('[env.production]\ndatabase = "d1:shop"\nprotected = true\n')
    for command in (("up",), ("plan",), ("baseline", "--to", "1")):
        err = shop.run(*command, "--database", f"d1:{ID}", code=2).err
        assert f"d1:{ID} may be [env.production], d1:shop: one is an id, the other a name" in err


def test_a_name_and_an_id_as_environments(shop: Project) -> None:
    """Only wrangler's configuration can tell whether they are one database."""
    (shop.folder / "d1migrate.toml").write_text(
        f'[env.staging]\ndatabase = "d1:{ID}"\n[env.production]\ndatabase = "d1:shop"\nafter = "staging"\n'
    )
    err = shop.run("env", code=2).err
    assert "[env.staging] and [env.production] may be one database: one is an id, the other a name" in err
    databases = [{"binding": "DB", "database_name": "shop", "database_id": ID.replace("1", "2")}]
    (shop.folder / "wrangler.json").write_text(json.dumps({"d1_databases": databases}))
    shop.run("env")


def test_one_name_in_two_accounts(shop: Project) -> None:
    """It is two databases, which the guide to tokens recommends."""
    text = '[env.staging]\ndatabase = "d1:shop"\naccount = "a"\n'
    text += '[env.production]\ndatabase = "d1:shop"\naccount = "b"\nprotected = true\n'
    (shop.folder / "d1migrate.toml").write_text(text)
    assert [e["environment"] for e in shop.run("env", "--json").json["environments"]] == [
        "staging",
        "production",
    ]
    (shop.folder / "d1migrate.toml").write_text(text.replace('"b"', '"a"'))
    assert "are one database" in shop.run("env", code=2).err


def test_placeholders_are_no_ids(shop: Project) -> None:
    """Two names are two databases, though wrangler's configuration has the same placeholder for both."""
    databases = [
        {"binding": name.upper(), "database_name": name, "database_id": "YOUR_ID"}
        for name in ("shop", "test")
    ]
    (shop.folder / "wrangler.json").write_text(json.dumps({"d1_databases": databases}))
    (shop.folder / "d1migrate.toml").write_text(
        '[env.staging]\ndatabase = "d1:test"\n[env.production]\ndatabase = "d1:shop"\n'
    )
    shop.run("env")


# --- variables that a job forgot to set ---


@pytest.mark.parametrize("flag", ["--plan", "--config", "--migrations", "--confirm", "--database"])
def test_an_empty_flag_of_an_up(shop: Project, flag: str) -> None:
    """`up --plan "$PLAN"` without a PLAN is no `up` without a plan; nor is any other a flag left out."""
    shop.run("up", flag, "", code=2)
    assert not (shop.folder / "local.db").exists()


def test_an_empty_file_name_for_a_plan(shop: Project) -> None:
    """A plan that was to be written is not only printed."""
    assert "cannot write" in shop.run("plan", "--output", "", code=2).err


# --- every gate, as a program sees it ---


@pytest.mark.parametrize(
    ("demand", "gate", "hint"),
    [
        ('after = "staging"', "after", "--skip-after REASON"),
        ('window = "0 2 * * MON for 2h UTC"', "window", "--outside-window REASON"),
        ("require_rollback = true", "require_rollback", "--allow-irreversible REASON"),
        ('rehearse = "error"', "rehearse", "--no-rehearse REASON"),
        ("protected = true", "protected", "--confirm production"),
    ],
)
def test_one_gate(shop: Project, demand: str, gate: str, hint: str) -> None:
    """It names itself and its flag, on stderr and in JSON; its flag opens it, and no other flag does."""
    again = "CREATE TABLE users (id INTEGER PRIMARY KEY, email TEXT NOT NULL, name TEXT)"
    shop.write("004_drop.sql", f"INSERT INTO users VALUES (1, 'a', 'b');\nDROP TABLE users;\n{again};")
    configure(shop, demand, 'lint = { D = "off" }')
    every = {
        "after": ["--skip-after", "x"],
        "window": ["--outside-window", "x"],
        "require_rollback": ["--allow-irreversible", "x"],
        "rehearse": ["--no-rehearse", "x"],
        "lint": ["--no-lint", "x"],
        "protected": ["--confirm", "production"],
    }
    own = every.pop(gate)
    others = [word for name, flag in every.items() if name != "protected" for word in flag]
    refused = shop.run("up", *PRODUCTION, *others, "--json", code=1)
    assert refused.json["error"]["refused_by"] == [gate]
    assert refused.json["error"]["hint"].endswith(
        f"to confirm, add {hint}" if gate == "protected" else f"; to override, add {hint}"
    )
    assert f"production refuses ({gate}): " in refused.err
    assert not shop.database.exists()
    (seen,) = (g for g in shop.run("plan", *PRODUCTION, "--json").json["gates"] if g["name"] == gate)
    assert seen["state"] == "refused"
    shop.run("up", *PRODUCTION, *own)
    noted = [detail for detail in details(shop) if detail]
    assert noted == ([] if gate == "protected" else [{"overridden": {gate: "x"}}] * 4)


@pytest.mark.parametrize(
    "evaluated",
    [
        "d1migrate.project.windows.look",
        "d1migrate.project.gates.require_rollback",
        "d1migrate.rehearse.rehearse",
        "d1migrate.project.duplicates.identify",
        "d1migrate.project.gates.protected",
    ],
)
@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), RuntimeError("a mistake")])
def test_a_gate_that_fails_does_not_pass(
    shop: Project, monkeypatch: pytest.MonkeyPatch, evaluated: str, error: Exception
) -> None:
    """Whatever error a gate raises, nothing is run."""
    configure(
        shop,
        'window = "Sun 02:00-04:00 UTC"',
        "require_rollback = true",
        'rehearse = "error"',
        "protected = true",
    )

    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(evaluated, fail)
    with suppress(RuntimeError):
        assert shop.run("up", *PRODUCTION, "--confirm", "production", code=None).code != 0
    assert not shop.database.exists()
