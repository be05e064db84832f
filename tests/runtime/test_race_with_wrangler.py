"""`up` while the real wrangler applies the same folder: each file is applied once or refused, never by half."""

from __future__ import annotations

import subprocess
import time
from typing import TYPE_CHECKING

import apsw
import pytest

from tests.runtime.local import Project
from tests.runtime.wrangler import command, environment

if TYPE_CHECKING:
    from pathlib import Path

    from tests.runtime.conftest import Run
    from tests.runtime.wrangler import Wrangler

PATIENCE = 60
COUNT = 6
NAMES = [f"{number:04}_x.sql" for number in range(COUNT)]
# Each can be applied twice without an error, and then leaves a row too many. The two tables change together.
SQL = """\
CREATE TABLE IF NOT EXISTS a (file TEXT); CREATE TABLE IF NOT EXISTS b (file TEXT);
INSERT INTO a VALUES ('{name}');
{between}
INSERT INTO b VALUES ('{name}');
"""
SLOW = (
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000000) SELECT max(i) FROM n;"
)


def project(path: Path, wrangler: Wrangler, run: Run, slow: int | None = None) -> Project:
    """A folder of which one file may take a second."""
    made = Project(path, wrangler, run)
    made.configure({"d1_databases": [{"binding": "DB", "database_name": "shop", "database_id": "0a1b"}]})
    for number, name in enumerate(NAMES):
        made.write({f"migrations/{name}": SQL.format(name=name, between=SLOW if number == slow else "")})
    return made


def start(made: Project) -> subprocess.Popen[str]:
    """Start `wrangler d1 migrations apply`."""
    return subprocess.Popen(
        command("d1", "migrations", "apply", "shop", "--local"),
        cwd=made.path,
        env=environment(made.path / "home"),
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip


def applied(made: Project) -> int:
    """How many rows wrangler's table has; -1 if there is none."""
    try:
        return len(made.rows())
    except (ValueError, apsw.Error):  # no file yet, or no table
        return -1


def check_whole(made: Project) -> list[str]:
    """Every migration that is recorded ran once, and no other; returns them."""
    names = [row.name for row in made.rows()]
    assert names == sorted(set(names))
    for table in ("a", "b"):
        assert made.read(f"SELECT file FROM {table} ORDER BY rowid") == [(name,) for name in names]
    return names


REFUSALS = ["UNIQUE constraint failed: d1_migrations.name", "database is locked", "applied meanwhile"]
"""What the slower tool prints; the first two are wrangler's."""


@pytest.mark.parametrize("rows", range(-1, COUNT - 1))
def test_up_while_wrangler_applies(rows: int, tmp_path: Path, wrangler: Wrangler, run: Run) -> None:
    """It starts when wrangler has applied so many files, and has the list of all that were pending."""
    made = project(tmp_path, wrangler, run, slow=rows + 1)
    with start(made) as process:
        deadline = time.monotonic() + PATIENCE
        while applied(made) < rows and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.005)
        ours = made.d1migrate("up", code=None)
        printed, _ = process.communicate(timeout=PATIENCE)
    for code, text in ((ours.code, ours.err), (process.returncode, printed)):
        assert code == 0 or any(known in text for known in REFUSALS), text
    check_whole(made)
    made.d1migrate("up")
    assert check_whole(made) == NAMES
    made.d1migrate("status", "--check")
    assert made.wrangler("list") == []
