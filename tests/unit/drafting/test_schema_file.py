"""Schema files as tools write them: additions of tools are ignored, mistakes are refused."""

from __future__ import annotations

import sqlite3

import pytest

from d1migrate.drafting import read
from d1migrate.errors import ParseError, SourceError
from d1migrate.migrate.other_tools import without_histories

OWN = """\
CREATE TABLE t (id INTEGER PRIMARY KEY AUTOINCREMENT, n TEXT);
CREATE VIRTUAL TABLE f USING fts5(n);
CREATE VIRTUAL TABLE "r B" USING rtree(id, a, b);
CREATE INDEX i ON t (n);
CREATE VIEW v AS SELECT n FROM t;
"""
SHADOW = """\
CREATE TABLE IF NOT EXISTS 'f_data'(id INTEGER PRIMARY KEY, block BLOB);
CREATE TABLE IF NOT EXISTS 'f_config'(k PRIMARY KEY, v) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS "r B_rowid"(rowid INTEGER PRIMARY KEY,nodeno);
"""
SYSTEM = "CREATE TABLE sqlite_sequence(name,seq);\nCREATE TABLE sqlite_stat1(tbl,idx,stat);\n"
SHELL = """\
PRAGMA foreign_keys=OFF;
BEGIN TRANSACTION;
CREATE TABLE t (id INTEGER PRIMARY KEY AUTOINCREMENT, n TEXT);
INSERT INTO t VALUES(1,replace('a;\\nb','\\n',char(10)));
PRAGMA writable_schema=ON;
INSERT INTO sqlite_schema(type,name,tbl_name,rootpage,sql)VALUES('table','f','f',0,'CREATE VIRTUAL TABLE f USING fts5(n)');
CREATE TABLE IF NOT EXISTS 'f_data'(id INTEGER PRIMARY KEY, block BLOB);
INSERT INTO f_data VALUES(1,X'0101');
INSERT INTO sqlite_master(type,name,tbl_name,rootpage,sql)VALUES('table','r B','r B',0,'CREATE VIRTUAL TABLE "r B" USING rtree(id, a, b)');
CREATE TABLE IF NOT EXISTS "r B_rowid"(rowid INTEGER PRIMARY KEY,nodeno);
ANALYZE sqlite_schema;
INSERT INTO sqlite_stat1 VALUES('t','i','1 1');
DELETE FROM sqlite_sequence;
INSERT INTO sqlite_sequence VALUES('t',1);
CREATE INDEX i ON t (n);
CREATE VIEW v AS SELECT n FROM t;
PRAGMA writable_schema=OFF;
COMMIT;
"""
RAILS = f"""\
CREATE TABLE IF NOT EXISTS "schema_migrations" ("version" varchar NOT NULL PRIMARY KEY);
{OWN}
INSERT INTO "schema_migrations" (version) VALUES
('20240102'),
('20240101');
"""


@pytest.mark.parametrize(
    "text",
    [
        OWN + SYSTEM,
        OWN.replace("fts5(n);", "fts5(n)\n/* f(n) */;") + SHADOW + SYSTEM,
        SHELL,
        f"PRAGMA defer_foreign_keys=TRUE;\n{OWN}DELETE FROM sqlite_sequence;\nINSERT INTO \"t\" VALUES(1,'x');",
        f"-- dumped\nBEGIN;\n{OWN}COMMIT;",
        f"{OWN}ANALYZE sqlite_schema;\nINSERT INTO sqlite_stat1 VALUES('t','i','1 1');\nANALYZE sqlite_schema;",
        RAILS,
    ],
)
def test_what_tools_add_is_read_past(text: str) -> None:
    """SQLite's tables, shadow tables, PRAGMAs, transactions, statistics, counters, rows of dumps."""
    found = without_histories(read(text, file="schema.sql").schema)
    assert found == read(OWN, file="schema.sql").schema


def test_the_dump_of_this_sqlite_is_read() -> None:
    """However it writes a virtual table."""
    connection = sqlite3.connect(":memory:")
    connection.executescript(
        "CREATE TABLE t (id INTEGER PRIMARY KEY AUTOINCREMENT, n); INSERT INTO t (n) VALUES ('x')"
    )
    text = "\n".join(connection.iterdump())
    connection.close()
    assert [table.name for table in read(text, file="dump.sql").schema.tables] == ["t"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "CREATE TABLE t (a);\nINSERT INTO t VALUES (1);",
            "schema.sql:2:1: expected CREATE TABLE, INDEX, VIEW or TRIGGER, found INSERT\n",
        ),
        ("CREATE TABLE t (a);\nDROP TABLE t;", "schema.sql:2:1: expected CREATE .*, found DROP TABLE\n"),
        (
            "CREATE TABLE f_data (a);\nCREATE TABLE f_data (a);",
            "schema.sql:2:14: table f_data already exists",
        ),
        (
            "CREATE VIRTUAL TABLE f USING fts5(n);\nCREATE TABLE f_other (a);\nCREATE TABLE f_other (a);",
            "schema.sql:3",
        ),
    ],
)
def test_what_is_a_mistake_is_refused(text: str, message: str) -> None:
    """A row of a user's table, a change, a table that only looks like a shadow table."""
    with pytest.raises(SourceError, match=message):
        read(text, file="schema.sql")


@pytest.mark.parametrize(
    ("text", "place", "message", "under", "hint"),
    [
        ("SET timeout = 0;", "1:1", "found SET", "SET", None),
        ("CREATE TABLE t (a);\n\nCREATE TYPE m AS ENUM ('a');", "3:1", "found CREATE TYPE", "CREATE", "no such statement"),
        ("ALTER TABLE ONLY t ADD x INT;", "1:1", "found ALTER TABLE", "ALTER", "`d1migrate diff` writes"),
        ("CREATE TABLE t (\n  a INT DEFAULT now()\n);", "2:20", 'near "(": syntax error', "()", None),
        ("CREATE TABLE t (\n  a INT,\n);", "3:1", 'near ")": syntax error', ");", None),
        ("CREATE TABLE public.t (a INT);", "1:14", "unknown database public", "public.t", None),
        ("/* ü */ CREATE TABLE t (ü, b DEFAULT '{}'::jsonb);", "1:42", "unrecognized token", "::jsonb", None),
        ("CREATE TABLE t (a);\r\nCREATE INDEX i ON t (b);", "2:22", "no such column: b", "b);", None),
        ('CREATE TABLE t (a);\nCREATE TABLE "T" (a);', "2:14", "already exists", '"T"', "schema.sql:1 creates it; SQLite compares"),
        ("CREATE TABLE t (a);\nCREATE VIEW [T] AS SELECT 1;", "2:13", "already exists", "[T]", "without regard to case"),
        ('CREATE TABLE t (a, "A");', "1:1", "duplicate column name: A", "CREATE", "without regard to case"),
    ],
)  # fmt: skip
def test_the_place_of_a_mistake(text: str, place: str, message: str, under: str, hint: str | None) -> None:
    """Line, column, the line itself and a caret, in SQL of other databases too."""
    with pytest.raises(ParseError) as caught:
        read(text, file="schema.sql")
    head, line, caret = str(caught.value).split("\n")
    assert head.startswith(f"schema.sql:{place}: ")
    assert message in head
    assert line[caret.index("^") :].startswith(under)
    assert (hint in (caught.value.hint or "")) if hint else caught.value.hint is None
