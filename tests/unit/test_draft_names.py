"""Drafts in which names change hands, views are in the way, or the desired schema does not work."""

from __future__ import annotations

import pytest

from d1migrate.errors import PlanError
from tests.unit.test_draft import there_and_back, up

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
    """Tables, views and indexes share names: each is free before another object takes it, in both directions."""
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
    """Views, triggers and indexes that SQLite stops at; the rollback creates them again."""
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
    """A view or trigger of a column that is dropped, or never was, with the place in the file."""
    gone = "CREATE TABLE u (id INTEGER PRIMARY KEY);\n" + objects
    line = gone.count("\n") + 1
    for current in (U + objects, U, gone.splitlines()[0]):
        with pytest.raises(
            PlanError,
            match=rf"^(error in {name}|schema.sql:{line}: {name} would fail).*no such column: (u\.|NEW\.)?a",
        ):
            up(current, gone, allow_drop=["all"])


def test_what_was_broken_before_stops_nothing() -> None:
    """An object that did not work in the current schema either is as the user wants it."""
    broken = "CREATE TABLE u (id INTEGER PRIMARY KEY);\nCREATE TRIGGER x AFTER INSERT ON u BEGIN UPDATE u SET a = 1; END;"
    assert up(broken, f"{broken}\nCREATE TABLE n (a);") == ["CREATE TABLE n (\n    a\n)"]
