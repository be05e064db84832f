"""`up`: exactly once, completely or not at all."""

from __future__ import annotations

import json
import re

import pytest

from d1migrate.cli import main
from tests.cli.project import ONE, TWO, Project


def test_applies_what_is_pending_once(project: Project) -> None:
    """Three files are applied, then there is nothing to do, and each has one row."""
    project.standard()
    assert "applied 3 migrations" in project.run("up").out
    assert project.run("up").out == "nothing to do\n"
    assert project.versions() == [1, 2, 3]
    assert project.sql("SELECT name FROM schema_migrations") == [
        ("001_users",),
        ("002_teams",),
        ("003_names",),
    ]


def test_up_to_a_version(project: Project) -> None:
    """`--to` stops there; an unknown version is a usage error."""
    project.standard()
    project.run("up", "--to", "2")
    assert project.versions() == [1, 2]
    assert "there is no migration 9" in project.run("up", "--to", "9", code=2).err


def test_the_log_has_who_when_token_checksum_and_rollback(project: Project) -> None:
    """Every migration leaves begun and done under one token; the rollback SQL is kept."""
    project.standard()
    project.run("up", "--to", "2")
    rows = project.sql(
        "SELECT event, action, version, name, substr(checksum, 1, 3), who, rollback_sql FROM d1migrate_log"
    )
    assert [row[:6] for row in rows] == [
        ("begun", "up", 1, "001_users", "v1:", "tester"),
        ("done", "up", 1, "001_users", "v1:", "tester"),
        ("begun", "up", 2, "002_teams", "v1:", "tester"),
        ("done", "up", 2, "002_teams", "v1:", "tester"),
    ]
    assert rows[3][6].strip() == "DROP INDEX idx_teams_owner;\nDROP TABLE teams;"
    tokens = project.sql("SELECT token, count(*) FROM d1migrate_log GROUP BY token")
    assert [count for _, count in tokens] == [2, 2]


def test_a_failing_third_statement_leaves_nothing(project: Project) -> None:
    """Nothing of the file remains, history is clean, and the error has the place and what is pending."""
    project.standard()
    project.write("002_teams.sql", "CREATE TABLE a (x);\nCREATE TABLE b (x);\n\nINSERT INTO c\nVALUES (1);\n")
    failed = project.run("up", "--no-lint", code=1)
    assert "migrations/002_teams.sql:4: no such table: c" in failed.err
    assert "    4 | INSERT INTO c\n" in failed.err
    assert "applied: 001_users\n" in failed.err
    assert "pending: 002_teams, 003_names\n" in failed.err
    assert project.tables() == {"users"}
    assert project.states() == {1: "applied", 2: "pending", 3: "pending"}
    assert project.sql("SELECT count(*) FROM d1migrate_log WHERE version = 2") == [(0,)]


def test_a_syntax_error_shows_its_place(project: Project) -> None:
    """The caret is under the token where SQLite stopped."""
    project.write("001_a.sql", "-- a comment\nCREATE TABLE a (\n  id INTEGER PRIMARI KEY,\n  CHECK )\n);\n")
    err = project.run("up", "--no-lint", code=1).err
    assert 'migrations/001_a.sql:4: near ")": syntax error' in err
    shown = re.search(r"    4 \| (.*)\n      \| ( *)\^", err)
    assert shown is not None
    assert shown[1][len(shown[2])] == ")"


def test_every_file_is_parsed_before_the_first_runs(project: Project) -> None:
    """An unclosed string in the third file keeps the first two from running."""
    project.standard()
    project.write("003_names.sql", "CREATE TABLE t (x);\nINSERT INTO t VALUES ('oops);\n")
    err = project.run("up", code=1).err
    assert "migrations/003_names.sql:2:23: this string is not closed" in err
    assert "INSERT INTO t VALUES ('oops);\n                        ^" in err
    assert not project.database.exists()


def test_single_transaction_is_all_or_nothing(project: Project) -> None:
    """With --single-transaction a failure in the last file takes the others back too."""
    project.standard()
    project.write("004_bad.sql", "INSERT INTO nowhere VALUES (1);")
    err = project.run("up", "--single-transaction", "--no-lint", code=1).err
    assert "004_bad.sql:1: no such table: nowhere" in err
    assert "applied: none" in err
    assert project.tables() == set()
    (project.migrations / "004_bad.sql").unlink()
    assert "applied 3 migrations" in project.run("up", "--single-transaction").out
    assert project.versions() == [1, 2, 3]


@pytest.mark.parametrize("name", ["up", "apply"])
def test_out_of_order_is_refused_unless_allowed(project: Project, name: str) -> None:
    """A pending version below the newest applied one needs a flag."""
    project.write("001_users.sql", ONE)
    project.write("003_late.sql", "CREATE TABLE c (x);")
    project.run("up")
    project.write("002_teams.sql", TWO)
    assert project.states() == {1: "applied", 2: "out_of_order", 3: "applied"}
    err = project.run(name, code=1).err
    assert "002_teams is pending, but 003_late, which comes later, is already applied" in err
    assert "--allow-out-of-order applies it late, as `wrangler d1 migrations apply` would" in err
    project.run(name, "--allow-out-of-order")
    assert project.versions() == [1, 2, 3]


def test_out_of_order_can_be_the_policy(project: Project) -> None:
    """`out_of_order = "allow"` in the configuration needs no flag."""
    (project.folder / "d1migrate.toml").write_text(
        'out_of_order = "allow"\n[env.local]\ndatabase = "sqlite:app.db"\n'
    )
    project.write("003_late.sql", "CREATE TABLE c (x);")
    project.run("up", "--env", "local")
    project.write("002_b.sql", "CREATE TABLE b (x);")
    project.run("up", "--env", "local")
    assert project.versions() == [2, 3]


def test_an_edited_file_is_refused(project: Project) -> None:
    """`up` stops at an applied file that means something else now; repair --accept records it."""
    project.standard()
    project.run("up")
    project.write("002_teams.sql", TWO.replace("NOT NULL", ""))
    assert project.states()[2] == "changed"
    err = project.run("up", code=1).err
    assert "002_teams: edited after being applied" in err
    assert "repair --accept 002_teams" in err
    project.run("repair", "--accept", "2", "--reason", "made optional by hand", "--yes")
    assert project.states()[2] == "applied"
    assert project.run("up").out == "nothing to do\n"
    assert "made optional by hand" in project.sql("SELECT detail FROM d1migrate_log ORDER BY id DESC")[0][0]


@pytest.mark.parametrize(
    "edit",
    [
        pytest.param(lambda s: "-- (c) a license header\n" + s, id="header"),
        pytest.param(lambda s: s.replace("CREATE TABLE", "create  table").replace("\n", "\r\n"), id="format"),
        pytest.param(lambda s: s.split("-- Rollback")[0], id="rollback"),
        pytest.param(lambda s: "\ufeff" + s.rstrip().removesuffix(";"), id="bom"),
    ],
)
def test_an_edit_without_meaning_is_none(project: Project, edit: object) -> None:
    """Comments, white space, keyword case, line ends and the rollback block do not change a file."""
    project.standard()
    project.run("up")
    assert callable(edit)
    project.write("002_teams.sql", edit(TWO))
    assert project.states()[2] == "applied"


def test_a_missing_file_is_refused(project: Project) -> None:
    """`up` stops if an applied file is missing; repair --forget removes it from the history."""
    project.standard()
    project.run("up")
    (project.migrations / "002_teams.sql").unlink()
    assert project.states() == {1: "applied", 2: "missing", 3: "applied"}
    assert "002_teams: applied, but the file is missing" in project.run("up", code=1).err
    project.run("repair", "--forget", "2", "--reason", "squashed", "--yes")
    assert project.states() == {1: "applied", 3: "applied"}
    assert "teams" in project.tables()


def test_a_renumbered_file_is_recognized(project: Project) -> None:
    """A file that came back under another number is not run again."""
    project.standard()
    project.run("up", "--to", "2")
    (project.migrations / "002_teams.sql").rename(project.migrations / "005_teams.sql")
    found = project.run("status", "--json").json["migrations"]
    assert [(e["version"], e["state"], e.get("was")) for e in found] == [
        (1, "applied", None),
        (3, "out_of_order", None),
        (5, "renamed", "002_teams"),
    ]
    err = project.run("up", code=1).err
    assert "005_teams (applied as 002_teams): renamed after being applied" in err
    assert "`d1migrate repair --rename 002_teams 005_teams --reason …`" in err
    renamed = project.run("repair", "--rename", "2", "5", "--reason", "renumbered after a merge", "--yes").out
    assert renamed == "005_teams is recorded as applied, in place of 002_teams\n"
    assert project.versions() == [1, 5]
    project.run("up", "--allow-out-of-order")
    assert project.versions() == [1, 3, 5]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("01_again.sql", "SELECT 1;", "two files have version 1: 001_users and 01_again"),
        ("002_latin.sql", b"SELECT 1;\n-- caf\xe9\n", "002_latin.sql:2: not UTF-8: byte 0xe9 at offset 16"),
        ("002_open.sql", "SELECT 1; /* never closed", "002_open.sql:1:11: this comment is not closed"),
        ("002_nul.sql", "SELECT 1;\0DROP TABLE users;", "002_nul.sql:1:10: there is a NUL character here"),
        ("seed.sql", "SELECT 1;", "migrations/seed.sql: schema_migrations needs a number from 0 to"),
        ("002_a.down.sql", "SELECT 1;", "would run this down file as a forward migration"),
        ("99999999999999999_x.sql", "SELECT 1;", "schema_migrations needs a number from 0 to"),
        ("002_drop.sql", "SELECT 1;\n-- Rollback:\n-- DROP TABLE schema_migrations;\n", "002_drop.sql:3: it changes the history of all migrations"),
        ("002_two.sql", "SELECT 1;\n-- Rollback:\n-- SELECT 2;\nSELECT 3;\n-- rollback: SELECT 4;\n", "002_two.sql:5: a second rollback block"),
        ("002_prose.sql", "SELECT 1;\n-- Rollback:\n-- see the wiki\n", "002_prose.sql:3:1: this line of the rollback block is not SQL"),
        ("002_one.sql", "SELECT 1;\nINSERT INTO schema_migrations VALUES (1, 'x', 1) ON CONFLICT DO NOTHING;", "002_one.sql:2: it records version 1, but its name has 2"),
    ],
)  # fmt: skip
def test_a_wrong_file_is_a_source_error(
    project: Project, name: str, content: str | bytes, message: str
) -> None:
    """A file that is wrong is named, and nothing runs."""
    project.write("001_users.sql", ONE)
    project.write(name, content)
    failed = project.run("up", code=1)
    assert message in failed.err
    assert not project.database.exists()


@pytest.mark.parametrize(
    "name",
    ["000_zero.sql", "0000-zero.sql", "002_a b.sql", "2024-01-13-patch.sql", "002.sql", "5/migration.sql"],
)
def test_any_name_with_a_number_of_its_own(project: Project, name: str) -> None:
    """Wrangler applies it, so it is applied here: version 0, a dash, a space, a date, a folder."""
    project.write("001_users.sql", ONE)
    (project.migrations / name).parent.mkdir(exist_ok=True)
    project.write(name, "CREATE TABLE a (x);")
    if "/" in name:
        pattern = "migrations/**/*.sql"
        wrangler = {
            "d1_databases": [{"binding": "DB", "migrations_dir": "migrations", "migrations_pattern": pattern}]
        }
        (project.folder / "wrangler.json").write_text(json.dumps(wrangler))
    assert "applied 2 migrations" in project.run("up").out
    assert len(project.versions()) == 2
    project.run("status", "--check")


def test_a_file_that_only_records_itself_is_recorded(project: Project) -> None:
    """As wrangler would; a note names it, since a template may have been forgotten."""
    project.write("001_self.sql", "INSERT INTO schema_migrations VALUES (1, '001_self', 1);")
    assert "001_self has no statement, and is only recorded" in project.run("up").err
    assert project.versions() == [1]


def test_a_rollback_that_is_prose_is_refused(project: Project) -> None:
    """A line of the block that does not begin like SQL is shown before anything runs."""
    project.write("001_a.sql", "CREATE TABLE a (x);\n-- Rollback:\n-- see the wiki\n")
    err = project.run("up", code=1).err
    assert "migrations/001_a.sql:3:1: this line of the rollback block is not SQL" in err
    assert not project.database.exists()


def test_gaps_and_missing_headers_are_fine(project: Project) -> None:
    """Numbers may be left out, and a file needs no header."""
    project.write("001_a.sql", "CREATE TABLE a (x);")
    project.write("007_b.sql", "CREATE TABLE b (x);")
    project.run("up")
    assert project.versions() == [1, 7]


@pytest.mark.parametrize(
    "sql",
    [
        "INSERT INTO schema_migrations VALUES (7, 'other', 1);",
        'INSERT OR REPLACE INTO "main"."Schema_Migrations" (version, name, applied_at) VALUES (7, \'x\', 1);',
        "DELETE FROM schema_migrations;",
        "UPDATE schema_migrations SET version = 9;",
        "UPDATE schema_migrations SET name = 'x' WHERE version = 1;",
        "ALTER TABLE schema_migrations ADD COLUMN note;",
        "DELETE FROM d1migrate_log;",
        "INSERT INTO d1migrate_log (token) VALUES ('x');",
        "CREATE TRIGGER t AFTER INSERT ON a BEGIN INSERT INTO schema_migrations VALUES (7, 'x', 1); END;",
    ],
)
def test_a_file_that_changes_other_history_is_refused(project: Project, sql: str) -> None:
    """Changes that only d1migrate may make are refused before anything runs, with their line."""
    project.write("001_users.sql", ONE)
    project.run("up")
    project.write("002_sly.sql", f"CREATE TABLE a (x);\n{sql}\n")
    err = project.run("up", code=1).err
    assert "002_sly.sql:2: it " in err
    assert project.versions() == [1]
    assert project.tables() == {"users"}


@pytest.mark.parametrize(
    "sql",
    [
        "INSERT INTO schema_migrations SELECT 7, 'other', 1;",
        "INSERT INTO schema_migrations VALUES (1 + 6, 'other', 1);",
        "INSERT INTO schema_migrations (name, version, applied_at) VALUES ('x', abs(7), 1);",
    ],
)
def test_a_file_that_records_another_version_fails(project: Project, sql: str) -> None:
    """If the SQL does not show the version, the batch itself compares what was recorded."""
    project.write("001_users.sql", ONE)
    project.run("up")
    project.write("002_sly.sql", f"CREATE TABLE a (x);\n{sql}\n")
    err = project.run("up", code=1).err
    assert "002_sly: its SQL changes the history of other migrations than its own" in err
    assert project.versions() == [1]
    assert project.tables() == {"users"}


def test_wranglers_own_history_is_taken_up(project: Project) -> None:
    """Three columns and no log, as `wrangler d1 execute --file` leaves them, are a history like any other."""
    project.standard()
    project.sql(
        "CREATE TABLE schema_migrations (version INTEGER PRIMARY KEY, name TEXT NOT NULL, applied_at INTEGER NOT NULL);\n"
        "CREATE TABLE users (id INTEGER PRIMARY KEY, email TEXT NOT NULL);\n"
        "INSERT INTO schema_migrations VALUES (1, '001_users', strftime('%s', 'now'))"
    )
    first = project.run("status", "--json").json["migrations"][0]
    assert (first["state"], first["checksum"]) == ("applied", None)
    project.run("up")
    assert project.versions() == [1, 2, 3]
    assert [e["by"] for e in project.run("history", "--json").json["entries"]] == [None, "tester", "tester"]


@pytest.mark.parametrize(
    ("ddl", "found"),
    [
        (
            "CREATE TABLE schema_migrations (version INTEGER, dirty INTEGER)",
            "(version INTEGER, dirty INTEGER)",
        ),
        ("CREATE TABLE schema_migrations (version VARCHAR(128) PRIMARY KEY)", "(version VARCHAR(128))"),
        (
            "CREATE TABLE schema_migrations (version TEXT PRIMARY KEY, name TEXT, applied_at INTEGER)",
            "(version TEXT, name TEXT, applied_at INTEGER)",
        ),
    ],
)
@pytest.mark.parametrize("command", ["up", "status", "current", "history"])
def test_another_tools_table_is_named(project: Project, ddl: str, found: str, command: str) -> None:
    """A schema_migrations of another shape is an error that describes it, never version 0."""
    project.standard()
    project.sql(ddl)
    failed = project.run(command, code=1)
    assert f"the table schema_migrations is not d1migrate's: it has {found}" in failed.err
    assert failed.out == ""


@pytest.mark.parametrize("history", [False, True])
def test_a_database_that_did_not_start_here(project: Project, history: bool) -> None:
    """User objects without a recorded migration stop `up`; baseline vouches for them and runs nothing."""
    project.standard()
    project.sql("CREATE TABLE users (id INTEGER PRIMARY KEY, email TEXT NOT NULL)")
    if history:
        project.sql(
            "CREATE TABLE schema_migrations"
            " (version INTEGER PRIMARY KEY, name TEXT NOT NULL, applied_at INTEGER NOT NULL)"
        )
    err = project.run("up", code=1).err
    assert (
        "this database was not created by d1migrate: no migrations are recorded, but it contains users" in err
    )
    assert "`d1migrate adopt` finds out which of your files the database has" in err
    project.run("baseline", "--to", "1")
    project.run("up")
    assert project.versions() == [1, 2, 3]


def test_another_tools_history_is_named(project: Project) -> None:
    """A non-empty history of wrangler's own migrations is recognized."""
    project.standard()
    project.sql("CREATE TABLE d1_migrations (id INTEGER PRIMARY KEY, name TEXT)")
    project.sql("INSERT INTO d1_migrations VALUES (1, '0001_x.sql')")
    assert "d1_migrations is the history of wrangler d1 migrations" in project.run("up", code=1).err


def test_an_empty_history_of_another_tool_is_no_obstacle(project: Project) -> None:
    """`wrangler d1 migrations list` creates an empty table; the database is still new."""
    project.standard()
    project.sql("CREATE TABLE d1_migrations (id INTEGER PRIMARY KEY, name TEXT)")
    project.run("up")
    assert project.versions() == [1, 2, 3]


def test_baseline_records_and_runs_nothing(project: Project) -> None:
    """After a baseline the versions count as applied, with checksum and rollback, and no object was made."""
    project.standard()
    assert "recorded 2 migrations as applied" in project.run("baseline", "--to", "2", "--yes").out
    assert project.tables() == set()
    assert project.states() == {1: "applied", 2: "applied", 3: "pending"}
    assert "there is no migration 9" in project.run("baseline", "--to", "9", code=2).err
    assert "recorded 0 migrations" in project.run("baseline", "--to", "2").out


def test_d1_rules_hold(project: Project) -> None:
    """SQL that D1 refuses is refused here, in D1's words, with the place."""
    project.write("001_a.sql", "CREATE TABLE a (x);\nBEGIN TRANSACTION;\n")
    assert (
        "migrations/001_a.sql:2: To execute a transaction, please use the state.storage"
        in project.run("up", "--no-lint", code=1).err
    )


def test_d1_limits_are_seen_before_anything_runs(project: Project) -> None:
    """A statement that is too long stops the run before its file, or any other, is touched."""
    project.standard()
    project.write("004_a.sql", "CREATE TABLE a (x);\nINSERT INTO a VALUES ('" + "x" * 100_000 + "');\n")
    err = project.run("up", code=1).err
    assert "migrations/004_a.sql:2: the statement has 100025 bytes, D1 accepts 100000" in err
    assert not project.database.exists()


def test_a_partial_migration_is_said_and_repaired(project: Project) -> None:
    """`begun` without `done` is partial, blocks `up` and `down`, and can be accepted or forgotten."""
    project.standard()
    project.run("up", "--to", "2")
    project.sql("DELETE FROM d1migrate_log WHERE event = 'done' AND version = 2")
    assert project.states()[2] == "partial"
    assert "002_teams: began and did not finish" in project.run("up", code=1).err
    assert "002_teams: began and did not finish" in project.run("down", code=1).err
    project.run("repair", "--accept", "2", "--reason", "finished by hand", "--yes")
    assert project.states()[2] == "applied"
    project.sql("DELETE FROM d1migrate_log WHERE event = 'done' AND version = 2")
    project.run("repair", "--forget", "2", "--reason", "undone by hand", "--yes")
    assert project.states()[2] == "pending"


def test_repair_needs_something_to_repair(project: Project) -> None:
    """Accepting or forgetting what agrees is a usage error; so are neither flag and both."""
    project.standard()
    project.run("up")
    for arguments in (["--accept", "1"], ["--forget", "1"], ["--accept", "9"], []):
        project.run("repair", *arguments, "--reason", "x", code=2)


def test_a_self_recording_file_is_recorded_once(project: Project) -> None:
    """The row the file writes stays, and no second one is added."""
    project.write("001_users.sql", ONE.replace("'001_users', strftime('%s', 'now')", "'its own name', 5"))
    project.run("up")
    assert project.sql("SELECT * FROM schema_migrations") == [(1, "its own name", 5)]


def test_renumbered_with_its_old_number_taken(project: Project) -> None:
    """After a merge gave the old number to another file, the content is still recognized as applied."""
    project.standard()
    project.run("up")
    (project.migrations / "003_names.sql").rename(project.migrations / "004_names.sql")
    project.write("003_other.sql", "CREATE TABLE other (x);")
    assert project.states() == {1: "applied", 2: "applied", 3: "changed", 4: "renamed"}
    assert "004_names (applied as 003_names)" in project.run("up", code=1).err
    assert "004_names (applied as 003_names)" in project.run("down", code=1).err
    project.run("repair", "--rename", "003_names", "004_names", "--reason", "merge", "--yes")
    project.run("up", "--allow-out-of-order")
    assert project.versions() == [1, 2, 3, 4]
    assert "other" in project.tables()


def test_a_renumbered_file_keeps_its_history(project: Project) -> None:
    """What is current is as recorded; `down` and `baseline` first need the name settled."""
    project.standard()
    project.run("up")
    (project.migrations / "003_names.sql").rename(project.migrations / "005_names.sql")
    found = project.run("status", "--json").json
    assert (found["current"], found["current_version"]) == ("003_names", 3)
    assert project.run("current").out == "003_names\n"
    assert "renamed after being applied" in project.run("down", "--to", "1", code=1).err
    assert "renamed after being applied" in project.run("baseline", "--to", "5", code=1).err
    assert "005_names: renamed" in project.run("verify", "--check", code=3).out


def test_objects_left_by_a_rollback_are_managed(project: Project) -> None:
    """A log with migrations proves that d1migrate created the database."""
    project.write(
        "001_a.sql", "CREATE TABLE a (x); CREATE TABLE IF NOT EXISTS keep (x);\n-- Rollback: DROP TABLE a;\n"
    )
    project.run("up")
    project.run("down")
    project.sql("CREATE TABLE d1_migrations (id INTEGER PRIMARY KEY)")
    project.run("up")
    assert project.versions() == [1]


def test_the_history_table_in_other_letter_case(project: Project) -> None:
    """SQLite ignores the case of names, and so does d1migrate."""
    project.standard()
    project.sql(
        "CREATE TABLE Schema_Migrations (version INTEGER PRIMARY KEY, name TEXT NOT NULL, applied_at INTEGER NOT NULL);\n"
        "CREATE TABLE users (id INTEGER PRIMARY KEY, email TEXT NOT NULL);\nINSERT INTO Schema_Migrations VALUES (1, 'x', 1)"
    )
    assert project.run("current").out == "x\n"
    project.run("up")
    assert project.versions() == [1, 2, 3]


def test_a_lost_migrations_table_is_an_error(project: Project) -> None:
    """With a log but no table, the applied versions are unknown; it is not version 0."""
    project.standard()
    project.run("up")
    project.sql("DROP TABLE schema_migrations")
    for command in ("current", "status", "up"):
        err = project.run(command, code=1).err
        assert "schema_migrations is missing, but d1migrate_log is not empty" in err
    create, command = re.findall("`(.*?)`", err)
    project.sql(create)
    assert project.states() == {1: "pending", 2: "pending", 3: "pending"}
    project.run(*command.split()[1:], "--yes")
    assert project.states() == {1: "applied", 2: "applied", 3: "applied"}


def test_a_database_before_any_file(project: Project) -> None:
    """There is nothing to adopt: the way leads to the first file."""
    project.sql("CREATE TABLE users (id INTEGER PRIMARY KEY)")
    error = project.run("up", code=1).err
    assert "it contains users" in error
    (command,) = re.findall("`(.*?)`", error)
    project.run(*command.replace("DESCRIPTION", "start").split()[1:])
    assert project.run("up").out == "nothing to do\n"


@pytest.mark.parametrize("change", ["DROP COLUMN rollback_digest", "RENAME COLUMN token TO t"])
def test_a_log_of_another_shape_is_named(project: Project, change: str) -> None:
    """It is an error once, not a search without end."""
    project.standard()
    project.run("up", "--to", "1")
    project.sql(f"ALTER TABLE d1migrate_log {change}")
    assert "d1migrate_log is not d1migrate's" in project.run("up", code=1).err


def test_odd_rows_are_shown_as_far_as_they_go(project: Project) -> None:
    """Times that are text or no time at all, and rows without a name, end in no traceback."""
    project.standard()
    project.sql("CREATE TABLE schema_migrations (version INTEGER PRIMARY KEY, name TEXT, applied_at INTEGER)")
    project.sql(
        "INSERT INTO schema_migrations VALUES (1, NULL, '2024-01-02 03:04:05'), (2, 'x', 9e999), (3, 'y', 17000000000000000)"
    )
    found = project.run("status", "--json").json["migrations"]
    assert [entry["applied_at"] for entry in found] == [1704164645, None, 17000000000000000]
    project.run("status")
    project.run("history")


def test_creating_the_history_table_plainly_gets_the_right_hint(project: Project) -> None:
    """Not `baseline`: nothing of the file exists."""
    project.write(
        "001_a.sql",
        "CREATE TABLE schema_migrations (version INTEGER PRIMARY KEY, name, applied_at);\nCREATE TABLE a (x);",
    )
    err = project.run("up", code=1).err
    assert "write CREATE TABLE IF NOT EXISTS" in err
    assert "baseline" not in err


def test_line_ends_around_a_mebibyte(project: Project) -> None:
    """A file that CRLF lifts over the limit is still the same file, and so is one that a comment lifts."""
    rows = "".join(f"INSERT INTO t VALUES ({i}, '{'x' * 60}');\n" for i in range(11_000))
    text = f"CREATE TABLE t (id, x);\n{rows}"
    text += f"-- {'x' * ((1 << 20) - len(text) - 10)}\n"
    assert len(text) < 1 << 20 < len(text) + text.count("\n")
    project.write("001_t.sql", text)
    project.run("up")
    project.write("001_t.sql", text.replace("\n", "\r\n"))
    assert project.states() == {1: "applied"}
    project.write("001_t.sql", f"-- {'license ' * 20_000}\n{text}")
    assert project.states() == {1: "applied"}


def test_a_large_file_does_not_share_a_transaction(project: Project) -> None:
    """D1 imports a file over 1 MiB by itself; --single-transaction refuses it before anything runs."""
    project.standard()
    project.write("004_big.sql", "SELECT 1;\n" + f"INSERT INTO users VALUES (1, '{'x' * 1000}');\n" * 1100)
    err = project.run("up", "--single-transaction", code=1).err
    assert "over 1048576 D1 imports a file by itself, so it cannot share a transaction" in err
    assert not project.database.exists()


def test_nobody_listening_does_not_stop_a_run(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """Progress that cannot be written is not worth a half-done run."""
    project.standard()

    class Closed:
        def write(self, _: str) -> int:
            raise BrokenPipeError

        def flush(self) -> None:
            raise BrokenPipeError

        def isatty(self) -> bool:
            return False

    monkeypatch.setattr("sys.stderr", Closed())
    assert main(["up"]) == 0
    assert project.versions() == [1, 2, 3]


@pytest.mark.parametrize(
    "sql",
    [
        "CREATE TABLE schema_migrations_archive (x); CREATE TRIGGER g AFTER INSERT ON schema_migrations_archive BEGIN SELECT 1; END;",
        "CREATE TABLE a (x); CREATE TRIGGER g AFTER INSERT ON a BEGIN SELECT max(version) /* of schema_migrations */ FROM schema_migrations; END;",
        "CREATE TABLE a (x); WITH n(t) AS (VALUES (1732)) INSERT INTO schema_migrations (version, name, applied_at) SELECT 2, '002_b', t FROM n;",
        "CREATE TABLE a (x); INSERT INTO schema_migrations SELECT 2, '002_b', column1 FROM (VALUES (1732));",
        "CREATE TABLE a (x); INSERT OR REPLACE INTO schema_migrations VALUES (2, '002_b', 1);",
        "CREATE TABLE a (x); INSERT INTO schema_migrations (name, version, applied_at) VALUES ('002_b', 2, 1) ON CONFLICT (version) DO UPDATE SET name = name;",
        "CREATE TABLE a AS SELECT * FROM schema_migrations; CREATE VIEW v AS SELECT name FROM schema_migrations;",
        "INSERT INTO users (email) VALUES ('schema_migrations'); -- d1migrate_log",
    ],
)
def test_harmless_mentions_of_the_history_are_fine(project: Project, sql: str) -> None:
    """Reading it, naming it, and recording the file's own version in any form is good SQL."""
    project.write("001_users.sql", ONE)
    project.write("002_b.sql", sql)
    project.run("up")
    assert project.versions() == [1, 2]


def test_a_large_file_may_not_touch_other_history_either(project: Project) -> None:
    """A change that a small file may not make is refused even at the end of a large one."""
    project.write("001_users.sql", ONE)
    rows = "INSERT INTO users (email) VALUES ('" + "x" * 1000 + "');\n"
    project.write("002_big.sql", rows * 1200 + "DELETE FROM d1migrate_log;\n")
    err = project.run("up", code=1).err
    assert "002_big.sql:1201: it changes the history of all migrations (delete d1migrate_log)" in err
    assert not project.database.exists()


@pytest.mark.parametrize("flags", [[], ["--quiet"], ["--json"]])
def test_errors_after_a_run_are_on_stderr(project: Project, flags: list[str]) -> None:
    """Like every other error; stdout says what was applied."""
    project.write("001_users.sql", ONE)
    trigger = "CREATE TRIGGER tr AFTER INSERT ON users BEGIN INSERT INTO gone VALUES (1); END;\n"
    project.write("002_broken.sql", trigger)
    outcome = project.run(*flags, "up", code=1)
    assert "error: trigger tr fails when it is used: no such table: main.gone: SQLITE_ERROR\n" in outcome.err
    if "--json" in flags:
        assert [problem["kind"] for problem in outcome.json["problems"]] == ["broken"]
    else:
        assert outcome.out.startswith("applied 2 migrations in ")
        assert outcome.out.count("\n") == 1
