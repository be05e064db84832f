"""The sync triggers invalidate: whatever is written, the shadow is a subset of the table."""

from __future__ import annotations

import apsw
import pytest

from d1migrate.migrate.jobs.online import derive
from d1migrate.migrate.jobs.online.triggers import create_triggers, trigger_names
from d1migrate.migrate.migration import Migration
from d1migrate.sql.create import parse_trigger
from tests.unit.migrate.jobs.online.running import Run, contents, drafted, guarded
from tests.unit.migrate.jobs.online.test_work import CASES
from tests.unit.schema.building import database, schema

WRITES = (
    "INSERT OR REPLACE INTO t (a, b) VALUES ('a', 1)",
    "INSERT OR IGNORE INTO t (a, b) VALUES ('B', 5)",
    "REPLACE INTO t (a, b, c) VALUES ('q', 5, 3)",
    "UPDATE OR REPLACE t SET c = 4 WHERE b = 1",
    "UPDATE OR IGNORE t SET c = 2 WHERE b = 3",
    "UPDATE t SET id = id + 100 WHERE b = 6",
    "UPDATE OR REPLACE t SET id = 2 WHERE b = 7",
    "INSERT INTO t (id, a, b, c) VALUES (4, 'u', 1, 50) ON CONFLICT DO UPDATE SET a = 'upserted'",
    "INSERT INTO t (a, b, c) VALUES ('u', 1, 5) ON CONFLICT DO UPDATE SET c = 77",
    "INSERT OR REPLACE INTO t (a, b, c) VALUES ('E', 5, 99)",
    "DELETE FROM t",
)
INDEXES = "CREATE UNIQUE INDEX by_c ON t (c); CREATE UNIQUE INDEX low ON t (lower(a) COLLATE NOCASE, b) WHERE b > 3;"


@pytest.mark.parametrize("write", WRITES)
@pytest.mark.parametrize("state", ["copy", "verify"])
@pytest.mark.parametrize(
    "user", ["", "CREATE TRIGGER own AFTER INSERT ON t BEGIN UPDATE t SET c = c + 9 WHERE id = NEW.id; END;"]
)
def test_every_kind_of_write_is_followed(write: str, state: str, user: str) -> None:
    """REPLACE deletes rows of other keys without a trigger; the new table no longer has these keys."""
    old = f"CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT, b, c); {INDEXES} {user}"
    rows = (
        "INSERT INTO t VALUES (1, 'a', 1, 1), (2, 'b', 2, 2), (3, 'c', 3, 3), (4, 'd', 4, 4), (5, 'e', 5, 5),"
    )
    rows += " (6, 'f', 6, 6), (7, 'g', 7, 7);"
    if user:
        rows = f"{rows} UPDATE t SET c = c - 100"
    text = drafted(old, old.replace(INDEXES, "").replace("b, c", "b NOT NULL, c"))
    online, control = database(f"{old} {rows}"), database(f"{old} {rows}")
    job = Run(online, text, size=4)
    job.step()
    job.until(state)
    for connection in (online, control):
        connection.execute(write)
    job.finish()
    guarded(control, text)
    assert contents(online) == contents(control)


@pytest.mark.parametrize(
    "write",
    [
        "DELETE FROM p WHERE id = 2",
        "UPDATE p SET id = 20 WHERE id = 2",
        "REPLACE INTO p (id) VALUES (2)",
        "INSERT INTO p (id) VALUES (2) ON CONFLICT DO UPDATE SET id = 21",
        "REPLACE INTO p VALUES (30, 'b')",
        "UPDATE OR REPLACE p SET name = 'b' WHERE id = 3",
        "UPDATE OR REPLACE p SET id = 2 WHERE id = 3",
    ],
)
@pytest.mark.parametrize(
    "action", ["", "ON DELETE CASCADE ON UPDATE CASCADE", "ON DELETE RESTRICT ON UPDATE RESTRICT"]
)
def test_a_new_foreign_key_does_not_bind_the_application_yet(write: str, action: str) -> None:
    """A write to the parent is accepted as before, and does not change the copy."""
    old = "CREATE TABLE p (id INTEGER PRIMARY KEY, name TEXT UNIQUE); CREATE TABLE t (id INTEGER PRIMARY KEY, a, b)"
    rows = "INSERT INTO p VALUES (1, 'a'), (2, 'b'), (3, 'c'); INSERT INTO t VALUES (1, 'x', 1), (2, 'y', 2), (3, 'z', 3)"
    online, text = database(f"{old}; {rows}"), drafted(old, old.replace("a, b)", "a, b REFERENCES p)"))
    text = text.replace("b REFERENCES p", f"b REFERENCES p {action}")
    job = Run(online, text)
    job.until("verified")
    online.execute(write)
    online.execute("UPDATE t SET b = 1 WHERE b NOT IN (SELECT id FROM p)")
    before = list(online.execute("SELECT * FROM t"))
    job.finish()
    assert list(online.execute("SELECT * FROM t")) == before


@pytest.mark.parametrize(
    "write",
    [
        "DELETE FROM t WHERE id = 1",  # it references itself
        "REPLACE INTO t VALUES (1, 2)",
        "UPDATE OR REPLACE t SET id = 3 WHERE id = 5",  # whose parent is 4, and that of 4 is 3
        "UPDATE OR REPLACE t SET id = 9, up = 9 WHERE id = 1",
        "DELETE FROM t WHERE id > 2",
    ],
)
@pytest.mark.parametrize("action", ["CASCADE", "SET NULL", "RESTRICT", "NO ACTION"])
def test_a_table_that_references_itself(write: str, action: str) -> None:
    """The rows of the copy reference the table: they neither refuse a write, nor are changed by its actions."""
    old = f"CREATE TABLE t (id INTEGER PRIMARY KEY, up REFERENCES t ON DELETE {action} ON UPDATE CASCADE);"
    rows = "INSERT INTO t VALUES (1, 1), (2, NULL), (3, 2), (4, 3), (5, 4);"
    text = drafted(old, old.replace(";", " STRICT;").replace("up", "up INTEGER"))
    online, control = database(f"{old} {rows}"), database(f"{old} {rows}")
    job = Run(online, text)
    job.step()
    job.until("verify")
    refusals = []
    for connection in (online, control):
        try:
            connection.execute(write)
            refusals.append("")
        except apsw.ConstraintError as error:
            refusals.append(str(error))
    assert refusals[0] == refusals[1]
    job.finish()
    guarded(control, text)
    assert contents(online) == contents(control)


def test_a_trigger_that_ignores_an_action() -> None:
    """REPLACE of a parent then leaves the row; an action on its copy must not delete that."""
    old = (
        "CREATE TABLE p (id INTEGER PRIMARY KEY);"
        " CREATE TABLE t (id INTEGER PRIMARY KEY, p REFERENCES p ON DELETE CASCADE, v);"
        " CREATE TRIGGER keep BEFORE DELETE ON t BEGIN SELECT RAISE(IGNORE); END;"
    )
    rows = "INSERT INTO p VALUES (1), (2); INSERT INTO t VALUES (1, 1, 'a'), (2, 2, 'b'), (3, 1, 'c');"
    text = drafted(old, old.replace("v)", "v CHECK (v <> ''))"))
    online, control = database(f"{old} {rows}"), database(f"{old} {rows}")
    job = Run(online, text)
    job.step()
    job.until("verify")
    for connection in (online, control):
        connection.execute("REPLACE INTO p VALUES (1)")
    job.finish()
    guarded(control, text)
    assert contents(online) == contents(control)


def test_each_has_the_name_by_which_it_is_dropped() -> None:
    """For every kind of table."""
    for old, was, is_ in CASES.values():
        plan = derive(Migration(1, "001_t", drafted(old, old.replace(was, is_, 1))), schema(old))
        created = [parse_trigger(sql) for sql in create_triggers(plan)]
        assert [f'"{trigger.name}"' for trigger in created if trigger] == trigger_names(plan)
