"""What a statement is and what it touches, by example."""

from __future__ import annotations

import pytest

from d1migrate.sql.create import parse_trigger
from d1migrate.sql.statement import (
    Alteration,
    Effect,
    Pragma,
    Shape,
    alteration_of,
    effects,
    first_row,
    insert_of,
    pragma_of,
    shape_of,
    target_of,
    trigger_effects,
)
from d1migrate.sql.tokens import significant

X = frozenset("x")


@pytest.mark.parametrize(
    ("sql", "found"),
    [
        ("DROP TABLE IF EXISTS main.[A b]", [Effect("drop", "a b")]),
        ("drop table a", [Effect("drop", "a")]),
        ("DELETE FROM a WHERE x", [Effect("delete", "a")]),
        ('WITH c AS (SELECT 1) DELETE FROM "A" WHERE x IN c', [Effect("delete", "a")]),
        ("REPLACE INTO a VALUES (1)", [Effect("delete", "a"), Effect("insert", "a", replaces=True)]),
        (
            "INSERT OR REPLACE INTO main.a VALUES (1)",
            [Effect("delete", "a"), Effect("insert", "a", replaces=True)],
        ),
        (
            "UPDATE OR REPLACE a SET x = 1",
            [Effect("delete", "a"), Effect("update", "a", sets=X, replaces=True)],
        ),
        ("DROP TRIGGER IF EXISTS main.T", [Effect("drop trigger", "t")]),
        ("UPDATE a SET x = replace(x, 1, 2)", [Effect("update", "a", sets=X)]),
        (
            'UPDATE a SET (x, [y z]) = (1, 2), "Q" = CASE WHEN 1 THEN 2 END FROM b WHERE c = 1',
            [Effect("update", "a", sets=frozenset(("x", "y z", "q")))],
        ),
        ("INSERT OR IGNORE INTO a VALUES (1)", [Effect("insert", "a")]),
        ("INSERT INTO a VALUES (1) ON CONFLICT DO UPDATE SET x = 1", [Effect("insert", "a", sets=X)]),
        (
            "INSERT INTO a SELECT 1 WHERE 1 ON CONFLICT (x) DO UPDATE SET x = 1 WHERE x ON CONFLICT DO UPDATE SET y = 2",
            [Effect("insert", "a", sets=X | {"y"})],
        ),
        ("INSERT INTO a (b, A) VALUES (1, 'Delete-ALL')", [Effect("insert", "a", command="delete-all")]),
        ('INSERT INTO a AS c (a) SELECT "optimize"', [Effect("insert", "a", command="optimize")]),
        ("INSERT INTO a (a) VALUES ('delete' || '-all')", [Effect("insert", "a", command="")]),
        ("INSERT INTO a (a) VALUES ('optimize'), ('delete-all')", [Effect("insert", "a", command="")]),
        ("INSERT INTO a (a, x) VALUES (NULL, 'delete-all')", [Effect("insert", "a")]),
        ("INSERT INTO a (x) VALUES ('delete-all')", [Effect("insert", "a")]),
        ("ALTER TABLE a DROP COLUMN b", [Effect("drop column", "a", sets=frozenset("b"))]),
        ("ALTER TABLE main.a DROP b", [Effect("drop column", "a", sets=frozenset("b"))]),
        ("ALTER TABLE a ADD COLUMN b", [Effect("alter", "a")]),
        ("ALTER TABLE a RENAME TO `B`", [Effect("rename", "a", "b")]),
        ("ALTER TABLE a RENAME COLUMN b TO c", [Effect("alter", "a")]),
        ("CREATE TABLE IF NOT EXISTS a (x)", [Effect("create", "a")]),
        ("CREATE VIRTUAL TABLE a USING fts5(x)", [Effect("create", "a")]),
        ("CREATE TRIGGER t AFTER INSERT ON a BEGIN DELETE FROM b; END", []),
        ("DROP INDEX i", []),
        ("SELECT replace(a, b, c) FROM t", []),
    ],
)
def test_effects(sql: str, found: list[Effect]) -> None:
    """What a statement does to which table."""
    assert effects(sql) == found


def test_effects_of_a_trigger() -> None:
    """Its name, table and event, and what its body does when it fires."""
    body = [Effect("update", "b", sets=X), Effect("delete", "c")]
    sql = "CREATE TRIGGER IF NOT EXISTS main.T AFTER UPDATE OF x ON A BEGIN UPDATE b SET x = 1; DELETE FROM c; END"
    trigger = parse_trigger(sql)
    assert trigger is not None
    assert (trigger.name, trigger.table, trigger.event, trigger.columns) == ("T", "A", "UPDATE", ("x",))
    assert trigger_effects(trigger) == body
    assert parse_trigger("CREATE TABLE trigger_on (begin_ INTEGER)") is None


@pytest.mark.parametrize(
    ("sql", "shape"),
    [
        ("CREATE TABLE IF NOT EXISTS main.[A b] (x)", Shape("create table", "a b", conditional=True, at=7)),
        ("CREATE TABLE if (x)", Shape("create table", "if", at=2)),
        ("CREATE TEMP TABLE t (x)", Shape("create table", "t", at=3)),
        ("CREATE UNIQUE INDEX i ON t (x)", Shape("create index", "i", at=3)),
        ("CREATE VIRTUAL TABLE f USING fts5 (x)", Shape("create virtual table", "f", at=3)),
        ("DROP VIEW IF EXISTS v", Shape("drop view", "v", conditional=True, at=4)),
        ("ALTER TABLE t ADD x", Shape("alter table", "t", at=2)),
        ("WITH c AS (SELECT 1) DELETE FROM t", Shape("delete", at=7)),
        ("WITH replace AS (SELECT 1) SELECT 1", Shape("select", at=7)),
        ("CREATE", Shape("create")),
        ("PRAGMA foreign_keys", Shape("pragma")),
        ("", Shape("")),
    ],
)
def test_shape(sql: str, shape: Shape) -> None:
    """What kind of statement it is, and which object it is about."""
    assert shape_of(significant(sql)) == shape


@pytest.mark.parametrize(
    ("sql", "table"),
    [
        ("INSERT OR IGNORE INTO main.[A b] VALUES (1)", "a b"),
        ("REPLACE INTO t SELECT 1", "t"),
        ("UPDATE OR ABORT t SET x = 1", "t"),
        ("WITH c AS (SELECT 1) UPDATE main.t SET x = 1", "t"),
        ("DELETE FROM T", "t"),
        ("SELECT * FROM t", ""),
        ("DROP TABLE t", ""),
        ("INSERT INTO", ""),
    ],
)
def test_target(sql: str, table: str) -> None:
    """The table whose rows a statement changes."""
    assert target_of(significant(sql)) == table


@pytest.mark.parametrize(
    ("sql", "alteration"),
    [
        ("RENAME TO [B c]", Alteration("rename", to="b c")),
        ("ADD COLUMN X TEXT", Alteration("add column", "x")),
        ("ADD x TEXT", Alteration("add column", "x")),
        ("DROP COLUMN x", Alteration("drop column", "x")),
        ("RENAME x TO y", Alteration("rename column", "x", "y")),
        ("RENAME COLUMN x TO y", Alteration("rename column", "x", "y")),
        ("ALTER COLUMN x SET NOT NULL", Alteration("alter column", "x")),
        ("ENABLE x", Alteration("other")),
    ],
)
def test_alteration(sql: str, alteration: Alteration) -> None:
    """What an ALTER TABLE does to which column."""
    assert alteration_of(significant(f"ALTER TABLE main.t {sql}")) == alteration


@pytest.mark.parametrize(
    ("sql", "table", "columns", "row"),
    [
        ("INSERT INTO t (a, [B c]) VALUES (1, f(2, 3)), (4, 5)", "t", ("a", "b c"), ["1", "f(2,3)"]),
        ("WITH c AS (SELECT 1) REPLACE INTO t AS u (a) SELECT 1", "t", ("a",), []),
        ("INSERT OR IGNORE INTO t VALUES (1) ON CONFLICT DO NOTHING", "t", (), ["1"]),
        ("INSERT INTO t DEFAULT VALUES", "t", (), []),
    ],
)
def test_insert(sql: str, table: str, columns: tuple[str, ...], row: list[str]) -> None:
    """Which columns an INSERT names, and the values of its first row."""
    insert = insert_of(significant(sql))
    assert insert is not None
    values = ["".join(token.text for token in value) for value in first_row(insert.source)]
    assert (insert.table, insert.columns, values) == (table, columns, row)


def test_other_statements_are_no_insert() -> None:
    """An UPDATE has no columns to insert into."""
    assert insert_of(significant("UPDATE t SET a = 1")) is None


@pytest.mark.parametrize(
    ("sql", "pragma", "is_on", "is_off"),
    [
        ("PRAGMA main.foreign_keys = ON", Pragma("foreign_keys", "on"), True, False),
        ("PRAGMA foreign_keys(0)", Pragma("foreign_keys", "0"), False, True),
        ("PRAGMA Foreign_Keys", Pragma("foreign_keys"), False, False),
        ("PRAGMA", Pragma(""), False, False),
    ],
)
def test_pragma(sql: str, pragma: Pragma, *, is_on: bool, is_off: bool) -> None:
    """Its name and value; one that is only read is neither on nor off."""
    found = pragma_of(significant(sql))
    assert (found, found.is_on, found.is_off) == (pragma, is_on, is_off)
