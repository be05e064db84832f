"""Where the rows of a rehearsal come from, how they are compared, and what a migration costs on real rows."""

from __future__ import annotations

import os
import tempfile
from contextlib import closing
from typing import TYPE_CHECKING

import apsw
import pytest

from d1migrate.errors import ParseError, UsageError
from d1migrate.migrate.migration import Migration
from d1migrate.rehearse import Rehearsal, Rehearsed, ScratchDatabase, rehearse

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

TABLES = """
CREATE TABLE plans (id TEXT PRIMARY KEY, rank INTEGER UNIQUE, name TEXT);
CREATE TABLE users (id INTEGER PRIMARY KEY, plan TEXT REFERENCES plans(id), name TEXT);
CREATE INDEX users_plan ON users(plan);
"""


def several(
    *migrations: str, start: ScratchDatabase | None = None, scale: Mapping[str, int] | None = None
) -> Rehearsal:
    """Rehearse migrations, on a database or on an empty one."""
    return rehearse([Migration(n, f"{n:03}_m", s) for n, s in enumerate(migrations, 1)], start, scale=scale)


def verdicts(*migrations: str) -> list[str]:
    """The verdicts on migrations, on an empty database."""
    return [migration.verdict for migration in several(*migrations).migrations]


# --- generated rows ---


@pytest.mark.parametrize(
    "seed",
    [
        "INSERT INTO users (id, name) VALUES (9, 'Ada'), (10, 'Bob'), (11, 'Cid'), (12, 'Dan'), (13, 'Eve')",
        "INSERT INTO plans VALUES ('free', 11, 'Free'), ('pro', 12, 'Pro'); INSERT INTO plans VALUES ('max', 13, 'Max')",
        "INSERT INTO users SELECT 10, NULL, 'Gus' UNION ALL SELECT 11, NULL, 'Hal'",
        "INSERT OR ABORT INTO users (id, name) VALUES (9, (SELECT name FROM plans))",
        "UPDATE users SET plan = 'free'",
        "INSERT INTO users VALUES (999, 'pro', 'Ivo'), (998, 'max', 'Jan')",
        "ALTER TABLE users ADD COLUMN other TEXT REFERENCES plans(id); UPDATE users SET other = 'basic'",
    ],
)
def test_generated_rows_fit_what_a_file_writes_out(seed: str) -> None:
    """Keys that the file inserts are free, and keys that it references exist."""
    _, verdict = verdicts(TABLES, seed)
    assert verdict.startswith("no loss on ")


def test_generated_rows_do_not_hide_what_fails() -> None:
    """A duplicate key in the file, a parent that it deletes, a copy into a narrower table."""
    for migration in (
        "INSERT INTO users (id) VALUES (1); INSERT INTO users (id) VALUES (1)",
        "DELETE FROM plans",
        "INSERT INTO users (id, plan) VALUES (5000, 'x'); DELETE FROM plans WHERE id <> 'x'",
        "CREATE TABLE n (id INTEGER PRIMARY KEY, plan TEXT NOT NULL); INSERT INTO n SELECT id, plan FROM users",
    ):
        assert verdicts(TABLES, migration)[1] == "fails"


PLANS = "CREATE TABLE m (id TEXT PRIMARY KEY, plan TEXT NOT NULL, at TEXT NOT NULL, note TEXT);\n"
CHECKED = PLANS + (
    "CREATE TRIGGER m_plan BEFORE {0} ON m {1} BEGIN SELECT RAISE(ABORT, 'invalid plan'){2}; END;\n"
)
RUNS = (
    "CREATE TABLE users (id TEXT PRIMARY KEY, tenant TEXT NOT NULL, note TEXT);\n"
    "CREATE TABLE runs (id INTEGER PRIMARY KEY, user TEXT NOT NULL);\n"
    "CREATE TABLE copies (id INTEGER PRIMARY KEY, tenant TEXT NOT NULL);\n"
)
TENANT = "(SELECT tenant FROM users u WHERE u.id = r.user)"
COPY = "INSERT INTO m (id, plan, at) SELECT id || '-copy', plan, at FROM m;"
LINKED = "CREATE TABLE n (id INTEGER PRIMARY KEY, user TEXT NOT NULL REFERENCES users(id)); INSERT INTO n SELECT * FROM runs;"


@pytest.mark.parametrize(
    ("before", "migration", "verdict"),
    [
        # lookups: generated texts seldom meet
        (RUNS, f"INSERT INTO copies SELECT r.id, {TENANT} FROM runs r;", "unproved"),
        (RUNS, "INSERT INTO copies SELECT r.id, u.tenant FROM runs r LEFT JOIN users u ON u.id = r.user;", "unproved"),
        (RUNS, f"WITH f AS (SELECT id, {TENANT} AS t FROM runs r) INSERT INTO copies SELECT id, t FROM f;", "unproved"),
        (RUNS, f"ALTER TABLE runs ADD COLUMN tenant TEXT NOT NULL DEFAULT ''; UPDATE runs AS r SET tenant = {TENANT};", "unproved"),
        (RUNS, ("CREATE TRIGGER t AFTER INSERT ON runs BEGIN INSERT INTO copies SELECT new.id, (SELECT tenant FROM users"
         " WHERE id = new.user); END; INSERT INTO runs SELECT id + 1000, user FROM runs;"), "unproved"),
        # dates, and other texts that have a form
        (PLANS, "CREATE TABLE n (id TEXT, at INTEGER NOT NULL); INSERT INTO n SELECT id, unixepoch(plan) FROM m;", "unproved"),
        (PLANS, "UPDATE m SET at = strftime('%s', plan);", "unproved"),
        (PLANS, "CREATE TABLE n (at TEXT CHECK (date(at) IS NOT NULL)); INSERT INTO n SELECT plan FROM m;", "unproved"),
        (PLANS, "CREATE TABLE n (v NOT NULL); INSERT INTO n SELECT json_extract(note, '$.v') FROM m;", "unproved"),
        # what a trigger refuses
        (CHECKED.format("INSERT", "WHEN NEW.plan NOT IN ('solo', 'team')", ""), COPY, "unproved"),
        (CHECKED.format("INSERT", "", " WHERE NEW.plan NOT IN ('solo', 'team')"), COPY, "unproved"),
        (CHECKED.format("UPDATE", "WHEN NEW.plan = OLD.plan", ""), "UPDATE m SET at = plan;", "unproved"),
        (CHECKED.format("INSERT", "", ""), COPY, "fails"),
        (CHECKED.format("DELETE", "", ""), "DELETE FROM m;", "fails"),
        # a link that nothing has kept so far
        (RUNS, LINKED, "no loss"),
        (RUNS, "PRAGMA defer_foreign_keys = ON;" + LINKED, "no loss"),
        (RUNS, LINKED.replace("SELECT *", "SELECT id, user || '!'"), "no loss"),
        (RUNS, LINKED.replace("users(id)", "users(id) CHECK (user GLOB 'u[0-9]')"), "unproved"),
        # what the file asserts of rows
        (RUNS, ("SELECT json_extract('{}', 'no admin') WHERE NOT EXISTS (SELECT 1 FROM users WHERE id = 'admin')"
         " AND EXISTS (SELECT 1 FROM users);"), "unproved"),
        # NULL is allowed, so some rows have it
        (RUNS, "INSERT INTO copies SELECT rowid + 1000, note FROM users;", "fails"),
        (RUNS, "UPDATE users SET tenant = note;", "fails"),
        (RUNS, "UPDATE users SET tenant = NULL;", "fails"),
        (RUNS, "INSERT INTO copies (id) SELECT id FROM runs;", "fails"),
        (RUNS, "ALTER TABLE runs ADD COLUMN tenant TEXT NOT NULL;", "fails"),
        (RUNS, "ALTER TABLE runs ADD COLUMN at DEFAULT (unixepoch());", "fails"),
    ],
)  # fmt: skip
def test_only_what_any_rows_show_fails(before: str, migration: str, verdict: str) -> None:
    """What depends on the values of generated rows is unproved: other rows may pass."""
    found = several(before, migration).migrations[1]
    assert found.verdict.split(" on ")[0] == verdict
    codes = {"unproved": ["X110"], "fails": ["X108"]}.get(verdict, [])
    assert [d.code for d in found.diagnostics if d.severity != "info"] == codes


@pytest.mark.parametrize(
    ("before", "migration"),
    [
        ("SELECT 1;", "BEGIN TRANSACTION; CREATE TABLE a (id); COMMIT;"),
        (RUNS, "CREATE INDEX i ON runs (nosuch);"),
        (RUNS, "INSERT INTO copies VALUES (1, NULL);"),
        (RUNS, "INSERT INTO copies VALUES (1, 'a'), (1, 'b');"),
        ("CREATE TABLE t (a);", "SELECT json_extract('{}', 'never');"),
    ],
)
def test_what_always_fails_is_not_for_rows(before: str, migration: str) -> None:
    """The message says so, and the reason does not mention an empty database."""
    (found,) = several(before, migration).migrations[1].diagnostics
    assert found.code == "X108"
    assert found.message.startswith("the migration fails with or without rows: ")
    assert "empty" not in found.why


@pytest.mark.parametrize(
    ("rollback", "state"),
    [
        (f"INSERT INTO copies SELECT r.id + 1000, {TENANT} FROM runs r;", "unproved"),
        ("CREATE UNIQUE INDEX i ON copies (tenant, length(tenant)); CREATE UNIQUE INDEX j ON copies (length(tenant) > 0);", "unproved"),
        ("INSERT INTO copies VALUES (1000, 'a'), (1000, 'b');", "fails"),
        ("UPDATE users SET tenant = note;", "fails"),
    ],
)  # fmt: skip
def test_a_rollback_that_only_real_rows_can_prove(rollback: str, state: str) -> None:
    """A rollback is treated as a migration is."""
    found = several(RUNS, f"SELECT 1;\n-- Rollback:\n-- {rollback}\n").migrations[1]
    assert found.rollback
    assert found.rollback.state == state
    assert [d.code for d in found.diagnostics] == [{"unproved": "X110", "fails": "X107"}[state]]


def test_what_is_unproved_fails_on_rows_of_ones_own(tmp_path: Path) -> None:
    """On the user's own rows it is an error."""
    script = RUNS + "INSERT INTO users VALUES ('a', 't', ''); INSERT INTO runs VALUES (1, 'b');"
    migration = f"INSERT INTO copies SELECT r.id, {TENANT} FROM runs r;"
    (found,) = several(migration, start=ScratchDatabase.of(database(tmp_path, script))).migrations
    assert [found.verdict, *(d.code for d in found.diagnostics if d.severity == "error")] == ["fails", "X108"]


def test_real_rows_are_never_changed_to_fit(tmp_path: Path) -> None:
    """A migration that conflicts with the target's own rows fails."""
    script = (
        TABLES + "INSERT INTO plans VALUES ('free', 1, 'Free'); INSERT INTO users VALUES (1, 'free', 'Ada');"
    )
    for migration in ("INSERT INTO users (id) VALUES (1)", "UPDATE users SET plan = 'pro'"):
        found = several(migration, start=ScratchDatabase.of(database(tmp_path, script)))
        assert found.migrations[0].verdict == "fails"


def test_a_migration_may_record_itself() -> None:
    """The history tables exist, as before the first `up`, and the rollback can run again."""
    record = "INSERT INTO schema_migrations (version, name, applied_at) VALUES (1, '001_m', 1) ON CONFLICT(version) DO NOTHING;"
    found = several("CREATE TABLE t (a);" + record + "\n-- Rollback:\n-- DROP TABLE t;")
    assert (
        found.migrations[0].verdict,
        found.migrations[0].rollback.state if found.migrations[0].rollback else "",
    ) == ("no loss", "restores")


def test_tables_that_stay_empty_are_named() -> None:
    """Empty tables of the start, and empty tables that a migration creates."""
    found = several("CREATE TABLE never (x INTEGER NOT NULL CHECK (x > 1 AND x < 1))", "DROP TABLE never")
    assert list(found.empty) == ["never"]
    assert "CHECK (x > 1 AND x < 1)" in found.empty["never"]
    assert found.rows == {"never": 0}


def test_rows_and_their_number() -> None:
    """Tables get as many rows as requested; fewer than one is refused."""
    migrations = [Migration(1, "001_m", TABLES)]
    assert rehearse(migrations, rows=7).rows == {"plans": 7, "users": 7}
    with pytest.raises(UsageError, match="0 rows"):
        rehearse(migrations, rows=0)


# --- real rows ---


def database(folder: Path, script: str = TABLES, *, wal: bool = False) -> str:
    """Make a SQLite file."""
    path = folder / "data.sqlite"
    path.unlink(missing_ok=True)
    with closing(apsw.Connection(str(path))) as connection:
        if wal:
            connection.pragma("journal_mode", "wal")
        connection.execute(script)
    return str(path)


def files(folder: Path) -> dict[str, bytes]:
    """The files in a folder; for shared memory only that it exists."""
    return {p.name: b"" if p.name.endswith("-shm") else p.read_bytes() for p in folder.iterdir()}


@pytest.mark.parametrize("committed", [True, False])
def test_a_file_in_wal_mode_with_a_writer(
    committed: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rows committed to the WAL are used; file and WAL do not change, and no file is left over."""
    data, scratch = tmp_path / "data", tmp_path / "scratch"
    data.mkdir()
    scratch.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(scratch))
    path = database(data, TABLES + "INSERT INTO users (id) VALUES (1)", wal=True)
    with closing(apsw.Connection(path)) as writer:
        writer.execute("BEGIN IMMEDIATE; INSERT INTO users (id, name) VALUES (7, 'Ada')")
        if committed:
            writer.execute("COMMIT")
        before = files(data)
        found = several("DELETE FROM users WHERE id = 7", start=ScratchDatabase.of(path)).migrations[0]
        assert files(data) == before
        assert writer.execute("SELECT count(*) FROM users").get == 2
    lost = [c.difference for c in found.changes if c.table == "users"]
    assert [(d.before, d.lost) for d in lost] == ([(2, 1)] if committed else [])
    assert os.listdir(scratch) == []


EXPORT = """PRAGMA defer_foreign_keys=TRUE;
CREATE TABLE posts (id INTEGER PRIMARY KEY AUTOINCREMENT, user_id INTEGER REFERENCES users(id), body TEXT);
INSERT INTO "posts" ("id","user_id","body") VALUES(1,1,'it''s; -- ''a''');
INSERT INTO "posts" ("id","user_id","body") VALUES(2,2,replace('a\\nb','\\n',char(10)));
CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT);
INSERT INTO "users" ("id","name") VALUES(1,'Ada');
INSERT INTO "users" ("id","name") VALUES(2,NULL);
DELETE FROM sqlite_sequence;
INSERT INTO "sqlite_sequence" ("name","seq") VALUES('posts',9);
CREATE INDEX posts_user ON posts(user_id);
CREATE TRIGGER t AFTER DELETE ON posts BEGIN UPDATE users SET name = 'x'; SELECT 1; END;
"""


def test_an_export(tmp_path: Path) -> None:
    """D1's export, in which children precede their parents."""
    (tmp_path / "export.sql").write_text(EXPORT)
    ground = ScratchDatabase.of(str(tmp_path / "export.sql"))
    found = several("UPDATE posts SET id = id + 10; INSERT INTO posts (body) VALUES ('c')", start=ground)
    assert dict(found.rows) == {"posts": 2, "users": 2}
    assert found.migrations[0].verdict == "no loss"
    assert [(c.table, c.lost_by) for c in found.migrations[0].changes] == [("posts", "UPDATE of its key")]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"SQLite format 3\0" + b"\xff" * 600, "data"),
        (b"CREATE TABLE t (a);\nINSERT INTO nowhere VALUES (1);", "no such table: nowhere"),
        (b"CREATE TABLE t (a 'not closed", "not closed"),
        (b"\xff\xfe\x00 no text", "it is not UTF-8"),
        (None, "No such file"),
    ],
)
def test_data_that_cannot_be_read(content: bytes | None, says: str, tmp_path: Path) -> None:
    """The error names the file, and what such a file should be."""
    path = tmp_path / "data"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(UsageError, match=says) as error:
        ScratchDatabase.of(str(path))
    assert str(path) in str(error.value)
    assert error.value.hint == "expected a SQLite file or a D1 export"


def over(folder: Path, migration: str, script: str) -> Rehearsed:
    """Rehearse one migration on the rows of a file."""
    return several(migration, start=ScratchDatabase.of(database(folder, script))).migrations[0]


# --- rows before and after ---


def test_a_new_type_that_keeps_values_changes_none(tmp_path: Path) -> None:
    """5 equals '5' in TEXT and 5.0 in REAL; '007' does not equal 7."""
    before = "CREATE TABLE t (id INTEGER PRIMARY KEY, a INTEGER, b INTEGER, c TEXT); INSERT INTO t VALUES (1, 5, 5, '7'), (2, NULL, -1, '007');"
    copy = "CREATE TABLE n (id INTEGER PRIMARY KEY, a TEXT, b REAL, c INTEGER); INSERT INTO n SELECT * FROM t; DROP TABLE t; ALTER TABLE n RENAME TO t"
    found = over(tmp_path, copy, before)
    assert (found.verdict, found.changes[0].unexplained_changes) == ("loses rows", {"c": 1})


@pytest.mark.parametrize("key", ["a", "a UNIQUE", "a PRIMARY KEY", "n"])
def test_tables_without_a_key_are_compared_too(key: str, tmp_path: Path) -> None:
    """By rowid, by a UNIQUE column, or by content if they are copied; NULL in a key is no key."""
    before = f"CREATE TABLE t ({key}, b, c); INSERT INTO t VALUES (NULL, 1, 1), (NULL, 1, 1), ('x', 2, 'X');"
    assert over(tmp_path, "UPDATE t SET b = 5", before).verdict == "no loss"
    name = key.split()[0]
    rebuild = f"CREATE TABLE u ({name}, b, c); INSERT INTO u SELECT {name}, b, c FROM t{{}}; DROP TABLE t; ALTER TABLE u RENAME TO t"
    assert not over(tmp_path, rebuild.format(""), before).diagnostics
    assert over(tmp_path, rebuild.format(" LIMIT 2"), before).changes[0].unexplained == 1


# --- cost ---

SCALED = TABLES.replace("REFERENCES plans(id)", "") + "INSERT INTO plans (id) VALUES ('a'), ('b');" + "".join(
    f"INSERT INTO users VALUES ({i}, 'a', 'n');" for i in range(1, 11)
)  # fmt: skip


@pytest.mark.parametrize(
    ("migration", "here", "there"),
    [
        ("UPDATE users SET name = 'x'", 10, 1000),
        ("UPDATE users SET plan = 'b'", 20, 2000),
        ("UPDATE plans SET name = 'x'", 2, 2),
        ("CREATE INDEX i ON users(name)", 11, 1001),
        ("CREATE TABLE c AS SELECT * FROM users; CREATE INDEX i ON c(name)", 23, 2003),
        ("CREATE TABLE c AS SELECT * FROM plans", 4, 4),
        ("INSERT INTO users (plan) SELECT id FROM plans", 4, 4),
        ("INSERT INTO users (plan) VALUES ('a')", 2, 2),
        ("INSERT INTO plans (id) SELECT 'u' || id FROM users", 30, 3000),
        ("ALTER TABLE users RENAME TO people; UPDATE people SET name = 'x'", 11, 1001),
        ("CREATE TABLE n (id INTEGER PRIMARY KEY); INSERT INTO n SELECT id FROM users; DROP TABLE users; ALTER TABLE n RENAME TO users; CREATE INDEX i ON users(id)", 24, 2004),
    ],
)  # fmt: skip
def test_scale(migration: str, here: int, there: int, tmp_path: Path) -> None:
    """Each statement's rows are multiplied by the target's rows of the table it reads."""
    ground = ScratchDatabase.of(database(tmp_path, SCALED))
    cost = several(migration, start=ground, scale={"Users": 1000}).migrations[0].cost
    assert cost
    assert (cost.rows_written, cost.scaled_rows_written) == (here, there)
    assert cost.scaled_seconds
    assert cost.scaled_seconds > cost.seconds * (0.99 if here == there else 1)


def test_no_scale_no_estimate() -> None:
    """A table that does not exist cannot be scaled, either."""
    cost = several(TABLES, "DELETE FROM users").migrations[1].cost
    assert cost
    assert (cost.rows_written, cost.scaled_rows_written, cost.scaled_seconds) == (50, None, None)
    with pytest.raises(UsageError, match="cannot scale people: no such table") as error:
        several(TABLES, scale={"people": 5})
    assert error.value.hint == "tables: plans, users"


def test_what_cannot_be_parsed_is_said() -> None:
    """A parse error is not reported as a migration that fails on rows."""
    with pytest.raises(ParseError, match="not closed"):
        several(TABLES, "DELETE FROM users WHERE name = 'x")
