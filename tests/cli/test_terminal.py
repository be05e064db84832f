"""What only a terminal shows: color and the progress bar."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.cli.project import Project


def on_terminal(*arguments: str, **variables: str) -> str:
    """Run a command with stdout and stderr on a terminal; returns what appears there."""
    controller, terminal = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "d1migrate", *arguments],
        stdin=subprocess.DEVNULL,
        stdout=terminal,
        stderr=terminal,
        env=os.environ | {"TERM": "xterm", "COLUMNS": "80"} | variables,
    )
    os.close(terminal)
    seen = b""
    try:
        while block := os.read(controller, 65536):
            seen += block
    except OSError:  # the other end is closed
        pass
    os.close(controller)
    assert process.wait() == 0, seen.decode()
    return seen.decode()


def test_color_is_for_terminals_that_want_it(project: Project) -> None:
    """States are colored on a terminal, unless NO_COLOR or a dumb one says otherwise."""
    project.standard()
    assert "\x1b[33mpending\x1b[0m" in on_terminal("status")
    assert "\x1b" not in on_terminal("status", NO_COLOR="1")
    assert "\x1b" not in on_terminal("status", TERM="dumb")
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


def test_a_bar_shows_a_name_as_it_is(project: Project) -> None:
    """Markup in the name of a file is shown literally."""
    row = f"INSERT INTO t VALUES ('{'x' * 900}');\n"
    (project.folder / "d[red][-bold].sql").write_text("CREATE TABLE t (x);\n" + row * 9500)
    assert "d[red][-bold].sql" in on_terminal("restore", "--file", "d[red][-bold].sql", "--yes")


def test_quiet_has_no_bar(project: Project) -> None:
    """--quiet is quiet on a terminal too."""
    project.standard()
    assert "001_users" not in on_terminal("up", "--quiet")
