"""`backup` and `restore --file`: a dump that restores, and its report."""

from __future__ import annotations

import os
import shutil
import sqlite3
import stat
import subprocess
import sys
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from d1migrate.backup import load

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.project import Project


@pytest.fixture
def full(project: Project) -> Project:
    """Three migrations, and rows."""
    project.standard()
    project.run("up")
    project.sql("INSERT INTO users VALUES (1, 'it''s', 'é'), (9007199254740993, 'b', x'00ff')")
    project.sql("INSERT INTO teams VALUES (1, 1)")
    return project


def test_there_and_back(full: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """A backup is written, verified, and loaded into a new database, which is then migrated further."""
    ran = full.run("backup", "--output", "app.sql", "--verify")
    assert ran.out == "app.sql\n"
    assert "sqlite:app.db" in ran.err
    assert "12 rows in 4 tables" in ran.err
    assert "verified: it restores to the same" in ran.err
    status, rows = full.states(), full.sql("SELECT * FROM users")
    monkeypatch.setenv("D1MIGRATE_DATABASE", "sqlite:new.db")
    assert "each unchanged" in full.run("restore", "--file", "app.sql").out
    full.database = full.folder / "new.db"
    assert full.sql("SELECT * FROM users") == rows
    assert full.states() == status
    assert full.run("verify", "--check").out == "files, history and schema agree\n"
    last = full.run("history", "--json").json["entries"][-1]
    assert (last["action"], last["version"], last["name"]) == ("restore", None, None)
    assert last["detail"]["point"] == "app.sql"
    assert last["detail"]["sha256"] == load.check("app.sql").sha256
    assert "restore" in full.run("history").out
    full.run("down", "--allow-loss", "all")


def test_json(full: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """The dump and whether it restores; the rows that were loaded."""
    value = full.run("backup", "--output", "a.sql", "--json").json
    assert (value["verified"], value["mismatches"]) == (None, [])
    assert value["rows"]["users"] == 2
    assert (value["current"], value["consistent"], value["notes"]) == ("003_names", True, [])
    assert value["bytes"] == os.path.getsize("a.sql")
    verified = full.run("backup", "--output", "a.sql", "--json", "--verify")
    assert (verified.json["verified"], verified.json["mismatches"]) == (True, [])
    assert "verified: it restores to the same database" in verified.err
    monkeypatch.setenv("D1MIGRATE_DATABASE", "sqlite:new.db")
    value = full.run("restore", "--file", "a.sql", "--json").json
    assert (value["current"], value["verified"]) == ("003_names", True)


def test_a_name_of_its_own(full: Project) -> None:
    """Without --output the file is named by the database and the time."""
    path = full.run("backup").out.strip()
    assert path.startswith("app-20")
    assert path.endswith("Z.sql")
    assert load.check(path).known


def test_refusals(full: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """A database that is not empty, a file that was cut, a file that is not a dump, a database that is not one."""
    full.run("backup", "--output", "a.sql")
    err = full.run("restore", "--file", "a.sql", code=1).err
    assert "sqlite:app.db is not empty: table schema_migrations" in err
    assert "hint: restore a file into a new database" in err
    monkeypatch.setenv("D1MIGRATE_DATABASE", "sqlite:new.db")
    (full.folder / "cut.sql").write_bytes((full.folder / "a.sql").read_bytes()[:500])
    assert "truncated" in full.run("restore", "--file", "cut.sql", code=1).err
    assert "cannot read none.sql" in full.run("restore", "--file", "none.sql", code=2).err
    assert "no such file to back up" in full.run("backup", code=2).err
    assert "cannot be used together" in full.run("restore", "--file", "a.sql", "--to", "1", code=2).err
    assert not (full.folder / "new.db").exists()


def test_a_database_is_never_replaced_by_a_dump(full: Project) -> None:
    """A slip in --output would be the end of the very file; another file is replaced, and private."""
    before = full.database.read_bytes()
    for output in ("app.db", str(full.database)):
        assert "is a SQLite database" in full.run("backup", "--output", output, code=2).err
    assert full.database.read_bytes() == before
    for output in (".", "none/a.sql"):
        assert "cannot write" in full.run("backup", "--output", output, code=2).err
    (full.folder / "a.sql").write_text("older")
    full.run("backup", "--output", "a.sql")
    assert stat.S_IMODE(os.stat("a.sql").st_mode) == 0o600
    assert not list(full.folder.glob("*.tmp"))


def test_a_disaster(full: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """The migrations folder is not needed to back up, to load, or to go back."""
    rows = full.sql("SELECT * FROM users")
    full.run("down", "--allow-loss", "all")
    shutil.rmtree(full.migrations)
    assert full.run("backup", "--output", "a.sql", "--verify").out == "a.sql\n"
    full.run("restore", "--to", "3", "--yes")
    assert full.sql("SELECT * FROM users") == rows
    monkeypatch.setenv("D1MIGRATE_DATABASE", "sqlite:new.db")
    full.run("restore", "--file", "a.sql")
    assert "the migrations folder" in full.run("status", code=2).err


def test_a_file_in_use(full: Project) -> None:
    """Whoever writes, in either journal mode, is waited for; the dump is of the rows that are committed."""
    for mode in ("wal", "delete"):
        with closing(sqlite3.connect(full.database, isolation_level=None)) as other:
            other.execute(f"PRAGMA journal_mode = {mode}")
            other.execute("BEGIN IMMEDIATE")
            other.execute("INSERT INTO users (email) VALUES ('uncommitted')")
            value = full.run("backup", "--output", "a.sql", "--json", "--verify").json
            assert (value["rows"]["users"], value["mismatches"]) == (2, [])
            other.execute("ROLLBACK")


def test_a_script_of_another_tool(project: Project) -> None:
    """It is loaded, and the output says that nothing could be compared."""
    (project.folder / "x.sql").write_text("CREATE TABLE a (x); INSERT INTO a VALUES (1);")
    assert "which has no checksums of its own" in project.run("restore", "--file", "x.sql").out
    assert project.sql("SELECT * FROM a") == [(1,)]


def test_a_dump_that_does_not_restore(full: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """`--verify` fails if the scratch database does not match the dump."""
    monkeypatch.setattr(load, "verify", lambda _: ["users: 1 rows, expected 2"])
    err = full.run("backup", "--output", "a.sql", "--verify", code=1).err
    assert "a.sql does not restore to the same database: users: 1 rows, expected 2" in err
    value = full.run("backup", "--output", "a.sql", "--verify", "--json", code=1).json
    assert (value["verified"], value["mismatches"]) == (False, ["users: 1 rows, expected 2"])


def test_losses_are_reported(project: Project) -> None:
    """Content that a dump cannot hold is a warning, on stderr and in JSON."""
    project.sql("CREATE VIRTUAL TABLE f USING fts5(a, content='');\nINSERT INTO f (rowid, a) VALUES (1, 'x')")
    assert "warning: f: it stores no text" in project.run("backup", "--output", "a.sql").err
    assert project.run("backup", "--output", "a.sql", "--json").json["notes"]
    ended = project.run("backup", "--output", "a.sql", "--verify", code=1).err
    assert ended.splitlines()[-1] == (
        "error: a.sql does not restore to the same database:"
        " f: it stores no text to dump: it is restored empty"
    )
    assert "warning" not in ended
    assert "verified" not in ended
    into = ("--database", "sqlite:b.db", "restore", "--yes", "--file", "a.sql")
    assert "warning: f: it stores no text" in project.run(*into).err


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_large_database_needs_little_memory(full: Project, tmp_path: Path) -> None:
    """Streamed: 60 MB of rows, some of them long, in less than 150 MB for everything."""
    full.sql(
        "CREATE TABLE big (a, b);\nINSERT INTO big WITH n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 60000)"
        " SELECT i, hex(randomblob(iif(i % 5000, 400, 400000))) FROM n"
    )
    # Not ru_maxrss: on Linux it begins with what the process that started this one takes, here all tests before.
    code = (
        "import re, sys; from d1migrate.cli import main; code = main(sys.argv[1:]);"
        r"print(int(re.search(r'VmHWM:\s+(\d+)', open('/proc/self/status').read())[1]) // 1024); sys.exit(code)"
    )
    for command, database in (
        (["backup", "--output", "big.sql"], "sqlite:app.db"),
        (["restore", "--file", "big.sql"], "sqlite:big.db"),
    ):
        ran = subprocess.run(
            [sys.executable, "-c", code, *command, "--database", database],
            cwd=tmp_path, stdout=subprocess.PIPE, text=True, check=True, timeout=200,
        )  # fmt: skip
        assert int(ran.stdout.split()[-1]) < 150, ran.stdout
