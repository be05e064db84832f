"""Files, histories and disks that are damaged, foreign or hostile: an error of ours, never a traceback."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import apsw
import pytest

from d1migrate import cli

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.project import Project

READERS = ("status", "history", "plan", "verify", "current", "gate --code-version 1", "plan --down")
STEERS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")
EVIL = "e\x1b[31m\x9b2J\u202e\r\n::error::forged\u2028x"


@pytest.mark.parametrize(
    "sql",
    [
        "ALTER TABLE x;",
        "ALTER TABLE;",
        "ALTER",
        "ALTER TABLE x ADD",
        "ALTER TABLE x RENAME",
        "DROP TABLE",
        "CREATE",
        "CREATE INDEX i ON",
        "INSERT INTO",
        "INSERT OR",
        "UPDATE",
        "UPDATE x SET",
        "DELETE FROM",
        "CREATE TRIGGER t",
        "WITH",
        "REPLACE",
        "CREATE UNIQUE",
        ";",
        "(",
        "x.",
        '"',
    ],
)
def test_a_statement_that_is_cut_short(project: Project, sql: str) -> None:
    """Every command says something about it, and none stumbles."""
    project.write("001_x.sql", sql)
    for command in (
        "list",
        "plan",
        "lint --all",
        "up --phase before",
        "gate --code-version 1",
        "up",
        "schema --at latest",
        "rehearse --all",
        "up --no-lint",
    ):
        project.run(*command.split(), code=None)
    assert not project.database.exists() or project.tables() == set()


# --- the history ---

LOG = "INSERT INTO d1migrate_log (token,event,action,version,name,who,tool,at) VALUES"


@pytest.mark.parametrize(
    ("sql", "damage"),
    [
        (f"{LOG} ('t','begun','up','x','n','w','t',1)", "version is 'x', expected an integer"),
        (f"{LOG} ('t','begun','up',1.5,'n','w','t',1)", "version is 1.5, expected an integer"),
        (f"{LOG} ('t','begun','up',x'00','n','w','t',1)", r"version is b'\\x00', expected an integer"),
        (f"{LOG} ('t','begun','up',7,x'6e','w','t',1)", "name is b'n', expected text"),
        (f"{LOG} ('t','done',x'7570',7,'n','w','t',1)", "action is b'up', expected text"),
        ("UPDATE d1migrate_log SET token = ''", "token is None, expected text"),
        ("UPDATE d1migrate_log SET token = x'00'", r"token is b'\\x00', expected text"),
        ("UPDATE d1migrate_log SET checksum = x'00ff'", r"checksum is b'\\x00\\xff', expected text"),
        ("UPDATE d1migrate_log SET event = zeroblob(500)", "event is b'"),
        (
            "UPDATE d1migrate_log SET rollback_digest = 1e999",
            "rollback_digest is 'Inf', expected text",
        ),
    ],
)
def test_a_row_of_the_history_of_another_type(project: Project, sql: str, damage: str) -> None:
    """If a decision depends on it, the error names table, column and value, and nothing is run."""
    project.write("001_a.sql", "CREATE TABLE a (x);\n-- Rollback:\n-- DROP TABLE a;\n")
    project.run("up")
    project.write("002_b.sql", "CREATE TABLE b (x);")
    project.sql(sql)
    if "Inf" in damage:
        assert project.run("status", "--json").json["pending"] == 1  # a REAL becomes text in a column of text
        return
    for command in ("status", "plan", "verify", "up", "down"):
        error = project.run(*command.split(), code=1).err
        assert "d1migrate_log is damaged" in error
        assert re.search(damage, error)
        assert "hint:" in error
    assert project.tables() == {"a"}


@pytest.mark.parametrize(
    ("column", "value", "shown"),
    [
        ("at", "'2026-01-01'", None),
        ("at", "x'00'", None),
        ("at", "1e300", None),
        ("at", "-9e18", None),
        ("detail", "'not json'", {"text": "not json"}),
        ("detail", "'[1]'", {"text": "[1]"}),
        ("detail", "'\"text\"'", {"text": '"text"'}),
        ("detail", "'{\"overridden\": 1}'", {"overridden": 1}),
        ("detail", "'NaN'", {"text": "NaN"}),
        ("detail", "printf('%.*c', 100000, '[')", {"text": "[" * 100_000}),
        ("detail", "x'7b7d'", {"text": "b'{}'"}),
        ("who", "x'ff'", r"b'\xff'"),
        ("restore_point", "7", "7"),
    ],
)
def test_what_is_only_shown_of_the_history(project: Project, column: str, value: str, shown: object) -> None:
    """A time, a note or a person of any type stops no command, and --json stays JSON."""
    project.write("001_a.sql", "CREATE TABLE a (x);")
    project.run("up")
    project.sql(f"UPDATE d1migrate_log SET {column} = {value}")
    for command in READERS:
        project.run(*command.split(), code=None if "down" in command else 0)
    text = project.run("history", "--json").out
    (row,) = json.loads(text, parse_constant=pytest.fail)["entries"]
    if column == "at":
        assert row["occurred_at"] is None or isinstance(row["occurred_at"], int)
    else:
        assert row[{"who": "by"}.get(column, column)] == shown


def test_a_stored_rollback_that_is_no_text(project: Project) -> None:
    """It is not run, and nothing is rolled back."""
    project.write("001_a.sql", "CREATE TABLE a (x);\n-- Rollback:\n-- DROP TABLE a;\n")
    project.run("up")
    project.sql("UPDATE d1migrate_log SET rollback_sql = x'00'")
    (project.migrations / "001_a.sql").unlink()
    error = project.run("down", code=1).err
    assert "d1migrate_log is damaged: rollback_sql is b'\\x00'" in error
    assert project.tables() == {"a"}


@pytest.mark.parametrize(
    "sql",
    [
        "ALTER TABLE a ADD COLUMN y",
        "UPDATE a SET x = x || 'b'",
        "DELETE FROM a",
        "CREATE TABLE b AS SELECT x FROM a",
        "DROP TABLE a",
    ],
)
def test_rows_that_are_not_utf8(project: Project, sql: str) -> None:
    """A rehearsal reports them, or does not need to read them; a backup keeps their bytes."""
    project.write("001_a.sql", "CREATE TABLE a (id INTEGER PRIMARY KEY, x TEXT);")
    project.run("up")
    project.sql("INSERT INTO a (x) VALUES (CAST(x'61ff' AS TEXT))")
    project.write("002_b.sql", sql)
    found = project.run("rehearse", "--data", code=None)
    assert found.code in (0, 3) or "not UTF-8" in found.err
    project.run("backup", "--output", "b.sql", "--verify")
    project.run("lint", code=None)


def test_a_name_in_the_schema_that_its_sql_does_not_have(project: Project) -> None:
    """SQLite opens such a file; a backup says that it is damaged."""
    project.write("001_a.sql", "CREATE TABLE a (x);")
    project.run("up")
    project.sql(
        "PRAGMA writable_schema = ON;\nUPDATE sqlite_schema SET name = 'A', tbl_name = 'A' WHERE name = 'a'"
    )
    found = project.run("backup", "--output", "b.sql", code=None)
    assert found.code == 0 or "sqlite_schema is damaged" in found.err


def test_text_that_is_not_utf8(project: Project) -> None:
    """The error says that the text is not UTF-8."""
    project.write("001_a.sql", "CREATE TABLE a (x);")
    project.run("up")
    project.sql("UPDATE d1migrate_log SET name = CAST(x'6eff' AS TEXT)")
    for command in ("status", "history", "up"):
        assert "not UTF-8" in project.run(command, code=1).err


@pytest.mark.parametrize(
    "change", ["name = CAST(name AS BLOB)", "sql = NULL", "type = CAST(type AS BLOB)", "tbl_name = x'ff'"]
)
def test_a_schema_with_values_that_sqlite_never_writes(project: Project, change: str) -> None:
    """SQLite may open such a file; no command takes it for a schema."""
    project.write("001_a.sql", "CREATE TABLE a (x);")
    project.run("up")
    project.write("002_b.sql", "CREATE TABLE b (x);")
    project.sql(f"PRAGMA writable_schema = ON;\nUPDATE sqlite_schema SET {change} WHERE name = 'a'")
    before = project.database.read_bytes()
    for command in (
        "status",
        "schema",
        "verify",
        "up",
        "down",
        "rehearse --data",
        "adopt --dry-run",
        "backup --output b.sql",
    ):
        found = project.run(*command.split(), code=None)
        assert found.code in (0, 1, 2)
        assert found.code or command in ("status", "down")
    assert project.database.read_bytes() == before


# --- what reaches the screen ---


@pytest.mark.parametrize("form", ["text", "github", "sarif", "json"])
def test_names_from_files_and_databases_forge_nothing(project: Project, form: str) -> None:
    """No control character on either stream, and no line that a workflow would obey."""
    name = EVIL.replace("\r", "").replace("\u2028", "")
    project.write("001_a.sql", f'CREATE TABLE a (x, "{name}");\n::error::forged\n;\nDROP TABLE "{name}";\n')
    given = ("--json",) if form == "json" else ("--format", form)
    found = project.run("lint", "--all", *given, code=3)
    lines = [line.strip() for text in (found.out, found.err) for line in text.split("\n")]
    assert not any(STEERS.search(line) for line in lines)
    assert not any(line.startswith("::error::forged") for line in lines)
    if form in ("sarif", "json"):
        json.loads(found.out)
    if form == "github":
        assert all(re.match(r"::(error|warning|notice) file=", line) for line in found.out.splitlines())


def test_names_from_the_history_forge_nothing(project: Project) -> None:
    """Nor does who did it, or why."""
    project.write("001_a.sql", "CREATE TABLE a (x);")
    project.run("up")
    quoted = EVIL.replace("'", "''")
    detail = json.dumps({"overridden": {EVIL: EVIL}})
    project.sql(
        f"INSERT INTO schema_migrations VALUES (9, '{quoted}', 1);\n"
        f"UPDATE d1migrate_log SET name = '{quoted}', who = '{quoted}', token = '{quoted}',"
        f" restore_point = '{quoted}', detail = '{detail}';\n"
        f'CREATE TABLE "{quoted}" (x);\nCREATE TRIGGER "t{quoted}" AFTER INSERT ON a BEGIN SELECT no; END'
    )
    for command in (*READERS, "schema", "up", "adopt", "lint", "env", "schema --json", "history --json"):
        found = project.run(*command.split(), code=None)
        for line in (found.out + found.err).split("\n"):
            assert not STEERS.search(line), (command, line)
            assert not line.strip().startswith("::"), (command, line)


def test_arguments_forge_nothing(project: Project) -> None:
    """The complaint about an argument repeats it on one line."""
    for arguments in (
        [EVIL],
        ["status", f"--{EVIL}"],
        ["status", EVIL],
        ["--env", EVIL, "status"],
        ["up", "--to", EVIL],
        ["--database", EVIL, "status"],
        ["--config", EVIL, "status"],
        ["--migrations", EVIL, "list"],
        ["restore", "--to", EVIL],
        ["schema", EVIL],
    ):
        found = project.run(*arguments, code=None)
        assert found.code in (1, 2)
        for line in (found.out + found.err).split("\n"):
            assert not STEERS.search(line), (arguments, line)
            assert not line.strip().startswith("::"), (arguments, line)


def test_a_nul_in_an_argument(project: Project) -> None:
    """No path or name has one."""
    for arguments in (
        ["--migrations", "a\0b", "status"],
        ["--database", "sqlite:a\0b", "status"],
        ["new", "a\0b"],
        ["list", "--migrations", "\ud800"],
    ):
        assert "NUL" in project.run(*arguments, code=2).err


def test_a_name_that_is_not_utf8(project: Project) -> None:
    """A folder of such a name is read; a database file of such a name is refused: SQLite's paths are UTF-8."""
    project.write("001_a.sql", "CREATE TABLE a (x);")
    os.rename(project.migrations, os.fsencode(project.folder) + b"/m\xff")
    project.run("list", "--migrations", "m\udcff")
    project.run("status", "--migrations", "m\udcff", "--database", "sqlite:a\udcff.db")
    error = project.run("up", "--migrations", "m\udcff", "--database", "sqlite:a\udcff.db", code=1).err
    assert "not UTF-8" in error


def test_a_person_whose_name_is_not_utf8(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is recorded with a replacement, and stops nothing."""
    project.write("001_a.sql", "CREATE TABLE a (x);")
    monkeypatch.setenv("D1MIGRATE_BY", "x\udcff")
    project.run("up")
    assert project.run("history", "--json").json["entries"][0]["by"] == "x\ufffd"


# --- Cloudflare's address ---


@pytest.mark.parametrize(
    "url",
    [
        "https://a..b/",
        "https://xn--/",
        "https://.x/",
        f"https://{'a' * 64}.x/",
        "https://[::1",
        "https://a b/",
        "https://",
        "https://\udcff/",
        "https://x:y/",
        "https://x:99999/",
        "//x",
        "https://\u2028/",
    ],
)
def test_an_address_that_is_none(project: Project, monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    """It is refused before anything is sent."""
    project.write("001_a.sql", "CREATE TABLE a (x);")
    monkeypatch.setenv("CLOUDFLARE_API_TOKEN", "t")
    monkeypatch.setenv("CLOUDFLARE_ACCOUNT_ID", "a")
    monkeypatch.setenv("CLOUDFLARE_API_BASE_URL", url)
    assert "CLOUDFLARE_API_BASE_URL" in project.run("status", "--database", "d1:x", code=2).err


@pytest.mark.parametrize("proxy", ["::::", "http://a:b:c", "x\udcff://y", "ftp://x"])
def test_a_proxy_that_is_none(project: Project, monkeypatch: pytest.MonkeyPatch, proxy: str) -> None:
    """The error names the variables to look at."""
    project.write("001_a.sql", "CREATE TABLE a (x);")
    monkeypatch.setenv("CLOUDFLARE_API_TOKEN", "t")
    monkeypatch.setenv("CLOUDFLARE_ACCOUNT_ID", "a")
    monkeypatch.setenv("HTTPS_PROXY", proxy)
    assert "HTTPS_PROXY" in project.run("status", "--database", "d1:x", code=2).err


# --- disks and interrupts ---


def limited(folder: Path, size: int, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command in a process in which no file can grow beyond a size, as on a full disk."""
    program = (
        "import resource, sys; from d1migrate.cli import command; "
        f"resource.setrlimit(resource.RLIMIT_FSIZE, ({size}, {size})); sys.exit(command())"
    )
    variables = os.environ | {"PYTHONDONTWRITEBYTECODE": "1", "PYTHONPATH": os.pathsep.join(sys.path)}
    return subprocess.run(
        [sys.executable, "-c", program, *arguments],
        cwd=folder, env=variables, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize(
    "command", ["up", "down", "restore --to 1 --yes", "rehearse --all", "backup --output b.sql"]
)
def test_a_disk_that_is_full(
    project: Project, tmp_path_factory: pytest.TempPathFactory, command: str
) -> None:
    """Whatever cannot be written: an error that names a file, and the database is as it was or complete."""
    for number, name in enumerate("abc", 1):
        way_back = f"-- Rollback:\n-- DROP TABLE {name};\n"
        project.write(f"00{number}_{name}.sql", f"CREATE TABLE {name} (x);\n{way_back}")
        if name != "c":
            project.run("up")
    (project.folder / "d1migrate.toml").write_text(
        '[env.local]\ndatabase = "sqlite:app.db"\nrestore_point = true\n'
    )
    codes = set()
    for size in (0, 4096, 12_288, 20_000, 40_000, 100_000_000):
        copy = shutil.copytree(project.folder, tmp_path_factory.mktemp("copy") / "project")
        done = limited(copy, size, *command.split())
        codes.add(done.returncode)
        assert done.returncode in (0, 1, 2), done.stderr
        assert "Traceback" not in done.stderr
        assert (done.returncode == 0) == ("error: " not in done.stderr), done.stderr
        left = subprocess.run(
            [sys.executable, "-m", "d1migrate", "status", "--json"],
            cwd=copy, capture_output=True, text=True, check=False,
        )  # fmt: skip
        states = [entry["state"] for entry in json.loads(left.stdout)["migrations"]]
        possible = {"up": (2, 3), "down": (2, 1), "restore": (2, 1)}.get(command.split()[0], (2,))
        assert states.count("applied") in possible, (size, done.stderr)
    assert {0, 1} <= codes


@pytest.mark.parametrize(("command", "tables"), [("up", {"a"}), ("status", set()), ("lint", set())])
def test_ctrl_c_while_the_database_is_closed(
    project: Project, monkeypatch: pytest.MonkeyPatch, command: str, tables: set[str]
) -> None:
    """Code 130 and one line, though all was done; a second one changes nothing."""
    project.write("001_a.sql", "CREATE TABLE a (x);")
    monkeypatch.setattr("d1migrate.cli.project.Project.close", interrupt)
    found = project.run(command, code=130)
    assert [line for line in found.err.splitlines() if line.startswith("interrupted: ")] == [
        found.err.splitlines()[-1]
    ]
    monkeypatch.undo()
    assert project.tables() == tables if tables else not project.database.exists()


def test_ctrl_c_twice_or_before_anything(
    project: Project, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The process ends with 130, and says nothing more."""
    handler = signal.getsignal(signal.SIGINT)
    monkeypatch.setattr("d1migrate.cli.main", interrupt)
    try:
        assert cli.command() == 130
    finally:
        signal.signal(signal.SIGINT, handler)
    assert capsys.readouterr() == ("", "")


def interrupt(*_: object) -> None:
    """Press Ctrl-C."""
    raise KeyboardInterrupt


def test_a_database_that_cannot_be_closed(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """The command succeeds, and warns."""

    def fail(*_: object) -> None:
        raise apsw.FullError("database or disk is full")

    project.write("001_a.sql", "CREATE TABLE a (x);")
    monkeypatch.setattr("d1migrate.cli.project.Project.close", fail)
    found = project.run("up")
    assert "applied 1 migration" in found.out
    assert "warning: SQLite could not close the database: database or disk is full" in found.err


@pytest.mark.parametrize(
    "error", [apsw.FullError, apsw.IOError, apsw.CorruptError, apsw.NoMemError, apsw.CantOpenError]
)
def test_what_sqlite_says_where_no_command_expects_it(
    project: Project, monkeypatch: pytest.MonkeyPatch, error: type[apsw.Error]
) -> None:
    """It is an error with a hint, not a traceback."""

    def fail(*_: object) -> None:
        raise error("it cannot go on")

    project.write("001_a.sql", "CREATE TABLE a (x);")
    monkeypatch.setattr("d1migrate.cli.project.Project.load", fail)
    assert "error: SQLite cannot continue: it cannot go on" in project.run("list", code=1).err
