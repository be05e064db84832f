"""CREATE TABLE as it is read, by example and against what SQLite makes of the same text."""

from __future__ import annotations

import apsw
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from d1migrate.sql.create import (
    parse_table,
    with_options,
    with_reference_clauses,
    with_types,
    without_autoincrement,
)
from d1migrate.sql.definitions import Check, ColumnDefinition, TableDefinition
from tests.inputs import scaled


def parsed(sql: str) -> TableDefinition:
    """What a CREATE TABLE says."""
    table = parse_table(sql)
    assert table is not None
    return table


@pytest.mark.parametrize(
    ("sql", "name"),
    [
        ("CREATE TABLE t (a)", "t"),
        ("create table t(a)", "t"),
        ("CREATE TABLE IF NOT EXISTS t (a)", "t"),
        ("CREATE TEMP TABLE t (a)", "t"),
        ("CREATE TEMPORARY TABLE IF NOT EXISTS t (a)", "t"),
        ("CREATE TABLE main.t (a)", "t"),
        ('CREATE TABLE IF NOT EXISTS "main" . "a ""b"" (c" (a)', 'a "b" (c'),
        ("CREATE TABLE [or der](a)", "or der"),
        ("CREATE TABLE `it's`(a)", "it's"),
        ("CREATE TABLE 't t'(a)", "t t"),
        ("CREATE TABLE Größe(a)", "Größe"),
        ("CREATE TABLE if(a)", "if"),
        ("-- CREATE TABLE x (b)\nCREATE /* TABLE y */ TABLE t -- (\n (a)", "t"),
        ("\ufeffCREATE TABLE t (a);", "t"),
    ],
)
def test_names(sql: str, name: str) -> None:
    """The table is found, however it is introduced and quoted."""
    table = parsed(sql)
    assert (table.name, table.columns) == (name, (ColumnDefinition("a"),))


@pytest.mark.parametrize(
    "sql",
    [
        "",
        "-- CREATE TABLE t (a)",
        "SELECT 1",
        "CREATE",
        "CREATE TABLE",
        "CREATE TABLE t",
        "CREATE TABLE t (a",
        "CREATE TABLE t (a, b DEFAULT (1)",
        "CREATE TABLE t AS SELECT 1 AS a",
        "CREATE TABLE t AS SELECT (1) AS a",
        "CREATE TABLE IF NOT EXISTS main.t AS VALUES (1)",
        "CREATE VIRTUAL TABLE t USING fts5(a, b)",
        "CREATE VIEW t (a) AS SELECT 1",
        "CREATE INDEX t ON u (a)",
        "CREATE UNIQUE INDEX t ON u (a)",
        "CREATE TRIGGER t AFTER INSERT ON u BEGIN SELECT 1; END",
        "ALTER TABLE t ADD COLUMN a",
        "INSERT INTO t VALUES ('CREATE TABLE t (a)')",
    ],
)
def test_no_table(sql: str) -> None:
    """What is no CREATE TABLE with columns is None."""
    assert parse_table(sql) is None


@pytest.mark.parametrize(
    ("text", "column"),
    [
        ("a", ColumnDefinition("a")),
        ("a INTEGER", ColumnDefinition("a", "INTEGER")),
        ("a VARCHAR(20)", ColumnDefinition("a", "VARCHAR(20)")),
        ("a DECIMAL(10, 2) NOT NULL", ColumnDefinition("a", "DECIMAL(10, 2)")),
        ("a DOUBLE  PRECISION", ColumnDefinition("a", "DOUBLE  PRECISION")),
        ("a UNSIGNED BIG INT (+1) UNIQUE", ColumnDefinition("a", "UNSIGNED BIG INT (+1)")),
        ('a "CHECK" (20)', ColumnDefinition("a", '"CHECK" (20)')),
        ("a [not null]", ColumnDefinition("a", "[not null]")),
        ("'a' 'text'", ColumnDefinition("a", "'text'")),
        ('"check" TEXT', ColumnDefinition("check", "TEXT")),
        ("`primary` INT PRIMARY KEY", ColumnDefinition("primary", "INT")),
        ("key KEY", ColumnDefinition("key", "KEY")),
        ("end INT", ColumnDefinition("end", "INT")),
        ("a PRIMARY KEY", ColumnDefinition("a")),
        ("a NOT NULL UNIQUE", ColumnDefinition("a")),
        ("a INT DEFAULT 5", ColumnDefinition("a", "INT", default="5")),
        ("a DEFAULT -5 NOT NULL", ColumnDefinition("a", default="-5")),
        ("a DEFAULT + 5.5", ColumnDefinition("a", default="+ 5.5")),
        ("a DEFAULT 'CHECK (1), '", ColumnDefinition("a", default="'CHECK (1), '")),
        ("a DEFAULT ( (1), 'x)' )", ColumnDefinition("a", default="(1), 'x)'")),
        ("a DEFAULT CURRENT_TIMESTAMP", ColumnDefinition("a", default="CURRENT_TIMESTAMP")),
        ("a DEFAULT x'00'", ColumnDefinition("a", default="x'00'")),
        ("a REFERENCES p(b, c) ON DELETE SET DEFAULT", ColumnDefinition("a")),
        ("a REFERENCES p ON UPDATE SET NULL DEFAULT 1", ColumnDefinition("a", default="1")),
        ("a TEXT COLLATE NOCASE", ColumnDefinition("a", "TEXT", collation="NOCASE")),
        ('a COLLATE "RTRIM" DEFAULT 1', ColumnDefinition("a", collation="RTRIM", default="1")),
        ("a AS (b + (c))", ColumnDefinition("a", generated="b + (c)")),
        ("a INT GENERATED ALWAYS AS (b) STORED", ColumnDefinition("a", "INT", generated="b")),
        ("a GENERATED ALWAYS AS (b) VIRTUAL", ColumnDefinition("a", generated="b")),
        ("a INT CHECK (a > 0)", ColumnDefinition("a", "INT", (Check("a > 0"),))),
        ("a CHECK(length(a) IN (1, (2)))", ColumnDefinition("a", checks=(Check("length(a) IN (1, (2))"),))),
        ("a CHECK (a <> ')' /* ) */)", ColumnDefinition("a", checks=(Check("a <> ')' /* ) */"),))),
        ("a INT CONSTRAINT c CHECK (a)", ColumnDefinition("a", "INT", (Check("a", "c"),))),
        ('a CONSTRAINT "a b" CHECK (a)', ColumnDefinition("a", checks=(Check("a", "a b"),))),
        ("a CONSTRAINT c NOT NULL CHECK (a)", ColumnDefinition("a", checks=(Check("a", "c"),))),
        ("a CONSTRAINT c CONSTRAINT d CHECK (a)", ColumnDefinition("a", checks=(Check("a", "d"),))),
        ("a CHECK (a) CHECK (b)", ColumnDefinition("a", checks=(Check("a"), Check("b")))),
        ("a DEFAULT 'x' CHECK (a)", ColumnDefinition("a", default="'x'", checks=(Check("a"),))),
        ("a 'CHECK (1)' CHECK (a)", ColumnDefinition("a", "'CHECK (1)'", (Check("a"),))),
    ],
)
def test_columns(text: str, column: ColumnDefinition) -> None:
    """A column's name, type and constraints, first, last and alone."""
    other = ColumnDefinition("z", "INT")
    assert plain(f"CREATE TABLE t ({text})") == [column]
    assert plain(f"CREATE TABLE t ({text}, z INT)") == [column, other]
    assert plain(f"CREATE TABLE t (z INT,\n{text} -- ,(\n, UNIQUE (z)) STRICT") == [other, column]


def plain(sql: str) -> list[ColumnDefinition]:
    """The columns without NOT NULL, keys and foreign keys, which have tests of their own."""
    return [
        column._replace(stored=False, not_null=None, keys=(), references=()) for column in parsed(sql).columns
    ]


@pytest.mark.parametrize(
    ("text", "checks"),
    [
        ("", ()),
        (", PRIMARY KEY (a)", ()),
        (", CHECK (a > 1)", (Check("a > 1"),)),
        (", CONSTRAINT c CHECK (a > 1)", (Check("a > 1", "c"),)),
        (", CHECK (a) CHECK (b)", (Check("a"), Check("b"))),
        (", UNIQUE (a, b), CHECK (a)", (Check("a"),)),
        (", CONSTRAINT u UNIQUE (a) CHECK (a)", (Check("a", "u"),)),
        (", CONSTRAINT u UNIQUE (a), CHECK (a)", (Check("a"),)),
        (", FOREIGN KEY (a) REFERENCES p (x) ON DELETE SET DEFAULT CHECK (a)", (Check("a"),)),
        (", CHECK (  a\n)", (Check("a"),)),
        (", CHECK (a -- x)\n)", (Check("a -- x)"),)),
        (", CHECK (CASE WHEN a THEN (b) END)", (Check("CASE WHEN a THEN (b) END"),)),
    ],
)
def test_table_checks(text: str, checks: tuple[Check, ...]) -> None:
    """CHECKs beside the columns, whatever precedes them; all_checks has them after those of the columns."""
    table = parsed(f"CREATE TABLE t (a INT CHECK (a < 9), b{text})")
    assert [column.name for column in table.columns] == ["a", "b"]
    assert table.checks == checks
    assert table.all_checks == (Check("a < 9"), *checks)


@pytest.mark.parametrize(
    ("sql", "autoincrement", "strict", "without_rowid"),
    [
        ("CREATE TABLE t (a INTEGER PRIMARY KEY)", False, False, False),
        ("CREATE TABLE t (a INTEGER PRIMARY KEY autoincrement)", True, False, False),
        ("CREATE TABLE t (a INTEGER, PRIMARY KEY (a AUTOINCREMENT))", True, False, False),
        ("CREATE TABLE t (a TEXT DEFAULT 'AUTOINCREMENT STRICT WITHOUT ROWID')", False, False, False),
        ("CREATE TABLE t (strict INT, rowid)", False, False, False),
        ("CREATE TABLE t (a INT) STRICT", False, True, False),
        ("CREATE TABLE t (a PRIMARY KEY) without /* */ rowid", False, False, True),
        ("CREATE TABLE t (a INT PRIMARY KEY) WITHOUT ROWID, strict;", False, True, True),
    ],
)
def test_options(sql: str, autoincrement: bool, strict: bool, without_rowid: bool) -> None:
    """The options of a table, and nothing that only reads like one."""
    table = parsed(sql)
    assert (table.autoincrement, table.strict, table.without_rowid) == (autoincrement, strict, without_rowid)


# --- the same text, read by SQLite ---

NAMES = ["b", '"b c"', "`check`", "[unique]", "'d''e'", "end", "naïve", '"""q"""']
TYPES = ["", "INT", "VARCHAR(20)", "DECIMAL(10, 2)", "UNSIGNED BIG INT", "any thing (1)", "KEY"]
PARTS = [
    "NOT NULL", "NULL", "UNIQUE", "CONSTRAINT n1", "CONSTRAINT 'n 2'", "COLLATE NOCASE", "DEFAULT 1", "DEFAULT -1.5",
    "DEFAULT 'CHECK (0)'", "DEFAULT (1 + (2))", "DEFAULT null", "CHECK (1)", "CHECK ( 2 > (1) )", "CHECK ('x)' <> '(')",
    "REFERENCES p (q) ON DELETE SET DEFAULT", "REFERENCES p ON UPDATE CASCADE DEFERRABLE INITIALLY DEFERRED",
    "/* , ( */", "-- CHECK (0)\n",
]  # fmt: skip
BESIDE = [
    "CHECK (3)", "CONSTRAINT n3 CHECK (4)", "UNIQUE (a)", "FOREIGN KEY (a) REFERENCES p (q)", "CONSTRAINT n4 UNIQUE (a)",
]  # fmt: skip


@given(
    st.lists(
        st.tuples(
            st.sampled_from(NAMES), st.sampled_from(TYPES), st.lists(st.sampled_from(PARTS), max_size=4)
        ),
        max_size=5,
        unique_by=lambda column: column[0],
    ),
    st.lists(st.tuples(st.sampled_from(BESIDE), st.sampled_from([",", "\n"])), max_size=3),
    st.sampled_from(["", "STRICT", "WITHOUT ROWID"]),
)
@settings(max_examples=scaled(400))
def test_as_sqlite_reads_it(
    columns: list[tuple[str, str, list[str]]], beside: list[tuple[str, str]], option: str
) -> None:
    """Names, types, defaults and options are those of the pragmas, in the text as SQLite keeps it too."""
    texts = ["a INT PRIMARY KEY", *(" ".join((name, type_, *parts)) for name, type_, parts in columns)]
    tail = "," + "".join(f"{text} {comma}" for text, comma in beside).rstrip(",\n") if beside else ""
    sql = f"CREATE TABLE IF NOT EXISTS main.t ({', '.join(texts)}{tail}) {option}"
    connection = apsw.Connection(":memory:")
    try:
        connection.execute(sql)
    except apsw.SQLError:
        return  # a type that STRICT does not know
    info = connection.execute("SELECT name, upper(type), dflt_value FROM pragma_table_info('t')").fetchall()
    options = "SELECT wr, strict FROM pragma_table_list WHERE name = 't'"
    ((without_rowid, strict),) = connection.execute(options).fetchall()
    ((kept,),) = connection.execute("SELECT sql FROM sqlite_schema WHERE type = 'table'").fetchall()
    for text in (sql, str(kept)):
        table = parsed(text)
        assert [(c.name, c.type.upper(), c.default) for c in table.columns] == info
        assert (table.without_rowid, table.strict) == (bool(without_rowid), bool(strict))


@pytest.mark.parametrize(
    "body",
    [
        "a, b CHECK (b < 0)",
        "a, b CONSTRAINT n NOT NULL CHECK ( b < 0 /* x */ )",
        "a, b CONSTRAINT n CHECK (1) CHECK (b < 0)",
        "a, b, CHECK (1) CONSTRAINT n UNIQUE (a) CHECK (b < 0)",
        "a, b, CONSTRAINT n UNIQUE (a), CHECK (b < 0)",
        "a CONSTRAINT n, b CHECK (b < 0)",
    ],
)
def test_names_of_checks_are_those_in_errors(body: str) -> None:
    """SQLite names a failed CHECK as it is read here: by name, or by its text."""
    connection = apsw.Connection(":memory:")
    connection.execute(f"CREATE TABLE t ({body})")
    check = parsed(f"CREATE TABLE t ({body})").all_checks[-1]
    with pytest.raises(apsw.ConstraintError) as caught:
        connection.execute("INSERT INTO t VALUES (1, 1)")
    assert str(caught.value) == f"CHECK constraint failed: {check.name or check.expression}"


def test_other_types() -> None:
    """Everything else keeps its text: comments, other columns, constraints of the same name."""
    sql = 'CREATE TABLE t (a INT /* x */ (5) NOT NULL, "b" , `c` TEXT, -- d\n d DATE, CHECK (a > 1), UNIQUE (b))'
    assert with_types(sql, {"a": "BIGINT", "b": "BLOB", "c": "", "unique": "x"}) == (
        'CREATE TABLE t (a BIGINT NOT NULL, "b" BLOB , `c`, -- d\n d DATE, CHECK (a > 1), UNIQUE (b))'
    )


def test_other_reference_clauses() -> None:
    """Comments between the clauses go with them; everything else keeps its text."""
    sql = (
        "CREATE TABLE t (a REFERENCES p/* 1 */(id) ON DELETE /* 2 */ SET NULL MATCH x NOT DEFERRABLE INITIALLY DEFERRED NOT NULL,"
        " b CONSTRAINT c REFERENCES p, -- b\n FOREIGN KEY (a, b) REFERENCES q (x, y) ON UPDATE NO ACTION DEFERRABLE)"
    )
    assert with_reference_clauses(sql, ["", "ON DELETE CASCADE", "DEFERRABLE INITIALLY DEFERRED"]) == (
        "CREATE TABLE t (a REFERENCES p/* 1 */(id) NOT NULL, b CONSTRAINT c REFERENCES p ON DELETE CASCADE, -- b\n"
        " FOREIGN KEY (a, b) REFERENCES q (x, y) DEFERRABLE INITIALLY DEFERRED)"
    )


def test_no_autoincrement() -> None:
    """A column may have that name, in quotes."""
    sql = 'CREATE TABLE t (id INTEGER PRIMARY KEY /* x */ AUTOINCREMENT NOT NULL, "autoincrement")'
    assert (
        without_autoincrement(sql)
        == 'CREATE TABLE t (id INTEGER PRIMARY KEY /* x */ NOT NULL, "autoincrement")'
    )
    assert without_autoincrement(without_autoincrement(sql)) == without_autoincrement(sql)


def test_other_options() -> None:
    """A column may have the name of an option."""
    sql = "CREATE VIRTUAL TABLE f USING fts5(content, Content = \"a\" , content_rowid=id, tokenize='a, b', prefix=)"
    assert with_options(sql, {"content": "it's", "content_rowid": "nr", "prefix": "2"}) == (
        "CREATE VIRTUAL TABLE f USING fts5(content, Content = 'it''s' , content_rowid='nr', tokenize='a, b', prefix='2')"
    )
