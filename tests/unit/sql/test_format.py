"""CREATE TABLE in one layout."""

from __future__ import annotations

import pytest

from d1migrate.sql.create import parse_table
from d1migrate.sql.format import name_text, squeezed, table_text


@pytest.mark.parametrize(
    ("sql", "text"),
    [
        ("create table a(x int,y)", "CREATE TABLE a (\n    x int,\n    y\n)"),
        (
            "CREATE TABLE a (\n-- id\nx   INT\n  NOT NULL, -- of it\n /* b */ y) STRICT, WITHOUT ROWID",
            "CREATE TABLE a (\n    -- id\n    x INT NOT NULL, -- of it\n    /* b */\n    y\n) STRICT, WITHOUT ROWID",
        ),
        ("CREATE TABLE [a b] (x) ", 'CREATE TABLE "a b" (\n    x\n)'),
        ("CREATE TABLE a (x, -- last\nCHECK (x > '  ')\n-- below\n)", None),
    ],
)
def test_a_table(sql: str, text: str | None) -> None:
    """An item a line, with its comments; the same again in a second time, and the same to SQLite."""
    table = parse_table(sql)
    assert table
    written = table_text(table)
    assert text is None or written == text
    again = parse_table(written)
    assert again
    assert table_text(again) == written
    assert again.columns == table.columns
    assert again.checks == table.checks


@pytest.mark.parametrize(
    ("name", "text"), [("a", "a"), ("a b", '"a b"'), ("order", '"order"'), ("é", '"é"'), ("1", '"1"')]
)
def test_names(name: str, text: str) -> None:
    """In quotes if they need them."""
    assert name_text(name) == text


def test_white_space() -> None:
    """One space; what a string holds stays, and a line comment ends its line."""
    assert squeezed("  a \n\t b '  ' -- c  \n  d ") == "a b '  ' -- c\nd"
    assert squeezed("a -- c\nb", indent="  ") == "a -- c\n  b"
