"""What a statement is and what it touches, by example."""

from __future__ import annotations

import pytest

from d1migrate.sql.create import parse_trigger
from d1migrate.sql.statement import Effect, effects, trigger_effects

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
        ("ALTER TABLE a DROP COLUMN b", [Effect("drop column", "a")]),
        ("ALTER TABLE main.a DROP b", [Effect("drop column", "a")]),
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
