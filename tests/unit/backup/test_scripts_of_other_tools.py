"""Scripts of other tools: what SQLite builds from them is loaded under D1's rules, row for row, or refused."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import apsw
import pytest

from d1migrate.backup import dump, load
from d1migrate.drivers.connect import connect
from d1migrate.drivers.plain import Watchdog
from d1migrate.errors import Error, QueryError, SourceError
from d1migrate.rehearse.scratch_database import ScratchDatabase
from d1migrate.sql.names import quote_identifier

if TYPE_CHECKING:
    from pathlib import Path

WRANGLER = """\
PRAGMA defer_foreign_keys=TRUE;
CREATE TABLE IF NOT EXISTS "_members" (id INTEGER PRIMARY KEY, u TEXT NOT NULL REFERENCES "User"(id));
INSERT INTO "_members" ("id","u") VALUES(1,'a');
CREATE TABLE IF NOT EXISTS "User" (id TEXT PRIMARY KEY NOT NULL);
INSERT INTO "User" ("id") VALUES('a');
CREATE TABLE g (id INTEGER PRIMARY KEY AUTOINCREMENT, a INT, b INT GENERATED ALWAYS AS (a*2) STORED, c AS (a+1));
INSERT INTO "g" ("id","a") VALUES(1,1);
CREATE TABLE wr (k TEXT COLLATE NOCASE, v BLOB, PRIMARY KEY (k, v)) WITHOUT ROWID;
INSERT INTO "wr" ("k","v") VALUES('x',X'00ff10');
CREATE TABLE self (id INTEGER PRIMARY KEY, p INTEGER REFERENCES self(id));
INSERT INTO "self" ("id","p") VALUES(1,2);
INSERT INTO "self" ("id","p") VALUES(2,NULL);
CREATE TABLE c1 (id INTEGER PRIMARY KEY, x INTEGER REFERENCES c2(id));
INSERT INTO "c1" ("id","x") VALUES(1,5);
CREATE TABLE c2 (id INTEGER PRIMARY KEY, x INTEGER REFERENCES c1(id));
INSERT INTO "c2" ("id","x") VALUES(5,1);
CREATE TABLE big (n INTEGER, r REAL, t TEXT);
INSERT INTO "big" ("n","r","t") VALUES(-9007199254740992,9e999,'é — 😀');
INSERT INTO "big" ("n","r","t") VALUES(NULL,1e+308,replace(replace('\\r\\n','\\r',char(13)),'\\n',char(10)));
CREATE TABLE IF NOT EXISTS "odd ""name" ("a b" INT, 'sel' TEXT, [order] TEXT);
INSERT INTO "odd ""name" ("a b","sel","order") VALUES(1,'x','y');
CREATE TABLE par (u TEXT, w TEXT);
INSERT INTO "par" ("u","w") VALUES('q','r');
CREATE TABLE chi (u TEXT REFERENCES par(u));
INSERT INTO "chi" ("u") VALUES('q');
CREATE TABLE st (a INT NOT NULL, b ANY) STRICT;
INSERT INTO "st" ("a","b") VALUES(1,'01');
DELETE FROM sqlite_sequence;
INSERT INTO "sqlite_sequence" ("name","seq") VALUES('g',2);
CREATE UNIQUE INDEX ux ON big(r) WHERE r > 1;
CREATE UNIQUE INDEX paru ON par(u);
CREATE TRIGGER tr AFTER INSERT ON g BEGIN UPDATE big SET t='fired' WHERE n = NEW.a; END;
CREATE TRIGGER iv INSTEAD OF INSERT ON v1 BEGIN INSERT INTO g (a) VALUES (NEW.a); END;
CREATE VIEW v1 AS SELECT a FROM g;
CREATE VIEW v2 AS SELECT a FROM v1;"""
"""By `wrangler d1 export`: a child before its parent, a trigger before its view, an index after a key to it."""

VIRTUAL = """\
CREATE VIRTUAL TABLE f USING fts5(body, tag UNINDEXED);
INSERT INTO f(rowid, body, tag) VALUES (3,'alpha','t'),(9,'beta',NULL);
INSERT INTO f(f, rank) VALUES ('rank', 'bm25(10.0)');
CREATE TABLE docs (id INTEGER PRIMARY KEY, body TEXT);
CREATE VIRTUAL TABLE "f x" USING fts5(body, content='docs', content_rowid='id');
CREATE TRIGGER docs_ai AFTER INSERT ON docs BEGIN INSERT INTO "f x"(rowid, body) VALUES (NEW.id, NEW.body); END;
INSERT INTO docs VALUES (1,'hello world'),(7,'other words');
CREATE VIRTUAL TABLE rt USING rtree(id, x0, x1, +label);
INSERT INTO rt VALUES (1, 0.5, 1.5, 'a'), (2, -3, 4, 'b');
"""
DATABASE = WRANGLER.replace("CREATE TABLE IF NOT EXISTS", "CREATE TABLE") + VIRTUAL


def contents(path: Path) -> dict[str, object]:
    """Every object, and every row of every table, as stored."""
    with closing(apsw.Connection(str(path))) as raw:
        found: dict[str, object] = {
            "objects": set(
                raw.execute(
                    "SELECT type, name, replace(sql, 'IF NOT EXISTS ', '') FROM sqlite_schema WHERE sql IS NOT NULL"
                    " AND name NOT LIKE 'sqlite_stat%' AND name NOT IN (SELECT name FROM pragma_table_list"
                    " WHERE type = 'shadow')"
                )
            )
        }
        for name, columns in raw.execute(
            "SELECT l.name, group_concat('quote(t.' || '\"' || replace(c.name, '\"', '\"\"') || '\")')"
            " FROM pragma_table_list l JOIN pragma_table_xinfo(l.name) c WHERE l.schema = 'main' AND c.hidden <> 1"
            " AND l.type IN ('table', 'virtual') AND l.name NOT LIKE 'sqlite_s%ma' AND l.name NOT LIKE 'sqlite_stat%'"
            " GROUP BY l.name"
        ).fetchall():
            rows = raw.execute(f"SELECT {columns} FROM {quote_identifier(str(name))} t").fetchall()
            found[str(name)] = sorted(map(repr, rows))
    return found


def shell(database: Path, *, before: str = "") -> str:
    """A dump in the form of the sqlite3 shell, byte for byte."""
    with closing(apsw.Connection(str(database))) as raw:
        parts = ["PRAGMA foreign_keys=OFF;", "BEGIN TRANSACTION;", before]
        last: list[str] = []
        for kind, name, sql in raw.execute(
            "SELECT type, name, sql FROM sqlite_schema WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite_s%' ORDER BY rowid"
        ).fetchall():
            if kind != "table":
                last.append(f"{sql};")
                continue
            if str(sql).startswith("CREATE VIRTUAL"):
                columns = "type,name,tbl_name,rootpage,sql"
                row = f"'table','{name}','{name}',0,{apsw.format_sql_value(sql)}"
                parts.append("PRAGMA writable_schema=ON;")
                parts.append(f"INSERT INTO sqlite_schema({columns})VALUES({row});")
                continue
            parts.append(f"{str(sql).replace('CREATE TABLE', 'CREATE TABLE IF NOT EXISTS', 1)};")
            stored = raw.execute(
                "SELECT name FROM pragma_table_xinfo(?) WHERE hidden = 0", (name,)
            ).fetchall()
            listed = ", ".join(quote_identifier(str(column)) for (column,) in stored)
            for values in raw.execute(f"SELECT {listed} FROM {quote_identifier(str(name))}"):
                literals = ",".join(map(apsw.format_sql_value, values))
                parts.append(f"INSERT INTO {quote_identifier(str(name))}({listed}) VALUES({literals});")
        counters = [
            f"INSERT INTO sqlite_sequence VALUES({','.join(map(apsw.format_sql_value, row))});"
            for row in raw.execute("SELECT * FROM sqlite_sequence")
        ]
    return "\n".join(
        [*parts, "DELETE FROM sqlite_sequence;", *counters, *last, "PRAGMA writable_schema=OFF;", "COMMIT;"]
    )


def built(path: Path, sql: str) -> Path:
    """A database that SQLite itself builds, with foreign keys off."""
    with closing(apsw.Connection(str(path))) as raw:
        for attempt in (sql.replace("CREATE TRIGGER iv", "-- CREATE TRIGGER iv"), "".join(
            line for line in sql.splitlines() if line.startswith("CREATE TRIGGER iv")
        )):  # fmt: skip
            raw.execute(attempt)
    return path


def loaded(tmp_path: Path, text: str | bytes) -> Path:
    """The database that `restore --file` builds from a script; the rehearsal reads the same rows."""
    file, target = tmp_path / "x.sql", tmp_path / "loaded.db"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    driver = connect(f"sqlite:{target}")
    facts = load.load(str(file), driver)
    assert load.differences(facts, driver) == []
    driver.close()
    with closing(ScratchDatabase.of(str(file))) as ground:
        names = contents(target).keys() - {"sqlite_sequence"}
        assert {n: rows for n, rows in contents(ground.path).items() if n in names - {"objects"}} == {  # type: ignore[arg-type]
            n: rows for n, rows in contents(target).items() if n in names - {"objects"}
        }
    return target


def test_an_export_of_wrangler(tmp_path: Path) -> None:
    """Written by the real wrangler, of a database with one object of every kind that it can export."""
    expected = contents(built(tmp_path / "a.db", WRANGLER))
    assert contents(loaded(tmp_path, WRANGLER)) == expected


@pytest.mark.parametrize(
    "before", ["", "ANALYZE sqlite_schema;\nINSERT INTO sqlite_stat1 VALUES('g',NULL,'1');"]
)
def test_a_dump_of_the_shell(tmp_path: Path, before: str) -> None:
    """FTS5 and R*Tree tables are rows of sqlite_schema, and their hidden tables are dumped byte for byte."""
    database = built(tmp_path / "a.db", DATABASE)
    target = loaded(tmp_path, shell(database, before=before))
    assert contents(target) == contents(database)
    with closing(apsw.Connection(str(target))) as raw:
        assert raw.execute("SELECT rowid FROM f WHERE f MATCH 'beta'").fetchall() == [(9,)]
        assert raw.execute("SELECT rowid FROM \"f x\" WHERE body MATCH 'words'").fetchall() == [(7,)]
        assert raw.execute("SELECT id FROM rt WHERE x0 > 0").fetchall() == [(1,)]


def test_a_dump_of_python(tmp_path: Path) -> None:
    """`Connection.iterdump`, which quotes differently, and does not mention foreign keys."""
    database = built(tmp_path / "a.db", WRANGLER.replace("9e999", "1"))  # which it writes as Inf
    with closing(sqlite3.connect(database)) as raw:
        text = "\n".join(raw.iterdump())
    assert contents(loaded(tmp_path, text))["big"] == contents(database)["big"]


SHADOWED = """\
CREATE VIRTUAL TABLE f USING fts5(a);
CREATE TABLE 'f_data'(id INTEGER PRIMARY KEY, block BLOB);
INSERT INTO "f_data" VALUES(1,X'0101'),(10,X'000000000101010001010101'),(137438953473,X'0000000E0630616C70686101020204');
CREATE TABLE IF NOT EXISTS 'f_idx'(segid, term, pgno, PRIMARY KEY(segid, term)) WITHOUT ROWID;
INSERT INTO f_idx VALUES(1,X'',2);
CREATE TABLE 'f_content'(id INTEGER PRIMARY KEY, c0);
INSERT INTO f_content VALUES(1,'alpha');
CREATE TABLE 'f_docsize'(id INTEGER PRIMARY KEY, sz BLOB);
INSERT INTO f_docsize VALUES(1,X'01');
CREATE TABLE 'f_config'(k PRIMARY KEY, v) WITHOUT ROWID;
INSERT INTO f_config VALUES('version',4);
"""


@pytest.mark.parametrize(
    "text",
    [SHADOWED, "\n".join([*SHADOWED.splitlines()[1:], SHADOWED.splitlines()[0]])],
    ids=["before", "after"],
)
def test_hidden_tables_beside_their_virtual_table(tmp_path: Path, text: str) -> None:
    """They are written as ordinary tables, before or after their virtual table."""
    with closing(apsw.Connection(str(loaded(tmp_path, text)))) as raw:
        assert raw.execute("SELECT rowid, a FROM f WHERE f MATCH 'alpha'").fetchall() == [(1, "alpha")]
        assert raw.execute("SELECT count(*) FROM f_content").fetchall() == [(1,)]


LONG = "x" * 150_000


@pytest.mark.parametrize(
    ("sql", "rows"),
    [
        ("CREATE TABLE t (a); INSERT INTO t VALUES (unistr('a\\000ab\\u00e9\\\\'));", ["a\nbé\\"]),
        ("\ufeffCREATE TABLE t (a); INSERT INTO t VALUES (1);", [1]),
        (".dbconfig defensive off\nBEGIN;\nCREATE TABLE t (a);\nINSERT OR IGNORE INTO t VALUES (1);\nCOMMIT;", [1]),
        ("SAVEPOINT dump; CREATE TABLE t (a); INSERT INTO t VALUES (1); RELEASE dump;", [1]),
        ("begin immediate transaction; create table t (a); insert into t values (1); end transaction;", [1]),
        ("PRAGMA journal_mode=WAL; PRAGMA page_size=512; CREATE TABLE t (a); INSERT INTO t VALUES (1); VACUUM;", [1]),
        (("CREATE TABLE sqlite_sequence(name,seq); CREATE TABLE t (a INTEGER PRIMARY KEY AUTOINCREMENT);"
         " INSERT INTO sqlite_sequence VALUES ('t', 9); INSERT INTO t VALUES (1);"), [1]),
        ("CREATE TABLE t (a); INSERT INTO sqlite_sequence VALUES ('t', 9); INSERT INTO t VALUES (1);", [1]),
        (("CREATE TABLE sqlite_stat1(tbl,idx,stat); INSERT INTO sqlite_stat1 VALUES ('t', NULL, '1');"
         " CREATE TABLE t (a); INSERT INTO t VALUES (1);"), [1]),
        (("CREATE TABLE _cf_KV (key TEXT PRIMARY KEY, value BLOB) WITHOUT ROWID; INSERT INTO _cf_KV VALUES ('a', 1);"
         " CREATE TABLE t (a); INSERT INTO t VALUES (1);"), [1]),
        (f"CREATE TABLE t (a); INSERT INTO t VALUES ('{LONG}');", [LONG]),
        ("CREATE TABLE t (a); INSERT INTO t VALUES " + ",".join(["('" + "y" * 990 + "')"] * 200) + ";", ["y" * 990] * 200),
        (("CREATE TABLE p (id INTEGER PRIMARY KEY); CREATE TABLE t (a REFERENCES p ON DELETE CASCADE);"
         " INSERT INTO p VALUES (1), (2); INSERT INTO t VALUES (1), (2); DELETE FROM p WHERE id = 1;"), [2]),
        (("PRAGMA foreign_keys = off; CREATE TABLE p (id INTEGER PRIMARY KEY);"
         " CREATE TABLE t (a REFERENCES p ON DELETE CASCADE); INSERT INTO p VALUES (1); INSERT INTO t VALUES (1);"
         " DELETE FROM p; INSERT INTO p VALUES (1);"), [1]),
        ("CREATE TABLE t (a); INSERT INTO t VALUES (9223372036854775807), (-9223372036854775808);",
         [2**63 - 1, -(2**63)]),
    ],
)  # fmt: skip
def test_lines_that_other_tools_write(tmp_path: Path, sql: str, rows: list[object]) -> None:
    """Each has the meaning that SQLite gives it."""
    with closing(apsw.Connection(str(loaded(tmp_path, sql)))) as raw:
        assert [row[0] for row in raw.execute("SELECT a FROM t ORDER BY rowid")] == rows
        assert not raw.table_exists("main", "_cf_KV")


TABLE = "CREATE TABLE t (a);\n"


@pytest.mark.parametrize(
    ("sql", "why"),
    [
        (TABLE + "INSERT INTO t VALUES (1);\nINSERT INTO nowhere VALUES (1);", ":3: no such table: nowhere"),
        (TABLE + "INSERT INTO t VALUES (1, 2);", ":2: table t has 1 columns but 2 values were supplied"),
        (TABLE + "\n  ATTACH 'other.db' AS o;", ":3: ATTACH accesses another file"),
        (TABLE + "VACUUM INTO 'other.db';", ":2: VACUUM accesses another file"),
        (TABLE + ".import data.csv t\nSELECT 1;", r":2: \.import is a command of the sqlite3 shell"),
        (TABLE + "ROLLBACK; -- due to errors", ":2: it ends with ROLLBACK"),
        ("LOCK TABLES `t` WRITE;", ':1: near "LOCK": syntax error'),
        (TABLE + "CREATE TRIGGER tr AFTER INSERT ON gone BEGIN SELECT 1; END;", ":2: no such table: main.gone"),
        ("CREATE TABLE p (id INTEGER PRIMARY KEY);\nCREATE TABLE c (p REFERENCES p);\nINSERT INTO c VALUES (7);",
         "FOREIGN KEY constraint failed: 1 rows of c reference rows of p"),
        (("CREATE TABLE p (id INTEGER PRIMARY KEY);\nCREATE TABLE c (p REFERENCES p);\nINSERT INTO p VALUES (7);\n"
         "INSERT INTO c VALUES (7);\nDELETE FROM p;\nSELECT 1;"), "FOREIGN KEY constraint failed"),
        ("CREATE VIRTUAL TABLE f USING fts4(a);", "no such module: fts4"),
        ("SELECT 'open", "this string is not closed"),
    ],
)  # fmt: skip
def test_what_cannot_be_loaded(tmp_path: Path, sql: str, why: str) -> None:
    """It is refused with the file and the line, and neither the database nor another file is created."""
    (tmp_path / "x.sql").write_text(sql)
    driver = connect(f"sqlite:{tmp_path / 'b.db'}")
    with pytest.raises(Error, match=f"x.sql.*{why}") as caught:
        load.load(str(tmp_path / "x.sql"), driver)
    assert isinstance(caught.value, SourceError | QueryError)
    assert [path.name for path in tmp_path.iterdir()] == ["x.sql"]


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (b"SQLite format 3\0" + b"x" * 84, "is a SQLite database"),
        (b"\x1f\x8b\x08\x00", "is compressed"),
        (b"PK\x03\x04", "is compressed"),
        ("\ufeffSELECT 1;".encode("utf-16-le"), "is UTF-16"),
        (b"SELECT '\xff';", "is not UTF-8"),
    ],
)
def test_files_that_are_not_sql(tmp_path: Path, data: bytes, what: str) -> None:
    """The error names what the file is."""
    (tmp_path / "x.sql").write_bytes(data)
    with pytest.raises(SourceError, match=f"x.sql {what}"):
        load.load(str(tmp_path / "x.sql"), connect(f"sqlite:{tmp_path / 'b.db'}"))


def test_a_statement_without_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is stopped after D1's time limit."""
    monkeypatch.setattr(Watchdog, "seconds", 0.05)
    text = (
        "CREATE TABLE t AS WITH n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n WHERE i < 0;"
    )
    (tmp_path / "x.sql").write_text(text)
    with pytest.raises(SourceError, match=r"x.sql:1: it was stopped: it ran for 0.05 s"):
        load.load(str(tmp_path / "x.sql"), connect(f"sqlite:{tmp_path / 'b.db'}"))


def test_losses_are_reported(tmp_path: Path) -> None:
    """A contentless index has no rows to read."""
    (tmp_path / "x.sql").write_text(
        "CREATE VIRTUAL TABLE f USING fts5(a, content=''); INSERT INTO f (rowid, a) VALUES (1, 'x');"
    )
    facts = load.load(str(tmp_path / "x.sql"), connect(f"sqlite:{tmp_path / 'b.db'}"))
    assert facts.notes == ["f: it stores no text to dump: it is restored empty"]


def test_a_dump_of_ours_is_not_run_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is already in D1's order."""
    source = connect(f"sqlite:{built(tmp_path / 'a.db', DATABASE)}")
    dump.write(source, str(tmp_path / "x.sql"))
    monkeypatch.setattr(load, "run_script", None)
    load.load(str(tmp_path / "x.sql"), connect(f"sqlite:{tmp_path / 'b.db'}"))
    assert contents(tmp_path / "b.db") == contents(tmp_path / "a.db")
