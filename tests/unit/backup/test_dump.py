"""Dumps restore everything unchanged, in a form that D1 accepts, or report what is lost."""

from __future__ import annotations

import hashlib
import os
import signal
import sqlite3
import struct
import subprocess
import sys
import time
from contextlib import closing
from typing import TYPE_CHECKING

import apsw
import pytest

from d1migrate.backup import dump, load
from d1migrate.drivers.connect import connect
from d1migrate.errors import PlanError, QueryError, SourceError, UnavailableError, UsageError
from d1migrate.migrate.migration import Migration
from d1migrate.migrate.table import NameTable, VersionTable
from d1migrate.migrator import Migrator
from d1migrate.sql.batch import Batch, Query
from d1migrate.sql.names import quote_identifier
from d1migrate.sql.split import split
from tests.inputs import generator

if TYPE_CHECKING:
    from pathlib import Path

SCHEMA = """
CREATE TABLE users (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT, data BLOB, score REAL,
  shout AS (upper(name)));
CREATE TABLE posts (id TEXT PRIMARY KEY, author INTEGER REFERENCES users(id), body TEXT CHECK (json_valid(body)));
CREATE TABLE tags (tag TEXT COLLATE NOCASE, post TEXT, n ANY, PRIMARY KEY (post, tag COLLATE BINARY)) WITHOUT ROWID;
CREATE TABLE "odd ""name" (rowid TEXT, "a b" INT UNIQUE);
CREATE VIRTUAL TABLE search USING fts5(title, note UNINDEXED);
CREATE VIRTUAL TABLE names USING fts5(name, content='users', content_rowid='id');
CREATE VIRTUAL TABLE words USING fts5vocab(search, row);
CREATE VIRTUAL TABLE boxes USING rtree(id, x0, x1, +label);
CREATE VIEW authors AS SELECT name FROM users -- who wrote
;
CREATE INDEX users_by_name ON users (lower(name)) WHERE name IS NOT NULL;
CREATE TRIGGER no_posts AFTER INSERT ON users BEGIN DELETE FROM posts; END;
CREATE TRIGGER see INSTEAD OF INSERT ON authors BEGIN SELECT CASE WHEN 1 THEN 2 END; END;
INSERT INTO search (search, rank) VALUES ('rank', 'bm25(10.0)');
"""
ROWS = """
INSERT INTO users (id, name, data, score) VALUES
  (1, 'é', x'00ff', 0.1), (9007199254740993, 'it''s', zeroblob(0), 9e999), (9223372036854775807, NULL, NULL, -0.0);
DELETE FROM users WHERE id = 9223372036854775807;
INSERT INTO users (id, name, data) VALUES (-9223372036854775808, char(65, 0, 66), CAST('text' AS TEXT));
INSERT INTO posts VALUES ('a', 1, '{"k": "' || printf('%.*c', 250000, 'é') || '"}'), ('b', NULL, '1');
INSERT INTO tags VALUES ('x', 'a', 1), ('X', 'a', 1.0), ('y', 'B', CAST(x'ff80' AS TEXT)), ('z', 'c', 1e300);
INSERT INTO "odd ""name" (oid, rowid, "a b") VALUES (7, 'r', 3), (99, char(13, 10), NULL);
INSERT INTO search (rowid, title, note) VALUES (5, 'hello world', x'01'), (900, 'BEGIN TRANSACTION; COMMIT;', 2.5);
INSERT INTO names (names) VALUES ('rebuild');
INSERT INTO boxes VALUES (3, 0.1, 0.2, 'left'), (70000000000, -1, 1e10, NULL)
"""


def script(driver: object, sql: str) -> None:
    """Run a script as one batch."""
    driver.batch(Batch([Query(s.sql) for s in split(sql) if s.sql]))  # type: ignore[attr-defined]


def contents(path: Path) -> dict[str, list[str]]:
    """Every row of every table, as stored: types, bytes, and the sign of reals."""
    connection = apsw.Connection(str(path))
    tables: dict[str, list[str]] = {}
    query = (
        "SELECT t.name, c.name FROM pragma_table_list t JOIN pragma_table_info(t.name) c"
        " WHERE t.type IN ('table', 'virtual') AND t.name NOT LIKE 'sqlite_schema' AND t.schema = 'main'"
    )
    for table, column in connection.execute(query):
        tables.setdefault(str(table), []).append(quote_identifier(str(column)))
    found = {}
    for table, columns in tables.items():
        parts = (f"iif(typeof({c}) = 'real', {c}, typeof({c}) || hex({c}))" for c in columns)
        rows = connection.execute(f"SELECT {', '.join(parts)} FROM {quote_identifier(table)}")
        found[table] = sorted(map(repr, rows))
    connection.close()
    return found


@pytest.fixture
def full(tmp_path: Path) -> Path:
    """A database with one object of every kind."""
    path = tmp_path / "app.db"
    driver = connect(f"sqlite:{path}")
    script(driver, SCHEMA)
    driver.batch(Batch([Query("DROP TRIGGER no_posts"), *(Query(s.sql) for s in split(ROWS) if s.sql)]))
    script(driver, "CREATE TRIGGER no_posts AFTER INSERT ON users BEGIN DELETE FROM posts; END")
    driver.close()
    return path


def test_everything_is_restored(full: Path, tmp_path: Path) -> None:
    """64-bit integers, reals, blobs, any text, virtual tables, counters and all objects are equal to the bit."""
    source, file = connect(f"sqlite:{full}"), str(tmp_path / "a.sql")
    done = dump.write(source, file)
    assert done.consistent is True
    assert done.rows["users"] == 3
    assert load.verify(file, source=source) == []
    target = connect(f"sqlite:{tmp_path / 'b.db'}")
    facts = load.load(file, target)
    assert facts.sha256 == done.sha256
    assert load.differences(facts, target) == []
    target.close()
    assert contents(tmp_path / "b.db") == contents(full)
    rank = target.batch(Batch([Query("SELECT v FROM search_config WHERE k = 'rank'")], reads=True))
    assert rank[0].rows == (("bm25(10.0)",),)
    found = target.batch(Batch([Query("SELECT rowid FROM names WHERE names MATCH 'é'")], reads=True))
    assert found[0].rows == ((1,),)


def test_d1_accepts_every_statement(full: Path, tmp_path: Path) -> None:
    """Each is under 100,000 bytes, D1 refuses none, they fit one transaction, and triggers are last."""
    file = tmp_path / "a.sql"
    dump.write(connect(f"sqlite:{full}"), str(file))
    statements = [s.sql for s in split(file.read_text(encoding="utf-8")) if s.sql]
    assert max(len(sql.encode()) for sql in statements) < 100_000
    assert not [s for s in statements if s.upper().startswith(("BEGIN", "COMMIT", "PRAGMA FOREIGN"))]
    kinds = [" ".join(sql.split()[:2]).upper() for sql in statements]
    assert kinds[-2:] == ["CREATE TRIGGER"] * 2
    assert "unistr(" not in file.read_text(encoding="utf-8")


def test_tables_are_in_the_order_of_their_keys(tmp_path: Path) -> None:
    """Children declared before parents, circles and rows without a parent are restored."""
    path = tmp_path / "a.db"
    with sqlite3.connect(path) as raw:  # foreign keys are off
        raw.executescript(
            "CREATE TABLE c (id INTEGER PRIMARY KEY, p TEXT REFERENCES p(code));"
            "CREATE TABLE p (id INTEGER PRIMARY KEY, code TEXT, boss INTEGER REFERENCES p(id));"
            "CREATE UNIQUE INDEX p_code ON p(code);"
            "CREATE TABLE x (id INTEGER PRIMARY KEY, y INTEGER REFERENCES y(id));"
            "CREATE TABLE y (id INTEGER PRIMARY KEY, x INTEGER REFERENCES x(id));"
            "INSERT INTO p VALUES (1, 'a', 2), (2, 'b', NULL); INSERT INTO c VALUES (1, 'a');"
            "INSERT INTO x VALUES (1, 1); INSERT INTO y VALUES (1, 1);"
        )
    raw.close()
    file = str(tmp_path / "a.sql")
    driver = connect(f"sqlite:{path}")
    dump.write(driver, file)
    text = (tmp_path / "a.sql").read_text()
    assert "foreign keys form a circle at" in text
    assert "defer_foreign_keys = OFF" not in text
    assert text.index('INSERT INTO "p"') < text.index('INSERT INTO "c"')
    assert load.verify(file, source=driver) == []
    with sqlite3.connect(path) as raw:
        raw.execute("INSERT INTO c VALUES (2, 'nobody')")
    raw.close()
    dump.write(driver, file)
    assert "1 rows reference missing rows" in (tmp_path / "a.sql").read_text()
    assert load.verify(file, source=driver) == []


def test_history_is_part_of_it(tmp_path: Path) -> None:
    """Both history tables are restored with all rows, and a run continues from them."""
    folder = tmp_path / "migrations"
    folder.mkdir()
    (folder / "001_a.sql").write_text("CREATE TABLE a (x);\n-- Rollback: DROP TABLE a;\n")
    migrator = Migrator(f"sqlite:{tmp_path / 'a.db'}", folder)
    migrator.up()
    file = str(tmp_path / "a.sql")
    assert dump.write(migrator.driver, file).current == "001_a"
    other = Migrator(f"sqlite:{tmp_path / 'b.db'}", folder)
    assert load.load(file, other.driver).current == "001_a"
    assert [e.state for e in other.status()] == ["applied"]
    assert other.history() == migrator.history()
    assert other.down().steps[0].name == "001_a"


NAMES = [
    Migration(0, "0000_init", "CREATE TABLE a (x);\n-- Rollback:\n--   DROP TABLE a;\n"),
    Migration(1, "0001_b/migration", "CREATE TABLE b (x);\n-- Rollback:\n--   DROP TABLE b;\n"),
    Migration(1, "0001_c'ö", "CREATE TABLE c (x);\n-- Rollback:\n--   DROP TABLE c;\n"),
    Migration(2, "0002_d", "CREATE TABLE d (x);\n-- Rollback:\n--   DROP TABLE d;\n"),
]


@pytest.mark.parametrize("table", ["d1_migrations", "my migrations"])
def test_a_history_in_wranglers_table_is_part_of_it(tmp_path: Path, table: str) -> None:
    """Rows, ids and the counter: the next row gets the id that it would get in the first database."""
    migrator = Migrator(f"sqlite:{tmp_path / 'a.db'}", NAMES, wrangler_table=table)
    migrator.up()
    migrator.down()  # the counter is beyond the newest id
    file = str(tmp_path / "a.sql")
    written = migrator.backup(file)
    assert written.current == "0001_c'ö"
    assert written.consistent
    assert load.verify(file) == []
    other = Migrator(f"sqlite:{tmp_path / 'b.db'}", NAMES, wrangler_table=table)
    assert load.load(file, other.driver).current == written.current
    assert other.history() == migrator.history()
    assert [e.state for e in other.status()] == ["applied"] * 3 + ["pending"]
    for one in (migrator, other):
        one.up()
    rows = Batch(
        [Query(f'SELECT * FROM "{table}" ORDER BY id'), Query("SELECT * FROM sqlite_sequence")], reads=True
    )
    ours, theirs = (one.driver.batch(rows) for one in (migrator, other))
    assert [(id_, name) for id_, name, _ in ours[0].rows] == [(id_, name) for id_, name, _ in theirs[0].rows]
    assert [id_ for id_, *_ in ours[0].rows] == [1, 2, 3, 5]
    assert ours[1].rows == theirs[1].rows
    assert other.verify().ok
    assert [step.name for step in other.down(steps=4).steps] == [m.name for m in reversed(NAMES)]


@pytest.mark.parametrize(
    "columns",
    [
        "id INTEGER PRIMARY KEY, name TEXT, applied_at TEXT",
        "id TEXT, name TEXT PRIMARY KEY, applied_at TEXT) WITHOUT ROWID; SELECT (1",
        "name TEXT UNIQUE, applied_at TEXT, id INTEGER NOT NULL, who TEXT DEFAULT 'me'",
    ],
)
def test_a_history_in_an_odd_table_is_part_of_it(tmp_path: Path, columns: str) -> None:
    """It is not written to, but backed up."""
    migrator = Migrator(f"sqlite:{tmp_path / 'a.db'}", NAMES, wrangler_table="d1_migrations")
    migrator.driver.batch(
        Batch([Query(s.sql) for s in split(f"CREATE TABLE d1_migrations ({columns});") if s.sql])
    )
    names = ", ".join(
        f"('{name}.sql', '2026', {at})" for at, name in enumerate(("0001_b/migration", "0000_init"))
    )
    migrator.driver.batch(Batch([Query(f"INSERT INTO d1_migrations (name, applied_at, id) VALUES {names}")]))
    file = str(tmp_path / "a.sql")
    assert migrator.backup(file).current == "0001_b/migration"
    other = Migrator(f"sqlite:{tmp_path / 'b.db'}", NAMES, wrangler_table="d1_migrations")
    load.load(file, other.driver)
    assert other.history() == migrator.history()
    assert other.status() == migrator.status()


def test_a_history_in_both_tables_is_part_of_it(tmp_path: Path) -> None:
    """And what `restore` records is a row of the log alone."""
    one = [Migration(1, "001_a", "CREATE TABLE a (x);")]
    migrator = Migrator(f"sqlite:{tmp_path / 'a.db'}", one, table="schema_migrations")
    migrator.driver.batch(
        Batch([Query(NameTable().create), Query("INSERT INTO d1_migrations (name) VALUES ('001_a.sql')")])
    )
    migrator.driver.batch(
        Batch([Query(VersionTable().create), Query("INSERT INTO schema_migrations VALUES (1, '001_a', 5)")])
    )
    migrator.driver.batch(Batch([Query("CREATE TABLE a (x)")]))
    migrator.accept(1, reason="known")
    file = str(tmp_path / "a.sql")
    migrator.backup(file)
    other = Migrator(f"sqlite:{tmp_path / 'b.db'}", one, table="schema_migrations")
    assert other.restore_file(file).current == "001_a"
    assert [(e.action, e.name) for e in other.history()] == [("accept", "001_a"), ("restore", "")]
    assert other.status() == migrator.status()
    assert other.up().steps == ()


FTS = "CREATE VIRTUAL TABLE f USING fts5(a, {}); INSERT INTO f (rowid, a) VALUES (1, 'x')"
LOST = "f: it stores no text to dump: it is restored empty"


@pytest.mark.parametrize(
    ("sql", "lost"),
    [
        (FTS.format("content=''"), [LOST]),
        (FTS.format("content='', contentless_delete=1"), [LOST]),
        (FTS.format("content='', columnsize=0"), [LOST]),
        (FTS.format("content=''") + "; INSERT INTO f (f) VALUES ('delete-all')", []),
        (FTS.format("content='gone'"), ["f: gone, which it indexes, does not exist"]),
        ("CREATE VIRTUAL TABLE f USING fts5(a, content='')", []),
        ("CREATE VIRTUAL TABLE f USING fts5(a, content='gone')", []),
        ("CREATE TABLE t (a); " + FTS.format("content='t'"),
         ["f: it indexes 1 rows of t, and is restored with all 0"]),
    ],
)  # fmt: skip
def test_what_of_an_index_is_lost_is_a_difference(tmp_path: Path, sql: str, lost: list[str]) -> None:
    """A dump that lacks rows of the database notes each loss in one line, and `verify` reports it."""
    driver = connect(f"sqlite:{tmp_path / 'a.db'}")
    script(driver, sql)
    done = dump.write(driver, str(tmp_path / "a.sql"))
    assert list(done.notes) == lost
    assert all(f"-- not restored unchanged: {note}\n" in (tmp_path / "a.sql").read_text() for note in lost)
    assert load.verify(str(tmp_path / "a.sql")) == lost
    into = connect(f"sqlite:{tmp_path / 'b.db'}")
    assert list(load.load(str(tmp_path / "a.sql"), into).notes) == lost


COUNTED = "CREATE TABLE t (id INTEGER PRIMARY KEY AUTOINCREMENT, n); INSERT INTO t (n) VALUES (1), (2)"


@pytest.mark.parametrize(
    ("sql", "counter"),
    [
        (COUNTED, [("t", 2)]),
        (COUNTED + "; DELETE FROM sqlite_sequence WHERE name = 't'", []),
        (COUNTED + "; DELETE FROM sqlite_sequence", []),
        (COUNTED + "; UPDATE sqlite_sequence SET seq = 0", [("t", 0)]),
        (COUNTED + "; UPDATE sqlite_sequence SET seq = 9223372036854775807", [("t", 2**63 - 1)]),
        (COUNTED + "; UPDATE sqlite_sequence SET seq = NULL", [("t", None)]),
        (COUNTED + "; DELETE FROM t", [("t", 2)]),
        (COUNTED + "; DELETE FROM t; DELETE FROM sqlite_sequence", []),
        (COUNTED + "; INSERT INTO sqlite_sequence VALUES ('nothing', 7)", [("t", 2)]),
        (COUNTED + "; DROP TABLE t; CREATE TABLE u (a); INSERT INTO u VALUES (1);"
         " INSERT INTO sqlite_sequence VALUES ('u', 7)", None),
        ("CREATE TABLE t (id INTEGER PRIMARY KEY AUTOINCREMENT, n)", []),
    ],
)  # fmt: skip
def test_counters_are_restored(tmp_path: Path, sql: str, counter: list[tuple[str, int]] | None) -> None:
    """Counters are unchanged, including one that was reset or removed."""
    driver = connect(f"sqlite:{tmp_path / 'a.db'}")
    script(driver, sql)
    dump.write(driver, str(tmp_path / "a.sql"))
    assert load.verify(str(tmp_path / "a.sql"), source=driver) == []
    load.load(str(tmp_path / "a.sql"), connect(f"sqlite:{tmp_path / 'b.db'}"))
    with closing(apsw.Connection(str(tmp_path / "b.db"))) as raw:
        if counter is None:
            assert not raw.table_exists("main", "sqlite_sequence")
        else:
            assert list(raw.execute("SELECT * FROM sqlite_sequence")) == counter


def test_a_damaged_file_is_noticed(full: Path, tmp_path: Path) -> None:
    """A dump that is cut off or changed is refused before anything is done."""
    file = tmp_path / "a.sql"
    dump.write(connect(f"sqlite:{full}"), str(file))
    whole = file.read_bytes()
    target = connect(f"sqlite:{tmp_path / 'b.db'}")
    file.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(SourceError, match="truncated"):
        load.load(str(file), target)
    file.write_bytes(whole.replace(b"hello world", b"hello w0rld"))
    with pytest.raises(SourceError, match="was changed"):
        load.load(str(file), target)
    with pytest.raises(UsageError, match="cannot read"):
        load.check(str(tmp_path / "none.sql"))
    lines = whole.splitlines(keepends=True)
    for damaged in (b"".join(lines[1:]), b"\n" + whole, b"\xef\xbb\xbf" + whole):  # its first line is another
        file.write_bytes(damaged)
        with pytest.raises(SourceError, match="was changed"):
            load.load(str(file), target)
    for facts in (b"[1]", b'{"later": 1}', b"{"):  # of another version, with a digest that is right
        body = b"".join(lines[:-2]) + b"-- manifest " + facts + b"\n"
        file.write_bytes(body + f"-- sha256 {hashlib.sha256(body).hexdigest()}\n".encode())
        with pytest.raises(SourceError, match="the manifest of this backup cannot be read"):
            load.load(str(file), target)
    assert not (tmp_path / "b.db").exists()


def test_only_an_empty_database_is_loaded(full: Path, tmp_path: Path) -> None:
    """The error lists the existing objects; a script that fails leaves nothing."""
    file = tmp_path / "a.sql"
    dump.write(connect(f"sqlite:{full}"), str(file))
    with pytest.raises(PlanError, match=r"is not empty: table users, table posts.* and \d+ more"):
        load.load(str(file), connect(f"sqlite:{full}"))
    (tmp_path / "x.sql").write_text("CREATE TABLE a (x); INSERT INTO nowhere VALUES (1);")
    target = connect(f"sqlite:{tmp_path / 'b.db'}")
    with pytest.raises(SourceError, match=r"x\.sql:1: no such table: nowhere"):
        load.load(str(tmp_path / "x.sql"), target)
    assert Migrator(target, ()).schema().tables == ()


def test_scripts_of_other_tools_are_loaded(tmp_path: Path) -> None:
    """They have no manifest, so there is nothing to compare."""
    (tmp_path / "x.sql").write_text(
        "PRAGMA defer_foreign_keys=TRUE;\nCREATE TABLE a (x);\nINSERT INTO a VALUES (1);"
    )
    target = connect(f"sqlite:{tmp_path / 'b.db'}")
    assert not load.load(str(tmp_path / "x.sql"), target).known
    with pytest.raises(UsageError, match="has no manifest to compare with"):
        load.verify(str(tmp_path / "x.sql"))


def test_a_dump_of_sqlites_own_shell_is_loaded(tmp_path: Path) -> None:
    """Its transaction statements are dropped, and foreign keys are checked only after all rows."""
    begin = "PRAGMA foreign_keys=OFF;\nBEGIN TRANSACTION;\nCREATE TABLE p (id INTEGER PRIMARY KEY);\n"
    rows = (
        "CREATE TABLE c (p REFERENCES p(id));\nINSERT INTO c VALUES(1);\nINSERT INTO p VALUES(1);\nCOMMIT;\n"
    )
    (tmp_path / "x.sql").write_text(begin + rows)
    target = connect(f"sqlite:{tmp_path / 'b.db'}")
    load.load(str(tmp_path / "x.sql"), target)
    assert {t.name for t in Migrator(target, ()).schema().tables} == {"p", "c"}
    (tmp_path / "x.sql").write_text(begin + rows.replace("INTO p VALUES(1)", "INTO p VALUES(2)"))
    with pytest.raises(QueryError, match="FOREIGN KEY constraint failed"):
        load.load(str(tmp_path / "x.sql"), connect(f"sqlite:{tmp_path / 'c.db'}"))


@pytest.mark.parametrize("text", ["", "-- nothing\n", " ;\n"])
def test_a_file_without_sql_is_a_mistake(tmp_path: Path, text: str) -> None:
    """Loading it silently would look like a restore."""
    (tmp_path / "x.sql").write_text(text)
    with pytest.raises(SourceError, match="contains no SQL"):
        load.load(str(tmp_path / "x.sql"), connect(f"sqlite:{tmp_path / 'b.db'}"))
    assert not (tmp_path / "b.db").exists()


def test_differences_are_named(full: Path, tmp_path: Path) -> None:
    """Differences in rows, counts, objects and counters are reported table by table."""
    driver, file = connect(f"sqlite:{full}"), str(tmp_path / "a.sql")
    dump.write(driver, file)
    script(driver, "UPDATE posts SET body = '2' WHERE id = 'b'; DELETE FROM boxes; DROP VIEW authors")
    assert load.verify(file, source=driver) == [
        "since it was taken: view authors: missing",
        "since it was taken: trigger see: missing",
        "since it was taken: boxes: 0 rows, expected 2",
        "since it was taken: posts: its rows are different",
    ]


def test_every_double_is_restored(tmp_path: Path) -> None:
    """Doubles of any bits, and the edge cases."""
    chance = generator("doubles")
    numbers = [struct.unpack("<d", chance.randbytes(8))[0] for _ in range(4000)]
    numbers = [n for n in numbers if n == n] + [5e-324, 2.2250738585072014e-308, 1.7976931348623157e308]
    numbers += [
        float("inf"),
        float("-inf"),
        0.0,
        -0.0,
        0.1,
        1e15,
        1e16,
        9007199254740993.0,
        123456789012345680.0,
    ]
    driver = connect(f"sqlite:{tmp_path / 'a.db'}")
    rows = [Query("INSERT INTO t (n) VALUES (?)", (number,)) for number in numbers]
    driver.batch(Batch([Query("CREATE TABLE t (id INTEGER PRIMARY KEY, n)"), *rows]))
    file = str(tmp_path / "a.sql")
    dump.write(driver, file)
    target = connect(f"sqlite:{tmp_path / 'b.db'}")
    load.load(file, target)
    (found,) = target.batch(Batch([Query("SELECT n FROM t ORDER BY id")], reads=True))
    assert [struct.pack("<d", n) for (n,) in found.rows] == [struct.pack("<d", n) for n in numbers]


def test_wide_tables_and_long_rows(tmp_path: Path) -> None:
    """100 columns, each too long to be read with the others, and a row just under D1's 2 MB."""
    driver = connect(f"sqlite:{tmp_path / 'a.db'}")
    names = ", ".join(f"c{i}" for i in range(100))
    values = ", ".join(f"printf('%.*c', {1000 + 90 * i}, 'x')" for i in range(100))
    script(driver, f"CREATE TABLE wide ({names}); INSERT INTO wide VALUES ({values})")
    script(driver, "CREATE TABLE long (b); INSERT INTO long VALUES (randomblob(1999000)), (zeroblob(5001))")
    file = str(tmp_path / "a.sql")
    dump.write(driver, file)
    assert load.verify(file, source=driver) == []


def test_many_pages(tmp_path: Path) -> None:
    """Tables are read by rowid and composite keys, with rows of very different sizes; progress is reported."""
    driver = connect(f"sqlite:{tmp_path / 'a.db'}")
    numbers = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5000)"
    script(
        driver,
        "CREATE TABLE a (x, y);"
        f"INSERT INTO a (rowid, x, y) {numbers} SELECT i * 3, i, printf('%.*c', i % 700, 'y') FROM n;"
        "CREATE TABLE b (p TEXT, q INT, r, PRIMARY KEY (p, q DESC)) WITHOUT ROWID;"
        f"INSERT INTO b {numbers} SELECT 'k' || (i % 7), i, randomblob(i % 90) FROM n",
    )
    seen: list[tuple[int, int]] = []
    done = dump.write(driver, str(tmp_path / "a.sql"), watch=lambda n, of: seen.append((n, of)))
    assert done.rows == {"a": 5000, "b": 5000}
    assert seen[-1] == (10000, 10000)
    assert len(seen) > 6
    assert load.verify(str(tmp_path / "a.sql"), source=driver) == []


BROKEN_KEYS = """
CREATE TABLE gone (x INTEGER REFERENCES nope, y INTEGER REFERENCES nope(id), z REFERENCES "no pe"(a));
CREATE TABLE parent (id INTEGER PRIMARY KEY, b);
CREATE TABLE empty (x REFERENCES parent(b));
CREATE TABLE orphan (x REFERENCES parent(id));
CREATE TABLE versions (v INTEGER REFERENCES schema_migrations(version));
CREATE TABLE schema_migrations (version INTEGER PRIMARY KEY, name TEXT NOT NULL, applied_at INTEGER NOT NULL);
INSERT INTO gone VALUES (5, 6, 7), (NULL, NULL, NULL);
INSERT INTO parent VALUES (1, 1), (2, 2);
INSERT INTO orphan VALUES (44);
INSERT INTO schema_migrations VALUES (1, '001_a', 0);
INSERT INTO versions VALUES (1);
"""


def raw(path: Path, sql: str) -> None:
    """Run a script with foreign keys off, as other programs do."""
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(sql)


def test_foreign_keys_that_lead_nowhere(tmp_path: Path) -> None:
    """Missing parents, foreign key mismatches and rows without a parent are restored, under D1's rules."""
    raw(tmp_path / "a.db", BROKEN_KEYS)
    driver, file = connect(f"sqlite:{tmp_path / 'a.db'}"), str(tmp_path / "a.sql")
    assert dump.write(driver, file).notes == ()
    assert load.verify(file, source=driver) == []
    target = connect(f"sqlite:{tmp_path / 'b.db'}")
    load.load(file, target)
    target.close()
    assert contents(tmp_path / "b.db") == contents(tmp_path / "a.db")
    assert {t.name for t in Migrator(target, ()).schema().tables} == {
        *("gone", "parent", "empty", "orphan", "versions"),
    }
    raw(tmp_path / "a.db", "INSERT INTO empty VALUES (1)")
    (note,) = dump.write(driver, file).notes  # D1 has no way in for it
    assert note.startswith("empty: D1 accepts no rows for it: foreign key mismatch")
    assert load.verify(file)[0].startswith("it does not restore: foreign key mismatch")


def test_an_index_that_is_restored_differently_is_reported(tmp_path: Path) -> None:
    """FTS5 over a table that is gone, and over some rows of one: `rebuild` produces a different index."""
    raw(
        tmp_path / "a.db",
        "CREATE TABLE t (id INTEGER PRIMARY KEY, a); INSERT INTO t VALUES (1, 'x'), (2, 'y');"
        "CREATE VIRTUAL TABLE some USING fts5(a, content='t', content_rowid='id');"
        "INSERT INTO some (rowid, a) VALUES (1, 'x'); CREATE TABLE u (a);"
        "CREATE VIRTUAL TABLE lost USING fts5(a, content='u');"
        "INSERT INTO lost (rowid, a) VALUES (1, 'x'); DROP TABLE u;",
    )
    driver, file = connect(f"sqlite:{tmp_path / 'a.db'}"), str(tmp_path / "a.sql")
    assert dump.write(driver, file).notes == (
        "some: it indexes 1 rows of t, and is restored with all 2",
        "lost: u, which it indexes, does not exist",
    )
    assert load.verify(file, source=driver) == [
        "some: it indexes 1 rows of t, and is restored with all 2",
        "lost: u, which it indexes, does not exist",
    ]


def test_a_damaged_file_is_not_backed_up(tmp_path: Path) -> None:
    """The earlier dump is not replaced either. A row that violates a CHECK is not damage."""
    path, file = tmp_path / "a.db", tmp_path / "a.sql"
    raw(path, "CREATE TABLE t (a, b CHECK (b > 5)); CREATE INDEX i ON t (a);")
    raw(path, "PRAGMA ignore_check_constraints = ON; INSERT INTO t VALUES (1, 1)")
    driver = connect(f"sqlite:{path}")
    dump.write(driver, str(file))
    earlier = file.read_bytes()
    driver.close()
    raw(path, "PRAGMA writable_schema = ON; UPDATE sqlite_schema SET rootpage = 2 WHERE name = 'i'")
    with pytest.raises(UnavailableError, match=r"a\.db is damaged: "):
        dump.write(driver, str(file))
    assert file.read_bytes() == earlier
    assert sorted(os.listdir(tmp_path)) == ["a.db", "a.sql"]


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    """The copy that the backup reads is damaged, too; the error names the database, not the copy."""
    path = tmp_path / "a.db"
    raw(path, "CREATE TABLE t (a); INSERT INTO t VALUES (1)")
    path.write_bytes(path.read_bytes()[:100] + b"\x55" * 4000)
    with pytest.raises(UnavailableError, match=r"^sqlite:.*a\.db is damaged: ") as error:
        dump.write(connect(f"sqlite:{path}"), str(tmp_path / "a.sql"))
    assert "scratch" not in str(error.value)


def test_a_key_longer_than_a_query(tmp_path: Path) -> None:
    """Its row cannot be queried; the error names the table."""
    raw(tmp_path / "a.db", "CREATE TABLE t (k PRIMARY KEY, b) WITHOUT ROWID")
    raw(tmp_path / "a.db", "INSERT INTO t VALUES (printf('%.*c', 200000, 'k'), 1), ('b', 2)")
    with pytest.raises(UsageError, match="t has a key that is too long for a query"):
        dump.write(connect(f"sqlite:{tmp_path / 'a.db'}"), str(tmp_path / "a.sql"))


def test_other_encodings(tmp_path: Path) -> None:
    """Text of a UTF-16 file is restored as text; a dump is UTF-8."""
    connection = apsw.Connection(str(tmp_path / "a.db"))
    connection.execute(
        "PRAGMA encoding = 'UTF-16le'; CREATE TABLE t (a); INSERT INTO t VALUES ('é𝄞'), ('ascii')"
    )
    connection.close()
    dump.write(connect(f"sqlite:{tmp_path / 'a.db'}"), str(tmp_path / "a.sql"))
    assert "'é𝄞'" in (tmp_path / "a.sql").read_text(encoding="utf-8")
    assert load.verify(str(tmp_path / "a.sql")) == []


def test_a_missing_file_is_not_backed_up(tmp_path: Path) -> None:
    """A file that does not exist is an error, and no dump is written; so is an output that cannot be written."""
    with pytest.raises(UsageError, match="no such file"):
        dump.write(connect(f"sqlite:{tmp_path / 'a.db'}"), str(tmp_path / "a.sql"))
    assert os.listdir(tmp_path) == []
    driver = connect(f"sqlite:{tmp_path / 'b.db'}")
    script(driver, "CREATE TABLE t (a)")
    with pytest.raises(UsageError, match="cannot write"):
        dump.write(driver, str(tmp_path / "none" / "a.sql"))


_CHILD = """
import sys
from d1migrate.backup import dump, load
from d1migrate.drivers.connect import connect
driver = connect(f"sqlite:{sys.argv[2]}")
print("go", flush=True)
{"dump": lambda: dump.write(driver, sys.argv[3]), "load": lambda: load.load(sys.argv[3], driver)}[sys.argv[1]]()
"""


@pytest.mark.slow
@pytest.mark.parametrize("action", ["dump", "load"])
def test_a_killed_process_leaves_the_old_state_or_the_new(tmp_path: Path, action: str) -> None:
    """After kill -9 at any moment the file is the earlier dump or the new one, and the database empty or complete."""
    driver = connect(f"sqlite:{tmp_path / 'a.db'}")
    script(
        driver,
        "CREATE TABLE t (a, b); INSERT INTO t WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n"
        " WHERE i < 40000) SELECT i, hex(randomblob(20)) FROM n",
    )
    file = tmp_path / "a.sql"
    dump.write(driver, str(file))
    driver.close()
    seen = set()
    for delay in (0.0, 0.01, 0.04, 0.1, 0.2, 5):
        target = tmp_path / f"b{delay}.db"
        place = tmp_path / "a.db" if action == "dump" else target
        child = subprocess.Popen(
            [sys.executable, "-c", _CHILD, action, str(place), str(file)], stdout=subprocess.PIPE
        )
        assert child.stdout
        child.stdout.readline()
        try:
            child.wait(delay)
        except subprocess.TimeoutExpired:
            time.sleep(0)
            child.send_signal(signal.SIGKILL)
        child.communicate()
        facts = load.check(str(file))  # whole, whichever it is
        there = Migrator(f"sqlite:{target}", ()).schema().tables if action == "load" else ()
        if there:
            assert load.differences(facts, connect(f"sqlite:{target}")) == []
        seen.add(bool(there))
    assert action == "dump" or seen == {True, False}
