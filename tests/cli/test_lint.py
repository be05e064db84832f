"""`lint`, and what `up` refuses for the same reasons."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.cli.project import ONE, TWO

if TYPE_CHECKING:
    from tests.cli.project import Project

PARENTS = """\
CREATE TABLE workflows (id TEXT PRIMARY KEY NOT NULL, name TEXT NOT NULL);
CREATE TABLE executions (
  id TEXT PRIMARY KEY NOT NULL, workflow_id TEXT NOT NULL REFERENCES workflows(id) ON DELETE CASCADE
);
CREATE TABLE task_results (
  id TEXT PRIMARY KEY NOT NULL, execution_id TEXT NOT NULL REFERENCES executions(id) ON DELETE CASCADE
);
CREATE INDEX idx_executions ON executions(workflow_id);
CREATE INDEX idx_task_results ON task_results(execution_id);
"""
REBUILD = """\
CREATE TABLE workflows_new (id TEXT PRIMARY KEY NOT NULL, name TEXT NOT NULL, owner TEXT);
INSERT INTO workflows_new (id, name) SELECT id, name FROM workflows;
DROP TABLE workflows;
ALTER TABLE workflows_new RENAME TO workflows;
"""
PRAGMAS = {
    "none": ("", ""),
    "defer": ("PRAGMA defer_foreign_keys = ON;\n", ""),
    "docs": ("PRAGMA defer_foreign_keys = ON;\n", "PRAGMA defer_foreign_keys = OFF;\n"),
    "drizzle": ("PRAGMA foreign_keys=OFF;--> statement-breakpoint\n", "PRAGMA foreign_keys=ON;\n"),
    "prisma": (
        "PRAGMA defer_foreign_keys=ON;\nPRAGMA foreign_keys=OFF;\n",
        "PRAGMA foreign_keys=ON;\nPRAGMA defer_foreign_keys=OFF;\n",
    ),
    "legacy": ("PRAGMA legacy_alter_table = ON;\n", "PRAGMA legacy_alter_table = OFF;\n"),
}


@pytest.fixture
def workflows(project: Project) -> Project:
    """A project whose first migration is applied, with a row in every table."""
    project.write("001_workflows.sql", PARENTS)
    project.run("up")
    project.sql(
        "INSERT INTO workflows VALUES ('w', 'one');\nINSERT INTO executions VALUES ('e', 'w');\n"
        "INSERT INTO task_results VALUES ('t', 'e')"
    )
    return project


@pytest.mark.parametrize("pragmas", PRAGMAS)
def test_the_canonical_rebuild_is_caught(workflows: Project, pragmas: str) -> None:
    """With each of the pragma sets: lint names both children, rehearse the rows, and up refuses it."""
    before, after = PRAGMAS[pragmas]
    workflows.write("002_owner.sql", before + REBUILD + after)
    linted = workflows.run("lint", code=3).out
    assert "error[D101]" in linted
    assert "DROP TABLE workflows deletes the rows of executions and task_results" in linted
    rehearsed = workflows.run("rehearse", "--json", code=3).json["migrations"][0]
    lost = {change["table"]: change["rows_lost"] for change in rehearsed["tables"]}
    assert lost == {"executions": 50, "task_results": 50}
    refused = workflows.run("up", code=1)
    assert "D101 DROP TABLE workflows deletes" in refused.err
    assert workflows.versions() == [1]
    assert workflows.sql("SELECT count(*) FROM task_results") == [(1,)]


def test_the_fix_it_prints_loses_nothing(workflows: Project) -> None:
    """The guards around the DROP, as `lint --json` gives them, make the same file pass and keep every row."""
    workflows.write("002_owner.sql", REBUILD)
    (found,) = (d for d in workflows.run("lint", "--json", code=3).json["diagnostics"] if d["code"] == "D101")
    rename = "ALTER TABLE workflows_new RENAME TO workflows;"
    fixed = found["fix"].replace("-- … rename the new table to the old name here …", rename)
    workflows.write("002_owner.sql", REBUILD.replace(f"DROP TABLE workflows;\n{rename}\n", fixed + "\n"))
    assert workflows.run("lint", "--strict", "--json").json["diagnostics"] is not None
    assert workflows.run("rehearse").code == 0
    workflows.run("up")
    assert workflows.sql(
        "SELECT (SELECT count(*) FROM executions) + (SELECT count(*) FROM task_results)"
    ) == [(2,)]


def test_a_plain_migration_passes_all_three(workflows: Project) -> None:
    """An additive migration has nothing said of it, and is applied."""
    workflows.write(
        "002_note.sql",
        "ALTER TABLE workflows ADD COLUMN note TEXT;\n-- Rollback:\n-- ALTER TABLE workflows DROP COLUMN note;\n",
    )
    assert workflows.run("lint", "--strict").out == "no findings\n"
    assert "no loss" in workflows.run("rehearse").out
    workflows.run("up")
    assert workflows.versions() == [1, 2]


def test_no_lint_is_recorded(workflows: Project) -> None:
    """`up --no-lint` applies the migration, and the log says that it was not linted."""
    workflows.write("002_owner.sql", REBUILD)
    workflows.run("up", "--no-lint")
    assert workflows.sql("SELECT count(*) FROM task_results") == [(0,)]
    first, second = workflows.run("history", "--json").json["entries"]
    assert first["detail"] is None
    assert second["detail"] == {"lint": False}
    assert "not linted" in workflows.run("history").out


def test_an_allowed_loss_runs(workflows: Project) -> None:
    """With a reason in the file it is applied; without one it does not count."""
    workflows.write("002_owner.sql", REBUILD.replace("DROP", "-- d1migrate: allow=D101\nDROP"))
    assert "H111" in workflows.run("lint", code=3).out
    allowed = REBUILD.replace("DROP", '-- d1migrate: allow=D101 reason="executions are made again"\nDROP')
    workflows.write("002_owner.sql", allowed)
    found = workflows.run("lint", "--json").json
    assert (found["errors"], found["allowed"]) == (0, 1)
    assert "executions are made again" in workflows.run("lint", "--verbose").out
    assert workflows.run("rehearse", "--json").json["migrations"][0]["verdict"] == "loses rows"
    workflows.run("up")


def test_severities_of_an_environment(project: Project) -> None:
    """The severities of an environment override the general ones; `up` uses them too."""
    project.standard()
    project.run("up")
    project.write("004_drop.sql", "DROP TABLE teams;\n-- Rollback: none, gone\n")
    config = project.folder / "d1migrate.toml"
    local = '[lint]\nD104 = "error"\n[env.local]\ndatabase = "sqlite:app.db"\n'
    config.write_text(local)
    assert project.run("up", code=1).err.count("D104") == 1
    config.write_text(
        f"{local}"
        '[env.staging]\ndatabase = "sqlite:app.db"\nlint = { D = "off" }\n'
        '[env.preview]\ndatabase = "sqlite:app.db"\nlint = { D104 = "warning" }\n'
    )
    assert project.run("lint", "--json", code=3).json["errors"] == 1
    assert project.run("--env", "preview", "lint", "--json").json["warnings"] == 1
    project.run("--env", "preview", "lint", "--strict", code=3)
    staging = project.run("--env", "staging", "lint", "--json").json
    assert (staging["errors"], staging["warnings"]) == (0, 0)


@pytest.mark.parametrize(
    ("table", "says"),
    [
        ('lint = { D999 = "error" }', "no rule 'D999'"),
        ('lint = { D104 = "fatal" }', "D104 is 'fatal'"),
        ('lint = "off"', "lint is 'off', expected a table"),
    ],
)
def test_bad_severities(project: Project, table: str, says: str) -> None:
    """An invalid configuration is a usage error that names the file."""
    (project.folder / "d1migrate.toml").write_text(f"{table}\n")
    err = project.run("lint", "--all", code=2).err
    assert "d1migrate.toml" in err
    assert says in err


def test_all_and_files_need_no_database(project: Project) -> None:
    """`--all` and named files are checked from the files alone; nothing is created."""
    project.standard()
    project.write("004_drop.sql", "DROP TABLE teams;\n")
    assert project.run("lint", "--all", "--json").json["warnings"] == 1
    assert project.run("lint", "migrations/003_names.sql", "--json").json["warnings"] == 0
    draft = project.folder / "draft.sql"
    draft.write_text("ALTER TABLE users ADD COLUMN role TEXT NOT NULL;\n")
    found = project.run("lint", "draft.sql", "--json").json["diagnostics"]
    assert [d["code"] for d in found if d["severity"] != "info"] == ["F101"]
    assert found[0]["file"] == "draft.sql"
    assert not project.database.exists()
    project.run("lint", "nosuch.sql", code=2)
    project.run("lint", "--all", "draft.sql", code=2)


def test_pending_is_checked_against_the_live_schema(project: Project) -> None:
    """The schema that the files would have built does not count."""
    project.write("001_users.sql", ONE)
    project.run("up")
    project.sql("CREATE TABLE visits (user_id INTEGER REFERENCES users(id) ON DELETE CASCADE)")
    project.write("002_drop.sql", "DROP TABLE users;\n")
    assert "deletes the rows of visits" in project.run("lint", code=3).out
    assert "D101" not in project.run("lint", "--all").out


def test_a_file_that_cannot_be_read_is_a_finding(project: Project) -> None:
    """With its location, and the files after it are checked, too."""
    project.write("001_users.sql", ONE)
    project.write("002_open.sql", "CREATE TABLE t (a INTEGER PRIMARY KEY);\n/* never closed\n")
    project.write("003_teams.sql", TWO + "BEGIN;\n")
    found = project.run("lint", "--all", "--json", code=3).json["diagnostics"]
    assert [(d["code"], d["line"]) for d in found if d["severity"] == "error"] == [("P105", 2), ("R101", 6)]


def test_annotations_and_sarif(project: Project) -> None:
    """For GitHub: a line a finding, and a log that code scanning reads."""
    project.write("001_a.sql", "CREATE TABLE a (id INTEGER PRIMARY KEY);\nVACUUM;\n")
    (line,) = (
        x for x in project.run("lint", "--all", "--format", "github", code=3).out.splitlines() if "error" in x
    )
    assert line.startswith("::error file=migrations/001_a.sql,line=2,col=1,title=R105 vacuum::")
    log = json.loads(project.run("lint", "--all", "--format", "sarif", code=3).out)
    (run,) = log["runs"]
    assert "R105" in [result["ruleId"] for result in run["results"]]


def test_a_wrong_rollback_is_proved(project: Project) -> None:
    """The rollback block is run, and the report names what it leaves."""
    project.write(
        "001_a.sql",
        "CREATE TABLE a (id INTEGER PRIMARY KEY);\nCREATE TABLE b (id INTEGER PRIMARY KEY);\n-- Rollback:\n-- DROP TABLE a;\n",
    )
    out = project.run("lint", "--all", "--strict", code=3).out
    assert "H103" in out
    assert "table b remains" in out


def test_names_that_steer_a_terminal(project: Project) -> None:
    """Control characters from a file do not reach the terminal."""
    project.write("001_a.sql", 'CREATE TABLE "a\x1b[2J" (id INTEGER);\nDROP TABLE nosuch\x07;\n')
    assert "\x1b" not in project.run("lint", "--all", code=3).out
    assert "\x1b" not in project.run("up", code=1).err


@pytest.mark.parametrize(
    "sql",
    [
        "CREATE TABLE IF NOT EXISTS b (x);\n\n-- Rollback:\nDROP TABLE IF EXISTS b;\n",
        "-- +migrate Up\nCREATE TABLE IF NOT EXISTS b (x);\n-- +migrate Down\nDROP TABLE IF EXISTS b;\n",
        "-- Up\nCREATE TABLE IF NOT EXISTS b (x);\n-- Down\nDROP TABLE IF EXISTS b;\n",
    ],
)
def test_a_rollback_that_would_run_forward(project: Project, sql: str) -> None:
    """Each command that would run it refuses it first; an applied one can still be read."""
    project.write("001_users.sql", ONE)
    project.run("up")
    project.write("002_b.sql", sql)
    (found,) = (
        d for d in project.run("lint", "--json", code=3).json["diagnostics"] if d["severity"] == "error"
    )
    assert found["code"] == "P110"
    for command in (("up",), ("plan",), ("up", "--no-lint", "x"), ("rehearse",)):
        ran = project.run(*command, code=None)
        assert ran.code
        assert "would run as part of the migration" in ran.out + ran.err
    assert "applied" not in project.run("status").out.split("002_b")[1]
    project.sql("INSERT INTO schema_migrations (version, name, applied_at) VALUES (2, '002_b', 0)")
    project.write("003_c.sql", "CREATE TABLE IF NOT EXISTS c (id INTEGER PRIMARY KEY);\n")
    project.run("up")
    lint = project.run("lint").out
    assert lint.startswith(
        f"info[P110] migrations/002_b.sql:{sql.count(chr(10)) - 1}:1: wrangler ran this forward"
    )


TRIGGER = "CREATE TRIGGER IF NOT EXISTS t_a AFTER INSERT ON t begin SELECT 1; end"


def test_for_a_durable_object(project: Project) -> None:
    """Every file of the folder, for each object has its own history; rules about D1's transport are left out."""
    project.write("001_t.sql", f"CREATE TABLE IF NOT EXISTS t (id INTEGER PRIMARY KEY);\n{TRIGGER}")
    on_d1 = project.run("lint", "--json", code=3).json
    assert on_d1["platform"] == "d1"
    assert {"P101", "P104"} <= {d["code"] for d in on_d1["diagnostics"]}
    project.run("up", "--no-lint", "D1 runs it locally")
    ran = project.run("lint", "--for", "durable-object", "--strict")
    assert ran.out == "no findings\n"
    assert "each object has its own history: checked against what the files build" in ran.err
    assert "checked 1 migration for a Durable Object\n" in ran.err
    assert project.run("lint", "--for", "durable-object", "--json").json["platform"] == "durable-object"
    project.run("lint", "--all", "--for", "d1", code=3)


def test_fix_for_a_durable_object(project: Project) -> None:
    """A `;` that only wrangler needs is not added."""
    project.write("001_t.sql", "CREATE TABLE IF NOT EXISTS t (id INTEGER PRIMARY KEY)")
    file = "migrations/001_t.sql"
    ran = project.run("lint", "--fix", "--yes", file, "--for", "durable-object", "--json")
    assert ran.json["files"] == []
    (fixed,) = project.run("lint", "--fix", "--yes", file, "--json").json["files"]
    assert fixed["written"] is True
