"""The real wrangler runs the file of an open job: as a whole, and the job closes. No row is wrong."""

from __future__ import annotations

import json
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from d1migrate.drivers.sqlite import SqliteDriver
from d1migrate.migrate.table import VERSIONS, WRANGLER
from d1migrate.migrator import Migrator
from d1migrate.project.files import load_migrations
from tests.runtime.local import Project

if TYPE_CHECKING:
    from pathlib import Path

    from d1migrate.migrate.jobs.report import JobReport
    from tests.runtime.conftest import Run
    from tests.runtime.wrangler import Wrangler

ROWS, SIZE = 21, 3
TABLES = f"""CREATE TABLE users (id INTEGER PRIMARY KEY, email TEXT NOT NULL, norm TEXT);
WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n LIMIT {ROWS}) INSERT INTO users SELECT x, 'U' || x, NULL FROM n;
CREATE TABLE emails (email TEXT PRIMARY KEY, user INTEGER);
"""
STATEMENTS = {
    "update": "UPDATE users SET norm = lower(email);",
    "insert": "INSERT INTO emails SELECT lower(email), id FROM users WHERE true ON CONFLICT DO NOTHING;",
    "delete": "DELETE FROM users WHERE id % 2;",
}
ENDS = {
    "update": ("SELECT count(*) FROM users WHERE norm = lower(email)", ROWS),
    "insert": (
        "SELECT count(*) FROM emails JOIN users ON id = user AND emails.email = lower(users.email)",
        ROWS,
    ),
    "delete": ("SELECT count(*) FROM users WHERE id % 2 = 0", ROWS // 2),
}
HISTORY = """CREATE TABLE IF NOT EXISTS schema_migrations (version INTEGER PRIMARY KEY, name TEXT NOT NULL, applied_at INTEGER NOT NULL);
"""
RECORD = "INSERT INTO schema_migrations (version, name, applied_at) VALUES ({}, '{}', unixepoch()) ON CONFLICT DO NOTHING;\n"


@pytest.mark.parametrize(
    ("table", "chunks", "kind"),
    [
        *((table, chunks, "update") for table in (WRANGLER, VERSIONS) for chunks in (0, 3, 7)),
        *((WRANGLER, 3, kind) for kind in ("insert", "delete")),
    ],
)
def test_wrangler_runs_the_file_of_an_open_job(
    tmp_path: Path, wrangler: Wrangler, run: Run, chunks: int, table: str, kind: str
) -> None:
    """At 0, 43 and 100 %: with `migrations apply`, which records it, or with `execute`, if it records itself."""
    made = Project(tmp_path, wrangler, run)
    made.configure({"d1_databases": [{"binding": "DB", "database_name": "shop", "database_id": "0a1b"}]})
    fill = f"-- d1migrate: batch users rows {SIZE}\n{STATEMENTS[kind]}\n"
    files = {"001_users": TABLES, "002_fill": fill}
    if table == VERSIONS:
        files = {name: text + RECORD.format(int(name[:3]), name) for name, text in files.items()}
        files["001_users"] = HISTORY + files["001_users"]
    made.write({"migrations/001_users.sql": files["001_users"]})
    if table == WRANGLER:
        made.wrangler("apply")
    else:
        made.execute("migrations/001_users.sql")
    made.write({"migrations/002_fill.sql": files["002_fill"]})
    assert job(made, table, 3 + chunks).end == "stopped"
    filled = "SELECT state, chunks, rows FROM _d1m_job"
    assert made.read(filled) == [("filled" if chunks == 7 else "running", chunks, rows_after(kind, chunks))]
    if table == WRANGLER:
        assert made.wrangler("apply") == ["002_fill.sql"]
    else:
        made.execute("migrations/002_fill.sql")
    ended = job(made, table, 1000)
    assert (ended.end, ended.job and ended.job.chunks) == ("elsewhere", chunks)
    sql, count = ENDS[kind]
    assert made.read(sql) == [(count,)]
    assert made.read("SELECT 1 FROM sqlite_master WHERE name = '_d1m_job'") == []
    recorded = (
        "SELECT name FROM d1_migrations"
        if table == WRANGLER
        else "SELECT name || '.sql' FROM schema_migrations"
    )
    assert made.read(f"{recorded} ORDER BY 1") == [("001_users.sql",), ("002_fill.sql",)]
    ((detail,),) = made.read("SELECT detail FROM d1migrate_log ORDER BY id DESC LIMIT 1")
    assert json.loads(detail)["applied"] == "elsewhere"
    assert job(made, table, 1000).end == "none"


def job(made: Project, table: str, most: int) -> JobReport:
    """Run the job with so many batches at most."""
    (path,) = made.databases()
    migrations = load_migrations(str(made.path / "migrations"))
    with closing(SqliteDriver(str(path), url=f"sqlite:{path}")) as driver:
        migrator = Migrator(driver, migrations, table=table)
        return migrator.run_job(may_continue=lambda sent: sent < most, sleep=lambda _: None)


def rows_after(kind: str, chunks: int) -> int:
    """How many rows so many chunks have changed."""
    seen = chunks * SIZE
    return (seen + 1) // 2 if kind == "delete" else seen


@pytest.mark.parametrize("kind", STATEMENTS)
def test_wrangler_alone_needs_no_job(tmp_path: Path, wrangler: Wrangler, run: Run, kind: str) -> None:
    """The directive is a comment; a second run of the file changes nothing."""
    made = Project(tmp_path, wrangler, run)
    made.configure({"d1_databases": [{"binding": "DB", "database_name": "shop", "database_id": "0a1b"}]})
    fill = f"-- d1migrate: batch users rows {SIZE}\n{STATEMENTS[kind]}\n"
    made.write({"migrations/001_users.sql": TABLES, "migrations/002_fill.sql": fill})
    assert made.wrangler("apply") == ["001_users.sql", "002_fill.sql"]
    sql, count = ENDS[kind]
    before = made.state()
    assert made.read(sql) == [(count,)]
    made.execute("migrations/002_fill.sql")
    assert made.state() == before
    assert job(made, WRANGLER, 1000).end == "none"
