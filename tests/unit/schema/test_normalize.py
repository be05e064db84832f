"""One normal form: two schemas that mean the same are equal for every command, and no others are."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from d1migrate.drafting.scratch_schema import ScratchSchema
from d1migrate.migrate.adopt.facts import facts
from d1migrate.schema import digest
from d1migrate.schema.compare import compare
from d1migrate.schema.diff import diff
from d1migrate.schema.render import document
from d1migrate.sql.split import split

if TYPE_CHECKING:
    from d1migrate.schema.model import Schema

PARENT = 'CREATE TABLE "User" ("id" INTEGER PRIMARY KEY, "userId" TEXT UNIQUE, status TEXT)'

SAME = [
    # names, in every kind of quotes, and in any case
    ('CREATE TABLE "User2" ("id" INTEGER PRIMARY KEY)', "CREATE TABLE User2 (id INTEGER PRIMARY KEY)"),
    ("CREATE TABLE `twoFactor` (`id` text PRIMARY KEY)", "CREATE TABLE TWOFACTOR ([ID] TEXT primary key)"),
    ("CREATE TABLE 't' ('Aa' 'TEXT')", "CREATE TABLE T (aA text)"),
    ('CREATE TABLE t ("order" INT, "a b" INT)', "CREATE TABLE t ([Order] INT, `A B` INT)"),
    ('CREATE TABLE t ("a$b" INT, "größe" INT)', "CREATE TABLE t (a$B INT, Größe INT)"),
    ("CREATE TABLE t (a INT, UNIQUE ('A'))", "CREATE TABLE t (a INT, UNIQUE (`a`))"),
    ("CREATE TABLE t (a TEXT COLLATE 'nocase')", "CREATE TABLE t (a TEXT COLLATE NOCASE)"),
    ('CREATE TABLE t ("A" INT CHECK ("A" > 0))', "CREATE TABLE t (a INT CHECK (a > 0))"),
    ('CREATE TABLE t ("aB" INT, b AS ("aB" + 1))', "CREATE TABLE t (ab INT, b AS (AB + 1))"),
    ('CREATE TABLE t (a REFERENCES "User" ("userId"))', "CREATE TABLE t (a REFERENCES user (userid))"),
    ('CREATE TABLE t ("a" INT CHECK ("t"."a" > 0))', "CREATE TABLE t (a INT CHECK (t.a > 0))"),
    ('CREATE INDEX "iX" ON "User" ("userId")', "CREATE INDEX ix ON user (`USERID`)"),
    ("CREATE INDEX i ON 'user' ('userid')", "CREATE INDEX i ON User (userId ASC)"),
    ('CREATE INDEX i ON User (lower("userId"))', "CREATE INDEX i ON User (lower(userid))"),
    ('CREATE INDEX i ON User (id) WHERE "userId" = 1', "CREATE INDEX i ON User (id) WHERE userid = 1"),
    ('CREATE VIEW "vV" AS SELECT "userId" FROM "User"', "CREATE VIEW vv AS SELECT userid FROM user"),
    ('CREATE VIEW v ("aB") AS SELECT 1', "CREATE VIEW v (AB) AS SELECT 1"),
    ("CREATE VIEW v AS SELECT id AS 'aB' FROM 'User'", 'CREATE VIEW v AS SELECT id AS "ab" FROM [user]'),
    (
        'CREATE VIEW w AS SELECT "u"."userId" FROM "User" AS "u" JOIN "User" AS "o" USING ("id")',
        "CREATE VIEW w AS SELECT u.userid FROM user AS u JOIN user AS o USING (id)",
    ),
    (
        (
            'CREATE TRIGGER "tR" AFTER UPDATE OF "userId" ON "User" WHEN NEW."userId" > \'A\' BEGIN'
            ' UPDATE "User" SET "userId" = NEW."userId" WHERE "id" = 1; INSERT INTO "User" ("id") VALUES (1); END'
        ),
        (
            "CREATE TRIGGER tr AFTER UPDATE OF userid ON user FOR EACH ROW WHEN (new.userid > 'A') BEGIN"
            " update [user] set userid = new.userid where id = 1; insert into `user` (`id`) values (1); END"
        ),
    ),
    (
        "CREATE TRIGGER tr INSERT ON User BEGIN DELETE FROM User; END",
        'CREATE TRIGGER tr BEFORE INSERT ON "user" BEGIN DELETE FROM "USER"; END',
    ),
    (
        "CREATE VIRTUAL TABLE f USING fts5(\"tiTle\", body UNINDEXED, tokenize = 'porter', content='User')",
        'CREATE VIRTUAL TABLE "F" USING FTS5([title], body unindexed, TOKENIZE="porter", content=user)',
    ),
    # constraints in a column or after the columns, with names or without
    (
        "CREATE TABLE t (a INT REFERENCES User(id))",
        "CREATE TABLE t (a INT, FOREIGN KEY (A) REFERENCES user(id))",
    ),
    ("CREATE TABLE t (a INT REFERENCES User)", 'CREATE TABLE t (a INT REFERENCES "User" ("id"))'),
    (
        "CREATE TABLE t (id INTEGER PRIMARY KEY, a REFERENCES t)",
        "CREATE TABLE t (id INTEGER PRIMARY KEY, a REFERENCES t(ID))",
    ),
    (
        "CREATE TABLE t (a INT REFERENCES User(id) ON DELETE NO ACTION)",
        "CREATE TABLE t (a INT REFERENCES User(id) MATCH FULL)",
    ),
    ("CREATE TABLE t (a TEXT PRIMARY KEY, b)", "CREATE TABLE t (a TEXT, b, CONSTRAINT pk PRIMARY KEY (a))"),
    (
        "CREATE TABLE t (a INTEGER PRIMARY KEY AUTOINCREMENT)",
        "CREATE TABLE t (a INTEGER, PRIMARY KEY (a AUTOINCREMENT))",
    ),
    ("CREATE TABLE t (a TEXT PRIMARY KEY DESC)", "CREATE TABLE t (a TEXT, PRIMARY KEY (a DESC))"),
    ("CREATE TABLE t (a INTEGER PRIMARY KEY)", "CREATE TABLE t (A INTEGER NOT NULL, PRIMARY KEY (a))"),
    ("CREATE TABLE t (a UNIQUE, b)", "CREATE TABLE t (a, b, CONSTRAINT u UNIQUE (a) ON CONFLICT ABORT)"),
    ("CREATE TABLE t (a CHECK (a > 0), b)", "CREATE TABLE t (a, b, CONSTRAINT c CHECK ((A > 0)))"),
    ("CREATE TABLE t (a CONSTRAINT n NOT NULL)", "CREATE TABLE t (a NOT NULL ON CONFLICT ABORT)"),
    ("CREATE TABLE t (a NULL)", "CREATE TABLE t (a)"),
    # the rest of a column, and the options
    ("CREATE TABLE t (a DEFAULT 1)", "CREATE TABLE t (a DEFAULT ((1)))"),
    ("CREATE TABLE t (a DEFAULT 'x')", 'CREATE TABLE t (a DEFAULT "x")'),
    ("CREATE TABLE t (a DEFAULT CURRENT_TIMESTAMP)", "CREATE TABLE t (a DEFAULT (current_timestamp))"),
    ("CREATE TABLE t (a DEFAULT NULL)", "CREATE TABLE t (a)"),
    ("CREATE TABLE t (a TEXT COLLATE BINARY)", "CREATE TABLE t (a TEXT)"),
    ("CREATE TABLE t (a VARCHAR (20))", "CREATE TABLE t (a varchar(20))"),
    ("CREATE TABLE t (a INT, b INT)", "CREATE TABLE t (b INT, a INT)"),
    ("CREATE TABLE t (a INT CHECK (a <> 1))", "CREATE TABLE t (a INT CHECK (a != 1))"),
    ("CREATE TABLE t (a INT CHECK (a == 0x1F))", "CREATE TABLE t (a INT CHECK (a = 0X1f))"),
    (
        "CREATE TABLE t (a TEXT PRIMARY KEY) WITHOUT ROWID, STRICT",
        "CREATE TABLE t (a TEXT PRIMARY KEY) strict, without rowid",
    ),
    # `"…"` that names nothing is a string
    ("CREATE TABLE t (a TEXT CHECK (a IN ('x')))", 'CREATE TABLE t (a TEXT CHECK (a IN ("x")))'),
    ("CREATE INDEX i ON User (id) WHERE status = 'on'", 'CREATE INDEX i ON User (id) WHERE "status" = "on"'),
    (
        "CREATE VIEW v AS SELECT 1 FROM User WHERE status = 'On'",
        'CREATE VIEW v AS SELECT 1 FROM User WHERE status = "On"',
    ),
]

DIFFERENT = [
    ("CREATE TABLE t (a TEXT CHECK (a IN ('x')))", "CREATE TABLE t (a TEXT CHECK (a IN ('X')))"),
    ('CREATE TABLE t (a TEXT CHECK (a IN ("x")))', 'CREATE TABLE t (a TEXT CHECK (a IN ("X")))'),
    ("CREATE TABLE t (a TEXT, x, CHECK (a = 'x'))", 'CREATE TABLE t (a TEXT, x, CHECK (a = "x"))'),
    ('CREATE TABLE t (a DEFAULT "x")', 'CREATE TABLE t (a DEFAULT "X")'),
    ("CREATE TABLE t (a DEFAULT x)", "CREATE TABLE t (a DEFAULT X)"),
    ('CREATE INDEX i ON User (id) WHERE status = "on"', 'CREATE INDEX i ON User (id) WHERE status = "On"'),
    ("CREATE INDEX i ON User (id) WHERE status = 'id'", 'CREATE INDEX i ON User (id) WHERE status = "id"'),
    ("CREATE INDEX i ON User (id)", "CREATE INDEX i ON User (id DESC)"),
    ("CREATE INDEX i ON User (status)", "CREATE INDEX i ON User (status COLLATE NOCASE)"),
    ("CREATE INDEX i ON User (status)", "CREATE UNIQUE INDEX i ON User (status)"),
    ('CREATE VIEW v AS SELECT "On"', 'CREATE VIEW v AS SELECT "on"'),
    ("CREATE VIEW v AS SELECT 'userId' FROM User", 'CREATE VIEW v AS SELECT "userId" FROM User'),
    ("CREATE VIEW v AS SELECT id IS DISTINCT FROM 'A' FROM User", "CREATE VIEW v AS SELECT id IS DISTINCT FROM 'a' FROM User"),
    (
        "CREATE TRIGGER tr AFTER INSERT ON User BEGIN UPDATE User SET status = 'On'; END",
        "CREATE TRIGGER tr AFTER INSERT ON User BEGIN UPDATE User SET status = 'on'; END",
    ),
    (
        "CREATE TRIGGER tr BEFORE INSERT ON User BEGIN SELECT 1; END",
        "CREATE TRIGGER tr AFTER INSERT ON User BEGIN SELECT 1; END",
    ),
    ("CREATE TABLE t (a INT REFERENCES User(id))", "CREATE TABLE t (a INT REFERENCES User(userId))"),
    ("CREATE TABLE t (a INT REFERENCES User)", "CREATE TABLE t (a INT REFERENCES User ON DELETE CASCADE)"),
    ("CREATE TABLE t (a UNIQUE)", "CREATE TABLE t (a UNIQUE ON CONFLICT REPLACE)"),
    ("CREATE TABLE t (a NOT NULL)", "CREATE TABLE t (a)"),
    ("CREATE TABLE t (a INTEGER PRIMARY KEY DESC)", "CREATE TABLE t (a INTEGER PRIMARY KEY)"),
    ("CREATE TABLE t (a INT PRIMARY KEY)", "CREATE TABLE t (a INT NOT NULL PRIMARY KEY)"),
    ("CREATE TABLE t (a, b, PRIMARY KEY (a, b))", "CREATE TABLE t (a, b, PRIMARY KEY (b, a))"),
    ("CREATE TABLE t (a DEFAULT 1)", "CREATE TABLE t (a DEFAULT 2)"),
    ("CREATE TABLE t (a DEFAULT 'null')", "CREATE TABLE t (a DEFAULT NULL)"),
    ("CREATE TABLE t (b, a AS (1))", "CREATE TABLE t (b, a AS (1) STORED)"),
    ("CREATE TABLE t (a TEXT PRIMARY KEY) STRICT", "CREATE TABLE t (a TEXT PRIMARY KEY) WITHOUT ROWID"),
    ("CREATE VIRTUAL TABLE f USING fts5(a)", "CREATE VIRTUAL TABLE f USING fts5(a, tokenize='porter')"),
    ('CREATE TABLE t ("a b" INT)', "CREATE TABLE t (a b INT)"),
]  # fmt: skip


def built(sql: str) -> Schema:
    """The schema of a statement beside a table that it may mention."""
    with closing(ScratchSchema()) as scratch:
        for statement in (PARENT, sql):
            assert scratch.refusal(statement) is None, statement
        return scratch.schema()


def verdicts(first: str, second: str) -> dict[str, bool]:
    """What each comparison says: whether two statements are the same."""
    one, other = built(first), built(second)
    digests = {name: known for name, known in digest.changes(one._replace(tables=()), other).items() if known}
    return {
        "verify": not compare(one, other) and not compare(other, one),
        "diff": not diff(one, other).changes,
        "adopt": facts(one) == facts(other),
        "verify of a Worker": not digest.compare(digests, digest.objects(one)),
    }


@pytest.mark.parametrize(("first", "second"), SAME)
def test_the_same_in_two_forms(first: str, second: str) -> None:
    """No comparison sees a difference."""
    assert set(verdicts(first, second).values()) == {True}, verdicts(first, second)


@pytest.mark.parametrize(
    "sql",
    [
        *dict.fromkeys(sql for pair in SAME for sql in pair),
        "CREATE TABLE t (\n  \u00a0 body TEXT, b\u2003 INT CHECK (b\u2003 > \u00a0))",
        "CREATE VIEW v AS SELECT 1 AS \u00a0",
        "CREATE TRIGGER tr AFTER INSERT ON User BEGIN SELECT id FROM User AS \u3000; END",
    ],
)
def test_a_document_builds_the_same(sql: str) -> None:
    """Printed and built again; SQLite takes U+00A0 and its like for letters."""
    one = built(sql)
    with closing(ScratchSchema()) as scratch:
        for piece in split(document(one), file=""):
            assert not piece.sql or scratch.refusal(piece.sql) is None, piece.sql
        assert compare(one, scratch.schema()) == ()


@pytest.mark.parametrize(("first", "second"), DIFFERENT)
def test_what_is_not_the_same(first: str, second: str) -> None:
    """Every comparison sees the difference."""
    assert set(verdicts(first, second).values()) == {False}, verdicts(first, second)
