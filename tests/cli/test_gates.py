"""Gates: what an environment requires, on every command that writes, and the flags with their reasons."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from d1migrate.cli import gates
from d1migrate.drivers.protocol import Capabilities
from d1migrate.drivers.sqlite import SqliteDriver
from d1migrate.sql.batch import Batch
from tests.cli.project import ONE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from d1migrate.sql.batch import Result
    from tests.cli.project import Project

SUNDAY = datetime(2026, 11, 29, 3, tzinfo=UTC).timestamp()
MONDAY = datetime(2026, 11, 30, 3, tzinfo=UTC).timestamp()
ENVIRONMENTS = """
[env.staging]
database = "sqlite:staging.db"
[env.production]
database = "sqlite:app.db"
"""
PRODUCTION = ("--env", "production")


@pytest.fixture
def shop(project: Project, monkeypatch: pytest.MonkeyPatch) -> Project:
    """Three migrations, two environments, and a clock that is fixed on a Sunday."""
    monkeypatch.delenv("D1MIGRATE_DATABASE")
    set_clock(monkeypatch, SUNDAY)
    project.standard()
    return project


def set_clock(monkeypatch: pytest.MonkeyPatch, now: float) -> None:
    """Stop the clock of the gates."""
    monkeypatch.setattr(gates, "now", lambda: now)


def demand(project: Project, *lines: str) -> None:
    """Let production demand something."""
    (project.folder / "d1migrate.toml").write_text("\n".join([ENVIRONMENTS, *lines]))


def details(project: Project) -> list[Any]:
    """The details that the log holds."""
    rows = project.sql("SELECT detail FROM d1migrate_log WHERE event = 'done' ORDER BY id")
    return [json.loads(row[0]) if row[0] else None for row in rows]


def stages(project: Project, *arguments: str) -> dict[str, str]:
    """{gate: its state} in a plan."""
    return {
        g["name"]: g["state"] for g in project.run("plan", *PRODUCTION, "--json", *arguments).json["gates"]
    }


# --- after ---


def test_after_refuses_what_staging_has_not_run(shop: Project) -> None:
    """Nothing is written; when staging has it, it passes; with a reason it passes before that."""
    demand(shop, 'after = "staging"')
    refused = shop.run("up", *PRODUCTION, code=1)
    assert "production refuses (after): 001_users is not applied in staging" in refused.err
    assert "hint: first run `d1migrate up --env staging`; to override, add --skip-after REASON" in refused.err
    assert not shop.database.exists()
    shop.run("up", "--env", "staging", "--to", "2")
    assert "003_names is not applied in staging" in shop.run("up", *PRODUCTION, code=1).err
    shop.run("up", *PRODUCTION, "--to", "2")
    shop.run("up", *PRODUCTION, "--skip-after", "staging is being rebuilt")
    assert details(shop) == [None, None, {"overridden": {"after": "staging is being rebuilt"}}]
    assert "up (after overridden: staging is being rebuilt)" in shop.run("history", *PRODUCTION).out


def test_after_compares_checksums(shop: Project) -> None:
    """A migration that staging ran with different content, or that wrangler ran there, does not count."""
    demand(shop, 'after = "staging"')
    shop.run("up", "--env", "staging")
    shop.write("003_names.sql", "ALTER TABLE users ADD COLUMN nick TEXT;")
    assert (
        "003_names was applied in staging with different content" in shop.run("up", *PRODUCTION, code=1).err
    )


def test_an_unreachable_staging_is_no_pass(shop: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error says that it cannot be read."""
    monkeypatch.delenv("CLOUDFLARE_API_TOKEN", raising=False)
    demand(shop, 'after = "remote"', "[env.remote]", 'database = "d1:app"')
    err = shop.run("up", *PRODUCTION, code=1).err
    assert "remote cannot be read: no CLOUDFLARE_API_TOKEN" in err


# --- window ---


def test_window(shop: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """Closed on Monday, for both ways; open on Sunday; a reason opens it."""
    demand(shop, 'window = "Sun 02:00-04:00 UTC"')
    set_clock(monkeypatch, MONDAY)
    err = shop.run("up", *PRODUCTION, code=1).err
    assert "the window Sun 02:00-04:00 UTC is closed; it opens Sun 2026-12-06 02:00 UTC" in err
    shop.run("up", *PRODUCTION, "--to", "1", "--outside-window", "hotfix 812")
    set_clock(monkeypatch, SUNDAY)
    shop.run("up", *PRODUCTION, "--outside-window", "not needed now")
    set_clock(monkeypatch, MONDAY)
    assert "it opens Sun" in shop.run("down", *PRODUCTION, code=1).err
    shop.run("down", *PRODUCTION, "--outside-window", "it hurts")
    assert details(shop) == [
        *({"overridden": {"window": "hotfix 812"}}, None, None),
        {"overridden": {"window": "it hurts"}},
    ]
    shop.run("up", *PRODUCTION, "--to", "2")  # nothing to do, and so nothing to refuse


def test_a_run_that_may_outlast_the_window_warns(shop: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """The run continues; D1 gives each migration 30 seconds."""
    demand(shop, 'window = "Sun 02:00-04:00 UTC"')
    set_clock(monkeypatch, SUNDAY + 3600 - 60)
    warning = "the window closes in 1 min 0 s, and D1 gives 3 transactions up to 90 s"
    assert f"warning: {warning}" in shop.run("plan", *PRODUCTION).out
    assert f"warning: {warning}" in shop.run("up", *PRODUCTION).err


def test_a_reason_must_be_given(shop: Project) -> None:
    """A blank reason is not one; for --no-lint, too, if the environment has a level."""
    demand(shop, 'window = "Sun 02:00-04:00 UTC"', 'lint = "error"')
    assert (
        "--outside-window without a reason"
        in shop.run("up", *PRODUCTION, "--outside-window", " ", code=2).err
    )
    assert "--no-lint without a reason" in shop.run("up", *PRODUCTION, "--no-lint", code=2).err
    shop.run("up", *PRODUCTION, "--no-lint", "checked by hand")
    assert details(shop)[0] == {"lint": False, "overridden": {"lint": "checked by hand"}}
    assert "up (not linted; lint overridden: checked by hand)" in shop.run("history", *PRODUCTION).out


# --- protected ---


@pytest.mark.parametrize(
    "command",
    [
        ("up",),
        ("down",),
        ("baseline", "--to", "3", "--yes"),
        ("repair", "--accept", "1", "--reason", "x", "--yes"),
    ],
)
def test_protected_without_a_terminal(shop: Project, command: tuple[str, ...]) -> None:
    """Every command that writes needs the name as a flag, and refuses a wrong one; others do not."""
    demand(shop, "protected = true")
    if command[0] in ("down", "repair"):
        shop.run("up", *PRODUCTION, "--confirm", "production")
    if command[0] == "repair":
        shop.write("001_users.sql", ONE.replace("email", "mail"))
    err = shop.run(*command, *PRODUCTION, code=1).err
    assert "it is protected, and its name was not given" in err
    assert "hint: to confirm, add --confirm production" in err
    assert "'staging' is not its name" in shop.run(*command, *PRODUCTION, "--confirm", "staging", code=1).err
    shop.run("status", *PRODUCTION)
    shop.run(*command, *PRODUCTION, "--confirm", "production")


def test_protected_on_a_terminal(shop: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """The name is typed; another one refuses."""
    demand(shop, "protected = true")
    typed = ["producton", "production"]
    asked: list[str] = []

    def ask(_: object, question: str) -> str:
        asked.append(question)
        return typed.pop(0)

    monkeypatch.setattr("d1migrate.cli.output.Output.ask", ask)
    assert "'producton' is not its name" in shop.run("up", *PRODUCTION, code=1).err
    shop.run("up", *PRODUCTION)
    assert asked == ["production is protected; type its name to continue: "] * 2
    shop.run("plan", *PRODUCTION)  # never asks
    assert len(asked) == 2


def test_nobody_is_asked_what_will_be_refused_anyway(shop: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """The name is the last gate."""
    demand(shop, "protected = true", 'window = "Mon 02:00-04:00 UTC"')
    monkeypatch.setattr("d1migrate.cli.output.Output.ask", lambda *_: pytest.fail("asked"))
    err = shop.run("up", *PRODUCTION, code=1).err
    assert "to confirm, add --confirm production; to override, add --outside-window REASON" in err


# --- the others ---


def test_require_rollback(shop: Project) -> None:
    """A file without a rollback needs a reason."""
    demand(shop, "require_rollback = true")
    shop.write("004_x.sql", "CREATE TABLE x (id INTEGER PRIMARY KEY);")
    assert "004_x has no rollback block" in shop.run("up", *PRODUCTION, code=1).err
    shop.run("up", *PRODUCTION, "--allow-irreversible", "additive")
    assert details(shop)[-1] == {"overridden": {"require_rollback": "additive"}}


def test_lint_levels(shop: Project) -> None:
    """`lint = "warning"` refuses warnings too; the plan lists the findings."""
    demand(shop, 'lint = "warning"')
    shop.write("004_x.sql", "CREATE TABLE x (id INTEGER PRIMARY KEY);\n-- d1migrate: allow=D104\nSELECT 1;")
    assert stages(shop) == {"lint": "refused"}
    assert "H111" in shop.run("plan", *PRODUCTION).out
    assert "found 1 finding" in shop.run("up", *PRODUCTION, code=1).err
    assert stages(shop, "--no-lint", "it is fine") == {"lint": "overridden"}
    demand(shop, 'lint = { level = "warning", H111 = "info" }')
    shop.run("up", *PRODUCTION)


def test_rehearse_judges_the_cost_on_the_rows_that_are_there(shop: Project) -> None:
    """They are counted, in a request that the plan announces."""
    demand(shop, 'rehearse = "warning"', "budget = 100", 'lint = { D = "off", F = "off" }')
    shop.run("up", *PRODUCTION)
    rows = "WITH RECURSIVE i(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM i WHERE n < 200) SELECT"
    fill = f"INSERT INTO users (id, email) {rows} n + 1000, 'user' || n FROM i"
    shop.sql(fill)
    shop.write("004_fill.sql", "UPDATE users SET email = lower(email);")
    refused = shop.run("up", *PRODUCTION, code=1).err
    assert "production refuses (rehearse)" in refused
    assert "over the budget of 100" in refused
    shop.run("up", *PRODUCTION, "--no-rehearse", "it is a test")


def test_rehearse(shop: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """A migration that loses rows on a scratch copy is refused, with the findings."""
    demand(shop, 'rehearse = "error"', 'lint = { D = "off" }')
    shop.run("up", *PRODUCTION)
    shop.write(
        "004_drop.sql",
        "DROP TABLE users;\nCREATE TABLE users (id INTEGER PRIMARY KEY, email TEXT NOT NULL, name TEXT);\n",
    )
    assert (
        "production refuses (rehearse): migrations/004_drop.sql:1: X"
        in shop.run("up", *PRODUCTION, code=1).err
    )
    shop.run("up", *PRODUCTION, "--no-rehearse", "nothing is in it")
    assert details(shop)[-1] == {"overridden": {"rehearse": "nothing is in it"}}
    shop.write("005_y.sql", "CREATE TABLE y (id INTEGER PRIMARY KEY);")
    monkeypatch.setattr("d1migrate.rehearse.rehearse", lambda *_, **__: pytest.fail("rehearsed"))
    assert stages(shop, "--no-rehearse", "it takes an hour")["rehearse"] == "overridden"


class Bookmarked(SqliteDriver):
    """A database with Time Travel, as far as a gate can see."""

    taken = 0

    @property
    def capabilities(self) -> Capabilities:
        """Bookmarks only."""
        return Capabilities(time_travel=self)  # type: ignore[arg-type]

    def bookmark(self) -> str:
        """Take a bookmark."""
        Bookmarked.taken += 1
        return f"bookmark {Bookmarked.taken}"


def points(project: Project) -> list[Any]:
    """The restore points that the log holds."""
    rows = project.sql("SELECT restore_point FROM d1migrate_log WHERE event = 'done' ORDER BY id")
    return [row[0] for row in rows]


def test_restore_points_of_a_file(shop: Project) -> None:
    """A copy is kept before a run that writes; not without a change, and not with a reason."""
    shop.run("up", "--database", "sqlite:app.db", "--to", "1", "--no-restore-point", "x")
    demand(shop, "restore_point = true")
    assert "a copy of the file is taken first" in shop.run("plan", *PRODUCTION).out
    assert not (shop.folder / ".d1migrate").exists()
    shop.run("up", *PRODUCTION, "--to", "2")
    shop.run("up", *PRODUCTION, "--to", "2")
    assert len(list((shop.folder / ".d1migrate").glob("app-*.db"))) == 1
    assert stages(shop, "--no-restore-point", "it is on a snapshot")["restore_point"] == "overridden"
    shop.run("up", *PRODUCTION, "--no-restore-point", "it is on a snapshot")
    assert points(shop)[0] is None
    assert points(shop)[1].startswith("app-")
    assert points(shop)[2] is None
    assert details(shop)[2] == {"overridden": {"restore_point": "it is on a snapshot"}}


def test_restore_points_of_a_remote_database(shop: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """One bookmark a run, by default; it is a request that the plan counts."""

    def connect(url: str, **_: object) -> Bookmarked:
        return Bookmarked(url.partition(":")[2] + ".db", url=url)

    monkeypatch.setattr("d1migrate.drivers.connect.connect", connect)
    monkeypatch.setattr(Bookmarked, "taken", 0)
    toml = '[env.production]\ndatabase = "d1:app"\n'
    (shop.folder / "d1migrate.toml").write_text(toml)
    assert stages(shop) == {"lint": "passed", "restore_point": "passed"}
    with_it = shop.run("plan", *PRODUCTION, "--json").json["requests"]
    without = shop.run("plan", *PRODUCTION, "--json", "--no-restore-point", "x").json["requests"]
    assert (with_it - without, Bookmarked.taken) == (1, 0)
    shop.run("up", *PRODUCTION)
    assert points(shop) == ["bookmark 1"] * 3
    shop.run("up", *PRODUCTION)
    shop.run("down", *PRODUCTION)
    assert points(shop)[3:] == ["bookmark 2"]
    (shop.folder / "d1migrate.toml").write_text(f"{toml}restore_point = false\n")
    shop.run("up", *PRODUCTION)
    assert points(shop)[4:] == [None]


# --- the plan ---


def test_plan_shows_every_gate_and_changes_nothing(shop: Project) -> None:
    """Passed or refused, with the flag; --dry-run of `up` prints the same, byte for byte; exit code 0."""
    demand(
        shop, 'after = "staging"', 'window = "Mon 02:00-04:00 UTC"', "protected = true", "require_rollback = true"
    )  # fmt: skip
    text = shop.run("plan", *PRODUCTION).out
    assert "gates of production:" in text
    assert "  refused     after             001_users is not applied in staging" in text
    assert "  passed      require_rollback  every migration has a rollback" in text
    assert "--outside-window REASON" in text
    assert stages(shop) == {
        "after": "refused", "window": "refused", "require_rollback": "passed", "lint": "passed",
        "protected": "refused",
    }  # fmt: skip
    assert not shop.database.exists()
    for arguments in ([], ["--json"], ["--to", "2"], ["--skip-after", "x"], ["--confirm", "production"]):
        plan = shop.run("plan", *PRODUCTION, *arguments)
        assert shop.run("up", "--dry-run", *PRODUCTION, *arguments).out == plan.out
    found = stages(shop, "--skip-after", "x", "--confirm", "production")
    assert (found["after"], found["protected"]) == ("overridden", "passed")


def test_requests_are_those_of_the_run(shop: Project) -> None:
    """A gate that asks another environment is one request more."""
    plain = shop.run("plan", *PRODUCTION, "--json", "--database", "sqlite:other.db", code=2)
    assert "cannot be used together" in plain.err
    demand(shop)
    before = shop.run("plan", *PRODUCTION, "--json").json
    demand(shop, 'after = "staging"')
    after = shop.run("plan", *PRODUCTION, "--json").json
    assert (before["gates"], after["requests"]) == ([], before["requests"] + 1)


@pytest.mark.parametrize(("budget", "count"), [((), 7), (("budget = 1000",), 8)])
def test_a_run_makes_the_requests_its_plan_announced(
    shop: Project, monkeypatch: pytest.MonkeyPatch, budget: tuple[str, ...], count: int
) -> None:
    """With every gate; those of the plan itself are not among them. With a budget, rows are counted."""
    demand(shop)
    shop.run("up", "--env", "staging")
    shop.run("up", *PRODUCTION, "--to", "1")
    demand(
        shop, 'after = "staging"', 'window = "Sun 02:00-04:00 UTC"', "protected = true", "require_rollback = true",
        'rehearse = "warning"', 'lint = "warning"', *budget,
    )  # fmt: skip
    announced = shop.run("plan", *PRODUCTION, "--json").json["requests"]
    sent, send = list[Batch](), SqliteDriver.batch

    def batch(self: SqliteDriver, batch: Batch) -> Sequence[Result]:
        if self.url.endswith((":app.db", ":staging.db")):  # not those of a scratch database
            sent.append(batch)
        return send(self, batch)

    monkeypatch.setattr(SqliteDriver, "batch", batch)
    shop.run("up", *PRODUCTION, "--confirm", "production")
    assert announced == len(sent) == count


def test_the_url_is_no_way_past_the_gates(shop: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """Naming production's database by its url, or by a variable, is naming production."""
    demand(shop, "protected = true")
    assert "it is protected" in shop.run("up", "--database", "sqlite:./app.db", code=1).err
    monkeypatch.setenv("D1MIGRATE_DATABASE", f"sqlite:{shop.database}")
    assert "it is protected" in shop.run("up", code=1).err
    shop.run("up", "--database", "sqlite:other.db")


def test_two_environments_on_one_database(shop: Project) -> None:
    """Whatever writes refuses, and says which two."""
    (shop.folder / "d1migrate.toml").write_text(
        ENVIRONMENTS.replace("staging.db", "../" + shop.folder.name + "/app.db")
    )
    err = shop.run("up", *PRODUCTION, code=2).err
    assert "[env.staging] and [env.production] are one database" in err
    shop.run("plan", *PRODUCTION, code=2)
    shop.run("baseline", "--to", "1", *PRODUCTION, code=2)


def test_the_error_as_json(shop: Project) -> None:
    """A program sees which gates refused."""
    demand(shop, "protected = true", 'after = "staging"')
    error = shop.run("up", *PRODUCTION, "--json", code=1).json["error"]
    assert (error["type"], error["refused_by"]) == ("Gate", ["after", "protected"])


@pytest.mark.parametrize(("typed", "code"), [("production\n", 0), ("yes\n", 1), ("\x04", 1)])
def test_the_name_is_typed_on_a_real_terminal(shop: Project, typed: str, code: int) -> None:
    """Asked on stderr, read from the terminal; anything else, and the end of input, refuse."""
    demand(shop, "protected = true")
    controller, terminal = pty.openpty()
    command = [sys.executable, "-m", "d1migrate", "up", *PRODUCTION]
    process = subprocess.Popen(command, stdin=terminal, stdout=subprocess.PIPE, stderr=terminal)
    os.close(terminal)
    os.write(controller, typed.encode())
    out, _ = process.communicate(timeout=60)
    seen = os.read(controller, 65536).decode()
    os.close(controller)
    assert (process.returncode, "production is protected; type its name to continue: " in seen) == (
        code,
        True,
    )
    assert shop.database.exists() == (code == 0) == (b"applied 3 migrations" in out)
