"""Rehearsals: verdicts, what the file accounts for, findings, rollbacks, and suppressions."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

import apsw
import pytest

from d1migrate.lint.platform import D1, DURABLE_OBJECT
from d1migrate.lint.replay.replayer import schema_of
from d1migrate.migrate.migration import Migration
from d1migrate.rehearse import Rehearsal, Rehearsed, ScratchDatabase, TableChange, rehearse
from d1migrate.schema.alter import statement_groups
from d1migrate.schema.diff import diff

if TYPE_CHECKING:
    from pathlib import Path

FAMILY = """
CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT, role TEXT);
CREATE TABLE posts (id INTEGER PRIMARY KEY, user_id INTEGER NOT NULL REFERENCES users(id) ON DELETE CASCADE, title TEXT);
CREATE TABLE notes (id INTEGER PRIMARY KEY, user_id INTEGER REFERENCES users(id) ON DELETE SET NULL, body TEXT);
CREATE INDEX posts_user ON posts(user_id);
CREATE INDEX notes_user ON notes(user_id);
"""
ROWS = """
INSERT INTO users VALUES (1, 'Ada', 'admin'), (2, 'Bob', NULL);
INSERT INTO posts VALUES (1, 1, 'a'), (2, 1, 'b'), (3, 2, 'c');
INSERT INTO notes VALUES (1, 1, 'n'), (2, NULL, 'm');
"""
REBUILD = """
CREATE TABLE users_new (id INTEGER PRIMARY KEY, name TEXT, role TEXT, email TEXT);
INSERT INTO users_new (id, name, role) SELECT id, name, role FROM users;
{}DROP TABLE users;
ALTER TABLE users_new RENAME TO users;
{}"""
GUARDED = "PRAGMA defer_foreign_keys = ON;\n" + REBUILD.format(
    "CREATE TRIGGER g1 BEFORE DELETE ON posts BEGIN SELECT RAISE(IGNORE); END;\n"
    "CREATE TRIGGER g2 BEFORE UPDATE ON notes BEGIN SELECT RAISE(IGNORE); END;\n",
    "DROP TRIGGER g1;\nDROP TRIGGER g2;\nPRAGMA defer_foreign_keys = OFF;\n",
)


def one(
    migration: str, before: str = FAMILY, *, rows: int = 50, severities: dict[str, str] | None = None
) -> Rehearsed:
    """Rehearse one migration on a schema with generated rows."""
    start = schema_of([Migration(1, "001_before", before)]) if before else None
    (found,) = rehearse(
        [Migration(2, "002_m", migration)], start, rows=rows, severities=severities
    ).migrations
    return found


def over(folder: Path, migration: str, before: str = FAMILY + ROWS) -> Rehearsed:
    """Rehearse one migration on the rows of a file."""
    path = database(folder, before)
    (found,) = rehearse([Migration(2, "002_m", migration)], ScratchDatabase.of(path)).migrations
    return found


def database(folder: Path, script: str, name: str = "data.sqlite") -> str:
    """Make a SQLite file."""
    (folder / name).unlink(missing_ok=True)
    with closing(apsw.Connection(str(folder / name))) as connection:
        connection.execute(script)
    return str(folder / name)


def several(*migrations: str) -> Rehearsal:
    """Rehearse migrations on an empty database."""
    return rehearse([Migration(n, f"{n:03}_m", sql) for n, sql in enumerate(migrations, 1)])


def codes(found: Rehearsed) -> list[str]:
    """The codes of unsuppressed errors and warnings."""
    return sorted(d.code for d in found.diagnostics if d.allowed is None and d.severity != "info")


def messages(found: Rehearsed, code: str) -> str:
    """The messages of a code."""
    return " | ".join(d.message for d in found.diagnostics if d.code == code)


def change(found: Rehearsed, table: str) -> TableChange:
    """The change of a table."""
    return next(c for c in found.changes if c.table == table)


# --- verdicts ---


@pytest.mark.parametrize(
    ("migration", "verdict"),
    [
        ("ALTER TABLE users ADD COLUMN email TEXT", "no loss"),
        ("CREATE TABLE teams (id INTEGER PRIMARY KEY); INSERT INTO teams VALUES (1)", "no loss"),
        ("DELETE FROM notes; UPDATE posts SET title = 'x'", "no loss"),
        (GUARDED, "no loss"),
        ("UPDATE users SET role = 'x' WHERE role IS NULL", "no loss on 150 rows"),
        ("INSERT INTO users (name) SELECT DISTINCT title FROM posts", "no loss on 150 rows"),
        ("INSERT OR IGNORE INTO users (name) SELECT title FROM posts", "no loss on 150 rows"),
        ("INSERT INTO users (name) SELECT title FROM posts, notes", "no loss on 150 rows"),
        (REBUILD.format("", ""), "loses rows"),
        ("DROP TABLE notes; CREATE TABLE log (note INTEGER); INSERT INTO log VALUES (1)", "drops data"),
        ("ALTER TABLE notes DROP COLUMN body", "drops data"),
        ("CREATE VIEW v AS SELECT id FROM nowhere", "finding"),
        ("ALTER TABLE users ADD COLUMN at TEXT DEFAULT CURRENT_TIMESTAMP", "fails"),
        ("CREATE UNIQUE INDEX u ON users(role); UPDATE users SET role = 'x'", "unproved"),
    ],
)  # fmt: skip
def test_verdicts(migration: str, verdict: str) -> None:
    """Whether rows are lost, and whether other rows may fare differently."""
    found = one(migration)
    assert found.verdict == verdict
    assert found.ok == verdict.startswith(("no loss", "drops data", "unproved"))


def test_a_promise_needs_links_and_rows() -> None:
    """If no row has a link, or a table is empty, "no loss" holds for these rows only."""
    alone = "CREATE TABLE one (id INTEGER PRIMARY KEY CHECK (id = 1), up INTEGER REFERENCES one(id) ON DELETE SET NULL);"
    assert one("ALTER TABLE one ADD COLUMN x", alone).verdict == "no loss on 1 row"
    never = "CREATE TABLE never (id INTEGER PRIMARY KEY, x TEXT NOT NULL CHECK (x = 'a' AND x = 'b'));"
    found = one("ALTER TABLE never ADD COLUMN y", never)
    assert found.verdict == "no loss on 0 rows"
    assert messages(found, "X109") == "never stayed empty, so the rehearsal proves nothing about it"
    assert found.ok


def test_a_trigger_with_a_condition_makes_a_promise_conditional() -> None:
    """A guard protects all rows; a conditional trigger may not, even if generated rows pass it."""
    assert one(GUARDED.replace("BEGIN", "WHEN OLD.id > 0 BEGIN", 1)).verdict == "no loss on 150 rows"
    assert one(GUARDED.replace("BEGIN", "WHEN OLD.id < 0 BEGIN", 1)).verdict == "loses rows"


# --- what the file accounts for ---


def test_delete_explains_its_table_and_what_it_declares() -> None:
    """Rows of the table, of its CASCADE children, and links that SET NULL cuts; all are shown."""
    found = one("DELETE FROM users")
    assert (found.verdict, codes(found)) == ("no loss", [])
    assert change(found, "users").lost_by == "DELETE"
    assert change(found, "posts").lost_by == "CASCADE of DELETE FROM users"
    assert change(found, "posts").difference.lost == 50
    assert change(found, "notes").changed_by == {"user_id": "SET NULL of DELETE FROM users"}


def test_what_triggers_delete_is_not_explained() -> None:
    """Nothing explains rows that a trigger deletes from another table."""
    found = one(
        "DELETE FROM notes WHERE id < 10",
        FAMILY + "CREATE TRIGGER t AFTER DELETE ON notes BEGIN DELETE FROM posts; END;",
    )
    assert codes(found) == ["X101"]
    assert messages(found, "X101").startswith("posts lost 50 of 50 rows (")


def test_what_triggers_set_is_explained_and_shown() -> None:
    """A trigger that stores the time of an UPDATE, or counts, does what the schema declares."""
    counts = (
        FAMILY
        + """
        CREATE TRIGGER t AFTER UPDATE ON posts BEGIN UPDATE posts SET title = 'now' WHERE id = NEW.id; END;
        CREATE TRIGGER c AFTER INSERT ON posts BEGIN UPDATE users SET role = 'author' WHERE id = NEW.user_id; END;"""
    )
    found = one("UPDATE posts SET user_id = user_id", counts)
    assert (codes(found), change(found, "posts").changed_by["title"]) == ([], "trigger t")
    found = one("INSERT INTO posts VALUES (1000, 1, 'x')", counts.replace("WHERE id = NEW.user_id", ""))
    assert (codes(found), change(found, "users").changed_by["role"]) == ([], "trigger c")


def test_a_part_of_the_rows_may_be_explained(tmp_path: Path) -> None:
    """A DELETE of some rows does not account for the rows that a DROP TABLE deletes."""
    found = over(tmp_path, "DELETE FROM posts WHERE id = 1;" + REBUILD.format("", ""))
    posts = change(found, "posts")
    assert (posts.difference.lost, posts.unexplained, posts.lost_by) == (3, 2, "DELETE")
    assert list(posts.difference.keys) == [(2,), (3,), (1,)]
    assert (
        messages(found, "X101")
        == "posts lost 2 of 3 rows (2, 3) in addition to 1 by DELETE, and nothing in the file accounts for it"
    )
    put_back = "CREATE TABLE k AS SELECT * FROM posts; DELETE FROM posts; INSERT INTO posts SELECT * FROM k; DROP TABLE k;"
    assert change(over(tmp_path, put_back + "DELETE FROM notes; DROP TABLE users"), "posts").unexplained == 3


@pytest.mark.parametrize(
    ("migration", "unnamed"),
    [
        ("UPDATE notes SET body = 'x'", {}),
        ("UPDATE notes SET body = 'x'; DELETE FROM posts; DROP TABLE users", {"user_id": 1}),
        ("UPDATE notes SET user_id = 2 WHERE id = 2; DELETE FROM posts; DROP TABLE users", {"user_id": 1}),
        ("DELETE FROM posts; DROP TABLE users; UPDATE notes SET user_id = NULL", {"user_id": 1}),
    ],
)
def test_update_explains_its_columns_only(migration: str, unnamed: dict[str, int], tmp_path: Path) -> None:
    """Only changes in these columns, and only those it makes itself."""
    migration = migration.replace(
        "DROP TABLE users", "DROP TABLE users; CREATE TABLE users (id INTEGER PRIMARY KEY)"
    )
    assert change(over(tmp_path, migration), "notes").unexplained_changes == unnamed


@pytest.mark.parametrize(
    ("before", "migration", "table", "by"),
    [
        ("", "UPDATE users SET id = id + 1000; DELETE FROM posts; DELETE FROM notes;", "users", "UPDATE of its key"),
        ("CREATE TABLE k (a TEXT PRIMARY KEY) WITHOUT ROWID; INSERT INTO k VALUES ('a'), ('b');",
         "UPDATE k SET a = a || 'x'", "k", "UPDATE of its key"),
        ("CREATE TABLE t (a UNIQUE, b); INSERT INTO t VALUES (1, 2);", "REPLACE INTO t VALUES (1, 3)", "t", ""),
        ("CREATE TABLE t (a PRIMARY KEY, b UNIQUE); INSERT INTO t VALUES (1, 2);", "REPLACE INTO t VALUES (5, 2)", "t", "REPLACE"),
        ("CREATE TABLE t (a PRIMARY KEY ON CONFLICT REPLACE, b); INSERT INTO t VALUES (1, 2);", "INSERT INTO t VALUES (1, 3)", "t", ""),
        ("CREATE TABLE t (a PRIMARY KEY, b); INSERT INTO t VALUES (1, 2);",
         "INSERT INTO t VALUES (1, 9) ON CONFLICT (a) DO UPDATE SET b = excluded.b", "t", ""),
    ],
)  # fmt: skip
def test_keys_replace_and_upsert(before: str, migration: str, table: str, by: str, tmp_path: Path) -> None:
    """Their words explain what they delete or change."""
    if table == "users":
        before = "CREATE TABLE users (id INTEGER PRIMARY KEY); INSERT INTO users VALUES (1); CREATE TABLE posts (a); CREATE TABLE notes (a);"
    found = over(tmp_path, migration, before)
    assert codes(found) == (["X111"] if by == "REPLACE" else [])
    assert change(found, table).lost_by == by
    assert not change(found, table).unexplained_changes


def test_replace_does_not_explain_what_it_sets_off(tmp_path: Path) -> None:
    """Neither children, nor rows of the same table that reference the replaced row."""
    before = "CREATE TABLE tree (id INTEGER PRIMARY KEY, up INTEGER REFERENCES tree(id) ON DELETE CASCADE); INSERT INTO tree VALUES (1, NULL), (2, 1);"
    found = over(tmp_path, "REPLACE INTO tree VALUES (1, NULL)", before)
    assert (change(found, "tree").unexplained, list(change(found, "tree").difference.keys)) == (1, [(2,)])


def test_drop_table_explains_itself() -> None:
    """Even if a new table takes the name and nothing is copied; not if copied rows get lost."""
    assert codes(one("DELETE FROM users; DROP TABLE posts;")) == []
    found = one(
        "DELETE FROM posts; DELETE FROM notes; DROP TABLE users; CREATE TABLE users (id TEXT PRIMARY KEY)"
    )
    assert (change(found, "users").lost_by, change(found, "users").unexplained) == ("DROP TABLE users", 0)
    copied = GUARDED.replace("FROM users;", "FROM users WHERE id % 2;").replace(
        "PRAGMA defer_foreign_keys = OFF;\n", ""
    )
    copied += "UPDATE posts SET user_id = (SELECT min(id) FROM users); UPDATE notes SET user_id = NULL; PRAGMA defer_foreign_keys = OFF;"
    assert change(one(copied), "users").unexplained > 0


def test_renames_are_followed() -> None:
    """Renames of tables and columns, several in a row, and through a copy."""
    found = one(
        "ALTER TABLE posts RENAME TO articles; ALTER TABLE articles RENAME COLUMN title TO heading; ALTER TABLE articles RENAME COLUMN heading TO head"
    )
    assert (codes(found), change(found, "posts").name) == ([], "articles")
    assert change(found, "posts").difference.is_nothing
    assert not change(found, "posts").dropped
    found = one(
        "CREATE TABLE n (id INTEGER PRIMARY KEY, text TEXT); INSERT INTO n (id, text) SELECT id, body FROM notes; DROP TABLE notes; ALTER TABLE n RENAME TO notes"
    )
    assert (codes(found), change(found, "notes").dropped) == ([], {"user_id": 40})
    twice = (
        GUARDED.replace("users_new", "other")
        .replace("g1", "h1")
        .replace("g2", "h2")
        .replace(", email TEXT", "")
    )
    assert codes(one(GUARDED + twice.replace("name TEXT, role TEXT", "name TEXT, role TEXT, x TEXT"))) == []


def test_a_rebuild_that_computes_a_column() -> None:
    """The SELECT explains it; nothing explains a column that takes another's place by accident."""
    computed = GUARDED.replace("SELECT id, name, role", "SELECT id, upper(name), coalesce(role, '')")
    found = one(computed)
    assert (found.verdict, change(found, "users").changed_by) == (
        "transforms data",
        {"name": "INSERT … SELECT", "role": "INSERT … SELECT"},
    )
    assert [(each.column, each.kept) for each in change(found, "users").unkept] == [("name", 0)]
    swapped = "CREATE TABLE n (id INTEGER PRIMARY KEY, body TEXT, user_id TEXT); INSERT INTO n SELECT * FROM notes; DROP TABLE notes; ALTER TABLE n RENAME TO notes; CREATE INDEX notes_user ON notes(user_id)"
    assert change(one(swapped), "notes").unexplained_changes == {"user_id": 50, "body": 50}


# --- what else is found ---


@pytest.mark.parametrize(
    ("migration", "message"),
    [
        ("PRAGMA defer_foreign_keys = ON; UPDATE notes SET user_id = 99 WHERE id = 1; PRAGMA defer_foreign_keys = OFF",
         "1 row of notes references a row of users that does not exist"),
        ("DROP TABLE posts; CREATE TRIGGER g BEFORE UPDATE ON notes BEGIN SELECT RAISE(IGNORE); END; PRAGMA defer_foreign_keys = ON; DROP TABLE users; PRAGMA defer_foreign_keys = OFF; DROP TRIGGER g",
         "1 row of notes references a row of users that does not exist"),
    ],
)  # fmt: skip
def test_orphans(migration: str, message: str, tmp_path: Path) -> None:
    """New rows that reference a missing row, or a dropped table."""
    found = over(tmp_path, migration)
    assert messages(found, "X103") == message
    assert found.verdict == "finding"


def test_deferred_keys_in_a_durable_object() -> None:
    """There d1migrate ends the deferral itself (tests/workers/test_deferred_keys.py): orphans are what counts.

    SQLite still counts violations when a table of that name is back, so D1 refuses the commit.
    """
    family = "CREATE TABLE p (id INTEGER PRIMARY KEY); CREATE TABLE c (p NOT NULL REFERENCES p(id));"
    rebuild = "CREATE TABLE n (id INTEGER PRIMARY KEY); INSERT INTO n SELECT id FROM p; DROP TABLE p;"
    for end, on_d1, in_object in (
        ("ALTER TABLE n RENAME TO p;", ["X108"], []),
        ("ALTER TABLE n RENAME TO p; DELETE FROM p;", ["X108"], ["X103"]),
    ):
        texts = (family, f"PRAGMA defer_foreign_keys = ON; {rebuild} {end}")
        files = [Migration(number, f"{number:03}_x", text) for number, text in enumerate(texts, 1)]
        for platform, expected in ((D1, on_d1), (DURABLE_OBJECT, in_object)):
            assert codes(rehearse(files, platform=platform).migrations[-1]) == expected


def test_old_orphans_are_not_the_files(tmp_path: Path) -> None:
    """Even if their table or the parent was renamed, or a foreign key does not match."""
    orphans = (
        FAMILY
        + ROWS
        + "INSERT INTO posts VALUES (9, 99, 'lost'); CREATE TABLE bad (u TEXT REFERENCES users(name));"
    )
    renamed = "ALTER TABLE posts RENAME TO articles; ALTER TABLE users RENAME TO people"
    assert codes(over(tmp_path, renamed, orphans)) == []
    more = "PRAGMA defer_foreign_keys = ON; UPDATE posts SET user_id = 99; PRAGMA defer_foreign_keys = OFF"
    assert messages(over(tmp_path, more, orphans), "X103").startswith(
        "3 rows of posts reference rows of users"
    )


EXTRAS = (
    FAMILY
    + """
    CREATE INDEX users_name ON users(name); CREATE INDEX users_role ON users(role);
    CREATE TRIGGER users_log AFTER INSERT ON users BEGIN SELECT 1; END; CREATE VIEW names AS SELECT name FROM users;
    CREATE TRIGGER names_new INSTEAD OF INSERT ON names BEGIN INSERT INTO users (name) VALUES (NEW.name); END;"""
)


@pytest.mark.parametrize(
    ("migration", "found"),
    [
        ("DROP INDEX users_name; DROP TRIGGER users_log; DROP TRIGGER names_new", {}),
        ("DROP VIEW names", {}),
        ("DROP VIEW names;" + GUARDED, {"X104": "users lost index users_name, index users_role, trigger users_log"}),
        ("DROP VIEW names;" + GUARDED + "CREATE INDEX other ON users(name); CREATE INDEX users_role ON users(role);",
         {"X104": "users lost trigger users_log"}),
        ("DROP VIEW names; CREATE VIEW names AS SELECT name FROM users", {"X104": "names lost trigger names_new"}),
        ("DELETE FROM posts; DELETE FROM notes; DROP TABLE users",
         {"X105": "view names does not work: no such table: main.users"}),
        ("DROP TRIGGER names_new; CREATE TRIGGER t AFTER INSERT ON posts BEGIN DELETE FROM nowhere; END",
         {"X105": "trigger t does not work: no such table: main.nowhere"}),
        ("CREATE TABLE users_old AS SELECT * FROM users", {"X106": "table users_old is left over"}),
        ("CREATE TABLE __new_users (id INTEGER PRIMARY KEY)", {"X106": "table __new_users is left over"}),
        ("CREATE TABLE news (id INTEGER PRIMARY KEY)", {}),
        ("CREATE TRIGGER g BEFORE DELETE ON posts BEGIN SELECT RAISE(IGNORE); END",
         {"X106": "guard trigger g on posts is left over"}),
    ],
)  # fmt: skip
def test_objects_lost_broken_and_left(migration: str, found: dict[str, str]) -> None:
    """Indexes and triggers lost with a table, broken views and triggers, and leftover helpers."""
    rehearsed = one(migration, EXTRAS)
    assert set(codes(rehearsed)) == found.keys()
    assert all(messages(rehearsed, code).startswith(message) for code, message in found.items())


# --- rollbacks ---


@pytest.mark.parametrize(
    ("migration", "state", "loses", "message"),
    [
        ("ALTER TABLE users ADD COLUMN x TEXT", "none", {}, ""),
        ("ALTER TABLE users ADD COLUMN x TEXT;\n-- Rollback: none, it stays", "irreversible", {}, ""),
        ("ALTER TABLE users ADD COLUMN x INTEGER DEFAULT 1;\n-- Rollback:\n-- ALTER TABLE users DROP COLUMN x;",
         "restores", {"users.x": 50}, ""),
        ("CREATE TABLE teams (id INTEGER PRIMARY KEY);\n-- Rollback:\n-- DROP TABLE teams;", "restores", {"teams": 50}, ""),
        ("ALTER TABLE posts RENAME TO p;\n-- Rollback:\n-- ALTER TABLE p RENAME TO posts;", "restores", {}, ""),
        (("SELECT 1;\n-- Rollback:\n-- ALTER TABLE posts ADD COLUMN x TEXT;\n-- UPDATE posts SET x = 'y' || title;\n-- ALTER TABLE posts DROP COLUMN title;"
         "\n-- ALTER TABLE posts RENAME COLUMN x TO title;"), "restores", {"posts.title": 40}, ""),
        ("SELECT 1;\n-- Rollback:\n-- DELETE FROM users;", "restores", {"users": 50, "posts": 50}, ""),
        ("CREATE TABLE teams (id INTEGER PRIMARY KEY); CREATE INDEX x ON users(role);\n-- Rollback:\n-- DROP TABLE teams;",
         "differs", {"teams": 50}, "the rollback does not restore the schema: index x is left over"),
        ("CREATE INDEX x ON users(role);\n-- Rollback:\n-- DROP INDEX y;", "fails", {}, "the rollback fails: no such index: y"),
        ("INSERT INTO users (id, name) VALUES (5000, 'x');\n-- Rollback:\n-- UPDATE users SET role = 'r';", "differs", {},
         "it cannot be applied again after its rollback: UNIQUE constraint failed: users.id"),
    ],
)  # fmt: skip
def test_rollbacks(migration: str, state: str, loses: dict[str, int], message: str) -> None:
    """The rollback runs on rows, and the migration runs once more after it."""
    found = one(migration)
    assert found.rollback
    assert (found.rollback.state, messages(found, "X107")) == (state, message)
    assert found.rollback.loses == loses
    assert found.ok == (not message)


# --- what the file allows ---


@pytest.mark.parametrize("code", ["X101", "D101", "d103,D101"])
def test_what_the_file_allows_with_a_reason(code: str) -> None:
    """It is reported but does not fail; a suppression of the linter's code works too."""
    allowed = f'-- d1migrate: allow={code} reason="no posts yet"\nDELETE FROM notes; DROP TABLE users;'
    found = one(allowed)
    assert (found.verdict, found.ok) == ("loses rows", True)
    assert [d.allowed for d in found.diagnostics if d.code == "X101"] == ["no posts yet"]
    assert not one(allowed.replace(' reason="no posts yet"', "")).ok
    assert not one(allowed.replace(code, "D110")).ok


def test_severities_are_configured() -> None:
    """By code or by letter, as for the linter."""
    migration = "DELETE FROM notes; DROP TABLE users"
    assert one(migration, severities={"X101": "warning", "X103": "off"}).ok
    assert one(migration, severities={"X": "off"}).diagnostics == ()


def test_it_stops_at_the_first_that_fails() -> None:
    """Later migrations are listed, and not rehearsed."""
    found = several("CREATE TABLE t (a)", "INSERT INTO t SELECT abs(-9223372036854775808)", "DROP TABLE t")
    assert [m.verdict for m in found.migrations] == ["no loss", "fails"]
    assert (found.not_rehearsed, found.ok) == (("003_m",), False)
    assert messages(found.migrations[1], "X108").startswith(
        "the migration fails with or without rows: integer overflow"
    )
    assert (found.migrations[1].cost, found.migrations[1].rollback) == (None, None)


def findings_of(migration: str, scale: dict[str, int], budget: int | None = 50_000) -> list[str]:
    """Return what a rehearsal finds that one batch may not write."""
    start = schema_of([Migration(1, "001_before", FAMILY)])
    (found,) = rehearse([Migration(2, "002_m", migration)], start, scale=scale, budget=budget).migrations
    return [d.message for d in found.diagnostics if d.code == "X112"]


def test_a_cost_over_the_budget() -> None:
    """By the rows of the target, exactly; a condition counts for what it leaves."""
    update = "UPDATE users SET role = 'x';\n"
    (message,) = findings_of(update, {"users": 60_000})
    assert message.startswith("about 60,000 entries in one batch: over the budget of 50,000; ")
    assert "`-- d1migrate: batch users`" in message
    assert findings_of(update, {"users": 50_000}) == []
    assert findings_of(update, {"users": 60_000}, budget=None) == []
    assert findings_of(update, {}) == []
    assert findings_of("UPDATE users SET role = 'x' WHERE id < 0;\n", {"users": 60_000}) == []


def test_the_cost_of_a_drop_counts_the_foreign_keys() -> None:
    """Every parent row is looked for in every child."""
    assert findings_of(GUARDED, {"users": 12_000})
    assert findings_of(GUARDED, {"users": 5_000}) == []


def test_a_drafted_rebuild_is_rehearsed_whatever_it_costs(tmp_path: Path) -> None:
    """The rehearsal judges the cost itself; in production its first statement would refuse it."""
    many = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 30) SELECT i, 'a' FROM n"
    before, after = (
        schema_of([Migration(1, "001_x", f"CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT{end});")])
        for end in ("", " NOT NULL DEFAULT ''")
    )
    groups = statement_groups(diff(before, after).changes, before, after, 50)
    sql = ";\n".join(sql for group in groups for sql in group.statements) + ";\n"
    path = database(tmp_path, f"CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT); INSERT INTO t {many};")
    (found,) = rehearse([Migration(2, "002_m", sql)], ScratchDatabase.of(path), budget=50).migrations
    assert "over the budget of 50" in sql
    assert found.verdict == "no loss"
    assert [d.code for d in found.diagnostics if d.severity != "info"] == ["X112"]
