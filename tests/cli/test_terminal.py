"""What only a terminal shows: color and the progress bar."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.cli.project import Project


def on_terminal(
    *arguments: str, variables: Mapping[str, str] | None = None, columns: int = 80, code: int = 0
) -> str:
    """Run a command with stdout and stderr on a terminal of 24 lines; returns what appears there."""
    controller, terminal = pty.openpty()
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    inherited = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "LINES")}
    process = subprocess.Popen(
        [sys.executable, "-m", "d1migrate", *arguments],
        stdin=subprocess.DEVNULL,
        stdout=terminal,
        stderr=terminal,
        env={**inherited, "TERM": "xterm", **(variables or {})},
    )
    os.close(terminal)
    seen = b""
    try:
        while block := os.read(controller, 65536):
            seen += block
    except OSError:  # the other end is closed
        pass
    os.close(controller)
    assert process.wait() == code, seen.decode()
    return seen.decode()


def test_color_is_for_terminals_that_want_it(project: Project) -> None:
    """States are colored on a terminal, unless NO_COLOR or a dumb one says otherwise."""
    project.standard()
    assert "\x1b[33mpending\x1b[0m" in on_terminal("status")
    assert "\x1b" not in on_terminal("status", variables={"NO_COLOR": "1"})
    assert "\x1b" not in on_terminal("status", variables={"TERM": "dumb"})
    assert "\x1b" not in project.run("status").out


def test_a_large_file_has_a_bar_on_a_terminal_only(project: Project) -> None:
    """It counts bytes to the end, and is gone when the file is applied."""
    row = f"INSERT INTO t VALUES ('{'x' * 900}');\n"
    project.write("001_t.sql", "CREATE TABLE t (x);\n" + row * 9500)
    total = (project.migrations / "001_t.sql").stat().st_size / 1e6
    seen = on_terminal("up")
    assert f"{total:.1f}/{total:.1f} MB" in seen
    assert "applied 1 migration" in seen.splitlines()[-1]
    project.database.unlink()
    assert "MB" not in project.run("up").err


def test_a_job_has_a_bar_on_a_terminal(project: Project) -> None:
    """With its share, rows and chunks; a line stays when the job is done, as of any migration."""
    rows = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 6000) SELECT i FROM n"
    project.write("001_t.sql", f"CREATE TABLE t (id INTEGER PRIMARY KEY, x);\nINSERT INTO t (id) {rows};\n")
    project.write("002_fill.sql", "-- d1migrate: batch t\nUPDATE t SET x = id WHERE x IS NULL;\n")
    seen = on_terminal("up", "--no-lint", columns=120)
    assert "━" in seen
    assert re.search(r"002_fill: \d+ %, .*[\d,]+ rows, \d+ chunks?", re.sub(r"\x1b\[\d*m", "", seen))
    assert re.search(r"  002_fill  .*s, 6,000 rows in \d+ chunks", seen)
    assert "002_fill: " not in on_terminal("up", "--quiet", "--no-lint", "--database", "sqlite:b.db")


def test_a_bar_shows_a_name_as_it_is(project: Project) -> None:
    """Markup in the name of a file is shown literally."""
    row = f"INSERT INTO t VALUES ('{'x' * 900}');\n"
    (project.folder / "d[red][-bold].sql").write_text("CREATE TABLE t (x);\n" + row * 9500)
    assert "d[red][-bold].sql" in on_terminal("restore", "--file", "d[red][-bold].sql", "--yes")


def test_quiet_has_no_bar(project: Project) -> None:
    """--quiet is quiet on a terminal too."""
    project.standard()
    assert "001_users" not in on_terminal("up", "--quiet")


NAMES = ("001_users_and_their_sessions", "002_add_an_index_on_email_addresses")
NARROW = """
[env.local]
database = "sqlite:app.db"
[env.staging]
database = "sqlite:a-folder-for-staging/database.db"
after = "local"
protected = true
window = "Sun 02:00-02:01 America/New_York"
[env.production]
database = "d1:shop-production"
after = "staging"
protected = true
window = "Sun 02:00-04:00 UTC"
restore_point = true
"""


@pytest.fixture
def narrow(project: Project, monkeypatch: pytest.MonkeyPatch) -> Project:
    """A project whose tables are wider than 80 columns."""
    monkeypatch.delenv("D1MIGRATE_DATABASE")
    (project.folder / "d1migrate.toml").write_text(NARROW)
    (project.folder / "a-folder-for-staging").mkdir()
    for number, name in enumerate(NAMES):
        project.write(f"{name}.sql", f"CREATE TABLE t{number} (a INTEGER PRIMARY KEY);\n")
        project.run("up")
    project.write("003_drop.sql", "DROP TABLE t1;\n-- Rollback: none, the rows are gone\n")
    return project


def lines_of(seen: str) -> list[str]:
    """The lines on a terminal, without colors."""
    return [re.sub(r"\x1b\[[0-9;]*m", "", line) for line in seen.splitlines()]


@pytest.mark.parametrize(
    "command",
    [
        ["status"],
        ["history"],
        ["list"],
        ["restore"],
        ["env"],
        ["rehearse", "--all"],
        ["plan"],
        ["plan", "--env", "staging"],
    ],
    ids=" ".join,
)
def test_no_table_is_wider_than_the_terminal(narrow: Project, command: list[str]) -> None:
    """Values are wrapped under themselves; a pipe gets each row as one line."""
    seen = lines_of(on_terminal(*command))
    assert max(map(len, seen)) <= 80, "\n".join(seen)
    piped = narrow.run(*command).out.splitlines()
    if command[0] in ("status", "history", "env"):
        assert max(map(len, piped)) > 80


def test_times_are_shortened_first(narrow: Project) -> None:
    """Each row stays one line, if only the age is too much."""
    rows = lines_of(on_terminal("status"))
    assert re.search(
        r"001_users_and_their_ +applied  \S+ \S+ [+-]\d{4}  no rollback\n +sessions\n", "\n".join(rows)
    )
    assert "just now" not in "".join(rows)
    assert "(just now)" in on_terminal("status", columns=160)


def test_environments_become_paragraphs(narrow: Project) -> None:
    """Each value has the name of its column."""
    seen = "\n".join(lines_of(on_terminal("env")))
    assert "\n\nproduction\n  database        d1:shop-production\n  last migration  ?\n" in seen
    assert "\n  protection      protected, after staging, window closed until" in seen
    assert "\n  reachable       no: " in seen
    assert "environment  database" in on_terminal("env", columns=300).replace("\x1b[2m", "")
