"""The index, as a Worker imports it."""

from __future__ import annotations

from d1migrate.migrate import source
from d1migrate.migrate.index_module import index_module, is_index_module
from d1migrate.migrate.migration import Migration
from d1migrate.migrate.rollback_file import RollbackFile


def test_the_index_is_the_migrations() -> None:
    """Its text evaluates to them, character by character."""
    texts = ["CREATE TABLE a (x TEXT DEFAULT '\"\\');\n-- Rollback: DROP TABLE a;", "SELECT 1;\n\n"]
    have = [Migration(n, f"00{n}_m", text) for n, text in enumerate(texts, 1)]
    schemas = {"001_m": {"table a": "CREATE TABLE a (x)", "view v": None}}
    module = index_module(have, "versions", schemas)
    scope: dict[str, object] = {}
    exec(module, scope)  # noqa: S102 - what a Worker imports
    assert scope["MIGRATIONS"] == tuple((f"{m.name}.sql", m.text) for m in have)
    assert scope["TABLE"] == "versions"
    assert scope["SCHEMAS"] == schemas
    assert "ROLLBACKS" not in scope
    assert is_index_module(module)
    assert not is_index_module("MIGRATIONS = ()")


def test_the_index_has_rollback_files() -> None:
    """By the name of the migration, character by character."""
    text = "-- back\nDROP TABLE a;"
    have = [
        Migration(1, "001_a", "CREATE TABLE a (x);", rollback_file=RollbackFile("rollback/001_a.sql", text)),
        Migration(2, "002_b", "SELECT 1;"),
    ]
    scope: dict[str, object] = {}
    exec(index_module(have, "versions", {}), scope)  # noqa: S102 - what a Worker imports
    assert scope["ROLLBACKS"] == {"001_a.sql": text}


def test_the_index_has_any_name() -> None:
    """Nested, with quotes and backslashes, in wrangler's order, for a table of names."""
    have = source.load((name, "") for name in ('b "c"\\d.sql', "0001_a/migration.sql", "0001_a/é.sql"))
    scope: dict[str, object] = {}
    exec(index_module(have, "names", {}), scope)  # noqa: S102 - what a Worker imports
    assert scope["TABLE"] == "names"
    assert scope["MIGRATIONS"] == tuple(
        (name, "") for name in ("0001_a/migration.sql", "0001_a/é.sql", 'b "c"\\d.sql')
    )
