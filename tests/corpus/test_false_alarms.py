"""What the linter said wrongly of files that people wrote, and what it must go on saying beside it."""

from __future__ import annotations

import pytest

from d1migrate.lint.runner import lint
from d1migrate.migrate.source import load

USERS = "CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT, role TEXT);"


def codes(sql: str, given: str = USERS) -> set[str]:
    """The codes of a file that comes after another."""
    return {d.code for d in lint(load([("001_before.sql", given), ("002_case.sql", sql)]), only={"002_case"})}


# --- S102: a claim about the file ---

ADD = "\nALTER TABLE users ADD COLUMN k;"
NO_CLAIMS = """\
This isn't idempotent
Idempotent imports: importers stamp rows
Idempotent-ish
Safe to re-run: NO
Webhook events; processing is idempotent.
Deliveries are handled so that each is\\n-- idempotent.
NOT safe to re-run.
The ALTERs are NOT re-runnable; re-running the\\n-- backfills alone is idempotent.
Adds idempotent retries
This migration is not idempotent
This file can never be run twice
This migration makes webhooks idempotent
This migration adds a table for idempotent requests
1. Backfill the rows (idempotent)
Step 2 is safe to re-run.
The job is idempotent
Makes uploads repeatable
Idempotent key of a request
The file upload is re-runnable""".split("\n")
CLAIMS = """\
idempotent
Idempotent.
Adds a column.\\n-- Safe to re-run.
Idempotent \u2014 safe to re-run
re-runnable
Safe to run multiple times
Safe to re-run: YES
Idempotent: all of it checks first
Safe to re-run (idempotent).
This migration is idempotent and does not delete rows
The whole script can be run again
Idempotent migration
Migration 012: adds k (idempotent)
All statements are idempotent
This file is safe to run\\n-- more than once
==== Repeatable ====
This migration is written so; it is fast.\\n-- This script can safely be run twice""".split("\n")


@pytest.mark.parametrize("comment", NO_CLAIMS)
def test_a_comment_that_does_not_speak_of_the_file(comment: str) -> None:
    """It claims nothing that the file could break; nor does a comment further down."""
    comment = comment.replace("\\n", "\n")
    assert "S102" not in codes(f"-- {comment}{ADD}")
    assert "S102" not in codes(f"SELECT 1;\n-- idempotent{ADD}")


@pytest.mark.parametrize("comment", CLAIMS)
def test_a_comment_that_says_the_file_can_run_twice(comment: str) -> None:
    """A file that cannot is reported."""
    comment = comment.replace("\\n", "\n")
    assert "S102" in codes(f"-- {comment}{ADD}")


# --- H105: of two indexes one ---


def test_of_two_equal_unique_indexes_one_is_named() -> None:
    """The later one, in one file or two: to follow both findings would lose the UNIQUE."""
    one, two = "CREATE UNIQUE INDEX a ON t (slug);", "CREATE UNIQUE INDEX b ON t (slug);"
    table = "CREATE TABLE t (id INTEGER PRIMARY KEY, slug TEXT NOT NULL);"
    for files in ([("001_a.sql", table + one + two)], [("001_a.sql", table + one), ("002_b.sql", two)]):
        found = [d.message for d in lint(load(files)) if d.code == "H105"]
        assert found == ["index b repeats index a"]


@pytest.mark.parametrize(
    ("mine", "other", "repeats"),
    [
        ("UNIQUE INDEX a ON users(name DESC, role)", "UNIQUE INDEX b ON users(name, role)", False),
        ("UNIQUE INDEX a ON users(name)", "INDEX b ON users(name)", False),
        ("UNIQUE INDEX a ON users(name)", "UNIQUE INDEX b ON users(name, role)", False),
        ("UNIQUE INDEX a ON users(name)", "UNIQUE INDEX b ON users(name)", True),
        ("INDEX a ON users(name)", "UNIQUE INDEX b ON users(name)", True),
        ("INDEX a ON users(name)", "UNIQUE INDEX b ON users(name, role)", True),
        ("UNIQUE INDEX a ON users(id)", "INDEX b ON users(name)", True),
    ],
)
def test_an_index_that_repeats_another(mine: str, other: str, repeats: bool) -> None:
    """One that is UNIQUE is not advised away for one that is not."""
    assert ("H105" in codes(f"CREATE {mine};", f"{USERS} CREATE {other};")) == repeats


# --- H108: a header that is a name ---


@pytest.mark.parametrize(
    ("title", "reported"),
    [
        *(
            (title, False)
            for title in ("Add a column to users", "add users", "2024-01-15", "Initial", "001: initial")
        ),
        *((title, False) for title in ("007_other adds a table", "002_case", "002_case.sql", "SELECT 1;\n7")),
        *((title, True) for title in ("007_other", "007_other.sql", "20240101_x", "02_other")),
        ("2_case", False),
        ("0002_case.sql", False),
    ],
)
def test_a_header_that_names_another_file(title: str, reported: bool) -> None:
    """Prose is no name."""
    assert ("H108" in codes(f"-- Migration: {title}\nSELECT 1;")) == reported
    assert "H108" not in codes(f"SELECT 1;\n-- Migration: {title}\nSELECT 2;")


# --- F107: what a rebuild adds ---


def rebuilt(old: str, new: str, copy: str = "SELECT * FROM t") -> tuple[str, str]:
    """The table before, and its rebuild."""
    columns = "" if copy.startswith("SELECT * ") else copy[: copy.index(") ") + 1]
    select = copy.removeprefix(columns)
    fill = (
        f"CREATE TABLE n ({new}); INSERT INTO n {columns} {select}; DROP TABLE t; ALTER TABLE n RENAME TO t;"
    )
    return fill, f"CREATE TABLE o (id INTEGER PRIMARY KEY, t); CREATE TABLE t ({old});"


MET = [
    *(
        (f"id INTEGER PRIMARY KEY, {name} TEXT CHECK ({name} IN ('a', 'b'))",
         f"id INTEGER PRIMARY KEY, {name} TEXT CHECK ({name} IN ('free', 'a', 'b'))")
        for name in ("plan", "action", "key", "match", "query", "view", "first", "last", "row", "range", "status", '"order"')
    ),
    ("a NOT NULL, b NOT NULL, n INT CHECK (n BETWEEN 0 AND 9)",
     "a, b, n INT CHECK (n >= 0), CHECK ((a IS NULL) = (b IS NULL)), CHECK (a IS NOT NULL OR b IS NULL)"),
    ("k CHECK (k IS NOT NULL)", "k NOT NULL"),
    ("k CHECK (k = 'a' OR k = 'b')", "k CHECK (k IN ('a', 'b', 'c'))"),
    ("k CHECK (k IN ('a') OR k IS NULL)", "k CHECK (k IS NULL OR k IN ('a', 'b'))"),
    ("k TEXT, v, CHECK (k = 'a' AND v > 0 OR k = 'b')", "k TEXT, v, CHECK (k = 'a' AND v > 0 OR k = 'b' OR k = 'c')"),
    ("k TEXT CHECK (length(k) > 0)", 'k TEXT CHECK (LENGTH("k") > 0)'),
    ("k UNIQUE, v", "k, v, UNIQUE (k, v)"),
    ("k COLLATE NOCASE UNIQUE", "k UNIQUE"),
    ("k TEXT", "k TEXT, n INT DEFAULT 0 CHECK (n >= 0), s TEXT NOT NULL DEFAULT 'a' CHECK (s IN ('a', 'b'))",
     "(k) SELECT k FROM t"),
    ("k TEXT CHECK (k IN ('x', 'y', 'z'))", "k TEXT NOT NULL CHECK (k IN ('a', 'b'))",
     "(k) SELECT CASE k WHEN 'x' THEN 'a' WHEN 'y' THEN 'b' ELSE 'a' END FROM t"),
    ("k TEXT NOT NULL CHECK (k IN ('x', 'y'))", "k TEXT NOT NULL CHECK (k IN ('a', 'y'))",
     "(k) SELECT CASE WHEN k = 'x' THEN 'a' ELSE k END FROM t"),
    ("k TEXT", "k TEXT NOT NULL CHECK (k IN ('a', 'b'))", "(k) SELECT coalesce(CASE k WHEN 'x' THEN 'a' END, 'b') FROM t"),
    ("k TEXT", "k TEXT NOT NULL CHECK (k <> '')", "(k) SELECT lower(hex(randomblob(4))) FROM t"),
    ("k INT NOT NULL CHECK (k IN (0, 1))", "k INT CHECK (k >= 0)"),
    ("k", "k, j TEXT NOT NULL CHECK (json_valid(j)), b BOOLEAN NOT NULL DEFAULT FALSE CHECK (b IN (0, 1))",
     "(k, j) SELECT k, '{}' FROM t"),
    ("k", "k, o INT NOT NULL", "(k, o) SELECT k, coalesce((SELECT id FROM o WHERE o.t = t.k), 1) FROM t"),
    ("k", "k, o INT NOT NULL", "(k, o) SELECT k, (SELECT count(*) FROM o WHERE o.t = t.k) FROM t"),
]  # fmt: skip
NOT_MET = [
    ("plan TEXT CHECK (plan IN ('a', 'b'))", "plan TEXT CHECK (plan IN ('a'))"),
    ("k CHECK (k >= 0)", "k CHECK (k > 0)"),
    ("k TEXT CHECK (k BETWEEN 0 AND 9)", "k TEXT CHECK (k <= 10)"),  # text compares by its characters
    ("a, b NOT NULL", "a, b, CHECK ((a IS NULL) = (b IS NULL))"),
    ("k TEXT CHECK (k IN ('x', 'y', 'z'))", "k TEXT CHECK (k IN ('a', 'b'))",
     "(k) SELECT CASE k WHEN 'x' THEN 'a' WHEN 'y' THEN 'b' ELSE k END FROM t"),
    ("k TEXT CHECK (k IN ('x', 'y'))", "k TEXT NOT NULL", "(k) SELECT CASE k WHEN 'x' THEN 'a' END FROM t"),
    ("k, v UNIQUE", "k UNIQUE, v"),
    ("k UNIQUE", "k COLLATE NOCASE UNIQUE"),
    ("k, note", "k, note NOT NULL, o", "(k, note, o) SELECT k, note, (SELECT o.id FROM o WHERE o.t = t.k) FROM t"),
    ("k, note", "k, note NOT NULL, o", "(k, note, o) SELECT t.k, note, o.id FROM t LEFT JOIN o ON o.t = t.k"),
    ("k", "k, s TEXT DEFAULT 'z' CHECK (s IN ('a', 'b'))", "(k) SELECT k FROM t"),
    ("k", "k, n INT CHECK (n > 0)", "(k, n) SELECT k, 0 FROM t"),
    ("k TEXT", "k TEXT CHECK (json_valid(k))"),
    ("k", "k, o INT NOT NULL", "(k, o) SELECT k, (SELECT id FROM o WHERE o.t = t.k) FROM t"),
]  # fmt: skip


@pytest.mark.parametrize("case", MET, ids=str)
def test_a_rebuild_that_every_row_meets(case: tuple[str, ...]) -> None:
    """What held before implies what is added, or the copy maps the values."""
    assert not codes(*rebuilt(*case)) & {"F107", "D116"}


@pytest.mark.parametrize("case", NOT_MET, ids=str)
def test_a_rebuild_that_a_row_may_not_meet(case: tuple[str, ...]) -> None:
    """It is said; a WHERE or JOIN that leaves no row of the table out does not hide it."""
    found = codes(*rebuilt(*case))
    assert "F107" in found
    assert "D116" not in found


def test_an_update_of_another_column_hides_nothing() -> None:
    """Only the column of the constraint counts."""
    fill, given = rebuilt("k, v", "k NOT NULL, v")
    assert "F107" in codes(f"UPDATE t SET v = 1 WHERE k > 1; {fill}", given)
    assert "F107" not in codes(f"UPDATE t SET k = 1 WHERE k IS NULL; {fill}", given)


def test_foreign_keys_to_one_table_are_told_apart() -> None:
    """By their columns."""
    fill, given = rebuilt("a, b", "a REFERENCES o(id), b REFERENCES o(id)")
    (message,) = (
        d.message for d in lint(load([("001_a.sql", given), ("002_b.sql", fill)])) if d.code == "F107"
    )
    assert "a foreign key (b) to o, a foreign key (a) to o" in message


def test_a_long_check_is_cut_short() -> None:
    """The message shows its beginning."""
    fill, given = rebuilt("k", f"k CHECK (k IN ({', '.join(map(str, range(100)))}))")
    (message,) = (
        d.message for d in lint(load([("001_a.sql", given), ("002_b.sql", fill)])) if d.code == "F107"
    )
    assert len(message) < 160


# --- F106: an index that cannot repeat ---

Q = "CREATE TABLE q (id TEXT PRIMARY KEY, org TEXT, status TEXT, source TEXT);"


@pytest.mark.parametrize(
    ("old", "new", "reported"),
    [
        ("q (org) WHERE status = 'a'", "q (org) WHERE status = 'a' AND source <> 'free'", False),
        ("q (org) WHERE status = 'a'", "q (org) WHERE source = 'x' AND (status = 'a')", False),
        ("q (org) WHERE status IN ('a', 'b')", "q (org) WHERE status = 'a'", False),
        ("q (org) WHERE status IS NOT NULL", "q (org) WHERE status = 'a'", False),
        ("q (org)", "q (org) WHERE status = 'a'", False),
        ("q (org)", "q (source, org)", False),
        ("q (org COLLATE NOCASE)", "q (org COLLATE NOCASE)", False),
        ("q (org COLLATE NOCASE)", "q (org)", False),
        ("q (lower(org))", "q (LOWER(org)) WHERE status = 'a'", False),
        ("q (org) WHERE status = 'a'", "q (org) WHERE status IN ('a', 'b')", True),
        ("q (org) WHERE status = 'a'", "q (org)", True),
        ("q (org, source)", "q (org)", True),
        ("q (org)", "q (org COLLATE NOCASE)", True),
        ("q (org)", "q (lower(org))", True),
        ("q (org) WHERE status IS NOT NULL", "q (org) WHERE status IS NULL", True),
    ],
)
def test_a_unique_index_in_the_place_of_another(old: str, new: str, reported: bool) -> None:
    """One whose rows the other kept apart already cannot fail."""
    given = f"{Q} CREATE UNIQUE INDEX u ON {old};"
    assert ("F106" in codes(f"DROP INDEX u; CREATE UNIQUE INDEX u ON {new};", given)) == reported


@pytest.mark.parametrize(
    ("fill", "reported"),
    [
        ("slug = lower(org)", True),
        ("slug = org || '-' || source", True),
        ("slug = 'x'", True),
        ("slug = lower(org) || '-' || id", False),
        ("slug = lower(hex(randomblob(8)))", False),
        ("slug = (SELECT count(*) FROM q AS o WHERE o.rowid < q.rowid)", False),
        ("slug = lower(org); UPDATE q SET slug = slug || '-2' WHERE status = 'b'", False),
        ("slug = lower(org); DELETE FROM q WHERE status = 'b'", False),
    ],
)
def test_a_unique_index_on_a_column_that_the_file_fills(fill: str, reported: bool) -> None:
    """Values made of others repeat as these do; an id or a random number makes them differ."""
    sql = f"ALTER TABLE q ADD COLUMN slug TEXT; UPDATE q SET {fill}; CREATE UNIQUE INDEX u ON q (slug);"
    assert ("F106" in codes(sql, Q)) == reported


@pytest.mark.parametrize(
    ("column", "condition", "reported"),
    [
        ("main INTEGER NOT NULL DEFAULT 0", "main = 1", False),
        ("main INTEGER NOT NULL DEFAULT 0", "main", True),
        ("main BOOLEAN DEFAULT FALSE", "main = 1", True),
        ("main INTEGER NOT NULL DEFAULT 1", "main = 1", True),
        ("main INTEGER NOT NULL DEFAULT 0", "main = 0", True),
        ("main INTEGER", "main = 1", False),
        ("main INTEGER", "main IS NULL", True),
        ("main TEXT DEFAULT 'no'", "main = 'yes' AND status = 'a'", False),
        ("main TEXT DEFAULT 'no'", "main = 'yes' OR status = 'a'", True),
    ],
)
def test_a_unique_index_of_no_row_yet(column: str, condition: str, reported: bool) -> None:
    """A partial index whose condition the default of a new column does not meet holds no row."""
    sql = f"ALTER TABLE q ADD COLUMN {column}; CREATE UNIQUE INDEX u ON q (org) WHERE {condition};"
    assert ("F106" in codes(sql, Q)) == reported
    filled = sql.replace("; CREATE", "; UPDATE q SET main = 1 WHERE source = 'x'; CREATE")
    assert "F106" in codes(filled, Q)


# --- D107: what is overwritten ---


@pytest.mark.parametrize(
    ("sets", "reported"),
    [
        ("name = coalesce(name, '')", False),
        ("name = CASE WHEN name IS NULL THEN '' ELSE name END", False),
        ("role = CASE role WHEN 'owner' THEN 'admin' ELSE role END", False),
        ("name = ifnull(name, role)", False),
        ("role = CASE WHEN name = 'x' THEN 'admin' END", True),
        ("name = coalesce(role, name)", True),
        ("name = CAST(name AS INTEGER)", True),
        ("name = upper(name)", True),
        ("name = coalesce(name, ''), role = 'x'", True),
        ("role = 'x' WHERE 1", True),
        ("role = 'x' WHERE 1 = 1", True),
        ("role = 'x' WHERE id = 1", False),
    ],
)
def test_an_update_of_all_rows(sets: str, reported: bool) -> None:
    """One that names the values it changes is as good as a WHERE; `WHERE 1` is no WHERE."""
    assert ("D107" in codes(f"UPDATE users SET {sets};")) == reported


# --- D110: a trigger under another name ---


@pytest.mark.parametrize(
    ("trigger", "reported"),
    [
        ("users_au AFTER UPDATE ON users BEGIN UPDATE users SET role = 'x' WHERE id = new.id; END", False),
        ("users_au AFTER UPDATE OF name ON users WHEN new.name <> '' BEGIN SELECT 1; END", False),
        ("users_ai AFTER INSERT ON users BEGIN SELECT 1; END", True),
        ("users_bu BEFORE UPDATE ON users BEGIN SELECT 1; END", True),
    ],
)
def test_a_trigger_in_the_place_of_another(trigger: str, reported: bool) -> None:
    """One that fires at the same moment is its successor."""
    given = f"{USERS} CREATE TRIGGER touch AFTER UPDATE ON users BEGIN SELECT 1; END;"
    fill = "CREATE TABLE n (id INTEGER PRIMARY KEY, name TEXT, role TEXT); INSERT INTO n SELECT * FROM users;"
    sql = f"{fill} DROP TABLE users; ALTER TABLE n RENAME TO users; CREATE TRIGGER {trigger};"
    assert ("D110" in codes(sql, given)) == reported


# --- D106: what is filled again ---

MEMOS = "CREATE TABLE memos (id INTEGER PRIMARY KEY, body TEXT); CREATE VIRTUAL TABLE f USING fts5(body{0});"


@pytest.mark.parametrize(
    ("sql", "options", "reported"),
    [
        ("DELETE FROM f; INSERT INTO f (rowid, body) SELECT id, body FROM memos;", "", False),
        (
            "DELETE FROM f; INSERT INTO f(f) VALUES ('rebuild');",
            ", content='memos', content_rowid='id'",
            False,
        ),
        ("DELETE FROM f;", "", True),
        ("DELETE FROM memos WHERE 1=1;", "", True),
        ("DELETE FROM memos WHERE true RETURNING id;", "", True),
        ("DELETE FROM memos WHERE id > 1 RETURNING id;", "", False),
        ("DELETE FROM memos ORDER BY id LIMIT 1;", "", False),
        ("INSERT INTO f (rowid, body) SELECT id, body FROM memos; DELETE FROM f;", "", True),
        ("DELETE FROM f; INSERT INTO f (body) VALUES ('x');", "", True),
        ("DELETE FROM memos; INSERT INTO memos (body) VALUES ('x');", "", True),
        ("CREATE TABLE h AS SELECT * FROM memos; DELETE FROM memos;", "", False),
        ("CREATE TABLE h AS SELECT * FROM memos WHERE id > 1; DELETE FROM memos;", "", True),
    ],
)
def test_a_table_that_is_emptied(sql: str, options: str, reported: bool) -> None:
    """An index that is filled again, and rows that are kept, are no loss."""
    assert ("D106" in codes(sql, MEMOS.format(options))) == reported


@pytest.mark.parametrize(
    ("sql", "reported"),
    [
        ("CREATE VIRTUAL TABLE f USING fts5(body, tokenize='trigram'); INSERT INTO f (rowid, body) SELECT id, body FROM memos;", False),
        ("CREATE VIRTUAL TABLE f USING fts5(body, content='memos', content_rowid='id'); INSERT INTO f(f) VALUES ('rebuild');", False),
        ("CREATE VIRTUAL TABLE f USING fts5(body);", True),
        ("CREATE VIRTUAL TABLE g USING fts5(body);", True),
        ("CREATE TABLE f (id INTEGER PRIMARY KEY, body TEXT); INSERT INTO f SELECT id, body FROM memos;", False),
        ("", True),
    ],
)  # fmt: skip
def test_a_full_text_index_that_is_dropped(sql: str, reported: bool) -> None:
    """One that is created again and filled from another table loses nothing."""
    assert ("D104" in codes(f"DROP TABLE f; {sql}", MEMOS.format(""))) == reported


# --- S109 and R106: characters that mislead ---

SPACES = "\u00a0\u2007\u202f\u3000\u2028\u200b\ufeff\u00ad\u202e"
SIGNS = "\u2018\u2019\u201c\u201d\u2013\u2212\uff0c\u00b4"


@pytest.mark.parametrize("character", [*SPACES, *SIGNS])
def test_a_character_that_misleads_is_named(character: str) -> None:
    """With its code point, at its place, whether SQLite takes the statement or not."""
    code = f"U+{ord(character):04X}"
    for code_of, sql, column in (
        ("S109", f"CREATE TABLE IF NOT EXISTS n (id INTEGER PRIMARY KEY, b{character}c TEXT);\n", 56),
        ("R106", f"CREATE TABLE{character}n (id INTEGER PRIMARY KEY);\n", 13),
    ):
        found = lint(load([("001_a.sql", sql)]))
        (d,) = (d for d in found if d.severity in ("error", "warning"))
        assert (d.code, d.line, d.column) == (code_of, 1, column)
        assert f"<{code}>" in d.message
        assert f" contains a {code} " in d.message
        assert character not in d.message


@pytest.mark.parametrize(
    "sql",
    [
        "CREATE TABLE IF NOT EXISTS größe (id INTEGER PRIMARY KEY, 名前 TEXT, e\u0301 TEXT);",
        'CREATE TABLE IF NOT EXISTS n (id INTEGER PRIMARY KEY, "a \u2013 b" TEXT, "\U0001f469\u200d\U0001f4bb" TEXT);',
        "CREATE TABLE IF NOT EXISTS n (id INTEGER PRIMARY KEY, a TEXT DEFAULT '\u2019\u00a0'); -- \u00a0",
        "\ufeffCREATE TABLE IF NOT EXISTS n (id INTEGER PRIMARY KEY);\ufeff\nSELECT 1;",  # white space to SQLite
    ],
)
def test_letters_and_texts_mislead_nobody(sql: str) -> None:
    """Names in any script, strings, comments."""
    assert not codes(f"{sql}\n") & {"S109", "R106"}


def test_what_only_follows_from_a_refusal() -> None:
    """A table that was refused is not also reported as missing by each that refers to it."""
    files = [
        ("001_a.sql", "CREATE TABLE a (id $1);"),
        ("002_b.sql", "CREATE TABLE b (id INTEGER PRIMARY KEY, a REFERENCES a);"),
    ]
    assert {d.code for d in lint(load(files)) if d.severity != "info"} == {"R106"}
