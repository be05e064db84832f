"""An application's own table that is called schema_migrations: every command treats it as any other table."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.cli.project import Project

OWN = """\
CREATE TABLE IF NOT EXISTS schema_migrations (
  version INTEGER PRIMARY KEY, name TEXT NOT NULL, applied_at INTEGER NOT NULL, checksum TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS by_checksum ON schema_migrations(checksum);
INSERT INTO schema_migrations (version, name, applied_at, checksum) VALUES (1, 'a', 2, 'b');
-- Rollback:
--   DROP TABLE IF EXISTS schema_migrations;
"""
ROWS = """\
INSERT INTO schema_migrations (version, name, applied_at, checksum) VALUES (7, 'seven', 1, 'c');
UPDATE schema_migrations SET checksum = 'd' WHERE version = 7;
-- Rollback:
--   DELETE FROM schema_migrations WHERE version = 7;
"""
MORE = """\
CREATE TABLE IF NOT EXISTS other (id INTEGER PRIMARY KEY);
ALTER TABLE schema_migrations ADD COLUMN note TEXT;
-- Rollback:
--   ALTER TABLE schema_migrations DROP COLUMN note;
--   DROP TABLE IF EXISTS other;
"""


@pytest.fixture
def own(project: Project) -> Project:
    """Files with such a table; their numbers would fit into ours."""
    for name, text in {"001_own": OWN, "002_rows": ROWS, "003_more": MORE}.items():
        project.write(f"{name}.sql", text)
    return project


def test_from_the_first_file_to_the_last(own: Project) -> None:
    """Applied, rolled back and applied again; files, history and schema agree."""
    own.run("up", "--to", "1")
    assert own.run("rehearse").out.count("restores") == 2
    own.run("up")
    assert own.sql("SELECT version, checksum FROM schema_migrations") == [(1, "b"), (7, "d")]
    assert own.sql("SELECT name FROM d1_migrations") == [
        ("001_own.sql",),
        ("002_rows.sql",),
        ("003_more.sql",),
    ]
    assert own.run("verify", "--check").out == "files, history and schema agree\n"
    assert own.run("up").out == "nothing to do\n"
    own.run("down", "--to", "none", "--allow-loss", "all")
    assert own.sql("SELECT name FROM sqlite_schema WHERE name = 'schema_migrations'") == []
    own.run("up")


def test_checks_without_a_database(own: Project) -> None:
    """Nothing is wrong with the files, and nothing is expected to record itself."""
    found = own.run("lint", "--all", "--json").json["diagnostics"]
    assert {one["code"] for one in found} <= {"W102"}, found
    assert own.run("rehearse", "--all").out.count("restores") == 3


def test_a_pending_file_is_checked_against_the_live_table(own: Project) -> None:
    """`up` lints 003 when the file that creates the table is applied."""
    own.run("up", "--to", "2")
    assert "error" not in own.run("lint").out
    own.run("up")


def test_a_change_of_its_rows_is_noticed(own: Project) -> None:
    """The checksum has them."""
    own.run("up")
    own.write("002_rows.sql", ROWS.replace("'seven'", "'eight'"))
    assert "002_rows: edited after being applied" in own.run("up", code=1).err


def test_the_schema_has_it(own: Project) -> None:
    """Drift in it is found, and `diff` and `backup` have it."""
    own.run("up")
    assert "schema_migrations" in own.run("schema").out
    own.run("schema", "--output", "schema.sql")
    assert own.run("diff", "--to", "schema.sql", "--check").out == ""
    own.sql("DROP INDEX by_checksum")
    assert "by_checksum" in own.run("verify", "--check", code=3).out
    own.run("backup", "--output", "all.sql")
    assert "'seven'" in (own.folder / "all.sql").read_text()


def test_a_file_that_needs_our_table_where_there_is_none(project: Project) -> None:
    """A file that records itself cannot run in a database with wrangler's table."""
    (project.folder / "d1migrate.toml").write_text('table = "d1_migrations"\n')
    project.write(
        "001_a.sql", "INSERT INTO schema_migrations (version, name, applied_at) VALUES (1, '001_a', 0);\n"
    )
    for command in (("lint", "--all"), ("lint",)):
        assert "no such table: schema_migrations" in project.run(*command, code=3).out
    assert "no such table: schema_migrations" in project.run("up", code=1).err
