"""What `schema.cascade` follows, against what SQLite does to rows that the statement does not name."""

from __future__ import annotations

from typing import TYPE_CHECKING

import apsw
import pytest

from d1migrate.schema.cascade import Cascade, Event, columns_set, dependants, is_guard
from d1migrate.schema.catalog import Catalog
from d1migrate.sql.statement import effects
from tests.unit.schema.building import database, read

if TYPE_CHECKING:
    from d1migrate.schema.cascade import Consequence

Rows = dict[str, list[tuple["apsw.SQLiteValue", ...]]]


def build(sql: str) -> tuple[apsw.Connection, Catalog]:
    """A database with a row of 1s in every table, and its catalog."""
    connection = database(sql)
    found = read(connection)
    for option in (apsw.SQLITE_DBCONFIG_ENABLE_TRIGGER, apsw.SQLITE_DBCONFIG_ENABLE_FKEY):
        connection.config(option, 0)
    for table in found.tables:
        connection.execute(f"INSERT INTO {table.name} VALUES ({', '.join('1' for _ in table.columns)})")
    for option in (apsw.SQLITE_DBCONFIG_ENABLE_TRIGGER, apsw.SQLITE_DBCONFIG_ENABLE_FKEY):
        connection.config(option, 1)
    return connection, Catalog.of(found)


def rows(connection: apsw.Connection, catalog: Catalog) -> Rows:
    """The rows of every table that exists."""
    return {
        name: connection.execute(f"SELECT * FROM {name}").fetchall()
        for name in catalog.tables
        if connection.table_exists("main", name)
    }


def followed(catalog: Catalog, sql: str) -> list[Consequence]:
    """What follows from a statement."""
    cascade = Cascade(catalog)
    events = [event for effect in effects(sql) for event in cascade.events(effect)]
    return list(cascade.consequences(events))


P = "CREATE TABLE p (id INTEGER PRIMARY KEY, n);"


@pytest.mark.parametrize(
    ("schema", "sql", "deleted", "changed"),
    [
        # foreign keys, to any depth
        (
            P
            + "CREATE TABLE c (id INTEGER PRIMARY KEY REFERENCES p ON DELETE CASCADE);"
            + "CREATE TABLE d (id REFERENCES c ON DELETE CASCADE);"
            + "CREATE TABLE e (x REFERENCES c ON DELETE SET NULL)",
            "DELETE FROM p", {"c", "d"}, {"e": {"x"}},
        ),
        (P + "CREATE TABLE c (id REFERENCES p ON DELETE CASCADE)", "DROP TABLE p", {"c"}, {}),
        # a NULL that is set is passed on
        (
            P
            + "CREATE TABLE c (x INTEGER UNIQUE REFERENCES p ON DELETE SET NULL);"
            + "CREATE TABLE d (x REFERENCES c (x) ON UPDATE CASCADE)",
            "DROP TABLE p", set(), {"c": {"x"}, "d": {"x"}},
        ),
        # only a change of the key is passed on
        (P + "CREATE TABLE c (x REFERENCES p ON UPDATE CASCADE)", "UPDATE p SET id = 2", set(), {"c": {"x"}}),
        (P + "CREATE TABLE c (x REFERENCES p ON UPDATE CASCADE)", "UPDATE p SET n = 2", set(), {}),
        # triggers, and the foreign keys after them
        (
            P
            + "CREATE TABLE a (id INTEGER PRIMARY KEY);"
            + "CREATE TABLE c (x REFERENCES a ON DELETE CASCADE);"
            + "CREATE TABLE d (x);"
            + "CREATE TRIGGER t AFTER DELETE ON p BEGIN DELETE FROM a; END;"
            + "CREATE TRIGGER u AFTER DELETE ON c BEGIN UPDATE d SET x = 2; END",
            "DELETE FROM p", {"a", "c"}, {"d": {"x"}},
        ),
        # DROP TABLE fires no trigger of the table, but those of its children
        (
            P
            + "CREATE TABLE c (x REFERENCES p ON DELETE CASCADE);"
            + "CREATE TABLE d (x); CREATE TABLE e (x);"
            + "CREATE TRIGGER t AFTER DELETE ON p BEGIN DELETE FROM d; END;"
            + "CREATE TRIGGER u AFTER DELETE ON c BEGIN DELETE FROM e; END",
            "DROP TABLE p", {"c", "e"}, {},
        ),
        # UPDATE OF: only if a column is set, by the statement or by a foreign key, also to the value it has
        (
            P + "CREATE TABLE d (x); CREATE TRIGGER t AFTER UPDATE OF id ON p BEGIN DELETE FROM d; END",
            "UPDATE p SET n = 2", set(), {},
        ),
        (
            P + "CREATE TABLE d (x); CREATE TRIGGER t AFTER UPDATE OF n ON p BEGIN DELETE FROM d; END",
            "UPDATE p SET n = 2", {"d"}, {},
        ),
        # REPLACE also holds for what triggers write
        (
            P
            + "CREATE TABLE a (id INTEGER PRIMARY KEY, n);"
            + "CREATE TABLE c (x REFERENCES a ON DELETE CASCADE);"
            + "CREATE TRIGGER t AFTER INSERT ON p BEGIN INSERT INTO a VALUES (1, 1); END",
            "INSERT OR REPLACE INTO p VALUES (5, 5)", {"c"}, {},
        ),
        # a constraint's own REPLACE
        (
            P.replace("n)", "n UNIQUE ON CONFLICT REPLACE)") + "CREATE TABLE c (x REFERENCES p ON DELETE CASCADE)",
            "INSERT INTO p VALUES (2, 1)", {"c"}, {},
        ),
        # a trigger on a view
        (
            P + "CREATE VIEW v AS SELECT id FROM p; CREATE TABLE d (x);"
            + "CREATE TRIGGER t INSTEAD OF DELETE ON v BEGIN DELETE FROM d; END",
            "DELETE FROM v", {"d"}, {},
        ),
    ],
)  # fmt: skip
def test_as_sqlite_does(schema: str, sql: str, deleted: set[str], changed: dict[str, set[str]]) -> None:
    """Every table that loses rows, and every column that changes, follows."""
    connection, catalog = build(schema)
    before, found = rows(connection, catalog), followed(catalog, sql)
    connection.execute(sql)
    after = rows(connection, catalog)
    named = {effect.table for effect in effects(sql)}
    assert {name for name in after.keys() - named if len(after[name]) < len(before[name])} == deleted
    altered = {n for n in after.keys() - named - deleted if after[n] != before[n] and len(after[n]) == 1}
    assert altered == changed.keys()
    replaced = {each.event.table for each in found if each.event.replaces}
    may_lose = {each.event.table for each in found if each.event.kind == "delete"}
    assert deleted <= may_lose <= deleted | named | replaced
    assert {name: columns for name, columns in columns_set(found).items() if name not in named} == changed


SQL = """
CREATE TABLE a (id INTEGER PRIMARY KEY, code UNIQUE);
CREATE TABLE b (id INTEGER PRIMARY KEY, a_id REFERENCES a ON DELETE CASCADE);
CREATE TABLE c (b_id REFERENCES b(id) ON DELETE CASCADE);
CREATE TABLE d (a_id REFERENCES A(ID) ON DELETE SET NULL);
CREATE TABLE e (a_code PRIMARY KEY REFERENCES a(code) ON UPDATE CASCADE);
CREATE TABLE f (e_code REFERENCES e ON UPDATE CASCADE);
CREATE TABLE g (id INTEGER PRIMARY KEY, up REFERENCES g ON DELETE CASCADE);
CREATE TABLE h (a_id REFERENCES a);
"""


def test_foreign_keys() -> None:
    """Rows that are deleted with those of another table, and values that are cleared or follow."""
    _, catalog = build(SQL)
    deleted = {table: [each.event for each in followed(catalog, f"DELETE FROM {table}")] for table in "acg"}
    assert deleted["a"] == [
        Event("delete", "b"),
        Event("update", "d", frozenset({"a_id"})),
        Event("delete", "c"),
    ]
    assert deleted["c"] == []
    assert deleted["g"] == [Event("delete", "g")]
    assert columns_set(followed(catalog, "UPDATE a SET code = 2")) == {"e": {"a_code"}, "f": {"e_code"}}
    assert followed(catalog, "UPDATE a SET id = 2") == []


def test_why_it_follows() -> None:
    """A consequence has its cause, the foreign key with its action, or the trigger that acted on the way."""
    _, catalog = build(
        P
        + "CREATE TABLE a (id INTEGER PRIMARY KEY); CREATE TABLE c (x REFERENCES a ON DELETE SET NULL);"
        + "CREATE TRIGGER t AFTER UPDATE ON p BEGIN DELETE FROM a; END"
    )
    first, second = followed(catalog, "UPDATE p SET n = 2")
    assert (first.event, first.cause.table, first.action) == (Event("delete", "a"), "p", "")
    assert (second.event.table, second.cause, second.action) == ("c", first.event, "SET NULL")
    assert first.trigger is second.trigger is catalog.tables["p"].triggers[0]


def test_stop_leaves_out_what_would_follow() -> None:
    """What is stopped passes nothing on."""
    _, catalog = build(
        P
        + "CREATE TABLE c (id INTEGER PRIMARY KEY REFERENCES p ON DELETE CASCADE);"
        + "CREATE TABLE d (x REFERENCES c ON DELETE CASCADE)"
    )
    found = Cascade(catalog).consequences([Event("delete", "p")], stop=lambda each: each.event.table == "c")
    assert list(found) == []


def test_a_renamed_column_may_be_any() -> None:
    """A table whose columns have other names by now may change in any of them."""
    _, catalog = build(P + "CREATE TABLE c (x REFERENCES p ON UPDATE CASCADE)")
    (effect,) = effects("UPDATE p SET key = 2")
    assert not list(Cascade(catalog).consequences(Cascade(catalog).events(effect)))
    renamed = Cascade(catalog, renamed={"p"})
    assert [each.event.table for each in renamed.consequences(renamed.events(effect))] == ["c"]


def test_dependants_whatever_the_action() -> None:
    """Tables that reference a table, directly or through others."""
    _, catalog = build(
        P + "CREATE TABLE c (id INTEGER PRIMARY KEY REFERENCES p); CREATE TABLE d (x REFERENCES c)"
    )
    assert dependants(catalog, ["p"]) == ["p", "c", "d"]


@pytest.mark.parametrize(
    ("trigger", "guards"),
    [
        ("BEFORE DELETE ON p BEGIN SELECT RAISE(IGNORE); END", True),
        ("UPDATE OF n ON p BEGIN SELECT raise(ignore); END", True),
        ("AFTER DELETE ON p BEGIN SELECT RAISE(IGNORE); END", False),
        ("BEFORE DELETE ON p WHEN old.n BEGIN SELECT RAISE(IGNORE); END", False),
        ("BEFORE DELETE ON p BEGIN SELECT RAISE(ABORT, 'no'); END", False),
        ("BEFORE DELETE ON p BEGIN SELECT 1; SELECT RAISE(IGNORE); END", False),
    ],
)
def test_guards(trigger: str, *, guards: bool) -> None:
    """A guard leaves every row alone, whatever it holds."""
    _, catalog = build(P + f"CREATE TRIGGER t {trigger}")
    assert is_guard(catalog.tables["p"].triggers[0]) == guards
