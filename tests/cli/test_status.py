"""Commands that read: their output, and that they write nothing."""

from __future__ import annotations

import errno
import json
import os
import stat
import subprocess
import sys

import pytest

from tests.cli.project import ONE, Project

READERS = [
    ["status"],
    ["history"],
    ["current"],
    ["plan"],
    ["verify"],
    ["schema"],
    ["schema", "--sql"],
    ["list"],
    ["plan", "--sql"],
]


@pytest.mark.parametrize("command", READERS, ids=" ".join)
def test_reading_creates_no_database(project: Project, command: list[str]) -> None:
    """A database file that does not exist is not made."""
    project.standard()
    project.run(*command)
    assert sorted(os.listdir(project.folder)) == ["migrations"]


@pytest.mark.parametrize("command", READERS, ids=" ".join)
def test_reading_leaves_the_file_as_it_was(project: Project, command: list[str]) -> None:
    """Neither bytes nor time of the file change, and no -wal is left."""
    project.standard()
    project.run("up", "--to", "2")
    before = (project.database.read_bytes(), project.database.stat().st_mtime_ns)
    project.run(*command)
    assert (project.database.read_bytes(), project.database.stat().st_mtime_ns) == before
    assert sorted(os.listdir(project.folder)) == ["app.db", "migrations"]


def test_status_json_has_the_documented_shape(project: Project) -> None:
    """The keys, types and values of `status --json`."""
    project.standard()
    project.run("up", "--to", "1")
    found = project.run("status", "--json").json
    assert list(found) == [
        "environment",
        "database",
        "table",
        "current",
        "current_version",
        "latest",
        "latest_version",
        "pending",
        "job",
        "migrations",
        "problems",
    ]
    assert (found["environment"], found["database"]) == (None, "sqlite:app.db")
    assert (found["current"], found["current_version"]) == ("001_users", 1)
    assert (found["latest"], found["latest_version"], found["pending"]) == ("003_names", 3, 2)
    first, second, _ = found["migrations"]
    assert list(first) == ["version", "name", "state", "applied_at", "checksum", "reversible", "was"]
    assert isinstance(first["applied_at"], int)
    assert first["checksum"].startswith("v1:")
    assert (second["state"], second["applied_at"]) == ("pending", None)


def test_status_as_text(project: Project) -> None:
    """Aligned columns on stdout, the summary on stderr, no color in a pipe."""
    project.standard()
    project.write("004_x.sql", "SELECT 1;")
    project.run("up", "--to", "2")
    status = project.run("status")
    lines = status.out.splitlines()
    assert lines[0].split() == ["number", "name", "state", "applied", "notes"]
    assert lines[1].startswith("     1  001_users  applied  20")
    assert "(just now)" in lines[1]
    assert lines[4].endswith("no rollback")
    assert all(len(line) <= 80 for line in lines)
    assert "\x1b" not in status.out
    assert status.err.splitlines() == ["sqlite:app.db", "2 applied, 2 pending"]


def test_status_says_under_which_name_a_version_is_recorded(project: Project) -> None:
    """Two branches may have used one number: without a checksum, the recorded name is shown."""
    project.standard()
    project.sql(
        "CREATE TABLE schema_migrations (version INTEGER PRIMARY KEY, name TEXT NOT NULL, applied_at INTEGER NOT NULL)"
    )
    project.sql("INSERT INTO schema_migrations VALUES (1, '001_theirs', 1)")
    assert project.run("status").out.splitlines()[1].endswith("renamed: recorded as 001_theirs")
    first = project.run("status", "--json").json["migrations"][0]
    assert (first["name"], first["state"], first["was"]) == ("001_users", "applied", "001_theirs")
    project.run("repair", "--rename", "001_theirs", "001_users", "--reason", "a test", "--yes")
    assert project.sql("SELECT name FROM schema_migrations") == [("001_users",)]
    assert project.run("status", "--json").json["migrations"][0]["was"] is None


def test_what_changed_in_an_applied_file(project: Project) -> None:
    """As far as the schema shows it: the log has no text of the file. The hint says what to do."""
    project.standard()
    project.run("up")
    project.write("001_users.sql", ONE.replace("email TEXT NOT NULL", "email TEXT UNIQUE, born TEXT"))
    status = project.run("status")
    table, changes = status.out.split("001_users was edited after being applied; ")
    assert table.splitlines()[1].split()[:3] == ["1", "001_users", "changed"]
    assert changes.startswith(
        "the database does not have these changes:\n"
        "~ column users.email: changed\n    live  | TEXT NOT NULL\n    files | TEXT\n"
        "+ column users.born: added\n    files | TEXT\n"
        "~ table users: changed\n"
    )
    assert "hint: restore the file and write a new migration" in status.err
    assert "`d1migrate repair --accept 001_users --reason …` records it" in status.err


def test_an_edit_that_changes_no_schema(project: Project) -> None:
    """Then --accept is likely right; the reader can tell."""
    project.standard()
    project.run("up")
    project.write("002_teams.sql", (project.migrations / "002_teams.sql").read_text() + "SELECT 1;\n")
    out = project.run("status").out
    assert "002_teams was edited after being applied; the schema that the files build is unchanged\n" in out


def test_edits_that_cannot_be_compared(project: Project) -> None:
    """The reason is shown: the files no longer build a schema, or one of them is missing."""
    project.standard()
    project.run("up")
    project.write("001_users.sql", "CREATE TABLE people (id INTEGER PRIMARY KEY);\n")
    out = project.run("status").out
    assert "001_users was edited after being applied; what that changed is unknown: " in out
    (project.migrations / "003_names.sql").unlink()
    out = project.run("status").out
    assert "what that changed is unknown: the file of 003_names is missing\n" in out


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("003_names.sql", "`d1migrate repair --forget 003_names --reason …` removes its record"),
        (
            "002_late.sql",
            "hint: 1 out of order: run `d1migrate renumber`, or `d1migrate up --allow-out-of-order`",
        ),
    ],
)
def test_status_says_what_to_do(project: Project, name: str, hint: str) -> None:
    """If an `up` would be refused."""
    project.standard()
    project.run("up")
    if (project.migrations / name).exists():
        (project.migrations / name).unlink()
    else:
        project.write(name, "CREATE TABLE late (x);\n")
    assert hint in project.run("status").err


def test_what_to_do_names_the_environment(project: Project) -> None:
    """A command of the core, too: pasted without the flag, it would change another database."""
    project.standard()
    (project.folder / "d1migrate.toml").write_text('[env.staging]\ndatabase = "sqlite:staging.db"\n')
    project.run("up", "--env", "staging")
    (project.migrations / "003_names.sql").unlink()
    for command in ("status", "up"):
        err = project.run(command, "--env", "staging", code=1 if command == "up" else 0).err
        assert "`d1migrate repair --forget 003_names --reason … --env staging` removes its record" in err


def test_status_check_exits_3(project: Project) -> None:
    """`--check` is 3 while anything is not applied as it is, else 0."""
    project.standard()
    project.run("status", "--check", code=3)
    project.run("up")
    project.run("status", "--check")
    project.write("001_users.sql", ONE.replace("NOT NULL", ""))
    project.run("status", "--check", code=3)


def test_quiet_and_verbose(project: Project) -> None:
    """--quiet leaves data only; --verbose shows the SQL that is sent; both at once is a usage error."""
    project.standard()
    assert project.run("up", "--quiet", "--to", "1").err == ""
    assert "CREATE TABLE teams" in project.run("up", "-v", "--to", "2").err
    project.run("up", "-q", "-v", code=2)


def test_current_prints_the_name_alone(project: Project) -> None:
    """Nothing on an empty database, the last applied migration after."""
    project.standard()
    assert project.run("current")[1:] == ("", "no migration is applied\n")
    assert project.run("current", "--json").json == {"current": None, "current_version": None}
    project.run("up")
    assert project.run("current").out == "003_names\n"
    assert project.run("current", "--json").json == {"current": "003_names", "current_version": 3}


def test_history_json(project: Project) -> None:
    """Oldest first, with the documented keys."""
    project.standard()
    project.run("up", "--to", "1")
    project.run("down")
    entries = project.run("history", "--json").json["entries"]
    assert [(e["action"], e["version"], e["by"], e["done"]) for e in entries] == [
        ("up", 1, "tester", True),
        ("down", 1, "tester", True),
    ]
    assert list(entries[0]) == [
        "version",
        "name",
        "action",
        "occurred_at",
        "by",
        "checksum",
        "token",
        "done",
        "detail",
        "restore_point",
    ]
    assert "001_users" in project.run("history").out


def test_history_of_wranglers_rows_keeps_their_order(project: Project) -> None:
    """Rows of the same second that are not in the log are in the order of their versions."""
    project.standard()
    project.sql(
        "CREATE TABLE schema_migrations (version INTEGER PRIMARY KEY, name TEXT NOT NULL, applied_at INTEGER NOT NULL)"
    )
    project.sql(
        "INSERT INTO schema_migrations VALUES (1, '001_users', 5), (2, '002_teams', 5), (3, '003_names', 5)"
    )
    assert [entry["version"] for entry in project.run("history", "--json").json["entries"]] == [1, 2, 3]


def test_plan_in_its_three_forms(project: Project) -> None:
    """Text for people, JSON for programs, SQL that runs by itself and leaves the same history row."""
    project.standard()
    text = project.run("plan").out
    assert "up 002_teams: 2 statements" in text
    assert text.endswith("3 transactions, 7 requests\n")
    plan = project.run("plan", "--json").json
    assert plan["requests"] == 7
    assert list(plan["steps"][1]) == [
        "version", "name", "direction", "transport", "transport_reason", "runs_as_job", "statements",
        "statement_count", "bytes", "phase", "phase_reason", "deletes_rows", "deletes_values",
    ]  # fmt: skip
    assert plan["steps"][1]["statements"][1] == "CREATE INDEX idx_teams_owner ON teams(owner_id)"
    assert (plan["steps"][1]["transport"], plan["steps"][1]["statement_count"]) == ("batch", 2)
    script = project.run("plan", "--sql", "--to", "2").out
    project.sql(script.rstrip().removesuffix(";"))
    assert project.states() == {1: "applied", 2: "applied", 3: "pending"}


def test_a_large_file_is_planned_as_count_and_bytes(project: Project) -> None:
    """Over 1 MiB the statements are not listed; it is applied, checksummed and seen unchanged all the same."""
    rows = "".join(f"INSERT INTO big VALUES ({i}, '{'x' * 200}');\n" for i in range(6000))
    project.write(
        "001_big.sql", f"CREATE TABLE big (id INTEGER PRIMARY KEY, x);\n{rows}-- Rollback: DROP TABLE big;\n"
    )
    (step,) = project.run("plan", "--json").json["steps"]
    size = (project.migrations / "001_big.sql").stat().st_size
    assert (step["statements"], step["statement_count"], step["bytes"]) == (None, 6001, size)
    project.run("up")
    assert project.sql("SELECT count(*) FROM big") == [(6000,)]
    found = project.run("status", "--json").json["migrations"][0]
    assert (found["state"], found["reversible"], found["checksum"][:3]) == ("applied", True, "b1:")
    project.write(
        "001_big.sql", "\ufeff" + (project.migrations / "001_big.sql").read_text().replace("\n", "\r\n")
    )
    assert project.states() == {1: "applied"}
    project.run("down", "--allow-loss", "big")
    assert project.tables() == set()


def test_an_error_in_a_large_file_is_placed(project: Project) -> None:
    """The line number is right, and nothing remains, even if the failing statement is far down."""
    rows = "".join(f"INSERT INTO big VALUES ({i}, '{'x' * 200}');\n" for i in range(6000))
    project.write(
        "001_big.sql",
        f"CREATE TABLE big (id INTEGER PRIMARY KEY, x);\n{rows}INSERT INTO big VALUES (5, 'twice');\n",
    )
    err = project.run("up", code=1).err
    assert "migrations/001_big.sql:6002: UNIQUE constraint failed: big.id" in err
    assert project.tables() == set()


def test_list_shows_files(project: Project) -> None:
    """`list` needs no database."""
    project.standard()
    assert "002_teams" in project.run("list").out
    assert [f["version"] for f in project.run("list", "--json").json["migrations"]] == [1, 2, 3]


def test_verify_finds_drift(project: Project) -> None:
    """Missing, extra and different columns, indexes, tables, triggers and views are each named."""
    project.standard()
    project.write(
        "004_more.sql",
        "CREATE VIEW v AS SELECT 1;\nCREATE TRIGGER t AFTER INSERT ON users BEGIN SELECT 1; END;",
    )
    project.run("up")
    assert project.run("verify", "--check").out == "files, history and schema agree\n"
    project.sql(
        "DROP INDEX idx_teams_owner;\nALTER TABLE users ADD COLUMN extra TEXT;\nCREATE TABLE stray (x);\n"
        "DROP VIEW v;\nCREATE VIEW v AS SELECT 2;\nDROP TRIGGER t;\nCREATE INDEX late ON teams(id)"
    )
    text = project.run("verify", "--check", code=3).out
    for line in (
        "+ column users.extra: extra",
        "- index idx_teams_owner: missing",
        "+ index late: extra",
        "+ table stray: extra",
        "- trigger t: missing",
        "~ view v: different",
        "    files | CREATE VIEW v AS SELECT 1\n    live  | CREATE VIEW v AS SELECT 2",
    ):
        assert line in text
    found = project.run("verify", "--json").json
    assert found["ok"] is False
    assert {d["state"] for d in found["differences"]} == {"missing", "extra", "different"}


def test_verify_reports_files_and_gaps(project: Project) -> None:
    """Edited and missing files are findings; a gap is reported but is not a finding."""
    project.write("001_users.sql", ONE)
    project.write("003_a.sql", "CREATE TABLE a (x);")
    project.run("up")
    ok = project.run("verify", "--check")
    assert "no file for number 2" in ok.out
    project.write("003_a.sql", "CREATE TABLE a (y);")
    changed = project.run("verify", "--check", code=3).out
    assert "003_a: changed" in changed
    assert "- column a.y: missing" in changed
    assert "+ column a.x: extra" in changed
    (project.migrations / "003_a.sql").unlink()
    gone = project.run("verify", "--check", code=3).out
    assert "schema not compared: the file of 003_a is missing" in gone


def test_schema_json_and_one_table(project: Project) -> None:
    """Tables with columns, indexes, foreign keys and triggers; FTS shadow tables and history left out."""
    project.standard()
    project.write(
        "004_fts.sql", "CREATE VIRTUAL TABLE docs USING fts5(body);\nCREATE VIEW v AS SELECT 1 AS one;"
    )
    project.run("up")
    found = project.run("schema", "--json").json
    assert [t["name"] for t in found["tables"]] == ["users", "teams", "docs"]
    teams = found["tables"][1]
    assert [c["name"] for c in teams["columns"]] == ["id", "owner_id"]
    assert teams["columns"][0]["primary_key"] == 1
    assert teams["foreign_keys"] == [
        {
            "columns": ["owner_id"],
            "references_table": "users",
            "references_columns": ["id"],
            "on_delete": "CASCADE",
            "on_update": "NO ACTION",
        }
    ]
    assert teams["indexes"][0]["columns"] == ["owner_id"]
    assert found["views"] == [{"name": "v", "sql": "CREATE VIEW v AS SELECT 1 AS one"}]
    assert project.run("schema", "TEAMS", "--json").json == {"tables": [teams], "views": [], "triggers": []}
    assert "foreign key (owner_id) → users(id), on delete cascade" in project.run("schema", "teams").out
    assert "no such table: nope" in project.run("schema", "nope", code=2).err


def test_a_database_that_cannot_be_read_is_never_version_0(project: Project) -> None:
    """A file that is no database, or a folder, is an error for every reader."""
    project.standard()
    project.database.write_bytes(b"this is not a database, it only looks like one" * 40)
    for command in ("status", "current", "up", "history"):
        failed = project.run(command, code=1)
        assert "app.db: file is not a database" in failed.err
        assert failed.out == ""
    project.database.unlink()
    project.database.mkdir()
    project.run("current", code=1)


def test_a_read_only_database_can_be_read(project: Project) -> None:
    """Status works on a file that may not be written, and leaves its mode alone."""
    project.standard()
    project.run("up")
    project.database.chmod(0o444)
    project.run("status", "--check")
    assert stat.S_IMODE(project.database.stat().st_mode) == 0o444


def test_control_characters_do_not_reach_the_terminal(project: Project) -> None:
    """They are removed from names in the database and from SQL in files."""
    project.write("001_a.sql", "CREATE TABLE a (x);\nINSERT INTO a VALUES ('\x1b[2J') RETURNING nothing;\n")
    for arguments in (["up"], ["up", "--no-lint"]):
        failed = project.run(*arguments, code=1)
        assert "\x1b" not in failed.err
        assert "[2J" in failed.err


def test_errors_as_json(project: Project) -> None:
    """With --json an error is also on stdout, with the values a program would branch on."""
    project.standard()
    project.run("up")
    (project.migrations / "002_teams.sql").unlink()
    error = project.run("up", "--json", code=1).json["error"]
    assert error["type"] == "MissingMigration"
    assert error["names"] == ["002_teams"]
    assert "repair --forget 002_teams" in error["hint"]


def test_verify_replays_in_the_order_of_application(project: Project) -> None:
    """Even if wrangler applied some, a file was accepted, or one was applied late."""
    project.write("001_t.sql", "CREATE TABLE t (a);")
    project.run("up")
    project.write("002_b.sql", "ALTER TABLE t ADD COLUMN b;")
    project.sql("ALTER TABLE t ADD COLUMN b;\nINSERT INTO schema_migrations VALUES (2, '002_b', 1)")
    project.run("verify", "--check")
    project.run("repair", "--accept", "2", "--reason", "by wrangler", "--yes")
    project.run("verify", "--check")
    project.write("004_d.sql", "ALTER TABLE t ADD COLUMN d;")
    project.run("up")
    project.write("003_c.sql", "ALTER TABLE t ADD COLUMN c;")
    project.run("up", "--allow-out-of-order")
    project.run("verify", "--check")


@pytest.mark.slow
@pytest.mark.parametrize(
    "redirect", [">&-", "2>&-", ">/dev/full", "2>/dev/full", "| true", "2>&1 | true", ">&- 2>&-"]
)
def test_a_run_does_not_depend_on_who_listens(project: Project, redirect: str) -> None:
    """With either stream closed, full or gone, all is applied and no traceback is seen."""
    project.standard()
    shell = ["sh", "-c", f"{sys.executable} -m d1migrate up --json {redirect}"]
    ended = subprocess.run(shell, capture_output=True, text=True, check=False)
    assert project.versions() == [1, 2, 3]
    assert "Traceback" not in ended.stdout + ended.stderr
    if redirect == "2>&-":
        assert [step["version"] for step in json.loads(ended.stdout)["steps"]] == [1, 2, 3]


@pytest.mark.slow
@pytest.mark.parametrize(
    "command", ["plan --sql", "completion bash", "status", "--json down --to 7", "--json up --bogus"]
)
@pytest.mark.parametrize("redirect", [">&-", ">/dev/full", "| true"])
def test_readers_survive_any_stdout(project: Project, command: str, redirect: str) -> None:
    """No traceback if the output cannot be written."""
    project.standard()
    shell = ["sh", "-c", f"{sys.executable} -m d1migrate {command} {redirect}"]
    ended = subprocess.run(shell, capture_output=True, text=True, check=False)
    assert "Traceback" not in ended.stdout + ended.stderr


@pytest.mark.parametrize("flags", [(), ("--quiet",), ("--json",)])
def test_a_system_error_is_not_an_output_error(
    project: Project, monkeypatch: pytest.MonkeyPatch, flags: tuple[str, ...]
) -> None:
    """A disk or folder that fails inside a command is reported as such, and not as a lost stdout."""

    def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", "/tmp/scratch")  # noqa: S108

    monkeypatch.setattr("d1migrate.cli.project.Project.load", refuse)
    project.standard()
    told = project.run("status", *flags, code=1)
    assert "error: the operating system refused: No space left on device: /tmp/scratch\n" in told.err
    assert "output" not in told.err
    full = ["sh", "-c", f"{sys.executable} -m d1migrate list {' '.join(flags)} >/dev/full"]
    ended = subprocess.run(full, capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stderr) == (
        1,
        "error: cannot write the output: No space left on device\n",
    )
