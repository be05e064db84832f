"""A command that creates the desired tables."""

from __future__ import annotations

import os
import shlex
import sys
from typing import TYPE_CHECKING

import pytest

from d1migrate.drafting.sources import Source, process, read_from_tool
from d1migrate.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path

    from d1migrate.drafting import Desired

PYTHON = shlex.quote(sys.executable)
FILL = """\
import sqlite3, sys
with sqlite3.connect(sys.argv[1]) as connection:
    connection.executescript(sys.argv[2])
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A project with a program that runs SQL on a database."""
    (tmp_path / "fill.py").write_text(FILL)
    return tmp_path


def read(folder: Path, command: str) -> Desired:
    """What a command creates."""
    return read_from_tool(Source("command", command), folder=str(folder))


def tables(folder: Path, sql: str) -> list[str]:
    """The tables that a command creates by SQL."""
    found = read(folder, f"{PYTHON} fill.py {{db}} {shlex.quote(sql)}")
    assert found.models is not None
    return [table.name for table in found.schema.tables]


def test_it_runs_in_the_project_without_a_shell(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Quoted words are one argument, and nothing in them is expanded. What it prints is not ours."""
    assert tables(folder, 'CREATE TABLE "a; $HOME" (b); SELECT 1') == ["a; $HOME"]
    assert capfd.readouterr() == ("", "")


def test_wal_mode(folder: Path) -> None:
    """A program may leave the file in it."""
    assert tables(folder, "PRAGMA journal_mode = WAL; CREATE TABLE a (b)") == ["a"]


def test_histories_and_internal_tables(folder: Path) -> None:
    """Ours and those of other tools are left out: the command may run another tool's migrations."""
    sql = "CREATE TABLE a (b INTEGER PRIMARY KEY AUTOINCREMENT); CREATE TABLE alembic_version (version_num TEXT);"
    sql += "CREATE TABLE schema_migrations (version INTEGER PRIMARY KEY, name TEXT, applied_at INTEGER)"
    assert tables(folder, sql) == ["a"]


def test_a_program_of_the_project(folder: Path) -> None:
    """Its path is relative to the project, and `{db}` may be part of a word."""
    program = folder / "make-schema"
    program.write_text(f'#!/bin/sh\nexec {PYTHON} fill.py "${{1#--db=}}" "CREATE TABLE a (b)"\n')
    program.chmod(0o755)
    assert [table.name for table in read(folder, "./make-schema --db={db}").schema.tables] == ["a"]


def test_no_token_reaches_it(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A schema needs no Cloudflare."""
    monkeypatch.setenv("CLOUDFLARE_API_TOKEN", "secret")
    (folder / "look.py").write_text("import os, sys\nsys.exit('CLOUDFLARE_API_TOKEN' in os.environ)")
    with pytest.raises(UsageError, match="ended without an error, but the file"):
        read(folder, f"{PYTHON} look.py {{db}}")


@pytest.mark.parametrize(
    ("command", "message", "hint"),
    [
        ("make-schema", r"command:make-schema has no \{db\}", "'command:make-schema {db}'"),
        ("make 'schema {db}", "no closing quotation", "quote the words as in a shell"),
        ("{db}", "does not name a program", "'command:make-schema {db}'"),
        ("'' {db}", "does not name a program", "'command:make-schema {db}'"),
        ("no-such-program {db}", "there is no program no-such-program in PATH", "builtins and aliases"),
        ("fill.py {db}", "there is no program fill.py in PATH", "write ./fill.py;"),
        ("./fill.py {db}", "fill.py cannot be executed", "the command runs in "),
        ("bin/fill {db}", "bin/fill does not exist", "the command runs in "),
        (
            f"{PYTHON} -c 'import sys; sys.exit(\"no models\")' {{db}}",
            "exit code 1\n    no models",
            "None",
        ),
        (f"{PYTHON} -c 'import os; os.kill(os.getpid(), 9)' {{db}}", "SIGKILL", "None"),
        (f"{PYTHON} -c 'print(\"done\")' {{db}}", "is not a SQLite database\n    done", "empty at first"),
        (f"{PYTHON} -c 'import os, sys; os.remove(sys.argv[1])' {{db}}", "is not a SQLite database", "empty at first"),
        (f"{PYTHON} -c 'import sys; open(sys.argv[1], \"w\").write(\"x\")' {{db}}", "is not a SQLite", "empty at"),
        (f"{PYTHON} fill.py {{db}} 'PRAGMA user_version = 1'", "builds no tables", "None"),
    ],
)  # fmt: skip
def test_what_goes_wrong(folder: Path, command: str, message: str, hint: str) -> None:
    """The error shows the end of what the program printed."""
    with pytest.raises(UsageError, match=message) as caught:
        read(folder, command)
    assert hint in str(caught.value.hint)
    assert str(caught.value).startswith("command:")


def test_a_program_that_does_not_end(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is stopped, with what it started."""
    monkeypatch.setattr(process, "SECONDS", 0.2)
    with pytest.raises(UsageError, match=r"no schema after 0\.2 s; it was stopped"):
        read(folder, f"{PYTHON} -c 'import signal; signal.pause()' {{db}}")


def test_nothing_is_left(folder: Path) -> None:
    """Neither in the project nor in the working directory."""
    tables(folder, "CREATE TABLE a (b)")
    assert os.listdir(folder) == ["fill.py"]
