"""Before or after the deploy: what is evident from a file, and what it has to declare."""

from __future__ import annotations

import pytest

from d1migrate.errors import PlanError, SourceError
from d1migrate.migrate.deploy_phase import compatibility, describe, impact_of
from d1migrate.migrate.history import AppliedMigration
from d1migrate.migrate.migration import Migration
from d1migrate.migrate.status import Entry

BEFORE, AFTER = "-- d1migrate: phase=before\n", "-- d1migrate: phase=after\n"
REBUILD = (
    "PRAGMA defer_foreign_keys = ON;\nCREATE TABLE t_new (id INTEGER PRIMARY KEY, x TEXT);\n"
    "INSERT INTO t_new SELECT id, x FROM t;\nDROP TABLE t;\nALTER TABLE t_new RENAME TO t;\n"
)


@pytest.mark.parametrize(
    ("sql", "phase"),
    [
        ("CREATE TABLE t (id INTEGER PRIMARY KEY);", "before"),
        ("CREATE TABLE IF NOT EXISTS t (id INTEGER PRIMARY KEY); CREATE UNIQUE INDEX i ON t(id);", "before"),
        ("CREATE INDEX i ON t(x);", "before"),
        ("CREATE VIEW v AS SELECT 1;", "before"),
        ("ALTER TABLE t ADD COLUMN y TEXT;", "before"),
        ("ALTER TABLE t ADD y TEXT; UPDATE t SET y = upper(x);", "before"),
        ("INSERT INTO t (x) VALUES ('DROP TABLE t');", "before"),
        ("INSERT INTO schema_migrations VALUES (1, 'x', 1) ON CONFLICT(version) DO NOTHING;", "before"),
        ("PRAGMA optimize; SELECT 1;", "before"),
        ("CREATE TABLE hold (x); INSERT INTO hold SELECT x FROM t; DROP TABLE hold;", "before"),
        ("CREATE TABLE a (x); ALTER TABLE a RENAME COLUMN x TO y; ALTER TABLE a RENAME TO b;", "before"),
        ("CREATE TABLE a (x); UPDATE a SET x = 1; DELETE FROM a; CREATE TRIGGER r AFTER INSERT ON a BEGIN SELECT 1; END;", "before"),
        ("DROP TABLE t;", "after"),
        ("DROP TABLE IF EXISTS main.t; DROP INDEX i; DROP VIEW v; DROP TRIGGER r;", "after"),
        ("ALTER TABLE t RENAME TO u;", "after"),
        ("ALTER TABLE t RENAME COLUMN x TO y;", "after"),
        ("ALTER TABLE t RENAME x TO y;", "after"),
        ('ALTER TABLE "t" DROP COLUMN x;', "after"),
        ("CREATE UNIQUE INDEX i ON t(x);", "after"),
        ("DROP TABLE t; SELECT 1;", "after"),
        ("INSERT INTO archive SELECT * FROM t; DROP TABLE t;", "after"),
        ("ALTER TABLE t ADD COLUMN y TEXT; ALTER TABLE t DROP COLUMN x;", None),
        ("CREATE TABLE u (x); DROP TABLE t;", None),
        ("UPDATE t SET x = 1;", None),
        ("ALTER TABLE t ADD y; UPDATE t SET y = 1, x = 2;", None),
        ("DELETE FROM t;", None),
        ("WITH old AS (SELECT 1) DELETE FROM t WHERE id IN old;", None),
        ("REPLACE INTO t (id) VALUES (1);", None),
        ("INSERT OR REPLACE INTO t (id) VALUES (1);", None),
        ("INSERT INTO t (id) VALUES (1) ON CONFLICT DO UPDATE SET x = 1;", None),
        ("CREATE TRIGGER r AFTER INSERT ON t BEGIN SELECT 1; END;", None),
        ("DROP VIEW v; CREATE VIEW v AS SELECT 2;", None),
        (REBUILD, None),
        # What is made only if it is not there may have been there.
        ("CREATE TABLE IF NOT EXISTS t (x); DROP TABLE t;", None),
        ("CREATE TABLE IF NOT EXISTS t (x); ALTER TABLE t DROP COLUMN x;", None),
        ("CREATE TABLE IF NOT EXISTS t (x); ALTER TABLE t RENAME TO u;", None),
        ("CREATE TABLE IF NOT EXISTS t (x); DELETE FROM t;", None),
        ("CREATE TABLE IF NOT EXISTS t (x); ALTER TABLE t ADD COLUMN y TEXT;", "before"),
        # A trigger may have a table's name.
        ("CREATE TABLE a (x); CREATE TRIGGER t AFTER INSERT ON a BEGIN SELECT 1; END; DROP TABLE t;", None),
        ("CREATE TABLE a (x); CREATE TRIGGER t AFTER INSERT ON a BEGIN SELECT 1; END; DROP TRIGGER t;", "before"),
        ("ALTER TABLE t RENAME TO t_old; CREATE TABLE t (id); INSERT INTO t SELECT id FROM t_old;", None),
        (BEFORE + REBUILD, "before"),
        (BEFORE + "UPDATE t SET x = 1;", "before"),
        (AFTER + "CREATE TABLE t (id INTEGER PRIMARY KEY);", "after"),
        (AFTER + "ALTER TABLE t ADD y; ALTER TABLE t DROP COLUMN x;", "after"),
        ("DROP TABLE t; -- d1migrate: phase=after", "after"),
        ("UPDATE t SET x = '\n-- d1migrate: phase=before\n';", None),
        ("UPDATE t SET x = 1;\n-- Rollback:\n--   -- d1migrate: phase=before\n--   SELECT 1;", None),
    ],
)  # fmt: skip
def test_phases(sql: str, phase: str | None) -> None:
    """Files that add run before, files that remove after; the author declares the rest."""
    assert impact_of(Migration(2, "002_case", sql)).phase == phase


@pytest.mark.parametrize(
    ("sql", "what"),
    [
        ("DROP TABLE t;", "drops table t"),
        ("ALTER TABLE t RENAME TO u;", "renames table t to u"),
        ("ALTER TABLE t DROP COLUMN x;", "drops column t.x"),
        ("CREATE TABLE u (x); ALTER TABLE t RENAME COLUMN x TO y;", "renames column t.x"),
        ("CREATE UNIQUE INDEX i ON t(x);", "makes t unique by index i"),
    ],
)
def test_a_contract_before_the_deploy_is_refused(sql: str, what: str) -> None:
    """Whatever the file declares."""
    with pytest.raises(PlanError, match="running code may break when it") as raised:
        impact_of(Migration(2, "002_case", BEFORE + sql))
    assert what in str(raised.value)


@pytest.mark.parametrize(
    ("sql", "phase", "reason"),
    [
        ("CREATE TABLE t (x);", "before", "adds table t"),
        ("SELECT 1;", "before", "removes nothing"),
        ("DROP TABLE t;", "after", "drops table t"),
        ("UPDATE t SET x = 1;", None, "updates rows of t"),
        (AFTER + "UPDATE t SET x = 1;", "after", "declared"),
        (BEFORE + "DROP TABLE t;", None, "running code may break when it"),
        (BEFORE + "SELECT 1;\n" + AFTER + "SELECT 2;", None, "declares both phases"),
        ("CREATE TABLE t (x TEXT DEFAULT 'never closed);", None, "not closed"),
    ],
)
def test_who_reads_is_told_why(sql: str, phase: str | None, reason: str) -> None:
    """Also of a file that is wrong."""
    found = describe(Migration(2, "002_case", sql))
    assert (found.phase, reason in found.reason) == (phase, True), found


def test_both_phases_are_an_error() -> None:
    """A file has one."""
    with pytest.raises(SourceError, match="declares both phases"):
        impact_of(Migration(2, "002_case", f"{BEFORE}SELECT 1;\n{AFTER}SELECT 2;"))


FILES = [
    Migration(1, "001_users", "CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT);"),
    Migration(2, "002_full", "ALTER TABLE users ADD COLUMN full_name TEXT;"),
    Migration(3, "003_drop", "ALTER TABLE users DROP COLUMN name;"),
    Migration(4, "004_fix", "UPDATE users SET full_name = '' WHERE full_name IS NULL;"),
]


def entries(*applied: int) -> list[Entry]:
    """The files beside a history."""
    found = []
    for m in FILES:
        row = AppliedMigration(m.version, m.name, 1, m.checksum) if m.version in applied else None
        found.append(Entry(m.version, m.name, "applied" if row else "pending", m, row))
    return found


@pytest.mark.parametrize(
    ("applied", "version", "needed", "breaking", "unclear"),
    [
        ((1,), 1, 0, 0, 0),
        ((1, 2), 1, 0, 0, 0),  # what was added does no harm
        ((1, 2, 3), 1, 0, 1, 0),  # what was taken away does
        ((1,), 2, 1, 0, 0),
        ((1, 2), 3, 0, 0, 0),  # the contract comes after the deploy
        ((1, 2, 3), 3, 0, 0, 0),
        ((), 0, 0, 0, 0),
        ((1, 2, 3), 4, 0, 0, 1),  # is it needed? the file does not say
        ((1, 2, 3, 4), 4, 0, 0, 0),
        ((1, 2, 3, 4), 3, 0, 0, 1),
    ],
)
def test_fitness(applied: tuple[int, ...], version: int, needed: int, breaking: int, unclear: int) -> None:
    """What is needed is there, and nothing that breaks the code."""
    found = compatibility(entries(*applied), version)
    assert (len(found.needed), len(found.breaking), len(found.unclear)) == (needed, breaking, unclear)
    assert found.fits == (not needed + breaking + unclear)


def test_fitness_of_what_is_not_known_here() -> None:
    """A newer file that is missing, and a partial migration, are unclear."""
    row = AppliedMigration(9, "009_new", 1, "v1:x")
    found = compatibility([*entries(1), Entry(9, "009_new", "missing", None, row)], 1)
    assert found.unclear == (("009_new", "its file is missing"),)
    found = compatibility([Entry(1, "001_users", "partial", FILES[0], None)], 1)
    assert found.unclear == (("001_users", "it began and did not finish"),)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (f"{BEFORE}SELECT 1;\n{AFTER}SELECT 2;", "it declares both phases"),
        (f"{BEFORE}DROP TABLE users;", "declares phase=before, but running code may break"),
        ("SELECT 'not closed", "not closed"),
    ],
)
def test_files_that_are_wrong_are_unclear(text: str, why: str) -> None:
    """They do not count for the code, and the other files are checked."""
    wrong = Migration(9, "009_wrong", text)
    row = AppliedMigration(9, "009_wrong", 0)
    found = compatibility([*entries(1), Entry(9, "009_wrong", "applied", wrong, row)], 1)
    assert len(found.unclear) == 1
    assert why in found.unclear[0].reason
    assert "\n" not in found.unclear[0].reason
