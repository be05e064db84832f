"""Rules about batch and online migrations: where they speak, and where not."""

from __future__ import annotations

import pytest

from d1migrate.lint.runner import lint
from d1migrate.migrate.jobs.job import KEY_STAYS
from d1migrate.migrate.migration import Migration

USERS = (
    "CREATE TABLE users (id INTEGER PRIMARY KEY, email TEXT, norm TEXT, kind TEXT NOT NULL DEFAULT 'x');\n"
)
DEFAULTED = USERS.replace("norm TEXT", "norm TEXT DEFAULT ''")
INSERT = (
    "CREATE TRIGGER fill_users_norm_on_insert AFTER INSERT ON users WHEN new.norm IS NULL BEGIN"
    " UPDATE users SET norm = lower(email) WHERE id = new.id; END;\n"
)
UPDATE = (
    "CREATE TRIGGER fill_users_norm_on_update AFTER UPDATE OF email ON users WHEN new.norm IS old.norm BEGIN"
    " UPDATE users SET norm = lower(email) WHERE id = new.id; END;\n"
)


def found(code: str, sql: str, given: str = USERS) -> list[tuple[str, int, int, str | None]]:
    """(message, line, column, fix) of the findings of one rule."""
    files = [Migration(1, "001_given", given), Migration(2, "002_case", sql)]
    return [
        (d.message, d.line, d.column, d.fix)
        for d in lint(files, only={"002_case"})
        if d.code == code and d.allowed is None
    ]


def filling(statement: str) -> str:
    """A batch migration of users."""
    return f"-- d1migrate: batch users\n{statement};\n"


# --- P112: what cannot run in chunks ---


def test_the_place_in_the_statement() -> None:
    """What the cut says, at its place."""
    sql = filling("UPDATE users\nSET norm = norm || 'x'")
    ((message, line, column, fix),) = found("P112", sql)
    assert message.startswith("a second run would change norm again")
    assert "write the value to a new column" in message
    assert (line, column, fix) == (3, 12, None)


def test_the_place_of_what_is_not_in_a_statement() -> None:
    """A file without one, and one with two."""
    ((message, line, column, _),) = found("P112", "-- A comment.\n-- d1migrate: batch users\n")
    assert (message, line, column) == ("a batch migration needs a statement", 2, 1)
    sql = filling("UPDATE users SET norm = ''") + "  DELETE FROM users;\n"
    ((message, line, column, _),) = found("P112", sql)
    assert (line, column) == (3, 3)
    assert "this is a second one" in message


def test_the_record_does_not_count() -> None:
    """The statement with which a file records itself."""
    record = "INSERT INTO schema_migrations (version, name, applied_at) VALUES (2, '002_case', 0);\n"
    assert found("P112", filling("UPDATE users SET norm = '' WHERE norm IS NULL") + record) == []


@pytest.mark.parametrize(
    ("directive", "message", "fix"),
    [
        (
            "batch t",
            "t is WITHOUT ROWID, so the directive needs its key",
            '-- d1migrate: batch t by a, "b c"',
        ),
        ("batch t by a", "the rows of t are found by its rowid or its primary key", "by a"),
        ("batch t by a, b", "t has no column b", "by a"),
        ('batch t by a, "b c"', None, None),
        ("batch r", None, None),
        ("batch r by a", "the primary key of r may be NULL, so its rows are found by the rowid", "batch r"),
        ("batch r by b", "the rows of r are found by its rowid or its primary key", "batch r"),
        ("batch k by a", None, None),
        ("batch i by a", None, None),
        ("batch s", "s has a column rowid, which is not its rowid", "-- d1migrate: batch s by _rowid_"),
        ("batch s by _rowid_", None, None),
        ("batch o", None, None),
    ],
)
def test_the_key(directive: str, message: str | None, fix: str | None) -> None:
    """A table without rowids is read by its primary key, which the directive has to name."""
    given = (
        'CREATE TABLE t (a TEXT, "b c" TEXT, n TEXT, PRIMARY KEY (a, "b c")) WITHOUT ROWID;'
        "CREATE TABLE r (a TEXT PRIMARY KEY, b TEXT, n TEXT);"
        "CREATE TABLE k (a TEXT NOT NULL PRIMARY KEY, n TEXT);"
        "CREATE TABLE i (a INTEGER PRIMARY KEY, n TEXT);"
        "CREATE TABLE s (rowid TEXT, n TEXT);"
        "CREATE TABLE o (rowid INTEGER PRIMARY KEY, n TEXT);"
    )
    sql = f"-- d1migrate: {directive}\nUPDATE {directive.split()[1]} SET n = '' WHERE n IS NULL;\n"
    told = found("P112", sql, given)
    assert [one[0] for one in told] == ([message] if message else [])
    assert not told or (fix or "") in (told[0][3] or "")


def test_the_rowid_under_its_own_name() -> None:
    """The statement alone does not show it: an INTEGER PRIMARY KEY is the rowid."""
    sql = filling("UPDATE users SET id = 7 WHERE id = 8")
    ((message, line, _, _),) = found("P112", sql)
    assert (message, line) == (f"it changes id, by which its rows are found: {KEY_STAYS}", 1)


@pytest.mark.parametrize(
    ("target", "columns", "is_found"),
    [
        ("(a INTEGER PRIMARY KEY, email TEXT)", "(email)", True),
        ("(a INTEGER PRIMARY KEY, email TEXT)", "(a, email)", False),
        ("(a INTEGER PRIMARY KEY, email TEXT UNIQUE)", "(email)", False),
        ("(a, email TEXT)", "", True),
        ("(a UNIQUE, email TEXT)", "", False),
    ],
)
def test_an_insert_without_a_key(target: str, columns: str, *, is_found: bool) -> None:
    """ON CONFLICT DO NOTHING needs something to conflict with."""
    values = "email" if columns == "(email)" else "id, email"
    sql = filling(f"INSERT OR IGNORE INTO copies {columns} SELECT {values} FROM users")
    messages = [one[0] for one in found("P112", sql, f"{USERS}CREATE TABLE copies {target};")]
    assert len(messages) == is_found
    assert all("the INSERT sets no unique key of copies" in message for message in messages)


def test_a_table_that_does_not_exist() -> None:
    """The directive and the statement agree, and are wrong."""
    sql = "-- d1migrate: batch others\nDELETE FROM others WHERE id < 7;\n"
    assert [one[0] for one in found("P112", sql)] == ["there is no table others"]


def test_a_view_of_the_table() -> None:
    """It shows rows that earlier chunks have changed, also through another view."""
    views = (
        "CREATE VIEW a AS SELECT count(*) AS n FROM users; CREATE VIEW b AS SELECT n FROM a;"
        "CREATE VIEW c AS SELECT 1 AS users;"
    )
    for view, is_found in (("a", True), ("b", True), ("c", False)):
        sql = filling(f"UPDATE users\nSET norm = (SELECT 1 FROM {view})")
        told = found("P112", sql, USERS + views)
        message = f"{view} reads rows of users, some of which earlier chunks have changed"
        assert [one[:3] for one in told] == ([(message, 3, 27)] if is_found else [])


def test_another_table() -> None:
    """The statement and the directive name the same table."""
    sql = filling("UPDATE others SET n = ''")
    ((message, line, _, _),) = found("P112", sql, USERS + "CREATE TABLE others (id INTEGER PRIMARY KEY, n);")
    assert "others" in message
    assert line == 2


# --- P113: what cannot run online ---

REBUILD = """\
PRAGMA defer_foreign_keys = ON;
CREATE TABLE "_d1m_hold_1" AS SELECT "id", "email", "norm", "kind" FROM "users";
DROP TABLE "users";
CREATE TABLE users (id INTEGER PRIMARY KEY, email TEXT NOT NULL, norm TEXT, kind TEXT NOT NULL DEFAULT 'x');
INSERT INTO "users" ("id", "email", "norm", "kind") SELECT "id", "email", "norm", "kind" FROM "_d1m_hold_1";
DROP TABLE "_d1m_hold_1";
"""


def test_a_rebuild_alone() -> None:
    """As `rebuild` drafts it."""
    assert found("P113", "-- d1migrate: online users\n" + REBUILD) == []


@pytest.mark.parametrize(
    ("sql", "message", "place"),
    [
        ("-- d1migrate: online users\n" + REBUILD + "DELETE FROM users;\n", "nothing else", (8, 1)),
        ("-- d1migrate: online users\nUPDATE users SET norm = '';\n", "nothing else", (2, 1)),
        ("-- d1migrate: online posts\n" + REBUILD, "", None),
    ],
)
def test_more_than_a_rebuild(sql: str, message: str, place: tuple[int, int] | None) -> None:
    """Another statement, none at all, or the rebuild of another table."""
    ((told, line, column, _),) = found("P113", sql)
    assert message in told
    assert place in (None, (line, column))


# --- W105: companion triggers ---


def test_both_triggers_are_missing() -> None:
    """With the place of the column, and the SQL."""
    ((message, line, column, fix),) = found("W105", filling("UPDATE users SET norm = lower(email)"))
    assert message == (
        "no trigger fills users.norm in rows that old code inserts and changes email of while the chunks run"
    )
    assert (line, column) == (2, 18)
    assert fix is not None
    assert fix.count("CREATE TRIGGER") == 2
    assert found("W105", filling("UPDATE users SET norm = lower(email)"), USERS + fix) == []


def test_one_trigger_is_missing() -> None:
    """It is named by what fires it."""
    sql = filling("UPDATE users SET norm = lower(email) WHERE norm IS NULL")
    assert "that old code inserts while" in found("W105", sql, USERS + UPDATE)[0][0]
    assert "that old code changes email of while" in found("W105", sql, USERS + INSERT)[0][0]
    assert found("W105", sql, USERS + INSERT + UPDATE) == []


@pytest.mark.parametrize(
    ("statement", "given"),
    [
        ("UPDATE users SET kind = lower(email) WHERE kind = 'x'", USERS),
        ("UPDATE users SET norm = lower(email) WHERE norm = ''", DEFAULTED),
        ("UPDATE users SET norm = 'none' WHERE norm IS NULL", USERS),
        ("DELETE FROM users WHERE norm IS NULL", USERS),
        (
            "INSERT OR IGNORE INTO old SELECT id FROM users",
            USERS + "CREATE TABLE old (id INTEGER PRIMARY KEY);",
        ),
    ],
)
def test_no_trigger_is_needed(statement: str, given: str) -> None:
    """Old code writes the column, or nothing is computed from other columns."""
    assert found("W105", filling(statement), given) == []


def test_an_ordinary_migration_needs_no_trigger() -> None:
    """It fills all rows at once."""
    assert found("W105", "UPDATE users SET norm = lower(email) WHERE norm IS NULL;\n") == []


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE users AS u SET norm = lower(u.email) WHERE norm IS NULL",
        "UPDATE users SET norm = email || o.id FROM old AS o WHERE o.id = users.id",
        "UPDATE users SET norm = lower(email) WHERE norm IS NULL AND kind = 'x'",
    ],
)
def test_no_sql_is_proposed_that_would_do_something_else(statement: str) -> None:
    """The value of an alias or of another table, or a condition: the author writes the trigger."""
    given = USERS + "CREATE TABLE old (id INTEGER PRIMARY KEY);"
    ((_, _, _, fix),) = found("W105", filling(statement), given)
    assert fix is None


# --- W106: companion triggers that are left ---


@pytest.mark.parametrize(
    ("sql", "left"),
    [
        ("DROP TRIGGER fill_users_norm_on_update;", ["insert"]),
        ("ALTER TABLE users RENAME COLUMN norm TO email_norm;", ["insert", "update"]),
        ("DROP TRIGGER fill_users_norm_on_insert; DROP TRIGGER fill_users_norm_on_update;", []),
        ("ALTER TABLE users ADD COLUMN other TEXT;", []),
        ("CREATE TABLE other (id INTEGER PRIMARY KEY);", []),
        ("DROP TABLE users;", []),
    ],
)
def test_triggers_after_the_deploy(sql: str, left: list[str]) -> None:
    """A migration that drops one, or that contracts the column, has to drop both."""
    messages = [message for message, *_ in found("W106", sql, USERS + INSERT + UPDATE)]
    assert messages == [
        f"trigger fill_users_norm_on_{event} still fills users.norm for old code" for event in left
    ]


def test_triggers_of_others_may_stay() -> None:
    """Only those with the names that are drafted are known to be companions."""
    given = USERS + (INSERT + UPDATE).replace("fill_users_norm", "keep")
    assert found("W106", "DROP TRIGGER keep_on_insert;", given) == []


# --- H111: directives ---


@pytest.mark.parametrize(
    "directive", ["batch users", "online users", "allow=D104", 'allow=D104 reason="r"', "phase=after"]
)
def test_a_directive_without_its_colon(directive: str) -> None:
    """It would have no effect, so it is reported, with the line that was meant; prose is not."""
    ((message, line, _, proposed),) = found(
        "H111", f"-- d1migrate {directive}\nUPDATE users SET norm = '';\n"
    )
    assert (message, line) == (f"not a valid directive: 'd1migrate {directive}'", 1)
    assert (proposed or "").startswith(f"-- d1migrate: {directive.partition('=')[0]}")
    assert not found("H111", "-- d1migrate applies this online.\nUPDATE users SET norm = '';\n")


@pytest.mark.parametrize(
    ("directive", "message", "fix"),
    [
        ("bacth users", "not a valid directive: 'bacth users'", "-- d1migrate: batch users"),
        ("onlin users", "not a valid directive: 'onlin users'", "-- d1migrate: online users"),
        ("phase=befor", "not a valid directive: 'phase=befor'", "-- d1migrate: phase=before"),
        ("alow=D104", "not a valid directive: 'alow=D104'", '-- d1migrate: allow=CODE reason="…"'),
        ("ignore this", "not a valid directive: 'ignore this'", None),
        ("batch", "batch needs the name of a table: `-- d1migrate: batch TABLE [by COLUMN", None),
        ("batch users row 5", "row is not an option of batch: did you mean rows?", None),
        ("online users rows 5", "rows is not an option of online: `-- d1migrate: online TABLE`", None),
    ],
)
def test_bad_directives(directive: str, message: str, fix: str | None) -> None:
    """What was meant, or how it is written."""
    ((told, line, _, proposed),) = found("H111", f"-- d1migrate: {directive}\nUPDATE users SET norm = '';\n")
    assert told.startswith(message)
    assert line == 1
    assert (proposed or "").startswith(fix or "")
    assert (proposed is None) == (fix is None)
