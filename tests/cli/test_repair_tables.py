"""`repair --sync-tables` and `repair --move-history`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from d1migrate.migrate.table import NameTable
from tests.cli.project import ONE, THREE, TWO

if TYPE_CHECKING:
    from tests.cli.project import Project

REASON = ("--reason", "a test")


def configure(project: Project, text: str) -> None:
    """Write d1migrate.toml."""
    (project.folder / "d1migrate.toml").write_text(text)


def plain(project: Project) -> None:
    """Write three migrations, of which none records itself."""
    project.write("001_users.sql", ONE.partition("-- Record")[0] + "-- Rollback:\n-- DROP TABLE users;\n")
    project.write("002_teams.sql", TWO)
    project.write("003_names.sql", THREE)


def names(project: Project) -> list[str]:
    """What wrangler's table records."""
    return [row[0] for row in project.sql("SELECT name FROM d1_migrations ORDER BY id")]


def wrangler_ran_once(project: Project) -> None:
    """Apply two of three files, and then do what `wrangler d1 migrations apply` does with repeatable files."""
    project.write("001_users.sql", ONE)
    project.write("002_teams.sql", TWO.replace("CREATE TABLE", "CREATE TABLE IF NOT EXISTS"))
    project.write("003_names.sql", "CREATE TABLE IF NOT EXISTS names (x);\n-- Rollback: DROP TABLE names;\n")
    project.run("up", "--to", "2")
    project.sql(NameTable().create)
    project.sql("INSERT INTO d1_migrations (name) VALUES ('001_users.sql'), ('003_names.sql')")
    project.sql("CREATE TABLE names (x)")


def test_tables_that_differ_are_a_problem(project: Project) -> None:
    """`status` shows it and exits with 3 for --check, `verify` too; up and down name the command."""
    wrangler_ran_once(project)
    problem = "only schema_migrations records 002_teams; only d1_migrations records 003_names"
    assert f"error: `up` and `down` refuse: {problem}" in project.run("status", "--check", code=3).out
    (found,) = project.run("status", "--json").json["problems"]
    assert (found["kind"], found["name"]) == ("history", "002_teams, 003_names")
    assert problem in project.run("verify", "--check", code=3).out
    configure(project, '[env.local]\ndatabase = "sqlite:app.db"\n')
    assert f"warning: local: `up` and `down` refuse: {problem}" in project.run("env").err
    for command in ("up", "down", "plan"):
        err = project.run(command, code=1).err
        assert problem in err
        assert "hint: `d1migrate repair --sync-tables --reason …` shows what it would record" in err


def test_sync_tables(project: Project) -> None:
    """Shown first, recorded once confirmed; then both tools have nothing to do."""
    wrangler_ran_once(project)
    shown = "  002_teams: recorded in d1_migrations\n  003_names: recorded in schema_migrations\n"
    assert project.run("repair", "--sync-tables", "--dry-run").out == shown
    assert "needs a reason" in project.run("repair", "--sync-tables", "--yes", code=2).err
    ended = project.run("repair", "--sync-tables", *REASON, code=2)
    assert (ended.out, "cannot record 2 migrations without confirmation" in ended.err) == (shown, True)
    assert project.versions() == [1, 2]
    found = project.run("repair", "--sync-tables", *REASON, "--yes").out
    assert found == f"{shown}recorded 2 migrations; ran nothing\n"
    assert project.versions() == [1, 2, 3]
    assert names(project) == ["001_users.sql", "003_names.sql", "002_teams.sql"]
    project.run("status", "--check")
    assert project.run("up").out == "nothing to do\n"
    last = project.run("history", "--json").json["entries"][-1]
    assert (last["action"], last["version"], last["name"]) == ("sync", None, None)
    assert last["detail"] == {
        "reason": "a test",
        "recorded": {"d1_migrations": ["002_teams"], "schema_migrations": ["003_names"]},
    }
    found = project.run("repair", "--sync-tables", *REASON, "--yes").out
    assert found == "both tables record the same migrations\n"
    project.run("down", "--to", "none", "--rollback-from", "file")
    assert (project.versions(), names(project)) == ([], [])


def test_move_to_wranglers_table(project: Project) -> None:
    """The configuration decides; until it is moved, the history is only read; then both tools agree."""
    plain(project)
    project.run("up", "--to", "2")
    configure(project, 'table = "d1_migrations"\n')
    found = project.run("status", "--check", code=3).out
    assert "it is empty, and schema_migrations is not: `d1migrate repair --move-history`" in found
    assert "it is empty, and schema_migrations is not" in project.run("up", code=1).err
    shown = (
        "  001_users: recorded in d1_migrations\n  002_teams: recorded in d1_migrations\n"
        "  schema_migrations is dropped\n"
    )
    assert project.run("repair", "--move-history", "--dry-run").out == shown
    found = project.run("repair", "--move-history", *REASON, "--yes").out
    assert found == f"{shown}the history is in d1_migrations now; ran nothing\n"
    assert project.states() == {1: "applied", 2: "applied", 3: "pending"}
    assert project.run("verify", "--check").out.endswith("2 migrations agree, 1 pending; schema agrees\n")
    project.run("up")
    project.run("status", "--check")
    assert names(project) == ["001_users.sql", "002_teams.sql", "003_names.sql"]
    assert "schema_migrations" not in {row[0] for row in project.sql("SELECT name FROM sqlite_schema")}
    for path in project.migrations.iterdir():
        path.unlink()
    project.run("down", "--steps", "3")  # the log still has what the files said
    assert not project.tables() & {"users", "teams"}


def test_and_back(project: Project) -> None:
    """Wrangler's rows stay, and get those of later migrations."""
    plain(project)
    configure(project, 'table = "d1_migrations"\n')
    project.run("up", "--to", "2")
    configure(project, 'table = "schema_migrations"\n')
    assert "it is empty, and d1_migrations is not" in project.run("up", code=1).err
    found = project.run("repair", "--move-history", *REASON, "--yes", "--json").json
    assert found == {
        "source": "d1_migrations",
        "target": "schema_migrations",
        "drops": False,
        "recorded": [
            {"table": "schema_migrations", "version": 1, "name": "001_users"},
            {"table": "schema_migrations", "version": 2, "name": "002_teams"},
        ],
        "done": True,
    }
    project.run("up")
    project.run("verify", "--check")
    assert project.versions() == [1, 2, 3]
    assert names(project) == ["001_users.sql", "002_teams.sql", "003_names.sql"]


def test_a_move_that_is_refused(project: Project) -> None:
    """Files that record themselves decide where the history is."""
    project.standard()
    project.run("up")
    configure(project, 'table = "d1_migrations"\n')
    ended = project.run("repair", "--move-history", *REASON, "--yes", code=1)
    assert "files record themselves in schema_migrations, e.g. 001_users" in ended.err
    assert project.versions() == [1, 2, 3]


def test_an_upgrade_after_an_adoption(project: Project) -> None:
    """0.1 recorded in schema_migrations alone, beside wrangler's older rows: nothing is applied twice."""
    plain(project)
    project.run("up", "--to", "2")
    project.sql(NameTable().create)
    project.sql("INSERT INTO d1_migrations (name) VALUES ('001_users.sql')")
    assert "only schema_migrations records 002_teams, and the history is in d1_migrations" in (
        project.run("up", code=1).err
    )
    project.run("repair", "--move-history", *REASON, "--yes")
    project.run("up")
    assert names(project) == ["001_users.sql", "002_teams.sql", "003_names.sql"]


def test_one_at_a_time(project: Project) -> None:
    """And flags that do not belong to it are refused, not ignored."""
    project.standard()
    project.run("repair", "--sync-tables", "--move-history", *REASON, code=2)
    project.run("repair", "--accept", "1", "--sync-tables", *REASON, code=2)
    project.run("repair", "--accept", "1", "--dry-run", "--yes", *REASON, code=2)
    assert "no two tables" in project.run("repair", "--sync-tables", "--dry-run", code=2).err
    assert "nothing to move" in project.run("repair", "--move-history", "--dry-run", code=2).err
    assert json.dumps(project.run("repair", "--move-history", "--dry-run", "--json", code=2).json)
