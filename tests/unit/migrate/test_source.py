"""From names and texts to ordered migrations."""

from __future__ import annotations

from d1migrate.migrate import source
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
