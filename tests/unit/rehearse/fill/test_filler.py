"""Made-up rows: every feature of a schema by example, on the real engine."""

from __future__ import annotations

from pathlib import Path

import apsw
import pytest

from d1migrate.rehearse.fill.filler import Filled, fill
from tests.unit.rehearse.fill.filling import ROWS, database, filled, rows, sound

TYPES_AND_KEYS = """
CREATE TABLE t (a, b INTEGER, c TEXT, d REAL, e BLOB, f NUMERIC, g DECIMAL(10, 2), h VARCHAR(20), i DATE)

CREATE TABLE t (a INT NOT NULL, b INTEGER, c REAL, d TEXT, e BLOB NOT NULL, f ANY) STRICT

CREATE TABLE t (is_a TEXT, has_b BLOB, c_at REAL, d_on ANY, is_e INT, data BLOB, json TEXT) STRICT

CREATE TABLE t (a ANY NOT NULL CHECK (typeof(a) = 'text' AND length(a) = 3 AND a NOT GLOB '*[^0-9]*')) STRICT

CREATE TABLE t (id INTEGER PRIMARY KEY)

CREATE TABLE t (id INTEGER PRIMARY KEY AUTOINCREMENT, a)

CREATE TABLE t (id TEXT PRIMARY KEY)

CREATE TABLE t (id BLOB PRIMARY KEY, a) WITHOUT ROWID

CREATE TABLE t (a INT, b TEXT, PRIMARY KEY (b, a)) WITHOUT ROWID, STRICT

CREATE TABLE t (a INT CHECK (a IN (1, 2)), b INT CHECK (b BETWEEN 1 AND 40), PRIMARY KEY (a, b))

CREATE TABLE t (a INT UNIQUE, b TEXT UNIQUE COLLATE NOCASE, c REAL UNIQUE, d BLOB UNIQUE, UNIQUE (a, b))

CREATE TABLE t (a UNIQUE CHECK (a IN ('x', 'y')))

CREATE TABLE t (a INT NOT NULL UNIQUE ON CONFLICT REPLACE CHECK (a < 60), b UNIQUE ON CONFLICT ROLLBACK)

CREATE TABLE t (a TEXT NOT NULL ON CONFLICT IGNORE, b UNIQUE ON CONFLICT IGNORE)

CREATE TABLE t (a TEXT NOT NULL, b INT);
CREATE UNIQUE INDEX i ON t (lower(a)); CREATE UNIQUE INDEX j ON t (b % 70)

CREATE TABLE t (a INT CHECK (a IN (0, 1)), b INT NOT NULL CHECK (b < 3)); CREATE UNIQUE INDEX i ON t (b) WHERE a = 1

CREATE TABLE t (a TEXT NOT NULL); CREATE INDEX i ON t (json_extract(a, '$.x'))

CREATE TABLE "order" ("select" INTEGER PRIMARY KEY, "a b" TEXT NOT NULL CHECK (length("a b") = 3), "it's" INT, "q""q" UNIQUE);
CREATE TABLE [Größe] ([Maß x] INT NOT NULL REFERENCES "ORDER" ("SELECT"), `from` AS ([Maß x]) CHECK ("FROM" > 0))
"""

CHECKS = """
a NOT NULL CHECK (a IN ('x', 'it''s')), b INT NOT NULL CHECK (b IN (7, 9))

a INT NOT NULL CHECK (a > 1000), b INT NOT NULL CHECK (b < -5), c INT NOT NULL CHECK (c = 3)

a REAL NOT NULL CHECK (a > 0 AND a < 1), b NOT NULL CHECK (b BETWEEN 100 AND 200)

a TEXT NOT NULL CHECK (length(a) = 26), b TEXT NOT NULL CHECK (length(b) BETWEEN 1 AND 3)

a TEXT UNIQUE NOT NULL CHECK (length(a) = 2), b BLOB NOT NULL CHECK (length(b) = 16)

a NOT NULL CHECK (a LIKE '%_@_%.__%'), b NOT NULL CHECK (b LIKE 'inv-____'), c NOT NULL CHECK (c LIKE '9!_%' ESCAPE '!')

a NOT NULL UNIQUE CHECK (a GLOB '[A-Z][0-9][0-9]'), b NOT NULL CHECK (b GLOB 'v[^a-z]*.?')

a NOT NULL CHECK (a NOT GLOB '*[^a-z0-9-]*' AND length(a) > 2), b NOT NULL CHECK (b = upper(b))

a NOT NULL UNIQUE CHECK (a LIKE 'usr_%' AND length(a) = 30), b NOT NULL CHECK (substr(b, 1, 4) = 'key:' AND length(b) = 9)

a NOT NULL CHECK (json_valid(a)), b NOT NULL CHECK (json_type(b) = 'array')

a NOT NULL CHECK (json_extract(a, '$.kind.name') IN ('x', 'y')), b NOT NULL CHECK (b ->> 'n' > 3)

a NOT NULL CHECK (date(a) IS NOT NULL), b TEXT NOT NULL CHECK (datetime(b) = b)

a INT NOT NULL CHECK (a % 100 = 0), b INT NOT NULL CHECK (typeof(b) = 'integer' AND b <> 1)

a TEXT NOT NULL CHECK (CAST(a AS INTEGER) > 17), b NOT NULL CHECK (typeof(b) = 'real')

a TEXT NOT NULL CHECK (a IN ("x", "y")), b TEXT NOT NULL CHECK ("b" <> 'b 0')

a TEXT NOT NULL COLLATE NOCASE CHECK (a > 'B'), b TEXT NOT NULL CHECK (b < 'B')

a TEXT CHECK (a IS NULL), b TEXT DEFAULT 'q' CHECK (b = 'q' OR b IS NULL)

a INT NOT NULL, b INT NOT NULL, c INT NOT NULL, CHECK (a > b AND b > c)

a INT NOT NULL, b INT NOT NULL, c INT NOT NULL, CHECK (c = a + b), CHECK (a <> b)

a TEXT NOT NULL, b TEXT NOT NULL, CHECK (a || ':' || b = 'en:USD')

ends_at TEXT NOT NULL, starts_at TEXT NOT NULL, CHECK (starts_at < ends_at)

low REAL, high REAL, at INT, CHECK (low <= high), CHECK (at > 5), CHECK (t.low > 3)

a INT, b INT, c INT, CHECK ((a IS NOT NULL) + (b IS NOT NULL) + (c IS NOT NULL) = 1)

s TEXT NOT NULL CHECK (s IN ('open', 'done')), at INT, CHECK ((s = 'done') = (at NOT NULL))

k NOT NULL, v NOT NULL, CHECK (CASE k WHEN 'a' THEN v > 9 WHEN 'b' THEN v GLOB 'b*' ELSE 0 END)

a INT CHECK (a > 3 /* ) */ -- )
), b

a INT, b AS (a + 1), c TEXT GENERATED ALWAYS AS (a || b) STORED, d INT CHECK (d > b)

a TEXT, b TEXT NOT NULL AS (json_extract(a, '$.id')), c TEXT, d TEXT NOT NULL AS (date(c)), UNIQUE (b)

a INT NOT NULL, b INT AS (a * 2) CHECK (b > 300 AND b < 500), PRIMARY KEY (a)
"""

KEYS_TO_OTHERS = """
CREATE TABLE c (p INT NOT NULL REFERENCES p, q TEXT REFERENCES p (u)); CREATE TABLE p (id INTEGER PRIMARY KEY, u UNIQUE)

CREATE TABLE p (a, b, PRIMARY KEY (a, b)); CREATE TABLE c (x NOT NULL, y, FOREIGN KEY (x, y) REFERENCES p)

CREATE TABLE p (a, b, UNIQUE (b, a)); CREATE TABLE c (x NOT NULL, y NOT NULL, FOREIGN KEY (y, x) REFERENCES p (b, a))

CREATE TABLE p (id INTEGER PRIMARY KEY); CREATE TABLE c (id INTEGER PRIMARY KEY REFERENCES p ON DELETE CASCADE, a)

CREATE TABLE p (id TEXT PRIMARY KEY); CREATE TABLE c (p TEXT NOT NULL UNIQUE REFERENCES p, q TEXT UNIQUE REFERENCES p)

CREATE TABLE a (id TEXT PRIMARY KEY); CREATE TABLE b (id INTEGER PRIMARY KEY);
CREATE TABLE ab (a REFERENCES a, b INT REFERENCES b, PRIMARY KEY (a, b)) WITHOUT ROWID

CREATE TABLE t (id INTEGER PRIMARY KEY, up INT REFERENCES t, next INT UNIQUE REFERENCES t (id))

CREATE TABLE t (id TEXT PRIMARY KEY, up NOT NULL REFERENCES t)

CREATE TABLE t (id INTEGER PRIMARY KEY, up INT NOT NULL REFERENCES t CHECK (up <> id))

CREATE TABLE t (o INT, id INT, up INT, PRIMARY KEY (o, id), FOREIGN KEY (o, up) REFERENCES t)

CREATE TABLE t (o INT, id INT, up INT NOT NULL, UNIQUE (o, id), FOREIGN KEY (o, up) REFERENCES t (o, id))

CREATE TABLE a (id INTEGER PRIMARY KEY, b INT NOT NULL REFERENCES b);
CREATE TABLE b (id INTEGER PRIMARY KEY, a INT NOT NULL REFERENCES a)

CREATE TABLE a (id TEXT PRIMARY KEY, b REFERENCES b); CREATE TABLE b (id TEXT PRIMARY KEY, c REFERENCES c);
CREATE TABLE c (id TEXT PRIMARY KEY CHECK (length(id) = 5), a NOT NULL REFERENCES a)

CREATE TABLE a (id INTEGER PRIMARY KEY REFERENCES b); CREATE TABLE b (id INTEGER PRIMARY KEY REFERENCES a)

CREATE TABLE a (id TEXT PRIMARY KEY, n NOT NULL UNIQUE REFERENCES b (n)) WITHOUT ROWID;
CREATE TABLE b (n TEXT PRIMARY KEY CHECK (n GLOB '[0-9]*'), a NOT NULL REFERENCES a)

CREATE TABLE o (id INTEGER PRIMARY KEY); CREATE TABLE u (o INT REFERENCES o, id INT, PRIMARY KEY (o, id));
CREATE TABLE p (o INT REFERENCES o, id INT, PRIMARY KEY (o, id));
CREATE TABLE m (o INT NOT NULL REFERENCES o, u INT NOT NULL, p INT, r TEXT, UNIQUE (o, u, p),
  FOREIGN KEY (o, u) REFERENCES u, FOREIGN KEY (o, p) REFERENCES p)

CREATE TABLE p (id INTEGER PRIMARY KEY);
CREATE TABLE c (a INT REFERENCES p, b INT REFERENCES p, PRIMARY KEY (a, b), CHECK (a < b))

CREATE TABLE p (id INTEGER PRIMARY KEY); CREATE TABLE q (id INTEGER PRIMARY KEY);
CREATE TABLE c (p INT REFERENCES p, q INT REFERENCES q, CHECK ((p IS NULL) + (q IS NULL) = 1))

CREATE TABLE p (id INTEGER PRIMARY KEY); CREATE TABLE c (p INT NOT NULL REFERENCES p CHECK (p > 500));
CREATE TABLE d (c INT NOT NULL REFERENCES p CHECK (c > 600))

CREATE TABLE p (id INTEGER PRIMARY KEY, k TEXT NOT NULL, UNIQUE (id, k));
CREATE TABLE a (k TEXT NOT NULL CHECK (k = 'a'), p INT NOT NULL, FOREIGN KEY (p, k) REFERENCES p (id, k));
CREATE TABLE b (k TEXT NOT NULL CHECK (k = 'b'), p INT NOT NULL, FOREIGN KEY (p, k) REFERENCES p (id, k))

CREATE TABLE p (id INTEGER PRIMARY KEY, n TEXT); CREATE TABLE q (id INTEGER PRIMARY KEY REFERENCES p);
CREATE TABLE r (id INTEGER PRIMARY KEY REFERENCES p REFERENCES q)

CREATE TABLE p (id INTEGER PRIMARY KEY CHECK (id < 90)); CREATE TABLE q (id INTEGER PRIMARY KEY CHECK (id > 90));
CREATE TABLE c (x INT REFERENCES p REFERENCES q)

CREATE TABLE p (id TEXT PRIMARY KEY, g AS (id || '!') STORED UNIQUE); CREATE TABLE d (p NOT NULL REFERENCES p (g));
CREATE TABLE c (doc TEXT NOT NULL, p TEXT AS (json_extract(doc, '$.p')) STORED REFERENCES p)
"""


def cases(text: str) -> list[str]:
    """The schemas in a text, separated by empty lines."""
    return text.strip("\n").split("\n\n")


@pytest.mark.parametrize("schema", cases(TYPES_AND_KEYS) + cases(KEYS_TO_OTHERS))
def test_every_table_is_filled(schema: str) -> None:
    """A table that can have its rows has them, whatever its keys are."""
    filled(schema)


@pytest.mark.parametrize("columns", cases(CHECKS))
def test_every_check_is_satisfied(columns: str) -> None:
    """A table that can have its rows has them, whatever its CHECKs are."""
    filled(f"CREATE TABLE t ({columns})")


def test_a_check_is_true_where_it_can_be() -> None:
    """A CHECK may be NULL, but then its value proves nothing."""
    less = "json_extract(b, '$.x') < json_extract(b, '$.y')"
    connection = filled(
        f"CREATE TABLE t (a TEXT NOT NULL CHECK (time(a) = a), b NOT NULL CHECK ({less}), c NOT NULL CHECK (json_type(c) <> 'x'))"
    )
    assert rows(
        connection, f"SELECT count(*) FROM t WHERE time(a) = a AND {less} AND json_type(c) = 'object'"
    ) == [ROWS]


def test_hundreds_of_tables_in_a_row() -> None:
    """A long chain of references, a circle, and many tables with conflicting constraints."""
    row = [
        f"CREATE TABLE t{i} (id INTEGER PRIMARY KEY REFERENCES t{i + 1} CHECK (id <> {i}))"
        for i in range(600)
    ]
    ring = [f"CREATE TABLE r{i} (id TEXT PRIMARY KEY REFERENCES r{(i + 1) % 300})" for i in range(300)]
    star = [f"CREATE TABLE s{i} (t600 INT NOT NULL REFERENCES t600 CHECK (t600 > {i}))" for i in range(99)]
    connection = database(";".join([*row, "CREATE TABLE t600 (id INTEGER PRIMARY KEY)", *ring, *star]))
    assert set(fill(connection, 3).rows.values()) == {3}
    sound(connection)


def test_the_schema_of_the_project() -> None:
    """The tables of this repository's own migrations are filled."""
    files = sorted((Path(__file__).parents[4] / "workers" / "migrations").glob("*.sql"))
    connection = database(";".join(file.read_text() for file in files))
    result = fill(connection)
    assert set(result.rows.values()) == {ROWS}
    assert {"workflows", "executions", "task_results", "users", "sessions", "api_keys"} == set(result.rows)
    assert rows(connection, "SELECT count(*) FROM schema_migrations") == [len(files)]
    sound(connection)


def test_a_circle_with_two_ways_in() -> None:
    """Keys that must exist in several tables, which also reference each other."""
    connection = database(
        "CREATE TABLE x (id INTEGER PRIMARY KEY); CREATE TABLE y (id INTEGER PRIMARY KEY REFERENCES x REFERENCES z);"
        "CREATE TABLE z (id INTEGER PRIMARY KEY REFERENCES y)"
    )
    assert fill(connection).empty == {}
    sound(connection)


# --- what is left alone ---


def test_rows_that_are_there_stay_and_are_pointed_at() -> None:
    """A table with rows does not change; new rows reference its rows."""
    connection = database(
        "CREATE TABLE p (id TEXT PRIMARY KEY); CREATE TABLE c (p TEXT NOT NULL REFERENCES p); INSERT INTO p VALUES ('x')"
    )
    assert fill(connection, 3) == Filled({"p": 1, "c": 3}, {})
    assert rows(connection, "SELECT p FROM c") == ["x"] * 3
    assert fill(connection, 9) == Filled({"p": 1, "c": 3}, {})


def test_only_the_named_tables() -> None:
    """Only these tables are filled, in any letter case; a parent without rows is the reason for none."""
    schema = "CREATE TABLE A (id INTEGER PRIMARY KEY); CREATE TABLE b (a INT REFERENCES a); CREATE TABLE c (b INT NOT NULL REFERENCES a)"
    connection = database(schema)
    result = fill(connection, 4, tables=["B", "c"])
    assert result == Filled({"b": 4, "c": 0}, {"c": "FOREIGN KEY (b) REFERENCES a could not be satisfied"})
    assert rows(connection, "SELECT a FROM b") == [None] * 4
    assert rows(connection, "SELECT count(*) FROM a") == [0]
    assert fill(connection, 4, tables=["a", "C"]).rows == {"A": 4, "c": 4}
    assert fill(connection, 4, tables=[]) == Filled({}, {})


def test_what_is_no_table_of_the_user() -> None:
    """Tables of d1migrate, SQLite, D1 and modules are not filled, and neither are views."""
    connection = database(
        "CREATE TABLE schema_migrations (version INTEGER PRIMARY KEY, name TEXT, applied_at INT); CREATE TABLE _cf_KV (k);"
        "CREATE TABLE d1migrate_log (a); CREATE TABLE t (id INTEGER PRIMARY KEY AUTOINCREMENT);"
        "CREATE VIEW v AS SELECT * FROM t; CREATE VIRTUAL TABLE f USING fts5 (a); ANALYZE"
    )
    assert fill(connection, 5) == Filled({"t": 5, "f": 5}, {})
    for name in ("schema_migrations", "d1migrate_log", "_cf_KV"):
        assert rows(connection, f"SELECT count(*) FROM {name}") == [0]


@pytest.mark.parametrize("foreign_keys", [0, 1])
@pytest.mark.parametrize("triggers", [0, 1])
def test_triggers_and_settings(foreign_keys: int, triggers: int) -> None:
    """No trigger fires, no foreign key acts; settings and a transaction are as before afterwards."""
    connection = database(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, up INT NOT NULL REFERENCES t (id)); CREATE TABLE log (a);"
        "CREATE TRIGGER i BEFORE INSERT ON t BEGIN SELECT RAISE(ABORT, 'no'); END; INSERT INTO log VALUES (0);"
        "CREATE TRIGGER u AFTER UPDATE ON t BEGIN INSERT INTO log VALUES (1); END"
    )
    options = {apsw.SQLITE_DBCONFIG_ENABLE_FKEY: foreign_keys, apsw.SQLITE_DBCONFIG_ENABLE_TRIGGER: triggers}
    for option, value in options.items():
        connection.config(option, value)
    connection.execute("BEGIN")
    assert fill(connection, 7) == Filled({"t": 7, "log": 1}, {})
    assert connection.in_transaction
    connection.execute("ROLLBACK")
    assert rows(connection, "SELECT count(*) FROM t") == [0]
    assert {option: connection.config(option, -1) for option in options} == options


def test_nothing_is_left_of_a_run_that_fails() -> None:
    """An error that no row causes is raised; nothing is kept, and settings are as before."""
    connection = database("CREATE TABLE a (x TEXT); CREATE TABLE b (x TEXT)")
    connection.config(apsw.SQLITE_DBCONFIG_ENABLE_FKEY, 1)
    connection.authorizer = lambda action, table, *_: action == apsw.SQLITE_INSERT and table == "b"
    with pytest.raises(apsw.AuthError):
        fill(connection)
    assert rows(connection, "SELECT count(*) FROM a") == [0]
    assert connection.config(apsw.SQLITE_DBCONFIG_ENABLE_FKEY, -1) == 1
    assert connection.config(apsw.SQLITE_DBCONFIG_ENABLE_TRIGGER, -1) == 1
