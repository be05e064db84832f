"""Scripts cut into statements, by example; tests/laws/test_split.py has the laws."""

from __future__ import annotations

import pytest

from d1migrate.errors import ParseError
from d1migrate.sql.split import split


def cut(script: str) -> list[str]:
    """The statements of a script."""
    return [statement.sql for statement in split(script) if statement.sql]


@pytest.mark.parametrize(
    ("script", "statements"),
    [
        ("select 1; select 2", ["select 1", "select 2"]),
        ("select ';'; select \";\", `;`, [;]", ["select ';'", 'select ";", `;`, [;]']),
        ("select 'it''s;'; select 2", ["select 'it''s;'", "select 2"]),
        ("/* ; /* ; */ select 1 -- ;\n; select 2 /* ; */", ["select 1", "select 2"]),
        (";;; ; -- nothing\n", []),
        ("", []),
        ("select 1 ; -- end", ["select 1"]),
        ("\ufeffselect 1;", ["select 1"]),
        ("select 1;\r\nselect 2;\r\n", ["select 1", "select 2"]),
        (
            "create trigger t after insert on a begin select case when 1 then 2 end; end; select 3;",
            ["create trigger t after insert on a begin select case when 1 then 2 end; end", "select 3"],
        ),
        (
            "CREATE TEMP TRIGGER IF NOT EXISTS t BEFORE UPDATE ON a BEGIN\n  UPDATE a SET x = ';';\nEND ;SELECT 1",
            [
                "CREATE TEMP TRIGGER IF NOT EXISTS t BEFORE UPDATE ON a BEGIN\n  UPDATE a SET x = ';';\nEND",
                "SELECT 1",
            ],
        ),
        (
            "CREATE -- c\n/* d */ TRIGGER t AFTER DELETE ON a BEGIN SELECT 1; /* x */ END -- y\n; SELECT 2;",
            ["CREATE -- c\n/* d */ TRIGGER t AFTER DELETE ON a BEGIN SELECT 1; /* x */ END", "SELECT 2"],
        ),
        ("CREATE TABLE trigger_log (x); SELECT 1", ["CREATE TABLE trigger_log (x)", "SELECT 1"]),
        ("CREATE TABLE [trigger] (x); SELECT 1", ["CREATE TABLE [trigger] (x)", "SELECT 1"]),
        ("EXPLAIN SELECT 1; SELECT 2", ["EXPLAIN SELECT 1", "SELECT 2"]),
    ],
)
def test_split(script: str, statements: list[str]) -> None:
    """Every statement is whole, without its `;` and the comments around it."""
    assert cut(script) == statements


@pytest.mark.parametrize(
    ("script", "message", "line", "column"),
    [
        ("select 1;\nselect 'x", "this string is not closed", 2, 8),
        ('select "x', "this name is not closed", 1, 8),
        ("select 1;\n\n  /* x", "this comment is not closed", 3, 3),
        ("select `x", "this name is not closed", 1, 8),
        ("select [x; select 1;", "this name is not closed", 1, 8),
        ("select 1;\nselect \0 2", "there is a NUL character here", 2, 8),
    ],
)
def test_unclosed(script: str, message: str, line: int, column: int) -> None:
    """What is not closed is an error at its beginning, not a statement."""
    with pytest.raises(ParseError, match=message) as caught:
        list(split(script, file="f.sql"))
    assert (caught.value.line, caught.value.column) == (line, column)
    first, source, caret = str(caught.value).split("\n")
    assert first == f"f.sql:{line}:{column}: {message}"
    assert len(caret) - 1 == 2 + column - 1
    assert source[2:] == script.split("\n")[line - 1].replace("\0", "\u2400")


def test_the_line_of_a_long_error_is_cut() -> None:
    """Of a very long line only the part around the error is shown, with the caret under it."""
    with pytest.raises(ParseError) as caught:
        list(split("select " + "x, " * 10_000 + "'open" + " y" * 10_000))
    _, source, caret = str(caught.value).split("\n")
    assert len(source) < 130
    assert source[len(caret) - 1] == "'"


def test_statements_know_their_lines() -> None:
    """The line is that of the first token, not of the comment before it."""
    found = list(split("\n-- c\nselect 1;\n\n/* d\n*/ select 2;select 3"))
    assert [(s.sql, s.line) for s in found] == [("select 1", 3), ("select 2", 6), ("select 3", 6)]
