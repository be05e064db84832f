"""What a file does to its own rows is no finding: renamed columns, rewritten rows, replaced indexes."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

import apsw
import pytest

from d1migrate.migrate.migration import Migration
from d1migrate.rehearse import Rehearsed, ScratchDatabase, rehearse

if TYPE_CHECKING:
    from pathlib import Path

TASKS = """
CREATE TABLE t (id INTEGER PRIMARY KEY, key TEXT UNIQUE, detail TEXT, note TEXT);
INSERT INTO t VALUES (1, 'a', 'one', 'x'), (2, 'b', 'two', NULL), (3, 'c', NULL, 'z');
CREATE TABLE k (key TEXT PRIMARY KEY NOT NULL, body TEXT);
INSERT INTO k VALUES ('tone', 'old'), ('short', 'old'), ('kept', 'old');
CREATE TABLE team (id INTEGER PRIMARY KEY, name TEXT);
INSERT INTO team VALUES (1, 'red');
CREATE TABLE member (id INTEGER PRIMARY KEY, team_id INTEGER REFERENCES team(id) ON DELETE CASCADE, name TEXT);
INSERT INTO member VALUES (1, 1, 'Ada');
"""
RUNTIME = "ALTER TABLE t RENAME COLUMN detail TO runtime;"


def over(folder: Path, migration: str, before: str = TASKS) -> Rehearsed:
    """Rehearse one migration on the rows of a file."""
    path = folder / "data.sqlite"
    with closing(apsw.Connection(str(path))) as connection:
        connection.execute(before)
    (found,) = rehearse([Migration(2, "002_m", migration)], ScratchDatabase.of(str(path))).migrations
    return found


def codes(found: Rehearsed) -> set[str]:
    """The errors and warnings of a rehearsal."""
    return {d.code for d in found.diagnostics if d.severity != "info"}


def changed(found: Rehearsed, table: str) -> dict[str, str]:
    """The changed columns of a table, by their present names, with the words that explain the change."""
    (change,) = [c for c in found.changes if c.table == table]
    return {change.label(column): change.changed_by[column] for column in change.difference.changed}


@pytest.mark.parametrize(
    ("migration", "table", "words"),
    [
        (RUNTIME + "UPDATE t SET runtime = upper(runtime) WHERE runtime IS NOT NULL", "t", {"runtime": "UPDATE"}),
        (RUNTIME + "UPDATE t SET runtime = json_object('detail', runtime)", "t", {"runtime": "UPDATE"}),
        ("UPDATE t SET detail = upper(detail);" + RUNTIME, "t", {"runtime": "UPDATE"}),
        ("UPDATE t SET detail = upper(detail);" + RUNTIME + "UPDATE t SET runtime = runtime || '!'", "t", {"runtime": "UPDATE"}),
        (RUNTIME + "ALTER TABLE t RENAME COLUMN runtime TO spent; UPDATE t SET spent = upper(spent)", "t", {"spent": "UPDATE"}),
        ("ALTER TABLE t RENAME TO tasks; ALTER TABLE tasks RENAME COLUMN detail TO runtime; UPDATE tasks SET runtime = upper(runtime)",
         "t", {"runtime": "UPDATE"}),
        ('ALTER TABLE "T" RENAME COLUMN [Detail] TO "Run time"; UPDATE T SET "run TIME" = upper("Run Time")', "t", {"Run time": "UPDATE"}),
        (("ALTER TABLE t ADD COLUMN fresh TEXT; UPDATE t SET fresh = upper(detail); ALTER TABLE t DROP COLUMN detail;"
         "ALTER TABLE t RENAME COLUMN fresh TO detail"), "t", {"detail": "UPDATE"}),
        (("UPDATE t SET note = 'n' WHERE id = 1; ALTER TABLE t ADD COLUMN fresh TEXT; UPDATE t SET fresh = upper(detail);"
         "ALTER TABLE t DROP COLUMN detail; ALTER TABLE t RENAME COLUMN fresh TO detail"), "t", {"detail": "UPDATE", "note": "UPDATE"}),
        (("CREATE TABLE n (id INTEGER PRIMARY KEY, key TEXT, runtime TEXT, note TEXT); INSERT INTO n SELECT id, key, detail, note FROM t;"
         "DROP TABLE t; ALTER TABLE n RENAME TO t; UPDATE t SET runtime = upper(runtime)"), "t", {"runtime": "UPDATE"}),
        ("DELETE FROM k WHERE key IN ('tone', 'short'); INSERT INTO k VALUES ('tone', 'new'), ('short', 'new')",
         "k", {"body": "DELETE and INSERT"}),
        ("DELETE FROM k; INSERT INTO k VALUES ('tone', 'new'), ('short', 'newer'), ('kept', 'old')", "k", {"body": "DELETE and INSERT"}),
        ("CREATE TABLE h AS SELECT * FROM k; DELETE FROM k; INSERT INTO k SELECT key, upper(body) FROM h; DROP TABLE h",
         "k", {"body": "DELETE and INSERT"}),
        ("CREATE TABLE n AS SELECT key, upper(body) AS body FROM k; DROP TABLE k; ALTER TABLE n RENAME TO k",
         "k", {"body": "CREATE TABLE … AS"}),
        ("DELETE FROM t WHERE id = 1; INSERT INTO t (id, key, detail, note) VALUES (1, 'a', 'uno', 'x')", "t", {"detail": "DELETE and INSERT"}),
        ("DELETE FROM t WHERE key = 'a'; INSERT OR IGNORE INTO t VALUES (1, 'a', 'uno', 'x')", "t", {"detail": "DELETE and INSERT"}),
        ("DELETE FROM team WHERE id = 1; INSERT INTO team VALUES (1, 'blue'); INSERT INTO member VALUES (1, 1, 'Bob')",
         "member", {"name": "CASCADE of DELETE FROM team and INSERT"}),
    ],
)  # fmt: skip
def test_values_that_the_file_writes(
    migration: str, table: str, words: dict[str, str], tmp_path: Path
) -> None:
    """Under any name of the column, and in rows that the file deletes and writes again."""
    found = over(tmp_path, migration)
    assert (codes(found) - {"X111"}, changed(found, table)) == (set(), words)


@pytest.mark.parametrize(
    "migration",
    [
        "CREATE TABLE h AS SELECT * FROM k; DELETE FROM k; INSERT INTO k SELECT key, key FROM h; DROP TABLE h",
        RUNTIME + "CREATE TRIGGER x AFTER UPDATE OF note ON t BEGIN SELECT 1; END; DROP TRIGGER x; UPDATE t SET note = 'n';"
        "CREATE TABLE n (id INTEGER PRIMARY KEY, key TEXT, note TEXT, runtime TEXT); INSERT INTO n SELECT * FROM t; DROP TABLE t;"
        "ALTER TABLE n RENAME TO t",
    ],
)  # fmt: skip
def test_values_that_nothing_names(migration: str, tmp_path: Path) -> None:
    """Rows that are copied by position, or into another column, are still found."""
    assert codes(over(tmp_path, migration)) & {"X101", "X102"}


EV = "CREATE TABLE ev (id TEXT PRIMARY KEY NOT NULL, org TEXT NOT NULL, at INTEGER, tag TEXT COLLATE NOCASE);"
ANEW = (
    "CREATE TABLE n (id TEXT PRIMARY KEY NOT NULL, org TEXT NOT NULL, at INTEGER NOT NULL DEFAULT 0, tag TEXT COLLATE NOCASE);"
    "INSERT INTO n SELECT id, org, coalesce(at, 0), tag FROM ev; DROP TABLE ev; ALTER TABLE n RENAME TO ev;"
)


@pytest.mark.parametrize(
    ("lost", "instead", "is_lost"),
    [
        ("INDEX i ON ev(org)", "INDEX j ON ev(org, at)", False),
        ("INDEX i ON ev(org)", "UNIQUE INDEX j ON ev(org, at)", False),
        ("INDEX i ON ev(org)", "INDEX j ON ev(org DESC)", False),
        ("INDEX i ON ev(org, at)", "INDEX j ON ev(org DESC, at DESC)", False),
        ("INDEX i ON ev(org, at)", "UNIQUE INDEX j ON ev(org)", False),
        ("INDEX i ON ev(id, at)", "INDEX j ON ev(at)", False),
        ("UNIQUE INDEX i ON ev(org)", "UNIQUE INDEX j ON ev(org)", False),
        ("INDEX i ON ev(lower(org))", "INDEX j ON ev(LOWER(org), at)", False),
        ("INDEX i ON ev(org) WHERE at > 0", "INDEX j ON ev(org)", False),
        ("INDEX i ON ev(org) WHERE at > 0", "INDEX j ON ev(org, tag) WHERE at > 0", False),
        ("INDEX i ON ev(tag)", "INDEX j ON ev(tag COLLATE NOCASE)", False),
        ("INDEX i ON ev(org)", "INDEX j ON ev(at, org)", True),
        ("INDEX i ON ev(org)", "INDEX j ON ev(org) WHERE at > 0", True),
        ("INDEX i ON ev(org)", "INDEX j ON ev(org COLLATE NOCASE)", True),
        ("INDEX i ON ev(org, at)", "INDEX j ON ev(org, at DESC)", True),
        ("INDEX i ON ev(lower(org))", "INDEX j ON ev(upper(org))", True),
        ("UNIQUE INDEX i ON ev(org)", "INDEX j ON ev(org)", True),
        ("UNIQUE INDEX i ON ev(org)", "UNIQUE INDEX j ON ev(org, at)", True),
        ("UNIQUE INDEX i ON ev(org)", "UNIQUE INDEX j ON ev(org) WHERE at > 0", True),
    ],
)  # fmt: skip
def test_an_index_that_another_replaces(lost: str, instead: str, is_lost: bool, tmp_path: Path) -> None:
    """A wider index that finds the same rows and is as strict or stricter; no other index."""
    found = over(tmp_path, f"{ANEW}CREATE {instead};", f"{EV}CREATE {lost};")
    assert ("X104" in codes(found)) == is_lost


def test_data_is_taken_as_it_is(tmp_path: Path) -> None:
    """An empty table stays empty before and after a migration; it is named, and nothing is promised."""
    empty = "CREATE TABLE o (id INTEGER PRIMARY KEY); CREATE TABLE p (id INTEGER PRIMARY KEY); INSERT INTO p VALUES (1);"
    path = tmp_path / "data.sqlite"
    with closing(apsw.Connection(str(path))) as connection:
        connection.execute(empty)
    files = [
        Migration(
            2,
            "002_m",
            "CREATE TABLE q (id INTEGER PRIMARY KEY); INSERT INTO q SELECT id FROM p JOIN o USING (id);",
        )
    ]
    files.append(Migration(3, "003_m", "ALTER TABLE q ADD COLUMN x TEXT; ALTER TABLE o ADD COLUMN x TEXT;"))
    found = rehearse(files, ScratchDatabase.of(str(path)))
    assert (dict(found.rows), dict(found.empty)) == ({"o": 0, "p": 1}, {"o": "the data has no rows for it"})
    assert [m.verdict for m in found.migrations] == ["no loss on 1 row"] * 2
    said = [d.message for d in found.migrations[1].diagnostics if d.code == "X109"]
    assert said == [f"{name} stayed empty, so the rehearsal proves nothing about it" for name in ("o", "q")]
