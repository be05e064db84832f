"""Names, tokens, splitting and effects, by example."""

from __future__ import annotations

import pytest

from d1migrate.errors import ParseError
from d1migrate.sql.create import parse_trigger
from d1migrate.sql.names import fold, quote_identifier, quote_literal, unquote
from d1migrate.sql.split import split
from d1migrate.sql.statement import Effect, effects, trigger_effects
from d1migrate.sql.tokens import significant


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


@pytest.mark.parametrize("name", ["a", 'a"b', "a b", "sélect", "", "a'b", "[a]"])
def test_names_survive_quoting(name: str) -> None:
    """Quoting and unquoting is the identity."""
    assert unquote(quote_identifier(name)) == name
    assert unquote(quote_literal(name)) == name


def test_unquote_knows_all_four_quotes() -> None:
    """And leaves a bare word alone."""
    assert [unquote(t) for t in ('"a""b"', "`a``b`", "[a]]"[:3], "'a''b'", "a")] == [
        'a"b',
        "a`b",
        "a",
        "a'b",
        "a",
    ]


def test_fold_is_ascii_only() -> None:
    """SQLite folds ASCII letters and no others."""
    assert fold("ÄbC") == "Äbc"


def test_tokens_of_every_kind() -> None:
    """Kinds are told apart as SQLite tells them."""
    sql = "x'ab' X 1.5e+10 0x1F .5 a->>b 'it''s' [a b] \"d\" `e` ?1 :a @b $c -- q"
    assert [(t.kind, t.text) for t in significant(sql)] == [
        ("blob", "x'ab'"), ("word", "X"), ("number", "1.5e+10"), ("number", "0x1F"), ("number", ".5"),
        ("word", "a"), ("operator", "->>"), ("word", "b"), ("string", "'it''s'"), ("quoted", "[a b]"),
        ("quoted", '"d"'), ("quoted", "`e`"), ("variable", "?1"), ("variable", ":a"), ("variable", "@b"),
        ("variable", "$c"),
    ]  # fmt: skip


X = frozenset("x")


@pytest.mark.parametrize(
    ("sql", "found"),
    [
        ("DROP TABLE IF EXISTS main.[A b]", [Effect("drop", "a b")]),
        ("drop table a", [Effect("drop", "a")]),
        ("DELETE FROM a WHERE x", [Effect("delete", "a")]),
        ('WITH c AS (SELECT 1) DELETE FROM "A" WHERE x IN c', [Effect("delete", "a")]),
        ("REPLACE INTO a VALUES (1)", [Effect("delete", "a"), Effect("insert", "a", replaces=True)]),
        (
            "INSERT OR REPLACE INTO main.a VALUES (1)",
            [Effect("delete", "a"), Effect("insert", "a", replaces=True)],
        ),
        (
            "UPDATE OR REPLACE a SET x = 1",
            [Effect("delete", "a"), Effect("update", "a", sets=X, replaces=True)],
        ),
        ("DROP TRIGGER IF EXISTS main.T", [Effect("drop trigger", "t")]),
        ("UPDATE a SET x = replace(x, 1, 2)", [Effect("update", "a", sets=X)]),
        (
            'UPDATE a SET (x, [y z]) = (1, 2), "Q" = CASE WHEN 1 THEN 2 END FROM b WHERE c = 1',
            [Effect("update", "a", sets=frozenset(("x", "y z", "q")))],
        ),
        ("INSERT OR IGNORE INTO a VALUES (1)", [Effect("insert", "a")]),
        ("INSERT INTO a VALUES (1) ON CONFLICT DO UPDATE SET x = 1", [Effect("insert", "a", sets=X)]),
        (
            "INSERT INTO a SELECT 1 WHERE 1 ON CONFLICT (x) DO UPDATE SET x = 1 WHERE x ON CONFLICT DO UPDATE SET y = 2",
            [Effect("insert", "a", sets=X | {"y"})],
        ),
        ("INSERT INTO a (b, A) VALUES (1, 'Delete-ALL')", [Effect("insert", "a", command="delete-all")]),
        ('INSERT INTO a AS c (a) SELECT "optimize"', [Effect("insert", "a", command="optimize")]),
        ("INSERT INTO a (a) VALUES ('delete' || '-all')", [Effect("insert", "a", command="")]),
        ("INSERT INTO a (a) VALUES ('optimize'), ('delete-all')", [Effect("insert", "a", command="")]),
        ("INSERT INTO a (a, x) VALUES (NULL, 'delete-all')", [Effect("insert", "a")]),
        ("INSERT INTO a (x) VALUES ('delete-all')", [Effect("insert", "a")]),
        ("ALTER TABLE a DROP COLUMN b", [Effect("drop column", "a")]),
        ("ALTER TABLE main.a DROP b", [Effect("drop column", "a")]),
        ("ALTER TABLE a ADD COLUMN b", [Effect("alter", "a")]),
        ("ALTER TABLE a RENAME TO `B`", [Effect("rename", "a", "b")]),
        ("ALTER TABLE a RENAME COLUMN b TO c", [Effect("alter", "a")]),
        ("CREATE TABLE IF NOT EXISTS a (x)", [Effect("create", "a")]),
        ("CREATE VIRTUAL TABLE a USING fts5(x)", [Effect("create", "a")]),
        ("CREATE TRIGGER t AFTER INSERT ON a BEGIN DELETE FROM b; END", []),
        ("DROP INDEX i", []),
        ("SELECT replace(a, b, c) FROM t", []),
    ],
)
def test_effects(sql: str, found: list[Effect]) -> None:
    """What a statement does to which table."""
    assert effects(sql) == found


def test_effects_of_a_trigger() -> None:
    """Its name, table and event, and what its body does when it fires."""
    body = [Effect("update", "b", sets=X), Effect("delete", "c")]
    sql = "CREATE TRIGGER IF NOT EXISTS main.T AFTER UPDATE OF x ON A BEGIN UPDATE b SET x = 1; DELETE FROM c; END"
    trigger = parse_trigger(sql)
    assert trigger is not None
    assert (trigger.name, trigger.table, trigger.event, trigger.columns) == ("T", "A", "UPDATE", ("x",))
    assert trigger_effects(trigger) == body
    assert parse_trigger("CREATE TABLE trigger_on (begin_ INTEGER)") is None
