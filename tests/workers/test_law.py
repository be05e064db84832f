"""A law: the same files end in the same schema, history and rows, whichever way they are applied."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import apsw
import pytest

from d1migrate import Migrator
from d1migrate.cli import main
from d1migrate.drivers.connect import connect
from d1migrate.drivers.sqlite import SqliteDriver
from d1migrate.migrate.source import load
from d1migrate.sql.names import quote_identifier
from tests import inputs
from tests.runtime.layouts import LAYOUTS, Folder, folder
from tests.runtime.pyodide import PYTHONS
from tests.runtime.test_wrangler_local import Project
from tests.runtime.typescript import evaluated
from tests.runtime.workerd import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable
    from random import Random

    from tests.runtime.layouts import Layout
    from tests.runtime.pyodide import PyodideWorkerd
    from tests.runtime.typescript import TypeScriptWorkerd

MIGRATIONS = ROOT / "workers" / "migrations"
DATABASE = {"binding": "DB", "database_name": "law", "database_id": "law"}
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


def hummbl() -> Folder:
    """HUMMBL's migrations."""
    files = {path.name: path.read_bytes().decode() for path in MIGRATIONS.glob("*.sql")}
    return Folder({"d1_databases": [DATABASE]}, None, "migrations", "d1_migrations", files, {})


def odd() -> Folder:
    """Migrations with all that could make a difference."""
    return Folder({"d1_databases": [DATABASE]}, None, "migrations", "d1_migrations", ODD, {})


def snapshot(file: Path, wrangler_table: str) -> dict[str, Any]:
    """All that a database holds, without tokens, times, and who did it with what."""
    connection = apsw.Connection(str(file), flags=apsw.SQLITE_OPEN_READONLY)

    def rows(sql: str) -> list[Any]:
        return list(connection.execute(sql))

    tables = {name for (name,) in rows("SELECT name FROM sqlite_schema WHERE type = 'table'")}
    names = wrangler_table in tables
    key, history = ("id", quote_identifier(wrangler_table)) if names else ("version", "schema_migrations")
    ours = {"d1migrate_log", wrangler_table if names else "schema_migrations"}
    own = [name for name in sorted(tables - ours) if not name.startswith(("_cf_", "docs_"))]
    found = {
        "schema": rows(
            "SELECT type, name, tbl_name, sql FROM sqlite_schema WHERE name NOT LIKE '\\_cf\\_%' ESCAPE '\\'"
        ),
        "migrations": rows(f"SELECT {key}, name FROM {history} ORDER BY {key}"),
        "log": rows(
            "SELECT event, action, version, name, checksum, rollback_digest, rollback_sql"
            " FROM d1migrate_log ORDER BY id"
        ),
        "rows": {name: rows(f'SELECT * FROM "{name}"') for name in own},
    }
    connection.close()
    return found


def write(project: Path, drawn: Folder) -> None:
    """Write a project."""
    (project / "wrangler.json").write_text(json.dumps(drawn.config))
    for name, text in {
        **drawn.others,
        **{f"{drawn.directory}/{n}": t for n, t in drawn.files.items()},
    }.items():
        (project / name).parent.mkdir(parents=True, exist_ok=True)
        (project / name).write_text(text, newline="")


@pytest.mark.parametrize("make", [hummbl, odd])
def test_every_way_ends_alike(
    make: Callable[[], Folder],
    inside: PyodideWorkerd,
    typescript: TypeScriptWorkerd,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The embedded engine, wrangler's local file, and Workers in Python and TypeScript."""
    check_every_way(make(), inside, typescript, tmp_path, monkeypatch)


@pytest.mark.parametrize("python", [PYTHONS[-1]], indirect=True)
@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_way_ends_alike_in_any_layout(
    layout: Callable[[Random], Layout],
    inside: PyodideWorkerd,
    typescript: TypeScriptWorkerd,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Names twice, nested or odd, in wrangler's table."""
    drawn = folder(inputs.generator(f"law {layout.__name__}"), layout)
    check_every_way(drawn, inside, typescript, tmp_path, monkeypatch)


def check_every_way(
    drawn: Folder,
    inside: PyodideWorkerd,
    typescript: TypeScriptWorkerd,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Apply a project in every way, and compare the databases."""
    write(tmp_path, drawn)
    monkeypatch.chdir(tmp_path)
    local = ["--database", f"wrangler:DB{f'?env={drawn.environment}' if drawn.environment else ''}"]

    assert main([*local, "up", "--quiet", "--no-lint"]) == 0
    on_disk = snapshot(next(tmp_path.rglob("miniflare-D1DatabaseObject/*.sqlite")), drawn.table)

    embedded = Migrator("sqlite:app.db", load(drawn.files.items()), wrangler_table=drawn.table)
    embedded.up(lint=False)
    embedded.close()
    assert snapshot(tmp_path / "app.db", drawn.table) == on_disk

    assert main([*local, "index", "--output", "index.py"]) == 0
    database, index = inside.database(), (tmp_path / "index.py").read_text()
    found = inside.call("flows:run_index", database=database, index=index, wrangler_table=drawn.table).result
    assert snapshot(inside.file(database), drawn.table) == on_disk
    assert found == [True, [], None, []]
    with Migrator(
        f"sqlite:{inside.file(database)}", load(drawn.files.items()), wrangler_table=drawn.table
    ) as again:
        assert again.verify().ok

    assert main([*local, "index", "--output", "index.ts"]) == 0
    compiled = evaluated(tmp_path / "index.ts")
    for place in (typescript.database(), typescript.new_object()):
        typescript.call("runMigrations", compiled, database=place)
        assert snapshot(typescript.file(place), drawn.table) == on_disk
        assert typescript.call("runMigrations", compiled, database=place).results == []
        assert typescript.call("verifySchema", compiled, database=place).result["ok"]


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
