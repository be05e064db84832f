"""Drafts in which names are reused, views block a rename, or the desired schema does not work."""

from __future__ import annotations

import pytest

from d1migrate.errors import PlanError
from tests.unit.drafting.test_draft import there_and_back, up

U = "CREATE TABLE u (id INTEGER PRIMARY KEY, a INT);\n"
T = "CREATE TABLE t (id INTEGER PRIMARY KEY, a INT);\n"
ROWS = "INSERT INTO u VALUES (7, 1)"


@pytest.mark.parametrize(
    ("current", "desired"),
    [
        (f"{U}CREATE INDEX t ON u (a);", f"{U}{T}"),
        (f"{U}CREATE UNIQUE INDEX t ON u (a);", f"{U.replace('INT)', 'INT CHECK (a > 0))')}{T}"),
        (f"{U}CREATE VIEW t AS SELECT a FROM u;", f"{U}{T}"),
        (f"{U}CREATE VIEW t AS SELECT a FROM u;", f"{U}CREATE INDEX t ON u (a);"),
        (f"{U}{T}CREATE INDEX x ON t (a);", f"{U}CREATE TABLE x (id INTEGER PRIMARY KEY);"),
        (f"{U}{T}CREATE INDEX x ON t (a);", f"{U}CREATE VIEW x AS SELECT a FROM u;"),
        (f"{U}{T}CREATE INDEX x ON t (a);", f"{U}CREATE INDEX x ON u (a);"),
        (
            f"{U}{T}CREATE TRIGGER x AFTER INSERT ON t BEGIN SELECT 1; END;",
            f"{U}CREATE TABLE x (id INTEGER PRIMARY KEY); CREATE TRIGGER x AFTER INSERT ON u BEGIN SELECT 1; END;",
        ),
        (
            f"{U}CREATE VIEW t AS SELECT 1 a; CREATE TRIGGER x INSTEAD OF DELETE ON t BEGIN SELECT 1; END;",
            f"{U}{T}CREATE TRIGGER x AFTER DELETE ON t BEGIN SELECT 1; END;",
        ),
    ],
)
def test_a_name_changes_hands(current: str, desired: str) -> None:
    """Tables, views and indexes share names: each name is free before it is used again, both ways."""
    assert there_and_back(current, ROWS, desired, "SELECT id, a FROM u", allow_drop=["all"]) == [[(7, 1)]]
    assert there_and_back(desired, ROWS, current, "SELECT id, a FROM u", allow_drop=["all"]) == [[(7, 1)]]


TRIGGER = """\
CREATE VIEW v AS SELECT * FROM u;
CREATE TRIGGER x AFTER INSERT ON t BEGIN DELETE FROM t WHERE id IN (SELECT {0} FROM v); END;
"""
VIEWS = "CREATE VIEW v AS SELECT * FROM u;\nCREATE VIEW w AS SELECT {0} FROM v;\n"


@pytest.mark.parametrize(
    ("current", "desired", "rename", "query"),
    [
        (U + VIEWS.format("a"), U.replace("a INT", "b INT") + VIEWS.format("b"), "u.a=b", "SELECT b FROM w"),
        (
            f"{U}{VIEWS.format('a')}CREATE VIEW x AS SELECT a FROM w;\n",
            f"{U.replace('a INT', 'b INT')}{VIEWS.format('b')}CREATE VIEW x AS SELECT b FROM w;\n",
            *("u.a=b", "SELECT b FROM x"),
        ),
        (
            U + T + TRIGGER.format("a"),
            U.replace("a INT", "b INT") + T + TRIGGER.format("b"),
            *("u.a=b", "SELECT b FROM v"),
        ),
        (f"{U}CREATE INDEX p ON u (a);\n", U.replace(" u ", " p "), "u=p", "SELECT a FROM p"),
        (f"{U}CREATE VIEW p AS SELECT a FROM u;\n", U.replace(" u ", " p "), "u=p", "SELECT a FROM p"),
        (
            f'{U}CREATE TABLE ü (a);\nCREATE VIEW "p: ""q" AS SELECT * FROM u;\nCREATE VIEW r AS SELECT a FROM "p: ""q";\n',
            f'{U.replace("a INT", "b INT")}CREATE TABLE ü (a);\nCREATE VIEW "p: ""q" AS SELECT * FROM u;\n',
            *("u.a=b", "SELECT b FROM u"),
        ),
    ],
)
def test_what_is_in_the_way_of_a_rename_is_dropped_first(
    current: str, desired: str, rename: str, query: str
) -> None:
    """Views, triggers and indexes that block it; the rollback recreates them."""
    assert there_and_back(current, ROWS, desired, query, renames=[rename]) == [[(1,)]]


@pytest.mark.parametrize(
    ("objects", "name"),
    [
        ("CREATE TRIGGER x AFTER INSERT ON u BEGIN UPDATE u SET a = 1; END;", "trigger x"),
        ("CREATE TRIGGER x AFTER INSERT ON u WHEN NEW.a > 1 BEGIN SELECT 1; END;", "trigger x"),
        ("CREATE VIEW v AS SELECT a FROM u;", "view v"),
        (
            "CREATE VIEW v AS SELECT 1 AS a;\nCREATE TRIGGER x INSTEAD OF DELETE ON v BEGIN SELECT a FROM u; END;",
            "trigger x",
        ),
    ],
)
def test_a_desired_schema_that_does_not_work_is_refused(objects: str, name: str) -> None:
    """A view or trigger that uses a missing column, with its place in the file."""
    gone = "CREATE TABLE u (id INTEGER PRIMARY KEY);\n" + objects
    line = gone.count("\n") + 1
    for current in (U + objects, U, gone.splitlines()[0]):
        with pytest.raises(
            PlanError,
            match=rf"^schema.sql:{line}: {name} uses u.a, which the desired schema does not have$",
        ):
            up(current, gone, allow_drop=["all"])


E = "CREATE TABLE t (id INTEGER PRIMARY KEY, e TEXT, n INT{});\n"


@pytest.mark.parametrize("desired", ["id INTEGER PRIMARY KEY, n INT", "id INTEGER PRIMARY KEY, n TEXT"])
@pytest.mark.parametrize(
    ("inside", "objects", "name"),
    [
        ("", 'CREATE VIEW v AS SELECT "id", "e" FROM "t";', "view v"),
        ("", 'CREATE VIEW v AS SELECT id FROM t WHERE "t"."n" = 1 AND "E" = \'x\';', "view v"),
        (
            "",
            "CREATE TRIGGER x AFTER DELETE ON t BEGIN UPDATE t SET n = 1 WHERE \"e\" = 'x'; END;",
            "trigger x",
        ),
        ("", "CREATE TRIGGER x AFTER UPDATE OF n, e ON t BEGIN SELECT 1; END;", "trigger x"),
        ("", 'CREATE INDEX i ON t ("e");', "index i"),
        ("", 'CREATE INDEX i ON t (n) WHERE "e" IS NOT NULL;', "index i"),
        (", CHECK (\"e\" <> '')", "", "table t"),
        (", g AS (\"e\" || 'x')", "", "table t"),
    ],
)
def test_no_name_becomes_a_string(desired: str, inside: str, objects: str, name: str) -> None:
    """SQLite reads `"e"` as a string once t has no column e, and accepts any name in UPDATE OF."""
    wanted = f"CREATE TABLE t ({desired}{inside});\n{objects}"
    for options in ({"allow_drop": ["all"]}, {"allow_drop": ["all"], "renames": ["t.e=f"]}):
        text = wanted.replace(", n ", ", f TEXT, n ", 1) if "renames" in options else wanted
        with pytest.raises(PlanError, match=rf"^schema.sql:\d: {name} uses t.[eE], which the desired schema"):
            up(E.format(inside) + objects, text, **options)


def test_strings_in_double_quotes_stay() -> None:
    """Strings that never were a name."""
    script = E.format(', CHECK (n IN ("a", "b"))') + 'CREATE VIEW v AS SELECT id FROM t WHERE n = "live";\n'
    script += 'CREATE INDEX i ON t (n) WHERE n = "live";\n'
    assert up(script, script.replace(" e TEXT,", ""), allow_drop=["all"]) == [
        'ALTER TABLE "t" DROP COLUMN "e"'
    ]


@pytest.mark.parametrize("name", ["rowid", "oid", "_ROWID_"])
def test_columns_with_a_name_of_the_rowid(name: str) -> None:
    """ALTER TABLE neither adds nor drops them: they need a rebuild."""
    script = "CREATE TABLE t (a TEXT PRIMARY KEY);\n"
    desired = f"CREATE TABLE t (a TEXT PRIMARY KEY, {name} INT DEFAULT 7);\n"
    assert there_and_back(script, "INSERT INTO t VALUES ('x');\n", desired, f"SELECT a, {name} FROM t") == [
        [("x", 7)]
    ]
    assert there_and_back(
        desired, "INSERT INTO t VALUES ('x', 1);\n", script, "SELECT a FROM t", allow_drop=["all"]
    ) == [[("x",)]]


def test_what_was_broken_before_stops_nothing() -> None:
    """An object that is already broken in the current schema is the user's choice."""
    broken = "CREATE TABLE u (id INTEGER PRIMARY KEY);\nCREATE TRIGGER x AFTER INSERT ON u BEGIN UPDATE u SET a = 1; END;"
    assert up(broken, f"{broken}\nCREATE TABLE n (a);") == ["CREATE TABLE n (\n    a\n)"]
