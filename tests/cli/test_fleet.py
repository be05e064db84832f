"""`fleet` and its actions: many files with one schema, migrated, watched, and continued after anything."""

from __future__ import annotations

import json
import os
import pty
import sqlite3
import subprocess
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from d1migrate.cli import project
from d1migrate.cli.fleet import fleet_gates
from d1migrate.cli.fleet.chosen import ChosenFleet
from d1migrate.cli.options import GlobalOptions
from d1migrate.cli.output import Output

if TYPE_CHECKING:
    from tests.cli.project import Project

USERS = "CREATE TABLE users (id INTEGER PRIMARY KEY, email TEXT NOT NULL);\n-- Rollback:\n--   DROP TABLE users;\n"
UNIQUE = "CREATE UNIQUE INDEX users_email ON users(email);\n-- Rollback:\n--   DROP INDEX users_email;\n"
FLEET = '[fleet.shops]\ndatabases = "sqlite:data/*.db"\ncreate = true\nwaves = ["2", "rest"]\nstop = "3"\n'
SIZE = 7
SUNDAY = datetime(2026, 11, 29, 3, 59, 50, tzinfo=UTC).timestamp()


def make(project: Project, name: str, sql: str = "") -> None:
    """Make a tenant."""
    (project.folder / "data").mkdir(exist_ok=True)
    connection = sqlite3.connect(project.folder / "data" / f"{name}.db", isolation_level=None)
    connection.executescript(sql or "VACUUM")
    connection.close()


def configure(project: Project, text: str = FLEET) -> None:
    """Write d1migrate.toml."""
    (project.folder / "d1migrate.toml").write_text(text)


@pytest.fixture
def shops(project: Project, monkeypatch: pytest.MonkeyPatch) -> Project:
    """A fleet of seven empty files, and one migration."""
    monkeypatch.delenv("D1MIGRATE_DATABASE")
    configure(project)
    project.write("001_users.sql", USERS)
    for number in range(SIZE):
        make(project, f"shop-{number}")
    return project


@pytest.fixture
def failing(shops: Project) -> Project:
    """The same, migrated, and then a migration that fails in two of them."""
    shops.run("fleet", "up")
    for number in (3, 5):
        make(shops, f"shop-{number}", "INSERT INTO users (email) VALUES ('a'), ('a')")
    shops.write("002_unique.sql", UNIQUE)
    return shops


def tables(project: Project, name: str) -> set[str]:
    """The tables and indexes of a tenant."""
    connection = sqlite3.connect(project.folder / "data" / f"{name}.db")
    rows = connection.execute("SELECT name FROM sqlite_master").fetchall()
    connection.close()
    return {row[0] for row in rows}


# --- a run ---


def test_an_interrupt_before_a_run(shops: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """It names the status of the fleet."""

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("d1migrate.fleet.journal.Journal.create", interrupt)
    assert "see `d1migrate fleet status`" in shops.run("fleet", "up", code=130).err


def test_files_that_are_edited_during_a_run(shops: Project) -> None:
    """The migrations are the same by their names."""
    shops.run("fleet", "up", "--wave", "1")
    shops.write("001_users.sql", USERS.replace("email TEXT", "mail TEXT"))
    ended = shops.run("fleet", "up", code=2)
    assert "run 1 of fleet shops is running, and its files up to 001_users were edited meanwhile" in ended.err
    assert "restore them and run `d1migrate fleet up shops`" in ended.err


def test_up_migrates_every_tenant(shops: Project) -> None:
    """Once; the numbers of the summary add up to the fleet, and a second run has nothing to do."""
    ended = shops.run("fleet", "up")
    assert ended.err == "shops: sqlite:data/*.db\n"
    first, second = ended.out.splitlines()
    assert first.startswith("migrated 7 tenants, 7 of them created in ")
    assert second == "shops: 7 done + 0 failed + 0 left = 7 tenants; all done"
    assert all("users" in tables(shops, f"shop-{number}") for number in range(SIZE))
    again = shops.run("fleet", "up", "shops").out
    assert again.startswith("migrated 0 tenants, 7 were up to date in ")


def test_the_reserve_is_left_to_others(shops: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the rate limit, which the other commands and the dashboard share."""
    monkeypatch.chdir(shops.folder)
    configure(shops, FLEET + 'reserve = "25%"\n')
    chosen = ChosenFleet(None, project.Project(GlobalOptions(), Output()))
    assert chosen.drivers().demand.reserve == 0.25


def test_a_failed_tenant_stops_no_other_one(failing: Project) -> None:
    """The failures are grouped, with what to do next; `retry` and `up` finish after the cause is fixed."""
    ended = failing.run("fleet", "up", code=1)
    assert "migrated 5 tenants, 2 failed in " in ended.out
    assert "\n2 tenants: migrations/002_unique.sql:1: UNIQUE constraint failed: users.email" in ended.out
    assert "\n    shop-3.db, shop-5.db\n" in ended.out
    assert ended.out.endswith("shops: 5 done + 2 failed + 0 left = 7 tenants; finished with failures\n")
    assert (
        "`d1migrate fleet status --failed` shows why; after the cause is fixed, `d1migrate fleet retry`"
        in ended.err
    )
    shown = failing.run("fleet", "status", "--failed")
    assert shown.out.startswith("2 tenants: migrations/002_unique.sql:1: UNIQUE constraint failed")
    for number in (3, 5):
        make(failing, f"shop-{number}", "DELETE FROM users")
    assert failing.run("fleet", "retry", "--only", "shop-3*").out == "1 tenant can be tried again\n"
    assert "6 done + 1 failed + 0 left = 7 tenants" in failing.run("fleet", "up", code=1).out
    assert failing.run("fleet", "retry").out == "1 tenant can be tried again\n"
    assert "7 done + 0 failed + 0 left = 7 tenants; all done" in failing.run("fleet", "up").out
    assert failing.run("fleet", "status", "--failed").out == "no tenant failed\n"
    assert failing.run("fleet", "retry").out == "no tenant failed\n"


def test_the_failed_tenants_of_a_wave_are_retried(failing: Project) -> None:
    """Those of the others stay failed; there is no wave of another number."""
    failing.run("fleet", "up", code=1)
    listed = json.loads(failing.run("fleet", "list", "--failed", "--json").out)["tenants"]
    (wave,) = {tenant["wave"] for tenant in listed}
    other = 1 if wave == 2 else 2
    assert failing.run("fleet", "retry", "--wave", str(other)).out == f"no tenant of wave {other} failed\n"
    assert failing.run("fleet", "retry", "--wave", str(wave)).out == "2 tenants can be tried again\n"
    assert "--wave 9" in failing.run("fleet", "retry", "--wave", "9", code=2).err


def test_failures_have_the_hints_of_their_errors(shops: Project) -> None:
    """In the summary, in the status, in a plan and in a verification; as text and as JSON."""
    configure(shops, FLEET.replace("create = true\n", ""))
    hint = (
        "check that the list names the right database; for a new one, set `create = true` in the section of the"
        " fleet, or FleetPlan(create=True)"
    )
    lines = f"it has no tables\n    hint: {hint}\n    shop-0.db"
    assert lines in shops.run("fleet", "up", code=1).out
    assert lines in shops.run("fleet", "status", "--failed").out
    assert lines in shops.run("fleet", "verify").out
    assert f"it has no tables\n        hint: {hint}\n" in shops.run("fleet", "plan").out
    assert shops.run("fleet", "status", "--failed", "--json").json["failures"][0]["hint"] == hint
    assert shops.run("fleet", "plan", "--json").json["sample"][0]["hint"] == hint
    assert shops.run("fleet", "list", "--failed", "--json").json["tenants"][0]["hint"] == hint


def test_hints_of_tenants_name_the_database(shops: Project) -> None:
    """A command line without it would work on another one."""
    make(shops, "shop-9", "CREATE TABLE users (id)")
    hint = "`d1migrate adopt --database URL`"
    assert hint in shops.run("fleet", "verify").out
    assert hint in shops.run("fleet", "up", code=1).out
    ended = shops.run("fleet", "status", "--failed")
    assert hint in ended.out
    assert "`d1migrate fleet list --failed` shows their urls" in ended.err
    (row,) = shops.run("fleet", "list", "--failed", "--json").json["tenants"]
    assert f"`d1migrate adopt --database {row['url']}`" in row["hint"]


def test_a_hint_about_a_late_file_is_one_for_a_fleet(failing: Project) -> None:
    """Other tenants may have it: a new number for it would be another migration there."""
    make(failing, "shop-1", "DELETE FROM schema_migrations WHERE version = 1")
    make(failing, "shop-1", "INSERT INTO schema_migrations VALUES (2, '002_unique', 1)")
    out = failing.run("fleet", "verify").out
    assert "001_users is pending, but 002_unique, which comes later, is already applied" in out
    assert "if no tenant has it, `d1migrate renumber" in out
    assert "out_of_order" in out
    assert "--allow-out-of-order" not in out


def test_too_many_failures_stop_the_run(failing: Project) -> None:
    """One in the first wave; `resume` accepts the failures."""
    configure(failing, FLEET.replace('waves = ["2"', 'canary = ["shop-5*"]\nwaves = ["2"'))
    ended = failing.run("fleet", "up", code=1)
    assert "; stopped: " in ended.out
    assert "`d1migrate fleet resume` continues in spite of the failures" in ended.err
    assert failing.run("fleet", "resume").out == "run 2 is running\n"
    assert (
        "5 done + 2 failed + 0 left = 7 tenants; finished with failures"
        in failing.run("fleet", "up", code=1).out
    )


def test_a_run_that_stops_with_its_last_tenants_is_not_resumed(failing: Project) -> None:
    """Nothing is left to continue with."""
    configure(failing, FLEET.replace('stop = "3"', 'stop = "1"'))
    make(failing, "shop-3", "DELETE FROM users")
    make(failing, "shop-6", "INSERT INTO users (email) VALUES ('a'), ('a')")
    ended = failing.run("fleet", "up", code=1)
    assert (
        "5 done + 2 failed + 0 left = 7 tenants; stopped: 2 of 5 tenants of wave 2 (rest) failed" in ended.out
    )
    assert "fleet retry" in ended.err
    assert "fleet resume" not in ended.err
    assert "fleet resume" not in failing.run("fleet", "status").err


def test_an_empty_tenant_is_not_made_a_journal(shops: Project) -> None:
    """A list of files may have it by mistake."""
    (shops.folder / "shops.csv").write_text("url\nsqlite:data/shop-1.db\n")
    for name in ("shop-1.db", "shop-2.db"):
        (shops.folder / "data" / name).write_bytes(b"")
    configure(shops, '[fleet.shops]\nfile = "shops.csv"\njournal = "sqlite:data/shop-1.db"\ncreate = true\n')
    assert "which is the journal of [fleet.shops]" in shops.run("fleet", "up", code=2).err
    assert tables(shops, "shop-1") == set()
    (shops.folder / "shops.csv").write_text("url\nsqlite:data/shop-2.db\n")
    assert "all done" in shops.run("fleet", "up").out


def test_up_can_be_limited(shops: Project) -> None:
    """To the waves up to one, and to tenants by name, id or pattern."""
    assert "2 done + 0 failed + 5 left = 7 tenants" in shops.run("fleet", "up", "--wave", "1").out
    path = str((shops.folder / "data" / "shop-6.db").resolve())
    ended = shops.run("fleet", "up", "--only", "shop-4.db", "--only", path)
    assert "4 done + 0 failed + 3 left = 7 tenants; done with those that were chosen" in ended.out
    assert "`d1migrate fleet up` continues" in ended.err
    assert {n for n in range(SIZE) if "users" in tables(shops, f"shop-{n}")} == {0, 1, 4, 6}
    assert "the fleet has no tenant 'x'" in shops.run("fleet", "up", "--only", "x", code=2).err
    for action, wave in (("up", "3"), ("up", "0"), ("list", "0"), ("verify", "9")):
        assert "it has: 1 (2), 2 (rest)" in shops.run("fleet", action, "--wave", wave, code=2).err


def test_up_to_a_migration(shops: Project) -> None:
    """As `up --to`."""
    shops.write("002_unique.sql", UNIQUE)
    shops.run("fleet", "up", "--to", "1")
    assert "users_email" not in tables(shops, "shop-1")
    shops.run("fleet", "up")
    assert "users_email" in tables(shops, "shop-1")


def test_a_dry_run_is_a_plan(shops: Project) -> None:
    """It reads some tenants of each wave, and writes nothing, not even a journal."""
    ended = shops.run("fleet", "up", "--dry-run")
    assert ended.out == shops.run("fleet", "plan").out
    assert ended.out.splitlines() == [
        "shops: 7 tenants to 001_users",
        "wave  name  tenants  may fail",
        "   1  2           2         0",
        "   2  rest        5         3",
        "a sample of 5 tenants:",
        "    5 pending: 001_users",
    ]
    assert not (shops.folder / ".d1migrate").exists()
    assert tables(shops, "shop-0") == set()


def test_a_plan_shows_the_gates(shops: Project) -> None:
    """As that of `plan` does, without a name that is asked for."""
    shops.run("up", "--database", "sqlite:staging.db")
    gates = (
        "[env.staging]\ndatabase = 'sqlite:staging.db'\n[env.production]\ndatabase = 'd1:control'\n"
        "after = 'staging'\nprotected = true\nlint = 'warning'\nrehearse = 'error'\nrequire_rollback = true\n"
    )
    configure(shops, f'{gates}{FLEET}env = "production"\n')
    out = shops.run("fleet", "plan").out
    assert "gates of production:\n" in out
    for gate in ("after", "require_rollback", "rehearse", "lint"):
        assert f"  passed      {gate}" in out
    assert "  refused     protected" in out
    found = shops.run("fleet", "plan", "--confirm", "production", "--json").json
    assert {gate["name"]: gate["state"] for gate in found["gates"]}["protected"] == "passed"
    shops.write("002_unique.sql", UNIQUE)
    assert "002_unique is not applied in staging" in shops.run("fleet", "plan").out


# --- status ---


def test_status_of_a_run(failing: Project) -> None:
    """A line for each wave, a sum, and what to do next; --check wants every tenant done."""
    failing.run("fleet", "up", code=1)
    ended = failing.run("fleet", "status")
    lines = ended.out.splitlines()
    assert lines[0] == "run 2 to 002_unique: done"
    assert lines[1].startswith("begun ")
    assert lines[1].partition(" by ")[2].startswith("tester, ended ")
    assert lines[2:6] == [
        "wave  name  tenants  done  failed  running  left",
        "   1  2           2     2       0        0     0",
        "   2  rest        5     3       2        0     0",
        "      all         7     5       2        0     0",
    ]
    assert "tenants per second" in lines[6]
    assert "`d1migrate fleet retry` tries them again" in ended.err
    assert failing.run("fleet", "status", "--check", code=3).out == ended.out


def test_status_by_version(failing: Project) -> None:
    """How many tenants have which last migration."""
    failing.run("fleet", "up", code=1)
    out = failing.run("fleet", "status", "--versions").out
    assert out.endswith("\n5 tenants: 002_unique\n2 tenants: 001_users\n")


def test_status_before_a_run(shops: Project) -> None:
    """No journal is made; the other actions report that there was no run, too."""
    assert shops.run("fleet", "status").out == "no run yet; `d1migrate fleet up` begins one\n"
    assert shops.run("fleet", "status", "--check", "--json", code=3).json["run"] is None
    for action in ("retry", "pause", "resume", "stop"):
        ended = shops.run("fleet", action, code=2)
        assert "error: the fleet shops has had no run\n" in ended.err
    assert not (shops.folder / ".d1migrate").exists()


def test_status_check_of_a_fleet_that_is_done(shops: Project) -> None:
    """Exits with 0."""
    shops.run("fleet", "up")
    shops.run("fleet", "status", "--check")


# --- pause, resume, stop ---


def test_a_paused_run_migrates_nobody(shops: Project) -> None:
    """Until it is resumed."""
    shops.run("fleet", "up", "--wave", "1")
    ended = shops.run("fleet", "pause")
    assert ended.out == "run 1 is paused\n"
    assert "`d1migrate fleet resume` lets the run continue" in ended.err
    ended = shops.run("fleet", "up", code=1)
    assert ended.out.endswith("2 done + 0 failed + 5 left = 7 tenants; paused by tester\n")
    assert "`d1migrate fleet resume` lets it continue" in ended.err
    assert "run 1 to 001_users: paused by tester" in shops.run("fleet", "status").out
    assert shops.run("fleet", "resume").out == "run 1 is running\n"
    assert "7 done + 0 failed + 0 left = 7 tenants" in shops.run("fleet", "up").out
    for action in ("pause", "resume", "stop"):
        assert "run 1 of the fleet shops is done" in shops.run("fleet", action, code=2).err


def test_a_run_of_other_migrations_waits_for_the_end_of_the_first(shops: Project) -> None:
    """Which `stop` ends."""
    shops.run("fleet", "up", "--wave", "1")
    shops.write("002_unique.sql", UNIQUE)
    ended = shops.run("fleet", "up", code=2)
    assert "has other migrations: up to 001_users" in ended.err
    assert "`d1migrate fleet up shops --to 001_users` with its files finishes it" in ended.err
    assert shops.run("fleet", "stop").out == "run 1 is stopped\n"
    assert "7 done + 0 failed + 0 left = 7 tenants" in shops.run("fleet", "up").out


# --- list and verify ---


def test_list(failing: Project) -> None:
    """Wave, state, name, url, migration and error; as JSON, an object with a line for each."""
    failing.run("fleet", "up", code=1)
    lines = failing.run("fleet", "list").out.splitlines()
    path = failing.folder.resolve() / "data"
    assert lines[0] == f"   1  done      shop-0.db  sqlite:{path}/shop-0.db  at 002_unique"
    assert lines[3].startswith(
        f"   2  failed    shop-3.db  sqlite:{path}/shop-3.db  at 001_users  migrations/002_unique"
    )
    out = failing.run("fleet", "list", "--failed", "--json").out
    assert len(out.splitlines()) == 4 + 2 + 2
    assert [tenant["name"] for tenant in json.loads(out)["tenants"]] == ["shop-3.db", "shop-5.db"]
    assert failing.run("fleet", "list", "--wave", "1", "--only", "shop-1*").out.count("\n") == 1


def test_tenants_that_appear_and_vanish(shops: Project) -> None:
    """Between two runs: they are counted, and listed."""
    assert shops.run("fleet", "list", "--vanished").out == ""
    shops.run("fleet", "up")
    (shops.folder / "data" / "shop-2.db").unlink()
    make(shops, "shop-8")
    assert "   2  new       shop-8.db  " in shops.run("fleet", "list").out
    assert "\nsince the run before, 1 appeared and 1 vanished\n" in shops.run("fleet", "up").out
    assert "\nsince the run before, 1 appeared and 1 vanished\n" in shops.run("fleet", "status").out
    path = shops.folder.resolve() / "data" / "shop-2.db"
    assert shops.run("fleet", "list", "--vanished").out == f"   -  vanished  shop-2.db  {path}\n"
    assert "cannot be used together" in shops.run("fleet", "list", "--vanished", "--failed", code=2).err


def test_list_of_an_empty_choice(shops: Project) -> None:
    """An object without rows; an error before the first row is only an error."""
    assert shops.run("fleet", "list", "--failed", "--json").json == {"fleet": "shops", "tenants": []}
    assert shops.run("fleet", "list", "--only", "x", "--json", code=2).json["error"]["type"] == "UsageError"


def test_verify(failing: Project) -> None:
    """The tenants that differ in the same way are one group; a pending migration is a difference."""
    failing.run("fleet", "up", code=1)
    (failing.folder / "data" / "shop-4.db").write_bytes(b"SQLite format 3\0" + b"broken" * 1000)
    ended = failing.run("fleet", "verify")
    assert "2 tenants: pending: 002_unique\n    shop-3.db, shop-5.db\n" in ended.out
    assert ended.out.endswith("4 up to date + 2 pending + 0 different + 1 not read = 7 tenants\n")
    failing.run("fleet", "verify", "--check", code=3)
    failing.run("fleet", "verify", "--check", "--only", "shop-0*")


# --- which fleet ---


def test_a_fleet_has_to_be_configured(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error has what to write."""
    monkeypatch.delenv("D1MIGRATE_DATABASE")
    configure(project, "[env.local]\ndatabase = 'sqlite:app.db'\n")
    err = project.run("fleet", "up", code=2).err
    assert (
        err
        == 'error: d1migrate.toml has no fleet\nhint: add to d1migrate.toml:\n[fleet.tenants]\ndatabases = "d1:tenant-*"\n'
    )
    (project.folder / "d1migrate.toml").unlink()
    assert "no fleet is configured" in project.run("fleet", "status", code=2).err


def test_one_of_several_fleets_has_to_be_named(shops: Project) -> None:
    """And command lines in messages name it."""
    configure(shops, f'{FLEET}[fleet.boats]\ndatabases = "sqlite:boats/*.db"\n')
    assert "error: d1migrate.toml has several fleets: shops, boats" in shops.run("fleet", "up", code=2).err
    assert "did you mean shops?" in shops.run("fleet", "up", "shop", code=2).err
    shops.run("fleet", "up", "shops", "--wave", "1")
    assert "`d1migrate fleet up shops` continues" in shops.run("fleet", "status", "shops").err


def test_options_that_name_a_database_are_refused(shops: Project) -> None:
    """A fleet has its own; a single database can be migrated beside it."""
    url = "sqlite:data/shop-1.db"
    assert "--database is for one database" in shops.run("fleet", "up", "--database", url, code=2).err
    assert (
        "the gates of the fleet shops are those of no environment"
        in shops.run("fleet", "up", "--env", "x", code=2).err
    )
    shops.run("up", "--database", url)
    assert shops.run("fleet", "up").out.startswith("migrated 6 tenants, 6 of them created, 1 were up to date")


def test_files_outside_the_project_are_refused(
    shops: Project, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Before anything is begun, unless the user allows them."""
    outside = tmp_path_factory.mktemp("outside")
    (outside / "a.db").touch()
    configure(shops, FLEET.replace("sqlite:data/*.db", f"sqlite:{outside}/*.db"))
    assert (
        f"[fleet.shops] databases {outside}/*.db is outside the project"
        in shops.run("fleet", "up", code=2).err
    )
    assert shops.run("fleet", "status").out.startswith("no run yet")
    shops.run("fleet", "up", "--outside-project")


def test_a_folder_can_be_given(shops: Project) -> None:
    """As for every command; without it, the fleet's own."""
    (shops.folder / "tenant").mkdir()
    (shops.folder / "tenant" / "001_notes.sql").write_text("CREATE TABLE notes (x);\n")
    configure(shops, f'{FLEET}migrations = "tenant"\n')
    assert shops.run("fleet", "plan").out.startswith("shops: 7 tenants to 001_notes\n")
    given = shops.run("fleet", "plan", "--migrations", "migrations").out
    assert given.startswith("shops: 7 tenants to 001_users\n")


def test_a_fleet_without_migrations(shops: Project) -> None:
    """Nothing is begun."""
    (shops.migrations / "001_users.sql").unlink()
    assert "error: there are no migrations in migrations\n" in shops.run("fleet", "up", code=2).err


# --- gates ---


@pytest.fixture
def protected(shops: Project) -> Project:
    """A fleet of a protected environment."""
    configure(
        shops, f"[env.production]\ndatabase = 'd1:control'\nprotected = true\n{FLEET}env = 'production'\n"
    )
    return shops


def test_a_protected_fleet_needs_the_name(protected: Project) -> None:
    """Given with a flag; another name is refused."""
    assert "production refuses (protected)" in protected.run("fleet", "up", code=1).err
    assert "'x' is not its name" in protected.run("fleet", "up", "--confirm", "x", code=1).err
    protected.run("fleet", "up", "--confirm", "production")


def test_a_terminal_is_asked_once_for_the_name(protected: Project) -> None:
    """With the number of tenants; a bar shows the progress, and leaves nothing."""
    controller, terminal = pty.openpty()
    command = [sys.executable, "-m", "d1migrate", "fleet", "up"]
    process = subprocess.Popen(command, stdin=terminal, stdout=subprocess.PIPE, stderr=terminal)
    os.close(terminal)
    os.write(controller, b"production\n")
    out, _ = process.communicate(timeout=60)
    seen = os.read(controller, 65536).decode()
    os.close(controller)
    assert process.returncode == 0
    assert seen.count("production is protected, and 7 tenants are to be migrated; type its name") == 1
    assert "7 done + 0 failed + 0 left = 7 tenants; all done" in out.decode()


WINDOW = (
    "[env.production]\ndatabase = 'd1:control'\nprotected = true\nwindow = 'Sun 02:00-04:00 UTC'\n"
    f"{FLEET}env = 'production'\n"
)


def test_a_closed_window_refuses_a_run(shops: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before a name is asked for; a reason overrides it."""
    configure(shops, WINDOW)
    monkeypatch.setattr(fleet_gates, "now", lambda: SUNDAY + 300)
    ended = shops.run("fleet", "up", code=1)
    assert "error: production refuses (window)" in ended.err
    assert shops.run("fleet", "status").out.startswith("no run yet")
    shops.run("fleet", "up", "--outside-window", "a test", "--confirm", "production")


def test_a_window_that_closes_ends_the_command(shops: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is asked before each claim; the next command continues."""
    configure(shops, WINDOW)
    times = iter([SUNDAY] * 3)
    monkeypatch.setattr(fleet_gates, "now", lambda: next(times, SUNDAY + 300))
    ended = shops.run("fleet", "up", "--confirm", "production", code=1)
    assert "2 done + 0 failed + 5 left = 7 tenants; the maintenance window is closed: " in ended.out
    assert "`d1migrate fleet up` continues" in ended.err


# --- what is from outside ---


def test_names_and_errors_lose_control_characters(shops: Project) -> None:
    """Those of files, and of what SQLite says about them."""
    evil = "shop-\x1b[31mevil\u202e"
    make(shops, evil, 'CREATE TABLE users (id); CREATE TABLE "\x1b]0;title\x07" (x)')
    for words in (("up",), ("status", "--failed"), ("list",), ("verify",), ("plan",)):
        ended = shops.run("fleet", *words, code=None)
        assert not any(mark in ended.out + ended.err for mark in "\x1b\x07\u202e"), words
    assert "shop-[31mevil.db" in shops.run("fleet", "list").out


def test_fleet_json_of_failures_keeps_them(shops: Project) -> None:
    """As escapes."""
    make(shops, "shop-\x1b[31m", "CREATE TABLE users (id)")
    found = shops.run("fleet", "up", "--json", code=1).json
    assert found["failures"][0]["examples"] == ["shop-\x1b[31m.db"]


def test_jobs_of_a_run_that_has_not_the_newest_migrations(shops: Project) -> None:
    """There are no jobs in it, and `fleet up` is named, which begins a run to the newest migration."""
    shops.run("fleet", "up")
    assert "begins a run" not in shops.run("fleet", "jobs").err
    shops.write("002_teams.sql", "CREATE TABLE teams (id INTEGER PRIMARY KEY);\n")
    assert "hint: `d1migrate fleet up` begins a run to 002_teams\n" in shops.run("fleet", "jobs").err
