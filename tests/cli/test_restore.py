"""`restore --to`: back to a restore point after confirmation, and back from there."""

from __future__ import annotations

import io
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.cli.project import Project


@pytest.fixture
def applied(project: Project) -> Project:
    """Two runs, so that there is a point between, and rows on both sides of it."""
    project.standard()
    project.run("up", "--to", "1")
    project.sql("INSERT INTO users VALUES (1, 'a')")
    project.run("up")
    project.sql("INSERT INTO teams VALUES (5, 1)")
    project.sql("INSERT INTO users VALUES (2, 'b', 'c')")
    return project


def point(project: Project, place: int = -1) -> str:
    """The name of a restore point."""
    return str(project.run("restore", "--json").json["restore_points"][place]["name"])


def test_history_shows_the_points(applied: Project) -> None:
    """A point a run that had something to keep; the same one for all that the run did."""
    entries = applied.run("history", "--json").json["entries"]
    assert [e["restore_point"] for e in entries] == [None, point(applied), point(applied)]
    assert point(applied) in applied.run("history").out
    listed = applied.run("restore").out
    assert point(applied) in listed
    assert "restore point" in listed.splitlines()[0]


def test_a_rollback_that_is_none_names_the_point(applied: Project) -> None:
    """`down` and its plan say which restore point is from before a migration without a rollback."""
    applied.write(
        "004_merge.sql",
        "UPDATE users SET name = 'x' WHERE id = 1;\n-- Rollback: none, the names are merged\n",
    )
    applied.run("up")
    newest = point(applied)
    for command in (("down",), ("plan", "--down")):
        err = applied.run(*command, code=1).err
        assert "004_merge is declared irreversible" in err
        assert f"hint: `d1migrate restore --to {newest}` goes back to 003_names, " in err
    applied.run("restore", "--to", newest, "--yes")
    assert applied.versions() == [1, 2, 3]


def test_restore_points_count_the_rows_since(applied: Project) -> None:
    """For each migration without a rollback: the point, what else it undoes, and the rows by table."""
    applied.write("004_merge.sql", "UPDATE users SET name = 'x';\n-- Rollback: none, merged\n")
    applied.write("005_drop.sql", "DROP TABLE teams;\n")
    applied.run("up", "--to", "4", "--no-lint", "a test")
    applied.sql("INSERT INTO users VALUES (7, 'late', NULL)")
    applied.run("up", "--no-lint", "a test")
    first, second = point(applied, -2), point(applied, -1)
    err = applied.run("plan", "--down", "--steps", "2", code=1).err
    assert f"004_merge can be undone with a restore point:\nto {first}, taken " in err
    assert "005_drop → 003_names\n  no longer applied: 004_merge\n  no longer applied: 005_drop" in err
    assert "  users: 3 rows → 2 rows\n  teams: no table → 1 row\n" in err
    assert f"005_drop can be undone with a restore point:\nto {second}, taken " in err
    assert "005_drop → 004_merge\n  no longer applied: 005_drop\n  teams: no table → 1 row\n" in err
    assert f"hint: `d1migrate restore --to {first}` goes back to 003_names" in err
    error = applied.run("down", "--steps", "2", "--json", code=1).json["error"]
    before = {one["name"]: one["preview"] for one in error["restore_points"]}
    assert before["004_merge"]["tables"] == [
        {"table": "users", "rows_now": 3, "rows_then": 2},
        {"table": "teams", "rows_now": None, "rows_then": 1},
    ]
    assert before["005_drop"]["restore_to"] == second
    for name in (first, second):
        (applied.folder / ".d1migrate" / name).write_bytes(
            b""
        )  # it is said, and why there is no rollback too
    err = applied.run("down", "--steps", "2", code=1).err
    assert "is damaged: it holds nothing" in err
    assert "005_drop has no rollback block" in err
    for name in [p["name"] for p in applied.run("restore", "--json").json["restore_points"]]:
        (applied.folder / ".d1migrate" / name).unlink()
    err = applied.run("down", code=1).err
    assert "there is no restore point from before 005_drop" in err
    assert "hint: write a `-- Rollback:` block" in err


def test_the_plan_of_a_rollback_counts_what_it_takes(applied: Project) -> None:
    """Table by table, as they are now."""
    out = applied.run("plan", "--down", "--to", "1", "--allow-loss", "all").out
    assert "deletes rows: teams 1" in out
    steps = applied.run("plan", "--down", "--to", "1", "--allow-loss", "all", "--json").json["steps"]
    assert [step["deletes_rows"] for step in steps] == [{}, {"teams": 1}]
    assert [step["deletes_rows"] for step in applied.run("plan", "--json").json["steps"]] == []


def test_back_and_forth(applied: Project) -> None:
    """The rows and the version are those of the point, the log keeps all; undoing brings the rest back."""
    users, teams = applied.sql("SELECT * FROM users"), applied.sql("SELECT * FROM teams")
    ran = applied.run("restore", "--to", "1", "--yes")
    assert f"restored to {point(applied, 0)}: 001_users" in ran.out
    assert "no longer applied: 002_teams" in ran.err
    assert "users: 2 rows → 1 row" in ran.err
    assert "teams: 1 row → no table" in ran.err
    assert "schema and history agree with the files" in ran.err
    assert applied.versions() == [1]
    assert applied.sql("SELECT * FROM users") == [(1, "a")]
    assert applied.states() == {1: "applied", 2: "pending", 3: "pending"}
    undo = ran.out.split("restore --to ")[1].strip()
    value = applied.run("restore", "--to", undo, "--yes", "--json").json
    assert (value["current"], value["verified"]) == ("003_names", True)
    assert value["applied_again"] == ["002_teams", "003_names"]
    assert applied.sql("SELECT * FROM users") == users
    assert applied.sql("SELECT * FROM teams") == teams
    actions = [(e["action"], e["version"]) for e in applied.run("history", "--json").json["entries"]]
    assert actions[:3] == [("up", 1), ("up", 2), ("up", 3)]
    assert actions[3:] == [
        *(("restore", None), ("rewind", 2), ("rewind", 3)),
        *(("restore", None), ("restore", 2), ("restore", 3)),
    ]
    assert applied.run("verify", "--check").out == "files, history and schema agree\n"


def test_it_has_to_be_confirmed(applied: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a terminal a flag; on one, the database's name."""
    err = applied.run("restore", "--to", "1", code=2).err
    assert "hint: add --yes to confirm" in err
    assert applied.versions() == [1, 2, 3]

    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setattr("d1migrate.cli.output.sys.stderr", Terminal())
    monkeypatch.setattr(sys, "stdin", Terminal("app\n"))
    applied.run("restore", "--to", "1", code=2)
    assert applied.versions() == [1, 2, 3]
    monkeypatch.setattr("d1migrate.cli.output.sys.stderr", Terminal())
    monkeypatch.setattr(sys, "stdin", Terminal("app.db\n"))
    applied.run("restore", "--to", "1")
    assert applied.versions() == [1]


def test_a_protected_environment_wants_its_name(applied: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """`--yes` is not enough there."""
    (applied.folder / "d1migrate.toml").write_text(
        '[env.local]\ndatabase = "sqlite:app.db"\nprotected = true\n', encoding="utf-8"
    )
    monkeypatch.delenv("D1MIGRATE_DATABASE")
    applied.run("restore", "--to", "1", "--yes", code=1)
    assert applied.versions() == [1, 2, 3]
    applied.run("restore", "--to", "1", "--confirm", "local")
    assert applied.versions() == [1]


def test_a_demanded_point_is_taken(applied: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """`restore_point = true` is met by a copy of the file, false takes none, and a flag with a reason skips it."""
    config = applied.folder / "d1migrate.toml"
    monkeypatch.delenv("D1MIGRATE_DATABASE")
    config.write_text('[env.local]\ndatabase = "sqlite:app.db"\nrestore_point = true\n', encoding="utf-8")
    assert "a copy of the file is taken first" in applied.run("plan").out
    applied.run("down", "--allow-loss", "all")
    assert len(applied.run("restore", "--json").json["restore_points"]) == 2
    applied.run("up", "--no-restore-point", "it is a scratch database")
    assert len(applied.run("restore", "--json").json["restore_points"]) == 2
    config.write_text('[env.local]\ndatabase = "sqlite:app.db"\nrestore_point = false\n', encoding="utf-8")
    applied.run("down", "--allow-loss", "all")
    assert len(applied.run("restore", "--json").json["restore_points"]) == 2


def test_refusals(applied: Project) -> None:
    """An unknown point is an error that lists the known ones."""
    assert "../x.db is not a restore point" in applied.run("restore", "--to", "../x.db", "--yes", code=2).err
    err = applied.run("restore", "--to", "7", "--yes", code=2).err
    assert "no restore point has 7 as its last migration" in err
    assert point(applied) in err


def test_a_damaged_database(applied: Project) -> None:
    """The preview says that it is damaged, before the confirmation, and the output where its file is kept."""
    applied.database.write_bytes(b"no database")
    ran = applied.run("restore", "--to", "1", "--yes")
    assert "the database cannot be read, so newer rows are lost: app.db: file is not a database" in ran.err
    kept = ran.out.split("the damaged file is kept as ")[1].strip()
    assert (applied.folder / kept).read_bytes() == b"no database"
    assert applied.sql("SELECT * FROM users") == [(1, "a")]


def test_none_yet(project: Project) -> None:
    """A new database needs none."""
    project.standard()
    none = project.run("restore")
    assert none.out == "no restore points yet\n"
    assert "`d1migrate restore --file FILE` loads a backup into a new" in none.err
    project.run("up")
    assert project.run("restore", "--json").json["restore_points"] == []
    assert not (project.folder / ".d1migrate").exists()


def test_the_history_is_not_compared_as_rows(project: Project) -> None:
    """Whatever the migrations table is called: the names of the migrations are listed instead."""
    (project.folder / "d1migrate.toml").write_text('table = "applied_here"\n')
    project.write("001_teams.sql", "CREATE TABLE teams (id INTEGER PRIMARY KEY);\n")
    project.write("002_tags.sql", "CREATE TABLE tags (id INTEGER PRIMARY KEY);\n")
    project.run("up", "--to", "1")
    project.run("up")
    shown = project.run("restore", "--to", "1", "--yes").err
    assert "no longer applied: 002_tags" in shown
    assert "applied_here" not in shown


def test_a_folder_that_takes_no_restore_point(project: Project) -> None:
    """Nothing is applied; what must be writable is named first, and then how to go without."""
    project.write("001_t.sql", "CREATE TABLE t (x);")
    project.run("up")
    (project.folder / ".d1migrate").write_text("")
    project.write("002_u.sql", "CREATE TABLE u (x);")
    error = project.run("up", code=1).err
    assert "error: cannot write a restore point to .d1migrate: File exists\n" in error
    hint = "make it a folder that can be written to; to override, add --no-restore-point REASON"
    assert f"hint: {hint}\n" in error
    assert project.run("current").out == "001_t\n"
    project.run("up", "--no-restore-point", "the disk is full")
    assert project.run("current").out == "002_u\n"
