"""The rows of a squashed file: literals, expressions, counters; and what is refused."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from d1migrate.drafting.squash import squash
from d1migrate.drafting.squash.expressions import volatile
from d1migrate.drivers.pinned import Moment, PinnedDriver
from d1migrate.errors import PlanError
from d1migrate.migrate.migration import Migration
from d1migrate.sql.batch import Batch, Query

if TYPE_CHECKING:
    from collections.abc import Sequence

NOW = 1_795_000_000_000
UUID = "lower(hex(randomblob(4)) || '-' || substr('89ab', abs(random()) % 4 + 1, 1) || hex(randomblob(6)))"
NUMBERS = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100)"


def body(*files: str) -> str:
    """The squashed file of some files, on one line, between the header and the record."""
    migrations = [Migration(i, f"{i:03}_f", text) for i, text in enumerate(files, 1)]
    text = squash(migrations, "one", date="2026-11-29", now=NOW).text
    lines = text.partition("-- Record")[0].split("\n")
    return " ".join(" ".join(line for line in lines if not line.startswith("--")).split())


@pytest.mark.parametrize("recorded", [[], [1], [1, 2]])
def test_it_records_itself_as_the_files_do(recorded: list[int]) -> None:
    """If no file does, wrangler runs the folder, without that table."""
    row = "INSERT INTO schema_migrations (version, name, applied_at) VALUES ({0}, '00{0}_f', 1);"
    texts = {1: "CREATE TABLE a (x);", 2: "DROP TABLE a;"}
    files = [text + row.format(i) * (i in recorded) for i, text in texts.items()]
    migrations = [Migration(i, f"00{i}_f", text) for i, text in enumerate(files, 1)]
    text = squash(migrations, "one", date="2026-11-29", now=NOW).text
    assert ("VALUES (2, '002_one', strftime('%s', 'now'))" in text) == bool(recorded)
    assert "SELECT 1;" in text


SAME: dict[str, tuple[Sequence[str], Sequence[str], Sequence[str]]] = {
    # name: files, what the squashed file holds, and what it does not
    "rebuild": (
        [
            "CREATE TABLE t (id TEXT PRIMARY KEY, name TEXT);",
            (
                "CREATE TABLE t_new (id TEXT PRIMARY KEY, name TEXT NOT NULL);"
                " INSERT INTO t_new SELECT id, coalesce(name, '') FROM t; DROP TABLE t;"
                " ALTER TABLE t_new RENAME TO t;"
            ),
        ],
        ["CREATE TABLE t ( id TEXT PRIMARY KEY, name TEXT NOT NULL );"],
        ["INSERT", "t_new"],
    ),
    "quoted camel case": (
        ["CREATE TABLE `twoFactor` (`userId` text PRIMARY KEY);", "INSERT INTO twofactor VALUES ('a');"],
        [
            "CREATE TABLE twoFactor ( `userId` text PRIMARY KEY );",
            "INSERT INTO twoFactor (userId) VALUES ('a');",
        ],
        [],
    ),
    "seed, then a rebuild": (
        [
            "CREATE TABLE plans (id TEXT PRIMARY KEY, cents INTEGER); INSERT INTO plans VALUES ('free', 0), ('pro', 900);",
            (
                "CREATE TABLE __new_plans (id TEXT PRIMARY KEY, price REAL NOT NULL);"
                " INSERT INTO __new_plans SELECT id, cents / 100.0 FROM plans; DROP TABLE plans;"
                " ALTER TABLE __new_plans RENAME TO plans; DELETE FROM plans WHERE id = 'free';"
            ),
        ],
        ["INSERT INTO plans (rowid, id, price) VALUES (2, 'pro', 9.0);"],
        ["free", "cents"],
    ),
    "times stay expressions": (
        [
            "CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT DEFAULT CURRENT_TIMESTAMP, b INTEGER, c);",
            "INSERT INTO t (b, c) VALUES (strftime('%s', 'now') * 1000, json_object('at', date('now', '+1 day')));",
        ],
        ["(1, CURRENT_TIMESTAMP, strftime('%s', 'now') * 1000, json_object('at', date('now', '+1 day')))"],
        [],
    ),
    "a time that was converted": (
        [
            "CREATE TABLE t (id INTEGER PRIMARY KEY, at TEXT); INSERT INTO t (at) VALUES (datetime('now'));",
            "ALTER TABLE t ADD COLUMN ms INTEGER; UPDATE t SET ms = unixepoch(at) * 1000;",
        ],
        ["(1, datetime('now'), unixepoch() * 1000)"],
        [],
    ),
    "a trigger's time": (
        [
            (
                "CREATE TABLE t (id INTEGER PRIMARY KEY, at TEXT); CREATE TRIGGER s AFTER INSERT ON t BEGIN"
                " UPDATE t SET at = strftime('%Y', 'now') WHERE id = new.id; END;"
            ),
            "INSERT INTO t (id) VALUES (1);",
        ],
        ["INSERT INTO t (id, at) VALUES (1, strftime('%Y', 'now')); CREATE TRIGGER s"],
        [],
    ),
    "keys of chance": (
        [
            f"CREATE TABLE r (id TEXT PRIMARY KEY DEFAULT ({UUID}), n TEXT); INSERT INTO r (n) VALUES ('a'), ('b');",
            "CREATE TABLE p (r TEXT REFERENCES r(id)); INSERT INTO p SELECT id FROM r WHERE n = 'b';",
        ],
        [
            f"INSERT INTO r (id, n) VALUES ({UUID}, 'a'), ({UUID}, 'b');",
            "INSERT INTO p (r) VALUES ((SELECT id FROM r WHERE rowid = 2));",
        ],
        [],
    ),
    "a choice of chance": (
        ["CREATE TABLE t (v);", "INSERT INTO t VALUES (CASE WHEN random() % 2 THEN 'a' ELSE 'b' END);"],
        ["(CASE WHEN random() % 2 THEN 'a' ELSE 'b' END)"],
        [],
    ),
    "a row and its parent in one table": (
        [
            "CREATE TABLE c (id TEXT PRIMARY KEY, p TEXT REFERENCES c(id)); INSERT INTO c VALUES (hex(randomblob(9)), NULL);",
            "INSERT INTO c SELECT hex(randomblob(9)), id FROM c;",
        ],
        ["(hex(randomblob(9)), (SELECT id FROM c WHERE rowid = 1));"],
        [],
    ),
    "counters": (
        [
            (
                "CREATE TABLE a (id INTEGER PRIMARY KEY AUTOINCREMENT); CREATE TABLE b (id INTEGER PRIMARY KEY AUTOINCREMENT);"
                " CREATE TABLE c (id INTEGER PRIMARY KEY AUTOINCREMENT); CREATE TABLE d (id INTEGER PRIMARY KEY AUTOINCREMENT);"
            ),
            (
                "INSERT INTO a VALUES (1), (7); DELETE FROM a WHERE id = 7; INSERT INTO b VALUES (3); DELETE FROM b;"
                " INSERT INTO c VALUES (5); DELETE FROM sqlite_sequence WHERE name = 'c'; INSERT INTO d SELECT id FROM b;"
            ),
        ],
        [
            (
                "DELETE FROM sqlite_sequence WHERE name = 'a';"
                " INSERT INTO sqlite_sequence (name, seq) VALUES ('a', 7);"
                " INSERT INTO sqlite_sequence (name, seq) VALUES ('b', 3);"
                " DELETE FROM sqlite_sequence WHERE name = 'c';"
            )
        ],
        ["'d'"],
    ),
    "exact values": (
        [
            "CREATE TABLE v (a, t TEXT, g AS (a || t), n NUMERIC, PRIMARY KEY (t)) WITHOUT ROWID;",
            "INSERT INTO v (a, t, n) VALUES (9223372036854775807, 'a' || char(0), '007'), (x'00ff', 'b'';', 0.1), (-9e999, '', NULL);",
        ],
        [
            (
                "INSERT INTO v (a, t, n) VALUES (-9.0e+999, '', NULL),"
                " (9223372036854775807, CAST(X'6100' AS TEXT), 7), (X'00FF', 'b'';', 0.1);"
            )
        ],
        [],
    ),
    "full text": (
        [
            (
                "CREATE TABLE p (id INTEGER PRIMARY KEY, t TEXT);"
                " CREATE VIRTUAL TABLE f USING fts5(t, content='p', content_rowid='id');"
                " CREATE TRIGGER f_ai AFTER INSERT ON p BEGIN INSERT INTO f (rowid, t) VALUES (new.id, new.t); END;"
            ),
            (
                "INSERT INTO p (t) VALUES ('words');"
                " CREATE VIRTUAL TABLE own USING fts5(t); INSERT INTO own (rowid, t) VALUES (7, 'more words');"
                " INSERT INTO own (own, rank) VALUES ('rank', 'bm25(2.0)');"
                " CREATE VIRTUAL TABLE none USING fts5(t, content=''); CREATE VIRTUAL TABLE late USING fts5(t, content='p');"
            ),
        ],
        [
            "INSERT INTO p (id, t) VALUES (1, 'words'); INSERT INTO \"f\" (\"f\") VALUES ('rebuild');",
            "INSERT INTO \"own\" (\"own\", rank) VALUES ('rank', 'bm25(2.0)');",
            "INSERT INTO own (rowid, t) VALUES (7, 'more words'); CREATE TRIGGER f_ai",
        ],
        ['"late"', '"none"'],
    ),
    "triggers in the order in which they were created": (
        [
            "CREATE TABLE t (a); CREATE TRIGGER z AFTER INSERT ON t BEGIN SELECT 1; END;",
            (
                "CREATE TRIGGER a AFTER INSERT ON t BEGIN SELECT 2; END; CREATE VIEW v AS SELECT a FROM t;"
                " CREATE TRIGGER i INSTEAD OF INSERT ON v BEGIN INSERT INTO t VALUES (new.a); END; INSERT INTO v VALUES (1);"
            ),
        ],
        ["CREATE VIEW v AS SELECT a FROM t; INSERT INTO t (a) VALUES (1); CREATE TRIGGER z"],
        [],
    ),
    "parents first, circles deferred": (
        [
            "CREATE TABLE a (id INTEGER PRIMARY KEY, b INTEGER REFERENCES b(id)); CREATE TABLE b (id INTEGER PRIMARY KEY, a INTEGER REFERENCES a(id));",
            "PRAGMA defer_foreign_keys = ON; INSERT INTO a VALUES (1, 1); INSERT INTO b VALUES (1, 1);",
        ],
        ["PRAGMA defer_foreign_keys = ON; INSERT INTO a (id, b) VALUES (1, 1); INSERT INTO b"],
        [],
    ),
    "a value of chance with something around it": (
        [
            "CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT, b INTEGER, c TEXT); CREATE TABLE r (t TEXT);",
            (
                "INSERT INTO t (a, b, c) VALUES (hex(randomblob(9)), random() % 1000000, date('now'));"
                " UPDATE t SET a = 'it''s ' || id || '-' || a, b = b + 5 - id, c = c || 'T00:00';"
                " INSERT INTO r SELECT 't:' || a FROM t;"
            ),
        ],
        [
            "(1, 'it''s 1-' || hex(randomblob(9)), (random() % 1000000) + 4, date('now') || 'T00:00')",
            "INSERT INTO r (t) VALUES ('t:' || (SELECT a FROM t WHERE id = 1));",
        ],
        ["RETURNING"],
    ),
    "a foreign key that does not fit": (
        [
            "CREATE TABLE p (id INTEGER PRIMARY KEY); CREATE TABLE c (p INTEGER REFERENCES p(id));",
            (
                "INSERT INTO p VALUES (1), (2); CREATE TABLE q AS SELECT id FROM p; DROP TABLE p;"
                " ALTER TABLE q RENAME TO p;"
            ),
        ],
        ["INSERT INTO p (id) VALUES (1), (2); CREATE TABLE c"],
        [],
    ),
    "nothing is left": (["CREATE TABLE a (x);", "DROP TABLE a;"], ["SELECT 1;"], ["CREATE"]),
    "a parent that is gone": (
        [
            "CREATE TABLE p (id INTEGER PRIMARY KEY); CREATE TABLE c (p INTEGER REFERENCES p(id) ON DELETE SET NULL);",
            "INSERT INTO p VALUES (1); INSERT INTO c VALUES (1); DROP TABLE p;",
        ],
        ["INSERT INTO c (p) VALUES (NULL);", 'DROP TABLE "p";'],
        [],
    ),
}


@pytest.mark.parametrize("name", SAME)
def test_what_is_written(name: str) -> None:
    """All of it is checked: the squashed file builds what the files build."""
    files, holds, not_held = SAME[name]
    text = body(*files)
    assert [part for part in holds if part not in text] == [], text
    assert [part for part in not_held if part in text] == [], text


REFUSED = {
    # name: files, and what is said
    "the number of rows": (
        ["CREATE TABLE t (a);", f"{NUMBERS} INSERT INTO t SELECT i FROM n WHERE random() > 0;"],
        "002_f.sql:1: how many rows t has depends on the time or on random numbers",
    ),
    "rows that are over": (
        ["CREATE TABLE t (a);\nINSERT INTO t VALUES ('2030-01-01');", "DELETE FROM t WHERE a < date('now');"],
        "002_f.sql:1: how many rows t has depends on the time or on random numbers",
    ),
    "a value of two": (
        [
            "CREATE TABLE t (a, b);",
            "INSERT INTO t (a) VALUES (1);\nUPDATE t SET b = a * random() || random();",
        ],
        "002_f.sql:2: t.b depends on the time or on random numbers, and no expression",
    ),
    "through a rename": (
        [
            "CREATE TABLE t (a);\nINSERT INTO t VALUES (random());",
            "CREATE TABLE n (a);\nINSERT INTO n SELECT abs(a) FROM t;\nDROP TABLE t;\nALTER TABLE n RENAME TO u;",
        ],
        "002_f.sql:2: u.a depends on",
    ),
    "a text that is not kept": (
        ["CREATE VIRTUAL TABLE f USING fts5(t, content='');", "\nINSERT INTO f (rowid, t) VALUES (1, 'a');"],
        "002_f.sql:2: f indexes text that it does not store",
    ),
    "an index of some rows": (
        [
            "CREATE TABLE p (id INTEGER PRIMARY KEY, t); INSERT INTO p (t) VALUES ('one'), ('two');",
            "CREATE VIRTUAL TABLE f USING fts5(t, content='p');\nINSERT INTO f (rowid, t) VALUES (2, 'two');",
        ],
        "002_f.sql:2: f does not index its rows the same way",
    ),
    "orphans": (
        [
            "CREATE TABLE p (id INTEGER PRIMARY KEY); CREATE TABLE c (p INTEGER REFERENCES p(id));",
            "PRAGMA defer_foreign_keys = ON; INSERT INTO c VALUES (1); PRAGMA defer_foreign_keys = OFF;",
        ],
        "some rows reference rows that do not exist, and D1 would not insert them (1 broken links)",
    ),
    "what does not run": (
        ["CREATE TABLE t (a);", "\nINSERT INTO u VALUES (1);"],
        "002_f.sql:2: no such table: u",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_refused(name: str) -> None:
    """What no file can reproduce, with file, line and reason."""
    files, said = REFUSED[name]
    with pytest.raises(PlanError) as caught:
        body(*files)
    assert said in str(caught.value)
    assert caught.value.hint


@pytest.mark.parametrize(
    ("sql", "found"),
    [
        ("INSERT INTO t VALUES (1, 'date(now)') -- date('now')", []),
        ("SELECT date FROM t WHERE time > 1", []),
        ("INSERT INTO t VALUES (-unixepoch(), 2)", ["unixepoch()", "-unixepoch()"]),
        (
            "CREATE TABLE t (a TEXT DEFAULT (datetime('now')) NOT NULL)",
            ["datetime('now')", "(datetime('now'))"],
        ),
        ("UPDATE t SET a = 1, b = date('now') || 'Z' WHERE c", ["date('now')", "date('now') || 'Z'"]),
        ("SELECT lower(hex(randomblob(4))) AS x FROM t", ["randomblob(4)", "hex(randomblob(4))"]),
        ("SELECT CASE WHEN a THEN random() END, b", ["random()", "CASE WHEN a THEN random() END"]),
        ("SELECT f((SELECT current_time))", ["current_time", "(SELECT current_time)"]),
        ("SELECT date(", ["date"]),
    ],
)
def test_volatile_expressions(sql: str, found: list[str]) -> None:
    """A call, and the expressions around it, from the inside out."""
    expressions = volatile([sql])
    assert list(expressions[: len(found)]) == found
    assert bool(expressions) == bool(found)


def test_a_moment_is_the_same_whenever_it_is() -> None:
    """Times and random numbers are given; the order of the numbers may differ."""
    query = "SELECT datetime('now') || CURRENT_TIME || unixepoch('subsec') AS t, random() AS r, hex(randomblob(3)) AS b"
    results = []
    for order in ((), (), (1, 0)):
        with closing(PinnedDriver(Moment(NOW + 678, 1), order)) as driver:
            ((time, number, blob),) = driver.batch(Batch([Query(query)], reads=True))[0].rows
            results.append((number, blob))
            assert time == "2026-11-18 11:06:4011:06:401795000000.678"
            assert driver.draws.sizes == [None, 3]
    assert results[0] == results[1] != results[2]
