"""From names and texts to ordered migrations."""

from __future__ import annotations

from d1migrate.migrate import source
from d1migrate.migrate.migration import Migration
from d1migrate.migrate.rollback_file import RollbackFile
from tests.unit.migrate.shorthand import files


def test_files_are_in_wranglers_order() -> None:
    """By their numbers, not by their text, and by the whole path with `.sql`."""
    names = ["10_c.sql", "9_b.sql", "001_a.sql", "1_a/x.sql", "schema.sql", "1_a-b.sql", "0000-init.sql"]
    found = source.load([(name, "") for name in names], folder="m")
    assert [(m.version, m.name, m.file) for m in found] == [
        (0, "0000-init", "m/0000-init.sql"),
        (1, "001_a", "m/001_a.sql"),
        (1, "1_a/x", "m/1_a/x.sql"),
        (1, "1_a-b", "m/1_a-b.sql"),
        (9, "9_b", "m/9_b.sql"),
        (10, "10_c", "m/10_c.sql"),
        (None, "schema", "m/schema.sql"),
    ]


def test_line_ends() -> None:
    """A text has LF; whether the file has CR LF is known."""
    found = source.load([("1_a.sql", "a\r\n"), ("2_b.sql", "b\n")])
    assert [(m.text, m.has_crlf) for m in found] == [("a\n", True), ("b\n", False)]


def test_migrations_given_as_a_list_are_ordered() -> None:
    """As the files of a folder are."""
    listed = files("10c 1a 9b")
    assert [m.name for m in source.ordered(listed)] == ["001_a", "009_b", "010_c"]


def test_the_index_is_the_migrations() -> None:
    """Its text evaluates to them, character by character."""
    texts = ["CREATE TABLE a (x TEXT DEFAULT '\"\\');\n-- Rollback: DROP TABLE a;", "SELECT 1;\n\n"]
    have = [Migration(n, f"00{n}_m", text) for n, text in enumerate(texts, 1)]
    schemas = {"001_m": {"table a": "CREATE TABLE a (x)", "view v": None}}
    module = source.index_module(have, "versions", schemas)
    scope: dict[str, object] = {}
    exec(module, scope)  # noqa: S102 - what a Worker imports
    assert scope["MIGRATIONS"] == tuple((f"{m.name}.sql", m.text) for m in have)
    assert scope["TABLE"] == "versions"
    assert scope["SCHEMAS"] == schemas
    assert "ROLLBACKS" not in scope
    assert source.is_index_module(module)
    assert not source.is_index_module("MIGRATIONS = ()")


def test_the_index_has_rollback_files() -> None:
    """By the name of the migration, character by character."""
    text = "-- back\nDROP TABLE a;"
    have = [
        Migration(1, "001_a", "CREATE TABLE a (x);", rollback_file=RollbackFile("rollback/001_a.sql", text)),
        Migration(2, "002_b", "SELECT 1;"),
    ]
    scope: dict[str, object] = {}
    exec(source.index_module(have, "versions", {}), scope)  # noqa: S102 - what a Worker imports
    assert scope["ROLLBACKS"] == {"001_a.sql": text}


def test_the_index_has_any_name() -> None:
    """Nested, with quotes and backslashes, in wrangler's order, for a table of names."""
    have = source.load((name, "") for name in ('b "c"\\d.sql', "0001_a/migration.sql", "0001_a/é.sql"))
    scope: dict[str, object] = {}
    exec(source.index_module(have, "names", {}), scope)  # noqa: S102 - what a Worker imports
    assert scope["TABLE"] == "names"
    assert scope["MIGRATIONS"] == tuple(
        (name, "") for name in ("0001_a/migration.sql", "0001_a/é.sql", 'b "c"\\d.sql')
    )
