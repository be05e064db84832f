"""An online rebuild ends as the guarded one, whatever is written meanwhile."""

from __future__ import annotations

import re

import apsw
import pytest

from d1migrate.errors import PlanError
from d1migrate.migrate.migration import Migration
from tests.unit.migrate.jobs.online.running import Run, contents, drafted, guarded
from tests.unit.schema.building import database

TABLE = "CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT, b)"
CHILDREN = """
CREATE TABLE c1 (t REFERENCES t ON DELETE CASCADE); CREATE TABLE c2 (t REFERENCES t ON DELETE SET NULL);
CREATE TABLE c3 (t REFERENCES t ON DELETE RESTRICT); CREATE TABLE c4 (t INTEGER UNIQUE REFERENCES t)
"""
OTHERS = """
CREATE TABLE o (n); CREATE TRIGGER tr AFTER UPDATE ON t BEGIN INSERT INTO o VALUES (NEW.id); END;
CREATE TRIGGER other AFTER DELETE ON o BEGIN UPDATE t SET b = 1 WHERE id = OLD.n; END;
CREATE VIEW v AS SELECT a FROM t
"""
INDEXES = "CREATE UNIQUE INDEX u ON t (lower(a), b) WHERE b > 2; CREATE INDEX i ON t (b DESC)"
PARENT = "CREATE TABLE p (id INTEGER PRIMARY KEY); INSERT INTO p VALUES (1), (2), (3), (4), (5), (6), (7), (8), (9);"
CASES = {
    "check": (TABLE, "a TEXT", "a TEXT CHECK (a <> 'x')"),
    "comments": (TABLE, "a TEXT,", "a TEXT NOT NULL, -- the name\n"),
    "autoincrement": (TABLE.replace("KEY", "KEY AUTOINCREMENT"), "a TEXT", "a TEXT NOT NULL"),
    "no alias": ("CREATE TABLE t (a TEXT, b)", "a TEXT", "a TEXT NOT NULL"),
    "rowid is a column": ("CREATE TABLE t (rowid TEXT, a TEXT, b)", "a TEXT", "a TEXT NOT NULL"),
    "text key": ("CREATE TABLE t (a TEXT PRIMARY KEY, b)", "b)", "b NOT NULL)"),
    "composite": ("CREATE TABLE t (a TEXT, b, PRIMARY KEY (b, a)) WITHOUT ROWID", "a TEXT", "a TEXT NOT NULL"),
    "collated": (
        "CREATE TABLE t (a TEXT COLLATE NOCASE PRIMARY KEY, b) WITHOUT ROWID", "b)", "b NOT NULL)"),
    "to WITHOUT ROWID": (
        "CREATE TABLE t (a TEXT PRIMARY KEY NOT NULL, b)", "b)", "b) WITHOUT ROWID"),
    "to STRICT": (TABLE, "b)", "b ANY) STRICT"),
    "of another type": (TABLE, "b)", "b INTEGER)"),
    "dropped column": (TABLE.replace("b)", "b, c UNIQUE)"), ", c UNIQUE", ""),
    "generated": (
        TABLE.replace("b)", "b, g AS (a || b) UNIQUE)"), "g AS (a || b) UNIQUE", "g AS (b || a) STORED"),
    "indexes": (f"{TABLE}; {INDEXES}", "a TEXT", "a TEXT NOT NULL"),
    "new unique": (TABLE, "a TEXT", "a TEXT UNIQUE"),
    "conflict clause": (TABLE.replace("b)", "b UNIQUE ON CONFLICT REPLACE)"), "a TEXT", "a TEXT NOT NULL"),
    "itself": (TABLE.replace("b)", "b, up REFERENCES t ON DELETE CASCADE)"), "CASCADE", "SET NULL"),
    "children": (f"{TABLE}; {CHILDREN}", "a TEXT", "a TEXT NOT NULL"),
    "triggers and views": (f"{TABLE}; {OTHERS}", "a TEXT", "a TEXT NOT NULL"),
    "new parent": (PARENT + TABLE, "b)", "b REFERENCES p)"),
    "no parent": (PARENT + TABLE.replace("b)", "b REFERENCES p)"), "b REFERENCES p", "b"),
}  # fmt: skip
ROWS = """
INSERT INTO t (a, b) VALUES
('a', 1), ('B', 2), ('c', 3), ('D', 4), ('e', 5), ('F', 6), ('g', 7), ('H', 8);
"""
MEANWHILE = """
UPDATE t SET a = a || 'z' WHERE b = 2; DELETE FROM t WHERE b IN (3, 8); INSERT INTO t (a, b) VALUES ('n', 9);
DELETE FROM t WHERE b = 9
"""
STATES = ("copy", "drain", "verify", "verified")

cases = pytest.mark.parametrize(("old", "was", "is_"), CASES.values(), ids=CASES)


def both(old: str, was: str, is_: str) -> tuple[apsw.Connection, apsw.Connection, str]:
    """Two databases, of which one is the control, and the file."""
    file = drafted(old, old.replace(was, is_, 1))
    rows = "" if "c1" not in old else "INSERT INTO c1 VALUES (1), (2); INSERT INTO c2 VALUES (2), (4);"
    found = [database(f"{old}; {ROWS} {rows}") for _ in range(2)]
    return found[0], found[1], file


@cases
@pytest.mark.parametrize("state", STATES)
def test_it_ends_as_the_guarded_rebuild(old: str, was: str, is_: str, state: str) -> None:
    """Rowids, counters, indexes, triggers, views and all, with the writes of an application in any state."""
    online, control, text = both(old, was, is_)
    job = Run(online, text)
    job.until(state)
    for connection in (online, control):
        connection.execute(MEANWHILE)
    job.finish()
    guarded(control, text)
    assert contents(online) == contents(control)
    assert list(online.execute("PRAGMA foreign_key_check")) == []
    assert list(online.execute("PRAGMA integrity_check")) == [("ok",)]


@cases
@pytest.mark.parametrize("state", STATES)
def test_cancel_leaves_the_table_as_it_was(old: str, was: str, is_: str, state: str) -> None:
    """In every state before the swap."""
    online, control, text = both(old, was, is_)
    job = Run(online, text)
    job.until(state)
    job.cancel()
    assert contents(online) == contents(control)


def test_after_the_swap_it_cannot_be_cancelled() -> None:
    """The migration is recorded."""
    online, _, text = both(*CASES["indexes"])
    job = Run(online, text)
    job.until("indexes")
    with pytest.raises(PlanError, match="001_t is applied"):
        job.cancel()


def one_by_one(connection: apsw.Connection, text: str) -> None:
    """Run a file up to its first error, without a transaction."""
    for sql in Migration(1, "001_t", text).texts():
        connection.execute(sql)


@cases
@pytest.mark.parametrize("state", [*STATES, "indexes"])
def test_the_file_fails_before_it_changes_anything_while_the_job_is_open(
    old: str, was: str, is_: str, state: str
) -> None:
    """It creates a table with the name of the shadow first: wrangler may run it, and not as a transaction."""
    online, _, text = both(old, was, is_)
    job = Run(online, text)
    while job.job.state != state:
        if not job.step():
            return  # it has no indexes
    before = contents(online)
    with pytest.raises(apsw.SQLError, match=r"_d1m_hold_1.* already exists"):
        one_by_one(online, text)
    assert contents(online) == before
    job.finish()


@pytest.mark.parametrize(
    ("old", "was", "is_", "row", "named"),
    [
        (TABLE, "a TEXT", "a TEXT CHECK (a <> 'c')", "", "t row 3: CHECK constraint failed: a <> 'c'"),
        (TABLE, "b)", "b NOT NULL)", "(7, 'x', NULL)", "t row 7: NOT NULL constraint failed"),
        (TABLE, "b)", "b UNIQUE)", "(10, 'x', 5)", "t row 10: UNIQUE constraint failed"),
        (TABLE, "b)", "b UNIQUE ON CONFLICT REPLACE)", "(10, 'x', 5)", "t row 10: UNIQUE constraint failed"),
        (TABLE, "b)", "b INTEGER) STRICT", "(10, 'x', 'text')", "t row 10: cannot store TEXT value"),
        (TABLE, "b)", "b INTEGER)", "(10, 'x', '05')", 't row 10: "b", by its new type, .* value 05'),
        (PARENT + TABLE, "b)", "b REFERENCES p)", "(10, 'x', 99)", "t row 10: FOREIGN KEY constraint failed"),
        (
            "CREATE TABLE t (a TEXT, b, id, PRIMARY KEY (b, a)) WITHOUT ROWID", "id,", "id CHECK (id < 9),",
            "(10, 'x', 'y')", "t row 'y', 'x': CHECK constraint failed",
        ),
    ],
)  # fmt: skip
@pytest.mark.parametrize("later", [False, True])
def test_a_row_that_breaks_a_constraint_is_named(
    old: str, was: str, is_: str, row: str, named: str, *, later: bool
) -> None:
    """Whether it was there or is written later; when it is mended, the job continues."""
    text = drafted(old, old.replace(was, is_, 1))
    online = database(f"{old}; {ROWS}")
    insert = f"INSERT OR REPLACE INTO t (id, a, b) VALUES {row or (3, 'c', 3)}"
    if not later:
        online.execute(insert)
    job = Run(online, text)
    if later and row:
        job.until("verify")
        online.execute(insert)
    before, message = until_refused(job)
    assert re.search(named, message)
    assert contents(online) == before
    online.execute("DELETE FROM t WHERE id = 3 AND a = 'c' OR id = 10 OR id = 7 AND b IS NULL")
    job.finish()
    assert "job" not in str(contents(online)[0])


def until_refused(job: Run) -> tuple[object, str]:
    """What the database has before the chunk that is refused, and why it is."""
    while True:
        before = contents(job.connection)
        try:
            job.step()
        except apsw.Error as error:
            return before, str(error).replace("''", "'")


def test_a_cut_over_that_fails_is_repeated() -> None:
    """The table is as it was, and so is the PRAGMA that outlives the batch."""
    online, control, text = both(*CASES["triggers and views"])
    job = Run(online, text)
    job.until("verified")
    before = contents(online)
    online.authorizer = lambda action, name, *_: (
        apsw.SQLITE_DENY if (action, name) == (apsw.SQLITE_DROP_TABLE, "t") else apsw.SQLITE_OK
    )
    with pytest.raises(apsw.AuthError):
        job.step()
    online.authorizer = None
    assert contents(online) == before
    assert online.pragma("legacy_alter_table") == 1
    job.finish()
    guarded(control, text)
    assert contents(online) == contents(control)


def test_a_long_log_is_shortened_before_the_cut_over() -> None:
    """However many rows are written after the verification."""
    online, control, text = both(*CASES["check"])
    job = Run(online, text, size=700)
    job.until("verified")
    many = "WITH n(i) AS (SELECT 100 UNION ALL SELECT i + 1 FROM n WHERE i < 2500) INSERT INTO t SELECT i, i, i FROM n"
    for connection in (online, control):
        connection.execute(many)
    job.finish()
    guarded(control, text)
    assert contents(online) == contents(control)


def test_a_parent_with_too_many_rows_is_refused_at_the_start() -> None:
    """Its DROP would visit each of them."""
    online, _, text = both(*CASES["children"])
    before = contents(online)
    with pytest.raises(apsw.SQLError, match="t has more than 7 rows, and 4 foreign keys reference it"):
        Run(online, text, budget=95)
    assert contents(online) == before


def test_a_large_child_without_an_index_is_refused_at_the_start() -> None:
    """The swap would build that index; with one, the rows of the child do not matter."""
    old = f"{TABLE}; CREATE TABLE child (t INTEGER REFERENCES t)"
    new, rows = (
        old.replace("a TEXT", "a TEXT NOT NULL", 1),
        f"INSERT INTO child VALUES {', '.join(['(1)'] * 30)}",
    )
    online = database(f"{old}; {ROWS}; {rows}")
    with pytest.raises(
        apsw.SQLError, match="child has more than 24 rows, and no index on its foreign key to t"
    ):
        Run(online, drafted(old, new), budget=24)
    index = "CREATE INDEX child_t ON child (t)"
    online.execute(index)
    Run(online, drafted(f"{old}; {index}", f"{new}; {index}"), budget=24).finish()


def test_names_of_any_kind_are_quoted() -> None:
    """Quotes and spaces, in tables, columns, indexes and triggers."""
    old = """
    CREATE TABLE "o'r ""der" (id INTEGER PRIMARY KEY AUTOINCREMENT, "se lect" TEXT UNIQUE, [gro'up] INT);
    CREATE INDEX "i x" ON "o'r ""der" ([gro'up]);
    CREATE TABLE "ch ild" ("f k" REFERENCES "o'r ""der" ON DELETE SET NULL);
    CREATE TRIGGER "t g" AFTER INSERT ON "o'r ""der" BEGIN SELECT CASE WHEN 1 THEN 2 END; END;
    """
    rows = """INSERT INTO "o'r ""der" VALUES (1, 'a', 1), (2, 'b', 2), (3, 'c', 3); INSERT INTO "ch ild" VALUES (1);"""
    text = drafted(old, old.replace("UNIQUE", "UNIQUE CHECK (\"se lect\" <> '''')"), '"o\'r ""der"')
    online, control = database(old + rows), database(old + rows)
    job = Run(online, text, size=2)
    job.step()
    for connection in (online, control):
        connection.execute("""REPLACE INTO "o'r ""der" VALUES (4, 'a', 7)""")
    job.finish()
    guarded(control, text)
    assert contents(online) == contents(control)
