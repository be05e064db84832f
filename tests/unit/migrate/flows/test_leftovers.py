"""What an interrupted guarded rebuild leaves behind, and the SQL that removes it safely."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from d1migrate.drivers.sqlite import SqliteDriver
from d1migrate.migrate.flows.leftovers import hold_tables, leftovers
from d1migrate.schema import introspect
from d1migrate.sql.batch import Batch, Query
from d1migrate.sql.split import split

if TYPE_CHECKING:
    from d1migrate.schema.model import Schema

USERS = "CREATE TABLE users (id INTEGER PRIMARY KEY, name);"


def schema(sql: str) -> Schema:
    """The schema that some SQL builds."""
    driver = SqliteDriver(":memory:", url="sqlite::memory:")
    try:
        driver.batch(Batch([Query(piece.sql) for piece in split(sql) if piece.sql]))
        return introspect.read(driver.batch(Batch(introspect.QUERIES, reads=True)))
    finally:
        driver.close()


@pytest.mark.parametrize(
    ("sql", "rows", "expected", "message", "fix"),
    [
        (
            f"{USERS} CREATE TRIGGER _d1m_guard_users BEFORE DELETE ON users BEGIN SELECT RAISE(IGNORE); END",
            {},
            USERS,
            "UPDATE on users",
            ('DROP TRIGGER "_d1m_guard_users";',),
        ),
        (f"{USERS} CREATE INDEX _d1m_i ON users (id)", {}, USERS, "index _d1m_i", ('DROP INDEX "_d1m_i";',)),
        (
            "CREATE TABLE _d1m_counts (n)",
            {"_d1m_counts": 3},
            USERS,
            "no rows of",
            ('DROP TABLE "_d1m_counts";',),
        ),
        ("CREATE TABLE _d1m_hold (id)", {}, USERS, "no rows of", ('DROP TABLE "_d1m_hold";',)),
        # rows that may be the only copy are never dropped
        ("CREATE TABLE _d1m_hold (id)", {"_d1m_hold": 1}, None, "it holds 1 row, maybe the only copy", ()),
        (
            "CREATE TABLE _d1m_hold (id, name)",
            {"_d1m_hold": 2},
            USERS,
            "2 rows, maybe the only copy of users, which is missing: keep it",
            (),
        ),
        (
            f"{USERS} CREATE TABLE _d1m_hold (id, other)",
            {"_d1m_hold": 2},
            USERS,
            "2 rows, maybe the only copy: keep it",
            (),
        ),
        (
            f"{USERS} CREATE TABLE _d1m_hold (id, name, _d1m_rowid)",
            {"_d1m_hold": 2},
            USERS,
            "of users",
            ('DROP TABLE "_d1m_hold";',),
        ),
        (
            f"{USERS} CREATE TABLE _d1m_sequence_users (seq)",
            {"_d1m_sequence_users": 1},
            USERS,
            "AUTOINCREMENT",
            (),
        ),
    ],
)
def test_a_leftover(
    sql: str, rows: dict[str, int], expected: str | None, message: str, fix: tuple[str, ...]
) -> None:
    """One problem, with the SQL that removes it if that loses nothing."""
    (problem,) = leftovers(schema(sql), rows, schema(expected) if expected else None)
    assert problem.kind == "leftover"
    assert message in problem.message
    assert problem.fix == fix


def test_an_online_rebuild_whose_job_is_gone() -> None:
    """Its triggers block nothing, so long as its tables exist; its copy is not the only one."""
    live = schema(
        f"{USERS} CREATE TABLE _d1m_hold_1 (id, name, late); CREATE TABLE _d1m_log_1 (k1);"
        " CREATE TRIGGER _d1m_sync_1_delete AFTER DELETE ON users"
        " BEGIN DELETE FROM _d1m_hold_1 WHERE id = OLD.id; END"
    )
    for expected in (None, schema(USERS)):
        trigger, hold, log = leftovers(live, {"_d1m_hold_1": 2, "_d1m_log_1": 1}, expected)
        assert "writes to users cost more" in trigger.message
        assert "drop it first" in trigger.message
        assert "an unfinished copy of users" in hold.message
        assert "no rows of other tables" in log.message
        assert all(problem.fix for problem in (trigger, hold, log))


def test_nothing_is_left() -> None:
    """Other objects are none of ours, whatever their names look like."""
    whole = schema(f"{USERS} CREATE TABLE d1m_hold (x); CREATE INDEX i_d1m_ ON users (id)")
    assert list(leftovers(whole, {}, None)) == []
    assert hold_tables(whole) == ()


def test_which_of_them_hold_rows() -> None:
    """All but the table of counts."""
    assert hold_tables(
        schema("CREATE TABLE _D1M_hold_a (x); CREATE TABLE _d1m_counts (n); CREATE TABLE a (x)")
    ) == ("_D1M_hold_a",)
