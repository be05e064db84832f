"""What `--json` prints: one documented shape for each command, and nothing documented that never occurs.

Every other test of the command line helps: `Project.run` validates all JSON that a command prints.
"""

from __future__ import annotations

import json
import os
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal, get_args, get_type_hints

from d1migrate import errors
from d1migrate.backup.dump import Dump
from d1migrate.backup.local_points import RestorePoint
from d1migrate.backup.restore import RestorePreview, RestoreResult
from d1migrate.cli import backup, gates, restore, restore_preview
from d1migrate.cli.commands import COMMANDS, command_of, with_actions
from d1migrate.fleet.journal import open_journal
from d1migrate.fleet.model import FailureGroup
from d1migrate.migrate.flows.leftovers import Problem
from d1migrate.migrate.flows.report import Report
from d1migrate.migrate.jobs.job import Job
from d1migrate.migrate.table import NameTable
from d1migrate.migrator import Migrator
from d1migrate.project.files import load_migrations
from d1migrate.report import errors as error_values
from d1migrate.report import fleet_values, job_values, values
from d1migrate.report.shapes import fleet, jobs
from tests import json_schemas
from tests.cli.project import Project

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    import pytest

    from d1migrate.fleet.journal import Journal
    from d1migrate.fleet.model import Run

WITH_JSON = {
    name for command in COMMANDS for name in with_actions(command) if "json" in command_of(name).formats
}
REASON = ("--reason", "a test")
SUNDAY = datetime(2026, 11, 29, 3, 59, 50, tzinfo=UTC).timestamp()
PRISMA = "id checksum finished_at migration_name logs rolled_back_at started_at applied_steps_count".split()


def test_every_command_has_a_schema() -> None:
    """And a command that failed; no other file is left."""
    files = {file.name.removesuffix(".json") for file in json_schemas.FILES.iterdir()}
    assert files == {name.replace(" ", "-") for name in WITH_JSON} | {"error"}


def test_a_key_has_one_type() -> None:
    """In all documents, apart from a setting that has the name of what it demands."""
    found = set[tuple[str, str]]().union(*map(json_schemas.types, [*WITH_JSON, "error"]))
    several = {key for key, kind in found if len([other for other, _ in found if other == key]) > 1}
    assert several == {"restore_point"}


class Shown:
    """A project whose commands are run with --json, and all that occurred in their output."""

    def __init__(self, project: Project, monkeypatch: pytest.MonkeyPatch, seen: set[str]) -> None:
        self.project, self.monkeypatch, self.seen = project, monkeypatch, seen

    def __call__(self, line: str, *more: str, code: int | None = 0) -> dict[str, Any]:
        """Run a command line, and note what occurs."""
        arguments = [*line.split(), *more, "--json"]
        value: dict[str, Any] = json.loads(self.project.run(*arguments, code=code).out)
        self.note("error" if "error" in value else json_schemas.command_of(arguments), value)
        return value

    def note(self, command: str, value: Any) -> None:
        """Note what occurs in the output of a command."""
        value = {"format": 1, **value}
        error = next(json_schemas.validator(command).iter_errors(value), None)
        assert error is None, error
        self.seen |= json_schemas.occurring(command, value)

    def write(self, **files: str) -> None:
        """Write migrations: `_1_a="…"` is `1_a.sql`."""
        for name, sql in files.items():
            self.project.write(f"{name.removeprefix('_')}.sql", sql)

    def remove(self, name: str) -> None:
        """Remove a migration."""
        (self.project.migrations / f"{name}.sql").unlink()

    def configure(self, text: str) -> None:
        """Write d1migrate.toml; the database is the one of its environments."""
        self.monkeypatch.delenv("D1MIGRATE_DATABASE", raising=False)
        (self.project.folder / "d1migrate.toml").write_text(text)


# --- files and history ---

A = "CREATE TABLE a (x, y TEXT);\n-- Rollback:\n--   DROP TABLE a;\n"
DROP_Y = "ALTER TABLE a DROP COLUMN y;\n-- Rollback:\n--   ALTER TABLE a ADD COLUMN y TEXT;\n"
MIXED = "ALTER TABLE a RENAME COLUMN x TO z;\nALTER TABLE a ADD COLUMN w;\n-- Rollback:\n--   ALTER TABLE a DROP COLUMN w;\n"


def names(shown: Shown) -> None:
    """In wrangler's table, files may have no number; each is seen pending, applied and rolled back."""
    (shown.project.folder / "d1migrate.toml").write_text('table = "d1_migrations"\n')
    for command in ("current", "status", "history", "version"):
        shown(command)
    shown("gate --code-version none")
    shown.write(_1_a=A, c=DROP_Y, d=MIXED)
    for command in ("list", "plan", "status"):
        shown(command)
    shown("up --to 1")
    shown("gate --code-version none")
    shown("up")
    shown.project.sql("INSERT INTO a (z, w) VALUES (1, 2)")
    shown("plan --down --to none --allow-loss all")
    shown("rehearse --recovery")
    shown("down", code=1)
    shown("down --allow-loss all")
    for command in ("status", "current", "verify", "history"):
        shown(command)
    shown("rehearse --recovery", code=3)
    shown("backup --output a.sql")
    shown("restore --file a.sql --database sqlite:new.db")
    shown("gate --code-version d", code=3)
    shown("down --to none --allow-loss all")
    shown("history")
    (shown.project.migrations / "1_a.sql").rename(shown.project.migrations / "2_a.sql")
    shown("status")
    shown.remove("2_a")
    shown("verify")
    shown("adopt --dry-run")


def words(shown: Shown) -> None:
    """Files without any number."""
    (shown.project.folder / "d1migrate.toml").write_text('table = "d1_migrations"\n')
    shown.write(a="CREATE TABLE a (x);\n")
    shown("new zero")
    shown("baseline --to a --yes")
    shown("status")


def numbers(shown: Shown) -> None:
    """Files and history disagree in every way."""
    shown.project.standard()
    shown("up --dry-run")
    shown("up")
    shown("current")
    shown("gate --code-version 3")
    (shown.project.migrations / "003_names.sql").rename(shown.project.migrations / "005_names.sql")
    shown("status")
    (shown.project.migrations / "005_names.sql").rename(shown.project.migrations / "003_names.sql")
    shown.write(_000_late="SELECT 1;\n", _004_new="CREATE TABLE x (y);\n")
    shown("gate --code-version 4", code=3)
    shown.remove("002_teams")
    (shown.project.migrations / "001_users.sql").rename(shown.project.migrations / "001_people.sql")
    shown.write(**{"003_names": "ALTER TABLE users ADD COLUMN title TEXT;"})
    for command in ("status", "verify", "repair"):
        shown(command)
    shown("up", code=1)
    shown.project.sql("DELETE FROM d1migrate_log WHERE version = 1 AND event = 'done'")
    shown("status")
    shown("gate --code-version 4", code=3)
    shown("repair --accept 3 --yes", *REASON)
    shown("repair --forget 2 --dry-run")
    shown("up", code=1)
    shown("up --dryrun", code=2)


def a_log_of_others(shown: Shown) -> None:
    """Rows that wrangler or another program wrote."""
    shown.project.standard()
    shown("up")
    shown("down")
    shown.project.sql(
        "UPDATE d1migrate_log SET detail = 'hi' WHERE version = 1;\nUPDATE d1migrate_log SET at = 'x' WHERE version = 2;\nDELETE FROM d1migrate_log WHERE version = 3"
    )
    shown("history")
    shown.project.sql("INSERT INTO schema_migrations VALUES (3, '003_names', 5)")
    shown("history")


def drift(shown: Shown) -> None:
    """A live schema that was changed by hand, and both ways to mend that."""
    shown.write(
        _1_a=A,
        _2_v="CREATE VIEW v AS SELECT 1;\nCREATE TRIGGER t INSTEAD OF DELETE ON v BEGIN SELECT 1; END;\n",
        _4_gap="SELECT 1;\n",
    )
    shown("verify --fix files", code=2)
    shown("up")
    shown("verify --fix files")
    shown.project.sql(
        "ALTER TABLE a ADD COLUMN extra;\nDROP VIEW v;\nCREATE VIEW v AS SELECT 2;\nCREATE TABLE b (x)"
    )
    shown("verify")
    shown("verify --fix files --allow-drop all")
    shown("verify --fix live")
    shown.remove("4_gap")
    shown("verify")


def environments(shown: Shown) -> None:
    """One that is reached, one with every gate, one that is not reached, one without a folder."""
    shown("env", code=2)
    shown.write(_1_a=A)
    shown.configure(
        "[env.local]\ndatabase = 'sqlite:app.db'\n"
        "[env.gated]\ndatabase = 'sqlite:gated.db'\nafter = 'local'\nprotected = true\nrequire_rollback = true\n"
        "window = 'daily 00:00-24:00 UTC'\nlint = 'warning'\nrehearse = 'error'\nrestore_point = true\n"
        "[env.remote]\ndatabase = 'd1:app'\nwindow = 'Sun 02:00-04:00 UTC'\n"
    )
    shown("status")
    shown("up")
    shown("env")
    shown("plan --env gated")
    shown("up --env gated", code=1)
    overrides = (
        "--skip-after",
        "x",
        "--outside-window",
        "x",
        "--no-rehearse",
        "x",
        "--no-restore-point",
        "x",
        "--no-lint",
        "x",
    )
    shown("plan --env gated --confirm gated", *overrides)
    shown("up --env gated --confirm gated", *overrides)
    shown("history --env gated")
    shown.write(_2_b="CREATE TABLE b (x);\n")
    shown.monkeypatch.setattr(gates, "now", lambda: SUNDAY)
    shown.configure("[env.local]\ndatabase = 'sqlite:app.db'\nwindow = 'Sun 02:00-04:00 UTC'\n")
    shown("plan")
    shown.configure("migrations = 'gone'\n[env.local]\ndatabase = 'sqlite:app.db'\n")
    shown("env")


def setups(shown: Shown) -> None:
    """What `init` finds."""
    shown("init --dry-run")
    shown.monkeypatch.delenv("D1MIGRATE_DATABASE")
    shown("init --dry-run --database d1:app")
    config = 'export default { out: "./migrations", dialect: "sqlite", dbCredentials: { url: "app.db" } };\n'
    (shown.project.folder / "drizzle.config.ts").write_text(config)
    shown("init")
    shown("init")
    shown("status")


# --- what writes files ---


def drafts(shown: Shown) -> None:
    """Migrations from one schema to another."""
    shown.write(_1_a=A)
    schema = shown.project.folder / "schema.sql"
    for command in (
        "schema --at latest --output",
        "schema --at latest --check",
        "diff",
        "index --output i.py",
        "index --output i.py --check",
    ):
        shown(command)
    schema.write_text(
        "CREATE TABLE a (x, y TEXT, z NOT NULL);\nCREATE VIEW v AS SELECT 1;\nCREATE TRIGGER t INSTEAD OF DELETE ON v BEGIN SELECT 1; END;\n"
    )
    shown("schema --at latest --check", code=3)
    shown("diff --check", code=3)
    shown("diff", code=1)
    shown("diff --dry-run --backfill a.z=1")
    shown("diff --backfill a.z=1")
    shown("schema --at latest")
    schema.write_text("CREATE TABLE a (x);\n")
    shown("diff", code=1)
    shown("diff --check --allow-drop all", code=3)
    set_x = ("--set", "x TEXT UNIQUE DEFAULT 'a' REFERENCES a (x)")
    shown("rebuild a --dry-run", *set_x)
    shown("rebuild a", *set_x)
    shown("rebuild a", *set_x)
    shown.write(
        _9_b="DROP VIEW v;\nCREATE TABLE b (id INTEGER PRIMARY KEY, x REFERENCES b, g AS (x));\nCREATE INDEX i ON b (lower(x));\nCREATE TRIGGER t AFTER DELETE ON b BEGIN SELECT 1; END;\nALTER TABLE a ADD COLUMN q;"
    )
    shown("schema --at latest")
    shown("schema --between none latest")
    shown("schema --between latest none")
    shown("schema --between 1 latest")
    shown("new more")


def orders(shown: Shown) -> None:
    """Files that get another number, or are replaced."""
    shown.project.standard()
    shown("up")
    shown("renumber")
    shown.write(_001_late="SELECT 1;\n")
    shown("renumber --dry-run")
    shown("renumber --yes")
    shown("squash --to 2 --dry-run")
    shown("squash --to 2 --yes")
    shown("adopt --dry-run")


# --- histories of other tools ---


def adoption(shown: Shown) -> None:
    """Files that an existing database has, partly has, or does not show."""
    shown.project.standard()
    shown.write(
        _004_seed="INSERT INTO users (id, email) VALUES (1, 'a');\n",
        _005_gone="CREATE TABLE gone (x);\n",
        _006_drop="DROP TABLE gone;\n",
        seven="CREATE TABLE s (x);\n",
    )
    shown.project.sql(
        "CREATE TABLE users (id INTEGER PRIMARY KEY, email VARCHAR(10));\n"
        "CREATE TABLE teams (id INTEGER PRIMARY KEY, owner_id INTEGER NOT NULL REFERENCES users(id) ON DELETE CASCADE);\n"
        "CREATE TABLE notes (x)"
    )
    shown("adopt --dry-run")
    shown("baseline --to 2 --dry-run")
    shown("baseline --to 2 --yes")
    shown("adopt --dry-run --pending 4")
    shown("adopt --yes")


def records(shown: Shown) -> None:
    """What is proved is recorded; what other tools recorded is evidence."""
    shown.write(
        _001_a="CREATE TABLE a (x);\n",
        _002_seed="INSERT INTO a VALUES (1);\n",
        _003_i="CREATE INDEX i ON a (x);\n",
        _004_j="DROP INDEX i;\nCREATE INDEX i ON a (x DESC);\n",
        _005_b="CREATE TABLE b (x);\n",
        _006_c="DROP TABLE b;\n",
        _007_last="DROP INDEX i;\nCREATE INDEX i ON a (x, x);\nDROP TABLE a;\n",
    )
    shown.project.sql(
        "CREATE TABLE a (x);\nCREATE INDEX i ON a (x DESC);\n"
        "CREATE TABLE schema_migrations (version VARCHAR(128) PRIMARY KEY);\nINSERT INTO schema_migrations VALUES ('001');\n"
        f"CREATE TABLE _prisma_migrations ({', '.join(PRISMA)});\n"
        "INSERT INTO _prisma_migrations (migration_name, finished_at, rolled_back_at) VALUES ('001_a', 1790000000123, NULL), ('005_b', NULL, NULL), ('009', 1790000000123, 5)"
    )
    shown("adopt --dry-run --assume 2")
    shown.remove("007_last")
    shown("adopt --yes --assume 2 --assume 5 --pending 6")
    shown("history")
    shown("adopt --dry-run")


def wranglers(shown: Shown) -> None:
    """Rows without checksums, one of which has no file."""
    shown.project.sql(
        "CREATE TABLE a (x);\n"
        + NameTable().create
        + ";\nINSERT INTO d1_migrations (name) VALUES ('1_a.sql'), ('2_b.sql')"
    )
    shown.write(_1_a="CREATE TABLE a (x);\n")
    shown("adopt --dry-run")
    shown("status")


def evidence(shown: Shown) -> None:
    """A column that is gone, and a table that is as it was before a file."""
    shown.write(
        _001_p="CREATE TABLE p (x, y);\n",
        _002_y="ALTER TABLE p DROP COLUMN y;\n",
        _003_r="CREATE TABLE n (x TEXT NOT NULL);\nINSERT INTO n SELECT * FROM p;\nDROP TABLE p;\nALTER TABLE n RENAME TO p;\n",
    )
    shown.project.sql("CREATE TABLE p (x, z)")
    shown("adopt --dry-run")
    shown("up --to 2 --database sqlite:other.db")
    shown("adopt --dry-run --database sqlite:other.db")
    shown.project.sql("ALTER TABLE p ADD COLUMN y")
    shown("adopt --dry-run")


def baselines(shown: Shown) -> None:
    """A first file that builds the live schema."""
    shown.project.sql("CREATE TABLE a (x)")
    shown("baseline first --dry-run")
    shown("baseline first")


def tables(shown: Shown) -> None:
    """Two migrations tables."""
    toml = shown.project.folder / "d1migrate.toml"
    shown.write(_001_a=A, _002_b="CREATE TABLE b (x);\n")
    toml.write_text('table = "d1_migrations"\n')
    shown("up")
    toml.write_text('table = "schema_migrations"\n')
    shown("repair --move-history --dry-run")
    shown("repair --move-history --yes", *REASON)
    shown("repair --sync-tables --yes", *REASON)
    shown("history")
    shown.write(_003_c="CREATE TABLE c (x);\n")
    shown("up")
    toml.write_text('table = "d1_migrations"\n')
    shown("status")


# --- checks ---


def checks(shown: Shown) -> None:
    """Findings of each severity, allowed and fixed ones; rehearsals that lose rows, or fail."""
    for code in ("D101", "H101", "P101", "P111", "S104", "X101"):
        shown(f"explain {code}")
    shown.project.standard()
    shown("up")
    shown.project.sql(
        "INSERT INTO users (id, email) VALUES (1, 'a'), (2, 'b');\nINSERT INTO teams VALUES (1, 1), (2, 2)"
    )
    shown("rehearse --recovery --all")
    shown("lint --for durable-object")
    shown("rehearse --for durable-object")
    shown.write(
        _004_lose="CREATE TABLE n (id INTEGER PRIMARY KEY, email TEXT);\nINSERT INTO n SELECT id, email FROM users;\nDROP TABLE users;\nALTER TABLE n RENAME TO users;\n",
        _005_drop="DROP TABLE users;\n",
    )
    for command in ("lint", "lint --fix --dry-run", "lint --fix --yes", "rehearse --data"):
        shown(command, code=3)
    shown("up", code=1)
    shown.remove("005_drop")
    shown.write(
        _004_lose="-- d1migrate: allow=D104 reason=\"old\"\nDROP TABLE teams;\nINSERT INTO users (id, email) VALUES (77, 'z');\nUPDATE users SET email = upper(email) WHERE id = 1;\nALTER TABLE users RENAME COLUMN email TO mail;\n",
        _005_more="CREATE TABLE arch (id INTEGER PRIMARY KEY, mail TEXT);\nINSERT INTO arch SELECT id, mail FROM users WHERE id = 1;\nALTER TABLE users DROP COLUMN mail;\n-- Rollback:\n-- DROP TABLE arch;\n",
        _006_less="REPLACE INTO arch VALUES (1, 'q');\n-- Rollback: SELECT 1 FROM nothing;\n",
        _007_bad="SELECT 1 FROM nowhere;\n",
        _008_after="SELECT 1;\n",
    )
    shown("lint", code=3)
    shown("rehearse --data --scale users=1000", code=3)
    shown("rehearse", code=3)
    shown("rehearse --recovery", code=3)


def rollbacks(shown: Shown) -> None:
    """A rehearsal of rollbacks: one is declared to be none, one may fail on real rows."""
    shown.write(
        _1_r="CREATE TABLE r (id TEXT PRIMARY KEY, plan TEXT);\nCREATE TABLE s (id TEXT PRIMARY KEY, at INTEGER NOT NULL);\n-- Rollback: none, it is the first\n",
        _2_q="CREATE TABLE q (x);\n-- Rollback:\n-- INSERT INTO s SELECT id, unixepoch(plan) FROM r;\n-- DROP TABLE q;\n",
    )
    shown("rehearse --all", code=None)


# --- backups ---


def backups(shown: Shown) -> None:
    """Backups and restore points."""
    shown("backup --output a.sql", code=2)
    shown("restore")
    shown.project.standard()
    shown("up")
    shown.project.sql("INSERT INTO users (id, email) VALUES (1, 'a')")
    shown("up")
    shown("backup --output a.sql --verify")
    shown("restore --file a.sql --database sqlite:new.db")
    shown("history --database sqlite:new.db")
    (shown.project.folder / "b.sql").write_text("CREATE TABLE a (x);\nINSERT INTO a VALUES (1);\n")
    shown("restore --file b.sql --database sqlite:other.db")
    shown.write(_004_end="DROP TABLE teams;\nCREATE TABLE x (y);\n")
    shown("up", "--no-lint", "x")
    shown("restore")
    shown("down", code=1)
    shown("restore --to 003_names --dry-run")
    shown("restore --to 003_names --yes")
    shown("history")
    for point in shown("restore")["restore_points"][1:]:
        os.unlink(point["file"])
    shown.project.database.write_bytes(b"SQLite format 3\0" + b"x" * 5000)
    shown("status", code=1)
    shown("restore --to 003 --yes", code=None)


def _refuse(path: object, *_: Any, **__: Any) -> Any:
    raise PermissionError(13, "Permission denied", path)


# --- without a command ---


FLEET = "[fleet.shops]\ndatabases = 'sqlite:data/*.db'\ncreate = true\nwaves = ['2', 'rest']\nstop = '9'\n"


def fleets(shown: Shown) -> None:
    """Runs of a fleet that end in each way; tenants that are found in each state."""
    data = shown.project.folder / "data"
    data.mkdir()
    for number in range(4):
        (data / f"{number}.db").touch()
    shown.configure(FLEET)
    shown.write(_1_a=A, _2_b="CREATE UNIQUE INDEX a_x ON a (x);\n")
    for command in ("status", "list", "plan --to 1"):
        shown(f"fleet {command}")
    shown("fleet up --to 1 --wave 1")
    for command in ("status", "pause", "up --to 1", "resume", "stop", "plan", "list"):
        shown(f"fleet {command}", code=None)
    with Migrator("sqlite:data/3.db", "migrations") as migrator:
        migrator.up(to=1)
    shown.project.database = data / "3.db"
    shown.project.sql("INSERT INTO a (x) VALUES (1), (1)")
    (data / "4.db").write_bytes(b"SQLite format 3\0" + b"broken" * 1000)
    shown.project.database = data / "5.db"
    shown.project.sql("CREATE TABLE other (x)")
    for command in ("plan", "up", "list", "status --failed --versions", "verify", "retry", "list"):
        shown(f"fleet {command}", code=None)
    with newest_run() as (journal, run):
        journal.claim(run, "anna", 1, 60)
        shown("fleet list")
    shown.configure(f"{FLEET}canary = ['5.db']\n".replace("stop = '9'", "stop = '0'"))
    shown("fleet stop", code=None)
    shown.write(_3_c="CREATE TABLE c (x);\n")
    shown("fleet up", code=1)
    shown.configure(
        f"[env.gated]\ndatabase = 'sqlite:app.db'\nwindow = 'Sun 02:00-04:00 UTC'\n{FLEET}env = 'gated'\n"
    )
    times = iter([SUNDAY] * 2)
    shown.monkeypatch.setattr("d1migrate.cli.fleet.fleet_gates.now", lambda: next(times, SUNDAY + 300))
    shown("fleet resume", code=None)
    shown("fleet up", code=1)
    shown.configure(FLEET)
    shown.monkeypatch.setattr("d1migrate.cli.interrupts.Interrupts.__call__", lambda _: True)
    shown("fleet up", code=130)


@contextmanager
def newest_run() -> Iterator[tuple[Journal, Run]]:
    """The journal of the fleet, and its newest run."""
    with closing(open_journal("sqlite:.d1migrate/fleet-shops.sqlite", "shops")) as journal:
        status = journal.status()
        assert status is not None
        yield journal, status.run


def rare_fleets(shown: Shown) -> None:
    """What needs remote databases, or tenants that are found damaged after their migration."""
    (shown.project.folder / "data").mkdir()
    (shown.project.folder / "data" / "a.db").touch()
    shown.configure(FLEET)
    shown.write(_1_a=A)
    shown.note("fleet plan", shown("fleet plan") | {"seconds": 2.5})
    found = shown("fleet up")
    shown("fleet plan")
    (shown.project.folder / "data" / "a.db").rename(shown.project.folder / "data" / "b.db")
    shown("fleet up")
    shown("fleet list --vanished")
    failure = FailureGroup("x", "", "", 1, ("a",))
    found |= {"failures": fleet_values.failure_values([failure])}
    for ended in get_args(
        get_type_hints(fleet.FleetReport, localns=vars(fleet) | {"Literal": Literal})["ended"]
    ):
        for command in ("up", "jobs"):
            shown.note(f"fleet {command}", found | {"ended": ended})
    tenants = shown("fleet list")["tenants"]
    shown.note("fleet list", {"fleet": "shops", "tenants": [tenants[0] | {"state": "waiting"}]})
    for kind in get_args(get_type_hints(Problem, localns={"Literal": Literal})["kind"]):
        problems = [("a", Problem(kind, "x", "x", ("SELECT 1;",))), ("a", Problem(kind, "x", "x"))]
        shown.note("fleet up", found | {"problems": fleet_values.problem_values(problems)})


FILL = "-- d1migrate: batch users rows 2\nUPDATE users SET norm = lower(email) WHERE norm IS NULL;\n"
EMAILS = "CREATE TABLE users (id INTEGER PRIMARY KEY, email TEXT, norm TEXT);\nINSERT INTO users (email) VALUES ('A'), ('B'), ('C'), ('D'), ('E');\n"


def open_jobs(shown: Shown) -> None:
    """A job that is begun, paused, resumed, cancelled, done, and applied by wrangler meanwhile."""
    shown.write(_1_users=EMAILS, _2_fill=FILL, _3_c="CREATE TABLE c (x);\n")
    for command in (
        "plan",
        "up --to 1",
        "job",
        "list",
        "plan",
        "up --no-wait --no-lint",
        "job run --max-chunks 1 --no-lint",
    ):
        shown(command)
    for command in ("status", "plan", "job", "job pause", "job pause --reason x", "status", "job", "job run"):
        shown(command)
    for command in ("job resume", "job pause --reason x", "status", "up", "job resume", "job cancel --yes"):
        shown(command, code=None)
    for command in ("history", "job run", "up --no-lint", "history"):
        shown(command)
    shown.write(**{"4_fill": FILL.replace("lower", "upper").replace("IS NULL", "> ''")})
    shown("job run --max-chunks 1 --no-lint")
    shown.project.sql("INSERT INTO schema_migrations VALUES (4, '4_fill', 5)")
    shown("job run")
    shown("history")


def rare_jobs(shown: Shown) -> None:
    """What needs an online rebuild, a name without a number, or another process at the same moment."""
    shown.write(_1_t="-- d1migrate: online t\nDROP TABLE t;\n")
    shown("list")
    job = Job(
        "a", None, "online", "", None, "", "copy", False, "t", 1, 1, 9, 1, 1, 1, 1, 1, 1, "x", backlog=5
    )
    for state in get_args(get_type_hints(jobs.Job, localns={"Literal": Literal})["step"]):
        for one in (job._replace(state=state), job._replace(state=state, version=1, first="a", kind="batch")):
            value = job_values.job(one)
            shown.note("job status", {"job": value, "waiting": ["b"]})
            for command in ("pause", "resume", "cancel"):
                shown.note(f"job {command}", {"job": value})
            for ended in get_args(get_type_hints(jobs.JobRun, localns={"Literal": Literal})["ended"]):
                shown.note("job run", {"name": "a", "ended": ended, "chunk_count": 1, "job": value})
            shown.note("status", shown("status") | {"job": value})


def rare(shown: Shown) -> None:
    """What needs a remote database, large files or a damaged one: the functions that make the JSON."""
    rows = "".join(f"INSERT INTO big VALUES ('{'x' * 999}');\n" for _ in range(1100))
    shown.write(
        _1_big=f"CREATE TABLE big (x);\n{rows}",
        _2_t="CREATE TABLE t (x);\nCREATE TRIGGER u AFTER INSERT ON t BEGIN SELECT CASE WHEN 1 THEN 2 END;\nEND;\n",
    )
    shown("plan")
    with Migrator("sqlite:app.db", load_migrations("migrations")) as migrator:
        shown.note("plan", values.plan(migrator.plan(), (), remote=True))
    bookmark = RestorePoint("bookmark", "", 1.5, "", 0)
    shown.note("restore", {"restore_points": [restore._point(bookmark)]})
    preview = RestorePreview(bookmark, None, (), (), None)
    shown.note("restore", dict(restore_preview.value(preview)))
    result = RestoreResult(bookmark, None, None, 0)
    shown.note("restore", restore._restored(preview, result, verified=None))
    irreversible = errors.Irreversible("x", names=["1_big"])
    irreversible.restore_points = {"1_big": restore_preview.value(preview)}
    shown.note("error", {"error": error_values.value(irreversible)})
    shown.note("backup", backup._value(Dump("a.sql", 1, "x", None, {}, None, ()), None))
    for kind in get_args(get_type_hints(Problem, localns={"Literal": Literal})["kind"]):
        shown.note(
            "up",
            values.up(
                Report((), (), problems=(Problem(kind, "x", "x", ("SELECT 1;",)), Problem(kind, "x", "x")))
            ),
        )
    shown.monkeypatch.setattr("d1migrate.project.files.open", _refuse, raising=False)
    shown("list")


def failures(shown: Shown) -> None:
    """Every class of error, with and without a hint."""
    for hint in (None, "do this"):
        for error in (
            *(kind("x", hint=hint) for kind in PLAIN),
            *(kind("x", names=["a"], hint=hint) for kind in HISTORY),
            errors.UsageError("x", usage="usage: x", hint=hint),
            errors.SourceError("x", hint=hint),
            errors.ParseError("x", file="a.sql", line=1, column=1, source="x", hint=hint),
            errors.Irreversible("x", names=["a"], hint=hint),
            errors.DataLoss("x", rows={"a": None}, hint=hint),
            errors.MissingValue("x", columns=["a.x"], defaults={"a.x": "1"}, hint=hint),
            errors.Gate("x", gates=["after"], hint=hint),
            errors.LimitExceeded("x", limit=1, actual=2, hint=hint),
            errors.ApplyError("x", migration="a", direction="down", hint=hint),
            errors.ApplyError("x", migration="a", file="a.sql", line=1, statement="x").with_unknown_outcome(),
            errors.QueryError("x", index=None if hint else 1, hint=hint),
        ):
            shown.note("error", {"error": error_values.value(error)})
    irreversible = errors.Irreversible("x", names=["a"])
    irreversible.restore_points = {"a": None}
    shown.note("error", {"error": error_values.value(irreversible)})


PLAIN = (
    errors.Error, errors.PlanError, errors.UnavailableError, errors.DamagedError, errors.AmbiguousError,
)  # fmt: skip
HISTORY = (
    errors.HistoryError, errors.ChecksumMismatch, errors.MissingMigration, errors.OutOfOrder, errors.PartiallyApplied,
)  # fmt: skip


SCENARIOS: tuple[Callable[[Shown], None], ...] = (
    names, words, numbers, a_log_of_others, drift, environments, setups, drafts, orders, adoption, records, wranglers, evidence, baselines, tables,
    checks, rollbacks, backups, fleets, rare_fleets, open_jobs, rare_jobs, rare, failures,
)  # fmt: skip


NEVER_NULL = {"Recorded.version None", "RenamedFile.version None", "UnsafeMigration.hint None"}
"""These keys have the same type everywhere, although here they always have a value."""


def test_all_that_is_documented_occurs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Every key of every shape, with and without a value, and every word that it can be."""
    monkeypatch.setenv("D1MIGRATE_BY", "tester")
    monkeypatch.delenv("CLOUDFLARE_API_TOKEN", raising=False)
    seen = set[str]()
    for scenario in SCENARIOS:
        folder = tmp_path / scenario.__name__
        folder.mkdir()
        with monkeypatch.context() as patch:
            patch.chdir(folder)
            patch.setenv("D1MIGRATE_DATABASE", "sqlite:app.db")
            scenario(Shown(Project(folder, capsys), patch, seen))
    possible = set[str]().union(*map(json_schemas.possible, [*WITH_JSON, "error"]))
    assert sorted(possible - seen - NEVER_NULL) == []
