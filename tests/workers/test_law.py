"""A law: the same files end in the same schema, history and rows, whichever way they are applied."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import apsw
import pytest

from d1migrate.cli import main
from d1migrate.drivers.connect import connect
from d1migrate.drivers.sqlite import SqliteDriver
from tests.runtime.test_wrangler_local import Project
from tests.runtime.workerd import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.runtime.pyodide import PyodideWorkerd

WRANGLER = (
    '{"name": "law", "d1_databases": [{"binding": "DB", "database_name": "law", "database_id": "law"}]}'
)
ODD = {
    "001_base.sql": "\ufeff-- Migration\r\nCREATE TABLE IF NOT EXISTS p (\r\n  id INTEGER PRIMARY KEY, -- key\r\n"
    "  name TEXT NOT NULL DEFAULT 'a;b'\r\n);\r\ninsert into p (name) values ('x'), ('y')",
    "003_child.sql": """create table C (p_id integer references P(id) on delete cascade, v text generated always as (p_id || 'v'));
CREATE TRIGGER [c_made] AFTER INSERT ON C BEGIN
  UPDATE p SET name = CASE new.p_id WHEN 1 THEN name || ';' ELSE name END WHERE id = new.p_id;
END;
INSERT INTO C SELECT id FROM p;
CREATE VIEW names AS SELECT name, count(*) AS n FROM p GROUP BY name;
-- Rollback:
--   DROP VIEW names;
--   DROP TABLE C;
""",
    "010_search.sql": "CREATE VIRTUAL TABLE docs USING fts5(title, body);\nINSERT INTO docs VALUES ('é', 'wörld');\n",
    "20240101_alter.sql": """ALTER TABLE p ADD COLUMN note TEXT;
ALTER TABLE p RENAME COLUMN name TO label;
CREATE UNIQUE INDEX p_label ON p (label COLLATE NOCASE) WHERE note IS NULL;
-- Record migration
INSERT INTO schema_migrations (version, name, applied_at)
VALUES (20240101, '20240101_alter', strftime('%s', 'now'))
ON CONFLICT(version) DO NOTHING;
-- Rollback: none, it is the law
""",
}


def hummbl(folder: Path) -> None:
    """Write HUMMBL's migrations."""
    shutil.copytree(ROOT / "workers" / "migrations", folder)


def odd(folder: Path) -> None:
    """Write migrations with all that could make a difference."""
    folder.mkdir()
    for name, text in ODD.items():
        (folder / name).write_text(text, newline="")


def snapshot(file: Path) -> dict[str, Any]:
    """All that a database holds, without tokens, times, and who did it with what."""
    connection = apsw.Connection(str(file), flags=apsw.SQLITE_OPEN_READONLY)

    def rows(sql: str) -> list[Any]:
        return list(connection.execute(sql))

    tables = rows("SELECT name FROM sqlite_schema WHERE type = 'table' AND name <> 'd1migrate_log'")
    (history,) = {name for (name,) in tables} & {"schema_migrations", "d1_migrations"}
    own = [name for (name,) in tables if name != history and not name.startswith(("_cf_", "docs_"))]
    found = {
        "schema": rows(
            "SELECT type, name, tbl_name, sql FROM sqlite_schema WHERE name NOT LIKE '\\_cf\\_%' ESCAPE '\\'"
        ),
        "migrations": rows(
            f"SELECT {'version' if history == 'schema_migrations' else 'id'}, name FROM {history}"
        ),
        "log": rows(
            "SELECT event, action, version, name, checksum, rollback_digest, rollback_sql"
            " FROM d1migrate_log ORDER BY id"
        ),
        "rows": {name: rows(f'SELECT * FROM "{name}"') for name in own},
    }
    connection.close()
    return found


@pytest.mark.parametrize("write", [hummbl, odd])
def test_every_way_ends_alike(
    write: Callable[[Path], None],
    inside: PyodideWorkerd,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The embedded engine, wrangler's local file, and a Worker on the binding."""
    write(tmp_path / "migrations")
    (tmp_path / "wrangler.json").write_text(WRANGLER)
    monkeypatch.chdir(tmp_path)

    assert main(["--database", "sqlite:app.db", "up", "--quiet", "--no-lint"]) == 0
    embedded = snapshot(tmp_path / "app.db")

    assert main(["--database", "wrangler:DB", "up", "--quiet", "--no-lint"]) == 0
    assert snapshot(next(tmp_path.rglob("miniflare-D1DatabaseObject/*.sqlite"))) == embedded

    assert main(["index", "--output", "index.py"]) == 0
    database, index = inside.database(), (tmp_path / "index.py").read_text()
    verified = inside.call("flows:run_index", database=database, index=index).result
    assert snapshot(inside.file(database)) == embedded
    assert verified == [True, [], None]

    assert main(["--database", f"sqlite:{inside.file(database)}", "verify", "--check"]) == 0


def test_wrangler_sees_what_a_worker_applied(inside: PyodideWorkerd, tmp_path: Path) -> None:
    """The real wrangler reads the rows that `run_migrations` wrote through the binding."""
    project = Project.hummbl(tmp_path / "project")
    index = (ROOT / "workers" / "src" / "migrations_index.py").read_text()
    database = inside.database()
    inside.call("flows:run_index", database=database, index=index)
    target: Any = connect("wrangler:DB", config=str(project.folder / "workers" / "wrangler.jsonc"))
    Path(target.path).parent.mkdir(parents=True)
    SqliteDriver(str(inside.file(database)), url="sqlite:worker.db").copy_to(target.path)

    query = "SELECT version, name FROM schema_migrations ORDER BY version"
    (rows,) = project.hummbl_sql("--command", query)

    assert [row["name"] for row in rows] == [
        "001_initial_schema",
        "002_add_api_keys_table",
        "003_add_users_table",
    ]
    assert project.d1migrate("status", "--check")
