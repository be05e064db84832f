"""Rehearsals look for removed values elsewhere: only a complete, plain copy counts as no loss."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Any

import apsw
import pytest

from d1migrate.migrate.migration import Migration
from d1migrate.rehearse import Rehearsed, ScratchDatabase, rehearse
from d1migrate.rehearse.model import Rehearsal
from d1migrate.report import rehearsal

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

BEFORE = """
CREATE TABLE live (id INTEGER PRIMARY KEY, v TEXT, w TEXT);
INSERT INTO live VALUES (1, 'a', 'p'), (2, 'b', 'q'), (3, NULL, 'r');
CREATE TABLE arch (id INTEGER PRIMARY KEY, v TEXT, w TEXT);
INSERT INTO arch VALUES (9, 'b', 'old');
CREATE TABLE o (id INTEGER PRIMARY KEY);
INSERT INTO o VALUES (1);
CREATE TABLE u (id INTEGER PRIMARY KEY, first TEXT, last TEXT, email TEXT, verified INTEGER, status TEXT, price REAL, n INTEGER, profile TEXT);
INSERT INTO u VALUES (1, 'Ann', 'Lee', 'a@x', 1, 'active', 19.99, 5, '{"city":"Rome"}'), (2, 'Bob', NULL, 'b@x', 0, 'banned', 0.29, 7, '{}');
CREATE TABLE settings (id INTEGER PRIMARY KEY, key TEXT UNIQUE, value TEXT, edited_by TEXT);
INSERT INTO settings VALUES (7, 'theme', 'dark', 'ann');
CREATE TABLE named (key TEXT PRIMARY KEY, value TEXT, edited_by TEXT);
INSERT INTO named VALUES ('theme', 'dark', 'ann');
CREATE TABLE tags (k TEXT PRIMARY KEY, x TEXT);
INSERT INTO tags VALUES ('a', '1'), ('A', '2');
CREATE VIRTUAL TABLE texts USING fts5(body);
INSERT INTO texts (rowid, body) VALUES (4, 'one');
CREATE TABLE pages (id INTEGER PRIMARY KEY, slug TEXT UNIQUE ON CONFLICT REPLACE, w TEXT);
INSERT INTO pages VALUES (1, 'a', 'keep');
CREATE VIEW shown AS SELECT id, slug FROM pages;
CREATE TRIGGER hide INSTEAD OF DELETE ON shown BEGIN DELETE FROM pages WHERE id = old.id; END;
"""
ADD = "ALTER TABLE u ADD COLUMN x {}; UPDATE u SET x = {}; ALTER TABLE u DROP COLUMN {};"
ANEW = "CREATE TABLE n (id INTEGER PRIMARY KEY, v TEXT, w TEXT); INSERT INTO n {} FROM live; DROP TABLE live; ALTER TABLE n RENAME TO live;"
TAGS = "CREATE TABLE n (k TEXT COLLATE {} PRIMARY KEY, x TEXT); REPLACE INTO n SELECT * FROM tags; DROP TABLE tags; ALTER TABLE n RENAME TO tags;"


def over(folder: Path, migration: str) -> Rehearsed:
    """Rehearse one migration on the rows above."""
    path = folder / "data.sqlite"
    with closing(apsw.Connection(str(path))) as connection:
        connection.execute(BEFORE)
    (found,) = rehearse([Migration(2, "002_m", migration)], ScratchDatabase.of(str(path))).migrations
    return found


def missing(found: Rehearsed) -> dict[str, int]:
    """How many values of each column are not kept."""
    return {f"{c.table}.{u.column}": u.missing for c in found.changes for u in c.unkept}


@pytest.mark.parametrize(
    ("migration", "verdict", "values"),
    [
        # archived, then dropped
        ("INSERT INTO arch SELECT * FROM live WHERE v IS NOT NULL; DROP TABLE live", "copies partly", {"live.id": 1, "live.w": 1}),
        ("INSERT INTO arch SELECT live.* FROM live JOIN o USING (id); DROP TABLE live", "copies partly", {"live.id": 2, "live.v": 1, "live.w": 2}),
        ("INSERT INTO arch VALUES (1, 'x', 'y'); INSERT OR IGNORE INTO arch SELECT * FROM live; DROP TABLE IF EXISTS live",
         "copies partly", {"live.v": 1, "live.w": 1}),
        ("INSERT INTO arch (id, v) SELECT id, v FROM live; DROP TABLE live", "copies partly", {"live.w": 3}),
        ("INSERT INTO arch SELECT * FROM live LIMIT 2; DROP TABLE live", "copies partly", {"live.id": 1, "live.w": 1}),
        ("CREATE TABLE h AS SELECT * FROM live WHERE id < 3; INSERT INTO arch SELECT * FROM h; DROP TABLE h; DROP TABLE live",
         "copies partly", {"live.id": 1, "live.w": 1}),
        ("INSERT INTO arch SELECT id, upper(v), w FROM live; DROP TABLE live", "transforms data", {"live.v": 2}),
        ("DROP TABLE live", "drops data", {}),
        ("DROP TABLE live; CREATE TABLE live (id INTEGER PRIMARY KEY, v TEXT, w TEXT); INSERT INTO live VALUES (1, 'x', 'y'), (2, 'x', 'y'), (3, 'x', 'y')",
         "drops data", {}),
        ("INSERT INTO arch (id, v) SELECT rowid, upper(body) FROM texts; DROP TABLE texts", "transforms data", {"texts.body": 1}),
        # a column, then dropped
        (ADD.format("TEXT", "first || ' ' || last", "first"), "transforms data", {"u.first": 2}),
        (ADD.format("INTEGER", "CAST(price * 100 AS INTEGER)", "price"), "transforms data", {"u.price": 2}),
        (ADD.format("TEXT", "json_extract(profile, '$.city')", "profile"), "transforms data", {"u.profile": 2}),
        (ADD.format("INTEGER", "(status = 'active')", "status"), "transforms data", {"u.status": 2}),
        (ADD.format("TEXT", "email WHERE verified = 1", "email"), "copies partly", {"u.email": 1}),
        (ADD.format("TEXT", "upper(status)", "status") + "ALTER TABLE u RENAME COLUMN x TO status;", "transforms data", {"u.status": 2}),
        ("CREATE TABLE emails (id INTEGER, email TEXT); INSERT INTO emails SELECT id, email FROM u WHERE verified; ALTER TABLE u DROP COLUMN email",
         "copies partly", {"u.email": 1}),
        ("ALTER TABLE u DROP COLUMN email", "drops data", {"u.email": 2}),
        # rebuilt
        (ANEW.format("SELECT id, 'v', 'w'"), "transforms data", {"live.v": 2, "live.w": 3}),
        (ANEW.format("SELECT row_number() OVER (ORDER BY id) * 2, v, w"), "transforms data", {"live.id": 2}),
        (ANEW.format("SELECT id, upper(v), w"), "transforms data", {"live.v": 2}),
        (ANEW.format("SELECT id, CASE v WHEN 'a' THEN 'x' ELSE v END, w"), "transforms data", {"live.v": 1}),
        (TAGS.format("NOCASE"), "replaces rows", {}),
        # REPLACE
        ("INSERT OR REPLACE INTO settings (key, value) VALUES ('theme', 'light')", "replaces rows", {"settings.id": 1, "settings.edited_by": 1}),
        ("INSERT OR REPLACE INTO named (key, value) VALUES ('theme', 'light')", "replaces rows", {"named.edited_by": 1}),
        ("INSERT INTO pages (id, slug) VALUES (3, 'a')", "replaces rows", {"pages.w": 1}),
        ("INSERT INTO pages VALUES (3, 'a', 'b')", "replaces rows", {}),
    ],
)  # fmt: skip
def test_what_did_not_arrive(migration: str, verdict: str, values: dict[str, int], tmp_path: Path) -> None:
    """DROP, REPLACE and expressions have verdicts of their own, with the number of values per column."""
    found = over(tmp_path, migration)
    assert (found.verdict, missing(found), found.ok) == (verdict, values, True)
    assert [d.code for d in found.diagnostics if d.severity == "warning"] == ["X111"] * (
        verdict != "drops data"
    )


@pytest.mark.parametrize(
    "migration",
    [
        "INSERT INTO arch SELECT * FROM live; DROP TABLE live",
        "CREATE TABLE h AS SELECT * FROM live; INSERT INTO arch SELECT * FROM h; DROP TABLE h; DROP TABLE live",
        "INSERT INTO arch SELECT * FROM live WHERE id < 2; INSERT INTO arch SELECT * FROM live WHERE id >= 2; DROP TABLE live",
        "DELETE FROM arch; INSERT INTO arch SELECT * FROM live; DROP TABLE live",
        "CREATE TABLE copy (id TEXT, v TEXT, w BLOB); INSERT INTO copy SELECT * FROM live; DROP TABLE live",
        "ALTER TABLE live RENAME TO other; ALTER TABLE other RENAME COLUMN v TO vv",
        ADD.format("TEXT", "email", "email"),
        ADD.format("TEXT", "email", "email") + "ALTER TABLE u RENAME COLUMN x TO email;",
        ADD.format("TEXT", "n", "n"),
        ADD.format("REAL", "n", "n"),
        ADD.format("TEXT", "coalesce(last, '-')", "last"),
        ANEW.format("SELECT id, coalesce(v, '-'), w"),
        TAGS.format("BINARY"),
        "INSERT OR REPLACE INTO named VALUES ('theme', 'light', 'bob')",
        "UPDATE u SET first = upper(first)",
        "DELETE FROM shown WHERE id = 1",
        "INSERT INTO arch (id, v) SELECT rowid, body FROM texts; DROP TABLE texts",
        "DROP TABLE named; CREATE TABLE named (key TEXT PRIMARY KEY, value TEXT, edited_by TEXT); INSERT INTO named VALUES ('theme', 'dark', 'ann')",
        "INSERT INTO settings (key, value) VALUES ('theme', 'light') ON CONFLICT (key) DO UPDATE SET value = excluded.value",
    ],
)  # fmt: skip
def test_what_arrived_is_no_loss(migration: str, tmp_path: Path) -> None:
    """Rows moved, columns renamed, types widened, NULL filled, and what a statement deletes by name."""
    found = over(tmp_path, migration)
    assert found.verdict.startswith("no loss")
    assert (missing(found), [d.code for d in found.diagnostics if d.severity != "info"]) == ({}, [])


def report(found: Rehearsed) -> tuple[Sequence[str], Any]:
    """The lines of a report, and the tables of its JSON."""
    whole = Rehearsal((found,), (), {}, {})
    lines = rehearsal.text(whole, verbose=False, paint=lambda text, _: text)
    return lines, rehearsal.values(whole, None)["migrations"][0]["tables"]


def test_the_report_has_counts_and_rows(tmp_path: Path) -> None:
    """The report names the first rows and where values are kept; the JSON lists all rows."""
    found = over(tmp_path, "INSERT INTO arch SELECT * FROM live WHERE v IS NOT NULL; DROP TABLE live")
    lines, tables = report(found)
    assert (
        "  002_m: live 3 of 3 rows lost (DROP TABLE live); id: 2 of 3 values kept in arch.id; w: 2 of 3 values kept in arch.w"
        in lines
    )
    (diagnostic,) = [d for d in found.diagnostics if d.code == "X111"]
    assert (
        diagnostic.message
        == "1 of 3 values of live.id is not in arch.id (3); 1 of 3 values of live.w is not in arch.w (3 'r')"
    )
    assert diagnostic.source == "INSERT INTO arch SELECT * FROM live WHERE v IS NOT NULL; DROP TABLE live"
    assert tables[0]["not_kept"][1] == {
        "name": "w", "value_count": 3, "kept_count": 2, "into": ["arch.w"], "plain": True, "replaced": False, "gone": False,
        "sample": [{"id": 3, "w": "r"}],
    }  # fmt: skip


def test_a_table_that_is_moved_is_said_to_be(tmp_path: Path) -> None:
    """It is reported as moved, not as lost."""
    lines, tables = report(over(tmp_path, "INSERT INTO arch SELECT * FROM live; DROP TABLE live"))
    assert "  002_m: live 3 rows moved to arch (DROP TABLE live)" in lines
    assert tables[0]["moved_to"] == ["arch"]


@pytest.mark.parametrize("code", ["X111", "D104"])
def test_what_the_file_allows(code: str, tmp_path: Path) -> None:
    """A suppression by its own code or by the linter's code for it; the verdict stays the same."""
    sql = f'-- d1migrate: allow={code} reason="archived elsewhere"\nINSERT INTO arch SELECT * FROM live LIMIT 1; DROP TABLE live;'
    found = over(tmp_path, sql)
    assert found.verdict == "copies partly"
    assert [d.allowed for d in found.diagnostics if d.code == "X111"] == ["archived elsewhere"]


def test_it_can_be_made_an_error(tmp_path: Path) -> None:
    """Then the rehearsal does not pass."""
    path = tmp_path / "data.sqlite"
    with closing(apsw.Connection(str(path))) as connection:
        connection.execute(BEFORE)
    files = [Migration(2, "002_m", "INSERT INTO arch SELECT * FROM live LIMIT 1; DROP TABLE live")]
    found = rehearse(files, ScratchDatabase.of(str(path)), severities={"X111": "error"}).migrations[0]
    assert (found.verdict, found.ok) == ("copies partly", False)


def test_without_data_generated_rows_show_it() -> None:
    """For every table that the file reads."""
    files = [Migration(1, "001_m", BEFORE.split("INSERT")[0]), Migration(2, "002_m", "DROP TABLE live")]
    files += [Migration(3, "003_m", "CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT)")]
    files += [
        Migration(
            4,
            "004_m",
            "ALTER TABLE t ADD COLUMN b TEXT; UPDATE t SET b = upper(a); ALTER TABLE t DROP COLUMN a",
        )
    ]
    assert [m.verdict for m in rehearse(files).migrations] == [
        "no loss",
        "drops data",
        "no loss",
        "transforms data",
    ]
