"""The linter says of every case what the case says, and nothing else of weight."""

from __future__ import annotations

from contextlib import suppress

import pytest

from d1migrate.errors import ParseError
from d1migrate.lint.check import RULES, failing
from d1migrate.lint.replay.replayer import replay
from d1migrate.lint.runner import lint
from d1migrate.migrate.source import load
from tests.corpus.corpus import ERRORS, INFOS, WARNINGS, Case, load_cases

CASES = load_cases()
each = pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)


def files(case: Case) -> list[tuple[str, str]]:
    """The two files of a case, as they lie in a folder."""
    return [("001_before.sql", (case.before or "SELECT 1;") + "\n"), ("002_case.sql", case.migration)]


@each
def test_the_codes_are_those_expected(case: Case) -> None:
    """Errors and warnings exactly, but for what the file allows; of the infos at least those named."""
    found = lint(load(files(case)), only={"002_case"})
    weighty = {f"{d.code} {d.message}" for d in found if d.allowed is None and d.severity != "info"}
    assert {text.split()[0] for text in weighty} == case.expect, weighty
    assert {d.code for d in found if d.severity == "info"} >= case.info
    assert failing(found) == bool(case.expect & ERRORS)
    assert failing(found, strict=True) == bool(case.expect)


@each
def test_what_is_there_before_is_accepted(case: Case) -> None:
    """The schema of a case is one that D1 has: none of its statements is refused."""
    (before,) = replay(load(files(case)[:1]))
    assert [ran.refusal for ran in before.statements if ran.refusal] == []


@each
def test_rules_find_nothing_where_they_are_not_asked(case: Case) -> None:
    """A rule that names the statements it is about has no finding in a file without them."""
    with suppress(ParseError):
        for replayed in replay(load(files(case))):
            unasked = [rule for rule in RULES if rule.on and replayed.verbs.isdisjoint(rule.on)]
            assert [finding for rule in unasked for finding in rule.check(replayed)] == []


def test_severities_are_those_of_the_rules() -> None:
    """The corpus and the linter agree which codes are errors, warnings and infos."""
    for severity, codes in (("error", ERRORS), ("warning", WARNINGS), ("info", INFOS)):
        theirs = {rule.code for rule in RULES if rule.severity == severity and rule.code[0] != "X"}
        assert theirs - {"R111"} == codes, "R111 is about files that no case can be"


# --- small cases that were once reported wrongly ---

USERS = "CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT, {0} TEXT);".format
POSTS = USERS("role") + (
    "CREATE TABLE posts (id INTEGER PRIMARY KEY, user_id INTEGER REFERENCES users(id) ON DELETE CASCADE, body);"
    "CREATE INDEX posts_user ON posts(user_id);"
)
HALF_PUT_BACK = (
    "CREATE TABLE hold AS SELECT id FROM posts; DROP TABLE users; CREATE TABLE users (id INTEGER PRIMARY KEY);"
    "INSERT INTO posts (id) SELECT id FROM hold;"
)
LINKED = (
    "CREATE TABLE p ({0}); CREATE TABLE c (id INTEGER PRIMARY KEY, p REFERENCES p({1}) ON UPDATE {2});".format
)
DEEP = LINKED("id INTEGER PRIMARY KEY, v", "id", "CASCADE").replace("p REF", "p UNIQUE REF") + (
    "CREATE TABLE d (id INTEGER PRIMARY KEY, c REFERENCES c(p) ON UPDATE SET DEFAULT);"
)
SENT = "CREATE TABLE a (id INTEGER PRIMARY KEY, v); CREATE TABLE sent (id INTEGER PRIMARY KEY, a); {0}".format
COUNTED = "CREATE TABLE a (id INTEGER PRIMARY KEY AUTOINCREMENT); CREATE TABLE B (id INTEGER PRIMARY KEY AUTOINCREMENT);"
NOTES = "CREATE TABLE n (id INTEGER PRIMARY KEY AUTOINCREMENT); "
REBUILT = (
    "CREATE TABLE n (id INTEGER PRIMARY KEY, v); INSERT INTO n SELECT {0} FROM t{1};"
    " DROP TABLE t; ALTER TABLE n RENAME TO t;"
).format
T = "CREATE TABLE t ({0});".format
FALSE_ALARMS = [
    ("D119", REBUILT("id, v", ""), T("id INT PRIMARY KEY NOT NULL, v")),
    ("D119", REBUILT("id, v", ""), T("id INTEGER, v, PRIMARY KEY (ID)")),
    ("D119", REBUILT("coalesce(id, v), v", ""), T("id INT PRIMARY KEY, v")),
    ("D119", REBUILT("id, v", " WHERE id IS NOT NULL"), T("id INT PRIMARY KEY, v")),
    ("D120", NOTES + "INSERT INTO n VALUES (7); DELETE FROM sqlite_sequence; INSERT INTO sqlite_sequence VALUES ('n', 7);", "SELECT 1;"),
    ("D120", NOTES + "DELETE FROM sqlite_sequence WHERE name IN ('n', 'gone');", COUNTED),
    ("D120", NOTES + "UPDATE sqlite_sequence SET seq = (SELECT seq FROM sqlite_sequence WHERE name = 'a') WHERE name = 'n';", COUNTED),
    ("D120", "DROP TABLE a; DELETE FROM sqlite_sequence WHERE name = 'a';", COUNTED),
    ("D120", "DELETE FROM sqlite_sequence WHERE name = 'a'; DROP TABLE a;", COUNTED),
    ("D120", "UPDATE sqlite_sequence SET seq = max(seq, 1000) WHERE name = 'a';", COUNTED),
    ("D120", ("CREATE TABLE h AS SELECT * FROM sqlite_sequence; DELETE FROM sqlite_sequence;"
     "INSERT INTO sqlite_sequence SELECT * FROM h; DROP TABLE h;"), COUNTED),
    ("D114", "UPDATE p SET rowid = 2 WHERE v = 1;", LINKED("id INT PRIMARY KEY, v", "id", "SET NULL")),
    ("D114", "UPDATE p SET oid = 2 WHERE v = 1;", LINKED("id INTEGER PRIMARY KEY, v, oid", "id", "SET NULL")),
    ("D114", "UPDATE p SET rowid = 2 WHERE v = 1;", LINKED("id INTEGER PRIMARY KEY, v", "id", "CASCADE")),
    ("D114", "UPDATE p SET id = id, v = 2 WHERE v = 1;", LINKED("id INTEGER PRIMARY KEY, v", "id", "SET NULL")),
    ("D114", "UPDATE p SET v = 2 WHERE id = 1;", DEEP),
    ("D114", "INSERT INTO p VALUES (1, 2) ON CONFLICT (id) DO UPDATE SET id = excluded.id;", DEEP),
    ("D114", "DELETE FROM p WHERE id = 1;",
     LINKED("id INTEGER PRIMARY KEY", "id", "SET NULL ON DELETE SET NULL")),
    ("D117", "UPDATE a SET v = 2 WHERE id = 1;",
     SENT("CREATE TRIGGER t AFTER UPDATE OF id ON a BEGIN DELETE FROM sent; END;")),
    ("D117", "DELETE FROM v WHERE id = 1;",
     SENT("CREATE VIEW v AS SELECT id FROM a; CREATE TRIGGER t INSTEAD OF DELETE ON v BEGIN DELETE FROM a; END;")),
    ("D117", "DELETE FROM sent; INSERT INTO a VALUES (1, 2);",
     SENT("CREATE TRIGGER t AFTER INSERT ON a BEGIN DELETE FROM sent; END;")),
    ("D117", "UPDATE a SET v = 2 WHERE id = 1;",
     SENT("CREATE TRIGGER t AFTER UPDATE ON a BEGIN INSERT OR REPLACE INTO sent VALUES (new.id, 1); END;")),
    ("D103", "UPDATE users SET role = 'x' WHERE name IS NULL OR replace(name, '-', '') = '';", POSTS),
    ("S105", "CREATE TABLE c (id INTEGER PRIMARY KEY, w TEXT REFERENCES users(whereabouts));",
     USERS("whereabouts") + "CREATE UNIQUE INDEX u ON users(whereabouts);"),
    ("S101", "CREATE INDEX IF NOT EXISTS i ON users(name ASC);", USERS("role") + "CREATE INDEX i ON users(name);"),
    ("S102", "-- Adds the idempotent_key column\nALTER TABLE users ADD COLUMN k;", USERS("role")),
    ("S102", "-- This isn't idempotent\nALTER TABLE users ADD COLUMN k;", USERS("role")),
    ("P101", "CREATE TRIGGER begin AFTER INSERT ON users BEGIN SELECT 1; END;", USERS("role")),
    ("P109", "DELETE FROM users WHERE name = '' OR rollback = 1;", USERS("rollback")),
]  # fmt: skip
MISSED = [
    ("D119", REBUILT("id, v", ""), T("id INT PRIMARY KEY, v")),
    ("D119", REBUILT("*", ""), T("ID INTEGER PRIMARY KEY DESC, v")),
    ("D119", REBUILT("id, v", ""), T("id INTEGER, v")),
    ("D120", "DELETE FROM sqlite_sequence;", COUNTED),
    ("D120", "DELETE FROM main.[sqlite_sequence] WHERE name = 'B';", COUNTED),
    ("D120", "DELETE FROM sqlite_sequence WHERE name <> 'n';", COUNTED),
    ("D120", "DELETE FROM sqlite_sequence WHERE name IN (SELECT name FROM sqlite_schema);", COUNTED),
    ("D120", 'DELETE FROM a; DELETE FROM sqlite_sequence WHERE "name" = "a";', COUNTED),
    ("D120", "UPDATE sqlite_sequence SET seq = 0;", COUNTED),
    ("D120", "UPDATE SQLITE_SEQUENCE SET seq = (SELECT max(id) FROM a) WHERE name = 'a';", COUNTED),
    ("D120", "UPDATE sqlite_sequence SET seq = seq - 1 WHERE name = 'a';", COUNTED),
    ("D120", "UPDATE sqlite_sequence SET name = 'c' WHERE name = 'a';", COUNTED),
    ("D114", "UPDATE p SET _ROWID_ = 2 WHERE v = 1;", LINKED("id INTEGER, v, PRIMARY KEY (ID DESC)", "id", "SET DEFAULT")),
    ("D114", "UPDATE p SET oid = 2 WHERE id = 1;", DEEP),
    ("D114", "INSERT INTO p VALUES (1, 2) ON CONFLICT DO UPDATE SET id = excluded.id;", DEEP),
    ("D114", "INSERT INTO p VALUES (1, 2) ON CONFLICT (v) DO NOTHING ON CONFLICT (id) DO UPDATE SET (v, id) = (3, 4);",
     LINKED("id INTEGER PRIMARY KEY, v UNIQUE", "id", "SET NULL")),
    ("D114", "INSERT INTO q VALUES (1);",
     DEEP + "CREATE TABLE q (x); CREATE TRIGGER t AFTER INSERT ON q BEGIN UPDATE p SET rowid = new.x; END;"),
    ("D117", "INSERT INTO a VALUES (1, 2);", SENT("CREATE TRIGGER t AFTER INSERT ON a BEGIN DELETE FROM sent; END;")),
    ("D117", "INSERT INTO a VALUES (1, 2) ON CONFLICT DO UPDATE SET v = 3;",
     SENT("CREATE TRIGGER t AFTER UPDATE OF v ON a BEGIN DELETE FROM sent WHERE a = old.v; END;")),
    ("D117", "UPDATE w SET id = 2 WHERE id = 1;",
     SENT("CREATE VIEW v AS SELECT id FROM a; CREATE TABLE w (id);"
          "CREATE TRIGGER t AFTER UPDATE ON w BEGIN DELETE FROM v WHERE id = old.id; END;"
          "CREATE TRIGGER u INSTEAD OF DELETE ON v BEGIN DELETE FROM sent WHERE a = old.id; END;")),
    ("D117", "UPDATE a SET v = 2 WHERE id = 1;",
     SENT("CREATE TABLE w (id); CREATE TRIGGER t AFTER UPDATE ON a BEGIN INSERT INTO w VALUES (new.v); END;"
          "CREATE TRIGGER u AFTER INSERT ON w BEGIN DELETE FROM sent; END;")),
    ("D103", "WITH a AS (SELECT 1 OR 2) INSERT OR REPLACE INTO users SELECT 1, 'x', 'y';", POSTS),
    ("D104", "CREATE TABLE counts AS SELECT count(*) FROM users; DROP TABLE users;", USERS("role")),
    ("D105", "ALTER TABLE users RENAME COLUMN role TO r; ALTER TABLE users DROP COLUMN r;", USERS("role")),
    ("D107", "UPDATE users SET name = -1;", USERS("role")),
    ("D107", "UPDATE users SET name = -role;", USERS("role")),
    ("D101", HALF_PUT_BACK, POSTS),
    ("F105", 'ALTER TABLE users ADD COLUMN k TEXT CHECK (k <> "name");', USERS("role")),
    ("S101", "CREATE TABLE IF NOT EXISTS users (id INTEGER PRIMARY KEY, name TEXT, role TEXT) STRICT;", USERS("role")),
    ("S101", "CREATE TABLE IF NOT EXISTS users (id INTEGER PRIMARY KEY, name TEXT COLLATE NOCASE, role TEXT);", USERS("role")),
    ("S101", "CREATE TABLE IF NOT EXISTS users (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT, role TEXT);", USERS("role")),
    ("S103", 'CREATE TRIGGER t AFTER INSERT ON users BEGIN UPDATE users SET role = "x"; END;', USERS("role")),
    ("S105", "CREATE TABLE c (id INTEGER PRIMARY KEY, n TEXT REFERENCES users(name));",
     USERS("role") + "CREATE UNIQUE INDEX u ON users(name COLLATE NOCASE);"),
]  # fmt: skip


def codes_of(sql: str, given: str) -> set[str]:
    """The codes of a file that follows another."""
    return {d.code for d in lint(load([("001_before.sql", given), ("002_case.sql", sql)]), only={"002_case"})}


@pytest.mark.parametrize(("code", "sql", "given"), FALSE_ALARMS)
def test_false_alarms(code: str, sql: str, given: str) -> None:
    """Good SQL is not reported."""
    assert code not in codes_of(sql, given)


@pytest.mark.parametrize(("code", "sql", "given"), MISSED)
def test_what_is_missed(code: str, sql: str, given: str) -> None:
    """SQL that is not good is."""
    assert code in codes_of(sql, given)
