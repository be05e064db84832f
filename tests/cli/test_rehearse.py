"""The exact output of `rehearse`: its table, JSON and exit codes; and that it writes nothing."""

from __future__ import annotations

import os
import re
import sqlite3
import tempfile
from typing import TYPE_CHECKING

import pytest

from tests.cli.project import ONE, TWO

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.project import Project

THREE = "UPDATE users SET email = lower(email) WHERE id > 0;\n-- Rollback: none, it only tidies up\n"
FOUR = """\
DELETE FROM users;
CREATE TABLE log (id INTEGER PRIMARY KEY, line TEXT NOT NULL);
INSERT INTO log (line) SELECT email FROM users;
-- Rollback:
-- DROP TABLE log;
"""
FIVE = """\
CREATE TABLE users_new (id INTEGER PRIMARY KEY, email TEXT NOT NULL, name TEXT);
INSERT INTO users_new (id, email) SELECT id, email FROM users;
DROP TABLE users;
ALTER TABLE users_new RENAME TO users;
"""
SAFE = {"003_tidy.sql": THREE, "004_log.sql": FOUR}


@pytest.fixture
def shop(project: Project) -> Project:
    """A database with two migrations and a few rows; two more are pending, and lose no rows."""
    project.write("001_users.sql", ONE)
    project.write("002_teams.sql", TWO)
    project.run("up")
    project.sql(
        "INSERT INTO users VALUES (1, 'A@x'), (2, 'b@x'), (3, 'C@x');\nINSERT INTO teams VALUES (1, 2), (2, 3)"
    )
    for name, sql in SAFE.items():
        project.write(name, sql)
    return project


def settled(text: str) -> list[str]:
    """Lines without the times and widths that differ between runs."""
    return [re.sub(r" +", " ", re.sub(r"~?\d+ ms|~?\d+\.\d s", "TIME", line)) for line in text.splitlines()]


def test_the_table(shop: Project) -> None:
    """A line for each migration, then the effects on rows; no findings."""
    ran = shop.run("rehearse")
    assert settled(ran.out) == [
        "migration verdict time rows written rollback",
        "003_tidy no loss on 100 rows TIME 50 irreversible",
        "004_log no loss TIME 102 restores, loses log 50",
        " 004_log: users 50 of 50 rows lost (DELETE)",
        " 004_log: teams 50 of 50 rows lost (CASCADE of DELETE FROM users)",
    ]
    assert settled(ran.err) == ["sqlite:app.db", " 003_tidy TIME", " 004_log TIME"]


def test_what_is_wrong_is_said_under_the_table(shop: Project) -> None:
    """The statement, the reason, and the page with more; exit 3."""
    shop.write("005_names.sql", FIVE)
    ran = shop.run("rehearse", code=3)
    lines = settled(ran.out)
    assert " 005_names: teams 50 of 50 rows lost (nothing accounts for it)" in lines
    at = next(
        i
        for i, line in enumerate(lines)
        if line.startswith("error[X101] rows-lost: teams lost 50 of 50 rows (")
    )
    assert lines[at + 1].endswith("migrations/005_names.sql:3:1")
    assert lines[at + 2] == "3 | DROP TABLE users;"
    assert lines[-2:] == ["1 error", "explain one: `d1migrate explain X101`"]


def test_the_json(shop: Project) -> None:
    """The keys, and the values a script would read."""
    found = shop.run("rehearse", "--json").json
    assert list(found) == ["ok", "platform", "migrations", "not_rehearsed", "rows", "empty", "recovery"]
    assert (found["ok"], found["not_rehearsed"], found["empty"]) == (True, [], {})
    assert found["rows"] == {"users": 50, "teams": 50, "log": 50}
    tidy, log = found["migrations"]
    keys = ["version", "name", "file", "verdict", "ok", "tables", "cost", "rollback"]
    assert list(log)[: len(keys)] == keys
    assert [m["verdict"] for m in (tidy, log)] == ["no loss on 100 rows", "no loss"]
    assert (tidy["rollback"], log["rollback"]) == (
        {"state": "irreversible", "loses": {}},
        {"state": "restores", "loses": {"log": 50}},
    )
    users, teams = log["tables"]
    assert (users["table"], users["table_after"], users["rows_before"], users["rows_after"]) == (
        "users",
        "users",
        50,
        0,
    )
    assert (users["rows_lost"], users["rows_lost_by"], users["rows_lost_unexplained"]) == (50, "DELETE", 0)
    assert (teams["rows_lost_by"], teams["rows_gained"]) == ("CASCADE of DELETE FROM users", 0)
    assert (teams["rows_changed"], teams["rows_changed_unexplained"]) == ({}, {})
    assert list(log["cost"]) == ["seconds", "rows_written", "scaled_seconds", "scaled_rows_written"]


def test_json_holds_any_value(project: Project) -> None:
    """Keys that are BLOBs, or numbers that JSON cannot express."""
    project.write("001_t.sql", "CREATE TABLE t (id PRIMARY KEY);")
    project.run("up")
    project.sql("INSERT INTO t VALUES (x'00ff'), (9e999), (NULL), ('é')")
    project.write("002_t.sql", "DELETE FROM t;")
    (change,) = project.run("rehearse", "--data", "--json").json["migrations"][0]["tables"]
    assert sorted(map(str, change["lost_keys"])) == [
        "{'id': '00ff'}",
        "{'id': 'inf'}",
        "{'id': 'é'}",
        "{'id': None}",
    ]


def test_data_is_the_targets_own_or_a_files(shop: Project) -> None:
    """Schema, history and rows, unchanged; empty tables are listed and stay empty."""
    found = shop.run("rehearse", "--data", "--json").json
    assert (found["rows"], found["empty"]) == ({"users": 3, "teams": 2}, {})
    other = shop.folder / "other.sqlite"
    shop.run("up", "--to", "1", "--database", "sqlite:other.sqlite")
    with sqlite3.connect(other) as connection:
        connection.execute("INSERT INTO users VALUES (1, 'x')")
    connection.close()
    found = shop.run("rehearse", "--data", "other.sqlite", "--json").json
    assert [m["name"] for m in found["migrations"]] == ["002_teams", "003_tidy", "004_log"]
    assert (found["rows"], found["empty"]) == ({"users": 1}, {})
    shop.sql("DELETE FROM teams")
    found = shop.run("rehearse", "--data", "--json").json
    assert (found["rows"], found["empty"]) == (
        {"users": 3, "teams": 0},
        {"teams": "the data has no rows for it"},
    )


def test_data_without_history_is_refused(shop: Project) -> None:
    """Nothing records which files it has; exit 1, as for `up`."""
    (shop.folder / "export.sql").write_text("CREATE TABLE users (id INTEGER PRIMARY KEY, email TEXT);")
    assert "no migrations are recorded" in shop.run("rehearse", "--data", "export.sql", code=1).err


def test_a_failure_stops_it(shop: Project) -> None:
    """A failure on the target's own rows is exit 3, at its line; later migrations are listed."""
    shop.write("003_tidy.sql", "SELECT 1;\nINSERT INTO users VALUES (2, 'twice');\n")
    ran = shop.run("rehearse", "--data", code=3)
    lines = settled(ran.out)
    assert lines[1] == "003_tidy fails"
    assert "error[X108] fails: the migration fails on rows: UNIQUE constraint failed: users.id" in lines
    assert any(line.endswith("003_tidy.sql:2:1") for line in lines)
    assert lines[-1] == "not rehearsed: 004_log"
    assert settled(ran.err)[1:] == [" 003_tidy fails"]


@pytest.mark.parametrize(
    ("arguments", "names", "rows"),
    [
        ((), ["003_tidy", "004_log"], 50),
        (("--to", "3"), ["003_tidy"], 50),
        (("--rows", "5"), ["003_tidy", "004_log"], 5),
        (("--all",), ["001_users", "002_teams", "003_tidy", "004_log"], 50),
        (("--all", "--to", "2", "--rows", "3"), ["001_users", "002_teams"], 3),
    ],
)
def test_which_and_how_many(shop: Project, arguments: tuple[str, ...], names: list[str], rows: int) -> None:
    """Pending migrations or all; up to a version; with a number of rows."""
    found = shop.run("rehearse", *arguments, "--json").json
    assert [m["name"] for m in found["migrations"]] == names
    assert found["rows"]["users"] == rows


def test_without_a_database(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a configured database, the files or a file with data are enough; there are no own rows."""
    monkeypatch.delenv("D1MIGRATE_DATABASE")
    project.write("001_users.sql", ONE)
    assert [m["name"] for m in project.run("rehearse", "--json").json["migrations"]] == ["001_users"]
    (project.folder / "export.sql").write_text("PRAGMA defer_foreign_keys=TRUE;\n")
    assert project.run("rehearse", "--data", "export.sql", "--json").json["rows"] == {}
    assert "no database is configured" in project.run("rehearse", "--data", code=2).err
    assert sorted(os.listdir(project.folder)) == ["export.sql", "migrations"]


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (("--to", "9"), 2, "9"),
        (("--rows", "0"), 2, "0 rows"),
        (("--rows", "many"), 2, "many"),
        (("--scale", "users"), 2, "--scale 'users' is not TABLE=ROWS"),
        (("--scale", "users=-5"), 2, "--scale 'users=-5' is not TABLE=ROWS"),
        (("--scale", "=5"), 2, "--scale '=5' is not TABLE=ROWS"),
        (("--scale", "people=5"), 2, "cannot scale people: no such table"),
        (("--data", "missing.sqlite"), 2, "cannot read rows from missing.sqlite"),
        (("--data", "migrations"), 2, "cannot read rows from migrations"),
        (("--all", "--data", "app.db"), 2, "--data and --all cannot be used together"),
        (("--database", "sqlite:migrations"), 1, "migrations"),
    ],
)
def test_what_cannot_be_meant(shop: Project, arguments: tuple[str, ...], code: int, says: str) -> None:
    """Exit 2 for arguments, 1 for an unreadable database; each error names its subject."""
    assert says in shop.run("rehearse", *arguments, code=code).err


def test_a_file_that_is_no_sql(shop: Project) -> None:
    """Exit 1, with line and caret, as in every command."""
    shop.write("003_tidy.sql", "SELECT 1;\n/* not closed")
    ran = shop.run("rehearse", code=1)
    assert "003_tidy.sql:2:1: this comment is not closed" in ran.err
    assert ran.out == ""


def test_scale(shop: Project) -> None:
    """The target's rows, marked as estimates; limits of the free plan or of a batch are reported."""
    ran = shop.run("rehearse", "--scale", "Users=200000", "--scale", "teams=10")
    lines = settled(ran.out)
    assert lines[0] == "migration verdict time rows written ~ rollback"
    assert lines[1].startswith("003_tidy no loss on 100 rows TIME 200,000 ")
    assert " 003_tidy: D1's free plan allows 100,000 rows written per day" in lines
    cost = shop.run("rehearse", "--json", "--scale", "users=9000000000").json["migrations"][0]["cost"]
    assert cost["scaled_rows_written"] == 9_000_000_000
    assert "D1 stops a batch after 30 s" in shop.run("rehearse", "--scale", "users=9000000000").out


def test_for_a_durable_object(shop: Project) -> None:
    """Every file, from an empty object; what takes long or writes much is compared with an object's limits."""
    ran = shop.run("rehearse", "--for", "durable-object", "--json")
    assert ran.json["platform"] == "durable-object"
    assert [m["name"] for m in ran.json["migrations"]] == [
        m["name"] for m in shop.run("rehearse", "--all", "--json").json["migrations"]
    ]
    lines = settled(shop.run("rehearse", "--for", "durable-object", "--scale", "users=9000000000").out)
    assert any(line.endswith("a Durable Object is reset after 30 s") for line in lines)
    limit = "the free plan allows 100,000 rows written per day, in all objects together"
    assert f" 003_tidy: {limit}" in lines


@pytest.mark.parametrize(
    "arguments", [(), ("--data",), ("--all",), ("--data", "app.db"), ("--json",)], ids=" ".join
)
@pytest.mark.parametrize("lossy", [False, True])
def test_nothing_is_written(
    shop: Project,
    arguments: tuple[str, ...],
    lossy: bool,
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Neither bytes nor times of the database change, and no file is left over anywhere."""
    scratch = tmp_path_factory.mktemp("scratch")
    monkeypatch.setattr(tempfile, "tempdir", str(scratch))
    if lossy:
        shop.write("005_names.sql", FIVE)
    before = state(shop.folder)
    is_data = "--data" in arguments  # in which 004 leaves no row to lose
    shop.run("rehearse", *arguments, code=3 if lossy and not is_data else 0)
    assert state(shop.folder) == before
    assert os.listdir(scratch) == []


def state(folder: Path) -> dict[str, tuple[bytes, int]]:
    """Every file of a folder: its bytes and its time."""
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(path): (path.read_bytes(), path.stat().st_mtime_ns) for path in files}


def test_quiet_leaves_the_table(shop: Project) -> None:
    """No progress, no name of the database."""
    ran = shop.run("rehearse", "--quiet")
    assert ran.err == ""
    assert len(ran.out.splitlines()) == 5


@pytest.mark.parametrize("flags", [(), ("--recovery",)])
def test_data_whose_history_has_a_name_of_its_own(
    project: Project, monkeypatch: pytest.MonkeyPatch, flags: tuple[str, ...]
) -> None:
    """The configuration names the migrations table of the data, too, if it names no database."""
    project.write("001_notes.sql", "CREATE TABLE notes (id INTEGER PRIMARY KEY);")
    project.write(
        "002_tags.sql", "CREATE TABLE tags (id INTEGER PRIMARY KEY);\n-- Rollback:\n-- DROP TABLE tags;"
    )
    (project.folder / "d1migrate.toml").write_text('table = "applied_here"\n')
    project.run("up", "--to", "1")
    monkeypatch.delenv("D1MIGRATE_DATABASE")
    ran = project.run("rehearse", "--data", str(project.database), *flags)
    assert "002_tags" in ran.out
    assert "001_notes" not in ran.out
