"""Where the embedded engine, or a Durable Object, is known to answer unlike D1, and why.

There are few, and each must still be true.
"""

from __future__ import annotations

_LIMIT = "APSW's SQLite is built without UPDATE/DELETE … LIMIT; the engine says so, with a way to write it"
_ROLLBACK = "D1 hides the text behind `internal error` and resets the database; both leave nothing behind"

KNOWN_DIFFERENCES: dict[str, str] = {
    "DELETE FROM t LIMIT 1": _LIMIT,
    "DELETE FROM t WHERE b > 0 ORDER BY id LIMIT 1 OFFSET 1": _LIMIT,
    "DELETE FROM t ORDER BY id": _LIMIT,
    "UPDATE t SET b = 9 LIMIT 1": _LIMIT,
    "UPDATE t SET b = 9 WHERE b > 0 ORDER BY id DESC LIMIT 1": _LIMIT,
    "WITH x AS (SELECT 1) DELETE FROM t LIMIT 1": _LIMIT,
    "DELETE FROM nosuch LIMIT 1": _LIMIT,
    "INSERT OR ROLLBACK INTO t (id) VALUES (1)": _ROLLBACK,
    "UPDATE OR ROLLBACK t SET id = 1": _ROLLBACK,
    "CREATE TABLE x (a UNIQUE ON CONFLICT ROLLBACK); INSERT INTO x VALUES (1), (1)": _ROLLBACK,
    "CREATE TRIGGER x AFTER INSERT ON t BEGIN SELECT RAISE(ROLLBACK, 'no'); END; "
    "INSERT INTO t (a) VALUES ('z')": _ROLLBACK,
    "INSERT INTO parent (code) VALUES ('p'), ('q') RETURNING id; SELECT 1": _ROLLBACK,
    "SELECT * FROM carray(1, 2)": "APSW's SQLite has it built in; without a bound array it has no rows",
    "SELECT length(printf('%.*c', 9000000, 'x'))": "D1 cuts printf widths to 100,000, a compile-time option",
    "SELECT x'61' LIKE 'a', x'61' GLOB 'a'": "APSW's SQLite is built so that LIKE never matches a BLOB",
    "INSERT INTO auto VALUES (9223372036854775807); INSERT INTO auto VALUES (NULL)": "SQLite says `database or"
    " disk is full` of ids and of disks alike; the engine names the file, which is what a full disk needs",
}

IN_AN_OBJECT = frozenset(("", "  \n ", "--", "-- note", "-- note\n-- more"))
"""The statements that an object does not answer as D1: texts without a statement, which D1 drops from a batch."""
